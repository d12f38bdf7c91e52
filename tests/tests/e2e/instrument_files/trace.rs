//! The trace of Tecan's `EVOware`: its first line is a checksum, which is written anew whenever a record is added.

use std::{fs, io::Write};

use labtrail_tests::lab::{Lab, StatusPage};

use super::wait_and_compare;

const RECORDS_BEFORE: usize = 40;
const RECORDS_ADDED: usize = 9;
const PRESET: &str = "preset = \"tecan-evoware-trace\"";

fn record(number: usize) -> String {
    match number {
        0 => "2005.09.29 12:00:00  Initial TRACE.TXT.".to_owned(),
        _ => format!(
            "2026.05.24 17:{:02}:{:02}  No user logged in  C:\\ProgramData\\Tecan\\EVOware\\Audittrail\\Log\\EVO_{number}.LOG",
            number / 60,
            number % 60
        ),
    }
}

fn message(number: usize) -> String {
    let record = record(number);
    let message = record.rsplit("  ").next().expect("a record has a message");
    message.to_owned()
}

fn trace(records: usize) -> String {
    let mut text = format!("{:08X}\n\n", 0x1191_D6BD_usize.wrapping_mul(records) & 0xFFFF_FFFF);
    for number in 0..records {
        text += &record(number);
        text.push('\n');
    }
    text
}

fn messages(records: usize) -> Vec<String> {
    (0..records).map(message).collect()
}

/// How the program writes the file anew.
#[derive(Debug, Clone, Copy)]
enum Way {
    /// The file is truncated and written again in pieces.
    InPlace,
    /// Only the checksum is written over, and the records are added.
    HeadOnly,
    /// Another file takes its name.
    Replaced,
}

fn write_anew(lab: &Lab, way: Way, records: usize) {
    let text = trace(records);
    match way {
        Way::InPlace => {
            let mut file = fs::File::create(lab.path("log/TRACE.TXT")).unwrap();
            for piece in text.as_bytes().chunks(700) {
                file.write_all(piece).unwrap();
            }
        }
        Way::HeadOnly => {
            let mut file = fs::OpenOptions::new().write(true).open(lab.path("log/TRACE.TXT")).unwrap();
            file.write_all(text.as_bytes()).unwrap();
        }
        Way::Replaced => {
            lab.write("log/TRACE.TMP", text);
            lab.rename("log/TRACE.TMP", "log/TRACE.TXT");
        }
    }
}

fn check(way: Way) {
    let lab = Lab::new();
    lab.write("log/TRACE.TXT", trace(RECORDS_BEFORE));
    let collector = lab.collector();
    let (status, ship) = StatusPage::new(&lab, "");
    let mut agent = lab.agent_that_ships(&collector, &ship, &[("log/TRACE.TXT", PRESET)]);
    wait_and_compare(&collector, &messages(RECORDS_BEFORE));
    let mut records = RECORDS_BEFORE;
    for _ in 0..3 {
        records += RECORDS_ADDED;
        write_anew(&lab, way, records);
        wait_and_compare(&collector, &messages(records));
    }
    // Nothing was sent twice either, and nothing is said to be lost.
    status.assert_delivered(records as f64);
    assert_eq!(status.metric("labtrail_agent_bytes_lost_total"), 0.0, "{way:?}");
    agent.stop();
    records += RECORDS_ADDED;
    write_anew(&lab, way, records);
    agent.start();
    wait_and_compare(&collector, &messages(records));
    agent.stop();
    for event in collector.events() {
        assert!(event.has_own_time(), "{way:?}: {}", event.message());
    }
    assert!(collector.dead_letters().is_empty());
}

#[test]
fn a_trace_that_is_truncated_and_written_anew_gives_only_new_records() {
    check(Way::InPlace);
}

#[test]
fn a_trace_whose_checksum_is_written_over_gives_only_new_records() {
    check(Way::HeadOnly);
}

#[test]
fn a_trace_that_is_replaced_by_another_file_gives_only_new_records() {
    check(Way::Replaced);
}
