//! The disk on which the agent keeps what it remembers is full: it goes on with what needs no disk, says so, and is well
//! again when there is room.

use std::{
    fs::{self, OpenOptions},
    io::Write as _,
    path::{Path, PathBuf},
    process::Command,
};

use labtrail_tests::lab::{Api, Lab, assert_stored_once, wait_until};
use serde_json::json;

use super::receiver::{Receiver, connect, messages, send_lines, socket, texts};

/// A small disk of its own, where a test may mount one.
struct SmallDisk(PathBuf);

impl SmallDisk {
    fn mount(folder: &Path, size: &str) -> Option<Self> {
        fs::create_dir_all(folder).expect("a folder can be made");
        let mut command = Command::new("mount");
        command.args(["-t", "tmpfs", "-o", &format!("size={size}"), "tmpfs"]).arg(folder);
        let is_mounted = command.status().is_ok_and(|status| status.success());
        if !is_mounted {
            eprintln!("skipped: no disk can be mounted here, which needs the rights of root");
        }
        is_mounted.then(|| Self(folder.to_owned()))
    }

    fn filler(&self) -> PathBuf {
        self.0.join("filler")
    }

    /// Leaves no byte free.
    fn fill(&self) {
        let mut file = OpenOptions::new().append(true).create(true).open(self.filler()).expect("a file can be made");
        let mut bytes = vec![7; 1 << 20];
        while !bytes.is_empty() {
            match file.write(&bytes) {
                Ok(0) | Err(_) => bytes.truncate(bytes.len() / 2),
                Ok(_) => {}
            }
        }
    }

    fn make_room(&self) {
        fs::remove_file(self.filler()).expect("it was filled");
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        // Whoever still has files there, keeps them until the end.
        let _ = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}

fn lines(name: &str, count: usize) -> Vec<String> {
    (0..count).map(|number| format!("2026-11-23 10:00:00 INFO {name} {number:05}")).collect()
}

/// A batch has to fit into a segment.
const SHIP: &str = "batch_bytes_max = \"64KiB\"\n";

/// A spool that uses all of a small disk.
fn spool(when_full: &str) -> String {
    format!("[spool]\nsegment_bytes = \"256KiB\"\nmin_free_bytes = \"1KiB\"\nwhen_full = \"{when_full}\"\n")
}

#[test]
fn files_are_shipped_while_the_data_directory_is_full() {
    let lab = Lab::new();
    let mut collector = lab.collector();
    let mut agent = Receiver::absent(&lab, &collector.url(), "", &[("logs", "")]);
    let Some(disk) = SmallDisk::mount(agent.data_dir(), "8m") else { return };
    let mut written = Vec::new();
    let mut write = |lab: &Lab, file: &str, count: usize| {
        let lines = lines(&format!("{file} {}", written.len()), count);
        lab.append(file, lines.join("\n") + "\n");
        written.extend(lines);
        written.clone()
    };
    lab.write("logs/a.log", "");
    let count = write(&lab, "logs/a.log", 500).len();
    agent.start_again();
    collector.wait_for_events(count as u64);
    agent.wait_until_well();
    // Long paths and many files, so that what is remembered grows.
    disk.fill();
    let mut count = 0;
    for number in 0..200 {
        count = write(&lab, &format!("logs/{}-{number}.log", "long".repeat(50)), 5).len();
    }
    count = count.max(write(&lab, "logs/a.log", 2000).len());
    collector.wait_for_events(count as u64);
    agent.wait_for_problem("");
    // An outage in between, and an agent that dies: what it could not remember is read again.
    collector.kill();
    let count = write(&lab, "logs/a.log", 500).len();
    collector.start();
    collector.wait_for_events(count as u64);
    disk.make_room();
    agent.wait_until_well();
    let count = write(&lab, "logs/a.log", 500).len();
    collector.wait_for_events(count as u64);
    agent.kill();
    let all = write(&lab, "logs/a.log", 500);
    agent.start_again();
    collector.wait_for_events(all.len() as u64);
    agent.wait_until_well();
    agent.stop();
    assert_stored_once(&all, &collector.events());
}

#[test]
fn an_agent_that_dies_while_the_disk_is_full_goes_on_when_there_is_room() {
    let lab = Lab::new();
    let collector = lab.collector();
    let mut agent = Receiver::absent(&lab, &collector.url(), "", &[("logs", "")]);
    let Some(disk) = SmallDisk::mount(agent.data_dir(), "8m") else { return };
    let mut all = lines("first", 500);
    lab.write("logs/a.log", all.join("\n") + "\n");
    agent.start_again();
    collector.wait_for_events(500);
    disk.fill();
    let more = lines("full", 500);
    lab.append("logs/a.log", more.join("\n") + "\n");
    all.extend(more);
    collector.wait_for_events(1000);
    agent.kill();
    agent.start();
    // It may go on, or say why it cannot and be started again by its service manager.
    wait_until("it goes on or ends", || {
        let is_going_on = agent.log().matches("following files").count() >= 2;
        (is_going_on || agent.process().ended().is_some()).then_some(())
    });
    println!("started on a full disk: {:?}", agent.process().ended());
    agent.kill();
    disk.make_room();
    let more = lines("room", 500);
    lab.append("logs/a.log", more.join("\n") + "\n");
    all.extend(more);
    agent.start_again();
    collector.wait_for_events(1500);
    agent.wait_until_well();
    agent.stop();
    assert_stored_once(&all, &collector.events());
}

#[test]
fn senders_wait_while_the_disk_of_the_spool_is_full_and_nothing_is_lost() {
    let lab = Lab::new();
    let tcp = lab.free_address();
    let mut collector = lab.absent_collector();
    let tables = SHIP.to_owned() + &socket(&format!("tcp://{tcp}"), "") + &spool("block");
    let mut agent = Receiver::absent(&lab, &collector.url(), &tables, &[]);
    let Some(disk) = SmallDisk::mount(agent.data_dir(), "4m") else { return };
    agent.start_again();
    let before = messages("before", 100);
    send_lines(tcp, &before);
    agent.wait_for_spooled(100);
    disk.fill();
    let sent = messages(&"x".repeat(300), 3000);
    let mut stream = connect(tcp);
    stream.write_all((sent.join("\n") + "\n").as_bytes()).expect("the kernel takes it");
    agent.wait_for_problem("spool: ");
    collector.start();
    disk.make_room();
    let all = [texts(&before), texts(&sent)].concat();
    collector.wait_for_events(all.len() as u64);
    agent.wait_until_empty();
    agent.wait_until_well();
    assert_eq!(agent.metric("records_lost"), 0);
    agent.stop();
    assert_stored_once(&all, &collector.events());
}

#[test]
fn what_a_full_disk_cannot_take_is_counted_and_clients_are_told() {
    let lab = Lab::new();
    let [tcp, door] = [(); 2].map(|()| lab.free_address());
    let mut collector = lab.absent_collector();
    let tables = SHIP.to_owned()
        + &socket(&format!("tcp://{tcp}"), "")
        + &socket(&format!("http://{door}"), "")
        + &spool("drop_newest");
    let mut agent = Receiver::absent(&lab, &collector.url(), &tables, &[]);
    let Some(disk) = SmallDisk::mount(agent.data_dir(), "4m") else { return };
    agent.start_again();
    let post = |n: u64| {
        let data = json!({"message": format!("event {n}"), "pad": "x".repeat(9000)});
        Api::new(door).post_json("/event", &json!({"event_type": "test", "event_data": data})).status
    };
    assert_eq!(post(0), 200);
    disk.fill();
    let sent = messages(&"x".repeat(300), 3000);
    for group in sent.chunks(100) {
        send_lines(tcp, group);
    }
    agent.wait_for_metric("records_read", 3001);
    agent.wait_for_problem("spool: ");
    assert_eq!(post(1), 503);
    let lost = agent.metric("records_lost");
    assert!(lost > 0, "the disk was full");
    disk.make_room();
    collector.start();
    collector.wait_for_events(1);
    wait_until("the door takes events again", || (post(2) == 200).then_some(()));
    agent.wait_until_empty();
    agent.wait_until_well();
    let events = collector.events();
    let stored = events.iter().filter(|event| event.message().starts_with('x')).count() as u64;
    let lost_of_door = agent.metric("records_lost") - lost;
    println!("{stored} stored, {lost} lost, {lost_of_door} more that the door refused");
    assert_eq!(stored + lost - 1, sent.len() as u64, "sent, and the event that was refused");
    agent.stop();
}
