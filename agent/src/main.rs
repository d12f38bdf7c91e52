//! `labtrail-agent`: follows log files and ships their records to a collector.

use std::{path::PathBuf, process::ExitCode, time::Duration};

use anyhow::Context;
use clap::{Args, Parser, Subcommand};
use labtrail_agent::{
    Agent, DateOrder, Destination,
    config::{Config, ConfigError, FilesSection, From},
};
use labtrail_shared::{
    shutdown::{Stop, Tasks},
    telemetry::{Metrics, start_logging},
};

/// Follows log files and ships their records to a Labtrail collector. Nothing is lost: what the collector has not
/// acknowledged is sent again, also after a crash, and is stored only once.
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
  As a service:
    labtrail-agent check-config /etc/labtrail/agent.toml
    labtrail-agent --config /etc/labtrail/agent.toml";

#[derive(Debug, Subcommand)]
enum Command {
    /// Reads a config file, prints the effective settings, or the first mistake in it.
    CheckConfig {
        /// The config file.
        file: PathBuf,
    },
}

#[derive(Debug, Args)]
struct Run {
    /// Config file (TOML); the flags below win over it.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Where to send: a collector, such as `http://lab-server:8001`, or Kafka, such as `kafka://kafka1:9092/TOPIC`
    /// (without a topic: `labtrail.events`).
    #[arg(long, value_name = "URL")]
    to: Option<Destination>,
    /// Where the agent remembers how far it read.
    #[arg(long, value_name = "DIR")]
    data_dir: Option<PathBuf>,
    /// Where to begin with files that exist already: start or end.
    #[arg(long, value_name = "start|end", default_value = "start")]
    from: From,
    /// Whether 03/04/2026 is the 4th of March (mdy) or the 3rd of April (dmy); without it such dates are not read.
    #[arg(long, value_name = "mdy|dmy")]
    date_order: Option<DateOrder>,
    /// Serve `/health` and `/metrics` there, such as `127.0.0.1:9464`.
    #[arg(long, value_name = "ADDR")]
    status_listen: Option<std::net::SocketAddr>,
    /// Files, folders (all files below them) or globs.
    #[arg(value_name = "PATH")]
    paths: Vec<String>,
}

impl Run {
    fn config(&self) -> Result<Config, ConfigError> {
        let files = FilesSection::of_paths(&self.paths, self.from, self.date_order)?;
        let mut config = match &self.config {
            Some(file) => Config::load(file)?,
            None => Config::quick("labtrail-agent-data".into(), files.clone(), None),
        };
        if self.config.is_some() && !self.paths.is_empty() {
            config.files = vec![files];
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
    let result = match &arguments.command {
        Some(Command::CheckConfig { file }) => check_config(file),
        None => run(&arguments.run),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("labtrail-agent: {error:#}");
            ExitCode::from(if error.is::<ConfigError>() { 2 } else { 1 })
        }
    }
}

fn check_config(file: &std::path::Path) -> anyhow::Result<()> {
    let config = Config::load(file)?;
    config.check().with_context(|| file.display().to_string())?;
    print!("{}", config.to_toml());
    Ok(())
}

fn run(run: &Run) -> anyhow::Result<()> {
    let config = run.config()?;
    start_logging(&config.log.level, config.log.format);
    let drain_max = config.ship.drain_max.0 + Duration::from_secs(2);
    // One thread ships, one follows files: an agent is a guest on an instrument's computer.
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    runtime.block_on(async {
        let (mut tasks, stop, metrics) = (Tasks::new(), Stop::default(), Metrics::default());
        let _agent = Agent::start(config, &mut tasks, &stop, &metrics)?;
        let mut signals = Tasks::new();
        let on_signal = stop.clone();
        signals.start("signals", async move {
            on_signal.give_on_signal().await;
            Ok::<(), std::io::Error>(())
        });
        let ended = tasks.run_until(&stop).await;
        stop.give();
        tasks.drain(drain_max).await?;
        Ok(ended?)
    })
}
