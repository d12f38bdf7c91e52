//! The dead letters that are known, of which only hashes are kept: what a letter is of, and what it holds.

use std::collections::HashSet;

use serde_json::Value;
use xxhash_rust::xxh3::{Xxh3, xxh3_64};

use super::{
    AuditError,
    plan::Plan,
    walk::{self, Derived, Met},
};
use crate::{
    ingest::reason,
    kafka::dead_letter,
    store::{EventStore, StoreError},
};

/// So many letters are read from the store at a time: each may hold a megabyte.
const STEP: usize = 100;

/// The letters of a topic.
#[derive(Debug, Default)]
pub(super) struct Letters {
    topic: String,
    known: HashSet<u64>,
}

impl Letters {
    /// Reads the dead-letter topic whole.
    pub(super) fn read(plan: &Plan) -> Result<Self, AuditError> {
        let mut letters = Self { topic: plan.topic.clone(), known: HashSet::new() };
        let consumer = plan.consumer()?;
        for range in &plan.dead_letter_ranges {
            walk::walk(&consumer, &plan.dead_letter_topic, range, |met| {
                if let Met::Record(record) = met {
                    let letter = dead_letter::read(&record, 0);
                    letters.add(&letter.reason, &letter.origin, letter.id.as_deref(), &letter.bytes);
                }
                true
            })?;
        }
        Ok(letters)
    }

    /// Adds the letters that are in the store.
    pub(super) async fn add_stored(&mut self, store: &dyn EventStore) -> Result<(), StoreError> {
        let mut before = None;
        loop {
            let letters = store.dead_letters(before, STEP).await?;
            for letter in &letters {
                self.add(&letter.reason, &letter.origin, letter.id.as_deref(), &letter.bytes);
            }
            before = letters.last().map(|letter| letter.seq);
            if letters.len() < STEP {
                return Ok(());
            }
        }
    }

    fn add(&mut self, reason: &str, origin: &Value, id: Option<&str>, bytes: &[u8]) {
        let number = |field: &str| origin.get(field).and_then(Value::as_i64);
        let (Some(partition), Some(offset)) = (number("partition"), number("offset")) else { return };
        if origin.get("topic").and_then(Value::as_str) != Some(&self.topic) {
            return;
        }
        // These hold one event of the record; all others hold the record.
        let is_of_event = matches!(reason, reason::ID_CONFLICT | reason::UNSTORABLE);
        self.known.insert(match id.filter(|_| is_of_event) {
            Some(id) => event_key(partition, offset, id),
            None => record_key(partition, offset, xxh3_64(bytes)),
        });
    }

    /// Whether there is a letter of an event of that record. One of the whole record is as good, unless a part of the record
    /// is unreadable and the letter may be because of that.
    pub(super) fn has_event(&self, partition: i32, record: &Derived, id: &str) -> bool {
        self.known.contains(&event_key(partition.into(), record.offset, id))
            || record.unreadable.is_none() && self.has_record(partition, record)
    }

    /// Whether there is a letter that holds that record.
    pub(super) fn has_record(&self, partition: i32, record: &Derived) -> bool {
        self.known.contains(&record_key(partition.into(), record.offset, record.value_hash))
    }
}

fn event_key(partition: i64, offset: i64, id: &str) -> u64 {
    key(&[b"event", &partition.to_le_bytes(), &offset.to_le_bytes(), id.as_bytes()])
}

fn record_key(partition: i64, offset: i64, value_hash: u64) -> u64 {
    key(&[b"record", &partition.to_le_bytes(), &offset.to_le_bytes(), &value_hash.to_le_bytes()])
}

/// One hash of several parts.
pub(super) fn key(parts: &[&[u8]]) -> u64 {
    let mut hash = Xxh3::new();
    for part in parts {
        hash.update(&(part.len() as u64).to_le_bytes());
        hash.update(part);
    }
    hash.digest()
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use xxhash_rust::xxh3::xxh3_64;

    use super::Letters;
    use crate::audit::walk::{Derived, Unreadable};

    fn record(offset: i64, value: &str, is_unreadable: bool) -> Derived {
        let unreadable = is_unreadable.then(|| Unreadable { reason: "unreadable_line".to_owned(), events: 1 });
        Derived { offset, value_hash: xxh3_64(value.as_bytes()), events: Vec::new(), unreadable }
    }

    #[test]
    fn letters_are_known_by_their_place_and_what_they_hold() {
        let mut letters = Letters { topic: "events".to_owned(), ..Letters::default() };
        let origin = |topic: &str, offset| json!({"door": "kafka", "topic": topic, "partition": 2, "offset": offset});
        letters.add("not_json", &origin("events", 7), None, b"x");
        letters.add("not_json", &origin("other", 8), None, b"x");
        letters.add("id_conflict", &origin("events", 9), Some("A"), b"{}");
        letters.add("not_json", &json!({"door": "http", "peer": "127.0.0.1"}), None, b"x");
        assert!(letters.has_record(2, &record(7, "x", true)));
        assert!(!letters.has_record(2, &record(7, "other bytes", true)));
        assert!(!letters.has_record(1, &record(7, "x", true)));
        assert!(!letters.has_record(2, &record(8, "x", true)));
        assert!(letters.has_event(2, &record(9, "x", false), "A"));
        assert!(!letters.has_event(2, &record(9, "x", false), "B"));
        // A newer version reads what was a letter before.
        assert!(letters.has_event(2, &record(7, "x", false), "B"));
        assert!(!letters.has_event(2, &record(7, "x", true), "B"));
    }
}
