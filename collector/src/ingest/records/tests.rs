//! Which records are events, and which are dead letters and why.

use std::sync::Arc;

use bytes::Bytes;
use jiff::tz::TimeZone;
use labtrail_shared::{kafka::header, source::Source};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::{ReadRecords, RecordReader};
use crate::{ingest::reason, kafka::record::Record, store::KafkaPlace};

const ENVELOPE: &str = r#"{"labtrail":1,"agent":"pc-7","host":"pc-7","file":"/a.log","identity":{"birth_ms":1,"hash":2},"offset":0,"observed":1700000000000000}"#;
const RECEIVED: i64 = 1_800_000_000_000_000;

fn record(value: &[u8], headers: &[(&'static str, &str)]) -> Record {
    Record {
        place: KafkaPlace { topic: Arc::from("labtrail.events"), partition: 3, offset: 17 },
        time: Some(1_700_000_000_000),
        key: Bytes::new(),
        value: Bytes::copy_from_slice(value),
        headers: headers.iter().map(|(name, text)| (*name, Bytes::copy_from_slice(text.as_bytes()))).collect(),
    }
}

fn reader(manager_id: &str) -> RecordReader {
    RecordReader::new(TimeZone::UTC, Source::of_manager(manager_id), 3)
}

fn read(record: &Record) -> ReadRecords {
    reader("01ARZ3NDEKTSV4RRFFQ69G5FAV").read(std::slice::from_ref(record), RECEIVED)
}

/// A record of this value has so many events, and its letter this reason, for so many events.
fn check(value: &[u8], events: usize, letter: Option<(&str, u64)>) {
    let record = record(value, &[]);
    let read = read(&record);
    let name = String::from_utf8_lossy(&value[..value.len().min(300)]).into_owned();
    let found: Vec<_> = read.letters.iter().map(|letter| (letter.reason(), letter.refused)).collect();
    assert_eq!((read.events.len(), found), (events, letter.into_iter().collect()), "{name}");
    assert!(read.events.iter().all(|event| event.kafka.as_ref() == Some(&record.place)), "{name}");
    for letter in &read.letters {
        let letter = &letter.letter;
        assert_eq!(letter.bytes, value, "{name}");
        let place = json!({"door": "kafka", "topic": "labtrail.events", "partition": 3, "offset": 17});
        assert_eq!(letter.origin, place, "{name}");
        assert!(!letter.detail.is_empty(), "{name}");
    }
}

fn batch(lines: &[&str]) -> Vec<u8> {
    format!("{ENVELOPE}\n{}\n", lines.join("\n")).into_bytes()
}

#[test]
fn a_record_is_events_or_a_letter_with_its_reason() {
    check(b"{}", 1, None);
    check(br#" {"_id": "a", "event_data": {"message": "hello"}} "#, 1, None);
    check(&batch(&[r#"{"o":0,"m":"a"}"#, r#"{"o":2,"m":"b"}"#]), 2, None);
    check(format!("{ENVELOPE}\n").as_bytes(), 0, None);
    check(&[batch(&[r#"{"o":0,"m":"a"}"#]), batch(&[r#"{"o":5,"m":"b"}"#])].concat(), 2, None);

    check(b"", 0, Some((reason::EMPTY, 1)));
    check(b"\xFF\xFE{}", 0, Some((reason::NOT_UTF8, 1)));
    check(br#"{"event_data": {"message": "caf\xE9"}}"#, 0, Some((reason::NOT_JSON, 1)));
    check(b"{\"event_data\": {\"message\": \"caf\xE9\"}}", 0, Some((reason::NOT_UTF8, 1)));
    check(b"2026-11-23 09:18:44 ERROR door open", 0, Some((reason::NOT_JSON, 1)));
    check(br#"{"event_data": {"#, 0, Some((reason::NOT_JSON, 1)));
    check(b"{} {}", 0, Some((reason::NOT_JSON, 1)));
    check(b"{\"a\":NaN}", 0, Some((reason::NOT_JSON, 1)));
    check(br#"{"event_data": "\ud800"}"#, 0, Some((reason::NOT_JSON, 1)));
    check("[".repeat(10_000).as_bytes(), 0, Some((reason::NOT_JSON, 1)));
    check(b"[{}]", 0, Some((reason::NOT_AN_EVENT, 1)));
    check(b"null", 0, Some((reason::NOT_AN_EVENT, 1)));
    check(br#"{"event_type": "no_such_type"}"#, 0, Some((reason::NOT_AN_EVENT, 1)));
    check(br#"{"event_timestamp": "9999-12-31T23:59:59-12:00"}"#, 0, Some((reason::NOT_AN_EVENT, 1)));
    check(b"{\"labtrail\":3,\"new\":true}\n{\"o\":0}\n", 0, Some((reason::UNKNOWN_VERSION, 1)));
    check(b"{\"labtrail\":1,\"agent\":7}\n{\"o\":0}\n", 0, Some((reason::BAD_ENVELOPE, 1)));
    check(b"{\"labtrail\":", 0, Some((reason::BAD_ENVELOPE, 1)));
    check(&batch(&[r#"{"o":0,"m":"a"}"#; 4]), 0, Some((reason::TOO_MANY_EVENTS, 1)));
    // Offsets are differences, so a line that cannot be read takes those behind it along.
    check(&batch(&[r#"{"o":0,"m":"a"}"#, "what?", r#"{"o":2,"m":"b"}"#]), 1, Some((reason::UNREADABLE_LINE, 2)));
    check(&batch(&[r#"{"o":0,"l":7,"m":"a"}"#, r#"{"o":2,"m":"b"}"#]), 1, Some((reason::UNREADABLE_LINE, 1)));
    check(&batch(&[r#"{"o":0,"t":9000000000000000000,"m":"a"}"#]), 0, Some((reason::UNREADABLE_LINE, 1)));
}

#[test]
fn what_a_sender_left_out_comes_from_the_record_and_so_does_not_change() {
    let silent = record(br#"{"event_data": {"message": "hello"}}"#, &[]);
    let first = &reader("01ARZ3NDEKTSV4RRFFQ69G5FAV").read(std::slice::from_ref(&silent), RECEIVED).events[0];
    let again = &reader("01ARZ3NDEKTSV4RRFFQ69G5FAW").read(std::slice::from_ref(&silent), RECEIVED + 1).events[0];
    assert!(labtrail_shared::event_id::is_ulid(&first.event.id));
    assert_eq!((&first.event.id, first.time, first.hash), (&again.event.id, again.time, again.hash));
    assert_eq!(first.time, 1_700_000_000_000_000);
    let mut next = silent.clone();
    next.place.offset += 1;
    assert_ne!(read(&next).events[0].event.id, first.event.id);
}

#[test]
fn hash_and_time_of_the_headers_win_if_they_are_numbers() {
    let value = br#"{"_id": "a", "event_timestamp": "2026-11-23T09:18:44Z"}"#;
    let plain = &read(&record(value, &[])).events[0];
    let stated = &read(&record(value, &[(header::HASH, "18446744073709551615"), (header::TIME, "-5")])).events[0];
    assert_eq!((stated.hash, stated.time), (u64::MAX, -5));
    let nonsense = &read(&record(value, &[(header::HASH, "?"), (header::TIME, "soon")])).events[0];
    assert_eq!((nonsense.hash, nonsense.time), (plain.hash, plain.time));
    let beyond = read(&record(value, &[(header::TIME, "9223372036854775807")]));
    assert_eq!(beyond.letters[0].reason(), reason::NOT_AN_EVENT);
}

fn json_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        ".{0,8}".prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 16, 4, |inner| {
        let key =
            prop_oneof![Just("_id".to_owned()), Just("event_data".to_owned()), Just("source".to_owned()), ".{0,4}"];
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            proptest::collection::vec((key, inner), 0..4).prop_map(|pairs| Value::Object(pairs.into_iter().collect())),
        ]
    })
}

proptest! {
    /// Nothing is dropped: a record that is no batch is one event or one letter, whatever it holds.
    #[test]
    fn any_record_is_one_event_or_one_letter(
        value in prop_oneof![
            proptest::collection::vec(any::<u8>(), 0..60),
            json_value().prop_map(|value| value.to_string().into_bytes()),
        ],
    ) {
        let record = record(&value, &[]);
        prop_assume!(!record.is_batch());
        let read = read(&record);
        prop_assert_eq!(read.events.len() + read.letters.len(), 1);
        prop_assert!(read.letters.iter().all(|letter| letter.letter.bytes == value));
    }

    /// Every line of a batch is one event or counted in the letter.
    #[test]
    fn any_line_of_a_batch_is_an_event_or_counted(
        lines in proptest::collection::vec(
            prop_oneof![
                Just(r#"{"o":1,"m":"a"}"#.to_owned()),
                Just(r#"{"o":1,"l":3,"m":"a"}"#.to_owned()),
                Just(r#"{"o":1}"#.to_owned()),
                json_value().prop_map(|event| format!(r#"{{"o":1,"e":{event}}}"#)),
                "[^\n]{1,9}",
            ],
            0..4,
        ),
    ) {
        prop_assume!(lines.iter().all(|line| !line.starts_with("{\"labtrail\":")));
        let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
        let read = read(&record(&batch(&lines), &[]));
        let refused: u64 = read.letters.iter().map(|letter| letter.refused).sum();
        prop_assert_eq!(read.events.len() as u64 + refused, lines.len() as u64);
        prop_assert!(read.letters.len() <= 1);
    }
}
