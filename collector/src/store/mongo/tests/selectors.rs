//! A selector means the same in memory, in `SQLite` and in `MongoDB`, with the real server as the judge.
//!
//! Random events and selectors that are likely to meet; each selector is asked of the server verbatim, and ids and order are
//! compared. A few thousand pairs run always; 100,000 and more, from another seed if wanted, by
//!
//!     LABTRAIL_SELECTOR_PAIRS=100000 LABTRAIL_SELECTOR_SEED=0 cargo test -p labtrail-collector --lib -- selectors

use labtrail_shared::{
    filter::{Filter, generate},
    shutdown::Tasks,
    telemetry::Metrics,
};
use mongodb::{
    Collection,
    bson::{Bson, Document, Regex, doc},
};
use serde_json::{Map, Value};

use super::{MongoBench, filtered};
use crate::store::{
    EventStore, Expect, Order, Search, SqliteStore, StoreConfig, StoredEvent,
    conformance::{StoreBench, all, event},
};

/// Documents times selectors of a round.
const ROUND_PAIRS: u64 = 400;

fn number_of(variable: &str, default: u64) -> u64 {
    std::env::var(variable).map_or(default, |number| number.parse().expect("a number"))
}

/// A selector, or a part of it, for the server: extended JSON's numbers and patterns become what they stand for.
fn verbatim(value: &Value) -> Bson {
    let wrapped = value.as_object().filter(|object| object.len() == 1).and_then(|object| object.iter().next());
    match (value, wrapped) {
        (_, Some((key, Value::String(digits)))) if key == "$numberInt" => Bson::Int32(digits.parse().unwrap()),
        (_, Some((key, Value::String(digits)))) if key == "$numberLong" => Bson::Int64(digits.parse().unwrap()),
        (_, Some((key, Value::String(digits)))) if key == "$numberDouble" => Bson::Double(digits.parse().unwrap()),
        (_, Some((key, pattern))) if key == "$regularExpression" => {
            let text = |name: &str| pattern[name].as_str().unwrap().to_owned().try_into().unwrap();
            Bson::RegularExpression(Regex { pattern: text("pattern"), options: text("options") })
        }
        (Value::Object(fields), _) => Bson::Document(verbatim_document(fields)),
        (Value::Array(items), _) => items.iter().map(element).collect(),
        (plain, _) => super::super::filter_bson::bson(plain).unwrap(),
    }
}

/// What stands in an array, where a pattern may be spelt as operators are; the driver makes it one value.
fn element(value: &Value) -> Bson {
    let Some(Value::String(pattern)) = value.get("$regex") else { return verbatim(value) };
    let options = value.get("$options").and_then(Value::as_str).unwrap_or_default();
    let text = |text: &str| text.to_owned().try_into().unwrap();
    Bson::RegularExpression(Regex { pattern: text(pattern), options: text(options) })
}

fn verbatim_document(fields: &Map<String, Value>) -> Document {
    fields.iter().map(|(name, value)| (name.clone(), verbatim(value))).collect()
}

/// Why the server cannot be asked.
fn is_beyond_the_server(selector: &Value) -> Option<&'static str> {
    fn asks_into_empty_path(value: &Value) -> bool {
        let looks_into = |value: &Value| value.to_string().contains("$elemMatch");
        match value {
            Value::Object(fields) => {
                fields.iter().any(|(name, value)| (name.is_empty() && looks_into(value)) || asks_into_empty_path(value))
            }
            Value::Array(items) => items.iter().any(asks_into_empty_path),
            _ => false,
        }
    }
    asks_into_empty_path(selector).then_some("mongod 6.0.5 was seen to end with a segmentation fault")
}

async fn answers(collection: &Collection<Document>, selector: &Value, sort: Document) -> Vec<Bson> {
    let query = verbatim_document(selector.as_object().unwrap());
    let cursor = collection.find(query).sort(sort).projection(doc! {"_id": 1}).await;
    let mut cursor = cursor.unwrap_or_else(|error| panic!("the server refuses {selector}: {error}"));
    let mut ids = Vec::new();
    while cursor.advance().await.unwrap() {
        ids.push(cursor.deserialize_current().unwrap().remove("_id").unwrap());
    }
    ids
}

async fn found(store: &dyn EventStore, selector: &Value, order: Order) -> Vec<Bson> {
    let page = store.search(Search { order, ..all(filtered(selector)) }).await.unwrap();
    page.items.iter().map(|event| Bson::from(event.id())).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn selectors_mean_what_mongodb_means() {
    let seed = number_of("LABTRAIL_SELECTOR_SEED", 1000);
    let rounds = number_of("LABTRAIL_SELECTOR_PAIRS", 4000).div_ceil(ROUND_PAIRS);
    let bench = MongoBench::new().await;
    let events = bench.collection("events").await;
    let plain = bench.collection("plain").await;
    let (mut asked, mut matched) = (0, 0);
    for seed in seed..seed + rounds {
        let round = generate::round(seed);
        if seed % 2 == 0 {
            let folder = tempfile::tempdir().unwrap();
            let mut tasks = Tasks::new();
            let file = folder.path().join("events.sqlite");
            let sqlite = SqliteStore::open(&file, &StoreConfig::default(), &mut tasks, &Metrics::default()).unwrap();
            let new: Vec<_> = round.documents.iter().map(event).collect();
            events.delete_many(doc! {}).await.unwrap();
            sqlite.insert(new.clone(), Expect::New).await.unwrap();
            bench.store.insert(new, Expect::New).await.unwrap();
            let every = bench.every(filtered(&Value::Object(Map::new()))).await;
            for selector in &round.selectors {
                if is_beyond_the_server(selector).is_some() {
                    continue;
                }
                let filter = Filter::parse(selector).unwrap();
                let here = every.iter().filter(|event| filter.matches(&event.event));
                let mut here: Vec<Bson> = here.map(StoredEvent::id).map(Bson::from).collect();
                for (order, direction) in [(Order::Descending, -1), (Order::Ascending, 1)] {
                    let sort = doc! {"_labtrail.at": direction, "_id": direction};
                    let judged = answers(&events, selector, sort).await;
                    assert_eq!(here, judged, "in memory, seed {seed}: {selector}");
                    assert_eq!(found(&sqlite, selector, order).await, judged, "SQLite, seed {seed}: {selector}");
                    let ours = found(bench.store.as_ref(), selector, order).await;
                    assert_eq!(ours, judged, "MongoDB, seed {seed}: {selector}");
                    here.reverse();
                }
                asked += round.documents.len();
                matched += here.len();
            }
            drop(sqlite);
            tasks.drain(std::time::Duration::from_secs(10)).await.unwrap();
        } else {
            // Documents of any shape are no events; the matcher alone is judged.
            plain.delete_many(doc! {}).await.unwrap();
            let documents = round.documents.iter().map(verbatim_stored);
            plain.insert_many(documents).await.unwrap();
            for selector in &round.selectors {
                if is_beyond_the_server(selector).is_some() {
                    continue;
                }
                let filter = Filter::parse(selector).unwrap();
                let here = round.documents.iter().filter(|document| filter.matches(document));
                let here: Vec<Bson> = here.map(|document| verbatim(&document["_id"])).collect();
                assert_eq!(here, answers(&plain, selector, doc! {"_id": 1}).await, "seed {seed}: {selector}");
                asked += round.documents.len();
                matched += here.len();
            }
        }
    }
    println!("{asked} pairs, {matched} matches");
    assert!(matched * 50 > asked, "enough of them meet");
    bench.close().await;
}

fn verbatim_stored(document: &Value) -> Document {
    match super::super::filter_bson::bson(document) {
        Some(Bson::Document(document)) => document,
        _ => unreachable!("a document of plain names"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_cases_written_by_hand_are_judged_too() {
    let bench = MongoBench::new().await;
    let plain = bench.collection("plain").await;
    for (document, selector, expected) in generate::cases() {
        if is_beyond_the_server(&selector).is_some() {
            continue;
        }
        plain.delete_many(doc! {}).await.unwrap();
        let Some(Bson::Document(stored)) = super::super::filter_bson::bson(&document) else { continue };
        plain.insert_one(stored).await.unwrap();
        let is_found = !answers(&plain, &selector, doc! {"_id": 1}).await.is_empty();
        assert_eq!(is_found, expected, "{document} {selector}");
    }
    bench.close().await;
}
