use std::{net::UdpSocket, time::Duration};

use super::{Kept, Peer, Running, bind, section, until};
use crate::source::socket::Bound;

fn sender(to: &Running) -> UdpSocket {
    let address = to.address.expect("a UDP socket has an address");
    let here = if address.is_ipv6() { "::1" } else { "127.0.0.1" };
    let socket = UdpSocket::bind((here, 0)).expect("a port");
    socket.connect((here, address.port())).expect("loopback");
    socket
}

/// Received and dropped is what was sent, to the last datagram; those received are in order.
fn check_nothing_is_unaccounted(options: &str, takes: Duration, count: u64) -> (u64, u64) {
    let running = Running::start(
        &section(&format!("listen = \"udp://127.0.0.1:0\"\n{options}")),
        Kept { takes, ..Kept::default() },
    );
    let socket = sender(&running);
    let mut datagram = [b'.'; 200];
    for number in 0..count {
        datagram[..20].copy_from_slice(format!("{number:020}").as_bytes());
        socket.send(&datagram).expect("loopback takes all");
    }
    let (kept, counters) = running.stop();
    let numbers: Vec<u64> = kept.texts().iter().map(|text| text[..20].parse().expect("a number")).collect();
    assert!(numbers.is_sorted_by(|before, after| before < after), "in order, none twice");
    assert_eq!(counters.received_messages.get(), numbers.len() as u64);
    assert_eq!(counters.received_bytes.get(), numbers.len() as u64 * 200);
    assert_eq!(numbers.len() as u64 + counters.kernel_drops.get(), count);
    (numbers.len() as u64, counters.kernel_drops.get())
}

#[test]
fn at_speed_received_and_dropped_is_what_was_sent() {
    let (received, dropped) = check_nothing_is_unaccounted("", Duration::ZERO, 200_000);
    println!("{received} received, {dropped} dropped");
    assert!(received > 0);
}

#[test]
fn with_a_small_queue_and_a_slow_sink_every_drop_is_counted() {
    let (received, dropped) =
        check_nothing_is_unaccounted("receive_buffer = \"4KiB\"", Duration::from_micros(100), 200_000);
    println!("{received} received, {dropped} dropped");
    assert!(received > 0 && dropped > 0, "the queue was meant to overflow");
}

#[test]
fn drops_are_told_while_it_runs() {
    let slow = Kept { takes: Duration::from_millis(1), ..Kept::default() };
    let running = Running::start(&section("listen = \"udp://127.0.0.1:0\"\nreceive_buffer = \"4KiB\""), slow);
    let socket = sender(&running);
    for _ in 0..5_000 {
        socket.send(b"x").expect("loopback takes all");
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let counters = running.counters.clone();
    let accounted = || counters.received_messages.get() + counters.kernel_drops.get() == 5_000;
    runtime.block_on(until("all is accounted for, without a stop", accounted));
    running.stop();
}

#[test]
fn a_datagram_is_a_message_and_says_who_sent_it() {
    let running =
        Running::start(&section("listen = \"udp://127.0.0.1:0\"\nmessage_bytes_max = \"10B\""), Kept::default());
    let socket = sender(&running);
    for datagram in ["a\nb\r\n", "", "<1>c\0", "0123456789", "0123456789\n", "012345678€9", "0123456789abcdef"] {
        socket.send(datagram.as_bytes()).expect("loopback takes all");
    }
    let (kept, counters) = running.stop();
    let messages = kept.messages();
    let cuts: Vec<_> = messages.iter().map(|message| message.cut_from).collect();
    assert_eq!(kept.texts(), ["a\nb", "", "<1>c", "0123456789", "0123456789", "012345678", "0123456789"]);
    assert_eq!(cuts, [None, None, None, None, None, Some(13), Some(16)]);
    assert_eq!(counters.cut_messages.get(), 2);
    let peer = Peer::Address(socket.local_addr().expect("bound"));
    assert!(messages.iter().all(|message| message.peer == peer && !message.is_partial));
}

#[test]
fn the_longest_datagram_comes_whole() {
    let running = Running::start(&section("listen = \"udp://127.0.0.1:0\""), Kept::default());
    let longest = vec![b'x'; 65_507];
    sender(&running).send(&longest).expect("loopback takes all");
    let (kept, _) = running.stop();
    assert_eq!(kept.messages()[0].bytes, longest);
}

#[test]
fn one_socket_receives_from_both_families() {
    let running = Running::start(&section("listen = \"udp://[::]:0\""), Kept::default());
    sender(&running).send(b"six").expect("loopback takes all");
    let four = UdpSocket::bind("127.0.0.1:0").expect("a port");
    four.send_to(b"four", ("127.0.0.1", running.address.expect("bound").port())).expect("loopback takes all");
    let (kept, _) = running.stop();
    assert_eq!(kept.texts(), ["six", "four"]);
    assert_eq!(kept.messages()[1].peer, Peer::Address(four.local_addr().expect("bound")));
}

#[test]
fn drops_of_both_families_are_found_in_their_tables() {
    let running = Running::start(
        &section("listen = \"udp://[::]:0\"\nreceive_buffer = \"4KiB\""),
        Kept { takes: Duration::from_micros(200), ..Kept::default() },
    );
    let socket = sender(&running);
    for _ in 0..20_000 {
        socket.send(b"x").expect("loopback takes all");
    }
    let (kept, counters) = running.stop();
    assert_eq!(kept.count() as u64 + counters.kernel_drops.get(), 20_000);
    assert!(counters.kernel_drops.get() > 0);
}

#[test]
fn without_the_table_the_drops_before_the_last_datagram_are_counted() {
    let section = section("listen = \"udp://127.0.0.1:0\"\nreceive_buffer = \"4KiB\"");
    let (Bound::Datagrams(mut socket), counters) = bind(&section) else { panic!("for datagrams") };
    socket.without_table();
    let slow = Kept { takes: Duration::from_millis(1), ..Kept::default() };
    let running = Running::run(socket, counters, slow);
    let socket = sender(&running);
    // The first call receives a datagram before which nothing was dropped: the later ones must hear of drops all the same.
    socket.send(b"first").expect("loopback takes all");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(until("the first is taken", || running.kept.count() == 1));
    for _ in 0..5_000 {
        socket.send(b"x").expect("loopback takes all");
    }
    runtime.block_on(async { tokio::time::sleep(Duration::from_millis(300)).await });
    socket.send(b"last").expect("loopback takes all");
    let (kept, counters) = running.stop();
    assert_eq!(kept.texts().last().map(String::as_str), Some("last"));
    assert_eq!(kept.count() as u64 + counters.kernel_drops.get(), 5_002);
}

#[test]
fn an_address_in_use_is_refused() {
    let running = Running::start(&section("listen = \"udp://127.0.0.1:0\""), Kept::default());
    let listen = format!("udp://{}", running.address.expect("bound"));
    let error =
        Bound::bind(&section(&format!("listen = \"{listen}\"")), &crate::source::socket::SocketCounters::default());
    assert_eq!(error.expect_err("in use").to_string(), format!("listen on {listen}"));
    running.stop();
}
