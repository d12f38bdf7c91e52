//! `labtrail-bench`: how fast Labtrail is, each figure beside something run in the same minute on the same machine.
//!
//! Build the programs first: `cargo build --release`. `make bench` does both.

mod agent;
mod alerts;
mod corpus;
mod idle;
mod instruments;
mod kafka_agent;
mod kafka_collector;
mod kafka_latency;
mod load;
mod madsci;
mod measure;
mod query;
mod sink;
mod up;

use std::path::PathBuf;

use clap::{Parser, Subcommand};

/// Measures Labtrail's programs and prints each figure as a ratio to a bare loop that does the least possible.
#[derive(Debug, Parser)]
#[command(version)]
struct Arguments {
    #[command(subcommand)]
    what: What,
    /// Folder for corpora and databases; default: a temporary one that is removed afterwards.
    #[arg(long, global = true, value_name = "DIR")]
    folder: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
enum What {
    /// The agent alone, against a sink that only acknowledges.
    Agent {
        /// Lines in the file, about 200 bytes each.
        #[arg(long, default_value_t = 5_000_000)]
        lines: u64,
    },
    /// The agent on records of several lines with a regular expression and a form of time, and on JSON.
    Instruments {
        /// Records of each form, about 200 bytes each.
        #[arg(long, default_value_t = 2_000_000)]
        records: u64,
    },
    /// `labtrail up` on one file, beside a bare loop that inserts the finished rows.
    Up {
        /// Lines in the file, about 200 bytes each.
        #[arg(long, default_value_t = 5_000_000)]
        lines: u64,
    },
    /// The agent with files that do not change.
    Idle {
        /// How many files.
        #[arg(long, default_value_t = 10_000)]
        files: u64,
        /// How long to watch it.
        #[arg(long, default_value_t = 60)]
        seconds: u64,
    },
    /// The agent to Kafka, beside a bare producer: one large file, many files, and killed half-way.
    KafkaAgent {
        /// Lines in the large file, about 200 bytes each.
        #[arg(long, default_value_t = 5_400_000)]
        lines: u64,
        /// How many files of 5,000 lines.
        #[arg(long, default_value_t = 200)]
        files: u64,
    },
    /// How long a line takes into Kafka, and what an agent costs meanwhile and when idle.
    KafkaLatency {
        /// Lines a second.
        #[arg(long, default_value_t = 5000)]
        rate: u64,
        /// How long.
        #[arg(long, default_value_t = 60)]
        seconds: u64,
        /// How many files that do not change.
        #[arg(long, default_value_t = 100)]
        idle_files: u64,
    },
    /// The collector from Kafka to `MongoDB`, beside a bare loop; then the same topic again.
    KafkaCollector {
        /// How many events.
        #[arg(long, default_value_t = 1_000_000)]
        events: u64,
    },
    /// MADSci's routes, beside MADSci's own server on the same mongod.
    Madsci {
        /// How many events are queried.
        #[arg(long, default_value_t = 1_000_000)]
        events: u64,
    },
    /// How long it takes from an event's acknowledgement to the mail server's, while other events come.
    Alerts {
        /// How many rules there are, each about a node of its own.
        #[arg(long, default_value_t = 100)]
        rules: u64,
        /// How many other events come in a second.
        #[arg(long, default_value_t = 1000)]
        rate: u64,
        /// How many events in a second raise an alert.
        #[arg(long, default_value_t = 5)]
        alarms: u64,
        /// How long.
        #[arg(long, default_value_t = 60)]
        seconds: u64,
    },
    /// Queries of a store that holds many events.
    Query {
        /// How many events.
        #[arg(long, default_value_t = 1_000_000)]
        events: u64,
    },
    /// Reads a file and counts its lines: what the agent is compared with. Prints the count.
    #[command(hide = true)]
    BareRead {
        /// The file.
        file: PathBuf,
    },
    /// Produces a file to a topic: what the agent is compared with. Prints the lines.
    #[command(hide = true)]
    BareProduce {
        /// The file.
        file: PathBuf,
        /// The brokers.
        brokers: String,
        /// The topic.
        topic: String,
    },
    /// Stores a topic's events in `MongoDB`: what the collector is compared with. Prints the seconds.
    #[command(hide = true)]
    BareStore {
        /// The brokers.
        brokers: String,
        /// The database's URL.
        url: String,
        /// How many events.
        events: u64,
    },
    /// Inserts the rows of a store into a new one: what `up` is compared with. Prints rows and seconds.
    #[command(hide = true)]
    BareInsert {
        /// The store to take rows from.
        from: PathBuf,
        /// The store to make.
        to: PathBuf,
    },
}

fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    let temporary = tempfile::tempdir()?;
    let folder = arguments.folder.unwrap_or_else(|| temporary.path().to_owned());
    std::fs::create_dir_all(&folder)?;
    match arguments.what {
        What::Instruments { records } => instruments::run(&folder, records),
        What::Alerts { rules, rate, alarms, seconds } => alerts::run(&folder, rules, rate, alarms, seconds),
        What::Agent { lines } => agent::run(&folder, lines),
        What::Up { lines } => up::run(&folder, lines),
        What::Idle { files, seconds } => idle::run(&folder, files, seconds),
        What::Query { events } => query::run(&folder, events),
        What::Madsci { events } => madsci::run(&folder, events),
        What::KafkaAgent { lines, files } => kafka_agent::run(&folder, lines, files),
        What::KafkaLatency { rate, seconds, idle_files } => kafka_latency::run(&folder, rate, seconds, idle_files),
        What::KafkaCollector { events } => kafka_collector::run(&folder, events),
        What::BareProduce { file, brokers, topic } => kafka_agent::bare_produce(&file, &brokers, &topic),
        What::BareStore { brokers, url, events } => kafka_collector::bare_store(&brokers, &url, events),
        What::BareRead { file } => agent::bare_read(&file),
        What::BareInsert { from, to } => up::bare_insert(&from, &to),
    }
}
