//! Is every record of the topic accounted for? Each is read again, its events are derived again, and each of them must be
//! stored under its id with its hash, or be a dead letter.
//!
//! What is read is what the group has committed, because a collector commits only what it is done with: anything there
//! that is neither stored nor a dead letter was lost. Where the group has committed nothing all that is there is read.
//! No group is joined and nothing is changed, so an audit may run beside working collectors.
//!
//! Memory is bounded but for the dead letters, of which eight bytes are kept each.

mod account;
mod letters;
mod plan;
mod walk;

use std::{collections::HashSet, sync::Arc, time::Duration};

use labtrail_shared::source::Source;
use rdkafka::error::KafkaError;
use thiserror::Error;
use tokio::sync::mpsc;

use crate::{
    Config,
    ingest::RecordReader,
    kafka::inquiry::InquiryError,
    store::{EventStore, StoreError},
};
use account::{Fate, fate};
pub use account::{Missing, PartitionReport};
use letters::Letters;
use plan::{Plan, Range};
use walk::{Derived, Step};

/// The store is asked for so many events at a time.
const QUESTION_EVENTS: usize = 1000;

/// So many chunks of derived records may wait for the store.
const CHUNKS_AHEAD: usize = 4;

/// So many of those that are missing are named.
const MISSING_NAMED_MAX: usize = 20;

/// So many events are remembered to tell a repeat from the first: what a table of 72 MiB holds.
const REPEATS_REMEMBERED_MAX: usize = 7_000_000;

/// What is to be looked at.
#[derive(Debug, Clone, Default)]
pub struct Scope {
    /// Only this partition.
    pub partition: Option<i32>,
    /// From this offset on; else from the first that is there.
    pub from: Option<i64>,
    /// Up to this offset, itself not looked at; else up to what the group has committed.
    pub to: Option<i64>,
}

/// How far it is.
#[derive(Debug, Clone, Copy)]
pub struct Progress {
    /// Offsets that were looked at, of all partitions.
    pub done: u64,
    /// Offsets that are to be looked at.
    pub all: u64,
    /// Events missing so far.
    pub missing: u64,
}

/// What was found.
#[derive(Debug, Default)]
pub struct Report {
    /// For each partition.
    pub partitions: Vec<PartitionReport>,
    /// The first of those that are missing.
    pub missing: Vec<Missing>,
    /// What a reader of the numbers should know.
    pub notes: Vec<String>,
}

impl Report {
    /// The partitions as a table, with their sum below.
    pub fn table(&self) -> String {
        account::text(&self.partitions)
    }

    /// How many events are missing.
    pub fn missing_count(&self) -> u64 {
        self.partitions.iter().map(|partition| partition.missing).sum()
    }
}

/// Why nothing can be said.
#[derive(Debug, Error)]
pub enum AuditError {
    /// Brokers could not be asked.
    #[error(transparent)]
    Inquiry(#[from] InquiryError),
    /// There is nothing to look at.
    #[error("the topic {topic} is not there, or this login may not see it")]
    NoTopic {
        /// Its name.
        topic: String,
    },
    /// There is no such partition.
    #[error("the topic {topic} has no partition {partition}: it has {partitions}, counted from 0")]
    NoPartition {
        /// The topic.
        topic: String,
        /// The partition.
        partition: i32,
        /// How many there are.
        partitions: usize,
    },
    /// The range holds nothing.
    #[error("--from {from} is not before --to {to}")]
    EmptyRange {
        /// From where.
        from: i64,
        /// Up to where.
        to: i64,
    },
    /// A broker gives no more.
    #[error("read {topic}, partition {partition}, from offset {offset}: nothing came for {} seconds", waited.as_secs())]
    Stalled {
        /// The topic.
        topic: String,
        /// The partition.
        partition: i32,
        /// The offset.
        offset: i64,
        /// How long it was waited for.
        waited: Duration,
        /// What the client library said last.
        #[source]
        source: Option<Box<KafkaError>>,
    },
    /// The store does not say what it has.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Looks at all that the scope names; tells its progress now and then.
pub async fn run(
    config: &Config,
    store: Arc<dyn EventStore>,
    scope: &Scope,
    progress: impl FnMut(Progress),
) -> Result<Report, AuditError> {
    // Neither the manager's id nor when a record was received is part of what is compared.
    let reader = RecordReader::new(config.zone.0.clone(), Source::default(), config.http.batch_events_max.get());
    let (kafka, asked) = (config.kafka.clone(), scope.clone());
    // The plan is first, the letters second: what was committed by then has its letters in the topic by now.
    let (plan, letters) = blocking(move || {
        let plan = Plan::make(&kafka, &asked)?;
        let letters = Letters::read(&plan)?;
        Ok::<_, AuditError>((plan, letters))
    })
    .await?;
    let all = plan.ranges.iter().map(|range| (range.to - range.from) as u64).sum();
    let notes = plan.notes.clone();
    let mut audit = Audit {
        store,
        letters,
        has_store_letters: false,
        seen: HashSet::new(),
        progress,
        told: Progress { done: 0, all, missing: 0 },
        report: Report { notes, ..Report::default() },
    };
    let plan = Arc::new(plan);
    for range in plan.ranges.clone() {
        audit.partition(Arc::clone(&plan), reader.clone(), range).await?;
    }
    if audit.seen.len() >= REPEATS_REMEMBERED_MAX {
        let note = "too many events to remember all: behind the first 7,000,000, duplicates are counted as stored";
        audit.report.notes.push(note.to_owned());
    }
    Ok(audit.report)
}

struct Audit<P> {
    store: Arc<dyn EventStore>,
    letters: Letters,
    has_store_letters: bool,
    /// Hashes of id and content of the events that were found stored.
    seen: HashSet<u64>,
    progress: P,
    told: Progress,
    report: Report,
}

impl<P: FnMut(Progress)> Audit<P> {
    async fn partition(&mut self, plan: Arc<Plan>, reader: RecordReader, range: Range) -> Result<(), AuditError> {
        let (steps, mut walked) = mpsc::channel(CHUNKS_AHEAD);
        let partition = range.partition;
        let mut counts = PartitionReport::of(&range);
        if range.lost > 0 {
            let why = format!("{} records from here on were removed before the group had committed them", range.lost);
            counts.events += range.lost;
            self.miss(&mut counts, range.from - range.lost as i64, None, range.lost, why);
        }
        let walk =
            blocking_start(move || walk::derive(&plan, &range, &reader, |step| steps.blocking_send(step).is_ok()));
        while let Some(Step { records, offsets, not_there, removed }) = walked.recv().await {
            for record in &records {
                self.record(partition, record, &mut counts).await?;
            }
            counts.not_in_kafka += not_there;
            counts.removed += removed;
            self.told.done += offsets;
            (self.progress)(self.told);
        }
        walk.await.unwrap_or_else(|panic| std::panic::resume_unwind(panic.into_panic()))?;
        self.report.partitions.push(counts);
        Ok(())
    }

    async fn record(
        &mut self,
        partition: i32,
        record: &Derived,
        counts: &mut PartitionReport,
    ) -> Result<(), AuditError> {
        counts.records += 1;
        counts.events += record.events.len() as u64;
        for events in record.events.chunks(QUESTION_EVENTS) {
            let ids = events.iter().map(|(id, _)| id.clone()).collect();
            let stored = self.store.hashes(ids).await?;
            for ((id, hash), stored) in events.iter().zip(stored) {
                let mut found = fate(stored, *hash, self.letters.has_event(partition, record, id));
                if matches!(found, Fate::Missing(_)) && self.read_store_letters().await? {
                    found = fate(stored, *hash, self.letters.has_event(partition, record, id));
                }
                match found {
                    Fate::Stored if self.is_repeat(id, *hash) => counts.duplicates += 1,
                    Fate::Stored => counts.stored += 1,
                    Fate::Letter => counts.letters += 1,
                    Fate::Missing(why) => self.miss(counts, record.offset, Some(id.clone()), 1, why.to_owned()),
                }
            }
        }
        if let Some(unreadable) = &record.unreadable {
            let refused = unreadable.events;
            counts.events += refused;
            if self.letters.has_record(partition, record)
                || (self.read_store_letters().await? && self.letters.has_record(partition, record))
            {
                counts.letters += refused;
            } else {
                let why = format!("it cannot be read ({}), and there is no dead letter of it", unreadable.reason);
                self.miss(counts, record.offset, None, refused, why);
            }
        }
        Ok(())
    }

    /// A letter that was too large for its topic was stored at once: these are read when they are first needed. Says
    /// whether there may be more letters now.
    async fn read_store_letters(&mut self) -> Result<bool, AuditError> {
        if self.has_store_letters {
            return Ok(false);
        }
        self.has_store_letters = true;
        self.letters.add_stored(&*self.store).await?;
        Ok(true)
    }

    fn is_repeat(&mut self, id: &str, hash: u64) -> bool {
        let key = letters::key(&[id.as_bytes(), &hash.to_le_bytes()]);
        if self.seen.contains(&key) {
            return true;
        }
        if self.seen.len() < REPEATS_REMEMBERED_MAX {
            self.seen.insert(key);
        }
        false
    }

    fn miss(&mut self, counts: &mut PartitionReport, offset: i64, id: Option<String>, events: u64, why: String) {
        counts.missing += events;
        self.told.missing += events;
        if self.report.missing.len() < MISSING_NAMED_MAX {
            self.report.missing.push(Missing { partition: counts.partition, offset, id, why });
        }
    }
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    blocking_start(work).await.unwrap_or_else(|panic| std::panic::resume_unwind(panic.into_panic()))
}

/// On a thread that may wait.
fn blocking_start<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> tokio::task::JoinHandle<T> {
    tokio::task::spawn_blocking(work)
}
