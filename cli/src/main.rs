//! `labtrail`: everything on one machine in one command.

mod alerts;
mod audit;
mod bar;
mod client;
mod dead_letter;
mod demo;
mod import;
mod progress;
mod up;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Events are built of many small pieces on several threads: this allocator takes half the time for them, and gives
/// memory back.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Brings the logs of every machine in a laboratory to one place, loses none of them, and shows them in one page.
#[derive(Debug, Parser)]
#[command(version, after_help = EXAMPLES)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

const EXAMPLES: &str = "\
Examples:
  labtrail demo                               see it move, without logs of your own
  labtrail up /var/log/instrument             follow a folder, search it at http://127.0.0.1:8001/
  labtrail up --from end 'runs/*/RUN.LOG'     only what is written from now on
  labtrail up --date-order mdy export.log     read 08/03/2026 as the 3rd of August

For several machines: run labtrail-collector on one of them and labtrail-agent on each. Then, for those who run them:
  labtrail dead-letter list --to http://collector:8001    what could not be stored, and why
  labtrail import madsci mongodb://localhost/madsci_events --to sqlite:events.sqlite     copy what MADSci has stored
  labtrail audit --config collector.toml                  is every record in Kafka accounted for?";

#[derive(Debug, Subcommand)]
enum Command {
    /// Follows log files and serves a page to search them: collector and agent in one process.
    Up(up::Up),
    /// Writes logs as instruments do, and opens the same page on them.
    Demo(demo::Demo),
    /// Lists, shows, replays and discards what a collector could not store.
    DeadLetter(dead_letter::DeadLetter),
    /// Copies events from a database of MADSci's, or from a backup.
    Import(import::Import),
    /// Tries alert rules before anybody trusts them.
    Alerts(alerts::Alerts),
    /// Reads a topic of Kafka again and shows that every event in it is stored or a dead letter.
    Audit(audit::Audit),
}

fn main() -> ExitCode {
    let result = match Arguments::parse().command {
        Command::Up(up) => up.run(),
        Command::Demo(demo) => demo.run(),
        Command::DeadLetter(dead_letter) => return dead_letter.run(),
        Command::Import(import) => return import.run(),
        Command::Alerts(alerts) => return alerts.run(),
        Command::Audit(audit) => return audit.run(),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("labtrail: {error:#}");
            ExitCode::FAILURE
        }
    }
}
