//! Files that are truncated, rewritten, or deleted and made anew.

use std::{fs, os::unix::fs::MetadataExt};

use labtrail_tests::lab::{Lab, assert_stored_once, wait_until};

#[test]
fn a_file_that_was_rewritten_longer_while_the_agent_was_stopped_is_read_from_its_beginning() {
    let lab = Lab::new();
    let old: Vec<String> = (0..100).map(|number| format!("old {number}")).collect();
    let new: Vec<String> = (0..500).map(|number| format!("new {number}")).collect();
    let path = lab.write("logs/a.log", old.join("\n") + "\n");
    let collector = lab.collector();
    let mut agent = lab.agent(&collector, &[("logs", "")]);
    collector.wait_for_events(100);
    agent.stop();
    let inode = fs::metadata(&path).unwrap().ino();
    lab.write("logs/a.log", new.join("\n") + "\n");
    assert_eq!(fs::metadata(&path).unwrap().ino(), inode, "the test needs the same file");
    agent.start();
    collector.wait_for_events(600);
    agent.stop();
    assert_stored_once(&[old, new].concat(), &collector.events());
    assert!(collector.dead_letters().is_empty());
}

#[test]
fn a_file_that_is_truncated_again_and_again_gives_every_generation_once() {
    let lab = Lab::new();
    lab.write("logs/a.log", "generation 0\nsame line\n");
    let collector = lab.collector();
    let mut agent = lab.agent(&collector, &[("logs", "")]);
    for generation in 1..=5 {
        collector.wait_for_events(generation * 2);
        lab.write("logs/a.log", format!("generation {generation}\nsame line\n"));
    }
    collector.wait_for_events(12);
    agent.stop();
    let counts = collector.message_counts();
    assert_eq!(counts["same line"], 6);
    assert_eq!((counts.len(), collector.total_events()), (7, Some(12)), "{counts:?}");
}

#[test]
fn what_was_seen_but_not_read_before_a_truncation_is_told_as_lost() {
    let lab = Lab::new();
    lab.write("logs/a.log", "whole\nunfinished");
    let collector = lab.collector();
    let mut agent = lab.agent(&collector, &[("logs", "partial_after = \"60s\"")]);
    collector.wait_for_events(1);
    lab.write("logs/a.log", "new\n");
    collector.wait_for_events(3);
    agent.stop();
    let events = collector.events();
    let report = events.iter().find(|event| event.at("/event_data/labtrail/reason") == "truncated");
    let report = report.expect("an event tells of the loss");
    assert_eq!(report.at("/event_data/labtrail/bytes_lost"), "unfinished".len());
    assert_eq!((report.level(), report.file()), (30, lab.path("logs/a.log").to_str().unwrap()));
    assert_eq!(collector.total_events(), Some(3));
}

#[test]
fn a_new_file_with_the_inode_of_a_deleted_one_is_a_new_file() {
    const FILES_MAX: usize = 2000;
    let lab = Lab::new();
    let path = lab.write("logs/a.log", "old file, line 1\nold file, line 2\n");
    let collector = lab.collector();
    let mut agent = lab.agent(&collector, &[("logs", "")]);
    collector.wait_for_events(2);
    agent.stop();
    let inode = fs::metadata(&path).unwrap().ino();
    fs::remove_file(&path).unwrap();
    let is_again = |number: &usize| {
        // Longer than the old one, so that its position would fall into the middle.
        let path = lab.write(
            format!("logs/new{number}.log"),
            format!("new file {number}, line 1\nline 2 is longer than before\n"),
        );
        fs::metadata(path).unwrap().ino() == inode
    };
    let Some(last) = (0..FILES_MAX).find(is_again) else {
        println!("skipped: this file system gave none of {FILES_MAX} new files the inode of the deleted one");
        return;
    };
    agent.start();
    let total = 2 + 2 * (last as u64 + 1);
    collector.wait_for_events(total);
    agent.stop();
    let messages = collector.messages_of(&lab.path(format!("logs/new{last}.log")));
    assert_eq!(messages, [format!("new file {last}, line 1"), "line 2 is longer than before".to_owned()]);
    assert_eq!(collector.total_events(), Some(total));
}

#[test]
fn a_lost_checkpoint_stores_nothing_twice_after_a_truncation() {
    let lab = Lab::new();
    let old: Vec<String> = (0..100).map(|number| format!("old {number}")).collect();
    let new: Vec<String> = (0..120).map(|number| format!("the new {number}")).collect();
    lab.write("logs/a.log", old.join("\n") + "\n");
    let collector = lab.collector();
    let mut agent = lab.agent(&collector, &[("logs", "")]);
    collector.wait_for_events(100);
    lab.write("logs/a.log", new.join("\n") + "\n");
    collector.wait_for_events(220);
    agent.stop();
    agent.delete_checkpoint();
    lab.append("logs/a.log", "after the loss\n");
    agent.start();
    collector.wait_for_events(221);
    agent.stop();
    assert_stored_once(&[old, new, vec!["after the loss".to_owned()]].concat(), &collector.events());
    assert_eq!(collector.dead_letters(), Vec::<serde_json::Value>::new());
}

#[test]
fn a_file_that_was_deleted_before_it_was_read_is_told_of_once() {
    let lab = Lab::new();
    let path = lab.write("logs/a.log", "whole\nunfinished");
    let collector = lab.collector();
    let mut agent = lab.agent(&collector, &[("logs", "partial_after = \"60s\"")]);
    collector.wait_for_events(1);
    agent.stop();
    fs::remove_file(&path).unwrap();
    agent.start();
    collector.wait_for_events(2);
    for start in 1..=3 {
        agent.kill();
        agent.start();
        // Another file shows that the agent has looked.
        lab.append("logs/marker.log", format!("start {start}\n"));
        collector.wait_for_events(2 + start);
    }
    agent.stop();
    let events = collector.events_of(&path);
    let reports: Vec<_> = events.iter().filter(|event| event.at("/event_data/labtrail/reason") == "deleted").collect();
    assert_eq!((reports.len(), events.len()), (1, 2), "{events:#?}");
    assert_eq!(reports[0].at("/event_data/labtrail/bytes_lost"), "unfinished".len());
    assert_eq!(collector.total_events(), Some(5));
}

#[test]
fn a_report_of_a_loss_outlives_the_agent_that_made_it() {
    let lab = Lab::new();
    let path = lab.write("logs/a.log", "whole\nunfinished");
    let mut collector = lab.collector();
    let mut agent = lab.agent(&collector, &[("logs", "partial_after = \"60s\"")]);
    collector.wait_for_events(1);
    agent.stop();
    collector.kill();
    fs::remove_file(&path).unwrap();
    agent.start();
    wait_until("the loss is told of", || agent.log().contains("not known that they were delivered").then_some(()));
    wait_until("it cannot be delivered", || agent.log().contains("cannot deliver").then_some(()));
    agent.kill();
    agent.start();
    collector.start();
    lab.append("logs/marker.log", "marker\n");
    collector.wait_for_events(3);
}

#[test]
fn a_file_deleted_behind_a_backlog_while_the_agent_is_down_is_told_of() {
    let lab = Lab::new();
    let path = lab.write("logs/a.log", format!("{}\n", "x".repeat(100)).repeat(5000));
    let mut collector = lab.absent_collector();
    let ship = "batch_bytes_max = \"64KiB\"\nqueue_bytes_max = \"64KiB\"";
    let mut agent = lab.agent_that_ships(&collector, ship, &[("logs", "")]);
    wait_until("it cannot be delivered", || agent.log().contains("cannot deliver").then_some(()));
    wait_until("its size is known", || agent.has_saved("\"size_seen\":505000").then_some(()));
    agent.kill();
    fs::remove_file(&path).unwrap();
    agent.start();
    collector.start();
    lab.append("logs/marker.log", "marker\n");
    collector.wait_for_events(2);
}
