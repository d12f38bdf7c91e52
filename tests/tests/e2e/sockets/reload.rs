//! A config that is read again changes what it has to, and nothing else.

use std::{
    io::Write as _,
    net::{TcpListener, TcpStream},
};

use labtrail_tests::lab::{Lab, wait_until};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::json;

use super::receiver::{Receiver, connect, messages, send_datagrams, send_lines, socket, texts};

fn reload(agent: &mut Receiver, expected: &str) {
    let before = agent.log().matches(expected).count();
    let pid = Pid::from_raw(i32::try_from(agent.process().id()).expect("a small number")).expect("not 0");
    kill_process(pid, Signal::HUP).expect("it runs");
    wait_until(&format!("the agent logs {expected:?}"), || {
        let ended = agent.process().ended();
        assert!(ended.is_none(), "the agent ended with {ended:?}: {}", agent.log());
        (agent.log().matches(expected).count() > before).then_some(())
    });
}

const TAKEN_OVER: &str = "took over the new config";
const REFUSED: &str = "the new config cannot be used";

#[test]
fn sockets_are_added_changed_and_removed_while_others_go_on() {
    let lab = Lab::new();
    let [kept, changed, removed, added] = [(); 4].map(|()| lab.free_address());
    let collector = lab.collector();
    let old = socket(&format!("udp://{changed}"), "") + &socket(&format!("tcp://{removed}"), "");
    let new =
        socket(&format!("udp://{changed}"), "labels = { room = \"B12\" }") + &socket(&format!("tcp://{added}"), "");
    let tables = socket(&format!("tcp://{kept}"), "") + "# sockets that change\n" + &old;
    let mut agent = Receiver::start(&lab, &collector.url(), &tables);
    let mut open = connect(kept);
    let mut open_of_removed = connect(removed);
    let all = messages("message", 60);
    let mut say = |line: &String| open.write_all(format!("{line}\n").as_bytes()).expect("the connection is kept");
    say(&all[0]);
    send_datagrams(changed, &all[1..10]);
    open_of_removed.write_all((all[10..20].join("\n") + "\n").as_bytes()).expect("the agent listens");

    // Whatever the kernel has by now is still received.
    agent.change_config(|text| text.replace(&old, &new));
    reload(&mut agent, TAKEN_OVER);
    say(&all[20]);
    send_datagrams(changed, &all[21..30]);
    send_lines(added, &all[30..60]);
    wait_until("the port is closed", || TcpStream::connect(removed).is_err().then_some(()));
    collector.wait_for_events(60);
    agent.wait_until_empty();
    let events = collector.events();
    labtrail_tests::lab::assert_stored_once(&texts(&all), &events);
    let labelled = events.iter().filter(|event| *event.at("/event_data/labels") == json!({"room": "B12"})).count();
    assert_eq!(labelled, 9);

    // And back again.
    agent.change_config(|text| text.replace(&new, &old));
    reload(&mut agent, TAKEN_OVER);
    let more = messages("more", 30);
    send_lines(removed, &more[..20]);
    send_datagrams(changed, &more[20..]);
    collector.wait_for_events(90);
    agent.wait_until_well();
    agent.stop();
}

#[test]
fn a_config_that_cannot_be_used_changes_nothing() {
    let lab = Lab::new();
    let [kept, changed] = [(); 2].map(|()| lab.free_address());
    let taken = TcpListener::bind("127.0.0.1:0").expect("there is a free port");
    let taken_by = taken.local_addr().expect("it is bound");
    let collector = lab.collector();
    let old = socket(&format!("tcp://{changed}"), "");
    let tables = socket(&format!("udp://{kept}"), "") + &old;
    let mut agent = Receiver::start(&lab, &collector.url(), &tables);
    let mut open = connect(changed);
    let all = messages("message", 40);
    let bad = [
        "[[sockets]]\nlisten = \"nowhere\"\n".to_owned(),
        socket(&format!("tcp://{changed}"), "labels = { room = \"B12\" }") + &socket(&format!("tcp://{taken_by}"), ""),
    ];
    let mut count = 0;
    for new in &bad {
        agent.change_config(|text| text.replace(&old, new));
        reload(&mut agent, REFUSED);
        agent.wait_for_problem(REFUSED);
        send_datagrams(kept, &all[count..count + 10]);
        open.write_all((all[count + 10..count + 19].join("\n") + "\n").as_bytes()).expect("the connection is kept");
        send_lines(changed, &all[count + 19..count + 20]);
        count += 20;
        collector.wait_for_events(count as u64);
        agent.change_config(|text| text.replace(new, &old));
        reload(&mut agent, TAKEN_OVER);
        agent.wait_until_well();
    }
    labtrail_tests::lab::assert_stored_once(&texts(&all), &collector.events());
}

#[test]
fn a_socket_that_cannot_be_opened_after_another_made_room_for_it_leaves_that_as_it_was() {
    let lab = Lab::new();
    let here = lab.free_address();
    // Another program has the port on another address: it is not free on all of them.
    let _taken = TcpListener::bind(("127.0.0.2", here.port())).expect("the port is free there");
    let collector = lab.collector();
    let tables = socket(&format!("tcp://{here}"), "");
    let mut agent = Receiver::start(&lab, &collector.url(), &tables);
    let everywhere = format!("tcp://0.0.0.0:{}", here.port());
    agent.change_config(|text| text.replace(&format!("tcp://{here}"), &everywhere));
    reload(&mut agent, REFUSED);
    agent.wait_for_problem(REFUSED);
    let all = messages("message", 10);
    send_lines(here, &all);
    collector.wait_for_events(10);
    agent.change_config(|text| text.replace(&everywhere, &format!("tcp://{here}")));
    reload(&mut agent, TAKEN_OVER);
    agent.wait_until_well();
    labtrail_tests::lab::assert_stored_once(&texts(&all), &collector.events());
}

#[test]
fn a_port_that_is_in_use_is_named_at_start() {
    let lab = Lab::new();
    let taken = TcpListener::bind("127.0.0.1:0").expect("there is a free port");
    let address = taken.local_addr().expect("it is bound");
    let mut agent = Receiver::absent(&lab, "http://127.0.0.1:9", &socket(&format!("tcp://{address}"), ""), &[]);
    agent.start();
    let status = wait_until("the agent ends", || agent.process().ended());
    assert!(!status.success());
    let log = agent.log();
    assert!(log.contains(&format!("listen on tcp://{address}")) && log.contains("in use"), "{log}");
}
