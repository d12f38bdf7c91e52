use std::time::Duration;

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

use super::{Following, Peer, section, until};

const TCP: &str = "listen = \"tcp://127.0.0.1:0\"\n";

async fn connect(to: &Following) -> TcpStream {
    TcpStream::connect(to.address.expect("a TCP socket has an address")).await.expect("loopback")
}

#[tokio::test]
async fn both_framings_are_cut_however_they_arrive() {
    let octets = "<1>line\n11 <2>count\ned<3>again\r\n3 <4>\n25 degrees\nlast";
    let expected = ["<1>line", "<2>count\ned", "<3>again", "<4>", "25 degrees", "last"];
    for size in [1, 2, 3, 7, 1000] {
        let following = Following::start(&section(TCP));
        let mut stream = connect(&following).await;
        stream.set_nodelay(true).expect("an option");
        for piece in octets.as_bytes().chunks(size) {
            stream.write_all(piece).await.expect("loopback");
            tokio::task::yield_now().await;
        }
        let peer = Peer::Address(stream.local_addr().expect("connected"));
        drop(stream);
        until("all is received", || following.kept.count() == expected.len()).await;
        let (kept, counters) = following.stop().await;
        assert_eq!(kept.texts(), expected, "pieces of {size}");
        let messages = kept.messages();
        assert!(messages.iter().all(|message| message.peer == peer && message.cut_from.is_none()));
        let partial: Vec<_> = messages.iter().map(|message| message.is_partial).collect();
        assert_eq!(partial, [false, false, false, false, false, true]);
        assert_eq!(counters.received_bytes.get(), octets.len() as u64);
        assert_eq!((counters.connections.get(), counters.connections_open.get(), counters.resets.get()), (1, 0, 0));
    }
}

#[tokio::test]
async fn a_long_message_is_cut_and_the_connection_goes_on() {
    let following = Following::start(&section(&format!("{TCP}message_bytes_max = \"1KiB\"")));
    let mut stream = connect(&following).await;
    let long = "x".repeat(1_000_000);
    stream.write_all(format!("{long}\nafter\n99999 <1>{long}").as_bytes()).await.expect("loopback");
    drop(stream);
    until("all is received", || following.kept.count() == 4).await;
    let (kept, counters) = following.stop().await;
    let messages: Vec<_> = kept.messages().into_iter().map(|message| (message.bytes.len(), message.cut_from)).collect();
    let rest = 1_000_003 - 99_999;
    assert_eq!(messages, [(1024, Some(1_000_000)), (5, None), (1024, Some(99_999)), (1024, Some(rest))]);
    assert_eq!(counters.cut_messages.get(), 3);
}

#[tokio::test]
async fn a_reset_is_counted_and_what_came_before_it_is_kept() {
    let following = Following::start(&section(TCP));
    let mut stream = connect(&following).await;
    stream.write_all(b"whole\nhalf").await.expect("loopback");
    until("the whole one is received", || following.kept.count() == 1).await;
    socket2::SockRef::from(&stream).set_linger(Some(Duration::ZERO)).expect("an option");
    drop(stream);
    until("the reset is seen", || following.counters.resets.get() == 1).await;
    let (kept, _) = following.stop().await;
    assert_eq!(kept.texts(), ["whole", "half"]);
    assert!(kept.messages()[1].is_partial);
}

#[tokio::test]
async fn without_room_nothing_is_read_and_later_nothing_is_missing() {
    let following = Following::start(&section(TCP));
    following.kept.has_room.send_replace(false);
    let mut stream = connect(&following).await;
    let mut sent = 0_u64;
    let mut line = || {
        sent += 1;
        assert!(sent < 100_000, "100 MB are taken although there is no room");
        format!("{sent:0>999}\n")
    };
    // Until the kernel's queues are full, and the sender has to wait.
    while tokio::time::timeout(Duration::from_millis(500), stream.write_all(line().as_bytes())).await.is_ok() {}
    assert!(following.kept.count() == 0, "nothing is read");
    following.kept.has_room.send_replace(true);
    until("it is read again", || following.kept.count() > 1000).await;
    // Where the write was given up is not known: the rest is told apart by a line end.
    stream.write_all(b"\nend\n").await.expect("loopback");
    until("the end is read", || following.kept.texts().last().is_some_and(|text| text == "end")).await;
    let (kept, _) = following.stop().await;
    let texts = kept.texts();
    let whole = texts.iter().take_while(|text| text.len() == 999).count() as u64;
    assert!(whole + 1 == sent || whole == sent, "{whole} of {sent}");
    for (text, number) in texts.iter().zip(1..=whole) {
        assert_eq!(text.parse(), Ok(number));
    }
}

#[tokio::test]
async fn at_the_stop_what_was_sent_is_still_read() {
    let following = Following::start(&section(TCP));
    let mut streams = Vec::new();
    for number in 0..20 {
        let mut stream = connect(&following).await;
        stream.write_all(b"hello\n").await.expect("loopback");
        streams.push(stream);
        until("it is accepted", || following.kept.count() == number + 1).await;
    }
    following.kept.has_room.send_replace(false);
    for stream in &mut streams {
        stream.write_all("line\n".repeat(10_000).as_bytes()).await.expect("loopback");
    }
    following.kept.has_room.send_replace(true);
    let (kept, _) = following.stop().await;
    assert_eq!(kept.count(), 20 * 10_001);
}

#[tokio::test]
async fn a_busy_connection_leaves_the_others_their_turn_and_hears_the_stop() {
    let following = Following::start(&section(TCP));
    let mut busy = connect(&following).await;
    let mut flood = tokio::task::JoinSet::new();
    flood.spawn(async move { while busy.write_all("x\n".repeat(50_000).as_bytes()).await.is_ok() {} });
    until("it is busy", || following.counters.received_messages.get() > 100_000).await;
    let mut other = connect(&following).await;
    other.write_all(b"other\n").await.expect("loopback");
    let messages = following.kept.messages.clone();
    until("the other is heard", || {
        messages.lock().unwrap().iter().rev().take(500_000).any(|message| message.bytes == b"other")
    })
    .await;
    tokio::time::timeout(Duration::from_secs(5), following.stop()).await.expect("it stops under load");
}

#[tokio::test]
async fn further_connections_wait_and_lose_nothing() {
    let following = Following::start(&section(&format!("{TCP}connections_max = 1")));
    let mut first = connect(&following).await;
    first.write_all(b"first\n").await.expect("loopback");
    until("the first is read", || following.kept.count() == 1).await;
    let mut second = connect(&following).await;
    second.write_all(b"second\n").await.expect("loopback");
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert_eq!(following.kept.count(), 1);
    drop(first);
    until("the second is read", || following.kept.count() == 2).await;
    assert_eq!(following.stop().await.0.texts(), ["first", "second"]);
}

#[tokio::test]
async fn a_silent_connection_is_closed_where_that_is_wanted() {
    let following = Following::start(&section(&format!("{TCP}idle_timeout = \"100ms\"")));
    let mut stream = connect(&following).await;
    stream.write_all(b"half").await.expect("loopback");
    let read = tokio::time::timeout(Duration::from_secs(5), stream.read(&mut [0; 1])).await.expect("it is closed");
    assert_eq!(read.ok(), Some(0));
    assert_eq!(following.stop().await.0.texts(), ["half"]);
}

#[tokio::test]
async fn one_socket_accepts_both_families() {
    let following = Following::start(&section("listen = \"tcp://[::]:0\""));
    let port = following.address.expect("bound").port();
    for host in ["::1", "127.0.0.1"] {
        let mut stream = TcpStream::connect((host, port)).await.expect("loopback");
        stream.write_all(b"x\n").await.expect("loopback");
    }
    until("both are read", || following.kept.count() == 2).await;
    let is_ipv4 = |peer: &Peer| matches!(peer, Peer::Address(address) if address.is_ipv4());
    let (kept, _) = following.stop().await;
    assert_eq!(kept.messages().iter().filter(|message| is_ipv4(&message.peer)).count(), 1);
}
