//! Reads records of the events topic: what of them are events, and what is a dead letter and why.
//!
//! Pure, and the same whoever asks: the same record gives the same ids and hashes at any time and in any collector, so
//! that a topic can be read again from its beginning and changes nothing, and can be audited. What a sender left out is
//! filled in from the record, never from the clock.

use bytes::Bytes;
use jiff::{Timestamp, tz::TimeZone};
use labtrail_shared::{
    event::{Defaults, Event},
    kafka::header,
    level::LogLevel,
    source::Source,
    timestamp::EventTimestamp,
    wire::{self, BatchError, Outline},
};
use serde_json::Value;
use ulid::Ulid;
use xxhash_rust::xxh3::Xxh3;

use super::{Origin, prepare, reason};
use crate::{
    kafka::record::Record,
    store::{DeadLetter, KafkaPlace, NewEvent},
};

/// So many unreadable lines of one record are explained; the others are only counted.
const LINES_EXPLAINED_MAX: usize = 5;

/// What several records hold.
#[derive(Debug, Default)]
pub struct ReadRecords {
    /// The events, in their order.
    pub events: Vec<NewEvent>,
    /// How many of the events come from which record.
    pub places: Vec<RecordPlace>,
    /// The letters of what cannot be read, at most one for each record.
    pub letters: Vec<RecordLetter>,
    /// How many events were left out, because they are known.
    pub known: u64,
    /// How many of the events had something wrong in them.
    pub normalized: u64,
    /// Id and hash of one that is known and among the events all the same.
    pub witness: Option<(String, u64)>,
}

/// Where some events come from.
#[derive(Debug)]
pub struct RecordPlace {
    /// The place of their record.
    pub place: KafkaPlace,
    /// How many they are.
    pub events: usize,
    /// The value of the record, where it is one event.
    pub value: Option<Bytes>,
}

/// Which events several records hold.
#[derive(Debug, Default)]
pub struct Identified {
    /// Their ids, in their order.
    pub ids: Vec<String>,
    /// What else is told of them.
    outlines: Vec<Known>,
    /// Of each record how many they are, and whether part of it cannot be read.
    records: Vec<(usize, bool)>,
}

/// What is told of an event beside its id.
#[derive(Debug, Clone, Copy)]
struct Known {
    hash: u64,
    level: LogLevel,
    alert: bool,
}

/// A letter that holds a whole record.
#[derive(Debug, Clone, PartialEq)]
pub struct RecordLetter {
    /// The letter.
    pub letter: DeadLetter,
    /// For how many events it stands; the others of its record are stored.
    pub refused: u64,
    reason: &'static str,
}

impl RecordLetter {
    /// The kind of reason.
    pub fn reason(&self) -> &'static str {
        self.reason
    }
}

/// Reads records.
#[derive(Debug, Clone)]
pub struct RecordReader {
    zone: TimeZone,
    manager: Source,
    batch_events_max: usize,
}

/// Why a whole record cannot be read.
type Unreadable = (&'static str, String);

impl RecordReader {
    /// Times without an offset are read in `zone`; an event without a source is the manager's.
    pub fn new(zone: TimeZone, manager: Source, batch_events_max: usize) -> Self {
        Self { zone, manager, batch_events_max }
    }

    /// Reads several records that were received at that time, in microseconds UTC.
    pub fn read(&self, records: &[Record], received: i64) -> ReadRecords {
        let mut read = ReadRecords::default();
        for record in records {
            self.read_one(record, received, &mut read, &mut |_| false);
        }
        read
    }

    /// Says of the events that records hold only which they are: a small part of the work of reading them.
    pub fn identify(&self, records: &[Record], received: i64) -> Identified {
        let (mut identified, mut read) = (Identified::default(), ReadRecords::default());
        for record in records {
            let (events_before, letters_before) = (identified.ids.len(), read.letters.len());
            self.read_one(record, received, &mut read, &mut |Outline { id, hash, level, alert }| {
                identified.ids.push(id.to_owned());
                identified.outlines.push(Known { hash, level, alert });
                true
            });
            let has_letter = read.letters.len() > letters_before;
            identified.records.push((identified.ids.len() - events_before, has_letter));
        }
        identified
    }

    /// Reads records that were identified, without the events that a store has: those whose hash is the one stored, all
    /// but the first of them.
    pub fn read_others(
        &self,
        records: &[Record],
        received: i64,
        identified: &Identified,
        stored: &[Option<u64>],
    ) -> ReadRecords {
        let mut is_stored = stored.iter().zip(&identified.outlines).map(|(stored, known)| *stored == Some(known.hash));
        let mut witness = None;
        let mut read = ReadRecords::default();
        for (record, (events, has_letter)) in records.iter().zip(&identified.records) {
            if witness.is_some() && !has_letter && is_stored.clone().take(*events).all(|is_stored| is_stored) {
                read.known += *events as u64;
                is_stored.by_ref().take(*events).for_each(drop);
                continue;
            }
            // Reading tells of the events in the same order as identifying them.
            self.read_one(record, received, &mut read, &mut |Outline { id, hash, .. }| {
                let is_stored = is_stored.next() == Some(true);
                if is_stored && witness.is_none() {
                    witness = Some((id.to_owned(), hash));
                    return false;
                }
                is_stored
            });
        }
        ReadRecords { witness, ..read }
    }

    /// Reads of records that were identified only the events that a store has and that may concern a rule, by their levels and
    /// whether they alert.
    pub fn read_stored(
        &self,
        records: &[Record],
        received: i64,
        identified: &Identified,
        stored: &[Option<u64>],
        may_concern: impl Fn(LogLevel, bool) -> bool,
    ) -> Vec<NewEvent> {
        let mut is_wanted = stored
            .iter()
            .zip(&identified.outlines)
            .map(|(stored, known)| stored.is_some() && may_concern(known.level, known.alert));
        let mut read = ReadRecords::default();
        for (record, (events, _)) in records.iter().zip(&identified.records) {
            let are_wanted: Vec<bool> = is_wanted.by_ref().take(*events).collect();
            if are_wanted.contains(&true) {
                let mut is_wanted = are_wanted.into_iter();
                self.read_one(record, received, &mut read, &mut |_| is_wanted.next() != Some(true));
            }
        }
        read.events
    }

    /// Reads a record and adds what it holds.
    fn read_one(
        &self,
        record: &Record,
        received: i64,
        read: &mut ReadRecords,
        is_known: &mut impl FnMut(Outline<'_>) -> bool,
    ) {
        let before = read.events.len();
        let mut known = 0;
        let mut count_known = |outline: Outline<'_>| {
            let is_known = is_known(outline);
            known += u64::from(is_known);
            is_known
        };
        let letter = if record.is_batch() {
            self.read_batches(record, received, read, &mut count_known)
        } else {
            self.read_single(record, received).map(|event| {
                read.events.extend((!count_known(Outline::of(&event.event, event.hash))).then_some(event));
                None
            })
        };
        read.known += known;
        let letter = letter.unwrap_or_else(|(reason, detail)| Some((reason, detail, 1)));
        let events = read.events.len() - before;
        if events > 0 {
            let value = (!record.is_batch()).then(|| record.value.clone());
            read.places.push(RecordPlace { place: record.place.clone(), events, value });
        }
        if let Some((reason, detail, refused)) = letter {
            let mut origin = Origin::kafka(&record.place);
            if let Some(agent) = record.header(header::AGENT) {
                origin = origin.with([("agent", Value::from(agent))]);
            }
            let letter = DeadLetter {
                received,
                reason: reason.into(),
                detail,
                origin: origin.into_json(),
                id: None,
                bytes: record.value.to_vec(),
            };
            read.letters.push(RecordLetter { letter, refused, reason });
        }
    }

    /// The events of all lines that can be read; for the others a reason and their count.
    fn read_batches(
        &self,
        record: &Record,
        received: i64,
        into: &mut ReadRecords,
        is_known: &mut impl FnMut(Outline<'_>) -> bool,
    ) -> Result<Option<(&'static str, String, u64)>, Unreadable> {
        let batches = wire::decode(&record.value).map_err(|error| (batch_reason(&error), error.to_string()))?;
        if let Some(batch) = batches.iter().find(|batch| batch.lines.len() > self.batch_events_max) {
            let (lines, limit) = (batch.lines.len(), self.batch_events_max);
            let detail = format!("a batch has {lines} events, and {limit} are allowed (http.batch_events_max)");
            return Err((reason::TOO_MANY_EVENTS, detail));
        }
        let (mut problems, mut refused) = (Vec::new(), 0_u64);
        let mut refuse = |why: String| {
            refused += 1;
            if problems.len() < LINES_EXPLAINED_MAX {
                problems.push(why);
            }
        };
        for batch in &batches {
            let (read, refusals) = wire::expand_unknown(batch, &self.zone, &mut *is_known);
            into.events.reserve(read.len());
            for event in read {
                if Timestamp::from_microsecond(event.time).is_err() {
                    refuse(format!("the time of the event {} is beyond the year 9999", event.event.id));
                    continue;
                }
                into.normalized += u64::from(event.is_normalized);
                let (event, time, hash) = (event.event, event.time, event.hash);
                into.events.push(NewEvent { event, time, received, hash, kafka: Some(record.place.clone()) });
            }
            for refusal in refusals {
                refuse(format!("line {}: {}", refusal.index, refusal.reason));
            }
        }
        if refused == 0 {
            return Ok(None);
        }
        let detail = format!("{refused} lines cannot be read: {}", problems.join("; "));
        Ok(Some((reason::UNREADABLE_LINE, detail, refused)))
    }

    fn read_single(&self, record: &Record, received: i64) -> Result<NewEvent, Unreadable> {
        if record.value.is_empty() {
            return Err((reason::EMPTY, "the record has no value".to_owned()));
        }
        let text = std::str::from_utf8(&record.value)
            .map_err(|error| (reason::NOT_UTF8, format!("it is no UTF-8: {error}")))?;
        let value: Value = serde_json::from_str(text).map_err(|error| (reason::NOT_JSON, error.to_string()))?;
        let record_time = record.time.and_then(|millis| millis.checked_mul(1000));
        let now = EventTimestamp::naive_from_utc_micros(record_time.unwrap_or(received), &self.zone);
        let defaults = Defaults { now, source: self.manager.clone() };
        let not_an_event = |problem| (reason::NOT_AN_EVENT, problem);
        let mut event =
            Event::from_json(&value, &defaults).map_err(|problems| not_an_event(prepare::problems_text(&problems)))?;
        if value.get("_id").or_else(|| value.get("event_id")).is_none() {
            event.id = id_of_place(record);
        }
        let stated = record.header_number(header::TIME);
        let time = stated.unwrap_or_else(|| event.event_timestamp.utc_micros(&self.zone));
        if Timestamp::from_microsecond(time).is_err() {
            return Err(not_an_event("the time is beyond the year 9999".to_owned()));
        }
        let hash = record.header_number(header::HASH).unwrap_or_else(|| prepare::content_hash(&value, &event));
        Ok(NewEvent { event, time, received, hash, kafka: Some(record.place.clone()) })
    }
}

fn batch_reason(error: &BatchError) -> &'static str {
    match error {
        BatchError::Version { .. } => reason::UNKNOWN_VERSION,
        BatchError::Envelope { .. } | BatchError::NoEnvelope => reason::BAD_ENVELOPE,
    }
}

/// The id of an event that has none: its record's time, then a hash of its place and value. The value is part of it
/// because a topic may be deleted and made anew.
fn id_of_place(record: &Record) -> String {
    const RANDOM_BITS: u32 = 80;
    let mut hash = Xxh3::new();
    hash.update(record.place.topic.as_bytes());
    hash.update(&[0]);
    hash.update(&record.place.partition.to_le_bytes());
    hash.update(&record.place.offset.to_le_bytes());
    hash.update(&record.value);
    let millis = record.time.unwrap_or(0).clamp(0, (1 << 48) - 1) as u128;
    Ulid(millis << RANDOM_BITS | hash.digest128() & ((1 << RANDOM_BITS) - 1)).to_string()
}

#[cfg(test)]
mod tests;
