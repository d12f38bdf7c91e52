//! Files that are renamed: each is read to its end, wherever it went.

use std::{fs::OpenOptions, io::Write};

use labtrail_tests::lab::{Collector, Lab, assert_stored_once, wait_until};

fn messages(collector: &Collector) -> Vec<String> {
    collector.message_counts().into_keys().collect()
}

/// Three rotations while the agent is down. The glob matches only the live name.
fn check_three_rotations(lab: &Lab, collector: &Collector) {
    for generation in 1..=3 {
        for older in (1..generation).rev() {
            lab.rename(format!("logs/a.log.{older}"), format!("logs/a.log.{}", older + 1));
        }
        lab.rename("logs/a.log", "logs/a.log.1");
        lab.write("logs/a.log", format!("generation {generation}\ngeneration {generation} again\n"));
    }
    let _agent = lab.agent(collector, &[("logs/*.log", "")]);
    let expected = collector.total_events().unwrap_or_default() + 6;
    collector.wait_for_events(expected);
    for generation in 1..=3 {
        let counts = collector.message_counts();
        assert_eq!(counts.get(&format!("generation {generation} again")), Some(&1), "{counts:?}");
    }
}

#[test]
fn generations_that_came_and_went_while_the_agent_was_down_are_read_when_the_first_was_read_to_its_end() {
    let lab = Lab::new();
    lab.write("logs/a.log", "generation 0\n");
    let collector = lab.collector();
    let mut agent = lab.agent(&collector, &[("logs/*.log", "")]);
    collector.wait_for_events(1);
    agent.stop();
    check_three_rotations(&lab, &collector);
}

#[test]
fn generations_that_came_and_went_while_the_agent_was_down_are_read_when_the_first_had_more() {
    let lab = Lab::new();
    lab.write("logs/a.log", "generation 0\n");
    let collector = lab.collector();
    let mut agent = lab.agent(&collector, &[("logs/*.log", "")]);
    collector.wait_for_events(1);
    agent.stop();
    lab.append("logs/a.log", "generation 0 again\n");
    check_three_rotations(&lab, &collector);
    collector.wait_for_events(8);
    assert!(messages(&collector).contains(&"generation 0 again".to_owned()));
}

#[test]
fn generations_between_a_deleted_one_and_the_live_one_are_read() {
    let lines = |generation| (0..100).map(|line| format!("generation {generation} line {line}")).collect::<Vec<_>>();
    // The live file may be given the inode of the deleted one.
    for is_deleted_first in [false, true] {
        let lab = Lab::new();
        lab.write("logs/app.log", lines("A").join("\n") + "\n");
        let collector = lab.collector();
        let mut agent = lab.agent(&collector, &[("logs/app.log", "")]);
        collector.wait_for_events(100);
        agent.stop();
        lab.rename("logs/app.log", "logs/app.log.1");
        lab.write("logs/app.log", lines("B").join("\n") + "\n");
        lab.rename("logs/app.log.1", "logs/app.log.2");
        lab.rename("logs/app.log", "logs/app.log.1");
        let delete = || std::fs::remove_file(lab.path("logs/app.log.2")).unwrap();
        if is_deleted_first {
            delete();
        }
        lab.write("logs/app.log", lines("C").join("\n") + "\n");
        if !is_deleted_first {
            delete();
        }
        agent.start();
        collector.wait_for_events(300);
        agent.stop();
        assert_stored_once(&[lines("A"), lines("B"), lines("C")].concat(), &collector.events());
        assert_eq!(collector.messages_of(&lab.path("logs/app.log.1")), lines("B"));
        assert!(collector.dead_letters().is_empty());
    }
}

#[test]
fn rotation_under_a_running_agent_loses_and_repeats_nothing() {
    for pattern in ["logs/*.log", "logs"] {
        let lab = Lab::new();
        lab.write("logs/a.log", "generation 0 line 0\n");
        let collector = lab.collector();
        let mut agent = lab.agent(&collector, &[(pattern, "")]);
        collector.wait_for_events(1);
        let mut expected = vec!["generation 0 line 0".to_owned()];
        for generation in 1..=5 {
            for older in (1..generation).rev() {
                lab.rename(format!("logs/a.log.{older}"), format!("logs/a.log.{}", older + 1));
            }
            // A writer with an open handle ends its last line in the renamed file.
            let mut open = OpenOptions::new().append(true).open(lab.path("logs/a.log")).unwrap();
            open.write_all(format!("last of {} ", generation - 1).as_bytes()).unwrap();
            lab.rename("logs/a.log", "logs/a.log.1");
            lab.write("logs/a.log", format!("generation {generation} line 0\n"));
            open.write_all(b"in the renamed file\n").unwrap();
            expected.push(format!("generation {generation} line 0"));
            expected.push(format!("last of {} in the renamed file", generation - 1));
            collector.wait_for_events(expected.len() as u64);
        }
        agent.stop();
        expected.sort();
        assert_eq!(messages(&collector), expected, "{pattern}");
        assert_eq!(collector.total_events(), Some(expected.len() as u64), "{pattern}");
    }
}

#[test]
fn a_renamed_file_that_is_still_written_to_is_followed_after_a_restart() {
    let lab = Lab::new();
    lab.write("logs/a.log", "before\n");
    let collector = lab.collector();
    let mut agent = lab.agent(&collector, &[("logs/*.log", "")]);
    collector.wait_for_events(1);
    agent.stop();
    let mut open = OpenOptions::new().append(true).open(lab.path("logs/a.log")).unwrap();
    lab.rename("logs/a.log", "logs/a.log.1");
    lab.write("logs/a.log", "successor\n");
    agent.start();
    collector.wait_for_events(2);
    open.write_all(b"late line in the renamed file\n").unwrap();
    collector.wait_for_events(3);
    assert!(messages(&collector).contains(&"late line in the renamed file".to_owned()));
}

#[test]
fn a_renamed_file_keeps_its_events_and_gets_its_new_name() {
    let lab = Lab::new();
    let old = lab.write("logs/a.log", "before\n");
    let collector = lab.collector();
    let mut agent = lab.agent(&collector, &[("logs", "")]);
    collector.wait_for_events(1);
    lab.rename("logs/a.log", "logs/b.log");
    lab.append("logs/b.log", "after\n");
    collector.wait_for_events(2);
    agent.stop();
    assert_eq!(collector.messages_of(&old), ["before"]);
    assert_eq!(collector.messages_of(&lab.path("logs/b.log")), ["after"]);
    assert_eq!(collector.total_events(), Some(2));
}

#[test]
fn a_file_that_is_deleted_while_it_is_being_read_is_read_to_its_end() {
    let lab = Lab::new();
    let path = lab.write("logs/a.log", "before\n");
    let collector = lab.collector();
    let mut agent = lab.agent(&collector, &[("logs", "")]);
    collector.wait_for_events(1);
    let mut lines = vec!["before".to_owned()];
    // It keeps a file open for some seconds after its last change.
    wait_until("it has the file open", || {
        lines.push(format!("line {}", lines.len()));
        lab.append("logs/a.log", format!("{}\n", lines[lines.len() - 1]));
        agent.process().has_open(&path).then_some(())
    });
    lab.append("logs/a.log", "just before the end\n");
    std::fs::remove_file(&path).unwrap();
    lines.push("just before the end".to_owned());
    collector.wait_for_events(lines.len() as u64);
    assert_eq!(collector.messages_of(&path), lines);
}

#[test]
fn files_that_are_renamed_while_they_wait_to_be_read_are_read() {
    const FILES: usize = 40;
    const LINES: usize = 400;
    const ROUNDS_MAX: usize = 400;
    let lab = Lab::new();
    let mut written = Vec::new();
    for file in 0..FILES {
        let lines = (0..LINES).map(|line| format!("file {file} line {line} {}", "x".repeat(100)));
        let lines: Vec<String> = lines.collect();
        lab.write(format!("logs/{file}.log.0"), lines.join("\n") + "\n");
        written.extend(lines);
    }
    let mut collector = lab.absent_collector();
    // Only one batch may be under way, so most files wait. After a restart they are not open while they do.
    let ship = "batch_bytes_max = \"64KiB\"\nqueue_bytes_max = \"64KiB\"";
    let mut agent = lab.agent_that_ships(&collector, ship, &[("logs", "")]);
    wait_until("the first batch waits", || agent.log().contains("cannot deliver").then_some(()));
    agent.kill();
    agent.start();
    collector.start();
    let mut round = 0;
    while round < ROUNDS_MAX && collector.total_events().unwrap_or_default() < written.len() as u64 {
        for file in 0..FILES {
            lab.rename(format!("logs/{file}.log.{round}"), format!("logs/{file}.log.{}", round + 1));
        }
        round += 1;
    }
    collector.wait_for_events(written.len() as u64);
    agent.stop();
    assert_stored_once(&written, &collector.events());
}

#[test]
fn files_that_get_their_name_when_they_are_written_arrive_whole() {
    const FILES: usize = 200;
    for (pattern, more) in [("logs", "exclude = [\"*.part\"]"), ("logs/*.log", ""), ("logs", "")] {
        let lab = Lab::new();
        lab.write("logs/first.log", "first\n");
        let collector = lab.collector();
        let mut agent = lab.agent(&collector, &[(pattern, more)]);
        collector.wait_for_events(1);
        let mut written = vec!["first".to_owned()];
        for file in 0..FILES {
            let part = format!("logs/{file}.part");
            lab.write(&part, format!("file {file} beginning\nfile {file} mid"));
            lab.append(&part, format!("dle\nfile {file} end\n"));
            lab.rename(&part, format!("logs/{file}.log"));
            written.extend(["beginning", "middle", "end"].map(|line| format!("file {file} {line}")));
        }
        collector.wait_for_events(written.len() as u64);
        agent.stop();
        assert_stored_once(&written, &collector.events());
        assert!(collector.dead_letters().is_empty(), "{pattern} {more}");
    }
}
