//! What a line may look like.

use labtrail_tests::lab::Lab;
use serde_json::json;

#[test]
fn lines_of_every_form_are_kept() {
    let lab = Lab::new();
    let long = "é".repeat(3000);
    let mut bytes =
        b"\xEF\xBB\xBFmark at the start\r\n\r\n   \n\xEF\xBB\xBF\n21 \xC2\xB0C, a\rb\r\ncut \xB0 here \xFF\xFE\n"
            .to_vec();
    bytes.extend_from_slice(format!("{long}\nafter the long one\n").as_bytes());
    let path = lab.write("logs/a.log", &bytes);
    let collector = lab.collector();
    let mut agent = lab.agent(&collector, &[("logs", "line_bytes_max = \"2001B\"")]);
    collector.wait_for_events(5);
    agent.stop();
    let events = collector.events_of(&path);
    let messages: Vec<&str> = events.iter().map(|event| event.message()).collect();
    // The limit falls into the middle of a character.
    let kept = "é".repeat(1000);
    let expected =
        ["mark at the start", "21 °C, a\rb", "cut \u{FFFD} here \u{FFFD}\u{FFFD}", &kept, "after the long one"];
    assert_eq!(messages, expected);
    assert_eq!(collector.total_events(), Some(5), "blank lines are no events");
    assert_eq!(events[2].at("/event_data/log/invalid_sequences"), 3);
    assert_eq!(events[3].at("/event_data/log/truncated"), true);
    assert_eq!(events[3].at("/event_data/log/original_length"), 6000);
    let place = bytes.windows(5).position(|window| window == b"after").map(|at| at as u64);
    assert_eq!(events[4].offset(), place, "an offset is the place in the file");
}

#[test]
fn a_line_longer_than_every_buffer_is_cut_and_the_next_one_is_whole() {
    let lab = Lab::new();
    let path = lab.write("logs/a.log", format!("before\n{}\nafter\n", "x".repeat(3 << 20)));
    let collector = lab.collector();
    let _agent = lab.agent(&collector, &[("logs", "")]);
    collector.wait_for_events(3);
    let events = collector.events_of(&path);
    assert_eq!(events[1].message(), "x".repeat(64 << 10));
    assert_eq!(events[1].at("/event_data/log/original_length"), 3 << 20);
    assert_eq!((events[0].message(), events[2].message()), ("before", "after"));
}

#[test]
fn an_unfinished_last_line_is_sent_after_a_while_and_what_follows_is_a_line_of_its_own() {
    let lab = Lab::new();
    let path = lab.write("logs/a.log", "whole\nunfin");
    let collector = lab.collector();
    let mut agent = lab.agent(&collector, &[("logs", "partial_after = \"300ms\"")]);
    collector.wait_for_events(2);
    let events = collector.events_of(&path);
    assert_eq!(events[1].message(), "unfin");
    assert_eq!(events[1].at("/event_data/log/partial"), true);
    agent.kill();
    lab.append("logs/a.log", "ished\nnext\n");
    agent.start();
    collector.wait_for_events(4);
    agent.stop();
    assert_eq!(collector.messages_of(&path), ["whole", "unfin", "ished", "next"]);

    // The line end alone is no event.
    agent.start();
    lab.append("logs/a.log", "no line end");
    collector.wait_for_events(5);
    lab.append("logs/a.log", "\nlast\n");
    collector.wait_for_events(6);
    agent.stop();
    assert_eq!(collector.messages_of(&path)[4..], ["no line end", "last"]);
    assert_eq!(collector.total_events(), Some(6));
    assert!(collector.dead_letters().is_empty());
}

#[test]
fn a_line_that_is_written_in_pieces_is_one_event() {
    let lab = Lab::new();
    let path = lab.write("logs/a.log", "first\n");
    let collector = lab.collector();
    let _agent = lab.agent(&collector, &[("logs", "partial_after = \"60s\"")]);
    collector.wait_for_events(1);
    for (number, piece) in (1..).zip(["sec", "ond ", "°"]) {
        lab.append("logs/a.log", piece);
        // Another file shows that the agent has looked.
        lab.append("logs/marker.log", "a line\n");
        collector.wait_for_events(1 + number);
    }
    lab.append("logs/a.log", "\nthird\n");
    collector.wait_for_events(6);
    assert_eq!(collector.messages_of(&path), ["first", "second °", "third"]);
}

#[test]
fn json_lines_give_their_time_level_and_fields() {
    let lab = Lab::new();
    let record = r#"{"time":"2026-02-03T04:05:06.5+02:00","level":"error","message":"lid open","plate":7}"#;
    let path = lab.write("logs/a.jsonl", format!("{record}\n{{\"broken\": \n"));
    let collector = lab.collector();
    let _agent = lab.agent(&collector, &[("logs", "labels = { instrument = \"reader\" }")]);
    collector.wait_for_events(2);
    let events = collector.events_of(&path);
    assert_eq!((events[0].message(), events[0].level()), ("lid open", 40));
    assert_eq!(events[0].timestamp(), "2026-02-03T04:05:06.500000+02:00");
    assert!(events[0].time().starts_with("2026-02-03T02:05:06.5"), "{}", events[0].time());
    assert_eq!(events[0].at("/event_data/fields/plate"), 7);
    assert_eq!(events[0].at("/event_data/labels"), &json!({"instrument": "reader"}));
    assert_eq!(events[1].message(), "{\"broken\": ", "what is no JSON is a text");
    let found = collector.search(&[("filter", r#"{"event_data.fields.plate": {"$gte": 5}, "log_level": 40}"#)]);
    assert_eq!(found.len(), 1);
}
