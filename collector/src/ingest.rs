//! The one hallway: whatever door events come through, here they are validated, stored, and only then acknowledged.
//!
//! Counts in = stored + duplicates + refused. What is refused goes to the dead letters with its reason, so that nothing is
//! dropped silently. What the store could not take is not counted: its sender was told so and sends it again.

mod metrics;
mod prepare;

use std::{net::IpAddr, sync::Arc};

use bytes::Bytes;
use jiff::{Timestamp, tz::TimeZone};
use labtrail_shared::{
    event::{Defaults, Event, EventProblem},
    source::Source,
    telemetry::Metrics,
    timestamp::EventTimestamp,
    wire::BatchError,
};
use serde_json::{Value, json};
use thiserror::Error;
use tokio::sync::mpsc;

use crate::store::{DeadLetter, EventStore, Outcome, StoreError};
use metrics::IngestMetrics;
pub use prepare::Form;
use prepare::{Chunk, Letter, Preparation};

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
}

/// What became of a body of events.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Receipt {
    /// Events stored now.
    pub accepted: u64,
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
}

/// Why a single event was not stored.
#[derive(Debug, Error)]
pub enum EventError {
    /// It is no event.
    #[error("read an event")]
    Invalid(Vec<EventProblem>),
    /// The store did not take it.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// The hallway.
#[derive(Debug)]
pub struct Ingest {
    store: Arc<dyn EventStore>,
    zone: TimeZone,
    manager: Source,
    batch_events_max: usize,
    metrics: IngestMetrics,
}

impl Ingest {
    /// A hallway into a store. Times without an offset are read in `zone`; an event without a source is the manager's.
    pub fn new(
        store: Arc<dyn EventStore>,
        zone: TimeZone,
        manager_id: &str,
        batch_events_max: usize,
        metrics: &Metrics,
    ) -> Self {
        let manager = Source::of_manager(manager_id);
        Self { store, zone, manager, batch_events_max, metrics: IngestMetrics::register(metrics) }
    }

    /// Takes a body of many events. While one part is being stored the next is prepared.
    pub async fn take(&self, form: Form, body: Bytes, peer: IpAddr) -> Result<Receipt, IngestError> {
        let preparation = Preparation {
            zone: self.zone.clone(),
            defaults: self.defaults(),
            received: now_micros(),
            peer,
            batch_events_max: self.batch_events_max,
        };
        let (chunks, mut prepared) = mpsc::channel(1);
        let work = tokio::task::spawn_blocking(move || {
            preparation.run(form, &body, |chunk| chunks.blocking_send(chunk).is_ok())
        });
        let mut receipt = Receipt::default();
        while let Some(chunk) = prepared.recv().await {
            self.store_chunk(chunk, peer, &mut receipt).await?;
        }
        work.await.unwrap_or_else(|panic| std::panic::resume_unwind(panic.into_panic()))?;
        Ok(receipt)
    }

    async fn store_chunk(&self, chunk: Chunk, peer: IpAddr, receipt: &mut Receipt) -> Result<(), IngestError> {
        let Chunk { events, places, letters } = chunk;
        let (letters, mut refused): (Vec<_>, Vec<_>) =
            letters.into_iter().map(|Letter { letter, refused }| (letter, refused)).unzip();
        let mut reasons: Vec<&'static str> = letters.iter().map(|letter| letter.reason).collect();
        let received = events.len() + letters.len();
        let (report, ()) = tokio::try_join!(self.store.insert(events), self.store.dead_letter(letters))?;
        let mut conflicts = Vec::new();
        let (mut stored, mut duplicates) = (0, 0);
        for (outcome, (batch, index)) in report.outcomes.into_iter().zip(places) {
            match outcome {
                Outcome::Stored(_) => stored += 1,
                Outcome::Duplicate => duplicates += 1,
                Outcome::Conflict(event) => {
                    let letter = conflict(&event, peer);
                    let (id, reason) = (letter.id.clone(), letter.detail.clone());
                    refused.push(Refused { batch, index, id, reason });
                    reasons.push(letter.reason);
                    conflicts.push(letter);
                }
            }
        }
        self.store.dead_letter(conflicts).await?;
        self.metrics.count(received as u64, stored, duplicates, &reasons);
        receipt.accepted += stored;
        receipt.duplicates += duplicates;
        receipt.refused.extend(refused);
        Ok(())
    }

    /// Takes one event, and gives it back as it was understood. A repeat or a conflict is not told from success, as in
    /// MADSci; a conflict is among the dead letters.
    pub async fn take_one(&self, value: &Value, peer: IpAddr) -> Result<Event, EventError> {
        let read = prepare::whole_event(value, &self.defaults(), &self.zone, now_micros());
        let new = match read {
            Ok(new) => new,
            Err(problems) => {
                let detail = prepare::problems_text(&problems);
                self.refuse(reason::NOT_AN_EVENT, detail, value.to_string().into_bytes(), peer).await?;
                return Err(EventError::Invalid(problems));
            }
        };
        let event = new.event.clone();
        let report = self.store.insert(vec![new]).await?;
        match report.outcomes.into_iter().next() {
            Some(Outcome::Stored(_)) => self.metrics.count(1, 1, 0, &[]),
            Some(Outcome::Duplicate) | None => self.metrics.count(1, 0, 1, &[]),
            Some(Outcome::Conflict(conflicting)) => {
                let letter = conflict(&conflicting, peer);
                self.store.dead_letter(vec![letter]).await?;
                self.metrics.count(1, 0, 0, &[reason::ID_CONFLICT]);
            }
        }
        Ok(event)
    }

    /// Keeps what came as a single event and is none.
    pub async fn refuse(
        &self,
        reason: &'static str,
        detail: String,
        bytes: Vec<u8>,
        peer: IpAddr,
    ) -> Result<(), StoreError> {
        let origin = json!({"door": "http", "peer": peer.to_string()});
        let letter = DeadLetter { received: now_micros(), reason, detail, origin, id: None, bytes };
        self.store.dead_letter(vec![letter]).await?;
        self.metrics.count(1, 0, 0, &[reason]);
        Ok(())
    }

    /// The zone in which times without an offset are read.
    pub fn zone(&self) -> &TimeZone {
        &self.zone
    }

    fn defaults(&self) -> Defaults {
        let now = EventTimestamp::naive_from_utc_micros(now_micros(), &self.zone);
        Defaults { now, source: self.manager.clone() }
    }
}

fn conflict(event: &Value, peer: IpAddr) -> DeadLetter {
    let id = event.get("_id").and_then(Value::as_str).map(str::to_owned);
    DeadLetter {
        received: now_micros(),
        reason: reason::ID_CONFLICT,
        detail: "another event of the same id and with other content is stored already; that one stays".to_owned(),
        origin: json!({"door": "http", "peer": peer.to_string()}),
        id,
        bytes: event.to_string().into_bytes(),
    }
}

fn now_micros() -> i64 {
    Timestamp::now().as_microsecond()
}
