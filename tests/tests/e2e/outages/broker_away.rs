//! The broker is away while instruments rotate their files: the files themselves are the agent's buffer.

use labtrail_tests::{
    lab::{Lab, assert_stored_once, wait_until},
    services::{Kafka, Mongod},
};
use rand::RngExt;

use super::{
    chance,
    site::{Site, metric},
};

/// Rotations while the broker is away, and what is written between two of them.
const GENERATIONS: usize = 8;
const GENERATION_LINES: usize = 2000;
/// With these lines it is ten times what the agent may hold.
const LINE_BYTES: usize = 2500;
const QUEUE: &str = "queue_bytes_max = \"4MiB\"";

/// What the outage may add to the agent's memory: the queue, and the same bytes once more on their way into it.
const GROWTH_MAX: u64 = 12 << 20;

#[test]
fn files_that_are_rotated_while_the_broker_is_away_arrive_once_and_the_agent_stays_small() {
    let (kafka, lab, mut random) = (Kafka::start(), Lab::new(), chance());
    let site = Site::new(&kafka, Mongod::shared(), "broker-away", 4);
    let collector = lab.collector_with(&site.config());
    let mut lines: Vec<String> = Vec::new();
    let mut write = |file: &str, count: usize| {
        let mut text = String::new();
        for _ in 0..count {
            let word = format!(" {:x}", random.random::<u32>());
            let line = format!("line {:06}{}", lines.len(), word.repeat(LINE_BYTES / word.len()));
            text += &line;
            text.push('\n');
            lines.push(line);
        }
        lab.append(file, text);
        lines.len()
    };
    std::fs::create_dir_all(lab.path("logs")).expect("folders can be made");
    let count = write("logs/a.log", GENERATION_LINES);
    let mut agent = lab.agent_to_kafka(&kafka.brokers(), &site.topic(), QUEUE, &[("logs", "")]);
    site.wait_until_drained(count);
    let memory_before = agent.process().memory_peak();

    kafka.stop(0);
    let mut count = 0;
    for _ in 0..GENERATIONS {
        count = write("logs/a.log", GENERATION_LINES / 2);
        for generation in (1..GENERATIONS).rev() {
            let (from, to) = (format!("logs/a.log.{generation}"), format!("logs/a.log.{}", generation + 1));
            if lab.path(&from).exists() {
                lab.rename(from, to);
            }
        }
        lab.rename("logs/a.log", "logs/a.log.1");
        // Who has the file open goes on writing into it, and others into its successor.
        write("logs/a.log.1", GENERATION_LINES / 4);
        count = count.max(write("logs/a.log", GENERATION_LINES / 4));
    }
    wait_until("the agent notices", || agent.log().contains("no Kafka broker can be reached").then_some(()));
    let memory_meanwhile = agent.process().memory_peak();
    kafka.start_broker(0);
    site.wait_until_drained(count);
    let memory_after = agent.process().memory_peak();
    let mib = |bytes| bytes >> 20;
    println!("{} MiB before, {} meanwhile, {} after", mib(memory_before), mib(memory_meanwhile), mib(memory_after));
    agent.stop();
    site.assert_holds(&lines, &collector);
    assert_stored_once(&lines, &collector.events());
    assert_eq!(metric(&collector, "labtrail_events_refused_total"), 0.0);
    for memory in [memory_meanwhile, memory_after] {
        assert!(memory < memory_before + GROWTH_MAX, "memory grew from {memory_before} to {memory} bytes");
    }
}
