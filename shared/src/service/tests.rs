//! With a real socket in the place of the service manager. The variables that name it cannot be set for a part of a
//! process, so each test runs itself again as a child that has them.

use std::{
    io::ErrorKind,
    os::unix::net::UnixDatagram,
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use super::{Watchdog, ready, reloading, status, stopping};
use crate::shutdown::Stop;

const CHILD: &str = "LABTRAIL_TEST_CHILD";
const WATCHDOG_PERIOD: Duration = Duration::from_millis(400);

/// What the child of this name tells its service manager, one message an entry.
fn messages_of(child: &str) -> Vec<String> {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("notify");
    let socket = UnixDatagram::bind(&path).expect("a socket");
    socket.set_read_timeout(Some(Duration::from_millis(20))).expect("a socket can be read with patience");
    let mut child = command(child)
        .env("NOTIFY_SOCKET", &path)
        .env("WATCHDOG_USEC", WATCHDOG_PERIOD.as_micros().to_string())
        .spawn()
        .expect("a test can run itself");
    let mut messages = Vec::new();
    let mut buffer = [0; 4096];
    let mut status = None;
    loop {
        match socket.recv(&mut buffer) {
            Ok(length) => messages.push(String::from_utf8_lossy(&buffer[..length]).into_owned()),
            Err(error) if error.kind() != ErrorKind::WouldBlock => panic!("{error}"),
            // Asked once more after the end, for what was sent just before it.
            Err(_) if status.is_some() => break,
            Err(_) => status = child.try_wait().expect("a child can be waited for"),
        }
    }
    assert!(status.is_some_and(|status| status.success()), "the child failed: {messages:?}");
    messages
}

fn command(child: &str) -> Command {
    let mut command = Command::new(std::env::current_exe().expect("a process knows its program"));
    command.args(["--exact", child, "--nocapture"]).env(CHILD, child).stdin(Stdio::null());
    command
}

/// Whether this process is the child of a test, which runs no other.
fn is_child() -> bool {
    std::env::var_os(CHILD).is_some()
}

fn block_on<T>(task: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(task)
}

#[test]
fn each_step_of_a_life_is_told() {
    if is_child() {
        ready("following\n3 files");
        status("12 files");
        reloading();
        ready("12 files");
        stopping("draining");
        return;
    }
    let messages = messages_of("service::tests::each_step_of_a_life_is_told");
    assert_eq!(messages.len(), 5, "{messages:?}");
    assert_eq!(messages[0], "READY=1\nSTATUS=following 3 files\n");
    assert_eq!(messages[1], "STATUS=12 files\n");
    assert!(messages[2].starts_with("RELOADING=1\nMONOTONIC_USEC="), "{}", messages[2]);
    assert_eq!(messages[3], "READY=1\nSTATUS=12 files\n");
    assert_eq!(messages[4], "STOPPING=1\nSTATUS=draining\n");
}

#[test]
fn a_process_without_a_service_manager_tells_nobody() {
    if is_child() {
        ready("x");
        return;
    }
    let mut command = command("service::tests::a_process_without_a_service_manager_tells_nobody");
    let output = command.env_remove("NOTIFY_SOCKET").output().expect("a test can run itself");
    assert!(output.status.success(), "{output:?}");
}

#[test]
fn life_is_told_until_a_room_is_silent_and_again_when_it_is_not() {
    if is_child() {
        block_on(async {
            let (watchdog, stop) = (Watchdog::default(), Stop::default());
            let (files, ship) =
                (watchdog.register("files", WATCHDOG_PERIOD / 2), watchdog.register("ship", Duration::from_hours(1)));
            let rooms = async {
                for round in 0..60_u32 {
                    tokio::time::sleep(WATCHDOG_PERIOD / 20).await;
                    // Three periods: the first and the last with signs of life.
                    if !(20..40).contains(&round) {
                        files.beat();
                    }
                    if round == 20 {
                        status("it hangs");
                    }
                }
                stop.give();
                drop((files, ship));
            };
            let (result, ()) = tokio::join!(watchdog.run(stop.clone()), rooms);
            result
        })
        .expect("a watchdog does not fail");
        return;
    }
    let messages = messages_of("service::tests::life_is_told_until_a_room_is_silent_and_again_when_it_is_not");
    let place = |text: &str| messages.iter().position(|message| message.starts_with(text));
    let hangs = place("STATUS=it hangs").expect("the child said it");
    let silent = place("STATUS=`files` has given no sign of life").expect("the silence is told");
    let again = place("STATUS=every room gives signs of life again").expect("and its end");
    let signs = |messages: &[String]| messages.iter().filter(|message| *message == "WATCHDOG=1\n").count();
    assert!(hangs < silent && silent < again, "{messages:?}");
    assert!(signs(&messages[..hangs]) >= 2, "{messages:?}");
    assert_eq!(signs(&messages[silent..again - 1]), 0, "{messages:?}");
    assert!(signs(&messages[again..]) >= 2, "{messages:?}");
}

#[test]
fn a_service_manager_that_does_not_read_stops_nobody() {
    const NAME: &str = "service::tests::a_service_manager_that_does_not_read_stops_nobody";
    if is_child() {
        // Far more than a socket holds.
        for _ in 0..100_000 {
            status("x");
        }
        return;
    }
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("notify");
    let _socket = UnixDatagram::bind(&path).expect("a socket");
    let mut child = command(NAME).env("NOTIFY_SOCKET", &path).spawn().expect("a test can run itself");
    let deadline = Instant::now() + Duration::from_mins(1);
    while child.try_wait().expect("a child can be waited for").is_none() {
        if Instant::now() > deadline {
            child.kill().expect("a child can be ended");
            panic!("it waits for the service manager");
        }
        std::thread::sleep(Duration::from_millis(10));
    }
}

#[test]
fn a_stop_is_waited_for_while_a_room_still_drains_and_no_longer() {
    block_on(async {
        let (watchdog, stop) = (Watchdog::default(), Stop::default());
        let ship = watchdog.register("ship", Duration::from_hours(1));
        stop.give();
        let drain = async {
            tokio::time::sleep(Duration::from_millis(100)).await;
            drop(ship);
            Instant::now()
        };
        let watch = async {
            watchdog.run(stop.clone()).await.expect("a watchdog does not fail");
            Instant::now()
        };
        let (watched_until, drained_at) = tokio::join!(watch, drain);
        assert!(watched_until >= drained_at);
        assert!(watched_until - drained_at < Duration::from_secs(5), "it waits for its next look");
    });
}
