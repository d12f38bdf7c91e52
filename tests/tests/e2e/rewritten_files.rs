//! Files that are truncated, rewritten, or deleted and made anew.

use std::{fs, os::unix::fs::MetadataExt};

use labtrail_tests::lab::{Lab, assert_stored_once};

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
