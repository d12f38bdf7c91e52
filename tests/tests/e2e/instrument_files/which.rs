//! Which files are read, what their paths say, and shares that go away.

use std::{
    fs::{self, File},
    time::{Duration, SystemTime},
};

use labtrail_tests::lab::{Lab, StatusPage, wait_until};

use super::wait_and_compare;

#[test]
fn old_and_excluded_files_are_left_alone() {
    let lab = Lab::new();
    let old = lab.write("logs/old.log", "old\n");
    let two_days_ago = SystemTime::now() - Duration::from_hours(48);
    File::options().write(true).open(&old).unwrap().set_modified(two_days_ago).unwrap();
    lab.write("logs/new.log", "new\n");
    lab.write("logs/debug.log", "debug\n");
    lab.write("logs/raw/x.log", "raw\n");
    let collector = lab.collector();
    let more = "ignore_older = \"1d\"\nexclude = [\"debug*\", \"**/raw/*\"]";
    let mut agent = lab.agent(&collector, &[("logs", more)]);
    let mut expected = vec!["new".to_owned()];
    wait_and_compare(&collector, &expected);
    // An old one that is written to again is no longer old: all of it is read.
    lab.append("logs/old.log", "old, but written to\n");
    expected.extend(["old".to_owned(), "old, but written to".to_owned()]);
    wait_and_compare(&collector, &expected);
    agent.stop();
}

#[test]
fn a_path_says_which_run_and_which_day_it_is() {
    let lab = Lab::new();
    let path = lab.write("runs/R17_20261123.log", "23:59:58 before midnight\n00:00:01 after it\n00:00:02 later\n");
    let collector = lab.collector();
    let more = "zone = \"UTC\"\npath_pattern = '/(?<run>R\\d+)_(?<date>\\d{8})\\.log$'\n[files.time]\nformat = \"%H:%M:%S\"\nday = \"path\"";
    let mut agent = lab.agent(&collector, &[("runs", more)]);
    collector.wait_for_events(3);
    agent.kill();
    agent.start();
    lab.append("runs/R17_20261123.log", "00:00:03 after a kill\n");
    collector.wait_for_events(4);
    agent.stop();
    let events = collector.events_of(&path);
    let times: Vec<&str> = events.iter().map(|event| &event.time()[..19]).collect();
    let expected = ["2026-11-23T23:59:58", "2026-11-24T00:00:01", "2026-11-24T00:00:02", "2026-11-24T00:00:03"];
    assert_eq!(times, expected, "{events:#?}");
    assert_eq!(events[0].at("/event_data/labels/run"), "R17");
}

#[test]
fn a_share_that_vanishes_and_returns_sends_nothing_again() {
    let lab = Lab::new();
    let lines = |from, to| (from..to).map(|number| format!("line {number:04}")).collect::<Vec<String>>();
    lab.write("mount/share/a.log", lines(0, 500).join("\n") + "\n");
    let collector = lab.collector();
    let (status, ship) = StatusPage::new(&lab, "");
    let mut agent = lab.agent_that_ships(&collector, &ship, &[("mount/share/*.log", "")]);
    wait_and_compare(&collector, &lines(0, 500));
    let mut count = 500;
    for round in 0..4 {
        lab.rename("mount/share", "mount/away");
        if round % 2 == 1 {
            // What an unmounted share looks like.
            fs::create_dir(lab.path("mount/share")).unwrap();
        }
        if round == 2 {
            agent.stop();
            agent.start();
        }
        wait_until("the agent notices", || (agent.log().matches("file is gone").count() > round).then_some(()));
        lab.append("mount/away/a.log", lines(count, count + 5).join("\n") + "\n");
        count += 5;
        if round % 2 == 1 {
            fs::remove_dir(lab.path("mount/share")).unwrap();
        }
        lab.rename("mount/away", "mount/share");
        wait_and_compare(&collector, &lines(0, count));
        if round == 2 {
            status.assert_delivered(5.0);
        } else if round < 2 {
            status.assert_delivered(f64::from(count));
        }
    }
    assert_eq!(status.metric("labtrail_agent_bytes_lost_total"), 0.0);
    agent.stop();
}
