//! MADSci's client sends to the agent of its own machine as it would send to the Event Manager, and what it was told is
//! taken is stored, whoever dies meanwhile.

use std::{collections::BTreeSet, net::SocketAddr, path::Path, process::Stdio};

use labtrail_tests::{
    lab::{Answer, Api, Collector, Lab},
    services::{madsci_client, madsci_python},
};
use serde_json::{Value, json};

use super::receiver::{Receiver, socket};

/// Runs `door.py`; what it prints.
fn log_events(lab: &Lab, door: SocketAddr, first: usize, count: usize, asks: bool) -> String {
    let folder = lab.path(format!("client-{first}"));
    std::fs::create_dir_all(&folder).expect("folders can be made");
    let mut command = madsci_python(&folder);
    command.env("PYTHONPATH", madsci_client()).env("TZ", "UTC").stdin(Stdio::null());
    command.arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/e2e/sockets/door.py"));
    command.arg(format!("http://{door}/")).arg(first.to_string()).arg(count.to_string()).args(asks.then_some("ask"));
    let output = command.output().expect("Python can be started");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "door.py ended with {}: {said}", output.status);
    assert!(!said.contains("Failed to send"), "{said}");
    String::from_utf8(output.stdout).expect("it prints text")
}

/// The ids of the events that `door.py` logged, of which each is stored as it was sent.
fn ids_stored(collector: &Collector) -> BTreeSet<String> {
    let events = collector.search(&[("filter", r#"{"event_type": "node_error"}"#)]);
    for event in &events {
        let number = event.at("/event_data/number").as_u64().expect("it has a number");
        assert_eq!(event.id(), id(number as usize));
        assert_eq!(*event.at("/event_data"), json!({"number": number, "text": "µl"}), "nothing is added");
        assert_eq!((event.level(), event.at("/alert")), (40, &json!(number % 2 == 0)));
        assert_eq!(*event.at("/source"), json!({"node_id": "01JDCXR1V2M3N4P5Q6R7S8N001"}));
    }
    let ids: BTreeSet<String> = events.iter().map(|event| event.id().to_owned()).collect();
    assert_eq!(ids.len(), events.len(), "nothing is stored twice");
    ids
}

fn id(number: usize) -> String {
    format!("01JDCXR1V2M3N4P5Q6R7S8{number:04}")
}

fn post(door: SocketAddr, body: &str) -> Answer {
    request("POST", door, "/event", body)
}

fn request(method: &str, door: SocketAddr, target: &str, body: &str) -> Answer {
    Api::new(door).request(method, target, &[("content-type", "application/json")], body.as_bytes())
}

#[test]
fn madsci_events_logged_while_the_collector_is_away_arrive_once_with_their_ids_also_across_a_kill() {
    let lab = Lab::new();
    let door = lab.free_address();
    let mut collector = lab.absent_collector();
    let mut agent = Receiver::start(&lab, &collector.url(), &socket(&format!("http://{door}"), ""));
    log_events(&lab, door, 0, 100, false);
    // What the client was told is taken is on disk.
    agent.kill();
    agent.start_again();
    log_events(&lab, door, 100, 100, false);
    agent.kill();
    agent.start_again();
    assert_eq!(request("GET", door, "/health", "").json()["healthy"], true);
    assert!(request("GET", door, "/events", "").status >= 500, "nobody can be asked");
    collector.start();
    collector.wait_until_ready();
    agent.wait_until_empty();
    let expected: BTreeSet<String> = (0..200).map(id).collect();
    assert_eq!(ids_stored(&collector), expected);
    // The same client asks through the door, and logs the same events once more.
    let answer = log_events(&lab, door, 150, 60, true);
    let answered: BTreeSet<String> = serde_json::from_str(&answer).expect("it prints JSON");
    assert!(answered.is_superset(&expected), "{answered:?}");
    agent.wait_until_empty();
    assert_eq!(ids_stored(&collector), (0..210).map(id).collect());
    agent.stop();
}

#[test]
fn the_door_answers_as_the_collector_does() {
    let lab = Lab::new();
    let door = lab.free_address();
    let collector = lab.collector();
    let source = "source = { node_id = \"01ARZ3NDEKTSV4RRFFQ69G5FAV\" }";
    let agent = Receiver::start(&lab, &collector.url(), &socket(&format!("http://{door}"), source));
    let bodies = [
        r#"{"event_type": "test", "_id": "01JDCXR1V2M3N4P5Q6R7S8A001", "event_timestamp": "2026-03-02T08:00:00", "event_data": {"a": 1}}"#,
        r#"{"event_type": "test", "_id": "01JDCXR1V2M3N4P5Q6R7S8A002", "event_timestamp": "2026-03-02T08:00:00+01:00", "log_level": 30, "event_data": "text", "alert": true}"#,
        "{\"event_type\": ",
        "[]",
        "\"text\"",
        "",
        r#"{"event_type": "no such type"}"#,
        r#"{"log_level": "loud"}"#,
        r#"{"log_level": 17}"#,
        r#"{"event_timestamp": "yesterday"}"#,
        r#"{"source": {"node_id": "no ulid"}}"#,
    ];
    for body in bodies {
        let (from_door, from_collector) =
            (post(door, body), collector.post("/event", &[("content-type", "application/json")], body.as_bytes()));
        assert_eq!(from_door.status, from_collector.status, "{body}: {} {}", from_door.text, from_collector.text);
        if from_door.status == 200 {
            continue;
        }
        assert_eq!(from_door.status, 422, "{body}: {}", from_door.text);
        assert_eq!(from_door.json(), from_collector.json(), "{body}");
    }
    agent.wait_until_empty();
    assert_eq!(agent.metric_of("records_lost", "not_an_event"), 9);
    for target in
        ["/events?number=5", "/event/01JDCXR1V2M3N4P5Q6R7S8A001", "/event/nobody", "/events?number=x", "/nothing"]
    {
        let (from_door, from_collector) =
            (request("GET", door, target, ""), collector.request("GET", target, &[], b""));
        assert_eq!((from_door.status, &from_door.text), (from_collector.status, &from_collector.text), "{target}");
    }
    let query = r#"{"event_type": "test"}"#;
    let (from_door, from_collector) = (
        request("POST", door, "/events/query", query),
        collector.post_json("/events/query", &json!({"event_type": "test"})),
    );
    assert_eq!((from_door.status, from_door.json()), (from_collector.status, from_collector.json()));
    assert_eq!(agent.metric("socket_received_messages"), 2);
}

#[test]
fn an_event_without_a_source_has_that_of_the_section() {
    let lab = Lab::new();
    let door = lab.free_address();
    let collector = lab.collector();
    let source = "source = { node_id = \"01ARZ3NDEKTSV4RRFFQ69G5FAV\" }";
    let agent = Receiver::start(&lab, &collector.url(), &socket(&format!("http://{door}"), source));
    let named = "01JDCXR1V2M3N4P5Q6R7S8N001";
    for body in [json!({"event_data": {"n": 1}}), json!({"event_data": {"n": 2}, "source": {"node_id": named}})] {
        assert_eq!(post(door, &body.to_string()).status, 200);
    }
    collector.wait_for_events(2);
    agent.wait_until_empty();
    let source_of = |n: u64| -> Value {
        let events = collector.events();
        let event = events.iter().find(|event| *event.at("/event_data/n") == json!(n)).expect("it is stored");
        event.at("/source/node_id").clone()
    };
    assert_eq!(source_of(1), "01ARZ3NDEKTSV4RRFFQ69G5FAV");
    assert_eq!(source_of(2), named);
}
