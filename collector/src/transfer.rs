//! Events from elsewhere: a database of MADSci's, or a backup. What is in the store already is left as it is, so that a
//! transfer that was interrupted is simply done again: to find out that an event is there takes a small part of storing it.

mod source;

use std::{collections::BTreeMap, time::Duration};

use jiff::{Timestamp, tz::TimeZone};
use labtrail_shared::{
    event::{Defaults, Event},
    source::Source as EventSource,
    timestamp::EventTimestamp,
};
use thiserror::Error;

use crate::{
    backup::BackupError,
    ingest::reason,
    store::{
        DeadLetter, EventStore, Expect, MongoOpenError, NewEvent, Outcome, StoreError, event_store::archived_text,
    },
};
pub use source::Source;
use source::{Item, Opened};

/// Events that are stored together.
const PART_EVENTS: usize = 1000;

/// A part that the store does not take is tried again after a pause, so often.
const TRIES: u32 = 60;
const RETRY_PAUSE: Duration = Duration::from_secs(1);

/// Why a transfer ended early.
#[derive(Debug, Error)]
pub enum TransferError {
    /// The source is no database.
    #[error(transparent)]
    Open(#[from] MongoOpenError),
    /// The source is no backup, or a damaged one.
    #[error(transparent)]
    Backup(#[from] BackupError),
    /// The source could not be read.
    #[error("read {from}")]
    Read {
        /// The source.
        from: String,
        /// Why.
        source: StoreError,
    },
    /// The store did not take the events.
    #[error("store events")]
    Store(#[source] StoreError),
}

/// What is to be done.
#[derive(Debug)]
pub struct Transfer {
    /// Where events come from.
    pub from: Source,
    /// The zone in which times without an offset are read.
    pub zone: TimeZone,
}

/// What became of the events.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Report {
    /// Events that were read.
    pub read: u64,
    /// Those stored now.
    pub stored: u64,
    /// Those that were there already.
    pub duplicates: u64,
    /// Those that are dead letters now: another event has their id, or they are no events.
    pub dead_letters: u64,
    /// About how many there are in all.
    pub total: u64,
}

impl Transfer {
    /// Transfers all events; `told` is told again and again how far it is.
    pub async fn run(self, to: &dyn EventStore, mut told: impl FnMut(Report)) -> Result<Report, TransferError> {
        let name = self.from.name();
        let mut opened = Opened::open(&self.from, &self.zone).await?;
        let mut report = Report { total: opened.count().await?, ..Report::default() };
        told(report);
        loop {
            let items = opened.next(PART_EVENTS).await?;
            if items.is_empty() {
                return Ok(report);
            }
            report.read += items.len() as u64;
            store(to, items, &name, &mut report).await?;
            told(report);
        }
    }
}

async fn store(to: &dyn EventStore, items: Vec<Item>, from: &str, report: &mut Report) -> Result<(), TransferError> {
    let ids: Vec<String> = items.iter().map(|item| item.id().to_owned()).collect();
    let known = patiently(|| to.hashes(ids.clone())).await?;
    let (mut events, mut letters) = (Vec::with_capacity(items.len()), Vec::new());
    // What is to be put aside, by the instant of it.
    let now = Timestamp::now().as_microsecond();
    let mut archived: BTreeMap<i64, Vec<String>> = BTreeMap::new();
    for (item, known) in items.into_iter().zip(known) {
        match item.hash() {
            Some(hash) if known == Some(hash) => {
                report.duplicates += 1;
                // It may have been put aside since it was copied.
                if item.is_archived() {
                    archived.entry(now).or_default().push(item.id().to_owned());
                }
            }
            _ => match read(item) {
                Ok(mut new) => {
                    if let Some(at) = archived_here(&mut new.event) {
                        archived.entry(at).or_default().push(new.event.id.clone());
                    }
                    events.push(new);
                }
                Err((id, detail, bytes)) => letters.push(letter(reason::NOT_AN_EVENT, detail, from, id, bytes)),
            },
        }
    }
    let stored = patiently(|| to.insert(events.clone(), Expect::Repeats)).await?;
    for (outcome, new) in stored.outcomes.into_iter().zip(&events) {
        let (reason, detail, event) = match outcome {
            Outcome::Stored => {
                report.stored += 1;
                continue;
            }
            Outcome::Duplicate => {
                report.duplicates += 1;
                continue;
            }
            Outcome::Conflict(event) => {
                (reason::ID_CONFLICT, "another event of the same id is stored already".to_owned(), event)
            }
            Outcome::Unstorable { reason, event } => (reason::UNSTORABLE, reason, event),
        };
        letters.push(letter(reason, detail, from, Some(new.event.id.clone()), event.to_string().into_bytes()));
    }
    for (at, ids) in archived {
        patiently(|| to.archive(ids.clone(), at)).await?;
    }
    report.dead_letters += letters.len() as u64;
    patiently(|| to.dead_letter(letters.clone())).await
}

/// The instant at which a server put an event aside. The store puts it aside itself, in its own form, after it has stored it.
fn archived_here(event: &mut Event) -> Option<i64> {
    let at = event.archived_at.filter(|at| event.archived && at.to_string() == archived_text(at.civil_micros))?;
    event.archived = false;
    event.archived_at = None;
    Some(at.civil_micros)
}

fn read(item: Item) -> Result<NewEvent, (Option<String>, String, Vec<u8>)> {
    let (stored, hash) = match item {
        Item::Event { stored, hash } => (stored, hash),
        Item::Unreadable { detail, bytes } => return Err((None, detail, bytes)),
    };
    let defaults = Defaults { now: EventTimestamp::from_utc_micros(stored.time), source: EventSource::default() };
    let (time, received) = (stored.time, stored.received);
    match Event::from_json_normalized(&stored.event, &defaults) {
        Ok((event, _)) => Ok(NewEvent { event, time, received, hash, kafka: None }),
        Err(problem) => {
            let id = stored.id().to_owned();
            Err((Some(id), problem.to_string(), stored.event.to_string().into_bytes()))
        }
    }
}

fn letter(reason: &'static str, detail: String, from: &str, id: Option<String>, bytes: Vec<u8>) -> DeadLetter {
    let origin = serde_json::json!({"import": from});
    DeadLetter { received: Timestamp::now().as_microsecond(), reason: reason.into(), detail, origin, id, bytes }
}

/// Does it again while the store is not available.
async fn patiently<T, F>(attempt: impl Fn() -> F) -> Result<T, TransferError>
where
    F: Future<Output = Result<T, StoreError>>,
{
    let mut tries = 0;
    loop {
        match attempt().await {
            Err(error) if error.is_unavailable() && tries < TRIES => {
                tries += 1;
                tokio::time::sleep(RETRY_PAUSE).await;
            }
            result => return result.map_err(TransferError::Store),
        }
    }
}
