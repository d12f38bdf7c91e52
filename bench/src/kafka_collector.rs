//! The collector from Kafka to MongoDB: documents per second and per CPU-second, memory and the first document, beside a
//! bare loop that consumes, decodes and inserts into the same indexes; then the whole topic once more, as after a lost offset.

use std::{path::Path, time::Instant};

use anyhow::{Context, ensure};
use labtrail_shared::wire;
use labtrail_tests::services::{Kafka, Mongod};
use mongodb::{
    Client, Collection,
    bson::{Document, doc},
    options::{Acknowledgment, WriteConcern},
};
use rdkafka::{
    ClientConfig, Message,
    consumer::{BaseConsumer, Consumer},
};

use crate::{
    corpus,
    kafka_agent::next_message,
    measure::{Program, free_port, metric, run_self},
};

const TOPIC: &str = "labtrail.events";
const PARTITIONS: usize = 8;

/// A line that becomes an event of about 400 bytes of JSON.
const LINE_BYTES: usize = 100;

/// Documents that the bare loop inserts at once.
const BARE_BATCH: usize = 1000;

pub(crate) fn run(folder: &Path, events: u64) -> anyhow::Result<()> {
    let (kafka, mongod) = (Kafka::for_measuring(), Mongod::for_measuring());
    kafka.create_topic(TOPIC, PARTITIONS, &[]);
    kafka.create_topic("labtrail.dead-letter", 1, &[]);
    fill(&kafka, folder, events)?;
    wake_groups(&kafka.brokers())?;
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    let client = runtime.block_on(Client::with_uri_str(mongod.url()))?;
    let stored: Collection<Document> = client.database("labtrail").collection("events");
    let count = || runtime.block_on(async { stored.estimated_document_count().await.unwrap_or(0) });

    let began_at = Instant::now();
    let (mut collector, url) = start(&kafka, &mongod, folder, "first", "bench")?;
    let first = collector.wait_until(began_at, || count() > 0)?;
    let took = collector.wait_until(began_at, || count() >= events)?;
    let usage = collector.usage()?;
    let rate = events as f64 / took.as_secs_f64();
    println!(
        "collector             {rate:>10.0} documents/s, {:.0} per CPU-second; first after {:.2} s; peak RSS {:.0} MB",
        events as f64 / usage.cpu_seconds,
        first.as_secs_f64(),
        usage.resident_peak_mb
    );
    let one = runtime.block_on(async { stored.find_one(doc! {}).await })?.context("there are events")?;
    let event_bytes = mongodb::bson::serialize_to_vec(&one)?.len();
    let storage =
        runtime.block_on(async { client.database("labtrail").run_command(doc! {"collStats": "events"}).await })?;
    let number = |key: &str| storage.get(key).and_then(mongodb::bson::Bson::as_i32).map_or(0.0, f64::from);
    println!(
        "                      {event_bytes} bytes of BSON the first of them; on disk {:.0} bytes an event and {:.0} of indexes",
        number("storageSize") / events as f64,
        number("totalIndexSize") / events as f64,
    );
    drop(collector);

    let (output, cpu, _) = run_self(&["bare-store", &kafka.brokers(), &mongod.url(), &events.to_string()])?;
    let bare_seconds: f64 = output.parse().context("the bare loop prints its seconds")?;
    let bare = events as f64 / bare_seconds;
    println!(
        "bare loop             {bare:>10.0} documents/s, {:.0} per CPU-second; the collector makes {:.2} of it",
        events as f64 / cpu,
        rate / bare
    );

    drop(url);
    let began_at = Instant::now();
    let (mut collector, url) = start(&kafka, &mongod, folder, "again", "bench-again")?;
    let repeated = collector.wait_until(began_at, || {
        metric(&url, "labtrail_events_duplicates_total").is_some_and(|duplicates| duplicates as u64 >= events)
    })?;
    let replay = events as f64 / repeated.as_secs_f64();
    println!("replay                {replay:>10.0} events/s, {:.1} times as fast as storing them", replay / rate);
    ensure!(count() == events, "the replay must not change what is stored");
    Ok(())
}

/// Ships a corpus into the topic as agents do: one file for each partition, more or less.
fn fill(kafka: &Kafka, folder: &Path, events: u64) -> anyhow::Result<()> {
    let logs = folder.join("collector-logs");
    std::fs::create_dir_all(&logs)?;
    let files = PARTITIONS as u64 * 4;
    for index in 0..files {
        let lines = events / files + u64::from(index < events % files);
        corpus::write_lines(logs.join(format!("instrument-{index}.log")), lines, LINE_BYTES)?;
    }
    let status = format!("127.0.0.1:{}", free_port()?);
    let (to, data) = (format!("kafka://{}/{TOPIC}", kafka.brokers()), folder.join("fill"));
    let arguments =
        ["--to", &to, "--status-listen", &status, "--data-dir", &data.to_string_lossy(), &logs.to_string_lossy()];
    let mut agent = Program::start("labtrail-agent", &arguments)?;
    let metrics = format!("http://{status}/metrics");
    agent.wait_until(Instant::now(), || {
        metric(&metrics, "labtrail_agent_records_delivered_total").is_some_and(|delivered| delivered as u64 >= events)
    })?;
    Ok(())
}

/// The first group that a broker ever has waits until it has made the topic for offsets: that is no collector's time.
fn wake_groups(brokers: &str) -> anyhow::Result<()> {
    let consumer: BaseConsumer = ClientConfig::new()
        .set("bootstrap.servers", brokers)
        .set("group.id", "labtrail-bench-first")
        .set("auto.offset.reset", "earliest")
        .create()?;
    consumer.subscribe(&[TOPIC])?;
    next_message(&consumer).map(drop)
}

/// A collector of its own data folder and group; gives the address of its metrics.
fn start(kafka: &Kafka, mongod: &Mongod, folder: &Path, name: &str, group: &str) -> anyhow::Result<(Program, String)> {
    let listen = format!("127.0.0.1:{}", free_port()?);
    let data = folder.join(format!("collector-{name}"));
    std::fs::create_dir_all(&data)?;
    let brokers: Vec<String> = kafka.brokers().split(',').map(|broker| format!("{broker:?}")).collect();
    let config = data.join("collector.toml");
    std::fs::write(
        &config,
        format!(
            "listen = \"{listen}\"\ndata_dir = {:?}\n[store]\nkind = \"mongodb\"\n[store.mongodb]\nurl = \"{}\"\ndatabase = \"labtrail\"\n\
             [kafka]\nbrokers = [{}]\ngroup = \"{group}\"\n[log]\nlevel = \"warn\"\n",
            data.to_string_lossy(),
            mongod.url(),
            brokers.join(", "),
        ),
    )?;
    let collector = Program::start("labtrail-collector", &["--config", &config.to_string_lossy()])?;
    Ok((collector, format!("http://{listen}/metrics")))
}

/// Consumes the topic, makes events and documents of it and inserts them, one after the other, into a collection with the
/// same indexes. Prints the seconds from the first record on.
pub(crate) fn bare_store(brokers: &str, url: &str, events: u64) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let client = runtime.block_on(Client::with_uri_str(url))?;
    let database = client.database("labtrail");
    let bare: Collection<Document> = database.collection("bare");
    runtime.block_on(async {
        let mut indexes = database.collection::<Document>("events").list_indexes().await?;
        while indexes.advance().await? {
            let index = indexes.deserialize_current()?;
            bare.create_index(index).await?;
        }
        anyhow::Ok(())
    })?;
    let consumer: BaseConsumer = ClientConfig::new()
        .set("bootstrap.servers", brokers)
        .set("group.id", "labtrail-bench-bare")
        .set("auto.offset.reset", "earliest")
        .set("fetch.queue.backoff.ms", "5")
        .set("queued.min.messages", "1000000")
        .create()?;
    consumer.subscribe(&[TOPIC])?;
    let mut concern = WriteConcern::default();
    concern.w = Some(Acknowledgment::Majority);
    concern.journal = Some(true);
    let (mut waiting, mut stored, mut began_at) = (Vec::new(), 0, None);
    while stored < events {
        let message = next_message(&consumer)?;
        began_at.get_or_insert_with(Instant::now);
        for batch in wire::decode(message.payload().unwrap_or_default())? {
            let (expanded, _) = wire::expand(&batch, &jiff::tz::TimeZone::UTC);
            for event in expanded {
                let mut document = mongodb::bson::serialize_to_document(&event.event.to_json())?;
                document.insert(
                    "_labtrail",
                    doc! {"at": event.time, "time": mongodb::bson::DateTime::from_millis(event.time / 1000), "hash": event.hash.cast_signed()},
                );
                waiting.push(document);
            }
        }
        while waiting.len() >= BARE_BATCH || (stored + waiting.len() as u64 >= events && !waiting.is_empty()) {
            let rest = waiting.split_off(waiting.len().min(BARE_BATCH));
            let full = std::mem::replace(&mut waiting, rest);
            stored += full.len() as u64;
            runtime.block_on(bare.insert_many(full).ordered(false).write_concern(concern.clone()).into_future())?;
        }
    }
    println!("{}", began_at.context("there was a record")?.elapsed().as_secs_f64());
    Ok(())
}
