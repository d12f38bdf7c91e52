//! `labtrail import`: events from a database of MADSci's, or from a backup, into a store.

use std::{path::PathBuf, process::ExitCode, time::Duration};

use anyhow::Context as _;
use clap::{Args, Subcommand};
use indicatif::HumanCount;
use labtrail_collector::{
    Config,
    config::Zone,
    store::{self, MongoConfig, StoreChoice, StoreConfig, StoreKind},
    transfer::{Report, Source, Transfer},
};
use labtrail_shared::{
    shutdown::{Stop, Tasks},
    telemetry::{LogFormat, Metrics, start_logging},
};

use crate::bar::Bar;

const EXAMPLES: &str = "\
Examples:
  labtrail import madsci mongodb://localhost:27017/madsci_events --to sqlite:/var/lib/labtrail/events.sqlite
      Copy what MADSci's Event Manager has stored into a file of SQLite. The database is only read.
  labtrail import madsci mongodb://old/madsci_events --to 'mongodb://db1,db2,db3/madsci_events?replicaSet=lab'
      Into another database.
  labtrail import backup labtrail-data/backups/labtrail_backup_20261125_020000_000000_scheduled --to sqlite:events.sqlite
      Bring back what a backup holds.

What the store has already stays as it is and is counted as DUPLICATES, so the same import may be done again: after an \
interruption it passes quickly over what is there, and later it takes what is new. A store of SQLite belongs to the collector that has it open: stop that one first. To use \
MADSci's database in place nothing need be copied: labtrail-collector --store mongodb://localhost:27017/madsci_events

Exit code 0: all is in the store. 1: some events could not be stored; they are dead letters of the store. 2: it ended early.";

/// How long closing the store may take.
const CLOSE_TIME_MAX: Duration = Duration::from_mins(1);

/// The arguments of `labtrail import`.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Import {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// From a database of MADSci's Event Manager
    Madsci {
        /// Where it is: mongodb://HOST:PORT/DATABASE
        url: StoreChoice,
        /// The collection of its events
        #[arg(long, value_name = "NAME", default_value = "events")]
        collection: String,
        #[command(flatten)]
        target: Target,
    },
    /// From a backup that a collector made
    Backup {
        /// Its folder
        folder: PathBuf,
        #[command(flatten)]
        target: Target,
    },
}

#[derive(Debug, Args)]
struct Target {
    /// Where the events go: `sqlite:FILE`, or `mongodb://HOST,HOST/DATABASE`
    #[arg(long, value_name = "STORE")]
    to: StoreChoice,
    /// The IANA zone in which times without an offset are read
    #[arg(long, value_name = "ZONE", default_value = "system")]
    zone: Zone,
}

impl Import {
    /// Copies, and says what became of it.
    pub(crate) fn run(self) -> ExitCode {
        start_logging("warn", LogFormat::Text);
        match self.import() {
            Ok(report) => show(report),
            Err(error) => {
                eprintln!("labtrail: {error:#}");
                eprintln!("what was copied is safe; the same command passes over it and goes on");
                ExitCode::from(2)
            }
        }
    }

    fn import(self) -> anyhow::Result<Report> {
        let (source, target) = match self.what {
            What::Madsci { url, collection, target } => (madsci(url, collection)?, target),
            What::Backup { folder, target } => (Source::Backup(folder), target),
        };
        let mut config = Config { zone: target.zone, ..Config::default() };
        target.to.apply(&mut config.store);
        copy(&config, Transfer { from: source, zone: config.zone.0.clone() })
    }
}

fn madsci(url: StoreChoice, collection: String) -> anyhow::Result<Source> {
    let mut section = StoreConfig::default();
    url.apply(&mut section);
    anyhow::ensure!(
        section.kind == StoreKind::Mongodb,
        "MADSci keeps its events in MongoDB: write mongodb://HOST:PORT/DATABASE"
    );
    Ok(Source::Madsci(MongoConfig { collection, ..section.mongodb }))
}

#[tokio::main]
async fn copy(config: &Config, transfer: Transfer) -> anyhow::Result<Report> {
    let (mut tasks, stop) = (Tasks::new(), Stop::default());
    let opened = store::open(config, &mut tasks, &Metrics::default(), stop.clone()).await.context("open the store")?;
    let mut bar = Bar::new("{bar:30} {human_pos:>12}/{human_len:<12} events  {per_sec}  {eta:>4}");
    let signals = stop.clone();
    let copied = tokio::select! {
        copied = transfer.run(&*opened, |report| tell(&mut bar, report)) => copied.map_err(anyhow::Error::from),
        () = async { signals.give_on_signal().await; } => Err(anyhow::anyhow!("interrupted")),
    };
    bar.finish();
    stop.give();
    drop(opened);
    let closed = tasks.drain(CLOSE_TIME_MAX).await;
    let report = copied?;
    closed.context("close the store")?;
    Ok(report)
}

fn show(report: Report) -> ExitCode {
    let Report { read, stored, duplicates, dead_letters, .. } = report;
    println!("{:>12} {:>12} {:>12} {:>12}", "READ", "STORED", "DUPLICATES", "DEAD_LETTERS");
    println!("{read:>12} {stored:>12} {duplicates:>12} {dead_letters:>12}");
    if dead_letters == 0 {
        return ExitCode::SUCCESS;
    }
    eprintln!("{dead_letters} could not be stored: start the collector and see `labtrail dead-letter list`");
    ExitCode::FAILURE
}

fn tell(bar: &mut Bar, report: Report) {
    let Report { read, total, .. } = report;
    let line = || format!("{} of about {} events", HumanCount(read), HumanCount(total));
    bar.update(read, total.max(read), line, String::new);
}
