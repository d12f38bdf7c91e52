//! What is too large for something.

use std::{io::Write as _, net::SocketAddr};

use labtrail_tests::lab::{Api, Lab, assert_stored_once, wait_until};
use serde_json::json;

use super::receiver::{Receiver, connect, messages, socket, texts};

#[test]
fn a_burst_fits_into_segments_that_are_smaller_than_a_batch() {
    let lab = Lab::new();
    let tcp = lab.free_address();
    let spool = "[spool]\nbytes_max = \"16MiB\"\nsegment_bytes = \"64KiB\"\n";
    let collector = lab.collector();
    let agent = Receiver::start(&lab, &collector.url(), &(socket(&format!("tcp://{tcp}"), "") + spool));
    let sent = messages(&"x".repeat(1000), 5000);
    connect(tcp).write_all((sent.join("\n") + "\n").as_bytes()).expect("the agent reads");
    agent.wait_for_metric("records_read", sent.len() as u64);
    agent.wait_until_empty();
    assert_eq!(agent.metric("records_lost"), 0, "{}", agent.log());
    assert_stored_once(&texts(&sent), &collector.events());
}

/// Posts an event with so many bytes at the door; the status of the answer.
fn post(door: SocketAddr, id: &str, bytes: usize) -> u16 {
    let event = json!({"_id": id, "event_type": "test", "event_data": {"text": "x".repeat(bytes)}});
    Api::new(door).post_json("/event", &event).status
}

#[test]
fn a_large_event_is_stored_whole() {
    let lab = Lab::new();
    let door = lab.free_address();
    let collector = lab.collector();
    let spool = "[spool]\nsegment_bytes = \"32MiB\"\n";
    let agent = Receiver::start(&lab, &collector.url(), &(socket(&format!("http://{door}"), "") + spool));
    let sizes = [100_000, 3 << 20, 12 << 20];
    for size in sizes {
        assert_eq!(post(door, &format!("large {size}"), size), 200);
    }
    collector.wait_for_events(3);
    agent.wait_until_empty();
    for size in sizes {
        let event = collector.get(&format!("/event/large%20{size}"), &[]).json();
        assert_eq!(event["event_data"]["text"].as_str().map(str::len), Some(size));
    }
    agent.wait_until_well();
}

#[test]
fn an_event_larger_than_a_segment_is_stored_and_one_larger_than_the_spool_is_refused_for_good() {
    let lab = Lab::new();
    let door = lab.free_address();
    let spool = "[spool]\nbytes_max = \"4MiB\"\nsegment_bytes = \"1MiB\"\n";
    let collector = lab.collector();
    let agent = Receiver::start(&lab, &collector.url(), &(socket(&format!("http://{door}"), "") + spool));
    assert_eq!(post(door, "too large", 6 << 20), 413, "trying again would not help");
    assert_eq!(post(door, "small", 100), 200);
    assert_eq!(post(door, "large", 2 << 20), 200);
    collector.wait_for_events(2);
    agent.wait_until_well();
}

#[test]
fn further_connections_wait_and_idle_ones_are_closed() {
    let lab = Lab::new();
    let tcp = lab.free_address();
    let collector = lab.collector();
    let more = "connections_max = 2\nidle_timeout = \"1s\"";
    let agent = Receiver::start(&lab, &collector.url(), &socket(&format!("tcp://{tcp}"), more));
    let sent = messages("message", 6);
    // More than may be open; each says something and is then silent.
    let open: Vec<_> = sent
        .iter()
        .map(|message| {
            let mut stream = connect(tcp);
            stream.write_all(format!("{message}\n").as_bytes()).expect("the kernel takes it");
            stream
        })
        .collect();
    collector.wait_for_events(1);
    assert!(agent.metric("socket_connections_open") <= 2);
    collector.wait_for_events(6);
    assert_stored_once(&texts(&sent), &collector.events());
    wait_until("all are closed", || (agent.metric("socket_connections_open") == 0).then_some(()));
    assert_eq!(agent.metric("socket_connections"), 6);
    drop(open);
}

#[test]
fn a_message_over_the_limit_is_cut_and_marked() {
    let lab = Lab::new();
    let tcp = lab.free_address();
    let collector = lab.collector();
    let agent =
        Receiver::start(&lab, &collector.url(), &socket(&format!("tcp://{tcp}"), "message_bytes_max = \"1KiB\""));
    let text = format!("start {}", "x".repeat(5000));
    connect(tcp).write_all(format!("{text}\nafter it\n").as_bytes()).expect("the agent reads");
    collector.wait_for_events(2);
    let events = collector.events();
    let cut = events.iter().find(|event| event.message().starts_with("start")).expect("it is stored");
    assert_eq!(cut.message(), &text[..1024]);
    let log = |name: &str| cut.at(&format!("/event_data/log/{name}"));
    assert_eq!((log("truncated"), log("original_length")), (&json!(true), &json!(5006)));
    assert!(events.iter().any(|event| event.message() == "after it"));
    assert_eq!(agent.metric("socket_cut_messages"), 1);
}
