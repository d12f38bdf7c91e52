//! The conformance tests on `MongoDB`, and what is particular to it.

mod journal;
mod madsci;
mod selectors;
mod trouble;

use std::{sync::Arc, time::Duration};

use jiff::tz::TimeZone;
use labtrail_shared::{
    filter::Filter,
    shutdown::{Stop, Tasks},
    telemetry::Metrics,
};
use labtrail_tests::services::Mongod;
use mongodb::{Client, Collection, bson::Document};
use serde_json::{Value, json};

use super::MongoStore;
use crate::store::{
    Criteria, EventStore, Expect, MongoConfig, NewEvent, Outcome, StoreConfig, StoreError, StoredEvent,
    conformance::{StoreBench, all, conformance_tests, event, every_page},
};

/// A store in a database of its own on the server that all tests share.
struct MongoBench {
    url: String,
    database: String,
    zone: TimeZone,
    tasks: Tasks,
    store: Arc<dyn EventStore>,
}

impl MongoBench {
    async fn open(url: String, database: String, zone: TimeZone) -> Self {
        let mut tasks = Tasks::new();
        let mongodb = MongoConfig { url: url.parse().unwrap(), database: database.clone(), ..MongoConfig::default() };
        let config = StoreConfig { mongodb, ..StoreConfig::default() };
        let metrics = Metrics::default();
        let store = MongoStore::open(&config, zone.clone(), &mut tasks, &metrics, Stop::default()).await;
        let store: Arc<dyn EventStore> = Arc::new(store.unwrap());
        Self { url, database, zone, tasks, store }
    }

    async fn on(url: String) -> Self {
        Self::open(url, new_name(), TimeZone::UTC).await
    }

    /// A second collector on the same database.
    async fn beside(&self) -> Self {
        Self::open(self.url.clone(), self.database.clone(), self.zone.clone()).await
    }

    async fn close(mut self) {
        drop(self.store);
        self.tasks.drain(Duration::from_secs(10)).await.unwrap();
    }

    /// What stands in the database, as other programs see it.
    async fn collection(&self, name: &str) -> Collection<Document> {
        Client::with_uri_str(&self.url).await.unwrap().database(&self.database).collection(name)
    }

    async fn insert(&self, events: &[NewEvent]) -> Vec<Outcome> {
        self.store.insert(events.to_vec(), Expect::New).await.unwrap().outcomes
    }

    async fn every(&self, criteria: Criteria) -> Vec<StoredEvent> {
        every_page(self.store.as_ref(), all(criteria)).await
    }
}

fn new_name() -> String {
    format!("test_{}", labtrail_shared::event_id::mint())
}

/// The server that all tests share, which is started by whoever comes first.
async fn shared() -> &'static Mongod {
    tokio::task::spawn_blocking(Mongod::shared).await.unwrap()
}

impl StoreBench for MongoBench {
    async fn new() -> Self {
        Self::on(shared().await.url()).await
    }

    fn store(&self) -> &Arc<dyn EventStore> {
        &self.store
    }

    async fn reopened(self) -> Self {
        let (url, database, zone) = (self.url.clone(), self.database.clone(), self.zone.clone());
        self.close().await;
        Self::open(url, database, zone).await
    }
}

conformance_tests!(MongoBench);

fn filtered(selector: &Value) -> Criteria {
    Criteria { filter: Some(Filter::parse(selector).unwrap()), ..Criteria::default() }
}

#[tokio::test(flavor = "multi_thread")]
async fn documents_are_madscis_with_ours_behind() {
    let bench = MongoBench::new().await;
    let mut new = event(&json!({"_id": "a", "event_timestamp": "2026-11-23T09:18:44.331566+01:00", "log_level": 30,
        "event_data": {"small": 1, "large": 5_000_000_000_i64, "half": 0.5}}));
    new.kafka = Some(crate::store::KafkaPlace { topic: "events".into(), partition: 3, offset: 12 });
    bench.insert(std::slice::from_ref(&new)).await;
    let document = bench.collection("events").await.find_one(Document::new()).await.unwrap().unwrap();
    let fields: Vec<&str> = document.keys().map(String::as_str).collect();
    assert_eq!(fields[..11], labtrail_shared::event::FIELDS);
    assert_eq!(fields[11], "_labtrail");
    let expected = mongodb::bson::doc! {
        "time": mongodb::bson::DateTime::from_millis(new.time / 1000), "at": new.time,
        "received": mongodb::bson::DateTime::from_millis(new.received / 1000), "hash": new.hash.cast_signed(),
        "kafka": {"topic": "events", "partition": 3_i32, "offset": 12_i64},
    };
    assert_eq!(document.get_document("_labtrail").unwrap(), &expected);
    assert_eq!(document.get_i32("log_level").unwrap(), 30);
    assert_eq!(document.get_str("event_timestamp").unwrap(), "2026-11-23T09:18:44.331566+01:00");
    let data = mongodb::bson::doc! {"small": 1_i32, "large": 5_000_000_000_i64, "half": 0.5};
    assert_eq!(document.get_document("event_data").unwrap(), &data);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_bson_cannot_hold_comes_back_verbatim() {
    let bench = MongoBench::new().await;
    let events = [
        event(&json!({"_id": "integer", "event_data": {"n": u64::MAX, "m": 7}})),
        event(&json!({"_id": "name", "event_data": {"a\0b": 1, "a": {"\0": [2]}, "m": 8}})),
    ];
    bench.insert(&events).await;
    for new in &events {
        let stored = bench.store.get(&new.event.id).await.unwrap().unwrap();
        assert_eq!(stored.event.to_string(), new.event.to_json().to_string());
    }
    let check = async |selector: Value, expected: &[&str]| {
        let found = bench.every(filtered(&selector)).await;
        let mut found: Vec<&str> = found.iter().map(StoredEvent::id).collect();
        found.sort_unstable();
        assert_eq!(found, expected, "{selector}");
    };
    check(json!({"event_data.n": {"$gt": i64::MAX}}), &["integer"]).await;
    check(json!({"event_data.m": 8}), &["name"]).await;
    check(json!({"event_data.a\0b": 1}), &["name"]).await;
    check(json!({"event_data": {"a\u{FFFF}b": 1, "a": {"\u{FFFF}": [2]}, "m": 8}}), &[]).await;
    check(json!({"event_data.a\u{FFFF}b": {"$exists": false}}), &["integer", "name"]).await;
    check(json!({"event_data": {"$ne": {"a\0b": 1, "a": {"\0": [2]}, "m": 8}}}), &["integer"]).await;
    check(json!({"event_data": {"$lt": {"a\u{1}": 1}}}), &["name"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_database_refuses_does_not_stop_its_neighbours() {
    let bench = MongoBench::new().await;
    let raw = bench.collection("events").await;
    raw.create_index(
        mongodb::IndexModel::builder()
            .keys(mongodb::bson::doc! {"event_data.serial": 1})
            .options(mongodb::options::IndexOptions::builder().unique(true).sparse(true).build())
            .build(),
    )
    .await
    .unwrap();
    let large = "x".repeat(17 << 20);
    let events = [
        event(&json!({"_id": "a", "event_data": {"serial": 1}})),
        event(&json!({"_id": "large", "event_data": {"message": large}})),
        event(&json!({"_id": "b", "event_data": {"serial": 1}})),
        event(&json!({"_id": "c", "event_data": {"serial": 2}})),
    ];
    for expect in [Expect::New, Expect::Repeats] {
        let outcomes = bench.store.insert(events.to_vec(), expect).await.unwrap().outcomes;
        let [first, large, other, last] = &outcomes[..] else { panic!("one outcome each") };
        let known = if expect == Expect::New { Outcome::Stored } else { Outcome::Duplicate };
        assert_eq!((first, last), (&known, &known));
        let Outcome::Unstorable { reason, event } = large else { panic!("16 MiB are possible") };
        assert!(reason.contains("16777216"), "{reason}");
        assert_eq!(event["_id"], "large");
        let Outcome::Unstorable { reason, event } = other else { panic!("{other:?}") };
        assert!(reason.contains("unique index"), "{reason}");
        assert_eq!(**event, events[2].event.to_json());
    }
    // The owner of the database may have rules of his own.
    let database = bench.collection("events").await;
    let rule = mongodb::bson::doc! {"collMod": "events", "validator": {"event_data.serial": {"$ne": 13}}};
    Client::with_uri_str(&bench.url).await.unwrap().database(&bench.database).run_command(rule).await.unwrap();
    let refused = event(&json!({"_id": "d", "event_data": {"serial": 13}}));
    let outcomes = bench.insert(&[refused, event(&json!({"_id": "e"}))]).await;
    assert!(matches!(&outcomes[..], [Outcome::Unstorable { .. }, Outcome::Stored]), "{outcomes:?}");
    assert_eq!(database.count_documents(Document::new()).await.unwrap(), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn repeats_are_found_before_they_are_sent() {
    let bench = MongoBench::new().await;
    let events: Vec<NewEvent> = (0..50).map(|number| event(&json!({"_id": number.to_string()}))).collect();
    bench.insert(&events[..30]).await;
    let mut sent = events.clone();
    sent[3].hash += 1;
    sent.push(events[40].clone());
    let outcomes = bench.store.insert(sent, Expect::Repeats).await.unwrap().outcomes;
    for (number, outcome) in outcomes.iter().enumerate() {
        match number {
            3 => assert!(matches!(outcome, Outcome::Conflict(_))),
            0..30 | 50 => assert_eq!(*outcome, Outcome::Duplicate, "{number}"),
            _ => assert_eq!(*outcome, Outcome::Stored, "{number}"),
        }
    }
    assert_eq!(bench.store.count().await.unwrap(), 50);
}

#[tokio::test(flavor = "multi_thread")]
async fn filters_that_the_server_refuses_are_answered_here() {
    let bench = MongoBench::new().await;
    let events = [
        event(&json!({"_id": "a", "event_data": {"message": "abcdefghij".repeat(100)}})),
        event(&json!({"_id": "b", "event_data": {"message": "abc"}})),
    ];
    bench.insert(&events).await;
    // PCRE compiles no pattern that becomes larger than 64 KiB.
    let criteria = filtered(&json!({"event_data.message": {"$regex": "^((?:a|b|c|d|e|f|g|h|i|j){10}){100}$"}}));
    let found = bench.every(criteria.clone()).await;
    assert_eq!(found.iter().map(StoredEvent::id).collect::<Vec<_>>(), ["a"]);
    let request = crate::store::HistogramRequest { criteria, buckets: 5, time_max: Duration::from_secs(9) };
    let histogram = bench.store.histogram(request).await.unwrap();
    assert_eq!(histogram.buckets.iter().map(|bucket| bucket.counts.iter().sum::<u64>()).sum::<u64>(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_database_is_marked_as_madsci_marks_it() {
    let bench = MongoBench::new().await;
    let versions = bench.collection("schema_versions").await;
    let mark = loop {
        if let Some(mark) = versions.find_one(Document::new()).await.unwrap() {
            break mark;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    };
    assert_eq!(mark.get_str("version").unwrap(), "1.0.0");
    assert!(mark.get_datetime("applied_at").is_ok());
    let mut names = versions.list_index_names().await.unwrap();
    names.sort_unstable();
    assert_eq!(names, ["_id_", "applied_at_desc", "version_unique"]);
    // Another version, which we do not know, is left alone.
    let other = mongodb::bson::doc! {"$set": {"version": "9.0.0"}};
    versions.update_one(Document::new(), other).await.unwrap();
    let bench = bench.reopened().await;
    bench.insert(&[event(&json!({"_id": "a"}))]).await;
    assert_eq!(versions.count_documents(Document::new()).await.unwrap(), 1);
}

fn assert_unavailable<T: std::fmt::Debug>(result: Result<T, StoreError>) {
    let error = result.unwrap_err();
    assert!(matches!(error, StoreError::Unavailable { .. }), "{error:?}");
}
