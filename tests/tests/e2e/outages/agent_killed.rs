//! Agents and brokers die while instruments write and rotate: on the way through Kafka, too, every line is stored once.

use std::thread;

use labtrail_tests::{
    lab::{Lab, assert_stored_once},
    services::{Kafka, Mongod},
};
use rand::RngExt;

use super::{
    chance,
    site::{Site, metric},
};
use crate::crashes::oracle::Oracle;

const KILLS: usize = 25;
const LINES: usize = 20_000;

/// A broker is started again so often; that takes some seconds, in which the agent is killed several times.
const RESTARTS: usize = 4;

#[test]
fn every_line_is_stored_once_across_kills_of_the_agent_and_restarts_of_the_broker() {
    let (kafka, lab, mut random) = (Kafka::start(), Lab::new(), chance());
    let site = Site::new(&kafka, Mongod::shared(), "agent-killed", 4);
    let collector = lab.collector_with(&site.config());
    let mut oracle = Oracle::new(&lab, LINES);
    // Rotated files are matched in one folder and not in the other. Nobody waits long enough for a line to count as
    // unfinished for good.
    let patience = "partial_after = \"300s\"";
    let files = [("logs/all", patience), ("logs/live/*.log", patience)];
    let mut agent = lab.agent_to_kafka(&kafka.brokers(), &site.topic(), "", &files);
    site.wait_until_drained(oracle.written() as usize);
    thread::scope(|scope| {
        let mut restart = None;
        for kill in 0..KILLS {
            if kill % (KILLS / RESTARTS) == 0 && restart.is_none() {
                let is_killed = random.random::<bool>();
                restart = Some(scope.spawn({
                    let kafka = &kafka;
                    move || {
                        if is_killed {
                            kafka.kill(0);
                        } else {
                            kafka.stop(0);
                        }
                        kafka.start_broker(0);
                    }
                }));
            }
            restart = restart.filter(|restart| !restart.is_finished());
            oracle.write_until(LINES * (kill + 1) / KILLS, &mut random);
            agent.kill();
            let down_for = if random.random_bool(0.3) { random.random_range(0..400) } else { 0 };
            oracle.write_until(oracle.written() as usize + down_for, &mut random);
            agent.start();
        }
    });
    oracle.finish(&mut random);

    let lines = oracle.lines();
    site.wait_until_drained(lines.len());
    agent.stop();
    site.assert_holds(lines, &collector);
    assert_stored_once(lines, &collector.events());
    println!("{} events were sent more than once", metric(&collector, "labtrail_events_duplicates_total"));
}
