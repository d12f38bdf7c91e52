//! Real programs, good and bad.

use std::{path::Path, time::Instant};

use serde_json::Value;

use crate::notify::{
    Delivery, Outcome, Receiver,
    tests::{failure, notification, receiver},
};

fn shell(script: &str, timeout: &str) -> Receiver {
    let argv = toml::Value::from(vec!["/bin/sh", "-c", script, "sh", "an argument; with $(odd) signs"]);
    receiver(&format!("name = \"siren\"\n[command]\nargv = {argv}\ntimeout = \"{timeout}\"\n"))
}

#[tokio::test]
async fn a_program_reads_the_notification() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("read");
    let receiver = shell(&format!("cat > {0}; printf '%s' \"$1\" > {0}.argument", file.display()), "5s");
    assert_eq!(receiver.send(&notification(), None).await, Outcome::Sent(Delivery::default()));
    let read: Value = serde_json::from_slice(&std::fs::read(&file).expect("a file")).expect("JSON");
    assert_eq!((&read["receiver"], &read["version"]), (&Value::from("siren"), &Value::from(1)));
    assert_eq!(read["alerts"], notification().context["alerts"]);
    let argument = std::fs::read_to_string(file.with_extension("argument")).expect("a file");
    assert_eq!(argument, "an argument; with $(odd) signs");
}

#[tokio::test]
async fn the_exit_status_decides() {
    let check = async |script: &str, is_permanent: bool, needs_mending: bool, reason: &str| {
        let failed = failure(shell(script, "5s").send(&notification(), None).await);
        assert_eq!((failed.is_permanent, failed.needs_mending), (is_permanent, needs_mending), "{failed:?}");
        assert_eq!(failed.reason, reason);
    };
    let words = "echo out; echo first >&2; echo last >&2; exit";
    check(
        &format!("{words} 1"),
        false,
        false,
        "the command /bin/sh ended with exit status 1; its last words: first | last",
    )
    .await;
    check("exit 65", true, false, "the command /bin/sh ended with exit status 65").await;
    check("exit 78", true, true, "the command /bin/sh ended with exit status 78").await;
    check("kill -9 $$", false, false, "the command /bin/sh ended with signal 9").await;
    let chatty = "i=0; while [ $i -lt 20000 ]; do echo $i$i$i$i; i=$((i+1)); done; exit 1";
    let failed = failure(shell(chatty, "20s").send(&notification(), None).await);
    assert!(failed.reason.ends_with("19999199991999919999") && failed.reason.len() < 2000, "{failed:?}");
}

#[tokio::test]
async fn a_program_that_is_not_there_needs_a_person() {
    let failed =
        failure(receiver("name = \"x\"\n[command]\nargv = [\"/no/such/program\"]\n").send(&notification(), None).await);
    assert!(failed.is_permanent && failed.needs_mending, "{failed:?}");
    assert!(failed.reason.starts_with("the command /no/such/program cannot be started: "), "{failed:?}");
}

#[tokio::test]
async fn one_that_does_not_end_is_killed_with_all_it_started() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("children");
    let script = format!("sleep 300 & echo $! > {0}; sleep 300 & echo $! >> {0}; echo waiting; wait", file.display());
    let began = Instant::now();
    let failed = failure(shell(&script, "1500ms").send(&notification(), None).await);
    assert!(began.elapsed().as_secs() < 30 && !failed.is_permanent && failed.may_have_arrived, "{failed:?}");
    assert!(failed.reason.ends_with("was killed; its last words: waiting"), "{failed:?}");
    for child in std::fs::read_to_string(file).expect("a file").lines() {
        let deadline = Instant::now() + std::time::Duration::from_secs(5);
        while is_alive(child) {
            assert!(Instant::now() < deadline, "{child} lives on");
            tokio::task::yield_now().await;
        }
    }
}

#[tokio::test]
async fn one_that_does_not_read_or_leaves_something_behind_is_content() {
    let began = Instant::now();
    let outcome = shell("exec <&-; exit 0", "5s").send(&notification(), None).await;
    assert!(matches!(outcome, Outcome::Sent(_)), "{outcome:?}");
    let outcome = shell("sleep 20 & exit 0", "20s").send(&notification(), None).await;
    assert!(matches!(outcome, Outcome::Sent(_)), "{outcome:?}");
    assert!(began.elapsed().as_secs() < 18, "what was left behind is not waited for");
}

/// Whether a process runs: neither gone nor waiting to be collected by whoever inherited it.
fn is_alive(process: &str) -> bool {
    let status = std::fs::read_to_string(Path::new("/proc").join(process).join("stat")).unwrap_or_default();
    status.rsplit(')').next().and_then(|rest| rest.trim().chars().next()).is_some_and(|state| state != 'Z')
}

#[tokio::test]
async fn one_that_is_given_up_is_killed() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("process");
    let receiver = shell(&format!("echo $$ > {0}.part; mv {0}.part {0}; sleep 300", file.display()), "60s");
    let notification = notification();
    let started = async {
        while !file.exists() {
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
    };
    tokio::select! {
        outcome = receiver.send(&notification, None) => panic!("{outcome:?}"),
        () = started => {}
    }
    let process = std::fs::read_to_string(file).expect("a file");
    while is_alive(process.trim()) {
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
}
