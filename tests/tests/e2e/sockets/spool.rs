//! While nobody takes them, messages wait in the spool, and outlive the agent there.

use std::process::Command;

use labtrail_tests::lab::{Lab, assert_stored_once, binary, wait_until};

use super::receiver::{Receiver, messages, send_datagrams, send_lines, socket, texts};

#[test]
fn messages_wait_in_the_spool_while_the_collector_is_away_and_arrive_once_across_kills() {
    let lab = Lab::new();
    let (udp, tcp) = (lab.free_address(), lab.free_address());
    let tables = [socket(&format!("udp://{udp}"), ""), socket(&format!("tcp://{tcp}"), "")].concat();
    let mut collector = lab.absent_collector();
    let mut agent = Receiver::start(&lab, &collector.url(), &tables);
    let mut sent = Vec::new();
    for round in 0..3 {
        let (datagrams, lines) = (messages(&format!("datagram {round}"), 300), messages(&format!("line {round}"), 700));
        send_datagrams(udp, &datagrams);
        send_lines(tcp, &lines);
        sent.extend([texts(&datagrams), texts(&lines)].concat());
        agent.wait_for_spooled(sent.len());
        agent.kill();
        agent.start_again();
        agent.wait_for_spooled(sent.len());
    }
    let shown = Command::new(binary("labtrail-agent")).arg("status").arg("--config").arg(agent.config_file()).output();
    let shown = String::from_utf8_lossy(&shown.expect("it can be started").stdout).into_owned();
    assert!(shown.contains("spool: 3000 records"), "{shown}");

    collector.start();
    collector.wait_for_events(1);
    // Some of it is delivered, and the agent may not have noted that.
    agent.kill();
    agent.start_again();
    agent.wait_until_empty();
    assert_stored_once(&sent, &collector.events());
    agent.kill();
    agent.start_again();
    let more = messages("afterwards", 10);
    send_lines(tcp, &more);
    sent.extend(texts(&more));
    collector.wait_for_events(sent.len() as u64);
    agent.wait_until_empty();
    agent.stop();
    assert_stored_once(&sent, &collector.events());
}

#[test]
fn messages_are_delivered_across_kills_of_agent_and_collector_while_they_flow() {
    const ROUNDS: usize = 8;
    let lab = Lab::new();
    let tcp = lab.free_address();
    let mut collector = lab.collector();
    let mut agent = Receiver::start(&lab, &collector.url(), &socket(&format!("tcp://{tcp}"), ""));
    let mut sent = Vec::new();
    for round in 0..ROUNDS {
        let lines = messages(&format!("round {round}"), 500);
        send_lines(tcp, &lines);
        sent.extend(texts(&lines));
        // Whatever was received is in the spool or delivered: only what is between socket and spool would be lost.
        wait_until("all is received", || (agent.metric("records_read") >= 500).then_some(()));
        if round % 2 == 0 {
            collector.kill();
            collector.start();
        }
        agent.kill();
        agent.start_again();
    }
    collector.wait_for_events(sent.len() as u64);
    agent.wait_until_empty();
    agent.stop();
    assert_stored_once(&sent, &collector.events());
}

#[test]
fn an_agent_whose_spool_holds_something_is_not_caught_up() {
    let lab = Lab::new();
    let udp = lab.free_address();
    let mut collector = lab.absent_collector();
    let agent = Receiver::start(&lab, &collector.url(), &socket(&format!("udp://{udp}"), ""));
    send_datagrams(udp, &messages("message", 10));
    agent.wait_for_spooled(10);
    assert_eq!(agent.status()["is_caught_up"], false);
    collector.start();
    wait_until("it is caught up", || (agent.status()["is_caught_up"] == true).then_some(()));
    assert_eq!(collector.total_events(), Some(10));
}

#[test]
fn an_agent_that_is_stopped_keeps_what_it_could_not_deliver() {
    let lab = Lab::new();
    let (udp, tcp) = (lab.free_address(), lab.free_address());
    let tables = [socket(&format!("udp://{udp}"), ""), socket(&format!("tcp://{tcp}"), "")].concat();
    let mut collector = lab.absent_collector();
    let tables = format!("drain_max = \"300ms\"\n{tables}");
    let mut agent = Receiver::start(&lab, &collector.url(), &tables);
    let (datagrams, lines) = (messages("datagram", 500), messages("line", 500));
    send_datagrams(udp, &datagrams);
    let mut open = super::receiver::connect(tcp);
    // A connection that is not yet taken ends with the agent.
    wait_until("the connection is taken", || (agent.metric("socket_connections_open") == 1).then_some(()));
    std::io::Write::write_all(&mut open, (lines.join("\n") + "\n").as_bytes()).expect("the agent reads");
    // What the kernel has by now is received, though the connection is still open.
    agent.stop();
    agent.start_again();
    agent.wait_for_spooled(1000);
    collector.start();
    collector.wait_for_events(1000);
    agent.wait_until_empty();
    agent.stop();
    assert_stored_once(&[texts(&datagrams), texts(&lines)].concat(), &collector.events());
}
