//! Files that are written anew as a whole: only records that are new are sent.

use std::fs;

use labtrail_tests::lab::{Lab, StatusPage};

use super::wait_and_compare;

const SNAPSHOT: &str = "[files.snapshot]\nsettle = \"200ms\"";

fn newest_first(count: usize) -> Vec<String> {
    (0..count).rev().map(|number| format!("2026-11-23 10:{:02}:00 alarm {number}", number % 60)).collect()
}

#[test]
fn of_a_file_with_the_newest_on_top_only_new_records_are_sent() {
    let lab = Lab::new();
    let text = |count| newest_first(count).join("\n") + "\n";
    lab.write("logs/ERRALL.LS", text(20));
    let collector = lab.collector();
    let (status, ship) = StatusPage::new(&lab, "");
    let mut agent = lab.agent_that_ships(&collector, &ship, &[("logs/*.LS", SNAPSHOT)]);
    wait_and_compare(&collector, &newest_first(20));
    let mut count = 20;
    for is_replaced in [false, true, false, true] {
        count += 3;
        if is_replaced {
            lab.write("logs/new.tmp", text(count));
            lab.rename("logs/new.tmp", "logs/ERRALL.LS");
        } else {
            lab.write("logs/ERRALL.LS", text(count));
        }
        wait_and_compare(&collector, &newest_first(count));
    }
    status.assert_delivered(count as f64);
    assert_eq!(status.metric("labtrail_agent_records_known_total"), f64::from(20 + 23 + 26 + 29));
    agent.stop();

    // After a restart nothing is sent again, whether the file was replaced meanwhile or not.
    for is_replaced in [false, true] {
        if is_replaced {
            count += 3;
            lab.write("logs/new.tmp", text(count));
            lab.rename("logs/new.tmp", "logs/ERRALL.LS");
        }
        agent.start();
        count += 3;
        lab.write("logs/new.tmp", text(count));
        lab.rename("logs/new.tmp", "logs/ERRALL.LS");
        wait_and_compare(&collector, &newest_first(count));
        status.assert_delivered(if is_replaced { 6.0 } else { 3.0 });
        agent.stop();
    }
    assert!(collector.dead_letters().is_empty());
}

#[test]
fn what_was_sent_is_known_after_kills() {
    let lab = Lab::new();
    let text = |count| newest_first(count).join("\n") + "\n";
    lab.write("logs/ERRALL.LS", text(20));
    let collector = lab.collector();
    let mut agent = lab.agent(&collector, &[("logs/*.LS", SNAPSHOT)]);
    wait_and_compare(&collector, &newest_first(20));
    for round in 1..=6 {
        lab.write("logs/ERRALL.LS", text(20 + round * 3));
        if round % 2 == 0 {
            wait_and_compare(&collector, &newest_first(20 + round * 3));
        }
        agent.kill();
        agent.start();
    }
    wait_and_compare(&collector, &newest_first(38));
    fs::remove_file(lab.path("logs/ERRALL.LS")).unwrap();
    lab.write("logs/other.LS", "other\n");
    let mut expected = newest_first(38);
    expected.push("other".to_owned());
    wait_and_compare(&collector, &expected);
    // It comes back: all that it holds was sent.
    lab.write("logs/ERRALL.LS", text(39));
    expected.remove(38);
    let mut expected: Vec<String> = newest_first(39);
    expected.push("other".to_owned());
    wait_and_compare(&collector, &expected);
    agent.stop();
    assert!(collector.dead_letters().is_empty());
}

fn audit(records: usize) -> String {
    let mut text = "##TITLE= Audit trail, TOPSPIN\t\tVersion 3.2\n##AUDIT TRAIL=  $$ (NUMBER, WHEN, WHO)\n".to_owned();
    for number in 1..=records {
        let minute = number % 60;
        let head =
            format!("({number:4},<2023-06-16 14:{minute:02}:32.693 +0200>,<nmr>,<nmrhost>,<go>,<TOPSPIN 3.2>,\n");
        text.push_str(&(head + &format!("      <created by zg {number}\n       data hash MD5: 32K>)\n")));
    }
    text + &format!("##END=\n\n$$ hash MD5\n$$ {records:032X}\n")
}

fn audit_messages(records: usize) -> Vec<String> {
    (1..=records).map(|number| format!("created by zg {number}\n       data hash MD5: 32K")).collect()
}

#[test]
fn a_trailer_that_is_written_anew_is_no_record() {
    let lab = Lab::new();
    lab.write("data/mouse/1/pdata/1/auditp.txt", audit(4));
    let collector = lab.collector();
    let (status, ship) = StatusPage::new(&lab, "");
    let preset = "preset = \"bruker-topspin-audit\"";
    let mut agent = lab.agent_that_ships(&collector, &ship, &[("data/**/auditp.txt", preset)]);
    wait_and_compare(&collector, &audit_messages(4));
    lab.write("data/mouse/1/pdata/1/auditp.txt", audit(6));
    wait_and_compare(&collector, &audit_messages(6));
    status.assert_delivered(6.0);
    agent.stop();
    let events = collector.events();
    assert_eq!(events[0].at("/event_data/labels/experiment"), "mouse");
    assert!(events.iter().all(labtrail_tests::lab::StoredEvent::has_own_time));
}
