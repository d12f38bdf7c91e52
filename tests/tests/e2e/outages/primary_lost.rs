//! A replica set loses its primary under load, and what was acknowledged is held by the next one.

use labtrail_tests::{
    lab::{Lab, wait_until},
    services::{Kafka, Mongod, bson::doc},
};
use rand::RngExt;

use super::{
    chance,
    load::Load,
    site::{Site, metric},
};

const PARTITIONS: usize = 4;
/// Before each loss.
const EVENTS: usize = 6000;
const MESSAGE_BYTES: usize = 200;

/// What happens to a primary, in this order: the members are then in all states that a set can be in.
const LOSSES: [Loss; 3] = [Loss::Killed, Loss::Frozen, Loss::SteppedDown];

#[derive(Clone, Copy)]
enum Loss {
    Killed,
    /// It goes on thinking that it is the primary until it sees the new one, and then undoes what nobody else has.
    Frozen,
    SteppedDown,
}

#[test]
fn a_replica_set_that_loses_its_primary_holds_every_event_once() {
    let (lab, mongod, mut random) = (Lab::new(), Mongod::replica_set(3), chance());
    let site = Site::new(Kafka::shared(), &mongod, "primary-lost", PARTITIONS);
    let mut load = Load::new(PARTITIONS);
    let collector = lab.collector_with(&site.config());
    for loss in LOSSES {
        let count = load.len() + random.random_range(0..EVENTS / 2);
        site.produce(&load.records(EVENTS, MESSAGE_BYTES, &mut random));
        site.wait_for_more_than(count);
        let first = mongod.primary();
        match loss {
            Loss::Killed => mongod.kill(first),
            Loss::Frozen => mongod.pause(first),
            Loss::SteppedDown => {
                mongod.command("admin", doc! {"replSetStepDown": 40, "secondaryCatchUpPeriodSecs": 30});
            }
        }
        // The next one works before this one is back.
        let count = load.len();
        site.produce(&load.records(EVENTS / 10, MESSAGE_BYTES, &mut random));
        site.wait_for_more_than(count);
        match loss {
            Loss::Killed => mongod.start(first),
            Loss::Frozen => mongod.resume(first),
            Loss::SteppedDown => {}
        }
    }
    site.wait_until_drained(load.len());
    site.assert_holds(load.messages(), &collector);
}

#[test]
fn what_only_a_lost_primary_had_is_stored_again() {
    let (lab, mongod, mut random) = (Lab::new(), Mongod::replica_set(3), chance());
    let site = Site::new(Kafka::shared(), &mongod, "primary-alone", PARTITIONS);
    let mut load = Load::new(PARTITIONS);
    site.produce(&load.records(500, MESSAGE_BYTES, &mut random));
    let mut collector = lab.collector_with(&site.config());
    site.wait_until_drained(load.len());

    let first = mongod.primary();
    let others = || (0..mongod.len()).filter(|member| *member != first);
    let set_replication_stop = |mode: &str| {
        let point = doc! {"configureFailPoint": "stopReplProducer", "mode": mode};
        others().for_each(|member| drop(mongod.command_on(member, "admin", point.clone())));
    };
    set_replication_stop("alwaysOn");
    let count = load.len();
    site.produce(&load.records(500, MESSAGE_BYTES, &mut random));
    // It is there for everyone to see, and yet nobody may rely on it.
    site.wait_for_more_than(count);
    // Not even who finds it there as somebody else's.
    collector.kill();
    collector.start();
    collector.wait_until_ready();
    wait_until("the collector is not told that it is safe", || {
        (metric(&collector, "labtrail_kafka_store_retries_total") >= 1.0).then_some(())
    });
    mongod.kill(first);
    set_replication_stop("off");
    mongod.primary();
    mongod.start(first);
    site.wait_until_drained(load.len());
    site.assert_holds(load.messages(), &collector);
}
