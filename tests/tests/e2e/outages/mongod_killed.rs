//! The database dies between an insert and its answer, again and again: of every event there is one document.

use labtrail_tests::{
    lab::{Lab, wait_until},
    services::{Kafka, Mongod, bson::doc},
};
use rand::{RngExt, seq::IndexedRandom};
use serde_json::json;

use super::{
    chance,
    load::Load,
    site::{Site, metric},
};

const PARTITIONS: usize = 4;
/// Before each kill so many events, and while the server is dead some more.
const PART_EVENTS: usize = 4000;
const MEANWHILE_EVENTS: usize = 200;
const MESSAGE_BYTES: usize = 200;
const KILLS: usize = 6;

/// What is answered instead of what was asked for, or after it was done.
const FAILURES: [&str; 4] = ["closeConnection", "errorCode", "writeConcernError", "both"];

#[test]
fn a_mongod_that_is_killed_again_and_again_holds_every_event_once() {
    let (lab, mongod, mut random) = (Lab::new(), Mongod::replica_set(1), chance());
    let site = Site::new(Kafka::shared(), &mongod, "mongod-killed", PARTITIONS);
    let mut load = Load::new(PARTITIONS);
    let collector = lab.collector_with(&site.config());
    let retries = || metric(&collector, "labtrail_kafka_store_retries_total");
    for _ in 0..KILLS {
        let (count_before, retries_before) = (load.len(), retries());
        site.produce(&load.records(PART_EVENTS, MESSAGE_BYTES, &mut random));
        // Somewhere in this part.
        site.wait_for_more_than(count_before + random.random_range(0..PART_EVENTS / 2));
        mongod.kill(0);
        // A collector that was quick enough to have stored all of it meets the dead server with these.
        site.produce(&load.records(MEANWHILE_EVENTS, MESSAGE_BYTES, &mut random));
        wait_until("the collector notices", || (retries() > retries_before).then_some(()));
        mongod.start(0);
    }
    site.wait_until_drained(load.len());
    site.assert_holds(load.messages(), &collector);
}

#[test]
fn a_mongod_that_dies_after_an_insert_and_before_its_answer_is_not_given_the_events_again() {
    let (lab, mongod, mut random) = (Lab::new(), Mongod::replica_set(1), chance());
    let site = Site::new(Kafka::shared(), &mongod, "mongod-killed-before-answer", PARTITIONS);
    let mut load = Load::new(PARTITIONS);
    let collector = lab.collector_with(&site.config());
    for round in 0..2 {
        let count_before = load.len();
        mongod.command("admin", doc! {"configureFailPoint": "hangBeforeWaitingForWriteConcern", "mode": "alwaysOn"});
        site.produce(&load.records(500, MESSAGE_BYTES, &mut random));
        site.wait_for_more_than(count_before);
        if round == 0 {
            // All that was inserted is on the disk, and the collector knows nothing of it.
            wait_until_durable(&mongod);
        }
        mongod.kill(0);
        mongod.start(0);
        site.wait_until_drained(load.len());
        if round == 0 {
            assert!(metric(&collector, "labtrail_events_duplicates_total") > 0.0, "inserted events were recognized");
        }
    }
    site.assert_holds(load.messages(), &collector);
}

#[test]
fn answers_that_are_lost_or_say_that_nothing_is_sure_cost_no_event() {
    let (lab, mongod, mut random) = (Lab::new(), Mongod::replica_set(1), chance());
    let site = Site::new(Kafka::shared(), &mongod, "mongod-answers-lost", PARTITIONS);
    let mut load = Load::new(PARTITIONS);
    let collector = lab.collector_with(&site.config());
    for _ in 0..12 {
        let failure = *FAILURES.choose(&mut random).expect("there are some");
        let times = random.random_range(1..6);
        let before = failures(&mongod);
        fail_inserts(&site, failure, times);
        site.produce(&load.records(500, MESSAGE_BYTES, &mut random));
        wait_until("they failed so often", || (failures(&mongod) >= before + i64::from(times)).then_some(()));
    }
    site.wait_until_drained(load.len());
    assert!(metric(&collector, "labtrail_kafka_store_retries_total") >= 1.0, "no failure was noticed");
    site.assert_holds(load.messages(), &collector);
}

#[test]
fn events_without_ids_that_were_stored_and_not_confirmed_are_not_stored_again_by_way_of_kafka() {
    let (lab, mongod) = (Lab::new(), Mongod::replica_set(1));
    let site = Site::new(Kafka::shared(), &mongod, "unconfirmed", 1);
    let collector = lab.collector_with(&site.config());
    fail_inserts(&site, "writeConcernError", 1);
    let messages: Vec<String> = (0..5).map(|number| format!("event {number}")).collect();
    let events: Vec<_> =
        messages.iter().map(|message| json!({"event_data": {"message": message}}).to_string()).collect();
    let lines = [("content-type", "application/x-ndjson")];
    let answer = collector.post("/api/v1/events", &lines, events.join("\n").as_bytes());
    assert_eq!((answer.status, answer.json()["queued"].as_u64()), (200, Some(5)), "{}", answer.text);
    wait_until("what went through Kafka was there already", || {
        (metric(&collector, "labtrail_events_duplicates_total") == 5.0).then_some(())
    });
    site.assert_holds(&messages, &collector);
}

/// Waits until nothing of what was written so far can be lost. A forced flush is not enough: after a crash the server cuts
/// its log at a place of which it took note before.
fn wait_until_durable(mongod: &Mongod) {
    let optime = |name: &str| {
        let status = mongod.command("admin", doc! {"replSetGetStatus": 1});
        let optimes = status.get_document("optimes").expect("it is a member of a replica set");
        optimes.get_document(name).and_then(|optime| optime.get_timestamp("ts")).expect("an optime has a time")
    };
    let applied = optime("appliedOpTime");
    wait_until("what was inserted is durable", || (optime("durableOpTime") >= applied).then_some(()));
}

/// Lets the next inserts of events fail: unseen, refused for a reason that passes, or done and not confirmed.
fn fail_inserts(site: &Site<'_>, failure: &str, times: i32) {
    let mut data = doc! {"failCommands": ["insert"], "appName": "labtrail-collector", "namespace": site.namespace()};
    if failure == "closeConnection" {
        data.insert("closeConnection", true);
    }
    if failure == "errorCode" {
        // NotWritablePrimary
        data.insert("errorCode", 10_107);
    }
    if failure == "writeConcernError" || failure == "both" {
        data.insert("writeConcernError", doc! {"code": 64, "errmsg": "waiting for replication timed out"});
    }
    let mut command = doc! {"configureFailPoint": "failCommand", "mode": {"times": times}};
    command.insert("data", data);
    site.mongod.command("admin", command);
}

/// How often inserts have failed so far.
fn failures(mongod: &Mongod) -> i64 {
    let answer = mongod.command("admin", doc! {"getParameter": 1, "failpoint.failCommand": 1});
    let point = answer.get_document("failpoint.failCommand").unwrap_or_else(|error| panic!("{error}: {answer}"));
    let count = point.get("timesEntered").and_then(|count| count.as_i64().or(count.as_i32().map(i64::from)));
    count.unwrap_or_else(|| panic!("it is not counted: {answer}"))
}
