//! More datagrams than a kernel likes to queue, while nobody takes them from the agent: of every one it is known what
//! became of it.

use std::{
    collections::BTreeSet,
    net::{SocketAddr, UdpSocket},
    thread,
    time::{Duration, Instant},
};

use labtrail_tests::{
    lab::{Collector, Lab, poll, wait_until},
    services::Kafka,
};

use super::receiver::{Receiver, socket};

/// Datagrams are sent in bursts that begin so often.
const BURSTS_PER_SECOND: u32 = 500;

/// Sends numbered datagrams at this rate. The last one is not part of the flood, and not lost.
fn flood(to: SocketAddr, per_second: u32, seconds: u32) -> u64 {
    let socket = UdpSocket::bind("127.0.0.1:0").expect("there is a free port");
    let begin = Instant::now();
    let mut number = 0_u64;
    for burst in 0..seconds * BURSTS_PER_SECOND {
        thread::sleep(
            (begin + Duration::from_secs(1) / BURSTS_PER_SECOND * burst).saturating_duration_since(Instant::now()),
        );
        for _ in 0..per_second / BURSTS_PER_SECOND {
            let text = format!("<14>1 2026-11-23T10:00:00Z pc flood - - - datagram {number:08}");
            socket.send_to(text.as_bytes(), to).expect("a datagram can be sent");
            number += 1;
        }
    }
    println!("{number} datagrams sent in {:?}", begin.elapsed());
    number
}

/// What was received of them, after what was not is known, too.
fn wait_until_accounted(agent: &Receiver, sent: u64) -> u64 {
    let accounted = || {
        let (received, drops) = (agent.metric("socket_received_messages"), agent.metric("socket_kernel_drops"));
        (received + drops >= sent).then_some((received, drops))
    };
    let Some((received, drops)) = poll(Duration::from_secs(30), accounted) else {
        let (received, drops) = (agent.metric("socket_received_messages"), agent.metric("socket_kernel_drops"));
        panic!("of {sent} datagrams {received} were received and {drops} dropped by the kernel: the rest is unknown")
    };
    println!("{received} received, {drops} dropped by the kernel, {} lost", agent.metric("records_lost"));
    assert_eq!(received + drops, sent);
    received
}

/// What was received and not lost is stored, each once.
fn assert_stored(agent: &Receiver, collector: &Collector, received: u64) {
    let expected = received - agent.metric("records_lost");
    let time_max = Duration::from_mins(10);
    labtrail_tests::lab::wait_until_within(time_max, "all that was received is stored", || {
        (collector.total_events() >= Some(expected)).then_some(())
    });
    agent.wait_until_empty();
    let events = collector.events();
    let numbers: BTreeSet<&str> = events.iter().map(|event| event.message()).collect();
    assert_eq!((events.len() as u64, numbers.len() as u64), (expected, expected), "stored, and different ones");
}

#[test]
fn a_flood_of_datagrams_while_the_collector_is_away_is_stored_once_or_counted() {
    let lab = Lab::new();
    let udp = lab.free_address();
    let mut collector = lab.absent_collector();
    // So small a queue that the kernel has to drop some.
    let tables = socket(&format!("udp://{udp}"), "receive_buffer = \"256KiB\"");
    let mut agent = Receiver::start(&lab, &collector.url(), &tables);
    let sent = flood(udp, 5_000, 3);
    let received = wait_until_accounted(&agent, sent);
    wait_until("it is in the spool", || (agent.spooled() + agent.metric("records_lost") >= received).then_some(()));
    let memory = agent.process().memory_peak();
    collector.start();
    assert_stored(&agent, &collector, received);
    assert!(memory < 200 << 20, "it took {memory} bytes");
}

#[test]
fn a_flood_over_an_agent_that_stands_still_is_counted_by_the_kernel() {
    let lab = Lab::new();
    let udp = lab.free_address();
    let collector = lab.collector();
    let tables = socket(&format!("udp://{udp}"), "receive_buffer = \"64KiB\"");
    let mut agent = Receiver::start(&lab, &collector.url(), &tables);
    agent.process().pause();
    let sent = flood(udp, 5_000, 1);
    agent.process().resume();
    let received = wait_until_accounted(&agent, sent);
    assert!(received < sent, "the queue was too small");
    assert_stored(&agent, &collector, received);
}

#[test]
#[ignore = "takes minutes: 600,000 datagrams through a real Kafka"]
fn a_long_flood_of_datagrams_while_kafka_is_away_is_stored_once_or_counted() {
    let (lab, kafka) = (Lab::new(), Kafka::start());
    let udp = lab.free_address();
    kafka.create_topic("flood", 1, &[]);
    let brokers = kafka.brokers();
    let topics = "topic = \"flood\"\ndead_letter_topic = \"flood.dead\"\ngroup = \"flood\"\n";
    kafka.create_topic("flood.dead", 1, &[]);
    let collector = lab.collector_with(&format!("[kafka]\nbrokers = [\"{brokers}\"]\n{topics}"));
    kafka.stop(0);
    let tables = socket(&format!("udp://{udp}"), "");
    let mut agent = Receiver::start(&lab, &format!("kafka://{brokers}/flood"), &tables);
    let sent = flood(udp, 20_000, 30);
    let received = wait_until_accounted(&agent, sent);
    wait_until("it is in the spool", || (agent.spooled() + agent.metric("records_lost") >= received).then_some(()));
    println!("{} MiB of memory, {} in the spool", agent.process().memory_peak() >> 20, agent.status()["spooled_bytes"]);
    let begin = Instant::now();
    kafka.start_broker(0);
    labtrail_tests::lab::wait_until_within(Duration::from_mins(5), "the spool is empty", || {
        (agent.spooled() == 0).then_some(())
    });
    println!("delivered {:?} after the broker began to start", begin.elapsed());
    assert_stored(&agent, &collector, received);
    println!("stored {:?} after it; {} MiB of memory", begin.elapsed(), agent.process().memory_peak() >> 20);
    agent.stop();
}
