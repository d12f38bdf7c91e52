//! The receiver `command`: a program of one's own, which reads the notification as JSON.

mod group;
mod tail;
#[cfg(test)]
mod tests;

use std::{
    convert::Infallible,
    ffi::OsString,
    io,
    process::{ExitStatus, Stdio},
    time::Duration,
};

use labtrail_shared::settings::Period;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;
use tokio::{
    io::{AsyncRead, AsyncWriteExt as _},
    process::{Child, Command},
};

use self::{group::Group, tail::Tail};
use super::outcome::{Delivery, Failure};

/// What a program may have left running that still holds its output is not waited for.
const OUTPUT_GRACE: Duration = Duration::from_millis(500);
/// `EX_DATAERR` and `EX_CONFIG` of sysexits.h.
const EXIT_DATA: i32 = 65;
const EXIT_CONFIG: i32 = 78;

/// What to run.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct CommandSection {
    /// The program and its arguments, each for itself. No shell reads them. The notification comes as JSON on standard
    /// input, as webhooks get it. Exit status 0 says that it was taken, 65 that it never will be, 78 that the program's
    /// configuration must be mended; anything else is tried again.
    pub argv: Vec<String>,
    /// How long the program may run. Then it is killed with everything it started, and tried again. Default 30s.
    pub timeout: Period,
}

/// Runs the program, once per notification.
#[derive(Debug)]
pub(crate) struct CommandSender {
    program: OsString,
    arguments: Vec<String>,
    timeout: Duration,
}

impl CommandSender {
    /// The program is looked for when it is run, so that it may be installed later.
    pub(crate) fn open(section: &CommandSection) -> Self {
        let (program, arguments) = section.argv.split_first().expect("argv was checked when it was read");
        Self { program: program.into(), arguments: arguments.to_vec(), timeout: section.timeout.0 }
    }

    /// Runs the program on a notification.
    pub(crate) async fn send(&self, payload: &Value) -> Result<Delivery, Failure> {
        let mut child = self.spawn()?;
        let group = Group::led_by(&child);
        let (mut output, mut errors) = (Tail::new(child.stdout.take()), Tail::new(child.stderr.take()));
        let input = payload.to_string();
        let run = async {
            let read = async {
                tokio::join!(output.read(), errors.read());
                std::future::pending::<Infallible>().await
            };
            tokio::select! {
                status = finish(&mut child, input) => status,
                never = read => match never {},
            }
        };
        let ended = tokio::time::timeout(self.timeout, run).await;
        let Ok(status) = ended else {
            group.kill();
            // The killed program is waited for by the runtime.
            let reason = format!("{} did not end within {:?} and was killed", self.name(), self.timeout);
            return Err(Failure::temporary(with_tail(&reason, &output, &errors)).after_handing_over());
        };
        group.release();
        let rest = async { tokio::join!(output.read(), errors.read()) };
        let _ = tokio::time::timeout(OUTPUT_GRACE, rest).await;
        let status =
            status.map_err(|error| Failure::temporary(format!("{} cannot be waited for: {error}", self.name())))?;
        if status.success() {
            return Ok(Delivery::default());
        }
        let reason = with_tail(&format!("{} ended with {}", self.name(), exit(status)), &output, &errors);
        Err(match status.code() {
            Some(EXIT_DATA) => Failure::permanent(reason),
            Some(EXIT_CONFIG) => Failure::broken(reason),
            _ => Failure::temporary(reason),
        })
    }

    fn spawn(&self) -> Result<Child, Failure> {
        let mut command = Command::new(&self.program);
        command.args(&self.arguments).process_group(0).kill_on_drop(true);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command.spawn().map_err(|error| {
            let reason = format!("{} cannot be started: {error}", self.name());
            match error.kind() {
                io::ErrorKind::NotFound | io::ErrorKind::PermissionDenied => {
                    Failure::broken(format!("{reason}; check argv, and write the program's whole path"))
                }
                _ => Failure::temporary(reason),
            }
        })
    }

    /// The program alone: arguments may be secrets.
    fn name(&self) -> String {
        format!("the command {}", self.program.display())
    }
}

/// Gives the program its input and waits for its end. One that does not read it may be content all the same.
async fn finish(child: &mut Child, input: String) -> io::Result<ExitStatus> {
    let stdin = child.stdin.take();
    let write = async {
        if let Some(mut stdin) = stdin {
            let _ = stdin.write_all(input.as_bytes()).await;
            let _ = stdin.shutdown().await;
        }
    };
    let mut write = std::pin::pin!(write);
    tokio::select! {
        status = child.wait() => status,
        () = &mut write => child.wait().await,
    }
}

fn with_tail<A: AsyncRead + Unpin, B: AsyncRead + Unpin>(reason: &str, output: &Tail<A>, errors: &Tail<B>) -> String {
    match [errors.text(), output.text()].into_iter().find(|text| !text.is_empty()) {
        Some(tail) => format!("{reason}; its last words: {tail}"),
        None => reason.to_owned(),
    }
}

fn exit(status: ExitStatus) -> String {
    use std::os::unix::process::ExitStatusExt as _;
    match (status.code(), status.signal()) {
        (Some(code), _) => format!("exit status {code}"),
        (None, Some(signal)) => format!("signal {signal}"),
        (None, None) => "an unknown status".to_owned(),
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    argv: Vec<String>,
    timeout: Option<Period>,
}

impl<'de> Deserialize<'de> for CommandSection {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let written = Written::deserialize(deserializer)?;
        if written.argv.first().is_none_or(String::is_empty) {
            return Err(serde::de::Error::custom(
                "argv is empty: write the program and its arguments as a list of texts",
            ));
        }
        if written.argv.iter().any(|argument| argument.contains('\0')) {
            return Err(serde::de::Error::custom("argv has a NUL character, which no program can be given: remove it"));
        }
        Ok(Self { argv: written.argv, timeout: written.timeout.unwrap_or(Period::secs(30)) })
    }
}
