//! The database is away under load: everything waits in Kafka, and what comes over HTTP goes there too.

use std::time::{Duration, Instant};

use labtrail_tests::{
    lab::{Answer, Collector, Lab, wait_until},
    services::{Kafka, Mongod},
};
use rand::{RngExt, rngs::StdRng};
use serde_json::json;

use super::{
    chance,
    load::Load,
    site::{Site, metric},
};

const PARTITIONS: usize = 4;

/// Before the outage, all of it there before the collector is: so its buffers have the size that they have under load.
const WARM_EVENTS: usize = 2000;
/// During the outage, in parts; after each of them somebody posts over HTTP.
const PARTS: usize = 30;
const PART_EVENTS: usize = 100;
/// A message of this size makes the whole 60 MB, many times what a collector may hold.
const MESSAGE_BYTES: usize = 20_000;

/// MADSci's client waits for an answer for ten seconds; then it never sends the event again. The collector waits for eight at
/// most; the machine may be busy with other tests.
const CLIENT_PATIENCE: Duration = Duration::from_secs(15);

/// What waiting may add to the collector's memory; 60 MB wait.
const GROWTH_WAITING_MAX: u64 = 16 << 20;

/// What working off the rest may add: more of it is read at once than before, and a debug build's peaks differ from one
/// run to the next by as much as this.
const GROWTH_DRAINING_MAX: u64 = 128 << 20;

#[test]
fn while_mongod_is_stopped_everything_waits_in_kafka_and_memory_is_flat() {
    let mongod = Mongod::replica_set(1);
    check("mongod-stopped", &mongod, true, || mongod.stop(0), || mongod.start(0));
}

#[test]
fn while_mongod_stands_still_everything_waits_in_kafka_and_memory_is_flat() {
    let mongod = Mongod::replica_set(1);
    check("mongod-paused", &mongod, false, || mongod.pause(0), || mongod.resume(0));
}

/// `dies`: whether the collector is killed, too, while it waits.
fn check(name: &str, mongod: &Mongod, dies: bool, take_away: impl Fn(), bring_back: impl Fn()) {
    let (lab, mut random) = (Lab::new(), chance());
    let site = Site::new(Kafka::shared(), mongod, name, PARTITIONS);
    let mut load = Load::new(PARTITIONS);
    site.produce(&load.records(WARM_EVENTS, MESSAGE_BYTES, &mut random));
    let mut collector = lab.collector_with(&site.config());
    site.wait_until_drained(load.len());
    let memory_before = collector.process().memory_peak();

    take_away();
    for _ in 0..PARTS {
        site.produce(&load.records(PART_EVENTS, MESSAGE_BYTES, &mut random));
        assert_taken(&post_some(&collector, &mut load, &mut random));
    }
    // It is at its limit, and has tried again.
    wait_until("the partitions wait for the store", || {
        let are_paused = metric(&collector, "labtrail_kafka_partitions_paused") >= 1.0;
        (are_paused && metric(&collector, "labtrail_kafka_store_retries_total") >= 1.0).then_some(())
    });
    assert!(metric(&collector, "labtrail_events_queued_total") > 0.0, "HTTP took the other way");
    let memory_meanwhile = collector.process().memory_peak();
    if dies {
        // What it held is not stored, so it must not be committed either.
        collector.kill();
        collector.start();
    }
    bring_back();

    site.wait_until_drained(load.len());
    assert_taken(&post_some(&collector, &mut load, &mut random));
    site.assert_holds(load.messages(), &collector);
    let memory_after = collector.process().memory_peak();
    let mib = |bytes| bytes >> 20;
    println!("{} MiB before, {} meanwhile, {} after", mib(memory_before), mib(memory_meanwhile), mib(memory_after));
    assert!(memory_meanwhile < memory_before + GROWTH_WAITING_MAX, "memory grows while everything waits");
    assert!(memory_after < memory_before + GROWTH_DRAINING_MAX, "memory grows while the rest is worked off");
}

#[test]
fn with_neither_mongod_nor_kafka_nothing_is_accepted_and_nothing_stored() {
    let (kafka, mongod) = (Kafka::start(), Mongod::standalone());
    let (lab, mut random) = (Lab::new(), chance());
    let site = Site::new(&kafka, &mongod, "neither", 2);
    let collector = lab.collector_with(&site.config());
    let mut load = Load::new(2);
    assert_taken(&post_some(&collector, &mut load, &mut random));
    site.wait_until_drained(load.len());
    let mut messages = load.messages().to_vec();

    mongod.stop(0);
    kafka.stop(0);
    // Some are never sent again, and some are.
    assert_refused(&post_some(&collector, &mut load, &mut random));
    let given_up = load.len();
    let again = [load.event(100), load.event(100)];
    assert_refused(&post(&collector, &again));
    kafka.start_broker(0);
    // The first of them may come before the collector has found the broker.
    wait_until("Kafka takes events again", || {
        let answers = post(&collector, &again);
        answers.iter().all(|answer| answer.status == 200).then_some(())
    });
    mongod.start(0);
    assert_taken(&post_some(&collector, &mut load, &mut random));
    messages.extend_from_slice(&load.messages()[given_up..]);
    site.wait_until_drained(messages.len());
    site.assert_holds(&messages, &collector);
}

/// Posts some new events on all routes.
fn post_some(collector: &Collector, load: &mut Load, random: &mut StdRng) -> Vec<Answer> {
    let events: Vec<String> = (0..random.random_range(2..5)).map(|_| load.event(100)).collect();
    post(collector, &events)
}

/// Posts the first of these events as MADSci's clients do, the others as a batch.
fn post(collector: &Collector, events: &[String]) -> Vec<Answer> {
    let (first, others) = events.split_first().expect("there are some");
    let json = [("content-type", "application/json")];
    let lines = [("content-type", "application/x-ndjson")];
    let began_at = Instant::now();
    let answer = collector.post("/event", &json, first.as_bytes());
    assert!(began_at.elapsed() < CLIENT_PATIENCE, "MADSci's client has given up");
    vec![answer, collector.post("/api/v1/events", &lines, others.join("\n").as_bytes())]
}

#[track_caller]
fn assert_taken(answers: &[Answer]) {
    for answer in answers {
        assert_eq!(answer.status, 200, "{}", answer.text);
    }
    assert_eq!(answers[1].json()["refused"], json!([]), "{}", answers[1].text);
}

#[track_caller]
fn assert_refused(answers: &[Answer]) {
    for answer in answers {
        assert_eq!(answer.status, 503, "{}", answer.text);
        let seconds = answer.header("retry-after").and_then(|seconds| seconds.parse::<u32>().ok());
        assert!(seconds.is_some_and(|seconds| seconds > 0), "no Retry-After: {}", answer.text);
    }
}
