//! Which files are followed, and from where.

use std::process::Command;

use labtrail_tests::lab::{Lab, Process, binary, wait_until};

#[test]
fn what_existed_before_is_left_unread_when_asked_and_everything_after_is_read() {
    let lab = Lab::new();
    lab.write("logs/a.log", "old\nolder, unfin");
    let collector = lab.collector();
    let mut agent = lab.agent(&collector, &[("logs", "from = \"end\"")]);
    wait_until("the agent follows", || agent.log().contains("following files").then_some(()));
    lab.append("logs/a.log", "ished after the start\nnew\n");
    lab.write("logs/b.log", "a new file is read whole\n");
    collector.wait_for_events(3);
    // At a restart nothing is left out any more.
    agent.stop();
    lab.append("logs/a.log", "while stopped\n");
    lab.write("logs/c.log", "a new file while stopped\n");
    agent.start();
    collector.wait_for_events(5);
    agent.stop();
    let a = collector.messages_of(&lab.path("logs/a.log"));
    assert_eq!(a, ["older, unfinished after the start", "new", "while stopped"]);
    assert_eq!(collector.total_events(), Some(5));
}

#[test]
fn new_files_and_folders_are_found_and_excluded_ones_are_not() {
    let lab = Lab::new();
    lab.write("logs/a.log", "first\n");
    let collector = lab.collector();
    let more = "exclude = [\"*.tmp\", \"secret*\", \"**/private/**\"]";
    let mut agent = lab.agent(&collector, &[("logs", more), ("single.txt", "")]);
    collector.wait_for_events(1);
    lab.write("logs/b.log", "new file\n");
    lab.write("logs/run 1/deep/er/RUN [1].LOG", "new folder\n");
    lab.write("logs/secret.log", "excluded by name\n");
    lab.write("logs/run 1/x.tmp", "excluded by ending\n");
    lab.write("logs/private/c.log", "excluded by path\n");
    lab.write("logs/picture.bin", b"\0\x01binary\nbinary\n");
    lab.write("single.txt", "a path that did not exist at the start\n");
    lab.write("other.txt", "not named\n");
    collector.wait_for_events(4);
    lab.append("logs/run 1/deep/er/RUN [1].LOG", "and more\n");
    collector.wait_for_events(5);
    agent.stop();
    let found: Vec<String> = collector.message_counts().into_keys().collect();
    let expected = ["a path that did not exist at the start", "and more", "first", "new file", "new folder"];
    assert_eq!(found, expected);
    assert_eq!(collector.total_events(), Some(5));
}

#[test]
fn files_that_begin_alike_are_told_apart() {
    let lab = Lab::new();
    let header = (0..64).map(|number| format!("{number:02} {}\n", "=".repeat(60))).collect::<Vec<_>>().concat();
    assert_eq!(header.len(), 4096);
    for number in 0..50 {
        let own = (0..20).map(|line| format!("file {number} line {line}\n")).collect::<Vec<_>>().concat();
        lab.write(format!("logs/run{number}.log"), format!("{header}{own}"));
    }
    let collector = lab.collector();
    let mut agent = lab.agent(&collector, &[("logs", "")]);
    let total = 50 * (64 + 20);
    collector.wait_for_events(total);
    agent.stop();
    assert_eq!(collector.total_events(), Some(total));
    let counts = collector.message_counts();
    for line in header.lines() {
        assert_eq!(counts[line], 50, "{line}");
    }
    for number in 0..50 {
        let messages = collector.messages_of(&lab.path(format!("logs/run{number}.log")));
        let own: Vec<String> = (0..20).map(|line| format!("file {number} line {line}")).collect();
        assert_eq!((messages.len(), &messages[64..]), (84, &own[..]), "file {number}");
    }
}

#[test]
fn a_lost_checkpoint_costs_reading_again_and_nothing_else() {
    let lab = Lab::new();
    for number in 0..5 {
        let line = |line| format!("2026-01-01T00:00:{:02}Z file {number} line {line}\n", line % 60);
        lab.write(format!("logs/{number}.log"), (0..500).map(line).collect::<Vec<_>>().concat());
    }
    let collector = lab.collector();
    let mut agent = lab.agent(&collector, &[("logs", "")]);
    collector.wait_for_events(2500);
    agent.stop();
    let ids = || -> Vec<String> { collector.events().iter().map(|event| event.id().to_owned()).collect() };
    let before = ids();
    agent.delete_checkpoint();
    agent.start();
    lab.append("logs/0.log", "written after the loss\n");
    collector.wait_for_events(2501);
    agent.stop();
    assert_eq!(collector.total_events(), Some(2501), "no event is stored a second time");
    let mut after = ids();
    after.retain(|id| before.contains(id));
    assert_eq!(after, before);
    assert!(collector.dead_letters().is_empty());
}

#[test]
fn flags_do_without_a_config_and_the_own_data_folder_is_left_out() {
    let lab = Lab::new();
    lab.write("logs/a.log", "followed\n");
    lab.write("logs/data/left over.log", "the agent's own folder\n");
    let collector = lab.collector();
    let mut command = Command::new(binary("labtrail-agent"));
    command.args(["--to", &collector.url(), "--data-dir"]).arg(lab.path("logs/data")).arg(lab.path("logs"));
    let mut agent = Process::start("agent", command, &lab.path("agent"));
    collector.wait_for_events(1);
    lab.append("logs/a.log", "followed too\n");
    collector.wait_for_events(2);
    assert!(agent.interrupt().success(), "{}", agent.log());
    assert_eq!(collector.messages_of(&lab.path("logs/a.log")), ["followed", "followed too"]);
    assert_eq!(collector.total_events(), Some(2));
}

#[test]
fn a_second_agent_on_the_same_data_folder_is_refused() {
    let lab = Lab::new();
    lab.write("logs/a.log", "followed\n");
    let collector = lab.collector();
    let _agent = lab.agent(&collector, &[("logs", "")]);
    collector.wait_for_events(1);
    let mut command = Command::new(binary("labtrail-agent"));
    command.arg("--config").arg(lab.path("agent/agent.toml"));
    let mut second = Process::start("second", command, &lab.path("second"));
    let status = wait_until("the second agent gives up", || second.ended());
    assert_eq!(status.code(), Some(1));
    assert!(second.log().contains("is in use by process"), "{}", second.log());
}
