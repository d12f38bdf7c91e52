//! An event as a document: MADSci's eleven fields verbatim, in its order and its types, and then what is ours.
//!
//! Ours, under `_labtrail`:
//! - `time`: the instant as a date, for people and their tools;
//! - `at`: the instant in microseconds UTC, by which events are ordered (a date knows milliseconds only);
//! - `received`: when it came, as a date;
//! - `hash`: the 64 bits that tell a repeat from a conflict;
//! - `kafka`: the place of its record, if it came that way;
//! - `exact`: the JSON of `event_data`, if BSON cannot hold it exactly (integers beyond 64 bits, U+0000 in a name).
//!
//! A document that MADSci wrote has all this added later (see `backfill`), and can be read before.

use std::ops::Range;

use jiff::tz::TimeZone;
use labtrail_shared::{
    event::{FIELDS, PRIVATE_KEY},
    event_id::is_ulid,
    record_hash,
    timestamp::EventTimestamp,
};
use mongodb::bson::{Bson, RawArray, RawBsonRef, RawDocument};
use serde_json::{Map, Number, Value};

use super::bson_writer::BsonWriter;
use crate::store::{NewEvent, StoredEvent, event_store::archived_text};

/// What the server takes as a document.
pub(super) const DOCUMENT_BYTES_MAX: usize = 16 << 20;

/// The documents of an insert, one behind the other.
#[derive(Debug)]
pub(super) struct Documents {
    bytes: Vec<u8>,
    all: Vec<NewDocument>,
}

/// Where a document lies, and what is asked about it.
#[derive(Debug)]
pub(super) struct NewDocument {
    range: Range<usize>,
    pub(super) id: String,
    pub(super) hash: u64,
}

impl Documents {
    /// Makes documents of events.
    pub(super) fn new(events: Vec<NewEvent>) -> Self {
        let mut writer = BsonWriter::with_capacity(events.len() * 640);
        let all = events
            .into_iter()
            .map(|new| {
                let start = writer.len();
                write(&mut writer, &new);
                NewDocument { range: start..writer.len(), id: new.event.id, hash: new.hash }
            })
            .collect();
        Self { bytes: writer.into_bytes(), all }
    }

    /// Documents that were made one by one, behind one another.
    pub(super) fn join(parts: Vec<Self>) -> Self {
        let mut joined = Self {
            bytes: Vec::with_capacity(parts.iter().map(|part| part.bytes.len()).sum()),
            all: Vec::with_capacity(parts.len()),
        };
        for part in parts {
            let start = joined.bytes.len();
            joined.bytes.extend_from_slice(&part.bytes);
            let moved = |document: NewDocument| {
                let range = document.range.start + start..document.range.end + start;
                NewDocument { range, ..document }
            };
            joined.all.extend(part.all.into_iter().map(moved));
        }
        joined
    }

    /// One of them alone.
    pub(super) fn one(&self, index: usize) -> Self {
        let (document, bytes) = (&self.all[index], self.bytes(index).to_vec());
        let alone = NewDocument { range: 0..bytes.len(), id: document.id.clone(), hash: document.hash };
        Self { bytes, all: vec![alone] }
    }

    /// How many bytes all of them have.
    pub(super) fn byte_count(&self) -> usize {
        self.bytes.len()
    }

    pub(super) fn len(&self) -> usize {
        self.all.len()
    }

    pub(super) fn get(&self, index: usize) -> &NewDocument {
        &self.all[index]
    }

    pub(super) fn bytes(&self, index: usize) -> &[u8] {
        &self.bytes[self.all[index].range.clone()]
    }

    /// The event as JSON, for one that turned out not to be stored.
    pub(super) fn event(&self, index: usize) -> Value {
        let document = RawDocument::from_bytes(self.bytes(index)).expect("it was written here");
        read(document, &Clock { zone: TimeZone::UTC, opened: 0 }).event
    }

    /// The id, for one that was stored.
    pub(super) fn take_id(&mut self, index: usize) -> String {
        std::mem::take(&mut self.all[index].id)
    }
}

fn write(writer: &mut BsonWriter, new: &NewEvent) {
    let event = &new.event;
    let document = writer.begin();
    writer.string("_id", &event.id);
    writer.string("event_type", event.event_type.name());
    writer.int32("log_level", i32::from(event.log_level.number()));
    writer.boolean("alert", event.alert);
    writer.string("event_timestamp", &event.event_timestamp.to_string());
    writer.object("source", event.source.as_object());
    writer.take_inexact();
    writer.value("event_data", &event.event_data);
    let is_inexact = writer.take_inexact();
    writer.string_or_null("trace_id", event.trace_id.as_deref());
    writer.string_or_null("span_id", event.span_id.as_deref());
    writer.boolean("archived", event.archived);
    writer.string_or_null("archived_at", event.archived_at.map(|time| time.to_string()).as_deref());
    let ours = writer.begin_document(PRIVATE_KEY);
    writer.date("time", new.time);
    writer.int64("at", new.time);
    writer.date("received", new.received);
    writer.int64("hash", new.hash.cast_signed());
    if let Some(place) = &new.kafka {
        let kafka = writer.begin_document("kafka");
        writer.string("topic", &place.topic);
        writer.int32("partition", place.partition);
        writer.int64("offset", place.offset);
        writer.end(kafka);
    }
    if is_inexact {
        let text = serde_json::to_string(&event.event_data).expect("JSON with text keys always prints");
        writer.string("exact", &text);
    }
    writer.end(ours);
    writer.end(document);
}

/// How an event that MADSci wrote gets its instant.
#[derive(Debug, Clone)]
pub(super) struct Clock {
    /// The zone in which times without an offset are read.
    pub(super) zone: TimeZone,
    /// The instant of an event of which nothing tells when it was: when the store was opened.
    pub(super) opened: i64,
}

/// Reads a document. One without what is ours, which MADSci wrote, gets it worked out here.
pub(super) fn read(document: &RawDocument, clock: &Clock) -> StoredEvent {
    let mut fields: [Option<Value>; FIELDS.len()] = Default::default();
    let (mut at, mut received) = (None, None);
    for (name, value) in document.iter().flatten() {
        let name = name.as_str();
        if name == PRIVATE_KEY {
            let RawBsonRef::Document(ours) = value else { continue };
            for (name, value) in ours.iter().flatten() {
                match (name.as_str(), value) {
                    ("at", RawBsonRef::Int64(micros)) => at = Some(micros),
                    ("received", RawBsonRef::DateTime(date)) => {
                        received = Some(date.timestamp_millis().saturating_mul(1000));
                    }
                    ("exact", RawBsonRef::String(text)) => {
                        if let Ok(exact) = serde_json::from_str(text) {
                            fields[6] = Some(exact);
                        }
                    }
                    _ => {}
                }
            }
        } else if let Some(place) = FIELDS.iter().position(|field| *field == name) {
            fields[place] = Some(match value {
                // Who archives writes a date. It is shown as MADSci shows it: in UTC, without saying so.
                RawBsonRef::DateTime(date) if name == "archived_at" => {
                    Value::from(archived_text(date.timestamp_millis().saturating_mul(1000)))
                }
                value => json(value),
            });
        }
    }
    let event = event(fields);
    let time = at.unwrap_or_else(|| instant(&event, clock));
    StoredEvent { event, time, received: received.unwrap_or(time) }
}

fn event(mut fields: [Option<Value>; FIELDS.len()]) -> Value {
    let mut event = Map::with_capacity(FIELDS.len() + 1);
    for (name, value) in FIELDS.iter().zip(&mut fields) {
        let value = value.take().unwrap_or_else(|| default_of(name));
        // An id of another type, and a level that is a double, come from other programs than ours and MADSci's.
        let value = match (*name, value) {
            ("_id", Value::String(id)) => Value::String(id),
            ("_id", other) => Value::String(other.to_string()),
            ("log_level", Value::Number(level)) => {
                labtrail_shared::filter::Number::of(&level).as_integer().map_or(Value::Number(level), Value::from)
            }
            (_, value) => value,
        };
        event.insert((*name).to_owned(), value);
    }
    Value::Object(event)
}

/// What MADSci reads where a field is missing, as in events of its older versions.
pub(super) fn default_of(field: &str) -> Value {
    match field {
        "event_type" => Value::from("unknown"),
        "log_level" => Value::from(20),
        "alert" | "archived" => Value::Bool(false),
        "source" | "event_data" => Value::Object(Map::new()),
        _ => Value::Null,
    }
}

/// The instant of an event that MADSci wrote. Where its time cannot be read, its id, which is a ULID, knows when it was
/// made.
pub(super) fn instant(event: &Value, clock: &Clock) -> i64 {
    if let Ok(timestamp) = EventTimestamp::from_json(&event["event_timestamp"]) {
        return timestamp.utc_micros(&clock.zone);
    }
    let id = event["_id"].as_str().filter(|id| is_ulid(id));
    let id = id.and_then(|id| ulid::Ulid::from_string(id).ok());
    id.map_or(clock.opened, |id| (id.timestamp_ms() as i64).saturating_mul(1000))
}

/// The hash of an event that MADSci wrote: of the whole event, as for any that comes over HTTP, and as it was before it was
/// put aside.
pub(super) fn hash(event: &Value) -> u64 {
    if event["archived"] == true {
        let mut before = event.clone();
        before["archived"] = Value::Bool(false);
        before["archived_at"] = Value::Null;
        return record_hash::of_whole_event(&before);
    }
    record_hash::of_whole_event(event)
}

/// A value as JSON. The kinds that JSON has not got come from other programs; they are spelt for people.
pub(super) fn json(value: RawBsonRef<'_>) -> Value {
    match value {
        RawBsonRef::Null | RawBsonRef::Undefined => Value::Null,
        RawBsonRef::Boolean(value) => Value::Bool(value),
        RawBsonRef::Int32(value) => Value::from(value),
        RawBsonRef::Int64(value) => Value::from(value),
        RawBsonRef::Double(value) => Number::from_f64(value).map_or(Value::Null, Value::Number),
        RawBsonRef::String(text) | RawBsonRef::Symbol(text) => Value::from(text),
        RawBsonRef::Array(items) => array(items),
        RawBsonRef::Document(fields) => object(fields),
        RawBsonRef::DateTime(date) => {
            let micros = date.timestamp_millis().saturating_mul(1000);
            Value::from(EventTimestamp::from_utc_micros(micros).to_string())
        }
        RawBsonRef::ObjectId(id) => Value::from(id.to_hex()),
        other => Bson::try_from(other).map_or(Value::Null, |value| Value::from(value.to_string())),
    }
}

fn array(items: &RawArray) -> Value {
    items.into_iter().flatten().map(json).collect()
}

fn object(fields: &RawDocument) -> Value {
    let fields = fields.iter().flatten().map(|(name, value)| (name.as_str().to_owned(), json(value)));
    Value::Object(fields.collect())
}
