//! What happens when the spool is full is what the config says, and is counted to the last message.

use std::{
    collections::BTreeSet,
    io::{ErrorKind, Write as _},
    time::{Duration, Instant},
};

use labtrail_tests::lab::{Collector, Lab, assert_stored_once, wait_until};

use super::receiver::{Receiver, connect, messages, send_lines, socket, texts};

/// What is on its way to the collector is not dropped, so that has to be little.
const SHIP: &str = "batch_bytes_max = \"32KiB\"\nqueue_bytes_max = \"128KiB\"\n";

const SPOOL: &str = "[spool]\nbytes_max = \"256KiB\"\nsegment_bytes = \"64KiB\"\nmin_free_bytes = \"1KiB\"\n";

/// As many as the spool holds several times.
const GROUPS: usize = 40;
const GROUP: usize = 250;

struct Overflown {
    sent: Vec<String>,
    /// How long it took to send all.
    took: Duration,
    agent: Receiver,
    collector: Collector,
}

/// Sends much more than the spool holds while nobody takes it, then lets all be delivered.
fn overflow(lab: &Lab, when_full: &str) -> Overflown {
    let tcp = lab.free_address();
    let mut collector = lab.absent_collector();
    let tables = format!("{SHIP}{}{SPOOL}when_full = \"{when_full}\"\n", socket(&format!("tcp://{tcp}"), ""));
    let agent = Receiver::start(lab, &collector.url(), &tables);
    let (mut sent, began) = (Vec::new(), Instant::now());
    for group in 0..GROUPS {
        let messages = messages(&format!("group {group:03}"), GROUP);
        send_lines(tcp, &messages);
        sent.extend(texts(&messages));
        // One connection after the other, so that it is known which messages are the newest.
        agent.wait_for_metric("records_read", sent.len() as u64);
    }
    let took = began.elapsed();
    collector.start();
    agent.wait_until_empty();
    Overflown { sent, took, agent, collector }
}

fn stored(collector: &Collector) -> BTreeSet<String> {
    let events = collector.events();
    let stored: BTreeSet<String> = events.iter().map(|event| event.message().to_owned()).collect();
    assert_eq!(stored.len(), events.len(), "nothing is stored twice");
    stored
}

#[test]
fn a_full_spool_drops_the_oldest_and_counts_them() {
    let lab = Lab::new();
    let Overflown { sent, took, agent, collector } = overflow(&lab, "drop_oldest");
    let (stored, lost) = (stored(&collector), agent.metric_of("records_lost", "spool_full"));
    assert!(lost > 0, "the spool was full");
    let newest = &sent[sent.len() - GROUP..];
    assert!(newest.iter().all(|text| stored.contains(text)), "the newest are kept");
    // But for what was on its way already.
    assert!(sent[..sent.len() / 2].iter().any(|text| !stored.contains(text)), "the oldest made way");
    assert_eq!(agent.metric("records_lost"), lost, "for no other reason");
    assert_eq!(stored.len() as u64 + lost, sent.len() as u64, "{} stored and {lost} lost", stored.len());
    let said = agent.log().matches("records from sockets are dropped").count();
    // Once a second at most, however much is dropped.
    assert!((1..=took.as_secs() as usize + 2).contains(&said), "it is said {said} times in {took:?}");
    agent.wait_until_well();
}

#[test]
fn a_full_spool_drops_the_newest_and_counts_them() {
    let lab = Lab::new();
    let Overflown { sent, agent, collector, .. } = overflow(&lab, "drop_newest");
    let (stored, lost) = (stored(&collector), agent.metric_of("records_lost", "spool_full"));
    assert!(lost > 0, "the spool was full");
    assert!(sent[..GROUP].iter().all(|text| stored.contains(text)), "the oldest are kept");
    assert!(!stored.contains(&sent[sent.len() - 1]), "the newest is not taken");
    assert_eq!(agent.metric("records_lost"), lost, "for no other reason");
    assert_eq!(stored.len() as u64 + lost, sent.len() as u64, "{} stored and {lost} lost", stored.len());
    agent.wait_until_well();
}

#[test]
fn a_full_spool_that_blocks_holds_up_the_sender_and_loses_nothing() {
    let lab = Lab::new();
    let tcp = lab.free_address();
    let mut collector = lab.absent_collector();
    let tables = format!("{SHIP}{}{SPOOL}when_full = \"block\"\n", socket(&format!("tcp://{tcp}"), ""));
    let mut agent = Receiver::start(&lab, &collector.url(), &tables);
    let sent = messages(&"x".repeat(2000), 8000);
    let mut stream = connect(tcp);
    stream.set_write_timeout(Some(Duration::from_millis(500))).expect("a time can be set");
    let text = (sent.join("\n") + "\n").into_bytes();
    let mut written = 0;
    let held_up_at = loop {
        match stream.write(&text[written..]) {
            Ok(length) => written += length,
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => break written,
            Err(error) => panic!("the connection broke: {error}"),
        }
        assert!(written < text.len(), "the sender is held up");
    };
    agent.wait_for_log("waiting for room");
    agent.wait_for_problem("spool: ");
    let memory = agent.process().memory_peak();
    collector.start();
    stream.set_write_timeout(Some(Duration::from_mins(1))).expect("a time can be set");
    stream.write_all(&text[held_up_at..]).expect("the agent reads on");
    drop(stream);
    wait_until("all is read", || (agent.metric("records_read") >= sent.len() as u64).then_some(()));
    collector.wait_for_events(sent.len() as u64);
    agent.wait_until_empty();
    assert_eq!(agent.metric("records_lost"), 0);
    assert_stored_once(&texts(&sent), &collector.events());
    agent.wait_until_well();
    assert!(memory < 200 << 20, "waiting took {memory} bytes");
}
