//! What every store of events promises. `conformance` holds the tests that each of them must pass.
//!
//! - What `insert` reported as stored survives the end of the process and of the machine.
//! - An id is stored once. A second event of the same id is a duplicate if its hash is the same, else a conflict; in
//!   both cases the first one stays as it is.
//! - Events have a total order, (time, id), in which pages follow one another without hole or repeat, also while other
//!   events arrive; and a number of arrival, `seq`, which becomes visible in its order.

use std::{borrow::Cow, error::Error, fmt::Debug, sync::Arc, time::Duration};

use async_trait::async_trait;
use jiff::tz::TimeZone;
use labtrail_shared::{
    event::{Event, PRIVATE_KEY},
    filter::Filter,
    level::LogLevel,
    text_query::TextQuery,
    timestamp::EventTimestamp,
};
use serde_json::{Value, json};
use thiserror::Error;
use tokio::sync::watch;
use xxhash_rust::xxh3::Xxh3;

use super::RowStore;

/// An event that is to be stored.
#[derive(Debug, Clone, PartialEq)]
pub struct NewEvent {
    /// The event.
    pub event: Event,
    /// The instant of its time, in microseconds UTC.
    pub time: i64,
    /// When it was received, in microseconds UTC.
    pub received: i64,
    /// What tells a repeat from a conflict.
    pub hash: u64,
    /// Where it lay in Kafka, if it came that way.
    pub kafka: Option<KafkaPlace>,
}

/// A record of a Kafka topic.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct KafkaPlace {
    /// The topic.
    pub topic: Arc<str>,
    /// The partition of the topic.
    pub partition: i32,
    /// The offset in the partition.
    pub offset: i64,
}

/// What the caller knows of the events of an insert.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Expect {
    /// They are new, as far as anybody knows.
    #[default]
    New,
    /// Some of them may well be stored already: after a crash, a rebalance or a failed insert. It means the same, but a
    /// store for which repeats are dear looks first for what it has.
    Repeats,
}

/// What became of the events of one insert, in their order.
#[derive(Debug, Clone, PartialEq)]
pub struct InsertReport {
    /// One outcome per event.
    pub outcomes: Vec<Outcome>,
}

/// What became of one event.
#[derive(Debug, Clone, PartialEq)]
pub enum Outcome {
    /// It is stored now.
    Stored,
    /// It was there already.
    Duplicate,
    /// Its id belongs to another event; this one, as JSON, is not stored.
    Conflict(Box<Value>),
    /// This store can never take it, for the reason given; the event is here as JSON. (Larger than a document of the
    /// database may be, for example.)
    Unstorable {
        /// Why.
        reason: String,
        /// The event.
        event: Box<Value>,
    },
}

/// An event as it comes out of a store.
#[derive(Debug, Clone, PartialEq)]
pub struct StoredEvent {
    /// Its eleven fields, as [`Event::to_json`] gives them.
    pub event: Value,
    /// The instant of its time, in microseconds UTC.
    pub time: i64,
    /// When it was received, in microseconds UTC.
    pub received: i64,
}

impl StoredEvent {
    /// Its id.
    pub fn id(&self) -> &str {
        self.event.get("_id").and_then(Value::as_str).unwrap_or_default()
    }

    /// Where it stands in the order of events.
    pub fn position(&self) -> Position {
        Position { time: self.time, id: self.id().to_owned() }
    }

    /// The event with what is ours under the private key.
    pub fn into_json(self) -> Value {
        let mut event = self.event;
        if let Value::Object(fields) = &mut event {
            let time = EventTimestamp::from_utc_micros(self.time).to_string();
            let received = EventTimestamp::from_utc_micros(self.received).to_string();
            fields.insert(PRIVATE_KEY.to_owned(), json!({"time": time, "received": received}));
        }
        event
    }
}

/// Which events are meant.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Criteria {
    /// Those that pass the filter.
    pub filter: Option<Filter>,
    /// Those in whose text all words stand.
    pub text: Option<TextQuery>,
    /// Those of this level and above.
    pub level_min: Option<LogLevel>,
    /// Those from this instant on, in microseconds UTC.
    pub from: Option<i64>,
    /// Those before this instant, in microseconds UTC.
    pub to: Option<i64>,
    /// Those put aside, or those not; absent: both.
    pub archived: Option<bool>,
}

impl Criteria {
    /// Whether an event is meant.
    pub fn matches(&self, stored: &StoredEvent) -> bool {
        let level = || stored.event.get("log_level").and_then(Value::as_i64).unwrap_or_default();
        let is_archived = || stored.event.get("archived") == Some(&Value::Bool(true));
        self.level_min.is_none_or(|least| level() >= i64::from(least.number()))
            && self.from.is_none_or(|from| stored.time >= from)
            && self.to.is_none_or(|to| stored.time < to)
            && self.archived.is_none_or(|archived| is_archived() == archived)
            && self
                .text
                .as_ref()
                .is_none_or(|text| stored.event.get("event_data").is_some_and(|data| text.matches(data)))
            && self.filter.as_ref().is_none_or(|filter| filter.matches(&stored.event))
    }
}

/// In which direction events are listed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Order {
    /// The newest first.
    #[default]
    Descending,
    /// The oldest first.
    Ascending,
}

/// A place in the order of events. It need not be that of an event.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position {
    /// An instant in microseconds UTC.
    pub time: i64,
    /// An id, which tells events of one instant apart.
    pub id: String,
}

/// A question for a list of events.
#[derive(Debug, Clone)]
pub struct Search {
    /// Which events.
    pub criteria: Criteria,
    /// In which direction.
    pub order: Order,
    /// Only those that follow this place.
    pub after: Option<Position>,
    /// So many of them are left out first.
    pub offset: usize,
    /// At most so many.
    pub limit: usize,
    /// How long the store may look; what it has by then is the answer.
    pub time_max: Duration,
}

impl Position {
    /// A place before all events of an order.
    pub fn before_all(order: Order) -> Self {
        match order {
            Order::Ascending => Self { time: i64::MIN, id: String::new() },
            Order::Descending => Self { time: i64::MAX, id: char::MAX.to_string() },
        }
    }
}

/// The answer to a search.
#[derive(Debug, Clone, PartialEq)]
pub struct Page {
    /// The events, in order.
    pub items: Vec<StoredEvent>,
    /// Where the next page begins, if there may be more. A page ends early when it would take too much memory.
    pub next: Option<Position>,
    /// Whether the store looked at all it had to: if not, more may follow at `next` even if there are few items.
    pub complete: bool,
    /// How many events were looked at.
    pub scanned: u64,
}

/// A page of more bytes than this ends early: events may be of megabytes, and whoever asks gives a number of events.
pub(crate) const PAGE_BYTES_MAX: usize = 16 << 20;

/// A question for the distribution of events over time and levels.
#[derive(Debug, Clone)]
pub struct HistogramRequest {
    /// Which events. Without `from` or `to` the range is that of all events.
    pub criteria: Criteria,
    /// Into how many buckets the range is cut at most, as the width is rounded up.
    pub buckets: u32,
    /// How long the store may look.
    pub time_max: Duration,
}

/// A distribution.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Histogram {
    /// Where the range begins, in microseconds UTC.
    pub from: i64,
    /// Where the range ends; itself not part of it.
    pub to: i64,
    /// The width of a bucket in microseconds; buckets begin at multiples of it.
    pub bucket_micros: i64,
    /// The buckets that are not empty, in the order of time.
    pub buckets: Vec<Bucket>,
    /// Whether all events were counted.
    pub complete: bool,
}

/// What a bucket holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bucket {
    /// Where it begins, in microseconds UTC.
    pub time: i64,
    /// How many events of each level, in the order of [`LogLevel::ALL`].
    pub counts: [u64; 6],
}

/// The instant at which an event was put aside, in microseconds UTC: what it says itself, in UTC if it names no offset, as
/// MADSci writes it; else when it was received.
pub(crate) fn archived_instant(archived_at: Option<&EventTimestamp>, received: i64) -> i64 {
    archived_at.map_or(received, |at| at.utc_micros(&TimeZone::UTC))
}

/// How an instant is written into `archived_at`: in UTC and without saying so, to the millisecond, as MADSci does.
pub(crate) fn archived_text(micros: i64) -> String {
    let civil_micros = micros.div_euclid(1000) * 1000;
    EventTimestamp { civil_micros, offset_seconds: None }.to_string()
}

/// Something that was sent and cannot be stored as an event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeadLetter {
    /// When it was received, in microseconds UTC.
    pub received: i64,
    /// The kind of reason, in one word of ours such as `id_conflict`.
    pub reason: Cow<'static, str>,
    /// The reason in words.
    pub detail: String,
    /// Where it came from, as a JSON object.
    pub origin: Value,
    /// The id that it would have had, if known.
    pub id: Option<String>,
    /// What was sent.
    pub bytes: Vec<u8>,
}

impl DeadLetter {
    /// What tells it from other letters: the same reason, origin and bytes are the same letter. `origin` is that field as
    /// text, which whoever stores a letter needs anyway.
    pub fn key(&self, origin: &str) -> [u8; 16] {
        let mut hash = Xxh3::new();
        for part in [self.reason.as_bytes(), origin.as_bytes(), &self.bytes] {
            hash.update(&(part.len() as u64).to_le_bytes());
            hash.update(part);
        }
        hash.digest128().to_le_bytes()
    }
}

/// A dead letter as it comes out of a store.
#[derive(Debug, Clone, PartialEq)]
pub struct StoredDeadLetter {
    /// Its number of arrival.
    pub seq: i64,
    /// When it was first received, in microseconds UTC.
    pub received: i64,
    /// How often it came.
    pub times: u64,
    /// The kind of reason.
    pub reason: String,
    /// The reason in words.
    pub detail: String,
    /// Where it came from.
    pub origin: Value,
    /// The id that it would have had, if known.
    pub id: Option<String>,
    /// What was sent.
    pub bytes: Vec<u8>,
}

/// Why a store could not do what it was asked.
#[derive(Debug, Clone, Error)]
pub enum StoreError {
    /// It may work later: the disk is full, the file is locked, the process is stopping.
    #[error("{attempt}: the store is not available")]
    Unavailable {
        /// What was attempted.
        attempt: &'static str,
        /// Why it failed.
        #[source]
        source: Arc<dyn Error + Send + Sync>,
    },
    /// It will not work by waiting.
    #[error("{attempt}")]
    Failed {
        /// What was attempted.
        attempt: &'static str,
        /// Why it failed.
        #[source]
        source: Arc<dyn Error + Send + Sync>,
    },
}

impl StoreError {
    /// Whether it may work later by itself.
    pub fn is_unavailable(&self) -> bool {
        matches!(self, Self::Unavailable { .. })
    }
}

/// A store of events, and of the rows beside them.
#[async_trait]
pub trait EventStore: RowStore {
    /// Stores events; what is reported is durable. After an error any part of them may be stored: the same insert again
    /// puts that right.
    async fn insert(&self, events: Vec<NewEvent>, expect: Expect) -> Result<InsertReport, StoreError>;

    /// Keeps what cannot be stored as an event. The same letter again (reason, origin, bytes) is only counted.
    async fn dead_letter(&self, letters: Vec<DeadLetter>) -> Result<(), StoreError>;

    /// The content hashes under which events of these ids are stored, in their order; `None` for an id that is not.
    ///
    /// What is only seen may still be lost with the server that has it. When an insert that comes later is done, also one
    /// of an event that was seen, then all that was seen before is as durable.
    async fn hashes(&self, ids: Vec<String>) -> Result<Vec<Option<u64>>, StoreError>;

    /// The event of that id.
    async fn get(&self, id: &str) -> Result<Option<StoredEvent>, StoreError>;

    /// Lists events.
    async fn search(&self, search: Search) -> Result<Page, StoreError>;

    /// Counts events over time and levels.
    async fn histogram(&self, request: HistogramRequest) -> Result<Histogram, StoreError>;

    /// Puts the events of these ids aside: they stay, and are left out of MADSci's lists. `at` is the instant of it, in
    /// microseconds UTC. Says how many were not aside before; what is reported is durable.
    async fn archive(&self, ids: Vec<String>, at: i64) -> Result<u64, StoreError>;

    /// Events that were put aside, the latest put aside first, those after a place in that order.
    async fn archived(&self, after: Option<Position>, limit: usize)
    -> Result<Vec<(Position, StoredEvent)>, StoreError>;

    /// Deletes events for good that were put aside before an instant, in microseconds UTC: so many at most. Says how many.
    async fn purge(&self, before: i64, limit: usize) -> Result<u64, StoreError>;

    /// The instants of the first and the last event; none if there are no events.
    async fn extent(&self) -> Result<Option<(i64, i64)>, StoreError>;

    /// How many events are stored.
    async fn count(&self) -> Result<u64, StoreError>;

    /// The events that arrived after that number, with their numbers, in the order of arrival. A store that many collectors
    /// share may keep only the latest numbers; then the first one given is higher than asked for.
    async fn events_after(&self, seq: i64, limit: usize) -> Result<Vec<(i64, StoredEvent)>, StoreError>;

    /// The number of the last event that arrived; changes when it can be read.
    fn last_seq(&self) -> watch::Receiver<i64>;

    /// Dead letters, the latest first, those before that number of arrival.
    async fn dead_letters(&self, before: Option<i64>, limit: usize) -> Result<Vec<StoredDeadLetter>, StoreError>;

    /// The dead letter of that number.
    async fn get_dead_letter(&self, seq: i64) -> Result<Option<StoredDeadLetter>, StoreError>;

    /// Forgets a dead letter, because it was dealt with. Says whether there was one.
    async fn remove_dead_letter(&self, seq: i64) -> Result<bool, StoreError>;
}
