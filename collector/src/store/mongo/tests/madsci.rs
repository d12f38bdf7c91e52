//! A database that MADSci made, opened as it is.

use std::time::Duration;

use jiff::tz::TimeZone;
use mongodb::bson::{Bson, DateTime, Document, doc};
use serde_json::json;

use super::{Criteria, MongoBench, filtered, new_name, shared};
use crate::store::{
    HistogramRequest, Order, Outcome, Pages, Search, StoredEvent,
    conformance::{StoreBench, all, event, every_page},
};

/// An event as MADSci's server writes it.
fn madscis(id: &str, timestamp: impl Into<Bson>, level: i32) -> Document {
    doc! {
        "_id": id, "event_type": "log_info", "log_level": level, "alert": false, "event_timestamp": timestamp.into(),
        "source": {"manager_id": "01ARZ3NDEKTSV4RRFFQ69G5FAV"}, "event_data": {"message": format!("event {id}"), "$odd.name": 1},
        "trace_id": Bson::Null, "span_id": Bson::Null, "archived": false, "archived_at": Bson::Null,
    }
}

/// A database of MADSci with its indexes. In Zurich, newest first: `late`, `noon`, ..., and some that are odd.
async fn madsci_database() -> (String, Vec<&'static str>) {
    let database = new_name();
    let client = mongodb::Client::with_uri_str(shared().await.url()).await.unwrap();
    let events = client.database(&database).collection::<Document>("events");
    for field in ["event_timestamp", "log_level", "archived"] {
        events.create_index(mongodb::IndexModel::builder().keys(doc! {field: 1}).build()).await.unwrap();
    }
    let mut archived = madscis("archived", "2026-07-15T11:00:00", 20);
    archived.insert("archived", true);
    archived.insert("archived_at", DateTime::from_millis(1_790_000_000_000));
    let mut old = madscis("old", "2026-01-15T12:00:00.000001", 20);
    for field in ["trace_id", "span_id", "archived", "archived_at"] {
        old.remove(field);
    }
    // 2016-07-30T23:54:10.259Z, by its id.
    let mut odd = madscis("01ARYZ6S41TSV4RRFFQ69G5FAV", "yesterday", 40);
    odd.insert("event_type", "of_another_version");
    events
        .insert_many([
            madscis("noon", "2026-07-15T12:00:00.000002", 20),
            madscis("utc", "2026-07-15T10:00:00.000001Z", 30),
            madscis("late", "2026-07-15T08:00:01-05:00", 50),
            old,
            archived,
            madscis("india", "2026-07-15T15:30:00+05:30", 20),
            odd,
        ])
        .await
        .unwrap();
    let order = vec!["late", "noon", "utc", "india", "archived", "old", "01ARYZ6S41TSV4RRFFQ69G5FAV"];
    (database, order)
}

async fn open(database: &str) -> MongoBench {
    MongoBench::open(shared().await.url(), database.to_owned(), TimeZone::get("Europe/Zurich").unwrap()).await
}

async fn check(bench: &MongoBench, order: &[&str]) {
    for limit in [1, 2, 3, 100] {
        for direction in [Order::Descending, Order::Ascending] {
            let search = Search { limit, order: direction, ..all(Criteria::default()) };
            let found = every_page(bench.store.as_ref(), search).await;
            let mut found: Vec<&str> = found.iter().map(StoredEvent::id).collect();
            if direction == Order::Ascending {
                found.reverse();
            }
            assert_eq!(found, order, "{limit} at a time, {direction:?}");
        }
    }
    let count = async |criteria: Criteria| {
        let request = HistogramRequest { criteria: criteria.clone(), buckets: 20, time_max: Duration::from_secs(30) };
        let histogram = bench.store.histogram(request).await.unwrap();
        let found = bench.every(criteria).await.len() as u64;
        assert_eq!(histogram.buckets.iter().flat_map(|bucket| bucket.counts).sum::<u64>(), found);
        found
    };
    assert_eq!(count(Criteria::default()).await, order.len() as u64);
    assert_eq!(count(Criteria { archived: Some(true), ..Criteria::default() }).await, 1);
    assert_eq!(count(Criteria { archived: Some(false), ..Criteria::default() }).await, order.len() as u64 - 1);
    assert_eq!(count(filtered(&json!({"event_data.message": {"$regex": "^event [un]"}}))).await, 2);
    assert_eq!(count(filtered(&json!({"archived_at": {"$type": "string"}}))).await, 1);
    let noon = bench.store.get("noon").await.unwrap().unwrap();
    assert_eq!(noon.event["event_timestamp"], "2026-07-15T12:00:00.000002");
    // 2026-07-15T10:00:00.000002Z
    assert_eq!(noon.time, 1_784_109_600_000_002);
    let since = Criteria { from: Some(noon.time - 1), to: Some(noon.time), ..Criteria::default() };
    assert_eq!(bench.every(since).await.iter().map(StoredEvent::id).collect::<Vec<_>>(), ["utc"]);
    let old = bench.store.get("old").await.unwrap().unwrap();
    assert_eq!(old.event["archived"], false);
    let offset = Search { offset: 2, limit: 2, ..all(Criteria::default()) };
    let page = bench.store.search(offset).await.unwrap();
    assert_eq!(page.items.iter().map(StoredEvent::id).collect::<Vec<_>>(), order[2..4]);
}

async fn wait_until_filled(bench: &MongoBench) {
    let events = bench.collection("events").await;
    while events.count_documents(doc! {"_labtrail.at": Bson::Null}).await.unwrap() > 0 {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn madscis_events_are_readable_at_once_and_completed_by_and_by() {
    let (database, order) = madsci_database().await;
    let bench = open(&database).await;
    // Some are completed during this, or not; nobody can tell.
    check(&bench, &order).await;
    wait_until_filled(&bench).await;
    check(&bench, &order).await;
    let events = bench.collection("events").await;
    let filled = events.find_one(doc! {"_id": "noon"}).await.unwrap().unwrap();
    let mut expected = madscis("noon", "2026-07-15T12:00:00.000002", 20);
    expected.insert("_labtrail", filled.get("_labtrail").unwrap().clone());
    assert_eq!(filled, expected, "MADSci's fields stay as they are");
    // A repeat of an event that MADSci stored is one.
    let mut again = event(&json!({"_id": "x"}));
    again.event = {
        let stored = bench.store.get("noon").await.unwrap().unwrap();
        event(&stored.event).event
    };
    again.hash = labtrail_shared::record_hash::of_whole_event(&again.event.to_json());
    assert_eq!(bench.insert(&[again]).await, [Outcome::Duplicate]);
    // MADSci goes on writing, and another collector takes over.
    events.insert_one(madscis("last", "2026-11-01T00:00:00", 20)).await.unwrap();
    let bench = bench.reopened().await;
    let mut order = order;
    order.insert(0, "last");
    check(&bench, &order).await;
    wait_until_filled(&bench).await;
    check(&bench, &order).await;
    bench.close().await;
}

/// Events that cannot be completed stay as they were before, which is how the time before can be tested for long.
#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_completed_stays_readable_beside_what_is() {
    let (database, order) = madsci_database().await;
    let client = mongodb::Client::with_uri_str(shared().await.url()).await.unwrap();
    let rule =
        doc! {"collMod": "events", "validator": {"$or": [{"_labtrail": {"$exists": false}}, {"_id": {"$gte": "o"}}]}};
    client.database(&database).run_command(rule).await.unwrap();
    let bench = open(&database).await;
    let events = bench.collection("events").await;
    while events.count_documents(doc! {"_labtrail": {"$exists": true}}).await.unwrap() < 2 {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    // Now `old` and `utc` have their places, and the others have none.
    check(&bench, &order).await;
    let known = bench.store.hashes(vec!["noon".into(), "nowhere".into()]).await.unwrap();
    assert!(known[0].is_some() && known[1].is_none());
    bench.close().await;
}

/// While the database is not completed yet, little time never gives a part of the answer for the whole.
#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_found_in_time_is_asked_for_again() {
    let database = new_name();
    let client = mongodb::Client::with_uri_str(shared().await.url()).await.unwrap();
    let events = client.database(&database).collection::<Document>("events");
    let documents = (0..20_000).map(|number| {
        let timestamp = format!("2026-07-{:02}T12:00:00.{number:06}", number % 28 + 1);
        madscis(&format!("event {number:06}"), timestamp, 20)
    });
    events.insert_many(documents).await.unwrap();
    let bench = open(&database).await;
    for order in [Order::Ascending, Order::Descending] {
        let little = Search { order, limit: 500, time_max: Duration::from_millis(1), ..all(Criteria::default()) };
        let page = bench.store.search(little.clone()).await.unwrap();
        assert!(page.complete || page.next.is_some(), "there is a place to go on from");
        let mut pages = Pages::new(little);
        let mut found = std::collections::BTreeSet::new();
        while let Some(part) = pages.next(bench.store.as_ref(), 500).await.unwrap() {
            found.extend(part.iter().map(|event| event.id().to_owned()));
        }
        assert_eq!(found.len(), 20_000, "{order:?}");
    }
}
