//! The worker of one partition: takes batches from its queue, reads them while the batch before is being stored, and
//! stores them in order. What is done is done in the order of offsets, so one number says how far.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering},
    },
    time::Duration,
};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tracing::{info, warn};

use super::{lost::LostRecords, metrics::KafkaMetrics, queue::Queue, retry::Retry};
use crate::{
    compute::compute,
    ingest::{self, Identified, Ingest, ReadRecords, RecordReader, RecordsError, Taken},
    kafka::{dead_letter, record::Record},
    store::DeadLetter,
};
use labtrail_shared::telemetry::with_causes;

/// Less than this is read at once; more on a thread that may be busy for a while.
const READ_INLINE_BYTES: usize = 16 << 10;

/// How far a worker is.
#[derive(Debug)]
pub(super) struct Progress {
    offset: AtomicI64,
    records: AtomicU64,
}

impl Progress {
    pub(super) fn none() -> Self {
        Self { offset: AtomicI64::new(-1), records: AtomicU64::new(0) }
    }

    /// The offset after the last record that is done, if any is.
    pub(super) fn offset(&self) -> Option<i64> {
        Some(self.offset.load(Ordering::Acquire)).filter(|offset| *offset >= 0)
    }

    /// How many records are done.
    pub(super) fn records(&self) -> u64 {
        self.records.load(Ordering::Acquire)
    }

    fn advance(&self, records: &[Record]) {
        if let Some(last) = records.last() {
            self.records.fetch_add(records.len() as u64, Ordering::Release);
            self.offset.store(last.place.offset + 1, Ordering::Release);
        }
    }
}

/// What a worker is given.
#[derive(Debug)]
pub(super) struct Worker {
    /// Whether the records are dead letters; else they hold events.
    pub(super) holds_letters: bool,
    pub(super) queue: Arc<Queue>,
    pub(super) progress: Arc<Progress>,
    pub(super) lost: LostRecords,
    pub(super) ingest: Arc<Ingest>,
    /// How many batches may be in memory as events at the same time, in all partitions.
    pub(super) slots: Arc<Semaphore>,
    /// One more, for whoever tries again.
    pub(super) retry_slot: Arc<Semaphore>,
    pub(super) retry_pause_max: Duration,
    pub(super) metrics: Arc<KafkaMetrics>,
}

/// What the records of a batch hold.
#[derive(Debug)]
enum Content {
    Events(ReadRecords),
    /// Events of which some may well be stored already.
    Repeats(Identified),
    Letters(Vec<DeadLetter>),
}

#[derive(Debug)]
struct Batch {
    records: Arc<Vec<Record>>,
    content: Content,
    slot: OwnedSemaphorePermit,
}

/// How records are read.
#[derive(Debug, Clone)]
enum Reading {
    /// With whether repeats are to be expected.
    Events(RecordReader, Arc<AtomicBool>),
    Letters,
}

impl Reading {
    fn read(&self, records: &[Record]) -> Content {
        let now = ingest::now_micros();
        match self {
            Self::Events(reader, repeats) if repeats.load(Ordering::Relaxed) => {
                Content::Repeats(reader.identify(records, now))
            }
            Self::Events(reader, _) => Content::Events(reader.read(records, now)),
            Self::Letters => Content::Letters(records.iter().map(|record| dead_letter::read(record, now)).collect()),
        }
    }

    async fn read_aside(&self, records: &Arc<Vec<Record>>) -> Content {
        if records.iter().map(Record::bytes).sum::<usize>() <= READ_INLINE_BYTES {
            return self.read(records);
        }
        let (reading, records) = (self.clone(), Arc::clone(records));
        compute(move || reading.read(&records)).await
    }
}

impl Worker {
    /// Works until the queue is closed.
    pub(super) async fn run(self) {
        // Whoever had the partition before may have stored what it did not commit.
        let repeats = Arc::new(AtomicBool::new(true));
        let reading = if self.holds_letters {
            Reading::Letters
        } else {
            Reading::Events(self.ingest.record_reader(), Arc::clone(&repeats))
        };
        let mut gatherer =
            Gatherer { queue: Arc::clone(&self.queue), lost: self.lost, reading: reading.clone(), slots: self.slots };
        let mut keeper = Keeper {
            queue: self.queue,
            progress: self.progress,
            ingest: self.ingest,
            reading,
            retry_slot: self.retry_slot,
            repeats,
            retry_pause_max: self.retry_pause_max,
            metrics: self.metrics,
        };
        let mut next = gatherer.next().await;
        while let Some(batch) = next {
            let (is_stored, following) = tokio::join!(keeper.store(batch), gatherer.next());
            if !is_stored {
                return;
            }
            next = following;
        }
    }
}

/// Makes batches of what comes.
#[derive(Debug)]
struct Gatherer {
    queue: Arc<Queue>,
    lost: LostRecords,
    reading: Reading,
    slots: Arc<Semaphore>,
}

impl Gatherer {
    /// The next batch, already read; `None` when the queue is closed.
    async fn next(&mut self) -> Option<Batch> {
        let queue = Arc::clone(&self.queue);
        tokio::select! {
            biased;
            () = queue.closed() => None,
            batch = self.gather() => batch,
        }
    }

    async fn gather(&mut self) -> Option<Batch> {
        self.lost.look_at_begin().await;
        self.queue.filled().await;
        let slot = Arc::clone(&self.slots).acquire_owned().await.expect("the semaphore is never closed");
        self.queue.ripe().await;
        let records = Arc::new(self.queue.take());
        for record in records.iter() {
            self.lost.look_at(record.place.offset).await;
        }
        let content = self.reading.read_aside(&records).await;
        Some(Batch { records, content, slot })
    }
}

/// Stores batches, each until it is stored.
#[derive(Debug)]
struct Keeper {
    queue: Arc<Queue>,
    progress: Arc<Progress>,
    ingest: Arc<Ingest>,
    reading: Reading,
    retry_slot: Arc<Semaphore>,
    repeats: Arc<AtomicBool>,
    retry_pause_max: Duration,
    metrics: Arc<KafkaMetrics>,
}

impl Keeper {
    /// Stores a batch, however long that takes. Gives up only when the partition is to be let go: then it says `false`,
    /// and the batch is read again by whoever is next.
    async fn store(&mut self, batch: Batch) -> bool {
        let Batch { records, mut content, mut slot } = batch;
        let mut retry = Retry::new(self.retry_pause_max);
        loop {
            let (is_letters, count) = match &content {
                Content::Letters(letters) => (true, letters.len() as u64),
                Content::Events(_) | Content::Repeats(_) => (false, 0),
            };
            let result = match content {
                Content::Events(read) => self.after_repeats(self.ingest.take_records(read).await),
                Content::Repeats(identified) => {
                    self.after_repeats(self.ingest.take_records_again(Arc::clone(&records), identified).await)
                }
                Content::Letters(letters) => self.ingest.keep_letters(letters).await.map_err(Into::into),
            };
            let Err(error) = result else {
                if is_letters {
                    self.metrics.letters_kept.inc_by(count);
                }
                self.done(&records);
                if let Some(time) = retry.failing_for() {
                    let place = &records[0].place;
                    info!(topic = %place.topic, partition = place.partition, after = ?time, "storing again");
                }
                return true;
            };
            // Part of it may be stored: what comes now may well be there already.
            self.repeats.store(true, Ordering::Relaxed);
            self.metrics.retries.inc();
            if retry.failed() {
                let (error, place) = (with_causes(&error), &records[0].place);
                warn!(topic = %place.topic, partition = place.partition, offset = place.offset, %error,
                    "records cannot be stored now; trying until they are");
            }
            drop(slot);
            // Not one of the others: all of those may be held by the batches that are read ahead, which wait for this one.
            let again = async {
                tokio::time::sleep(retry.next_pause()).await;
                Arc::clone(&self.retry_slot).acquire_owned().await.expect("the semaphore is never closed")
            };
            slot = tokio::select! {
                biased;
                () = self.queue.closed() => return false,
                slot = again => slot,
            };
            content = self.reading.read_aside(&records).await;
        }
    }

    /// Where there was a repeat there may be more: an agent lost its checkpoint, or the group its offsets.
    fn after_repeats(&self, taken: Result<Taken, RecordsError>) -> Result<(), RecordsError> {
        self.repeats.store(taken?.duplicates > 0, Ordering::Relaxed);
        Ok(())
    }

    fn done(&self, records: &[Record]) {
        self.progress.advance(records);
        self.metrics.batches.inc();
        self.metrics.done.inc_by(records.len() as u64);
        self.metrics.done_bytes.inc_by(records.iter().map(|record| record.value.len() as u64).sum());
    }
}
