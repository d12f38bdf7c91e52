//! Ctrl-C.

use labtrail_tests::lab::{Lab, assert_stored_once, wait_until};

const LINES: usize = 60_000;

#[test]
fn up_can_be_interrupted_while_it_catches_up_and_goes_on_at_the_next_start() {
    let lab = Lab::new();
    let line = |number: usize| format!("2026-11-23T10:00:00Z line {number} {}", "x".repeat(number % 100));
    let lines: Vec<String> = (0..LINES).map(line).collect();
    lab.write("logs/a.log", lines.join("\n") + "\n");
    let mut up = lab.up(&[], &["logs"]);
    wait_until("some of it is stored", || up.total_events().filter(|total| *total > 0));
    let status = up.interrupt();
    assert_eq!(status.code(), Some(0), "{}", up.log());

    let up = lab.up(&[], &["logs"]);
    up.wait_for_events(LINES as u64);
    up.wait_until_caught_up();
    assert_stored_once(&lines, &up.events());
    assert!(up.dead_letters().is_empty());
}
