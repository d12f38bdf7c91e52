//! The way of a batch from a socket through the spool to the transport, and of its acknowledgement back.

use std::{
    collections::VecDeque,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use jiff::Timestamp;
use labtrail_shared::{shutdown::Stop, telemetry::with_causes};
use tokio::sync::Notify;
use tracing::{error, info, warn};

use crate::{
    delivery::{Ledger, Mark, StreamId},
    intake::{ClosedBatch, Intake},
    spool::{Appended, Entry, Overflow, Position, Spool, SpoolError},
    status::{Counters, Health, Reason},
};

/// Who reports what hinders it.
const ROOM: &str = "spool";
/// The spool is one stream at its desk.
const STREAM: StreamId = 0;
/// What was appended is synced, and what was acknowledged is saved, at least so often.
const SAVE_INTERVAL: Duration = Duration::from_secs(1);
/// A full spool under the policy to wait is tried again after so long.
const FULL_PAUSE: Duration = Duration::from_millis(20);

/// Stores batches. A clone stores into the same spool.
#[derive(Debug, Clone)]
pub(crate) struct Spooler(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    spool: Mutex<Spool>,
    policy: Overflow,
    ledger: Ledger,
    counters: Counters,
    health: Health,
    stop: Stop,
    /// An entry was refused, and nothing was acknowledged since.
    is_full: AtomicBool,
    /// Something was dropped, or had to wait, since the health was last looked at.
    is_hindered: AtomicBool,
    /// Somebody may have room now.
    room: Notify,
}

/// How it went with a batch that is to survive anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stored {
    /// It is on disk.
    Durably,
    /// It is stored, but the disk does not say that it is durable.
    NotDurably,
    /// It was dropped, and counted.
    Dropped,
    /// It is larger than the spool may be.
    TooLarge,
}

impl Spooler {
    /// A way through this spool. `ledger` is the desk at which acknowledgements are heard.
    pub(crate) fn new(
        spool: Spool,
        policy: Overflow,
        ledger: Ledger,
        (counters, health): (Counters, Health),
        stop: Stop,
    ) -> Self {
        let (spool, room) = (Mutex::new(spool), Notify::new());
        let (is_full, is_hindered) = (AtomicBool::new(false), AtomicBool::new(false));
        Self(Arc::new(Shared { spool, policy, ledger, counters, health, stop, is_full, is_hindered, room }))
    }

    /// Stores a batch, or does what the policy says when there is no room. It may block, under the policy to wait.
    pub(crate) fn store(&self, input: &str, batch: &ClosedBatch) -> bool {
        let (payload, count) = (payload(input, &batch.body), batch.count);
        let mut is_said = false;
        loop {
            match self.append(&payload, count) {
                Ok(is_stored) => return is_stored,
                Err(reason) if self.0.policy == Overflow::Block && !self.0.stop.is_given() => {
                    if !std::mem::replace(&mut is_said, true) {
                        warn!(input, %reason, "the spool takes no more: waiting for room");
                    }
                    self.hindered(format!("the spool takes no more, and senders wait: {reason}"));
                    std::thread::sleep(FULL_PAUSE);
                }
                Err(reason) => {
                    self.count_dropped("disk", u64::from(count), &reason);
                    return false;
                }
            }
        }
    }

    /// Stores a batch and waits until it is on disk.
    pub(crate) fn store_durably(&self, input: &str, batch: &ClosedBatch) -> Stored {
        if self.lock().is_too_large(input.len() + 1 + batch.body.len()) {
            return Stored::TooLarge;
        }
        if !self.store(input, batch) {
            return Stored::Dropped;
        }
        match self.lock().sync() {
            Ok(()) => Stored::Durably,
            Err(error) => {
                self.0.health.report(ROOM, with_causes(&error));
                Stored::NotDurably
            }
        }
    }

    /// Stores a batch or drops it, without waiting; gives it back if it is to be offered again.
    pub(crate) fn try_store(&self, input: &str, batch: ClosedBatch) -> Option<ClosedBatch> {
        match self.append(&payload(input, &batch.body), batch.count) {
            Ok(_) => None,
            Err(reason) if self.0.policy == Overflow::Block && !self.0.stop.is_given() => {
                if !self.0.is_full.swap(true, Ordering::Relaxed) {
                    warn!(input, %reason, "the spool takes no more: waiting for room");
                }
                self.hindered(format!("the spool takes no more, and senders wait: {reason}"));
                Some(batch)
            }
            Err(reason) => {
                self.count_dropped("disk", u64::from(batch.count), &reason);
                None
            }
        }
    }

    /// Waits until there may be room after a batch was given back.
    pub(crate) async fn room(&self) {
        let _ = tokio::time::timeout(FULL_PAUSE, self.0.room.notified()).await;
    }

    /// Whether it is stored; an error means that the disk takes nothing, or that the spool is full and is to be waited for.
    fn append(&self, payload: &[u8], count: u32) -> Result<bool, String> {
        let now_ms = Timestamp::now().as_millisecond().unsigned_abs();
        let appended = self.lock().append(payload, count, self.0.policy, now_ms);
        match appended {
            Ok(Appended::Stored(_)) => {
                self.0.ledger.wake();
                Ok(true)
            }
            Ok(Appended::StoredAfterDropping { dropped, .. }) => {
                self.count_dropped("spool_full", dropped.records, "the spool is full, the oldest made way");
                self.0.ledger.wake();
                Ok(true)
            }
            Ok(Appended::Refused) if self.0.policy == Overflow::Block => Err("the spool is full".to_owned()),
            Ok(Appended::Refused) => {
                self.count_dropped("spool_full", u64::from(count), "the spool is full");
                Ok(false)
            }
            Err(error @ SpoolError::TooLarge { .. }) => {
                self.count_dropped("too_large", u64::from(count), &with_causes(&error));
                Ok(false)
            }
            Err(error) => Err(with_causes(&error)),
        }
    }

    fn count_dropped(&self, reason: &'static str, records: u64, why: &str) {
        self.0.counters.records_lost.get_or_create(&Reason { reason }).inc_by(records);
        if !self.0.health.has(ROOM) {
            error!(reason, why, "records from sockets are dropped");
        }
        self.hindered(format!("records from sockets are dropped: {why}"));
    }

    /// Reports it until [`Feeder::save`] finds that it did not happen again.
    fn hindered(&self, why: String) {
        self.0.is_hindered.store(true, Ordering::Relaxed);
        self.0.health.report(ROOM, why);
    }

    /// Feeds the transport from the spool until the stop signal, then until what is under way is acknowledged or the time
    /// is over. What is not delivered by then stays in the spool.
    pub(crate) fn feed(self, intake: &Intake, drain_max: Duration) -> Result<(), SpoolError> {
        let mut feeder = Feeder { spooler: self, under_way: VecDeque::new(), next_offset: 0, held: None };
        let stop = feeder.spooler.0.stop.clone();
        let mut saved_at = Instant::now();
        let mut deadline = None;
        loop {
            if stop.is_given() {
                deadline.get_or_insert_with(|| Instant::now() + drain_max);
            } else {
                feeder.feed(intake);
            }
            feeder.acknowledge();
            if saved_at.elapsed() >= SAVE_INTERVAL || deadline.is_some() {
                feeder.save();
                saved_at = Instant::now();
            }
            if deadline.is_some_and(|at| Instant::now() >= at || feeder.under_way.is_empty()) {
                return Ok(());
            }
            // Acknowledgements and new batches wake it.
            feeder.spooler.0.ledger.wait(SAVE_INTERVAL);
        }
    }

    /// What is still to be delivered: records and bytes.
    pub(crate) fn pending(&self) -> (u64, u64) {
        let spool = self.lock();
        (spool.pending_records(), spool.pending_bytes())
    }

    fn lock(&self) -> MutexGuard<'_, Spool> {
        self.0.spool.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Takes entries out of the spool.
struct Feeder {
    spooler: Spooler,
    /// Entries that were queued and are not acknowledged, with the offset of their marks.
    under_way: VecDeque<(u64, Position)>,
    next_offset: u64,
    /// An entry that was read and for which there was no room yet.
    held: Option<Entry>,
}

impl Feeder {
    fn feed(&mut self, intake: &Intake) {
        let ledger = self.spooler.0.ledger.clone();
        while !ledger.is_long(STREAM) {
            let next = match self.held.take() {
                Some(entry) => Ok(Some(entry)),
                None => self.spooler.lock().next(),
            };
            let entry = match next {
                Ok(Some(entry)) => entry,
                Ok(None) => return,
                Err(error) => {
                    error!(error = %with_causes(&error), "cannot read from the spool");
                    self.spooler.0.health.report(ROOM, with_causes(&error));
                    return;
                }
            };
            let (input, body) = parts(&entry.payload);
            let (input, position) = (input.to_owned(), entry.position);
            let closed = ClosedBatch { body: body.to_vec(), count: entry.records };
            let mark = Mark { offset: self.next_offset + 1, ..Mark::default() };
            if intake.queue_spooled(closed, &input, &ledger, (STREAM, mark)).is_err() {
                self.held = Some(entry);
                return;
            }
            self.next_offset += 1;
            self.under_way.push_back((self.next_offset, position));
        }
    }

    fn acknowledge(&mut self) {
        let Some(mark) = self.spooler.0.ledger.take_advanced().remove(&STREAM) else { return };
        let mut delivered = None;
        while let Some((_, position)) = self.under_way.pop_front_if(|(offset, _)| *offset <= mark.offset) {
            delivered = Some(position);
        }
        if let Some(position) = delivered {
            self.spooler.lock().acknowledge(position);
            self.spooler.0.is_full.store(false, Ordering::Relaxed);
            self.spooler.0.room.notify_waiters();
        }
    }

    fn save(&mut self) {
        let mut spool = self.spooler.lock();
        let saved = spool.sync().and_then(|()| spool.save());
        let losses = spool.take_losses();
        drop(spool);
        let was_hindered = self.spooler.0.is_hindered.swap(false, Ordering::Relaxed);
        for loss in losses {
            report_loss(&self.spooler.0.counters, &loss);
        }
        match saved {
            Ok(()) if !was_hindered => {
                if let Some(lasted) = self.spooler.0.health.clear(ROOM) {
                    info!(seconds = lasted.as_secs(), "the spool is well again");
                }
            }
            Ok(()) => {}
            Err(error) => self.spooler.0.health.report(ROOM, with_causes(&error)),
        }
    }
}

/// Tells of a damaged stretch of the spool.
pub(crate) fn report_loss(counters: &Counters, loss: &crate::spool::Loss) {
    let records = loss.lost.map_or(0, |lost| lost.records);
    counters.records_lost.get_or_create(&Reason { reason: "spool_damaged" }).inc_by(records);
    error!(segment = loss.segment, at = loss.at, bytes = loss.bytes, reason = ?loss.reason, records, "a part of the spool is damaged");
}

/// The name of the input stands before the batch: the transport keeps what is of one input together.
fn payload(input: &str, body: &[u8]) -> Vec<u8> {
    [input.as_bytes(), b"\n", body].concat()
}

fn parts(payload: &[u8]) -> (&str, &[u8]) {
    let end = memchr::memchr(b'\n', payload).unwrap_or(0);
    let body = payload.get(end + 1..).unwrap_or_default();
    (std::str::from_utf8(&payload[..end]).unwrap_or_default(), body)
}
