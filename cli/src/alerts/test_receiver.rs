//! `labtrail alerts test-receiver`: whether a notification arrives.

use std::{path::PathBuf, process::ExitCode};

use anyhow::{Context as _, bail};
use clap::Args;
use jiff::Timestamp;
use labtrail_collector::notify::{Outcome, Receiver, ReceiverSection};
use labtrail_shared::{
    event_id, settings,
    telemetry::{LogFormat, start_logging},
};
use serde::Deserialize;

/// The arguments of `labtrail alerts test-receiver`.
#[derive(Debug, Args)]
pub(crate) struct TestReceiver {
    /// A file with receivers (TOML, `[[receivers]]`).
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Which of them [default: the only one].
    #[arg(value_name = "RECEIVER")]
    name: Option<String>,
}

/// Of the file only this is of interest here; the collector checks the rest.
#[derive(Debug, Deserialize)]
struct ReceiverFile {
    receivers: Vec<ReceiverSection>,
}

impl TestReceiver {
    /// Sends a notification, and says what became of it.
    pub(crate) fn run(self) -> ExitCode {
        start_logging("info", LogFormat::Text);
        match self.send() {
            Ok((name, Outcome::Sent(delivery))) => {
                println!("sent to {name}: look whether it is there");
                for refused in &delivery.refused {
                    eprintln!("labtrail: {} does not get it: {}", refused.address, refused.reason);
                }
                if let Some(problem) = &delivery.template_problem {
                    eprintln!("labtrail: a plain text was sent, as the template failed: {problem}");
                }
                let is_whole = delivery.refused.is_empty() && delivery.template_problem.is_none();
                if is_whole { ExitCode::SUCCESS } else { ExitCode::FAILURE }
            }
            Ok((name, Outcome::Failed(failure))) => {
                eprintln!("labtrail: {name} cannot be told: {}", failure.reason);
                ExitCode::FAILURE
            }
            Err(error) => {
                eprintln!("labtrail: {error:#}");
                ExitCode::from(2)
            }
        }
    }

    fn send(&self) -> anyhow::Result<(String, Outcome)> {
        let file: ReceiverFile = settings::load(&self.file)?;
        let known: Vec<&str> = file.receivers.iter().map(|section| section.name.as_str()).collect();
        let section = match &self.name {
            Some(name) => file.receivers.iter().find(|section| section.name == *name),
            None if known.len() == 1 => file.receivers.first(),
            None => bail!("name one of the receivers in {}: {}", self.file.display(), known.join(", ")),
        };
        let section = section.with_context(|| {
            format!("there is no such receiver in {}: it has {}", self.file.display(), known.join(", "))
        })?;
        let receiver = Receiver::open(section)?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let outcome = runtime.block_on(async {
            let trial = receiver.trial(&event_id::mint(), Timestamp::now(), None);
            let outcome = receiver.send(&trial, None).await;
            receiver.close().await;
            outcome
        });
        Ok((section.name.clone(), outcome))
    }
}
