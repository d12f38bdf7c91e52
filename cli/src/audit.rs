//! `labtrail audit`: is every record of the topic accounted for?

use std::{path::PathBuf, process::ExitCode, time::Duration};

use anyhow::{Context as _, bail};
use clap::Args;
use indicatif::HumanCount;
use labtrail_collector::{
    Config,
    audit::{self, Missing, Progress, Report, Scope},
    kafka::inquiry::Brokers,
    store::{self, StoreChoice, StoreKind},
};
use labtrail_shared::{
    settings,
    shutdown::{Stop, Tasks},
    table::printable,
    telemetry::{LogFormat, Metrics, start_logging},
};

use crate::bar::Bar;

const EXAMPLES: &str = "\
Examples:
  labtrail audit --config /etc/labtrail/collector.toml
      All that the collectors of this config have read, against what they have stored.
  labtrail audit --kafka kafka1:9092 --store mongodb://db1/madsci_events --partition 3 --from 120000 --to 130000
      A part of it, without a config.

Each record is read again, and each event in it must be stored under its id with its content, or be a dead letter. It \
changes nothing in Kafka and joins no group: it may run while collectors work. A store of SQLite belongs to the \
collector that has it open: stop that one first.

Columns: EVENTS = STORED + DUPLICATES + DEAD_LETTERS + MISSING. TO is not part of the range. NOT_IN_KAFKA counts offsets \
without a record (ends of transactions, compaction), REMOVED those that retention has removed, UNREAD those that the \
collectors have not committed yet. What retention removed before the collectors had committed it is MISSING.

Exit code 0: nothing is missing. 1: something is, and the first places are named. 2: it could not be found out.";

/// How long closing the store may take.
const CLOSE_TIME_MAX: Duration = Duration::from_secs(10);

/// The arguments of `labtrail audit`.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Audit {
    /// The config file of the collectors; flags win over it.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Brokers to ask first.
    #[arg(long, value_name = "HOST:PORT,HOST:PORT")]
    kafka: Option<Brokers>,
    /// Where events are kept: `sqlite:FILE`, or `mongodb://HOST,HOST/DATABASE`.
    #[arg(long, value_name = "STORE")]
    store: Option<StoreChoice>,
    /// The topic of the events [default: that of the config, or labtrail.events].
    #[arg(long, value_name = "TOPIC")]
    topic: Option<String>,
    /// Only this partition.
    #[arg(long, value_name = "N")]
    partition: Option<i32>,
    /// From this offset on [default: the first that is there].
    #[arg(long, value_name = "OFFSET", value_parser = clap::value_parser!(i64).range(0..))]
    from: Option<i64>,
    /// Up to this offset, itself not looked at [default: what the collectors have committed].
    #[arg(long, value_name = "OFFSET", value_parser = clap::value_parser!(i64).range(0..))]
    to: Option<i64>,
}

impl Audit {
    /// Looks, and says what it found.
    pub(crate) fn run(self) -> ExitCode {
        start_logging("error", LogFormat::Text);
        let scope = Scope { partition: self.partition, from: self.from, to: self.to };
        let report = self.settings().and_then(|config| audit(&config, &scope));
        match report {
            Ok(report) => show(&report),
            Err(error) => {
                eprintln!("labtrail: {error:#}");
                ExitCode::from(2)
            }
        }
    }

    fn settings(self) -> anyhow::Result<Config> {
        if self.config.is_none() && (self.kafka.is_none() || self.store.is_none()) {
            bail!("say what to compare: --config FILE, or both --kafka HOST:PORT and --store STORE");
        }
        let mut config = match &self.config {
            Some(file) => settings::load(file)?,
            None => Config::default(),
        };
        if let Some(Brokers(brokers)) = self.kafka {
            config.kafka.brokers = brokers;
        }
        if let Some(store) = self.store {
            store.apply(&mut config.store);
        }
        if let Some(topic) = self.topic {
            config.kafka.topic = topic;
        }
        // Opening would make the file, and then all were missing.
        if config.store.kind == StoreKind::Sqlite && !config.store_path().exists() {
            bail!("there is no store {}: run this where the collector runs", config.store_path().display());
        }
        Ok(config)
    }
}

#[tokio::main]
async fn audit(config: &Config, scope: &Scope) -> anyhow::Result<Report> {
    let (mut tasks, stop) = (Tasks::new(), Stop::default());
    let opened = store::open(config, &mut tasks, &Metrics::default(), stop.clone()).await;
    let mut bar = Bar::new("{bar:30} {human_pos:>12}/{human_len:<12} offsets  {eta:>4}  {msg}");
    let report =
        audit::run(config, opened.context("open the store")?, scope, |progress| tell(&mut bar, progress)).await;
    bar.finish();
    stop.give();
    // What was found does not depend on how the store is closed.
    let _ = tasks.drain(CLOSE_TIME_MAX).await;
    Ok(report?)
}

fn show(report: &Report) -> ExitCode {
    print!("{}", report.table());
    for note in &report.notes {
        eprintln!("note: {note}");
    }
    let missing = report.missing_count();
    if missing == 0 {
        eprintln!("clean: every event is stored or a dead letter");
        return ExitCode::SUCCESS;
    }
    println!("\nmissing: {missing}");
    for Missing { partition, offset, id, why } in &report.missing {
        let event = id.as_ref().map(|id| format!("  event {}", printable(id))).unwrap_or_default();
        println!("partition {partition}  offset {offset}{event}  {why}");
    }
    if missing > report.missing.len() as u64 {
        println!("... these are the first");
    }
    ExitCode::FAILURE
}

fn tell(bar: &mut Bar, progress: Progress) {
    let Progress { done, all, missing } = progress;
    let missing_events = || format!("{} events missing", HumanCount(missing));
    let line = || format!("{} of {} offsets, {}", HumanCount(done), HumanCount(all), missing_events());
    bar.update(done, all, line, || if missing > 0 { missing_events() } else { String::new() });
}
