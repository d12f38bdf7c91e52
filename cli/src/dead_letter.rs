//! `labtrail dead-letter`: what a collector could not store, asked of the collector itself.

mod client;
mod letter;

use std::{io::Write as _, process::ExitCode};

use anyhow::bail;
use clap::{Args, Subcommand};
use labtrail_shared::table::table;

use self::{client::Letters, letter::Letter};
use crate::client::{Answered, CollectorUrl};

const EXAMPLES: &str = "\
Examples:
  labtrail dead-letter list --to http://collector:8001
      The latest, one a line: number, reason, where it came from.
  labtrail dead-letter show 17
      Why number 17 is one, and what was sent. With --raw only what was sent, byte for byte.
  labtrail dead-letter replay --all --reason not_an_event
      Take all of that reason once more, after what was wrong is mended. What is stored then is removed from the list.
  labtrail dead-letter discard 17 18
      Throw away two of them, for good.

Exit code 0: done. 1: some letters stay, or were not there. 2: nothing could be done.";

/// The arguments of `labtrail dead-letter`.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct DeadLetter {
    /// The collector to ask.
    #[arg(long, global = true, value_name = "URL", default_value = "http://localhost:8001")]
    to: CollectorUrl,
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Lists them, the latest first.
    List {
        /// Only those of this reason, such as `not_json`.
        #[arg(long)]
        reason: Option<String>,
        /// At most so many.
        #[arg(long, value_name = "N", default_value_t = 100, value_parser = clap::value_parser!(u64).range(1..))]
        limit: u64,
        /// One JSON object a line, with what was sent.
        #[arg(long)]
        json: bool,
    },
    /// Shows one: why it is one, and what was sent.
    Show {
        /// Its number, as listed.
        seq: i64,
        /// Write what was sent to standard output, byte for byte, and nothing else.
        #[arg(long)]
        raw: bool,
    },
    /// Takes them once more; those that are stored then are removed from the list, the others stay.
    Replay {
        #[command(flatten)]
        chosen: Chosen,
    },
    /// Throws them away, for good.
    Discard {
        #[command(flatten)]
        chosen: Chosen,
        /// Do it: without this, --all only says how many there are.
        #[arg(long)]
        yes: bool,
    },
}

/// Which letters.
#[derive(Debug, Args)]
struct Chosen {
    /// Their numbers, as listed.
    #[arg(required_unless_present = "all", conflicts_with = "all")]
    seq: Vec<i64>,
    /// All of them.
    #[arg(long)]
    all: bool,
    /// With --all: only those of this reason.
    #[arg(long, requires = "all")]
    reason: Option<String>,
}

impl Chosen {
    /// Their numbers, the oldest first: a letter may depend on what came before it.
    async fn numbers(&self, client: &Letters) -> anyhow::Result<Vec<i64>> {
        if !self.all {
            return Ok(self.seq.clone());
        }
        let mut numbers = Vec::new();
        client.list(self.reason.as_deref(), u64::MAX, Some(0), |letter, _| numbers.push(letter.seq)).await?;
        numbers.reverse();
        Ok(numbers)
    }
}

impl DeadLetter {
    /// Does what is asked.
    pub(crate) fn run(self) -> ExitCode {
        self.act().unwrap_or_else(|error| {
            eprintln!("labtrail: {error:#}");
            ExitCode::from(2)
        })
    }

    #[tokio::main(flavor = "current_thread")]
    async fn act(self) -> anyhow::Result<ExitCode> {
        let client = Letters::new(self.to)?;
        match self.action {
            Action::List { reason, limit, json } => list(&client, reason.as_deref(), limit, json).await,
            Action::Show { seq, raw } => show(&client, seq, raw).await,
            Action::Replay { chosen } => {
                let numbers = chosen.numbers(&client).await?;
                each(&numbers, "replayed", async |seq| client.replay(seq).await).await
            }
            Action::Discard { chosen, yes } => {
                let numbers = chosen.numbers(&client).await?;
                if chosen.all && !yes && !numbers.is_empty() {
                    bail!("this would throw away for good: {} of them; say --yes to do it", numbers.len());
                }
                each(&numbers, "discarded", async |seq| client.discard(seq).await).await
            }
        }
    }
}

async fn list(client: &Letters, reason: Option<&str>, limit: u64, json: bool) -> anyhow::Result<ExitCode> {
    let mut rows = vec![Letter::titles()];
    let mut out = std::io::stdout().lock();
    let mut written = Ok(());
    let bytes_max = if json { None } else { Some(0) };
    let is_more = client
        .list(reason, limit, bytes_max, |letter, text| {
            if !json {
                rows.push(letter.row());
            } else if written.is_ok() {
                written = writeln!(out, "{text}");
            }
        })
        .await?;
    if json {
        return finish(written);
    }
    if rows.len() == 1 {
        eprintln!(
            "There are no dead letters{}.",
            reason.map(|reason| format!(" of the reason {reason}")).unwrap_or_default()
        );
        return Ok(ExitCode::SUCCESS);
    }
    let written = write!(out, "{}", table(&rows));
    if is_more {
        eprintln!("There are more: --limit shows more of them, --reason fewer.");
    }
    finish(written)
}

async fn show(client: &Letters, seq: i64, raw: bool) -> anyhow::Result<ExitCode> {
    let letter = match client.get(seq).await? {
        Answered::Done(letter) => letter,
        Answered::Refused(detail) => {
            eprintln!("labtrail: {detail}");
            return Ok(ExitCode::FAILURE);
        }
    };
    let mut out = std::io::stdout().lock();
    if raw {
        return finish(out.write_all(&letter.bytes()?).and_then(|()| out.flush()));
    }
    finish(write!(out, "{}", letter.text()?))
}

/// Does something to each letter and tells what became of it; those that stay are told on standard error.
async fn each(
    numbers: &[i64],
    done: &str,
    mut act: impl AsyncFnMut(i64) -> anyhow::Result<Answered<String>>,
) -> anyhow::Result<ExitCode> {
    let mut stayed = 0;
    for seq in numbers {
        match act(*seq).await? {
            Answered::Done(what) => println!("{seq}  {done}{what}"),
            Answered::Refused(detail) => {
                stayed += 1;
                eprintln!("{seq}  not {done}: {detail}");
            }
        }
    }
    if numbers.len() != 1 {
        eprintln!("{} {done}, {stayed} not", numbers.len() - stayed);
    }
    Ok(if stayed > 0 { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

/// Whoever reads may have seen enough: that is no error.
fn finish(written: std::io::Result<()>) -> anyhow::Result<ExitCode> {
    match written {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => Err(error.into()),
        _ => Ok(ExitCode::SUCCESS),
    }
}
