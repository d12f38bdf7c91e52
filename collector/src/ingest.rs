//! The one hallway: whatever door events come through, here they are validated, stored, and only then acknowledged.
//!
//! Counts in = stored + duplicates + refused. What is refused goes to the dead letters with its reason, so that nothing is
//! dropped silently. What the store could not take is not counted: its sender was told so and sends it again; or it was
//! put into Kafka, and counts when it is read from there.

mod detour;
mod lost;
mod metrics;
mod origin;
mod outage;
mod prepare;
mod records;
mod replay;

use std::{borrow::Cow, sync::Arc, time::Duration};

use bytes::Bytes;
use jiff::{Timestamp, tz::TimeZone};
use labtrail_shared::{
    event::{Defaults, EventProblem},
    source::Source,
    telemetry::Metrics,
    timestamp::EventTimestamp,
    wire::BatchError,
};
use serde_json::Value;
use thiserror::Error;
use tokio::sync::mpsc;
use ulid::Ulid;

use crate::{
    alerting::marks::Marker,
    compute::compute,
    kafka::{
        producer::{Outgoing, Producer, SendError},
        record::Record,
    },
    store::{DeadLetter, EventStore, Expect, InsertReport, KafkaPlace, NewEvent, Outcome, StoreError},
};
use metrics::IngestMetrics;
pub use origin::Origin;
use outage::Outage;
pub use prepare::Form;
use prepare::{Chunk, Letter, Preparation};
pub use records::{Identified, ReadRecords, RecordLetter, RecordPlace, RecordReader};
pub use replay::{ReplayError, Replayed};

/// Why a dead letter is one.
pub mod reason {
    /// What was sent is not JSON.
    pub const NOT_JSON: &str = "not_json";
    /// It is JSON, but no event.
    pub const NOT_AN_EVENT: &str = "not_an_event";
    /// A line of a batch that cannot be read.
    pub const UNREADABLE_LINE: &str = "unreadable_line";
    /// Its id belongs to another event.
    pub const ID_CONFLICT: &str = "id_conflict";
    /// A record without a value.
    pub const EMPTY: &str = "empty";
    /// A record that is no text.
    pub const NOT_UTF8: &str = "not_utf8";
    /// A batch of a version that this collector does not know.
    pub const UNKNOWN_VERSION: &str = "unknown_version";
    /// A batch whose envelope cannot be read.
    pub const BAD_ENVELOPE: &str = "bad_envelope";
    /// A batch of more events than are allowed.
    pub const TOO_MANY_EVENTS: &str = "too_many_events";
    /// The store can never take it.
    pub const UNSTORABLE: &str = "unstorable";
}

/// How long a question about health may wait for Kafka.
const REACHABLE_TIME_MAX: Duration = Duration::from_secs(1);

/// How long a single event waits for the store where there is another way: MADSci's client gives up after ten seconds.
const DETOUR_AFTER: Duration = Duration::from_secs(2);

const CONFLICT: &str = "another event of the same id and with other content is stored already; that one stays";

/// What became of a body of events.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Receipt {
    /// Events stored now, or queued.
    pub accepted: u64,
    /// Those of the accepted ones that are in Kafka, because the store is away, and are stored when it is back.
    pub queued: u64,
    /// Events that were there already.
    pub duplicates: u64,
    /// What was refused, for good.
    pub refused: Vec<Refused>,
}

/// One refused event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    /// Which batch of the body, from 0.
    pub batch: usize,
    /// Which event of the batch, from 0.
    pub index: usize,
    /// Its id, if that much is known.
    pub id: Option<String>,
    /// Why.
    pub reason: String,
}

/// Why a body was not taken at all. The sender keeps it.
#[derive(Debug, Error)]
pub enum IngestError {
    /// It is not made of batches.
    #[error("read the batches of the body")]
    Batches(#[from] BatchError),
    /// It is not the JSON it is said to be.
    #[error("read the body as an event or an array of events")]
    Json(#[source] serde_json::Error),
    /// One of its batches is too long.
    #[error("batch {batch} has {events} events, and {limit} are allowed (http.batch_events_max)")]
    TooManyEvents {
        /// Which batch, from 0.
        batch: usize,
        /// How many it has.
        events: usize,
        /// How many it may have.
        limit: usize,
    },
    /// The store did not take it.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The store is away, and Kafka did not take it either.
    #[error("the store is not available, and neither is Kafka")]
    Detour(#[from] SendError),
}

/// Why records of Kafka are not dealt with yet. Trying again is always right.
#[derive(Debug, Error)]
pub enum RecordsError {
    /// The store did not take them.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// What was found to be stored already is not.
    #[error("what the store had a moment ago is gone: it was lost with a server")]
    Gone,
    /// The dead letters among them are not in Kafka yet.
    #[error("keep dead letters")]
    Letters(#[from] SendError),
}

/// Why a single event was not stored.
#[derive(Debug, Error)]
pub enum EventError {
    /// It is no event.
    #[error("read an event")]
    Invalid(Vec<EventProblem>),
    /// The store can never take it, for the reason given.
    #[error("store an event: {0}")]
    Unstorable(String),
    /// The store did not take it.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The store is away, and Kafka did not take it either.
    #[error("the store is not available, and neither is Kafka")]
    Detour(#[from] SendError),
}

/// What became of the records of a batch.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Taken {
    /// Events stored now.
    pub stored: u64,
    /// Events that were there already.
    pub duplicates: u64,
    /// Dead letters that were produced.
    pub letters: u64,
}

/// The hallway.
#[derive(Debug)]
pub struct Ingest {
    store: Arc<dyn EventStore>,
    zone: TimeZone,
    manager: Source,
    batch_events_max: usize,
    /// Where dead letters of Kafka go, and what comes over HTTP while the store is away.
    kafka: Option<Producer>,
    outage: Outage,
    metrics: IngestMetrics,
    /// Marks what concerns a rule.
    marker: Option<Marker>,
}

impl Ingest {
    /// A hallway into a store. Times without an offset are read in `zone`; an event without a source is the manager's.
    pub fn new(
        store: Arc<dyn EventStore>,
        kafka: Option<Producer>,
        zone: TimeZone,
        manager_id: &str,
        batch_events_max: usize,
        metrics: &Metrics,
    ) -> Self {
        let manager = Source::of_manager(manager_id);
        let (outage, metrics) = (Outage::none(), IngestMetrics::register(metrics));
        Self { store, zone, manager, batch_events_max, kafka, outage, metrics, marker: None }
    }

    /// A hallway in which what concerns a rule is marked.
    #[must_use]
    pub(crate) fn with_marker(self, marker: Option<Marker>) -> Self {
        Self { marker, ..self }
    }

    /// Takes a body of many events: into the store, or while that is away into Kafka.
    pub async fn take(&self, form: Form, body: Bytes, origin: Origin) -> Result<Receipt, IngestError> {
        let preparation = Preparation {
            zone: self.zone.clone(),
            defaults: self.defaults(),
            received: now_micros(),
            origin,
            batch_events_max: self.batch_events_max,
            ids: Ulid::generate(),
        };
        let Some(kafka) = &self.kafka else {
            return self.take_into_store(preparation, form, body).await;
        };
        if self.outage.is_store_worth_trying() {
            match self.take_into_store(preparation.clone(), form, body.clone()).await {
                Err(IngestError::Store(error)) if error.is_unavailable() => {}
                taken => return taken,
            }
        }
        let parcel = compute(move || detour::pack(&preparation, form, &body)).await?;
        detour::send(kafka, parcel.records).await?;
        self.metrics.queued(parcel.receipt.queued);
        for reason in &parcel.reasons {
            self.metrics.refused(reason, 1);
        }
        Ok(parcel.receipt)
    }

    /// While one part is being stored the next is prepared.
    async fn take_into_store(&self, preparation: Preparation, form: Form, body: Bytes) -> Result<Receipt, IngestError> {
        let origin = preparation.origin.clone();
        let (chunks, mut prepared) = mpsc::channel(1);
        let work = tokio::task::spawn_blocking(move || {
            preparation.run(form, &body, |chunk| chunks.blocking_send(chunk).is_ok())
        });
        let mut receipt = Receipt::default();
        while let Some(chunk) = prepared.recv().await {
            self.note(self.store_chunk(chunk, &origin, &mut receipt).await)?;
        }
        work.await.unwrap_or_else(|panic| std::panic::resume_unwind(panic.into_panic()))?;
        Ok(receipt)
    }

    async fn store_chunk(&self, chunk: Chunk, origin: &Origin, receipt: &mut Receipt) -> Result<(), StoreError> {
        let Chunk { events, places, letters, normalized } = chunk;
        let (letters, mut refused): (Vec<_>, Vec<_>) =
            letters.into_iter().map(|Letter { letter, refused }| (letter, refused)).unzip();
        let mut reasons: Vec<_> = letters.iter().map(|letter| letter.reason.clone()).collect();
        let (report, ()) = tokio::try_join!(self.insert(events, Expect::New), self.store.dead_letter(letters))?;
        let mut conflicts = Vec::new();
        let (mut stored, mut duplicates) = (0, 0);
        for (outcome, (batch, index)) in report.outcomes.into_iter().zip(places) {
            match outcome {
                Outcome::Stored => stored += 1,
                Outcome::Duplicate => duplicates += 1,
                Outcome::Conflict(_) | Outcome::Unstorable { .. } => {
                    let letter = outcome_letter(outcome, origin.clone());
                    let (id, reason) = (letter.id.clone(), letter.detail.clone());
                    refused.push(Refused { batch, index, id, reason });
                    reasons.push(letter.reason.clone());
                    conflicts.push(letter);
                }
            }
        }
        self.store.dead_letter(conflicts).await?;
        self.metrics.stored(stored, duplicates);
        self.metrics.normalized(normalized);
        for reason in &reasons {
            self.metrics.refused(reason, 1);
        }
        receipt.accepted += stored;
        receipt.duplicates += duplicates;
        receipt.refused.extend(refused);
        Ok(())
    }

    /// Takes one event, which was sent as these bytes, and gives it back as it was understood, as JSON. A repeat or a conflict is
    /// not told from success, as in MADSci; a conflict is among the dead letters. While the store is away the event goes into
    /// Kafka.
    pub async fn take_one(&self, value: Value, bytes: &[u8], origin: Origin) -> Result<Bytes, EventError> {
        let new = match prepare::whole_event(value, &self.defaults(), &self.zone, now_micros()) {
            Ok(new) => new,
            Err(problems) => {
                let detail = prepare::problems_text(&problems);
                self.refuse(reason::NOT_AN_EVENT, detail, bytes.to_vec(), origin).await?;
                return Err(EventError::Invalid(problems));
            }
        };
        let json = Bytes::from(serde_json::to_vec(&new.event).expect("JSON with text keys always prints"));
        let told = |unstorable: Option<String>| unstorable.map_or(Ok(()), |reason| Err(EventError::Unstorable(reason)));
        let Some(kafka) = &self.kafka else {
            told(self.store_one(new, origin).await?)?;
            return Ok(json);
        };
        let outgoing = Outgoing::event(&new);
        if self.outage.is_store_worth_trying() {
            match self.in_time(self.store_one(new, origin)).await {
                Err(error) if error.is_unavailable() => {}
                stored => return told(stored?).map(|()| json),
            }
        }
        detour::send_one(kafka, outgoing).await?;
        self.metrics.queued(1);
        Ok(json)
    }

    /// Stores an event; says why if the store can never take it.
    async fn store_one(&self, new: NewEvent, origin: Origin) -> Result<Option<String>, StoreError> {
        let report = self.note(self.insert(vec![new], Expect::New).await)?;
        match report.outcomes.into_iter().next() {
            Some(Outcome::Stored) => self.metrics.stored(1, 0),
            Some(Outcome::Duplicate) | None => self.metrics.stored(0, 1),
            Some(outcome @ (Outcome::Conflict(_) | Outcome::Unstorable { .. })) => {
                let unstorable = match &outcome {
                    Outcome::Unstorable { reason, .. } => Some(reason.clone()),
                    _ => None,
                };
                let letter = outcome_letter(outcome, origin);
                let reason = letter.reason.clone();
                self.store.dead_letter(vec![letter]).await?;
                self.metrics.refused(&reason, 1);
                return Ok(unstorable);
            }
        }
        Ok(None)
    }

    /// Keeps what came as a single event and is none.
    pub async fn refuse(
        &self,
        reason: &'static str,
        detail: String,
        bytes: Vec<u8>,
        origin: Origin,
    ) -> Result<(), EventError> {
        let reason = Cow::Borrowed(reason);
        let letter = DeadLetter {
            received: now_micros(),
            reason: reason.clone(),
            detail,
            origin: origin.into_json(),
            id: None,
            bytes,
        };
        match &self.kafka {
            None => self.store.dead_letter(vec![letter]).await?,
            Some(kafka) => {
                let outgoing = Outgoing::letter(letter.clone());
                let stored = if self.outage.is_store_worth_trying() {
                    let stored = self.in_time(self.store.dead_letter(vec![letter])).await;
                    let stored = self.note(stored);
                    if stored.as_ref().is_err_and(StoreError::is_unavailable) { None } else { Some(stored?) }
                } else {
                    None
                };
                if stored.is_none() {
                    detour::send_one(kafka, outgoing).await?;
                }
            }
        }
        self.metrics.refused(&reason, 1);
        Ok(())
    }

    /// Takes records of which `identified` says what they hold, and of which some may well be stored already. The store is
    /// asked first, and only what it does not have is read and inserted: repeats are dear for it, and to make events of
    /// them for nothing is dear here. One that it has is inserted all the same; see [`EventStore::hashes`].
    pub async fn take_records_again(
        &self,
        records: Arc<Vec<Record>>,
        mut identified: Identified,
    ) -> Result<Taken, RecordsError> {
        let stored = self.note(self.store.hashes(std::mem::take(&mut identified.ids)).await)?;
        let (reader, received) = (self.record_reader(), now_micros());
        // Whoever stored what is there may have died before it was marked.
        let marker = self.marker.as_ref();
        let rulebook = marker.map(Marker::rulebook);
        let (read, known) = compute(move || {
            let known = rulebook.map(|rulebook| {
                let may_concern = |level, alert| rulebook.index.may_concern(level, alert);
                reader.read_stored(&records, received, &identified, &stored, may_concern)
            });
            (reader.read_others(&records, received, &identified, &stored), known.unwrap_or_default())
        })
        .await;
        let taken = self.take_records(read).await?;
        if let Some(marker) = marker {
            marker.write(marker.find(known).await.1).await?;
        }
        Ok(taken)
    }

    /// Takes what records of the events topic hold. When this succeeds all of it is stored or among the dead letters, and
    /// the records need not be read again; after an error the same records are to be given again.
    pub async fn take_records(&self, read: ReadRecords) -> Result<Taken, RecordsError> {
        let ReadRecords { events, places, letters, known, witness, normalized } = read;
        let is_witness =
            |(id, hash): &(String, u64)| events.iter().position(|new| new.event.id == *id && new.hash == *hash);
        let witness = witness.as_ref().and_then(is_witness);
        let mut taken = Taken { duplicates: known, ..Taken::default() };
        let mut refused: Vec<(Cow<'static, str>, u64)> = Vec::new();
        let mut outgoing = Vec::new();
        for RecordLetter { letter, refused: events, .. } in letters {
            refused.push((letter.reason.clone(), events));
            outgoing.push(letter);
        }
        if !events.is_empty() {
            let facts: Vec<(u64, i64)> = events.iter().map(|new| (new.hash, new.time)).collect();
            let report = self.note(self.insert(events, Expect::New).await)?;
            if witness.is_some_and(|witness| report.outcomes[witness] == Outcome::Stored) {
                return Err(RecordsError::Gone);
            }
            let mut places = places.iter().flat_map(|place| std::iter::repeat_n(place, place.events));
            for (outcome, (hash, time)) in report.outcomes.into_iter().zip(facts) {
                let place = places.next();
                match outcome {
                    Outcome::Stored => taken.stored += 1,
                    Outcome::Duplicate => taken.duplicates += 1,
                    Outcome::Conflict(_) | Outcome::Unstorable { .. } => {
                        let RecordPlace { place, value, .. } = place.expect("every event has its place");
                        let mut letter = outcome_letter(outcome, Origin::kafka(place).with_facts(hash, time));
                        if let Some(value) = value {
                            letter.bytes = value.to_vec();
                        }
                        refused.push((letter.reason.clone(), 1));
                        outgoing.push(letter);
                    }
                }
            }
        }
        taken.letters = outgoing.len() as u64;
        self.send_letters(outgoing).await?;
        self.metrics.stored(taken.stored, taken.duplicates);
        self.metrics.normalized(normalized);
        for (reason, events) in refused {
            self.metrics.refused(&reason, events);
        }
        Ok(taken)
    }

    /// Letters go to their topic, so that they are safe also while the store is away and can be seen by other readers;
    /// they are stored when they are read from there. One that is too large for the topic is stored at once.
    async fn send_letters(&self, letters: Vec<DeadLetter>) -> Result<(), RecordsError> {
        if letters.is_empty() {
            return Ok(());
        }
        let Some(kafka) = &self.kafka else {
            return Ok(self.store.dead_letter(letters).await?);
        };
        let outgoing: Vec<_> = letters.iter().cloned().map(Outgoing::letter).collect();
        let mut too_large = Vec::new();
        for (result, letter) in kafka.send_all(&outgoing).await.into_iter().zip(letters) {
            match result {
                Ok(()) => {}
                Err(SendError::TooLarge { .. }) => too_large.push(letter),
                Err(error) => return Err(error.into()),
            }
        }
        Ok(self.store.dead_letter(too_large).await?)
    }

    /// Keeps letters that were read from their topic. They were counted when they were written.
    pub async fn keep_letters(&self, letters: Vec<DeadLetter>) -> Result<(), StoreError> {
        self.note(self.store.dead_letter(letters).await)
    }

    /// Stores an event of our own that says which records were removed before they were read: from that place up to an
    /// offset, itself not one of them.
    pub async fn report_lost(&self, place: &KafkaPlace, to: i64) -> Result<(), StoreError> {
        let event = lost::event(place, to, &self.manager, now_micros());
        let report = self.note(self.insert(vec![event], Expect::New).await)?;
        let is_new = report.outcomes.first() == Some(&Outcome::Stored);
        self.metrics.stored(u64::from(is_new), u64::from(!is_new));
        Ok(())
    }

    /// Stores events, and marks those that concern a rule; only when both is done may their sender go on. What is a
    /// repeat is marked as well: whoever stored it may have died before it was.
    async fn insert(&self, events: Vec<NewEvent>, expect: Expect) -> Result<InsertReport, StoreError> {
        let Some(marker) = &self.marker else { return self.store.insert(events, expect).await };
        let (events, marks) = marker.find(events).await;
        let report = self.store.insert(events, expect).await?;
        marker.write(marks).await?;
        Ok(report)
    }

    /// What is needed to read records as this hallway does.
    pub fn record_reader(&self) -> RecordReader {
        RecordReader::new(self.zone.clone(), self.manager.clone(), self.batch_events_max)
    }

    /// Whether events can be put into Kafka now; `None` if there is no Kafka.
    pub async fn is_kafka_reachable(self: &Arc<Self>) -> Option<bool> {
        self.kafka.as_ref()?;
        let this = Arc::clone(self);
        let ask = move || this.kafka.as_ref().is_some_and(|kafka| kafka.is_reachable(REACHABLE_TIME_MAX));
        Some(tokio::task::spawn_blocking(ask).await.unwrap_or(false))
    }

    /// The zone in which times without an offset are read.
    pub fn zone(&self) -> &TimeZone {
        &self.zone
    }

    fn defaults(&self) -> Defaults {
        let now = EventTimestamp::naive_from_utc_micros(now_micros(), &self.zone);
        Defaults { now, source: self.manager.clone() }
    }

    /// Waits for the store only for a while. What it does later is done twice, which ids make harmless.
    async fn in_time<T>(&self, stored: impl Future<Output = Result<T, StoreError>>) -> Result<T, StoreError> {
        tokio::time::timeout(DETOUR_AFTER, stored).await.unwrap_or_else(|late| {
            self.outage.store_is_away();
            Err(StoreError::Unavailable { attempt: "wait for the store", source: Arc::new(late) })
        })
    }

    /// Remembers whether the store answered.
    fn note<T>(&self, result: Result<T, StoreError>) -> Result<T, StoreError> {
        match &result {
            Err(error) if error.is_unavailable() => self.outage.store_is_away(),
            _ => self.outage.store_is_back(),
        }
        result
    }
}

/// The letter of an event that the store did not take.
fn outcome_letter(outcome: Outcome, origin: Origin) -> DeadLetter {
    let (reason, detail, event) = match outcome {
        Outcome::Unstorable { reason, event } => (reason::UNSTORABLE, reason, *event),
        Outcome::Conflict(event) => (reason::ID_CONFLICT, CONFLICT.to_owned(), *event),
        Outcome::Stored | Outcome::Duplicate => unreachable!("these are stored"),
    };
    let id = event.get("_id").and_then(Value::as_str).map(str::to_owned);
    DeadLetter {
        received: now_micros(),
        reason: reason.into(),
        detail,
        origin: origin.into_json(),
        id,
        bytes: event.to_string().into_bytes(),
    }
}

/// The time now in microseconds UTC, as events keep when they were received.
pub fn now_micros() -> i64 {
    Timestamp::now().as_microsecond()
}
