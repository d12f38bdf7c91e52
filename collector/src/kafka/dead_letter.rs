//! A dead letter as a record of the dead-letter topic, both ways.
//!
//! The value is what was sent, verbatim; all else stands in headers, as text. Agents write such records too, and perhaps
//! others: so everything but the value may be missing when one is read.

use std::borrow::Cow;

use labtrail_shared::kafka::header;
use serde_json::{Map, Value};

use super::record::Record;
use crate::store::DeadLetter;

/// The reason of a letter that does not say one.
pub const UNKNOWN_REASON: &str = "unknown";

/// Headers are for people and programs to look at: a longer explanation is cut.
const DETAIL_BYTES_MAX: usize = 4096;

/// Where in the origin stands what has a header of its own as well, so that other consumers of the topic find it.
const PLACES: [(&str, &str); 4] = [
    ("topic", header::TOPIC),
    ("partition", header::PARTITION),
    ("offset", header::OFFSET),
    ("full_size", header::FULL_SIZE),
];

/// What is produced to the dead-letter topic.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LetterRecord {
    /// The headers, with their texts.
    pub headers: Vec<(&'static str, String)>,
    /// What was sent.
    pub value: Vec<u8>,
}

/// Writes a letter.
pub fn write(letter: DeadLetter) -> LetterRecord {
    let DeadLetter { received, reason, detail, origin, id, bytes } = letter;
    let mut headers = vec![
        (header::REASON, reason.into_owned()),
        (header::DETAIL, cut(detail)),
        (header::RECEIVED, received.to_string()),
        (header::ORIGIN, origin.to_string()),
    ];
    headers.extend(id.map(|id| (header::ID, id)));
    for (field, name) in PLACES {
        match origin.get(field) {
            Some(Value::String(text)) => headers.push((name, text.clone())),
            Some(number @ Value::Number(_)) => headers.push((name, number.to_string())),
            _ => {}
        }
    }
    LetterRecord { headers, value: bytes }
}

/// Reads a record of the dead-letter topic. `now` is the time of its receipt, in microseconds UTC, if nothing else says one.
pub fn read(record: &Record, now: i64) -> DeadLetter {
    let reason = record.header(header::REASON).filter(|reason| !reason.is_empty());
    let detail = record.header(header::DETAIL).unwrap_or(match reason {
        Some(_) => "",
        None => "a record of the dead-letter topic that does not say its reason",
    });
    let record_time = || record.time.and_then(|millis| millis.checked_mul(1000));
    DeadLetter {
        received: record.header_number(header::RECEIVED).or_else(record_time).unwrap_or(now),
        reason: Cow::Owned(reason.unwrap_or(UNKNOWN_REASON).to_owned()),
        detail: detail.to_owned(),
        origin: Value::Object(origin(record)),
        id: record.header(header::ID).map(str::to_owned),
        bytes: record.value.to_vec(),
    }
}

fn origin(record: &Record) -> Map<String, Value> {
    let stated = record.header(header::ORIGIN).and_then(|text| serde_json::from_str(text).ok());
    let mut origin: Map<String, Value> = stated.unwrap_or_default();
    for (field, name) in PLACES.into_iter().chain([("agent", header::AGENT)]) {
        let Some(text) = record.header(name) else { continue };
        let is_text = matches!(field, "topic" | "agent");
        let number = || text.parse::<i64>().map_or_else(|_| Value::from(text), Value::from);
        origin.entry(field).or_insert_with(|| if is_text { Value::from(text) } else { number() });
    }
    if origin.is_empty() {
        // Nobody says where it came from: then it came from here.
        let place = &record.place;
        origin.insert("door".to_owned(), Value::from("kafka"));
        origin.insert("topic".to_owned(), Value::from(&*place.topic));
        origin.insert("partition".to_owned(), Value::from(place.partition));
        origin.insert("offset".to_owned(), Value::from(place.offset));
    }
    origin
}

fn cut(mut detail: String) -> String {
    if detail.len() > DETAIL_BYTES_MAX {
        detail.truncate(detail.floor_char_boundary(DETAIL_BYTES_MAX));
        detail.push_str(" ...");
    }
    detail
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use bytes::Bytes;
    use labtrail_shared::kafka::header;
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::{LetterRecord, read, write};
    use crate::{
        kafka::record::Record,
        store::{DeadLetter, KafkaPlace},
    };

    fn record(LetterRecord { headers, value }: LetterRecord) -> Record {
        Record {
            place: KafkaPlace { topic: Arc::from("letters"), partition: 2, offset: 9 },
            time: Some(1_700_000_000_000),
            key: Bytes::new(),
            value: Bytes::from(value),
            headers: headers.into_iter().map(|(name, text)| (name, Bytes::from(text))).collect(),
        }
    }

    fn origins() -> impl Strategy<Value = Value> {
        let http = ".*".prop_map(|peer| json!({"door": "http", "peer": peer}));
        let kafka = (".*", any::<i32>(), any::<i64>(), proptest::option::of(any::<u32>())).prop_map(
            |(topic, partition, offset, full_size)| {
                let mut origin = json!({"door": "kafka", "topic": topic, "partition": partition, "offset": offset});
                if let Some(size) = full_size {
                    origin["full_size"] = Value::from(size);
                }
                origin
            },
        );
        prop_oneof![http, kafka]
    }

    fn letters() -> impl Strategy<Value = DeadLetter> {
        let bytes = proptest::collection::vec(any::<u8>(), 0..200);
        let parts = (any::<i64>(), "[a-z_]{1,20}", ".{0,80}", origins(), proptest::option::of(".*"), bytes);
        parts.prop_map(|(received, reason, detail, origin, id, bytes)| DeadLetter {
            received,
            reason: reason.into(),
            detail,
            origin,
            id,
            bytes,
        })
    }

    proptest! {
        #[test]
        fn a_letter_comes_back_as_it_was(letter in letters()) {
            prop_assert_eq!(read(&record(write(letter.clone())), 0), letter);
        }

        #[test]
        fn any_record_can_be_read(
            texts in proptest::collection::vec((0..super::PLACES.len() + 2, proptest::collection::vec(any::<u8>(), 0..9)), 0..8),
            value in proptest::collection::vec(any::<u8>(), 0..20),
        ) {
            let names = [header::TOPIC, header::PARTITION, header::OFFSET, header::FULL_SIZE, header::ORIGIN, header::REASON];
            let mut record = record(LetterRecord { headers: Vec::new(), value: value.clone() });
            record.headers = texts.into_iter().map(|(index, text)| (names[index], Bytes::from(text))).collect();
            let letter = read(&record, 0);
            prop_assert_eq!(letter.bytes, value);
            prop_assert!(letter.origin.is_object() && !letter.reason.is_empty());
        }
    }

    #[test]
    fn an_agents_letter_needs_few_headers() {
        let headers = [
            (header::REASON, "too_large"),
            (header::AGENT, "pc-7"),
            (header::ORIGIN, r#"{"file":"/var/log/a.log","offset":12}"#),
            (header::FULL_SIZE, "5000000"),
        ];
        let headers = headers.map(|(name, text)| (name, text.to_owned())).into();
        let letter = read(&record(LetterRecord { headers, value: b"beginning".to_vec() }), 0);
        assert_eq!(letter.received, 1_700_000_000_000_000);
        assert_eq!(
            letter.origin,
            json!({"file": "/var/log/a.log", "offset": 12, "full_size": 5_000_000, "agent": "pc-7"})
        );
    }

    #[test]
    fn a_record_without_any_header_is_a_letter_of_its_own_place() {
        let letter = read(&record(LetterRecord { headers: Vec::new(), value: b"?".to_vec() }), 0);
        assert_eq!(letter.reason, "unknown");
        assert_eq!(letter.origin, json!({"door": "kafka", "topic": "letters", "partition": 2, "offset": 9}));
    }

    #[test]
    fn a_long_explanation_is_cut_between_characters() {
        let detail = "ä".repeat(5000);
        let letter = DeadLetter {
            received: 0,
            reason: "not_json".into(),
            detail,
            origin: json!({}),
            id: None,
            bytes: Vec::new(),
        };
        let detail = read(&record(write(letter)), 0).detail;
        assert!(detail.len() < 4200 && detail.ends_with("ä ..."));
    }
}
