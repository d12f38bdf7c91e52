//! Rotation by copying the file and truncating it.

use std::{
    fs::{self, File, OpenOptions},
    io::Write,
    path::PathBuf,
    time::{Duration, Instant},
};

use labtrail_tests::lab::{Collector, DEADLINE, Lab, StatusPage, poll, wait_until};

use super::{assert_in_order, wait_and_compare};

const ROTATIONS: usize = 12;
const ROTATION_INTERVAL: Duration = Duration::from_millis(300);

struct Writer {
    path: PathBuf,
    file: File,
    lines: Vec<String>,
}

impl Writer {
    fn new(lab: &Lab) -> Self {
        let path = lab.path("logs/a.log");
        fs::create_dir_all(lab.path("logs")).unwrap();
        let file = OpenOptions::new().create(true).append(true).open(&path).unwrap();
        Self { path, file, lines: Vec::new() }
    }

    fn write(&mut self, count: usize) {
        for _ in 0..count {
            let line = format!("line {:06} {}", self.lines.len(), "x".repeat(self.lines.len() % 50));
            self.file.write_all(format!("{line}\n").as_bytes()).unwrap();
            self.lines.push(line);
        }
    }

    fn copy(&self, lab: &Lab, rotation: usize) {
        for older in (1..=rotation).rev() {
            lab.rename(format!("logs/a.log.{older}"), format!("logs/a.log.{}", older + 1));
        }
        fs::copy(&self.path, lab.path("logs/a.log.1")).unwrap();
    }

    fn bytes(&self) -> usize {
        self.lines.iter().map(|line| line.len() + 1).sum()
    }

    /// Waits until the agent has seen how large the file is.
    fn wait_until_seen(&self, status: &StatusPage) {
        wait_until("the agent sees the size of the file", || {
            let answer: serde_json::Value = serde_json::from_str(&status.get("/status")?).ok()?;
            let file =
                answer["files"].as_array()?.iter().find(|file| file["path"].as_str() == self.path.to_str())?.clone();
            (file["size"].as_u64()? == fs::metadata(&self.path).ok()?.len()).then_some(())
        });
    }
}

/// How many bytes are told as lost, and all that is stored.
fn balance(collector: &Collector) -> (usize, Vec<String>) {
    let (mut lost, mut stored) = (0, Vec::new());
    for event in collector.events() {
        match event.at("/event_data/labtrail/bytes_lost").as_u64() {
            Some(bytes) => lost += bytes as usize,
            None => stored.push(event.message().to_owned()),
        }
    }
    (lost, stored)
}

fn check_under_a_writer(pattern: &str) {
    let lab = Lab::new();
    let mut writer = Writer::new(&lab);
    let collector = lab.collector();
    let mut agent = lab.agent(&collector, &[(pattern, "")]);
    writer.write(10);
    collector.wait_for_events(10);
    for rotation in 0..ROTATIONS {
        let began_at = Instant::now();
        while began_at.elapsed() < ROTATION_INTERVAL {
            writer.write(5);
            std::thread::sleep(Duration::from_millis(3));
        }
        writer.copy(&lab, rotation);
        if rotation % 2 == 1 {
            // These are in no copy: they are only stored because the agent is quick.
            writer.write(4);
            let count = writer.lines.len() as u64;
            let is_stored = || collector.total_events().filter(|total| *total >= count);
            assert!(poll(DEADLINE, is_stored).is_some(), "{pattern}: the lines in between are not read");
        }
        writer.file.set_len(0).unwrap();
    }
    writer.write(10);
    wait_and_compare(&collector, &writer.lines);
    agent.stop();
    // What the next start finds is known.
    agent.start();
    writer.write(1);
    wait_and_compare(&collector, &writer.lines);
    agent.stop();
    assert_in_order(&writer.lines, &collector.events());
}

#[test]
fn a_file_that_is_copied_and_truncated_under_a_writer_loses_and_repeats_nothing() {
    check_under_a_writer("logs/*.log");
}

#[test]
fn copies_that_the_pattern_means_too_are_not_read_again() {
    check_under_a_writer("logs/*.log*");
}

#[test]
fn what_is_lost_between_copying_and_truncating_is_told() {
    for pattern in ["logs/*.log", "logs/*.log*"] {
        let lab = Lab::new();
        let mut writer = Writer::new(&lab);
        let mut collector = lab.collector();
        let (status, page) = StatusPage::new(&lab, "");
        let ship = format!("batch_bytes_max = \"64KiB\"\nqueue_bytes_max = \"64KiB\"\n{page}");
        let mut agent = lab.agent_that_ships(&collector, &ship, &[(pattern, "")]);
        writer.write(10);
        collector.wait_for_events(10);
        // With much under way nothing more is read.
        collector.kill();
        writer.write(10_000);
        writer.wait_until_seen(&status);
        writer.copy(&lab, 0);
        writer.write(7);
        writer.wait_until_seen(&status);
        let lost: usize = writer.lines[10_010..].iter().map(|line| line.len() + 1).sum();
        writer.file.set_len(0).unwrap();
        writer.write(10);
        collector.start();
        collector.wait_until_ready();
        let settled = poll(DEADLINE, || {
            let (reported, stored) = balance(&collector);
            (reported + stored.iter().map(|line| line.len() + 1).sum::<usize>() >= writer.bytes()).then_some(())
        });
        let metric = status.metric("labtrail_agent_bytes_lost_total");
        agent.stop();
        let (reported, mut stored) = balance(&collector);
        let bytes: usize = stored.iter().map(|line| line.len() + 1).sum();
        let count = stored.len();
        stored.sort();
        stored.dedup();
        assert_eq!(stored.len(), count, "{pattern}: no line is stored twice");
        assert!(
            settled.is_some(),
            "{pattern}: {bytes} bytes are stored, {reported} told as lost, of {}",
            writer.bytes()
        );
        assert_eq!((reported, bytes), (lost, writer.bytes() - lost), "{pattern}");
        assert_eq!(metric, reported as f64, "{pattern}");
    }
}

#[test]
fn a_copy_that_somebody_made_is_no_generation_when_the_file_is_renamed() {
    let lab = Lab::new();
    let mut writer = Writer::new(&lab);
    writer.write(20);
    let collector = lab.collector();
    let mut agent = lab.agent(&collector, &[("logs/*.log", "")]);
    collector.wait_for_events(20);
    fs::copy(&writer.path, lab.path("logs/a.log.bak")).unwrap();
    writer.write(20);
    collector.wait_for_events(40);
    lab.rename("logs/a.log", "logs/a.log.1");
    writer.file = OpenOptions::new().create(true).append(true).open(&writer.path).unwrap();
    writer.write(20);
    wait_and_compare(&collector, &writer.lines);
    agent.stop();
    agent.start();
    writer.write(1);
    wait_and_compare(&collector, &writer.lines);
    agent.stop();
}
