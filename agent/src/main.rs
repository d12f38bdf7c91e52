//! `labtrail-agent`: follows log files, receives what programs send, and ships it all to a collector.

use std::{
    path::{Path, PathBuf},
    process::ExitCode,
};

use anyhow::Context;
use clap::{Args, Parser, Subcommand};
use labtrail_agent::{
    DateOrder, Destination,
    config::{Config, ConfigError, FilesSection, From},
    inspect,
    program::{self, Settings},
};

/// Follows log files and receives what other programs send, and ships it to a Labtrail collector. Nothing is lost: what the
/// collector has not acknowledged is sent again, also after a crash, and is stored only once.
#[derive(Debug, Parser)]
#[command(version, args_conflicts_with_subcommands = true, after_help = EXAMPLES)]
struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    run: Run,
}

const EXAMPLES: &str = "\
Examples:
  Try it, with a collector on this machine:
    labtrail-agent --to http://localhost:8001 /var/log/instrument
  Only what is written from now on:
    labtrail-agent --to http://lab-server:8001 --from end 'C:/Logs/*.log'
  Through Kafka:
    labtrail-agent --to kafka://kafka1:9092,kafka2:9092 /var/log/instrument
  What would it make of this file, and what should the config say?
    labtrail-agent detect RUN.LOG
  As a service:
    labtrail-agent check-config /etc/labtrail/agent.toml
    labtrail-agent --config /etc/labtrail/agent.toml
  How far is the running agent?
    labtrail-agent status --data-dir /var/lib/labtrail/agent";

#[derive(Debug, Subcommand)]
enum Command {
    /// Reads a config file, prints the effective settings, or what is wrong with it.
    CheckConfig {
        /// The config file.
        file: PathBuf,
    },
    /// Lists the ready-made instruments; with a name, shows that one as a section to paste into a config.
    Presets {
        /// The instrument.
        name: Option<String>,
    },
    /// Looks at files and proposes a config: encoding, records, times, levels, each with its evidence, and the first
    /// events it would make.
    Detect {
        /// The files.
        #[arg(required = true, value_name = "FILE")]
        files: Vec<PathBuf>,
        /// Only the config, for a file: `labtrail-agent detect --config-only RUN.LOG >> agent.toml`.
        #[arg(long)]
        config_only: bool,
    },
    /// Runs files through a config and prints the events as JSON, one a line. Nothing is sent and nothing is remembered.
    TestConfig {
        /// The config file.
        config: PathBuf,
        /// The files; default: those that the config means.
        #[arg(value_name = "FILE")]
        files: Vec<PathBuf>,
        /// At most so many events of each file.
        #[arg(long, short = 'n', value_name = "COUNT")]
        number: Option<usize>,
        /// Only count: records, first and last time, levels, and what none of the parsers could read.
        #[arg(long)]
        summary: bool,
    },
    /// Says which input would take a file, from which place, or why none would.
    Explain {
        /// The config file.
        #[arg(long, value_name = "FILE")]
        config: PathBuf,
        /// The file in question.
        file: PathBuf,
    },
    /// Asks the running agent how far each file is: read, delivered, behind, and its last error.
    Status {
        /// The config file of the agent.
        #[arg(long, value_name = "FILE", conflicts_with_all = ["data_dir", "address"])]
        config: Option<PathBuf>,
        /// The folder where the agent remembers how far it read.
        #[arg(long, value_name = "DIR", default_value = "labtrail-agent-data", conflicts_with = "address")]
        data_dir: PathBuf,
        /// Where it serves its status (`status.listen`), such as `hplc-pc:9464`.
        #[arg(long, value_name = "HOST:PORT")]
        address: Option<String>,
        /// Print the answer as JSON.
        #[arg(long)]
        json: bool,
    },
}

#[derive(Debug, Clone, Args)]
struct Run {
    /// Config file (TOML); the flags below win over it. It is read again when it changes, and on SIGHUP.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Where to send: a collector, such as `http://lab-server:8001`, or Kafka, such as `kafka://kafka1:9092/TOPIC`
    /// (without a topic: `labtrail.events`).
    #[arg(long, value_name = "URL")]
    to: Option<Destination>,
    /// Folder where the agent remembers how far it read. One agent per folder. Default: `labtrail-agent-data`.
    #[arg(long, value_name = "DIR")]
    data_dir: Option<PathBuf>,
    /// Where to begin with files that exist already: start or end.
    #[arg(long, value_name = "start|end", default_value = "start")]
    from: From,
    /// Whether 03/04/2026 is the 4th of March (mdy) or the 3rd of April (dmy); without it such dates are not read.
    #[arg(long, value_name = "mdy|dmy")]
    date_order: Option<DateOrder>,
    /// Serve `/health`, `/status` and `/metrics` there, such as `127.0.0.1:9464`.
    #[arg(long, value_name = "ADDR")]
    status_listen: Option<std::net::SocketAddr>,
    /// Files, folders (all files below them) or globs.
    #[arg(value_name = "PATH")]
    paths: Vec<String>,
}

impl Run {
    fn config(&self) -> Result<Config, ConfigError> {
        let files = FilesSection::of_paths(&self.paths, self.from, self.date_order)?;
        let files = if self.paths.is_empty() { Vec::new() } else { vec![files] };
        let mut config = match &self.config {
            Some(file) => Config::load(file)?,
            None => Config::quick("labtrail-agent-data".into(), files.clone(), None),
        };
        if self.config.is_some() && !files.is_empty() {
            config.files = files;
        }
        if let Some(data_dir) = &self.data_dir {
            config.data_dir.clone_from(data_dir);
        }
        if self.to.is_some() {
            config.ship.to.clone_from(&self.to);
            if matches!(self.to, Some(Destination::Http(_))) {
                config.ship.kafka = None;
            }
        }
        if self.status_listen.is_some() {
            config.status.listen = self.status_listen;
        }
        config.check()?;
        Ok(config)
    }
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    match perform(arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("labtrail-agent: {error:#}");
            ExitCode::from(if error.is::<ConfigError>() { 2 } else { 1 })
        }
    }
}

fn perform(arguments: Arguments) -> anyhow::Result<()> {
    match arguments.command {
        None => {
            let run = arguments.run;
            program::run(Settings { file: run.config.clone(), read: Box::new(move || run.config()) })
        }
        Some(Command::CheckConfig { file }) => check_config(&file),
        Some(Command::Presets { name }) => inspect::presets(name.as_deref()),
        Some(Command::Detect { files, config_only }) => inspect::detect(&files, config_only),
        Some(Command::TestConfig { config, files, number, summary }) => {
            inspect::test_config(&config, &files, number, summary)
        }
        Some(Command::Explain { config, file }) => inspect::explain(&config, &file),
        Some(Command::Status { config, data_dir, address, json }) => {
            inspect::status(config.as_deref(), &data_dir, address.as_deref(), json)
        }
    }
}

fn check_config(file: &Path) -> anyhow::Result<()> {
    let config = Config::load(file)?;
    config.check().with_context(|| file.display().to_string())?;
    print!("{}", config.to_toml());
    Ok(())
}
