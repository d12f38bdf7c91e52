//! Events from elsewhere: a database of MADSci's, or a backup. What is in the store already is left as it is, so that a
//! transfer that was interrupted may simply be done again; it also remembers how far it was.

mod checkpoint;
mod source;

use std::{path::PathBuf, time::Duration};

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
    store::{DeadLetter, EventStore, Expect, MongoOpenError, NewEvent, Outcome, StoreError},
};
use checkpoint::Checkpoint;
pub use source::Source;
use source::{Item, Opened};

/// Events that are stored together.
const PART_EVENTS: usize = 2000;

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
    /// The mark of how far it is cannot be kept.
    #[error("keep the mark of how far it is in {}", file.display())]
    Checkpoint {
        /// The file.
        file: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
}

/// What is to be done.
#[derive(Debug)]
pub struct Transfer {
    /// Where events come from.
    pub from: Source,
    /// The zone in which times without an offset are read.
    pub zone: TimeZone,
    /// Where it is remembered how far it is.
    pub checkpoint: PathBuf,
}

/// What became of the events.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Report {
    /// Events that were read, those before an interruption not counted.
    pub read: u64,
    /// Those stored now.
    pub stored: u64,
    /// Those that were there already.
    pub duplicates: u64,
    /// Those that are dead letters now: another event has their id, or they are no events.
    pub dead_letters: u64,
    /// How many were done before an interruption.
    pub done_before: u64,
    /// About how many there are in all.
    pub total: u64,
}

impl Transfer {
    /// Transfers all events; `told` is told again and again how far it is.
    pub async fn run(self, to: &dyn EventStore, mut told: impl FnMut(Report)) -> Result<Report, TransferError> {
        let name = self.from.name();
        let mut checkpoint = Checkpoint::read(&self.checkpoint, &name);
        let mut opened = Opened::open(&self.from, &self.zone, checkpoint.after()).await?;
        let mut report = Report { done_before: checkpoint.done(), total: opened.count().await?, ..Report::default() };
        told(report);
        loop {
            let items = opened.next(PART_EVENTS).await?;
            let Some(last) = items.last().map(|item| item.id().to_owned()) else { break };
            report.read += items.len() as u64;
            self.store(to, items, &name, &mut report).await?;
            checkpoint.set(last, report.done_before + report.read);
            let kept = checkpoint.write(&self.checkpoint);
            kept.map_err(|source| TransferError::Checkpoint { file: self.checkpoint.clone(), source })?;
            told(report);
        }
        Checkpoint::remove(&self.checkpoint);
        Ok(report)
    }

    async fn store(
        &self,
        to: &dyn EventStore,
        items: Vec<Item>,
        from: &str,
        report: &mut Report,
    ) -> Result<(), TransferError> {
        let (mut events, mut letters) = (Vec::with_capacity(items.len()), Vec::new());
        for item in items {
            match read(item) {
                Ok(event) => events.push(event),
                Err((id, detail, bytes)) => letters.push(letter(reason::NOT_AN_EVENT, detail, from, id, bytes)),
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
        report.dead_letters += letters.len() as u64;
        patiently(|| to.dead_letter(letters.clone())).await
    }
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
