//! What one `[[files]]` section says, and of which files.

use labtrail_tests::lab::Lab;
use serde_json::json;

const FIRST: (&str, &str) = ("logs/a.log", "labels = { instrument = \"first\" }\nzone = \"Europe/Zurich\"");
const SECOND: (&str, &str) = ("logs/b.log", "labels = { instrument = \"second\" }\nzone = \"America/Chicago\"");

#[test]
fn a_file_that_was_rotated_to_where_no_pattern_reaches_keeps_labels_and_zone_of_its_section() {
    let lab = Lab::new();
    lab.write("logs/a.log", "2026-02-03 04:05:01 first\n");
    lab.write("logs/b.log", "2026-02-03 04:05:02 second\n");
    let collector = lab.collector();
    let mut agent = lab.agent(&collector, &[FIRST, SECOND]);
    collector.wait_for_events(2);
    agent.stop();
    lab.append("logs/b.log", "2026-02-03 04:05:03 unread when it was rotated\n");
    lab.rename("logs/b.log", "logs/old b.log");
    agent.start();
    collector.wait_for_events(3);
    lab.append("logs/old b.log", "2026-02-03 04:05:04 written after that\n");
    collector.wait_for_events(4);
    agent.stop();
    let events = collector.events_of(&lab.path("logs/old b.log"));
    assert_eq!(events.len(), 2, "{events:#?}");
    for event in events {
        assert_eq!(event.at("/event_data/labels"), &json!({"instrument": "second"}), "{}", event.message());
        assert!(event.time().starts_with("2026-02-03T10:05:0"), "{}: {}", event.message(), event.time());
    }
    assert_eq!(collector.total_events(), Some(4));
}

#[test]
fn nothing_more_is_sent_of_a_section_that_was_removed() {
    let lab = Lab::new();
    lab.write("logs/a.log", "first\n");
    lab.write("logs/b.log", "second\n");
    let collector = lab.collector();
    let mut agent = lab.agent(&collector, &[FIRST, SECOND]);
    collector.wait_for_events(2);
    agent.stop();
    // One file was rotated with more to read, and there is a new one.
    lab.append("logs/b.log", "second, unread when it was rotated\n");
    lab.rename("logs/b.log", "logs/b.log.1");
    lab.write("logs/b.log", "second, never read\n");
    let mut agent = lab.agent(&collector, &[FIRST]);
    for start in 1..=3 {
        agent.kill();
        agent.start();
        lab.append("logs/b.log", "second, written later\n");
        lab.append("logs/b.log.1", "second, written later into the rotated one\n");
        // The first section's file shows that the agent has looked.
        lab.append("logs/a.log", format!("first, start {start}\n"));
        collector.wait_for_events(2 + start);
    }
    agent.stop();
    assert_eq!(collector.total_events(), Some(5), "{:?}", collector.message_counts());
    for event in collector.events_of(&lab.path("logs/a.log")) {
        assert_eq!(event.at("/event_data/labels"), &json!({"instrument": "first"}), "{}", event.message());
    }

    // Should the section come back, its files go on where they were left.
    let mut agent = lab.agent(&collector, &[FIRST, SECOND]);
    collector.wait_for_events(13);
    agent.stop();
    let counts = collector.message_counts();
    assert_eq!((counts["second"], counts["second, written later into the rotated one"]), (1, 3), "{counts:?}");
    assert_eq!((counts["second, never read"], counts["second, written later"]), (1, 3), "{counts:?}");
    assert_eq!(collector.total_events(), Some(13), "{counts:?}");
}
