//! `labtrail`: everything on one machine in one command.

mod demo;
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

For several machines: run labtrail-collector on one of them and labtrail-agent on each.";

#[derive(Debug, Subcommand)]
enum Command {
    /// Follows log files and serves a page to search them: collector and agent in one process.
    Up(up::Up),
    /// Writes logs as instruments do, and opens the same page on them.
    Demo(demo::Demo),
}

fn main() -> ExitCode {
    let result = match Arguments::parse().command {
        Command::Up(up) => up.run(),
        Command::Demo(demo) => demo.run(),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("labtrail: {error:#}");
            ExitCode::FAILURE
        }
    }
}
