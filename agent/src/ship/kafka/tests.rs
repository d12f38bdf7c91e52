use std::sync::Arc;

use labtrail_shared::{
    event_id::{FileIdentity, derive},
    kafka::header,
    wire::{self, BatchEncoder, Envelope, RecordBody, WireRecord},
};
use rdkafka::message::Headers;
use tokio::sync::Semaphore;

use super::{
    dead_letter::{Smaller, smaller},
    parcel::{self, Form, Outgoing},
    single,
};
use crate::delivery::{Batch, Ledger, Mark};

const IDENTITY: FileIdentity = FileIdentity { birth_ms: 1_700_000_000_000, hash: 42 };

fn receipt(ledger: &Ledger) -> crate::delivery::Receipt {
    ledger.enter(1, Mark { offset: 9, ..Mark::default() })
}

fn batch_of(ledger: &Ledger, body: Vec<u8>, count: u32) -> (Batch, Arc<Semaphore>) {
    let room = Arc::new(Semaphore::new(4));
    let permit = room.clone().try_acquire_many_owned(4).expect("there is room");
    (Batch { body, count, file: "/data/RUN.LOG".to_owned(), receipt: receipt(ledger), room: permit }, room)
}

/// A record of this payload.
pub(super) fn outgoing(payload: &[u8]) -> Outgoing {
    parcel::of_batch("pc7", batch_of(&Ledger::default(), payload.to_vec(), 1).0)
}

fn batch_body(texts: &[&str]) -> Vec<u8> {
    let envelope = Envelope {
        version: wire::VERSION,
        agent: "pc7".to_owned(),
        host: "host7".to_owned(),
        file: "/data/RUN.LOG".to_owned(),
        identity: IDENTITY,
        offset: 100,
        time: None,
        zone_offset: None,
        zone: Some("UTC".to_owned()),
        observed: 1_700_000_000_000_000,
        labels: Arc::default(),
        fields: Arc::default(),
        input: None,
        host_facts: Arc::default(),
        source: None,
    };
    let mut body = Vec::new();
    let mut encoder = BatchEncoder::begin(&envelope, &mut body);
    for (index, text) in texts.iter().enumerate() {
        let body_of = if text.starts_with('{') { RecordBody::MadsciEvent(text) } else { RecordBody::Text(text) };
        let record = WireRecord { body: body_of, ..WireRecord::of_text(100 + 10 * index as u64, "") };
        encoder.push(&record, &mut body);
    }
    body
}

fn header(outgoing: &Outgoing, key: &str) -> Option<String> {
    let headers = outgoing.parcel.headers("pc7");
    let found = headers.iter().find(|header| header.key == key)?;
    Some(String::from_utf8_lossy(found.value.unwrap_or_default()).into_owned())
}

#[test]
fn a_batch_is_one_record_with_its_source_as_key() {
    let outgoing = outgoing(&batch_body(&["a"]));
    assert_eq!(&outgoing.parcel.key[..], b"pc7\0/data/RUN.LOG");
    assert_eq!(header(&outgoing, header::AGENT).as_deref(), Some("pc7"));
    assert_eq!(header(&outgoing, header::COUNT).as_deref(), Some("1"));
    assert_eq!(header(&outgoing, header::VERSION).as_deref(), Some("2"));
    assert_eq!(header(&outgoing, header::HASH), None);
}

#[test]
fn a_batch_is_acknowledged_when_all_its_parts_are_delivered() {
    let ledger = Ledger::default();
    let (batch, room) = batch_of(&ledger, batch_body(&["a", "b", "c", "d"]), 4);
    let whole = parcel::of_batch("pc7", batch);
    let Smaller::Halves(first, second) = smaller("pc7", whole) else { panic!("four events can be cut") };
    let Smaller::Halves(third, fourth) = smaller("pc7", second) else { panic!("two events can be cut") };
    assert_eq!([first.parcel.count, third.parcel.count, fourth.parcel.count], [2, 1, 1]);
    for part in [fourth, first] {
        part.parcel.consignment.delivered(&ledger);
        assert!(!ledger.is_settled() && room.available_permits() == 0);
    }
    drop(third.parcel.consignment.clone());
    assert!(!ledger.is_settled(), "what is dropped is not delivered");
    third.parcel.consignment.delivered(&ledger);
    assert!(ledger.is_settled() && room.available_permits() == 4);
}

#[test]
fn one_event_that_is_too_large_becomes_a_dead_letter_of_its_beginning() {
    let text = "ä".repeat(1000);
    let body = batch_body(&[&text]);
    let size = body.len();
    let Smaller::DeadLetter(letter, origin) = smaller("pc7", outgoing(&body)) else { panic!("it cannot be cut") };
    assert!(matches!(letter.parcel.form, Form::DeadLetter(_)));
    assert!(body.starts_with(&letter.payload) && letter.payload.len() <= size / 2);
    assert!(std::str::from_utf8(&letter.payload).is_ok());
    assert_eq!(origin.offset, Some(100));
    assert_eq!(header(&letter, header::REASON).as_deref(), Some("record_too_large"));
    assert_eq!(header(&letter, header::FULL_SIZE), Some(size.to_string()));
    assert_eq!(header(&letter, header::ID), Some(derive(IDENTITY, 100)));
    let place = header(&letter, header::ORIGIN).expect("it has a place");
    assert_eq!(place, r#"{"door":"agent","agent":"pc7","host":"host7","file":"/data/RUN.LOG","offset":100}"#);
    let Smaller::DeadLetter(smaller_letter, _) = smaller("pc7", letter) else { panic!("it stays a dead letter") };
    assert!(smaller_letter.payload.len() <= size / 4);
    assert_eq!(header(&smaller_letter, header::FULL_SIZE), Some(size.to_string()), "of the event, not of the letter");
}

#[test]
fn single_records_are_whole_events_and_what_is_none_is_a_dead_letter() {
    let ledger = Ledger::default();
    // A level that there is not, as an agent of another version might send it.
    let body = String::from_utf8(batch_body(&["a", "b", "c"])).expect("it is text");
    let body = body.replace("\"m\":\"b\"", "\"l\":77,\"m\":\"b\"").into_bytes();
    let (batch, room) = batch_of(&ledger, body, 3);
    let records = single::of_batch("pc7", batch);
    let ids: Vec<Option<String>> = records.iter().map(|record| header(record, header::HASH)).collect();
    assert_eq!(ids.iter().filter(|hash| hash.is_some()).count(), 2);
    let event: serde_json::Value = serde_json::from_slice(&records[1].payload).expect("it is JSON");
    assert_eq!((&event["_id"], &event["event_data"]["message"]), (&derive(IDENTITY, 120).into(), &"c".into()));
    assert_eq!(header(&records[1], header::TIME).as_deref(), Some("1700000000000000"));
    assert_eq!(header(&records[2], header::REASON).as_deref(), Some("not_an_event"));
    for record in records {
        assert!(!ledger.is_settled());
        record.parcel.consignment.delivered(&ledger);
    }
    assert!(ledger.is_settled() && room.available_permits() == 4);
}

#[test]
fn an_event_that_madsci_would_refuse_is_sent_as_one_that_it_can_read() {
    let ledger = Ledger::default();
    let (batch, _) = batch_of(&ledger, batch_body(&["{\"event_id\":5,\"log_level\":\"nonsense\"}"]), 1);
    let records = single::of_batch("pc7", batch);
    let event: serde_json::Value = serde_json::from_slice(&records[0].payload).expect("it is JSON");
    assert_eq!((&event["_id"], &event["log_level"]), (&"5".into(), &20.into()));
    assert_eq!(event["event_data"]["original"]["log_level"], "nonsense");
}
