//! An event as a row of the table, in both directions.

use std::ops::Range;

use labtrail_shared::{event_type::EventType, level::LogLevel, text_query::for_each_word};
use rusqlite::{Row, types::Type};
use serde_json::{Map, Value};
use xxhash_rust::xxh3::xxh3_64;

use crate::store::{NewEvent, StoredEvent, event_store::archived_instant};

/// The columns that [`read`] reads, in its order.
pub(super) const COLUMNS: &str = "seq, id, time, received, level, type, alert, archived, timestamp, source, data, \
                                  trace_id, span_id, archived_at";

/// The place of `data` in [`COLUMNS`].
pub(super) const DATA_COLUMN: usize = 10;

/// A row as it is written. It is made on the thread of whoever brings the event, so that the one writer only writes.
#[derive(Debug)]
pub(super) struct EventRow {
    pub(super) id: String,
    pub(super) time: i64,
    pub(super) received: i64,
    pub(super) level: LogLevel,
    pub(super) event_type: EventType,
    pub(super) alert: bool,
    pub(super) archived: bool,
    pub(super) node_id: Option<String>,
    pub(super) timestamp: String,
    pub(super) source: String,
    pub(super) data: String,
    pub(super) trace_id: Option<String>,
    pub(super) span_id: Option<String>,
    pub(super) archived_at: Option<String>,
    /// The instant of that; none if it was not put aside.
    pub(super) archived_time: Option<i64>,
    /// The hash; its bits, as `SQLite` has no unsigned integers.
    pub(super) hash: i64,
    /// The words for the index, separated by blanks.
    pub(super) words: String,
}

impl EventRow {
    pub(super) fn new(new: NewEvent) -> Self {
        let event = new.event;
        let words = distinct_words(&event.event_data);
        Self {
            node_id: event.source.node_id().map(str::to_owned),
            timestamp: event.event_timestamp.to_string(),
            source: json_text(event.source.as_object()),
            data: json_text(&event.event_data),
            id: event.id,
            time: new.time,
            received: new.received,
            level: event.log_level,
            event_type: event.event_type,
            alert: event.alert,
            archived: event.archived,
            trace_id: event.trace_id,
            span_id: event.span_id,
            archived_time: event.archived.then(|| archived_instant(event.archived_at.as_ref(), new.received)),
            archived_at: event.archived_at.map(|time| time.to_string()),
            hash: new.hash.cast_signed(),
            words,
        }
    }

    /// About how much memory the row takes.
    pub(super) fn bytes(&self) -> usize {
        size_of::<Self>() + self.id.len() + self.data.len() + self.words.len() + self.source.len() + 32
    }

    /// The event as JSON, for one that turned out not to be stored.
    pub(super) fn to_json(&self) -> Value {
        let parse = |text: &str| serde_json::from_str(text).unwrap_or(Value::Null);
        document(Parts {
            id: &self.id,
            event_type: self.event_type.name(),
            level: i64::from(self.level.number()),
            alert: self.alert,
            timestamp: &self.timestamp,
            source: parse(&self.source),
            data: parse(&self.data),
            trace_id: self.trace_id.as_deref(),
            span_id: self.span_id.as_deref(),
            archived: self.archived,
            archived_at: self.archived_at.as_deref(),
        })
    }
}

/// So many words of a text are kept apart; in a longer one the others may repeat, for the search would cost more than it
/// saves.
const DISTINCT_WORDS_MAX: usize = 256;

/// The words of an `event_data`, each once: the index only knows whether a word stands in a text, so repeats would cost
/// it time for nothing.
pub(super) fn distinct_words(event_data: &Value) -> String {
    let mut words = String::with_capacity(256);
    let mut seen: Vec<(u64, Range<usize>)> = Vec::with_capacity(48);
    for_each_word(event_data, &mut |word| {
        let hash = xxh3_64(word.as_bytes());
        let is_known = seen.iter().any(|(known, place)| *known == hash && &words[place.clone()] == word);
        if is_known {
            return;
        }
        if seen.len() < DISTINCT_WORDS_MAX {
            seen.push((hash, words.len()..words.len() + word.len()));
        }
        words.push_str(word);
        words.push(' ');
    });
    words
}

fn json_text<T: serde::Serialize>(value: &T) -> String {
    serde_json::to_string(value).expect("JSON with text keys always prints")
}

/// Reads a row of [`COLUMNS`].
pub(super) fn read(row: &Row<'_>) -> rusqlite::Result<StoredEvent> {
    let data = read_data(row)?;
    read_with_data(row, data)
}

/// Reads `event_data` alone, where the rest may not be wanted.
pub(super) fn read_data(row: &Row<'_>) -> rusqlite::Result<Value> {
    json_at(row, DATA_COLUMN)
}

/// Reads a row of [`COLUMNS`] whose `event_data` was read before.
pub(super) fn read_with_data(row: &Row<'_>, data: Value) -> rusqlite::Result<StoredEvent> {
    let text = |column: usize| row.get_ref(column)?.as_str().map_err(rusqlite::Error::from);
    let optional = |column: usize| row.get_ref(column)?.as_str_or_null().map_err(rusqlite::Error::from);
    let event = document(Parts {
        id: text(1)?,
        level: row.get(4)?,
        event_type: text(5)?,
        alert: row.get(6)?,
        archived: row.get(7)?,
        timestamp: text(8)?,
        source: json_at(row, 9)?,
        data,
        trace_id: optional(11)?,
        span_id: optional(12)?,
        archived_at: optional(13)?,
    });
    Ok(StoredEvent { event, time: row.get(2)?, received: row.get(3)? })
}

pub(super) fn json_at(row: &Row<'_>, column: usize) -> rusqlite::Result<Value> {
    let text = row.get_ref(column)?.as_str()?;
    serde_json::from_str(text)
        .map_err(|error| rusqlite::Error::FromSqlConversionFailure(column, Type::Text, Box::new(error)))
}

struct Parts<'a> {
    id: &'a str,
    event_type: &'a str,
    level: i64,
    alert: bool,
    timestamp: &'a str,
    source: Value,
    data: Value,
    trace_id: Option<&'a str>,
    span_id: Option<&'a str>,
    archived: bool,
    archived_at: Option<&'a str>,
}

/// The fields and their order are those of `Event::to_json`; a test sees to it.
fn document(parts: Parts<'_>) -> Value {
    let mut fields = Map::with_capacity(12);
    let mut add = |key: &str, value: Value| fields.insert(key.to_owned(), value);
    add("_id", Value::from(parts.id));
    add("event_type", Value::from(parts.event_type));
    add("log_level", Value::from(parts.level));
    add("alert", Value::from(parts.alert));
    add("event_timestamp", Value::from(parts.timestamp));
    add("source", parts.source);
    add("event_data", parts.data);
    add("trace_id", Value::from(parts.trace_id));
    add("span_id", Value::from(parts.span_id));
    add("archived", Value::from(parts.archived));
    add("archived_at", Value::from(parts.archived_at));
    Value::Object(fields)
}
