//! What comes again is marked again: whoever stored it may have died before it was marked.

use std::sync::Arc;

use bytes::Bytes;
use jiff::tz::TimeZone;
use labtrail_shared::telemetry::Metrics;
use serde_json::{Value, json};

use super::world::{SECOND, World};
use crate::{
    alerting::{marks::MarkContent, rows},
    ingest::{Ingest, Origin},
    kafka::record::Record,
    store::{Expect, KafkaPlace},
};

const OPS: &str = "[[receivers]]\nname = \"ops\"\nlog = {}\n";
const EACH: &str = "[[rules]]\nname = \"a\"\ntrigger = \"each\"\ngroup_by = [\"event_data.node\"]\n";
const MANAGER: &str = "01ARZ3NDEKTSV4RRFFQ69G5FAV";

fn hallway(world: &World) -> Ingest {
    let ingest = Ingest::new(Arc::clone(&world.store), None, TimeZone::UTC, MANAGER, 1000, &Metrics::default());
    ingest.with_marker(Some(world.marker.clone()))
}

fn record(event: &Value, offset: i64) -> Record {
    Record {
        place: KafkaPlace { topic: Arc::from("labtrail.events"), partition: 0, offset },
        time: None,
        key: Bytes::new(),
        value: Bytes::from(event.to_string()),
        headers: Vec::new(),
    }
}

#[tokio::test]
async fn records_that_are_read_again_are_marked() {
    let mut world = World::new(EACH, OPS);
    let events: Vec<Value> =
        ["N1", "N2"].map(|node| world.event(0, &json!({"event_data": {"node": node}})).event.to_json()).into();
    let records: Vec<Record> = events.iter().zip(0..).map(|(event, offset)| record(event, offset)).collect();
    let ingest = hallway(&world);
    let reader = ingest.record_reader();
    // The first is stored, and its collector is no more; the second is new.
    let stored = reader.read(&records[..1], world.clock.now()).events;
    world.store.insert(stored, Expect::New).await.expect("stored");
    let identified = reader.identify(&records, world.clock.now());
    let taken = ingest.take_records_again(Arc::new(records), identified).await.expect("taken");
    assert_eq!((taken.stored, taken.duplicates), (1, 1));
    world.judge_for(SECOND).await;
    let mut firing: Vec<String> = world.alerts().await.iter().map(|stored| stored.alert.group.clone()).collect();
    firing.sort();
    assert_eq!(firing, ["\"N1\"", "\"N2\""]);
}

#[tokio::test]
async fn of_what_is_read_again_all_is_marked_that_concerns_a_rule() {
    let mut world =
        World::new(&format!("{EACH}when = {{ \"$or\" = [{{ log_level = 40 }}, {{ alert = true }}] }}\n"), OPS);
    let mut event = |node: &str, level: u8, alert: bool| {
        world.event(0, &json!({"event_data": {"node": node}, "log_level": level, "alert": alert})).event.to_json()
    };
    let events = [event("N1", 20, false), event("N2", 40, false), event("N3", 20, true), event("N4", 50, false)];
    let records: Vec<Record> = events.iter().zip(0..).map(|(event, offset)| record(event, offset)).collect();
    let ingest = hallway(&world);
    let reader = ingest.record_reader();
    let stored = reader.read(&records, world.clock.now()).events;
    world.store.insert(stored, Expect::New).await.expect("stored");
    let identified = reader.identify(&records, world.clock.now());
    let taken = ingest.take_records_again(Arc::new(records), identified).await.expect("taken");
    assert_eq!((taken.stored, taken.duplicates), (0, 4));
    let mut marked: Vec<String> = rows::read_all::<_, MarkContent>(&*world.store, rows::MARK, "")
        .await
        .expect("rows")
        .into_iter()
        .map(|mark| mark.group)
        .collect();
    marked.sort();
    // The first of them is inserted once more, and would be marked by that.
    assert_eq!(marked, ["\"N2\"", "\"N3\""]);
}

#[tokio::test]
async fn an_event_that_is_sent_again_is_marked() {
    let mut world = World::new(EACH, OPS);
    let event = world.event(0, &json!({"event_data": {"node": "N1"}}));
    let json = event.event.to_json();
    let ingest = hallway(&world);
    let origin = || Origin::http("127.0.0.1".parse().expect("an address"));
    ingest.take_one(json.clone(), b"", origin()).await.expect("taken");
    for mark in rows::all(&*world.store, rows::MARK, "").await.expect("rows") {
        let removed = rows::remove(rows::MARK, &mark);
        world.store.change_rows(vec![removed]).await.expect("removed");
    }
    ingest.take_one(json, b"", origin()).await.expect("taken");
    assert_eq!(world.marks().await, 1);
}
