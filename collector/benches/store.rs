//! How fast events go in and come out, beside a bare loop that inserts the same rows into the same tables.
//!
//!     cargo bench -p labtrail-collector --bench store -- [EVENTS]      (default 200,000)
//!
//! Lines of about 200 bytes of thirty instruments, in batches as agents send them, through the hallway into a store in a
//! temporary folder; a tenth of them is read late, from an old file.

use std::{
    collections::BTreeMap,
    net::{IpAddr, Ipv4Addr},
    path::Path,
    sync::Arc,
    time::{Duration, Instant},
};

use bytes::Bytes;
use jiff::tz::TimeZone;
use labtrail_collector::{
    ingest::{Form, Ingest, Origin},
    store::{Criteria, EventStore, HistogramRequest, Order, Search, SqliteStore, StoreConfig},
};
use labtrail_shared::{
    event_id::{FileIdentity, derive},
    filter::Filter,
    level::LogLevel,
    shutdown::Tasks,
    source::Source,
    telemetry::Metrics,
    text_query::TextQuery,
    wire::{self, BatchEncoder, Envelope, WireRecord},
};
use rusqlite::{Connection, params, types::Value as SqlValue};
use serde_json::json;

const BATCH_LINES: u64 = 1000;
const SOURCES: u64 = 30;
const START_MICROS: i64 = 1_790_000_000_000_000;
const SPAN_MICROS: i64 = 86_400_000_000;

fn node_id(source: u64) -> String {
    derive(FileIdentity { birth_ms: 1_700_000_000_000, hash: source }, 7)
}

/// A line whose words are as frequent as in logs: few everywhere, most seldom.
fn line(number: u64) -> (LogLevel, String) {
    let mixed = number.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 20;
    let level = match mixed % 1000 {
        0..=4 => LogLevel::Error,
        5..=49 => LogLevel::Warning,
        50..=299 => LogLevel::Debug,
        _ => LogLevel::Info,
    };
    let (action, well) = (["aspirate", "dispense", "shake", "incubate", "read"][(mixed % 5) as usize], mixed % 96);
    let rare = if mixed.is_multiple_of(1009) { " centrifuge imbalance" } else { "" };
    let (volume, axis, duration) = (mixed % 997, mixed / 7 % 50_000, mixed % 8191);
    let text = format!(
        "Method PlateTransfer step {number}: {action} well {well} volume {volume} uL tip {} at position x={axis} y={} \
         finished in {duration} ms with pressure curve ok, queue length {}, operator shift late{rare}",
        mixed % 384,
        axis / 3,
        mixed % 7,
    );
    (level, text)
}

/// All batches: nine tenths in the order of time, the rest an old file read last.
fn batches(events: u64) -> Vec<Bytes> {
    let count = events / BATCH_LINES;
    let recent = count - count / 10;
    let mut offsets = BTreeMap::<u64, u64>::new();
    let batch = |index: u64| {
        let source = if index < recent { index % SOURCES } else { SOURCES };
        let from = if index < recent { START_MICROS } else { START_MICROS - 10 * SPAN_MICROS };
        let offset = offsets.entry(source).or_default();
        let envelope = Envelope {
            version: wire::VERSION,
            agent: format!("agent-{source}"),
            host: format!("instrument-{source}"),
            file: format!("C:\\ProgramData\\Vendor\\Logs\\method-{source}.log"),
            identity: FileIdentity { birth_ms: 1_790_000_000_000 + source, hash: source },
            offset: *offset,
            time: None,
            zone_offset: None,
            zone: None,
            observed: from,
            labels: Arc::default(),
            fields: Arc::default(),
            input: None,
            host_facts: Arc::default(),
            source: json!({"node_id": node_id(source)}).as_object().and_then(|ids| Source::from_object(ids).ok()),
        };
        let mut out = Vec::new();
        let mut encoder = BatchEncoder::begin(&envelope, &mut out);
        for number in index * BATCH_LINES..(index + 1) * BATCH_LINES {
            let (level, text) = line(number);
            let time = from + (number as i64).wrapping_mul(SPAN_MICROS / events as i64);
            encoder.push(
                &WireRecord {
                    time: Some((time, Some(0))),
                    level: Some((level, level.name())),
                    ..WireRecord::of_text(*offset, &text)
                },
                &mut out,
            );
            *offset += text.len() as u64 + 2;
        }
        Bytes::from(out)
    };
    (0..count).map(batch).collect()
}

#[tokio::main]
async fn main() {
    let events = std::env::args().skip(1).find_map(|argument| argument.parse().ok()).unwrap_or(200_000);
    let folder = tempfile::tempdir().expect("a temporary folder");
    let file = folder.path().join("events.sqlite");
    let mut tasks = Tasks::new();
    let metrics = Metrics::default();
    let store = SqliteStore::open(&file, &StoreConfig::default(), &mut tasks, &metrics).expect("a new store opens");
    let store: Arc<dyn EventStore> = Arc::new(store);
    let ingest = Ingest::new(Arc::clone(&store), None, TimeZone::UTC, "01ARZ3NDEKTSV4RRFFQ69G5FAV", 50_000, &metrics);

    let bodies = batches(events);
    let bytes: usize = bodies.iter().map(Bytes::len).sum();
    println!("{events} events, {} bytes each on the wire", bytes as u64 / events);
    expansion(&bodies);
    let rate = insert(&ingest, &bodies).await;
    let again: Vec<Bytes> = bodies.iter().take(100).cloned().collect();
    print!("again (duplicates): ");
    insert(&ingest, &again).await;
    drop(bodies);
    queries(store.as_ref()).await;
    drop((ingest, store));
    tasks.drain(Duration::from_mins(1)).await.expect("the writer ends well");
    let disk = std::fs::metadata(&file).map_or(0, |file| file.len());
    println!("on disk: {} bytes an event", disk / events);
    let bare = bare_loop(&file, folder.path());
    println!("of the bare loop: {:.2}", rate / bare);
}

fn expansion(bodies: &[Bytes]) {
    let some = &bodies[..bodies.len().min(50)];
    let start = Instant::now();
    let mut events = 0;
    for body in some {
        for batch in wire::decode(body).expect("it was just encoded") {
            events += wire::expand(&batch, &TimeZone::UTC).0.len();
        }
    }
    println!("expansion alone: {:.0} events/s", events as f64 / start.elapsed().as_secs_f64());
}

/// Four senders, each waiting for its answer before it sends again.
async fn insert(ingest: &Ingest, bodies: &[Bytes]) -> f64 {
    let start = Instant::now();
    let origin = Origin::http(IpAddr::V4(Ipv4Addr::LOCALHOST));
    let send = async |sender: usize| {
        let mut taken = 0;
        for body in bodies.iter().skip(sender).step_by(4) {
            let receipt = ingest.take(Form::Batches, body.clone(), origin.clone()).await.expect("the store takes it");
            taken += receipt.accepted + receipt.duplicates;
        }
        taken
    };
    let (a, b, c, d) = tokio::join!(send(0), send(1), send(2), send(3));
    let rate = (a + b + c + d) as f64 / start.elapsed().as_secs_f64();
    println!("through the hallway, durable: {rate:.0} events/s");
    rate
}

async fn queries(store: &dyn EventStore) {
    let criteria = |criteria: Criteria| Search {
        criteria,
        order: Order::Descending,
        after: None,
        offset: 0,
        limit: 100,
        time_max: Duration::from_secs(2),
    };
    let filter = |selector: serde_json::Value| Criteria {
        filter: Some(Filter::parse(&selector).expect("a valid selector")),
        ..Criteria::default()
    };
    let text = |text: &str| Criteria { text: TextQuery::parse(text), ..Criteria::default() };
    let last_hour = Some(START_MICROS + SPAN_MICROS - SPAN_MICROS / 10 - 3_600_000_000);
    let cases = [
        ("newest 100", Criteria::default()),
        ("a node's newest 100", filter(json!({"source.node_id": node_id(7)}))),
        ("an old node's newest 100", filter(json!({"source.node_id": node_id(SOURCES)}))),
        ("no such node", filter(json!({"source.node_id": node_id(999)}))),
        (
            "warnings of the last hour",
            Criteria { level_min: Some(LogLevel::Warning), from: last_hour, ..Criteria::default() },
        ),
        ("errors by selector", filter(json!({"log_level": {"$gte": 40}}))),
        ("errors of a node", filter(json!({"log_level": {"$gte": 40}, "source.node_id": node_id(7)}))),
        ("a type's newest 100", filter(json!({"event_type": "log_warning"}))),
        ("an id", filter(json!({"_id": "01ARZ3NDEKTSV4RRFFQ69G5FAV"}))),
        ("word in all", text("pressure")),
        ("word in a fifth", text("aspirate ")),
        ("prefix in a fifth", text("incub")),
        ("word in a thousandth", text("centrifuge")),
        ("words in a thousandth", text("imbalance aspirate")),
        ("word in one", text("77007")),
        ("word in none", text("nonsense")),
        ("prefix of many numbers", text("770")),
        ("word in no warning", Criteria { level_min: Some(LogLevel::Critical), ..text("aspirate") }),
        ("by the message", filter(json!({"event_data.message": {"$regex": "well 77 .*imbalance"}}))),
        ("by a label that none has", filter(json!({"event_data.labels.room": "B12"}))),
    ];
    for (name, case) in cases {
        let mut times = Vec::new();
        let mut answer = String::new();
        for _ in 0..20 {
            let start = Instant::now();
            let page = store.search(criteria(case.clone())).await.expect("the store answers");
            times.push(start.elapsed());
            answer = format!("{} found, {} scanned, complete {}", page.items.len(), page.scanned, page.complete);
            if start.elapsed() > Duration::from_millis(500) {
                break;
            }
        }
        times.sort();
        println!("{name:28} p50 {:9.3?} p95 {:9.3?}  {answer}", times[times.len() / 2], times[times.len() * 19 / 20]);
    }
    for (name, case) in [
        ("histogram", Criteria::default()),
        ("histogram of warnings", Criteria { level_min: Some(LogLevel::Warning), ..Criteria::default() }),
        ("histogram of a word", text("centrifuge")),
        ("histogram of a node", filter(json!({"source.node_id": node_id(7)}))),
        ("histogram by the message", filter(json!({"event_data.message": {"$regex": "imbalance"}}))),
    ] {
        let request = HistogramRequest { criteria: case, buckets: 80, time_max: Duration::from_secs(2) };
        let start = Instant::now();
        let histogram = store.histogram(request).await.expect("the store answers");
        println!(
            "{name:28} {:9.3?}  {} buckets, complete {}",
            start.elapsed(),
            histogram.buckets.len(),
            histogram.complete
        );
    }
}

/// Inserts the rows of the store into tables of the same making, in transactions of a thousand, and nothing else.
fn bare_loop(file: &Path, folder: &Path) -> f64 {
    const ROWS: usize = 100_000;
    let from = Connection::open(file).expect("the store can be read");
    let mut schema = from
        .prepare("SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL AND tbl_name = 'event' OR name = 'event_text'")
        .expect("a schema");
    let schema: Vec<String> =
        schema.query_map([], |row| row.get(0)).and_then(Iterator::collect).expect("texts of the schema");
    let mut select = from.prepare(&format!("SELECT * FROM event LIMIT {ROWS}")).expect("a table");
    let columns = select.column_count();
    let rows: Vec<Vec<SqlValue>> = select
        .query_map([], |row| (0..columns).map(|column| row.get(column)).collect())
        .and_then(Iterator::collect)
        .expect("rows");
    let mut rates = Vec::new();
    for with_text in [true, false] {
        let mut to = Connection::open(folder.join(format!("bare-{with_text}.sqlite"))).expect("a new file");
        to.execute_batch("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;").expect("a mode");
        to.execute_batch(&schema.join(";")).expect("the same tables");
        let start = Instant::now();
        for part in rows.chunks(1000) {
            let transaction = to.transaction().expect("a transaction");
            let marks = vec!["?"; columns].join(",");
            let mut insert = transaction.prepare_cached(&format!("INSERT INTO event VALUES ({marks})")).expect("SQL");
            let mut index =
                transaction.prepare_cached("INSERT INTO event_text(rowid, words) VALUES (?, ?)").expect("SQL");
            for row in part {
                insert.execute(rusqlite::params_from_iter(row)).expect("a row goes in");
                if with_text {
                    index.execute(params![row[0], row[11]]).expect("a text goes in");
                }
            }
            drop((insert, index));
            transaction.commit().expect("a commit");
        }
        let rate = rows.len() as f64 / start.elapsed().as_secs_f64();
        println!("bare loop, {} words: {rate:.0} rows/s", if with_text { "with" } else { "without" });
        rates.push(rate);
    }
    rates[0]
}
