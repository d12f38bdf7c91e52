//! A dead letter once more: what could not be stored when it came may be storable now, by a newer version, under another
//! config, or because what stood in its way is gone.
//!
//! It is read as a record of Kafka is, wherever it came from, because that fills in from the record what a sender left
//! out: a replay that was interrupted gives the same ids again. No new letter is written; the old one stays unless all
//! of it was stored.

use std::{borrow::Cow, sync::Arc};

use bytes::Bytes;
use labtrail_shared::kafka::header;
use serde_json::{Value, value::RawValue};
use thiserror::Error;

use super::{CONFLICT, Ingest, ReadRecords, reason};
use crate::{
    compute::compute,
    kafka::record::Record,
    store::{Expect, KafkaPlace, Outcome, StoreError, StoredDeadLetter},
};

/// Stands for the topic of a letter that came on another way.
const NO_TOPIC: &str = "dead-letter";

/// What became of a letter that was taken wholly.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Replayed {
    /// Events stored now.
    pub stored: u64,
    /// Events that were there already.
    pub duplicates: u64,
}

/// Why a letter stays one.
#[derive(Debug, Error)]
pub enum ReplayError {
    /// There is too little of it.
    #[error("only the first {kept} of {full} bytes are kept, so it cannot be replayed")]
    Truncated {
        /// The bytes that are kept.
        kept: u64,
        /// The bytes that there were.
        full: u64,
    },
    /// It is a part that means nothing by itself.
    #[error(
        "this is one line of a batch without the envelope that says whose it is, so it cannot be replayed; the line is still \
         in the file that the origin names"
    )]
    Line,
    /// It, or a part of it, is refused again.
    #[error("{reason}: {detail}")]
    Refused {
        /// The kind of reason.
        reason: Cow<'static, str>,
        /// The reason in words.
        detail: String,
        /// What of it is stored now or was already.
        taken: Replayed,
    },
    /// The store did not take it.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Ingest {
    /// Takes a letter once more. It is for the caller to remove it then.
    pub async fn replay(&self, letter: &StoredDeadLetter) -> Result<Replayed, ReplayError> {
        let records = records(letter)?;
        let (reader, received) = (self.record_reader(), letter.received);
        let read = compute(move || reader.read(&records, received)).await;
        let ReadRecords { mut events, letters, .. } = read;
        if place(&letter.origin).is_none() {
            for event in &mut events {
                event.kafka = None;
            }
        }
        let mut refused: Vec<_> = letters
            .into_iter()
            .map(|refusal| (refusal.letter.reason, refusal.letter.detail, refusal.refused))
            .collect();
        let mut taken = Replayed { stored: 0, duplicates: 0 };
        if !events.is_empty() {
            for outcome in self.note(self.insert(events, Expect::Repeats).await)?.outcomes {
                match outcome {
                    Outcome::Stored => taken.stored += 1,
                    Outcome::Duplicate => taken.duplicates += 1,
                    Outcome::Conflict(_) => refused.push((reason::ID_CONFLICT.into(), CONFLICT.to_owned(), 1)),
                    Outcome::Unstorable { reason: detail, event: _ } => {
                        refused.push((reason::UNSTORABLE.into(), detail, 1));
                    }
                }
            }
        }
        self.metrics.stored(taken.stored, taken.duplicates);
        for (reason, _, events) in &refused {
            self.metrics.refused(reason, *events);
        }
        match refused.into_iter().next() {
            Some((reason, detail, _)) => Err(ReplayError::Refused { reason, detail, taken }),
            None => Ok(taken),
        }
    }
}

/// The letter as records: one, or one for each element of an array.
fn records(letter: &StoredDeadLetter) -> Result<Vec<Record>, ReplayError> {
    let kept = letter.bytes.len() as u64;
    if let Some(full) = letter.origin.get("full_size").and_then(Value::as_u64).filter(|full| *full > kept) {
        return Err(ReplayError::Truncated { kept, full });
    }
    let no_place = || KafkaPlace { topic: Arc::from(NO_TOPIC), partition: 0, offset: letter.seq };
    let record = |value: Bytes| Record {
        place: place(&letter.origin).unwrap_or_else(no_place),
        time: Some(letter.received / 1000),
        key: Bytes::new(),
        value,
        headers: facts(&letter.origin),
    };
    let whole = record(Bytes::copy_from_slice(&letter.bytes));
    if letter.reason == reason::UNREADABLE_LINE && !whole.is_batch() {
        return Err(ReplayError::Line);
    }
    let elements = letter.bytes.trim_ascii_start().starts_with(b"[");
    let elements = elements.then(|| serde_json::from_slice::<Vec<&RawValue>>(&letter.bytes).ok()).flatten();
    match elements {
        Some(elements) if !elements.is_empty() => {
            let element = |element: &&RawValue| record(Bytes::copy_from_slice(element.get().as_bytes()));
            Ok(elements.iter().map(element).collect())
        }
        _ => Ok(vec![whole]),
    }
}

/// What an origin keeps of an event beside its JSON, as headers; see [`super::Origin::with_facts`].
fn facts(origin: &Value) -> Vec<(&'static str, Bytes)> {
    let hash = origin.get("hash").and_then(Value::as_str).map(|hash| (header::HASH, hash.to_owned()));
    let time = origin.get("time").and_then(Value::as_i64).map(|time| (header::TIME, time.to_string()));
    hash.into_iter().chain(time).map(|(name, text)| (name, Bytes::from(text))).collect()
}

/// The place in Kafka that an origin names.
fn place(origin: &Value) -> Option<KafkaPlace> {
    let topic = origin.get("topic")?.as_str()?;
    let partition = i32::try_from(origin.get("partition")?.as_i64()?).ok()?;
    Some(KafkaPlace { topic: Arc::from(topic), partition, offset: origin.get("offset")?.as_i64()? })
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{ReplayError, records};
    use crate::store::StoredDeadLetter;

    fn letter(reason: &str, origin: Value, bytes: &str) -> StoredDeadLetter {
        StoredDeadLetter {
            seq: 7,
            received: 5_000_000,
            times: 1,
            reason: reason.to_owned(),
            detail: String::new(),
            origin,
            id: None,
            bytes: bytes.as_bytes().to_vec(),
        }
    }

    #[test]
    fn a_letter_becomes_records() {
        let check = |reason: &str, origin: Value, bytes: &str, expected: &[&str]| {
            let records = records(&letter(reason, origin, bytes)).expect("it is whole");
            let values: Vec<_> = records.iter().map(|record| &record.value[..]).collect();
            assert_eq!(values, expected.iter().map(|text| text.as_bytes()).collect::<Vec<_>>(), "{bytes}");
        };
        let origin = json!({"door": "kafka", "topic": "t", "partition": 1, "offset": 9});
        check("not_an_event", origin.clone(), r#"{"_id":1}"#, &[r#"{"_id":1}"#]);
        check("not_an_event", origin.clone(), r#" [{"a":1}, {"a":2}]"#, &[r#"{"a":1}"#, r#"{"a":2}"#]);
        check("not_json", origin.clone(), "[1,", &["[1,"]);
        check("not_an_event", origin.clone(), "[]", &["[]"]);
        check("unreadable_line", origin.clone(), "{\"labtrail\":1}\nx", &["{\"labtrail\":1}\nx"]);
        let place = &records(&letter("not_json", origin, "x")).expect("it is whole")[0].place;
        assert_eq!((&*place.topic, place.partition, place.offset), ("t", 1, 9));
        let place = &records(&letter("not_json", json!({"door": "http"}), "x")).expect("it is whole")[0].place;
        assert_eq!((&*place.topic, place.offset), ("dead-letter", 7));
    }

    #[test]
    fn parts_are_not_replayed() {
        let cut = records(&letter("too_large", json!({"full_size": 100}), "x"));
        assert!(matches!(cut, Err(ReplayError::Truncated { kept: 1, full: 100 })));
        let line = records(&letter("unreadable_line", json!({"door": "http"}), r#"{"o":1}"#));
        assert!(matches!(line, Err(ReplayError::Line)));
    }
}
