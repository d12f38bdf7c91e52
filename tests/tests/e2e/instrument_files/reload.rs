//! The config changes while files are written: what both configs say goes on untouched.

use std::{
    fs,
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::Duration,
};

use labtrail_tests::lab::{Agent, Lab, SetOnDrop, StatusPage, wait_until};
use rustix::process::{Pid, Signal, kill_process};

use super::wait_and_compare;

fn section(lab: &Lab, name: &str) -> String {
    format!(
        "[[files]]\npaths = [\"{}\"]\nlabels = {{ file = \"{name}\" }}\n",
        lab.path(format!("logs/{name}.log")).display()
    )
}

fn hang_up(agent: &mut Agent) {
    let id = i32::try_from(agent.process().id()).ok().and_then(Pid::from_raw);
    kill_process(id.expect("a process has a number"), Signal::HUP).expect("a child can be signalled");
}

fn lines(name: &str, from: usize, to: usize) -> Vec<String> {
    (from..to).map(|number| format!("{name} line {number:05}")).collect()
}

/// So much is written while the config changes.
const LOAD_LINES_MAX: usize = 10_000;

fn append(lab: &Lab, name: &str, lines: &[String]) {
    lab.append(format!("logs/{name}.log"), lines.join("\n") + "\n");
}

#[test]
fn a_config_that_changes_under_load_loses_and_repeats_nothing() {
    let lab = Lab::new();
    fs::create_dir_all(lab.path("logs")).unwrap();
    for name in ["kept", "removed", "added"] {
        append(&lab, name, &lines(name, 0, 100));
    }
    let collector = lab.collector();
    let (status, ship) = StatusPage::new(&lab, "");
    let mut agent = lab.agent_that_ships(&collector, &ship, &[]);
    let head = fs::read_to_string(agent.config_file()).unwrap();
    let config = |names: &[&str]| head.clone() + &names.iter().map(|name| section(&lab, name)).collect::<String>();
    agent.kill();
    fs::write(agent.config_file(), config(&["kept", "removed"])).unwrap();
    agent.start();
    wait_and_compare(&collector, &[lines("kept", 0, 100), lines("removed", 0, 100)].concat());
    let is_over = AtomicBool::new(false);
    let kept = thread::scope(|scope| {
        let end_of_writing = SetOnDrop(&is_over);
        let writer = scope.spawn(|| {
            let mut count = 100;
            while !is_over.load(Ordering::Relaxed) {
                // All is stored and looked through again and again: on a slow machine more would never come to an end.
                if count < LOAD_LINES_MAX {
                    append(&lab, "kept", &lines("kept", count, count + 10));
                    count += 10;
                }
                thread::sleep(Duration::from_millis(10));
            }
            count
        });
        let count_of = |name: &str| collector.events_of(&lab.path(format!("logs/{name}.log"))).len();
        // Asked for.
        fs::write(agent.config_file(), config(&["kept", "added"])).unwrap();
        hang_up(&mut agent);
        wait_until("the added section is read", || (count_of("added") == 100).then_some(()));
        append(&lab, "removed", &lines("removed", 100, 200));
        append(&lab, "added", &lines("added", 100, 200));
        wait_until("the added section is followed", || (count_of("added") == 200).then_some(()));
        assert_eq!(count_of("removed"), 100, "nothing is sent of a section that was removed");
        // By itself, because the file changed; now the removed one is back.
        fs::write(agent.config_file(), config(&["removed", "kept", "added"])).unwrap();
        wait_until("the section that came back is read", || (count_of("removed") == 200).then_some(()));
        // Broken: the old one goes on.
        fs::write(agent.config_file(), config(&["kept"]) + "[[files]\n").unwrap();
        hang_up(&mut agent);
        wait_until("the health says so", || {
            status.get("/health").filter(|text| text.contains("config") && text.contains("false"))
        });
        append(&lab, "removed", &lines("removed", 200, 300));
        wait_until("old inputs go on", || (count_of("removed") == 300).then_some(()));
        // And well again, with another label for one section: its file goes on where it was.
        fs::write(
            agent.config_file(),
            config(&["kept", "added"]) + &section(&lab, "removed").replace("file =", "other ="),
        )
        .unwrap();
        hang_up(&mut agent);
        wait_until("the health says that all is well", || status.get("/health").filter(|text| !text.contains("false")));
        append(&lab, "removed", &lines("removed", 300, 400));
        wait_until("the changed section goes on", || (count_of("removed") == 400).then_some(()));
        drop(end_of_writing);
        writer.join().expect("the writer wrote")
    });
    let written = [lines("kept", 0, kept), lines("removed", 0, 400), lines("added", 0, 200)].concat();
    wait_and_compare(&collector, &written);
    assert_eq!(status.metric("labtrail_agent_records_repeated_total"), 0.0);
    agent.stop();
    let events = collector.events_of(&lab.path("logs/removed.log"));
    assert_eq!(events[250].at("/event_data/labels/file"), "removed");
    assert_eq!(events[350].at("/event_data/labels/other"), "removed");
    assert_eq!(collector.messages_of(&lab.path("logs/kept.log")), lines("kept", 0, kept));
}

#[test]
fn a_section_that_moves_to_a_thread_of_its_own_and_back_is_sent_once() {
    let lab = Lab::new();
    for name in ["moved", "kept"] {
        fs::create_dir_all(lab.path("logs")).unwrap();
        append(&lab, name, &lines(name, 0, 100));
    }
    let collector = lab.collector();
    let (status, ship) = StatusPage::new(&lab, "");
    let files = [("logs/moved.log", "own_thread = false"), ("logs/kept.log", "")];
    let mut agent = lab.agent_that_ships(&collector, &ship, &files);
    let mut count = 100;
    let mut written = [lines("moved", 0, 100), lines("kept", 0, 100)].concat();
    wait_and_compare(&collector, &written);
    let config = fs::read_to_string(agent.config_file()).unwrap();
    let is_own = |is_own: &str| config.replace("own_thread = false", &format!("own_thread = {is_own}"));
    for own_thread in ["true", "false", "true"] {
        // Meanwhile it is renamed: whoever follows it from now on must know it by more than its name.
        fs::write(agent.config_file(), is_own(own_thread)).unwrap();
        hang_up(&mut agent);
        lab.rename("logs/moved.log", format!("logs/moved.log.{own_thread}.{count}"));
        for name in ["moved", "kept"] {
            append(&lab, name, &lines(name, count, count + 50));
            written.extend(lines(name, count, count + 50));
        }
        count += 50;
        wait_and_compare(&collector, &written);
    }
    assert_eq!(status.metric("labtrail_agent_records_lost_total"), 0.0);
    agent.stop();
}
