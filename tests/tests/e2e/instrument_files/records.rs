//! Records of several lines, and NULs where text is still to come.

use std::{fs::OpenOptions, os::unix::fs::FileExt};

use labtrail_tests::lab::{Lab, wait_until};

use super::wait_and_compare;

const START: &str = r"[files.record]
start = '^\d{4}-\d\d-\d\d '
";

#[test]
fn a_traceback_that_is_written_in_pieces_is_one_event() {
    let lab = Lab::new();
    let path = lab.write("logs/a.log", "2026-11-23 10:00:00 - INFO - before\n");
    let collector = lab.collector();
    let more = format!("{START}flush_after = \"300s\"\n");
    let mut agent = lab.agent(&collector, &[("logs", &more)]);
    let traceback = "2026-11-23 10:00:01 - ERROR - failed\nTraceback (most recent call last):\n  File \"run.py\", line 3, in <module>\n    go()\n\n    ^^^^\nValueError: no plate";
    for piece in traceback.as_bytes().chunks(11) {
        lab.append("logs/a.log", piece);
        std::thread::sleep(std::time::Duration::from_millis(40));
    }
    collector.wait_for_events(1);
    agent.kill();
    agent.start();
    lab.append("logs/a.log", "\n2026-11-23 10:00:02 - INFO - after\n2026-11-23 10:00:03 - INFO - last\n");
    collector.wait_for_events(3);
    agent.stop();
    let events = collector.events_of(&path);
    let messages: Vec<&str> = events.iter().map(|event| event.message()).collect();
    assert!(messages[1].ends_with("no plate") && messages[1].contains("\n    go()\n\n    ^^^^\n"), "{messages:#?}");
    assert_eq!(events[1].level(), 40);
    assert!(messages[0].ends_with("before") && messages[2].ends_with("after"), "{messages:#?}");
}

#[test]
fn a_record_that_was_sent_for_want_of_an_end_is_cut_at_the_same_place_after_a_kill() {
    let lab = Lab::new();
    lab.write("logs/a.log", "");
    let collector = lab.collector();
    let more = format!("{START}flush_after = \"250ms\"\n");
    let mut agent = lab.agent(&collector, &[("logs", &more)]);
    let mut written = Vec::new();
    for round in 0..8 {
        let record = format!("2026-11-23 10:00:{round:02} - ERROR - failed\n  first {round}\n  second {round}");
        lab.append("logs/a.log", format!("{record}\n"));
        written.push(record);
        collector.wait_for_events(written.len() as u64);
        // It is stored, and the position behind it may not be saved.
        agent.kill();
        let rest = format!("  what comes late {round}");
        lab.append("logs/a.log", format!("{rest}\n"));
        written.push(rest);
        agent.start();
        collector.wait_for_events(written.len() as u64);
    }
    agent.stop();
    let stored: Vec<String> =
        collector.events_of(&lab.path("logs/a.log")).iter().map(|event| event.message().to_owned()).collect();
    assert_eq!(stored.len(), written.len(), "{stored:#?}");
    for (stored, written) in stored.iter().zip(&written) {
        assert!(
            stored
                .trim_start()
                .ends_with(written.trim_start().trim_start_matches(|c: char| c.is_ascii_digit() || " -:".contains(c))),
            "{stored:?} is not {written:?}"
        );
    }
    assert!(collector.dead_letters().is_empty());
}

#[test]
fn a_record_that_is_split_by_a_limit_says_so() {
    let lab = Lab::new();
    let body: Vec<String> = (0..12).map(|number| format!("  line {number}")).collect();
    let path =
        lab.write("logs/a.log", format!("2026-11-23 10:00:00 one\n{}\n2026-11-23 10:00:01 two\n", body.join("\n")));
    let collector = lab.collector();
    let more = format!("{START}flush_after = \"250ms\"\nlines_max = 5\n");
    let mut agent = lab.agent(&collector, &[("logs", &more)]);
    collector.wait_for_events(4);
    agent.stop();
    let events = collector.events_of(&path);
    assert_eq!(events.len(), 4, "{events:#?}");
    let lines: Vec<usize> = events.iter().map(|event| event.message().lines().count()).collect();
    assert_eq!(lines, [5, 5, 3, 1], "{events:#?}");
    let text: Vec<String> = events.iter().map(|event| format!("{:?}", event.at("/event_data"))).collect();
    for (number, marks) in [(0, vec!["split"]), (1, vec!["split", "continuation"]), (2, vec!["continuation"])] {
        for mark in marks {
            assert!(text[number].contains(mark), "{number} is not marked as {mark}: {}", text[number]);
        }
    }
    assert!(!text[3].contains("split") && !text[3].contains("continuation"), "{}", text[3]);
}

#[test]
fn a_file_that_is_made_large_before_it_is_filled_gives_its_lines_as_they_are_written() {
    let lab = Lab::new();
    let path = lab.write("logs/a.log", vec![0; 64 << 10]);
    let collector = lab.collector();
    let mut agent = lab.agent(&collector, &[("logs/a.log", "")]);
    wait_until("the agent looks", || agent.log().contains("following files").then_some(()));
    let file = OpenOptions::new().write(true).open(&path).unwrap();
    let (mut at, mut written) = (0, Vec::new());
    for number in 0..60 {
        let line = format!("line {number:03} {}", "x".repeat(number));
        // In two pieces, so that NULs stand behind half a line.
        let bytes = format!("{line}\n").into_bytes();
        let half = bytes.len() / 2;
        file.write_all_at(&bytes[..half], at).unwrap();
        if number % 20 == 5 {
            std::thread::sleep(std::time::Duration::from_millis(400));
        }
        file.write_all_at(&bytes[half..], at + half as u64).unwrap();
        at += bytes.len() as u64;
        written.push(line);
        if number % 10 == 9 {
            wait_and_compare(&collector, &written);
        }
        if number == 30 {
            agent.kill();
            agent.start();
        }
    }
    wait_and_compare(&collector, &written);
    assert_eq!(collector.messages_of(&path), written);
    agent.stop();
}
