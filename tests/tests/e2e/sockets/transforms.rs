//! What a section wants done with events is done with what sockets receive.

use labtrail_tests::lab::{Api, Lab, wait_until};

use super::receiver::{Receiver, messages, send_datagrams, send_lines, socket};

#[test]
fn a_summary_tells_how_many_were_throttled() {
    let lab = Lab::new();
    let [udp, tcp] = [(); 2].map(|()| lab.free_address());
    let collector = lab.collector();
    let throttle = "transforms = [{ throttle = { limit = 10, per = \"1s\", ignore_numbers = true } }]";
    let tables = socket(&format!("udp://{udp}"), throttle) + &socket(&format!("tcp://{tcp}"), throttle);
    let agent = Receiver::start(&lab, &collector.url(), &tables);
    send_datagrams(udp, &messages("datagram", 200));
    send_lines(tcp, &messages("line", 300));
    wait_until("all is read", || (agent.metric("records_read") >= 500).then_some(()));
    // Nobody sends anything any more.
    collector.wait_for_events(22);
    agent.wait_until_empty();
    let events = collector.events();
    let mut summaries: Vec<(u64, &str)> = events
        .iter()
        .filter_map(|event| Some((event.at("/event_data/suppressed/count").as_u64()?, event.message())))
        .collect();
    summaries.sort_unstable();
    let sum: u64 = summaries.iter().map(|(count, _)| count).sum();
    let kept = events.len() - summaries.len();
    assert_eq!(sum + kept as u64, 500, "{summaries:?}");
    assert_eq!(agent.metric("records_dropped"), sum);
    assert!(summaries.iter().all(|(_, message)| message.contains("similar suppressed")), "{summaries:?}");
}

#[test]
fn a_summary_is_not_lost_when_the_agent_stops() {
    let lab = Lab::new();
    let tcp = lab.free_address();
    let collector = lab.collector();
    let throttle = "transforms = [{ throttle = { limit = 1, per = \"1h\", ignore_numbers = true } }]";
    let mut agent = Receiver::start(&lab, &collector.url(), &socket(&format!("tcp://{tcp}"), throttle));
    send_lines(tcp, &messages("line", 50));
    wait_until("all is read", || (agent.metric("records_read") >= 50).then_some(()));
    agent.stop();
    // What the agent could not deliver in time is delivered by the next one.
    agent.start_again();
    agent.wait_until_empty();
    let events = collector.events();
    let counts: Vec<u64> =
        events.iter().filter_map(|event| event.at("/event_data/suppressed/count").as_u64()).collect();
    assert_eq!((events.len(), counts.as_slice()), (2, &[49][..]));
}

#[test]
fn what_is_secret_is_hidden_and_what_is_not_wanted_is_dropped_and_counted() {
    let lab = Lab::new();
    let [udp, tcp, door] = [(); 3].map(|()| lab.free_address());
    let collector = lab.collector();
    let transforms = "transforms = [\n  { redact = { patterns = [\"email\"] } },\n  \
                      { drop = { \"event_data.message\" = { \"$regex\" = \"heartbeat\" } } },\n  \
                      { set = { \"event_data.labels.line\" = \"A\" } },\n]";
    let tables = [format!("udp://{udp}"), format!("tcp://{tcp}"), format!("http://{door}")];
    let tables: String = tables.iter().map(|listen| socket(listen, transforms)).collect();
    let mut agent = Receiver::start(&lab, &collector.url(), &tables);
    let lines = [
        "run by ada@example.org began",
        "heartbeat 1",
        "{\"msg\": \"ok\", \"user\": \"ada@example.org\"}",
        "heartbeat 2",
    ]
    .map(str::to_owned);
    send_datagrams(udp, &lines);
    send_lines(tcp, &lines);
    for message in ["heartbeat 3", "mail to ada@example.org"] {
        let event = serde_json::json!({"event_type": "test", "event_data": {"message": message}});
        assert_eq!(Api::new(door).post_json("/event", &event).status, 200);
    }
    collector.wait_for_events(5);
    agent.wait_until_empty();
    agent.wait_for_metric("records_dropped", 5);
    let events = collector.events();
    assert_eq!(events.len(), 5);
    for event in &events {
        let text = format!("{event:?}");
        assert!(!text.contains("ada@example.org") && !text.contains("heartbeat"), "{text}");
        assert_eq!(*event.at("/event_data/labels/line"), "A", "{text}");
    }
    assert_eq!(agent.metric("records_dropped"), 5);
    agent.stop();
}
