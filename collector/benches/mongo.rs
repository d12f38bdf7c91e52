//! What storing in MongoDB costs this process, beside a bare loop that gives the driver finished documents; what asking for
//! what is stored already costs; and what each index costs the server.
//!
//!     cargo bench -p labtrail-collector --bench mongo -- [EVENTS]      (default 200,000)
//!
//! Events of about 400 bytes of JSON, as agents make them of lines, in inserts of 1,000, into a replica set of one.

use std::time::Instant;

use jiff::tz::TimeZone;
use labtrail_collector::store::{
    EventStore, Expect, KafkaPlace, MongoConfig, MongoStore, NewEvent, Outcome, StoreConfig,
};
use labtrail_shared::{
    event::{Defaults, Event},
    event_id::{FileIdentity, derive},
    shutdown::{Stop, Tasks},
    source::Source,
    telemetry::Metrics,
    timestamp::EventTimestamp,
};
use labtrail_tests::services::Mongod;
use mongodb::{
    Client, Collection,
    bson::{Document, RawDocumentBuf, doc},
    options::WriteConcern,
};
use serde_json::json;

const INSERT_EVENTS: usize = 1000;
const START_MICROS: i64 = 1_790_000_000_000_000;

fn event(number: u64) -> NewEvent {
    let mixed = number.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 20;
    let level = match mixed % 1000 {
        0..=4 => 40,
        5..=49 => 30,
        50..=299 => 10,
        _ => 20,
    };
    let time = START_MICROS + number as i64 * 10_000;
    let source = number % 30;
    let message = format!(
        "Method PlateTransfer step {number}: aspirate well {} volume {} uL at x={} finished in {} ms, pressure curve ok",
        mixed % 96,
        mixed % 997,
        mixed / 7 % 50_000,
        mixed % 8191
    );
    let value = json!({
        "_id": derive(FileIdentity { birth_ms: 1_790_000_000_000, hash: source }, number / 30 * 200),
        "event_type": if level >= 40 { "log_error" } else { "log_info" }, "log_level": level,
        "event_timestamp": EventTimestamp::from_utc_micros(time).to_string(),
        "source": {"node_id": derive(FileIdentity { birth_ms: 1_700_000_000_000, hash: source }, 7)},
        "event_data": {"message": message, "host": {"name": format!("reader-{source}")},
            "log": {"file": {"path": format!("/var/log/instruments/reader-{source}/run.log")},
                "offset": number / 30 * 200, "level": "INFO"}},
    });
    let now = EventTimestamp::from_utc_micros(time);
    let event = Event::from_json(&value, &Defaults { now, source: Source::default() }).expect("it is an event");
    let place = KafkaPlace { topic: "labtrail.events".into(), partition: 0, offset: number as i64 };
    NewEvent { event, time, received: time, hash: number, kafka: Some(place) }
}

/// CPU time of a process in seconds.
fn cpu_seconds(process: &str) -> f64 {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).expect("this is Linux");
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
    // User and system time in hundredths of a second.
    fields[11..13].iter().map(|ticks| ticks.parse::<f64>().unwrap_or(0.0) / 100.0).sum()
}

fn report(what: &str, events: usize, started: (Instant, f64, f64), server: &str) {
    let wall = started.0.elapsed().as_secs_f64();
    let (own, servers) = (cpu_seconds("self") - started.1, cpu_seconds(server) - started.2);
    let count = events as f64;
    println!(
        "{what:<44} {:>9.0} events/s  {:>9.0} per CPU-s here ({:.2} µs)  {:>8.0} per CPU-s of mongod",
        count / wall,
        count / own,
        own / count * 1e6,
        count / servers
    );
}

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() {
    let events = std::env::args().find_map(|argument| argument.parse().ok()).unwrap_or(200_000_usize);
    let mongod = Mongod::for_measuring();
    let (url, server) = (mongod.url(), mongod.process_id(0).to_string());
    let start = || (Instant::now(), cpu_seconds("self"), cpu_seconds(&server));

    let mongodb = MongoConfig { url: url.parse().expect("it is a URL"), ..MongoConfig::default() };
    let config = StoreConfig { mongodb, ..StoreConfig::default() };
    let mut tasks = Tasks::new();
    let metrics = Metrics::default();
    let store = MongoStore::open(&config, TimeZone::UTC, &mut tasks, &metrics, Stop::default()).await;
    let store = store.expect("the URL is right");
    let client = Client::with_uri_str(&url).await.expect("the URL is right");
    let database = client.database("madsci_events");
    let stored = database.collection::<RawDocumentBuf>("events");
    // The indexes are made in the background.
    while stored.list_index_names().await.map_or(0, |names| names.len()) < 7 {
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    let all: Vec<NewEvent> = (0..events as u64).map(event).collect();
    let clone = |chunk: &[NewEvent]| chunk.to_vec();
    let begun = start();
    let mut copies = Vec::with_capacity(all.len() / INSERT_EVENTS + 1);
    copies.extend(all.chunks(INSERT_EVENTS).map(clone));
    report("(copying the events, for comparison)", events, begun, &server);
    let begun = start();
    for chunk in copies {
        let report = store.insert(chunk, Expect::New).await.expect("it is stored");
        assert!(report.outcomes.iter().all(|outcome| *outcome == Outcome::Stored));
    }
    report("store, all indexes", events, begun, &server);
    let copies: Vec<Vec<NewEvent>> = all.chunks(INSERT_EVENTS).map(clone).collect();
    let begun = start();
    for chunk in copies {
        let report = store.insert(chunk, Expect::Repeats).await.expect("it is answered");
        assert!(report.outcomes.iter().all(|outcome| *outcome == Outcome::Duplicate));
    }
    report("store, repeats that were expected", events, begun, &server);

    let mut documents = Vec::with_capacity(events);
    let mut cursor = stored.find(doc! {}).await.expect("they are there");
    while cursor.advance().await.expect("they are there") {
        documents.push(cursor.current().to_owned());
    }
    println!("{} bytes a document", documents.iter().map(|document| document.as_bytes().len()).sum::<usize>() / events);
    sizes(&database, "events").await;

    let bare = database.collection::<RawDocumentBuf>("bare");
    let begun = start();
    insert_bare(&bare, &documents).await;
    report("bare insert_many, _id only", events, begun, &server);
    let models: Vec<_> = {
        let mut indexes = stored.list_indexes().await.expect("it answers");
        let mut models = Vec::new();
        while indexes.advance().await.expect("it answers") {
            models.push(indexes.deserialize_current().expect("an index"));
        }
        models
    };
    for model in models.iter().filter(|model| !model.keys.contains_key("_id") || model.keys.len() > 1) {
        let name = model.options.as_ref().and_then(|options| options.name.clone()).unwrap_or_default();
        let with = database.collection::<RawDocumentBuf>(&format!("with_{name}"));
        with.create_index(model.clone()).await.expect("an index");
        let begun = start();
        insert_bare(&with, &documents).await;
        report(&format!("bare insert_many, _id and {name}"), events, begun, &server);
        with.drop().await.expect("it is ours");
    }
    drop(store);
    tasks.drain(std::time::Duration::from_secs(10)).await.expect("the store closes");
}

async fn insert_bare(collection: &Collection<RawDocumentBuf>, documents: &[RawDocumentBuf]) {
    let concern = WriteConcern::builder().w(mongodb::options::Acknowledgment::Majority).journal(true).build();
    for chunk in documents.chunks(INSERT_EVENTS) {
        let inserted = collection.insert_many(chunk).ordered(false).write_concern(concern.clone()).await;
        inserted.expect("it is stored");
    }
}

async fn sizes(database: &mongodb::Database, collection: &str) {
    let stats: Document = database.run_command(doc! {"collStats": collection}).await.expect("it answers");
    let count = stats.get_i32("count").unwrap_or(1);
    let indexes = stats.get_document("indexSizes").cloned().unwrap_or_default();
    for (name, size) in indexes {
        let bytes = size.as_i32().map_or_else(|| size.as_i64().unwrap_or_default(), i64::from);
        println!("index {name:<24} {:>6.1} bytes an event", bytes as f64 / f64::from(count));
    }
}
