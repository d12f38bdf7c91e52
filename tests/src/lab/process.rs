//! One process: started, asked, ended. It ends at the latest with its handle.

use std::{
    fs::{self, OpenOptions},
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
};

use rustix::process::{Pid, Signal, kill_process};

use super::wait::wait_until;

/// So much of a log is shown when a test fails.
const LINES_SHOWN: usize = 60;

/// A running process whose output goes to files.
#[derive(Debug)]
pub struct Process {
    name: String,
    child: Child,
    log: PathBuf,
}

impl Process {
    /// Starts a program. Its standard error goes to `NAME.log` in `folder`, standard output to `NAME.out`; a later
    /// process of the same name goes on in the same files.
    pub fn start(name: &str, mut command: Command, folder: &Path) -> Self {
        fs::create_dir_all(folder).expect("folders can be made");
        let open = |path: &Path| OpenOptions::new().create(true).append(true).open(path).expect("a log can be opened");
        let log = folder.join(format!("{name}.log"));
        let output = open(&folder.join(format!("{name}.out")));
        // The zone of the machine that tests run on must not matter.
        command.env("TZ", "UTC").env_remove("LABTRAIL_LOG");
        let child = command.stdin(Stdio::null()).stdout(output).stderr(open(&log)).spawn();
        let child = child.unwrap_or_else(|error| panic!("start {name} ({command:?}): {error}"));
        Self { name: name.to_owned(), child, log }
    }

    /// Ends it as a power failure would.
    pub fn kill(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// Asks it to end, as Ctrl-C does, and waits until it has.
    pub fn interrupt(&mut self) -> ExitStatus {
        kill_process(self.pid(), Signal::INT).expect("a child that was not waited for can be signalled");
        wait_until(&format!("{} ends after Ctrl-C", self.name), || self.ended())
    }

    /// Asks it to end, as a service manager does, and waits until it has.
    pub fn terminate(&mut self) -> ExitStatus {
        kill_process(self.pid(), Signal::TERM).expect("a child that was not waited for can be signalled");
        wait_until(&format!("{} ends after being asked to", self.name), || self.ended())
    }

    /// Stops it where it stands, as a machine does that is out of memory or was put to sleep.
    pub fn pause(&self) {
        kill_process(self.pid(), Signal::STOP).expect("a child that was not waited for can be signalled");
    }

    /// Lets it go on after [`Self::pause`].
    pub fn resume(&self) {
        kill_process(self.pid(), Signal::CONT).expect("a child that was not waited for can be signalled");
    }

    /// Its number.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// How it ended, if it has.
    pub fn ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().expect("a child can be waited for")
    }

    /// What it wrote to standard error.
    pub fn log(&self) -> String {
        read_lossy(&self.log)
    }

    /// What it wrote to standard output.
    pub fn output(&self) -> String {
        read_lossy(&self.log.with_extension("out"))
    }

    /// The most memory that it has used so far, in bytes.
    pub fn memory_peak(&self) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id())).expect("a process has a status");
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("a living process has memory");
        line.trim().trim_end_matches(" kB").parse::<u64>().expect("a number of kB") * 1024
    }

    /// Whether it has a file open.
    pub fn has_open(&self, path: &Path) -> bool {
        let handles = fs::read_dir(format!("/proc/{}/fd", self.child.id())).into_iter().flatten().flatten();
        handles.filter_map(|handle| fs::read_link(handle.path()).ok()).any(|open| open == path)
    }

    fn pid(&self) -> Pid {
        Pid::from_child(&self.child)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
        if std::thread::panicking() {
            show_end(&self.log);
        }
    }
}

/// Shows the last lines of a log to whoever looks for the reason of a failure.
pub(super) fn show_end(log: &Path) {
    eprintln!("{}", end_of(log));
}

/// The last lines of a log, under its name.
pub(super) fn end_of(log: &Path) -> String {
    let text = read_lossy(log);
    let lines: Vec<&str> = text.lines().collect();
    format!("--- last lines of {}:\n{}", log.display(), lines[lines.len().saturating_sub(LINES_SHOWN)..].join("\n"))
}

fn read_lossy(path: &Path) -> String {
    String::from_utf8_lossy(&fs::read(path).unwrap_or_default()).into_owned()
}
