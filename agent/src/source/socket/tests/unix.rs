use std::{
    os::unix::{
        fs::PermissionsExt as _,
        net::{UnixDatagram, UnixListener, UnixStream},
    },
    path::Path,
};

use tokio::io::AsyncWriteExt as _;

use super::{Following, Kept, Peer, Running, section, until};
use crate::source::socket::{Bound, SocketCounters};

fn text(scheme: &str, path: &Path) -> String {
    format!("listen = \"{scheme}://{}\"\n", path.display())
}

fn error(text: &str) -> String {
    match Bound::bind(&section(text), &SocketCounters::default()) {
        Err(error) => error.to_string(),
        Ok(bound) => panic!("it is bound: {bound:?}"),
    }
}

fn us(peer: Peer) -> bool {
    matches!(peer, Peer::Process { pid, .. } if u32::try_from(pid) == Ok(std::process::id()))
}

#[tokio::test]
async fn a_stream_of_this_machine_is_received_and_its_file_removed() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("labtrail.sock");
    let following = Following::start(&section(&format!("{}mode = \"0622\"", text("unix", &path))));
    assert_eq!(std::fs::metadata(&path).expect("it is there").permissions().mode() & 0o777, 0o622);
    let mut stream = tokio::net::UnixStream::connect(&path).await.expect("it is listened on");
    stream.write_all(b"one\n5 <2>tw<3>").await.expect("it is read");
    drop(stream);
    until("all is received", || following.kept.count() == 3).await;
    let (kept, _) = following.stop().await;
    assert_eq!(kept.texts(), ["one", "<2>tw", "<3>"]);
    assert!(kept.messages().iter().all(|message| us(message.peer)));
    assert!(!path.exists());
}

#[test]
fn datagrams_of_this_machine_lose_nothing_and_say_who_sent_them() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("labtrail.sock");
    let running = Running::start(
        &section(&format!("{}message_bytes_max = \"100KiB\"", text("unixgram", &path))),
        Kept::default(),
    );
    assert_eq!(std::fs::metadata(&path).expect("it is there").permissions().mode() & 0o777, 0o660);
    let socket = UnixDatagram::unbound().expect("a socket");
    for number in 0..20_000 {
        socket.send_to(format!("{number}\n").as_bytes(), &path).expect("it waits for room");
    }
    socket.send_to(&vec![b'x'; 150_000], &path).expect("it is taken");
    let (kept, counters) = running.stop();
    let mut messages = kept.messages();
    assert!(messages.iter().all(|message| us(message.peer)));
    let long = messages.pop().expect("20001 messages");
    assert_eq!((long.bytes.len(), long.cut_from), (100 << 10, Some(150_000)));
    let numbers: Vec<u32> = kept.texts()[..20_000].iter().map(|text| text.parse().expect("a number")).collect();
    assert_eq!(numbers, (0..20_000).collect::<Vec<_>>());
    assert_eq!(counters.kernel_drops.get(), 0);
    assert!(!path.exists());
}

#[test]
fn the_socket_of_a_dead_process_is_replaced() {
    let folder = tempfile::tempdir().expect("a folder");
    for scheme in ["unix", "unixgram"] {
        let (stream, datagram) = (folder.path().join("stream"), folder.path().join("datagram"));
        // Closing a socket leaves its file behind.
        drop(UnixListener::bind(&stream).expect("a socket"));
        drop(UnixDatagram::bind(&datagram).expect("a socket"));
        for path in [stream, datagram] {
            assert!(path.exists());
            drop(Bound::bind(&section(&text(scheme, &path)), &SocketCounters::default()).expect("it is replaced"));
            assert!(!path.exists());
        }
    }
}

#[test]
fn the_socket_of_a_running_process_is_left_alone() {
    let folder = tempfile::tempdir().expect("a folder");
    let (stream, datagram) = (folder.path().join("stream"), folder.path().join("datagram"));
    let _alive = (UnixListener::bind(&stream).expect("a socket"), UnixDatagram::bind(&datagram).expect("a socket"));
    for scheme in ["unix", "unixgram"] {
        for path in [&stream, &datagram] {
            let expected = format!(
                "listen on {}: a running program receives there: stop it, or name another path",
                path.display()
            );
            assert_eq!(error(&text(scheme, path)), expected);
        }
    }
    UnixStream::connect(&stream).expect("it still listens");
}

#[test]
fn a_file_that_is_no_socket_is_left_alone() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("precious");
    std::fs::write(&path, "data").expect("a file");
    assert!(error(&text("unix", &path)).contains("a file that is no socket"));
    assert_eq!(std::fs::read(&path).expect("a file"), b"data");
}

#[test]
fn the_file_of_a_successor_is_left_alone() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("labtrail.sock");
    let bound = Bound::bind(&section(&text("unixgram", &path)), &SocketCounters::default()).expect("it binds");
    std::fs::remove_file(&path).expect("it is there");
    let _successor = UnixDatagram::bind(&path).expect("a socket");
    drop(bound);
    assert!(path.exists());
}
