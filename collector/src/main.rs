//! Starts the collector.

use std::{
    path::{Path, PathBuf},
    process::ExitCode,
};

use anyhow::Context as _;
use clap::{Args, Parser, Subcommand};
use labtrail_collector::{
    Collector, Config,
    config::ListenAddress,
    kafka::{
        KafkaConfig,
        inquiry::Brokers,
        topics::{self, Created, Plan, Verdict},
    },
    madsci::{self, Adopted, SettingsFrom},
    store::StoreChoice,
};
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

In the place of MADSci's Event Manager (docs/madsci.md says how to switch over, and back):
  labtrail-collector --madsci-settings
      Read what it reads (EVENT_* variables, .env, settings.yaml ...), open its database, and answer at its address.

At scale agents send to Kafka, any number of collectors read from it, and MongoDB keeps the events:
  labtrail-collector topics create --kafka kafka1:9092,kafka2:9092
      Make the topics, once.
  labtrail-collector --kafka kafka1:9092,kafka2:9092 --store 'mongodb://db1,db2,db3/madsci_events?replicaSet=lab'
      Take events from Kafka, and over HTTP as well. Start it on as many machines as needed, each with its own --data-dir.
  labtrail-collector topics check --kafka kafka1:9092
      Say whether the settings of the topics would lose or refuse anything.

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
    /// Make the topics in Kafka, or check their settings
    Topics {
        #[command(subcommand)]
        action: TopicsAction,
    },
}

#[derive(Debug, Subcommand)]
enum TopicsAction {
    /// Make the topics of the events and of the dead letters, where they are missing
    Create {
        #[command(flatten)]
        place: TopicsPlace,
        /// Into how many parts the events are divided: so many collectors can share them
        #[arg(long, value_name = "N", default_value_t = 8, value_parser = clap::value_parser!(i32).range(1..=10_000))]
        partitions: i32,
        /// On how many brokers each event lies [default: 3, or as many as there are brokers]
        #[arg(long, value_name = "N", value_parser = clap::value_parser!(i32).range(1..=100))]
        replication_factor: Option<i32>,
    },
    /// Compare the topics with what is sensible: exit code 1 if anything would be lost or refused
    Check {
        #[command(flatten)]
        place: TopicsPlace,
    },
}

#[derive(Debug, Args)]
struct TopicsPlace {
    /// Read brokers, login and names of topics from [kafka] of this TOML file
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Brokers to ask first; wins over the file
    #[arg(long, value_name = "HOST:PORT,HOST:PORT")]
    kafka: Option<Brokers>,
}

impl TopicsPlace {
    fn config(self) -> anyhow::Result<KafkaConfig> {
        let mut config = match &self.config {
            Some(file) => settings::load::<Config>(file)?.kafka,
            None => KafkaConfig::default(),
        };
        if let Some(Brokers(brokers)) = self.kafka {
            config.brokers = brokers;
        }
        Ok(config)
    }
}

#[derive(Debug, Args)]
struct Run {
    /// Read settings from this TOML file; flags win over it
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Host and port to listen on [default: 127.0.0.1:8001]
    #[arg(long, value_name = "HOST:PORT")]
    listen: Option<ListenAddress>,
    /// Where to keep events: `sqlite:FILE`, or `mongodb://HOST,HOST/DATABASE` [default: events.sqlite in the data folder]
    #[arg(long, value_name = "STORE")]
    store: Option<StoreChoice>,
    /// Where to keep all that must be remembered [default: labtrail-data]
    #[arg(long, value_name = "DIR")]
    data_dir: Option<PathBuf>,
    /// Take over the settings of MADSci's Event Manager, and its id: from FILE (.yaml, .toml, .json or .env), or from the
    /// files that it would find. Variables win over files. Without this only variables that begin with EVENT_ count
    #[arg(long, value_name = "FILE", num_args = 0..=1)]
    #[expect(clippy::option_option, reason = "clap tells the flag alone from the flag with a file in this way")]
    madsci_settings: Option<Option<PathBuf>>,
    /// Take events from Kafka as well: the brokers to ask first
    #[arg(long, value_name = "HOST:PORT,HOST:PORT")]
    kafka: Option<Brokers>,
}

impl Run {
    fn config(self) -> anyhow::Result<(Config, Adopted)> {
        let mut config = match &self.config {
            Some(file) => settings::load(file)?,
            None => Config::default(),
        };
        let from = match self.madsci_settings {
            None => SettingsFrom::Environment,
            Some(None) => SettingsFrom::Search,
            Some(Some(file)) => SettingsFrom::File(file),
        };
        let adopted = madsci::adopt(&mut config, &from, self.config.is_some())?;
        if let Some(listen) = self.listen {
            config.listen = listen;
        }
        if let Some(data_dir) = self.data_dir {
            config.data_dir = data_dir;
        }
        if let Some(store) = self.store {
            store.apply(&mut config.store);
        }
        if let Some(Brokers(brokers)) = self.kafka {
            config.kafka.brokers = brokers;
        }
        Ok((config, adopted))
    }
}

fn main() -> ExitCode {
    let command = Command::parse();
    match command.action {
        Some(Action::CheckConfig { file }) => return check_config(&file),
        Some(Action::Topics { action }) => return topics(action),
        None => {}
    }
    let (config, adopted) = match command.run.config() {
        Ok(config) => config,
        Err(error) => {
            eprintln!("error: {error:#}");
            return ExitCode::from(2);
        }
    };
    telemetry::start_logging(&config.log.level, config.log.format);
    match run(config, adopted) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn check_config(file: &Path) -> ExitCode {
    match settings::load::<Config>(file) {
        Ok(config) => {
            print!("{}", config.to_toml());
            let Err(problems) = config.check_alerts() else { return ExitCode::SUCCESS };
            for problem in problems {
                eprintln!("error: {problem}");
            }
            ExitCode::from(2)
        }
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::from(2)
        }
    }
}

fn topics(action: TopicsAction) -> ExitCode {
    let done = match action {
        TopicsAction::Create { place, partitions, replication_factor } => place
            .config()
            .and_then(|config| create_topics(&config, Plan { partitions, replication: replication_factor })),
        TopicsAction::Check { place } => place.config().and_then(|config| check_topics(&config)),
    };
    done.unwrap_or_else(|error| {
        eprintln!("error: {error:#}");
        ExitCode::from(2)
    })
}

#[tokio::main(flavor = "current_thread")]
async fn create_topics(config: &KafkaConfig, plan: Plan) -> anyhow::Result<ExitCode> {
    for created in topics::create(config, plan).await? {
        match created {
            Created::Made { topic, partitions, replicas, settings } => {
                let settings: Vec<String> =
                    settings.into_iter().map(|(name, value)| format!("{name}={value}")).collect();
                println!("created {topic}: partitions={partitions} replicas={replicas} {}", settings.join(" "));
            }
            Created::There { topic } => {
                println!("there already: {topic}, left as it is (see `labtrail-collector topics check`)");
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}

#[tokio::main(flavor = "current_thread")]
async fn check_topics(config: &KafkaConfig) -> anyhow::Result<ExitCode> {
    let findings = topics::check(config).await?;
    print!("{}", topics::report(&findings));
    for (topic, changes) in topics::settings_to_change(&findings) {
        let server = config.brokers.join(",");
        eprintln!(
            "\nTo change the settings of {topic}:\n  kafka-configs.sh --bootstrap-server {server} --alter --entity-type topics \
             --entity-name {topic} --add-config '{changes}'"
        );
    }
    let is_unsafe = findings.iter().any(|finding| finding.verdict == Verdict::Error);
    Ok(if is_unsafe { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

#[tokio::main]
async fn run(config: Config, adopted: Adopted) -> anyhow::Result<()> {
    let (stop, mut tasks) = (Stop::default(), Tasks::new());
    let stop_time_max = config.stop_time_max.0;
    let signals = stop.clone();
    tasks.start("signals", async move {
        signals.give_on_signal().await;
        Ok::<(), std::convert::Infallible>(())
    });
    let started = start(config, adopted, &mut tasks, &stop).await;
    if let Err(error) = started {
        // What was begun is put right: a name in MADSci's registry is given free.
        stop.give();
        let _ = tasks.drain(stop_time_max).await;
        return Err(error);
    }
    let ended = tasks.run_until(&stop).await;
    stop.give();
    let drained = tasks.drain(stop_time_max).await;
    ended?;
    drained?;
    Ok(())
}

async fn start(mut config: Config, adopted: Adopted, tasks: &mut Tasks, stop: &Stop) -> anyhow::Result<()> {
    adopted.start(&mut config, tasks, stop.clone()).await?;
    let started = Collector::start(config, tasks, stop.clone(), Metrics::default()).await;
    started.context("failed to start").map(drop)
}
