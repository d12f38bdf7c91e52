//! What programs send, in every form and through every socket, and the events that it becomes.

use std::{
    io::Write as _,
    net::UdpSocket,
    os::unix::net::{UnixDatagram, UnixStream},
};

use labtrail_tests::lab::{Lab, StoredEvent};
use serde_json::{Value, json};

use super::receiver::{Receiver, connect, socket};

/// A message, and of the event: text, level, instant and some of its fields.
struct Form {
    sent: &'static str,
    message: &'static str,
    level: u64,
    /// Begins so; the year of RFC 3164 is not written.
    time: Option<&'static str>,
    fields: &'static [(&'static str, &'static str)],
}

const FORMS: &[Form] = &[
    Form {
        sent: "<34>Oct 11 22:14:15 mymachine su[77]: 'su root' failed on /dev/pts/8",
        message: "'su root' failed on /dev/pts/8",
        level: 50,
        time: Some("-10-11T22:14:15"),
        fields: &[
            ("host.hostname", "\"mymachine\""),
            ("process.name", "\"su\""),
            ("process.pid", "77"),
            ("syslog.facility.name", "\"auth\""),
            ("syslog.severity.name", "\"crit\""),
        ],
    },
    Form {
        sent: "<165>1 2024-10-11T22:14:15.003+02:00 host.example.com evntslog 77 ID47 [one@32473 iut=\"3\"] An event",
        message: "An event",
        level: 20,
        time: Some("2024-10-11T20:14:15.003"),
        fields: &[
            ("host.hostname", "\"host.example.com\""),
            ("process.name", "\"evntslog\""),
            ("syslog.msgid", "\"ID47\""),
            ("syslog.structured_data", "{\"one@32473\":{\"iut\":\"3\"}}"),
        ],
    },
    Form {
        sent: r#"{"time":"2024-11-23T10:00:00Z","level":"warning","msg":"pressure high","run":7}"#,
        message: "pressure high",
        level: 30,
        time: Some("2024-11-23T10:00:00"),
        fields: &[("run", "7")],
    },
    Form {
        sent: "2024-11-23 10:00:01 ERROR valve stuck",
        message: "2024-11-23 10:00:01 ERROR valve stuck",
        level: 40,
        time: Some("2024-11-23T10:00:01"),
        fields: &[],
    },
    Form { sent: "no more than a text", message: "no more than a text", level: 20, time: None, fields: &[] },
];

/// Through a socket that is named so in events, each form came once, from an address that begins so.
fn assert_all_came(events: &[StoredEvent], input: &str, address: &str) {
    for form in FORMS {
        let found: Vec<&StoredEvent> = events
            .iter()
            .filter(|event| event.at("/event_data/input") == input && event.message() == form.message)
            .collect();
        let [event] = found[..] else { panic!("{:?} came {} times to {input}", form.sent, found.len()) };
        let what = format!("{:?} to {input}: {event:?}", form.sent);
        assert_eq!(event.level(), form.level, "level of {what}");
        match form.time {
            Some(time) => assert!(event.time().contains(time), "time of {what}"),
            // Each message stands for itself: it has that of its arrival, not that of the one before.
            None => assert_eq!(
                event.time().get(..10),
                event.at("/_labtrail/received").as_str().and_then(|at| at.get(..10)),
                "{what}"
            ),
        }
        for (name, value) in form.fields {
            let fields = event.at("/event_data/fields");
            let value: Value = serde_json::from_str(value).expect("it is JSON");
            assert_eq!(fields.get(name), Some(&value), "{name} of {what}");
        }
        let from = event.at("/event_data/log/source/address").as_str().unwrap_or_default();
        assert!(from.starts_with(address), "sender of {what}");
        assert!(event.at("/event_data/log/file").is_null(), "no file: {what}");
        assert!(event.at("/event_data/host/name").is_string(), "host of {what}");
    }
}

#[test]
fn every_form_through_every_socket_becomes_its_event() {
    let lab = Lab::new();
    let (udp, lines, counted) = (lab.free_address(), lab.free_address(), lab.free_address());
    let (stream, datagrams) = (lab.path("stream.sock"), lab.path("datagrams.sock"));
    let listen = [
        format!("udp://{udp}"),
        format!("tcp://{lines}"),
        format!("tcp://{counted}"),
        format!("unix://{}", stream.display()),
        format!("unixgram://{}", datagrams.display()),
    ];
    let framing = ["", "framing = \"newline\"", "framing = \"octet-counted\"", "", ""];
    let zone = "zone = \"UTC\"\nlabels = { room = \"B12\" }";
    let tables: String =
        listen.iter().zip(framing).map(|(listen, more)| socket(listen, &format!("{more}\n{zone}"))).collect();
    let collector = lab.collector();
    let mut agent = Receiver::start(&lab, &collector.url(), &tables);

    let from_udp = UdpSocket::bind("127.0.0.1:0").expect("there is a free port");
    let from_unix = UnixDatagram::unbound().expect("a socket can be made");
    let mut to_lines = connect(lines);
    let mut to_counted = connect(counted);
    let mut to_unix = UnixStream::connect(&stream).expect("the agent listens");
    for Form { sent, .. } in FORMS {
        from_udp.send_to(sent.as_bytes(), udp).expect("it is sent");
        from_unix.send_to(sent.as_bytes(), &datagrams).expect("it is sent");
        to_lines.write_all(format!("{sent}\r\n").as_bytes()).expect("it is sent");
        to_counted.write_all(format!("{} {sent}", sent.len()).as_bytes()).expect("it is sent");
        // `auto`: syslog comes counted, all else line by line.
        let framed = if sent.starts_with('<') { format!("{} {sent}", sent.len()) } else { format!("{sent}\n") };
        to_unix.write_all(framed.as_bytes()).expect("it is sent");
    }
    let count = FORMS.len() * listen.len();
    collector.wait_for_events(count as u64);
    agent.wait_until_empty();
    let events = collector.events();
    assert_eq!(events.len(), count);
    let from_udp = from_udp.local_addr().expect("it is bound").to_string();
    let process = format!("pid:{},uid:", std::process::id());
    let from_tcp = [&to_lines, &to_counted].map(|stream| stream.local_addr().expect("it is bound").to_string());
    for (listen, address) in listen.iter().zip([&from_udp, &from_tcp[0], &from_tcp[1], &process, &process]) {
        assert_all_came(&events, listen, address);
    }
    assert!(events.iter().all(|event| *event.at("/event_data/labels") == json!({"room": "B12"})));
    assert_eq!(agent.metric("socket_received_messages"), count as u64);
    assert_eq!(agent.metric("socket_connections_open"), 3);
    agent.stop();
    assert!(!stream.exists() && !datagrams.exists(), "the files of sockets go with the agent");
}

#[test]
fn blank_messages_and_bytes_that_are_no_text_are_counted() {
    let lab = Lab::new();
    let (udp, tcp) = (lab.free_address(), lab.free_address());
    let collector = lab.collector();
    let tables = [format!("udp://{udp}"), format!("tcp://{tcp}")].map(|listen| socket(&listen, "")).concat();
    let agent = Receiver::start(&lab, &collector.url(), &tables);
    let from = UdpSocket::bind("127.0.0.1:0").expect("there is a free port");
    for bytes in [&b""[..], b"\n", b"\0", b"  ", b"one\0", b"bad \xff\xfe bytes", b"two\nlines\n"] {
        from.send_to(bytes, udp).expect("it is sent");
    }
    connect(tcp).write_all(b"\n\r\n   \nthree\nunfinished").expect("it is sent");
    collector.wait_for_events(5);
    agent.wait_until_empty();
    let mut messages: Vec<String> = collector.events().iter().map(|event| event.message().to_owned()).collect();
    messages.sort();
    assert_eq!(messages, ["bad \u{fffd}\u{fffd} bytes", "one", "three", "two\nlines", "unfinished"]);
    assert_eq!(agent.metric("blank_lines"), 7);
    assert_eq!(agent.metric("socket_received_messages"), 12);
}
