//! Collectors come and go while the database stands still: partitions change hands with batches in flight and queues full.

use labtrail_tests::{
    lab::{Lab, wait_until_within},
    services::{Kafka, Mongod},
};

use super::{
    chance,
    load::Load,
    site::{DRAIN_TIME_MAX, Site, metric},
};

const PARTITIONS: usize = 4;

/// 60 MB in all, many times what may wait in a collector.
const EVENTS: usize = 3000;
const MESSAGE_BYTES: usize = 20_000;

#[test]
fn partitions_that_were_full_change_hands_and_come_back_while_mongod_stands_still() {
    let (lab, mongod, mut random) = (Lab::new(), Mongod::replica_set(1), chance());
    let site = Site::new(Kafka::shared(), &mongod, "rebalance", PARTITIONS);
    let mut load = Load::new(PARTITIONS);
    let first = lab.collector_with(&site.config());
    site.produce(&load.records(10, MESSAGE_BYTES, &mut random));
    site.wait_until_drained(load.len());

    mongod.pause(0);
    site.produce(&load.records(EVENTS, MESSAGE_BYTES, &mut random));
    let held = |count: usize| {
        wait_until_within(DRAIN_TIME_MAX, &format!("the first collector has {count} partitions"), || {
            (metric(&first, "labtrail_kafka_partitions ") == count as f64).then_some(())
        });
    };
    // That of the dead letters is one more.
    held(PARTITIONS + 1);
    wait_until_within(DRAIN_TIME_MAX, "all partitions are full", || {
        (metric(&first, "labtrail_kafka_partitions_paused") == PARTITIONS as f64).then_some(())
    });
    // To give some to another, its inserts must be given up: they do not end.
    let mut second = lab.absent_collector_with(&site.config());
    second.start();
    held(PARTITIONS / 2 + 1);
    second.kill();
    held(PARTITIONS + 1);
    mongod.resume(0);

    site.wait_until_drained(load.len());
    site.assert_holds(load.messages(), &first);
}
