//! Kafka and MongoDB for work by hand: started, named in the words of Labtrail's configuration, kept until Ctrl-C.
//! `make services-up` runs it.

use std::{env, io, process::ExitCode};

use labtrail_tests::services::{Kafka, Mongod};
use tokio::signal::unix::{SignalKind, signal};

fn main() -> ExitCode {
    let (Some(brokers), Some(members)) = (count("LABTRAIL_BROKERS"), count("LABTRAIL_MONGODS")) else {
        eprintln!("LABTRAIL_BROKERS and LABTRAIL_MONGODS are how many of each to start, such as 1 or 3.");
        return ExitCode::FAILURE;
    };
    eprintln!("Starting Kafka ({brokers}) and mongod ({members}) ...");
    let kafka = Kafka::cluster(brokers);
    let mongod = Mongod::replica_set(members);
    print(&kafka.brokers(), &mongod.url());
    if let Err(error) = wait_for_end() {
        eprintln!("cannot wait for Ctrl-C: {error}");
        return ExitCode::FAILURE;
    }
    eprintln!("Stopping ...");
    ExitCode::SUCCESS
}

/// How many to start; `None` if the variable holds no such number.
fn count(variable: &str) -> Option<usize> {
    match env::var(variable) {
        Ok(text) => text.parse().ok().filter(|count| (1..=7).contains(count)),
        Err(_) => Some(1),
    }
}

fn print(brokers: &str, mongodb: &str) {
    let quoted: Vec<String> = brokers.split(',').map(|broker| format!("\"{broker}\"")).collect();
    let quoted = quoted.join(", ");
    println!(
        "# agent.toml
[ship]
to = \"kafka://{brokers}/labtrail.events\"

# collector.toml
[store]
kind = \"mongodb\"

[store.mongodb]
url = \"{mongodb}\"

[kafka]
brokers = [{quoted}]

# The same as flags:
#   labtrail-agent --to kafka://{brokers}/labtrail.events PATH...
#   labtrail-collector --kafka {brokers} --store '{mongodb}'
# Topics are not made by themselves:
#   labtrail-collector topics create --config collector.toml
# Both are empty, and gone with everything in them when this is stopped with Ctrl-C."
    );
}

#[tokio::main(flavor = "current_thread")]
async fn wait_for_end() -> io::Result<()> {
    let (mut interrupt, mut terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
    Ok(())
}
