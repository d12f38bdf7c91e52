//! MADSci's client packs a full log file into `name.log.1.gz` and deletes it; older ones get the next number.

use std::fs;

use labtrail_tests::lab::{Lab, wait_until};

use super::{assert_in_order, pack_and_delete, wait_and_compare};

const LIVE: &str = "logs/node.log";
/// In one section and in two: a client's files may be meant by one pattern only.
const PATTERNS: [&[&str]; 2] = [&["logs/*.log"], &["logs/*.log", "logs/*.log.*.gz"]];

/// What the client does when a file is full.
fn rotate(lab: &Lab, generations: usize) {
    for generation in (1..=generations).rev() {
        lab.rename(format!("{LIVE}.{generation}.gz"), format!("{LIVE}.{}.gz", generation + 1));
    }
    pack_and_delete(&lab.path(LIVE), &lab.path(format!("{LIVE}.1.gz")));
}

fn write(lab: &Lab, lines: &mut Vec<String>, count: usize) {
    for _ in 0..count {
        let line = format!("line {:04} {}", lines.len(), "x".repeat(lines.len() % 90));
        lab.append(LIVE, format!("{line}\n"));
        lines.push(line);
    }
}

fn sections<'a>(patterns: &[&'a str]) -> Vec<(&'a str, &'a str)> {
    patterns.iter().map(|pattern| (*pattern, "")).collect()
}

#[test]
fn files_that_are_packed_under_a_running_agent_lose_and_repeat_nothing() {
    for patterns in PATTERNS {
        let lab = Lab::new();
        fs::create_dir_all(lab.path("logs")).unwrap();
        let mut lines = Vec::new();
        write(&lab, &mut lines, 5);
        let collector = lab.collector();
        let mut agent = lab.agent(&collector, &sections(patterns));
        collector.wait_for_events(5);
        for generations in 0..4 {
            // Some lines are written just before, so that they are only in the packed file.
            write(&lab, &mut lines, 40);
            rotate(&lab, generations);
            write(&lab, &mut lines, 3);
            wait_and_compare(&collector, &lines);
        }
        agent.stop();
        assert_in_order(&lines, &collector.events());
        println!("{patterns:?} passed");
    }
}

#[test]
fn files_that_were_packed_while_the_agent_was_stopped_are_read() {
    for patterns in PATTERNS {
        let lab = Lab::new();
        fs::create_dir_all(lab.path("logs")).unwrap();
        let mut lines = Vec::new();
        write(&lab, &mut lines, 20);
        let collector = lab.collector();
        let mut agent = lab.agent(&collector, &sections(patterns));
        collector.wait_for_events(20);
        agent.stop();
        write(&lab, &mut lines, 20);
        for generations in 0..3 {
            rotate(&lab, generations);
            write(&lab, &mut lines, 30);
        }
        agent.start();
        wait_and_compare(&collector, &lines);
        // And once more, now that all is read.
        agent.stop();
        for generations in 3..6 {
            rotate(&lab, generations);
            write(&lab, &mut lines, 30);
        }
        agent.start();
        wait_and_compare(&collector, &lines);
        agent.stop();
        assert_in_order(&lines, &collector.events());
        println!("{patterns:?} passed");
    }
}

#[test]
fn files_that_are_packed_while_the_agent_is_killed_again_and_again_lose_and_repeat_nothing() {
    for patterns in PATTERNS {
        let lab = Lab::new();
        fs::create_dir_all(lab.path("logs")).unwrap();
        let mut lines = Vec::new();
        write(&lab, &mut lines, 5);
        let collector = lab.collector();
        let mut agent = lab.agent(&collector, &sections(patterns));
        collector.wait_for_events(5);
        for generations in 0..6 {
            write(&lab, &mut lines, 200);
            if generations % 2 == 0 {
                agent.kill();
                rotate(&lab, generations);
            } else {
                rotate(&lab, generations);
                agent.kill();
            }
            write(&lab, &mut lines, 50);
            agent.start();
            if generations % 3 == 0 {
                wait_and_compare(&collector, &lines);
            }
        }
        wait_and_compare(&collector, &lines);
        agent.stop();
        assert_in_order(&lines, &collector.events());
        println!("{patterns:?} passed");
    }
}

#[test]
fn packed_files_that_were_read_but_not_delivered_are_read_again_after_a_kill() {
    for patterns in PATTERNS {
        let lab = Lab::new();
        fs::create_dir_all(lab.path("logs")).unwrap();
        let mut lines = Vec::new();
        write(&lab, &mut lines, 5);
        let mut collector = lab.collector();
        let mut agent = lab.agent(&collector, &sections(patterns));
        collector.wait_for_events(5);
        agent.stop();
        collector.kill();
        for generations in 0..2 {
            write(&lab, &mut lines, 20);
            rotate(&lab, generations);
        }
        write(&lab, &mut lines, 20);
        agent.start();
        wait_until("the agent has read and cannot deliver", || agent.log().contains("cannot deliver").then_some(()));
        // Positions are saved twice a second.
        std::thread::sleep(std::time::Duration::from_millis(700));
        agent.kill();
        agent.start();
        collector.start();
        wait_and_compare(&collector, &lines);
        agent.stop();
        println!("{patterns:?} passed");
    }
}
