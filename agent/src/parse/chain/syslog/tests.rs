use serde_json::{Value, json};

use crate::parse::fixture::Stream;

/// Checks the time, the level, the message and the fields of a line.
#[track_caller]
fn check(text: &str, time: Option<&str>, level: Option<&str>, message: &str, fields: &Value) {
    let said = Stream::of("parser = 'syslog'").read(text);
    assert_eq!((said.time.as_deref(), said.level_name()), (time, level), "{text}");
    assert_eq!(said.message.as_deref(), Some(message), "{text}");
    assert_eq!(&said.fields, fields, "{text}");
    assert!(said.tags.is_empty(), "{text}");
}

fn with_priority(priority: u32, facility: &str, severity: &str, others: &Value) -> Value {
    let mut fields = json!({
        "syslog.priority": priority, "syslog.facility.name": facility, "syslog.severity.name": severity,
    });
    fields.as_object_mut().unwrap().extend(others.as_object().unwrap().clone());
    fields
}

#[test]
fn lines_of_rfc_5424() {
    let fields = json!({"host.hostname": "mymachine", "process.name": "evntslog", "syslog.msgid": "ID47",
        "syslog.structured_data": {"example@32473": {"iut": "3", "source": "App \"x] \\"}, "other": {}}});
    check(
        r#"<165>1 2003-10-11T22:14:15.003Z mymachine evntslog - ID47 [example@32473 iut="3" source="App \"x\] \\"][other] An event"#,
        Some("2003-10-11T22:14:15.003+00"),
        Some("INFO"),
        "An event",
        &with_priority(165, "local4", "notice", &fields),
    );
    check(
        "<34>1 2003-10-11T22:14:15+02:00 h su 12 - - \u{feff}'su root' failed",
        Some("2003-10-11T22:14:15+02"),
        Some("CRITICAL"),
        "'su root' failed",
        &with_priority(34, "auth", "crit", &json!({"host.hostname": "h", "process.name": "su", "process.pid": 12})),
    );
    check("<13>1 - - - - - -", None, Some("INFO"), "", &with_priority(13, "user", "notice", &json!({})));
}

#[test]
fn lines_of_rfc_3164_and_of_what_is_like_it() {
    let tagged = json!({"host.hostname": "mymachine", "process.name": "su", "process.pid": 230});
    check(
        "<34>Oct 11 22:14:15 mymachine su[230]: failed: x",
        Some("2024-10-11T22:14:15"),
        Some("CRITICAL"),
        "failed: x",
        &with_priority(34, "auth", "crit", &tagged),
    );
    // `logger` without a host, and with one of version 6.
    let root = json!({"process.name": "root"});
    check(
        "<13>Feb  5 17:32:18 root: x",
        Some("2024-02-05T17:32:18"),
        Some("INFO"),
        "x",
        &with_priority(13, "user", "notice", &root),
    );
    let host = json!({"host.hostname": "2001:db8::1", "process.name": "app"});
    check(
        "<13>Feb  5 17:32:18 2001:db8::1 app: x",
        Some("2024-02-05T17:32:18"),
        Some("INFO"),
        "x",
        &with_priority(13, "user", "notice", &host),
    );
    // rsyslog with its precise times, with and without <PRI>.
    check(
        "<30>2024-05-06T07:08:09.123456+02:00 lab1 systemd[1]: Started x.",
        Some("2024-05-06T07:08:09.123456+02"),
        Some("INFO"),
        "Started x.",
        &with_priority(
            30,
            "daemon",
            "info",
            &json!({"host.hostname": "lab1", "process.name": "systemd", "process.pid": 1}),
        ),
    );
    let stored = json!({"host.hostname": "lab1", "process.name": "systemd", "process.pid": 1});
    check(
        "2024-05-06T07:08:09.123456+02:00 lab1 systemd[1]: Started x.",
        Some("2024-05-06T07:08:09.123456+02"),
        None,
        "Started x.",
        &stored,
    );
    let api = json!({"host.hostname": "ot2", "process.name": "opentrons-api", "process.pid": 210});
    check("Feb 02 23:14:04.485181 ot2 opentrons-api[210]: x", Some("2024-02-02T23:14:04.485181"), None, "x", &api);
    check(
        "Nov  6 01:59:14 --- last message repeated 1 time ---",
        Some("2024-11-06T01:59:14"),
        None,
        "--- last message repeated 1 time ---",
        &json!({}),
    );
}

#[test]
fn lines_of_cisco() {
    let id = json!({"syslog.msgid": "SYS-5-CONFIG_I"});
    check(
        "<189>4321: *Mar  1 18:48:50.483 UTC: %SYS-5-CONFIG_I: Configured",
        Some("2024-03-01T18:48:50.483+00"),
        Some("INFO"),
        "%SYS-5-CONFIG_I: Configured",
        &with_priority(189, "local7", "notice", &id),
    );
    let id = json!({"syslog.msgid": "LINK-3-UPDOWN", "host.hostname": "sw1"});
    check(
        "<187>12: sw1: Mar  1 2021 18:48:50.5: %LINK-3-UPDOWN: down",
        Some("2021-03-01T18:48:50.5"),
        Some("ERROR"),
        "%LINK-3-UPDOWN: down",
        &with_priority(187, "local7", "err", &id),
    );
}

#[test]
fn lines_without_a_time_need_their_priority() {
    check("<13>only a message", None, Some("INFO"), "only a message", &with_priority(13, "user", "notice", &json!({})));
    for text in ["only a message", "<192>x", "<a>x", "<>x", "2024-05-06T07:08:09Z", ""] {
        let said = Stream::of("parser = 'syslog'").read(text);
        assert_eq!((said.tags.as_slice(), said.has_no_fields()), (["parse_failure"].as_slice(), true), "{text}");
    }
}
