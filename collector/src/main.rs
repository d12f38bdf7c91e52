//! Starts the collector.

use std::{path::PathBuf, process::ExitCode};

use anyhow::{Context as _, bail};
use clap::{Args, Parser, Subcommand};
use labtrail_collector::{Collector, Config, config::ListenAddress};
use labtrail_shared::{
    settings,
    shutdown::{Stop, Tasks},
    telemetry::{self, Metrics},
};

const EXAMPLES: &str = "\
Examples:
  labtrail-collector
      Listen on 127.0.0.1:8001 and keep events in ./labtrail-data/events.sqlite.
  labtrail-collector --listen 0.0.0.0:8001 --data-dir /var/lib/labtrail
      Take events from the whole network. There are no passwords yet: do this only in a network that you trust.
  labtrail-collector --config /etc/labtrail/collector.toml
      Everything from a file; flags beside it win.
  labtrail-collector check-config /etc/labtrail/collector.toml
      Say what is wrong with a file, or print the settings as they take effect.

Then open http://127.0.0.1:8001/ in a browser, or send an event:
  curl http://127.0.0.1:8001/event -H 'content-type: application/json' -d '{\"event_data\": {\"message\": \"hello\"}}'";

/// Events are built of many small pieces on several threads: this allocator takes half the time for them, and gives
/// memory back.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Takes the events of a laboratory, keeps them, and finds them again.
#[derive(Debug, Parser)]
#[command(name = "labtrail-collector", version, after_help = EXAMPLES, args_conflicts_with_subcommands = true)]
struct Command {
    #[command(subcommand)]
    action: Option<Action>,
    #[command(flatten)]
    run: Run,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Check a config file: print the settings as they take effect, or what is wrong (exit code 2)
    CheckConfig {
        /// The config file
        file: PathBuf,
    },
}

#[derive(Debug, Args)]
struct Run {
    /// Read settings from this TOML file; flags win over it
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Host and port to listen on [default: 127.0.0.1:8001]
    #[arg(long, value_name = "HOST:PORT")]
    listen: Option<ListenAddress>,
    /// Where to keep events, as sqlite:FILE [default: events.sqlite in the data folder]
    #[arg(long, value_name = "STORE", value_parser = read_store)]
    store: Option<PathBuf>,
    /// Where to keep all that must be remembered [default: labtrail-data]
    #[arg(long, value_name = "DIR")]
    data_dir: Option<PathBuf>,
    /// Take events from Kafka (not in this version)
    #[arg(long, value_name = "BROKER,BROKER", hide = true)]
    kafka: Option<String>,
}

fn read_store(text: &str) -> Result<PathBuf, String> {
    match text.split_once(':') {
        Some(("sqlite", file)) if !file.is_empty() => Ok(PathBuf::from(file)),
        Some(("mongodb" | "mongodb+srv", _)) => {
            Err("MongoDB is not supported in this version: use sqlite:FILE".to_owned())
        }
        _ => Err("write sqlite:FILE, such as sqlite:/var/lib/labtrail/events.sqlite".to_owned()),
    }
}

impl Run {
    fn config(self) -> anyhow::Result<Config> {
        if self.kafka.is_some() {
            bail!("--kafka is not supported in this version: agents send over HTTP, with --to http://HOST:PORT");
        }
        let mut config = match &self.config {
            Some(file) => settings::load(file)?,
            None => Config::default(),
        };
        if let Some(listen) = self.listen {
            config.listen = listen;
        }
        if let Some(data_dir) = self.data_dir {
            config.data_dir = data_dir;
        }
        if let Some(file) = self.store {
            config.store.path = Some(file);
        }
        Ok(config)
    }
}

fn main() -> ExitCode {
    let command = Command::parse();
    if let Some(Action::CheckConfig { file }) = command.action {
        return check_config(&file);
    }
    let config = match command.run.config() {
        Ok(config) => config,
        Err(error) => {
            eprintln!("error: {error:#}");
            return ExitCode::from(2);
        }
    };
    telemetry::start_logging(&config.log.level, config.log.format);
    match run(config) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn check_config(file: &std::path::Path) -> ExitCode {
    match settings::load::<Config>(file) {
        Ok(config) => {
            print!("{}", config.to_toml());
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::from(2)
        }
    }
}

#[tokio::main]
async fn run(config: Config) -> anyhow::Result<()> {
    let (stop, mut tasks) = (Stop::default(), Tasks::new());
    let stop_time_max = config.stop_time_max.0;
    let signals = stop.clone();
    tasks.start("signals", async move {
        signals.give_on_signal().await;
        Ok::<(), std::convert::Infallible>(())
    });
    let started = Collector::start(config, &mut tasks, stop.clone(), Metrics::default()).await;
    started.context("failed to start")?;
    let ended = tasks.run_until(&stop).await;
    stop.give();
    let drained = tasks.drain(stop_time_max).await;
    ended?;
    drained?;
    Ok(())
}
