//! What becomes of files that are delivered.

use std::{fs, thread, time::Duration};

use labtrail_tests::lab::{Lab, StatusPage, wait_until};

use super::wait_and_compare;

fn lines(from: usize, to: usize) -> Vec<String> {
    (from..to).map(|number| format!("line {number:04}")).collect()
}

fn text(from: usize, to: usize) -> String {
    lines(from, to).join("\n") + "\n"
}

#[test]
fn a_file_is_deleted_only_when_it_is_delivered() {
    let lab = Lab::new();
    let path = lab.write("logs/a.log", text(0, 100));
    let mut collector = lab.absent_collector();
    let (status, ship) = StatusPage::new(&lab, "");
    let more = "[files.after_delivery]\naction = \"delete\"\ngrace = \"1s\"";
    let mut agent = lab.agent_that_ships(&collector, &ship, &[("logs", more)]);
    wait_until("the agent tries to deliver", || agent.log().contains("cannot deliver").then_some(()));
    // Some scans, and longer than the time of grace.
    let scanned = status.metric("labtrail_agent_bytes_read_total");
    thread::sleep(Duration::from_millis(2500));
    assert_eq!(status.metric("labtrail_agent_bytes_read_total"), scanned);
    assert!(path.exists(), "nothing is deleted before it is delivered");
    agent.kill();
    agent.start();
    collector.start();
    wait_until("the file is deleted", || (!path.exists()).then_some(()));
    wait_and_compare(&collector, &lines(0, 100));
    assert_eq!(status.metric("labtrail_agent_files_retired_total"), 1.0);
    // The name may be used again.
    lab.write("logs/a.log", text(100, 150));
    wait_and_compare(&collector, &lines(0, 150));
    wait_until("the next file is deleted", || (!path.exists()).then_some(()));
    agent.stop();
    assert_eq!(fs::read_dir(lab.path("logs")).unwrap().count(), 0);
}

#[test]
fn a_file_that_is_still_written_to_stays_and_is_moved_when_it_is_not() {
    let lab = Lab::new();
    let path = lab.write("logs/a.log", text(0, 10));
    let collector = lab.collector();
    let to = lab.path("shipped");
    let more = format!("[files.after_delivery]\naction = \"move\"\nto = \"{}\"\ngrace = \"4s\"", to.display());
    let mut agent = lab.agent(&collector, &[("logs", &more)]);
    let mut count = 10;
    for _ in 0..40 {
        lab.append("logs/a.log", text(count, count + 2));
        count += 2;
        assert!(path.exists(), "it is moved while it is written to");
        thread::sleep(Duration::from_millis(150));
    }
    wait_and_compare(&collector, &lines(0, count));
    wait_until("the file is moved", || to.join("a.log").exists().then_some(()));
    assert_eq!(fs::read_to_string(to.join("a.log")).unwrap(), text(0, count));
    assert!(!path.exists());
    agent.stop();
}

#[test]
fn a_dry_run_changes_nothing() {
    let lab = Lab::new();
    let path = lab.write("logs/a.log", text(0, 10));
    let collector = lab.collector();
    let more = "[files.after_delivery]\naction = \"delete\"\ngrace = \"500ms\"\ndry_run = true";
    let mut agent = lab.agent(&collector, &[("logs", more)]);
    wait_and_compare(&collector, &lines(0, 10));
    wait_until("the agent says what it would do", || agent.log().contains("without dry_run").then_some(()));
    lab.append("logs/a.log", text(10, 20));
    wait_and_compare(&collector, &lines(0, 20));
    agent.stop();
    assert_eq!(fs::read_to_string(path).unwrap(), text(0, 20));
}
