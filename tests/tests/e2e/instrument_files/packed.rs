//! Files packed by gzip that a pattern means.

use std::fs;

use labtrail_tests::lab::{Lab, wait_until};

use super::{gzip, wait_and_compare};

fn lines(from: usize, to: usize) -> Vec<String> {
    (from..to).map(|number| format!("line {number:05} {}", "x".repeat(number * 7 % 100))).collect()
}

fn text(lines: &[String]) -> Vec<u8> {
    (lines.join("\n") + "\n").into_bytes()
}

#[test]
fn a_packed_file_is_read_once_and_what_is_added_to_it_too() {
    let lab = Lab::new();
    lab.write("logs/a.log.gz", gzip(&text(&lines(0, 3000))));
    let collector = lab.collector();
    let mut agent = lab.agent(&collector, &[("logs/*.gz", "")]);
    wait_and_compare(&collector, &lines(0, 3000));
    agent.stop();
    agent.start();
    lab.append("logs/a.log.gz", gzip(&text(&lines(3000, 3500))));
    wait_and_compare(&collector, &lines(0, 3500));
    agent.kill();
    lab.append("logs/a.log.gz", gzip(&text(&lines(3500, 3600))));
    agent.start();
    wait_and_compare(&collector, &lines(0, 3600));
    agent.stop();
}

#[test]
fn a_packed_file_that_is_cut_is_told_of_and_read_when_it_is_complete() {
    let lab = Lab::new();
    let bytes = gzip(&text(&lines(0, 5000)));
    let path = lab.write("logs/a.log.gz", &bytes[..bytes.len() / 2]);
    let collector = lab.collector();
    let mut agent = lab.agent(&collector, &[("logs/*.gz", "")]);
    wait_until("the agent tells of it", || agent.log().contains("cannot read this file").then_some(()));
    fs::write(&path, &bytes).unwrap();
    wait_and_compare(&collector, &lines(0, 5000));
    agent.stop();
}

#[test]
fn a_packed_file_that_arrives_piece_by_piece_is_read_whole() {
    let lab = Lab::new();
    let bytes = gzip(&text(&lines(0, 20_000)));
    let path = lab.write("logs/a.log.gz", &bytes[..1]);
    let collector = lab.collector();
    let mut agent = lab.agent(&collector, &[("logs/*.gz", "")]);
    lab.write("logs/b.log.gz", gzip(b"marker\n"));
    collector.wait_for_events(1);
    let mut at = 1;
    while at < bytes.len() {
        let next = (at + 5000).min(bytes.len());
        lab.append("logs/a.log.gz", &bytes[at..next]);
        at = next;
        std::thread::sleep(std::time::Duration::from_millis(40));
    }
    let mut expected = lines(0, 20_000);
    expected.push("marker".to_owned());
    wait_and_compare(&collector, &expected);
    agent.stop();
    assert_eq!(collector.messages_of(&path), lines(0, 20_000));
}
