//! The contract between a source and the transport: batches go out, receipts come back.
//!
//! A batch says up to which mark of its stream it reaches. The [`Ledger`] remembers the batches of each stream in
//! their order and moves a stream's mark only over those that were acknowledged without a gap. So a checkpoint never
//! steps over what is not durable at the collector or the brokers.
//!
//! Each source works at a desk of its own: it hears of its own streams only, and waits for nobody else.

use std::{
    collections::{HashMap, VecDeque},
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, RwLock},
    time::Duration,
};

use tokio::sync::OwnedSemaphorePermit;

use crate::{
    frame::FrameState,
    parse::LastTime,
    source::{Chain, Guard},
};

/// Batches of one stream that may be under way. Those that are delivered hold no room any more, but their marks wait for the
/// first that is not: about 6 MB of them.
const BATCHES_MAX: usize = 1 << 16;

/// Names a followed file for as long as the checkpoint remembers it.
pub(crate) type StreamId = u64;

/// How far a stream was read: what the checkpoint keeps.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize)]
pub(crate) struct Mark {
    /// How often the file had been truncated or rewritten.
    pub epoch: u32,
    /// Bytes read, all in complete records.
    pub offset: u64,
    /// The content just before that place.
    pub guard: Guard,
    /// All content before that place, where all of it was read.
    #[serde(default)]
    pub chain: Option<Chain>,
    /// Where in the structure of the file that place is: in its header, or behind its first record.
    #[serde(default)]
    pub frame: FrameState,
    /// The last time that a record before it stated.
    #[serde(default)]
    pub last: Option<LastTime>,
}

/// A batch on its way.
#[derive(Debug)]
pub(crate) struct Batch {
    /// Envelope and event lines.
    pub body: Vec<u8>,
    /// How many events.
    pub count: u32,
    /// The file they are from.
    pub file: String,
    /// What to acknowledge.
    pub receipt: Receipt,
    /// Its share of the memory that may be under way; given back when it is dropped.
    pub room: OwnedSemaphorePermit,
}

/// What to acknowledge when a batch is durable where it goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Receipt {
    desk: usize,
    stream: StreamId,
    number: u64,
}

/// Which batches are under way and how far each stream is acknowledged. A clone stands for the same desk.
#[derive(Debug, Clone)]
pub(crate) struct Ledger {
    desks: Arc<RwLock<Vec<Arc<Desk>>>>,
    desk: Arc<Desk>,
    number: usize,
}

#[derive(Debug, Default)]
struct Desk {
    streams: Mutex<Streams>,
    changed: Condvar,
}

impl Default for Ledger {
    fn default() -> Self {
        let desk = Arc::<Desk>::default();
        Self { desks: Arc::new(RwLock::new(vec![Arc::clone(&desk)])), desk, number: 0 }
    }
}

#[derive(Debug, Default)]
struct Streams {
    under_way: HashMap<StreamId, VecDeque<Entry>>,
    advanced: HashMap<StreamId, Mark>,
    /// Batches acknowledged since `advanced` was taken.
    acknowledged: usize,
    next_number: u64,
    wake_requested: bool,
}

#[derive(Debug)]
struct Entry {
    number: u64,
    mark: Mark,
    is_delivered: bool,
}

impl Ledger {
    /// Another desk of the same ledger, for another source.
    pub(crate) fn new_desk(&self) -> Self {
        let mut desks = self.desks.write().unwrap_or_else(PoisonError::into_inner);
        let (desk, number) = (Arc::<Desk>::default(), desks.len());
        desks.push(Arc::clone(&desk));
        Self { desks: Arc::clone(&self.desks), desk, number }
    }

    /// The number of this desk.
    pub(crate) fn number(&self) -> usize {
        self.number
    }

    /// Enters a batch that reaches up to `mark`. Batches of a stream are entered in the order of the file.
    pub(crate) fn enter(&self, stream: StreamId, mark: Mark) -> Receipt {
        let mut streams = self.lock();
        let number = streams.next_number;
        streams.next_number += 1;
        streams.under_way.entry(stream).or_default().push_back(Entry { number, mark, is_delivered: false });
        Receipt { desk: self.number, stream, number }
    }

    /// Acknowledges batches of any desk, in any order, and wakes the sources.
    pub(crate) fn acknowledge(&self, receipts: impl IntoIterator<Item = Receipt>) {
        let desks = self.desks.read().unwrap_or_else(PoisonError::into_inner);
        for receipt in receipts {
            if let Some(desk) = desks.get(receipt.desk) {
                desk.lock().acknowledge(receipt);
                desk.changed.notify_all();
            }
        }
    }

    /// The marks that moved since the last call.
    pub(crate) fn take_advanced(&self) -> HashMap<StreamId, Mark> {
        let mut streams = self.lock();
        streams.acknowledged = 0;
        std::mem::take(&mut streams.advanced)
    }

    /// How many batches were acknowledged since the marks were last taken.
    pub(crate) fn acknowledged(&self) -> usize {
        self.lock().acknowledged
    }

    /// Whether nothing is under way.
    pub(crate) fn is_settled(&self) -> bool {
        self.lock().under_way.is_empty()
    }

    /// Whether batches of this stream are under way.
    pub(crate) fn is_under_way(&self, stream: StreamId) -> bool {
        self.lock().under_way.contains_key(&stream)
    }

    /// Whether so many batches of this stream are under way, most of them perhaps delivered behind one that cannot be, that
    /// nothing more should be read of it.
    pub(crate) fn is_long(&self, stream: StreamId) -> bool {
        self.lock().under_way.get(&stream).is_some_and(|entries| entries.len() >= BATCHES_MAX)
    }

    /// Wakes the source: a file changed, or the stop signal was given.
    pub(crate) fn wake(&self) {
        self.lock().wake_requested = true;
        self.desk.changed.notify_all();
    }

    /// Wakes the sources of all desks.
    pub(crate) fn wake_all(&self) {
        for desk in self.desks.read().unwrap_or_else(PoisonError::into_inner).iter() {
            desk.lock().wake_requested = true;
            desk.changed.notify_all();
        }
    }

    /// Waits until the source is woken, at most this long.
    pub(crate) fn wait(&self, time_max: Duration) {
        let streams = self.lock();
        let waited = self.desk.changed.wait_timeout_while(streams, time_max, |streams| !streams.wake_requested);
        waited.unwrap_or_else(PoisonError::into_inner).0.wake_requested = false;
    }

    fn lock(&self) -> MutexGuard<'_, Streams> {
        self.desk.lock()
    }
}

impl Desk {
    fn lock(&self) -> MutexGuard<'_, Streams> {
        self.streams.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Streams {
    fn acknowledge(&mut self, Receipt { stream, number, .. }: Receipt) {
        let Some(entries) = self.under_way.get_mut(&stream) else { return };
        self.acknowledged += 1;
        self.wake_requested = true;
        // They stand in the order of their numbers.
        if let Ok(place) = entries.binary_search_by_key(&number, |entry| entry.number) {
            entries[place].is_delivered = true;
        }
        while let Some(first) = entries.pop_front_if(|first| first.is_delivered) {
            self.advanced.insert(stream, first.mark);
        }
        if entries.is_empty() {
            self.under_way.remove(&stream);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{BATCHES_MAX, Ledger, Mark};

    fn mark(offset: u64) -> Mark {
        Mark { offset, ..Mark::default() }
    }

    #[test]
    fn a_stream_is_long_while_too_much_waits_for_its_first_batch() {
        let ledger = Ledger::default();
        let receipts: Vec<_> = (0..BATCHES_MAX as u64).map(|index| ledger.enter(7, mark(index + 1))).collect();
        ledger.acknowledge(receipts[1..].iter().copied());
        assert!(ledger.is_long(7) && !ledger.is_long(8));
        assert_eq!((ledger.acknowledged(), ledger.take_advanced().len()), (BATCHES_MAX - 1, 0));
        ledger.acknowledge([receipts[0]]);
        assert!(!ledger.is_long(7) && ledger.is_settled());
        assert_eq!(ledger.take_advanced()[&7].offset, BATCHES_MAX as u64);
        assert_eq!(ledger.acknowledged(), 0);
    }

    #[test]
    fn each_source_hears_of_its_own_streams() {
        let files = Ledger::default();
        let spool = files.new_desk();
        let receipts = [files.enter(7, mark(1)), spool.enter(7, mark(2))];
        files.acknowledge([receipts[1]]);
        assert!(spool.is_settled() && !files.is_settled());
        assert_eq!((spool.take_advanced()[&7].offset, files.take_advanced().len()), (2, 0));
        spool.acknowledge([receipts[0]]);
        assert_eq!(files.take_advanced()[&7].offset, 1);
    }

    proptest! {
        #[test]
        fn a_mark_never_steps_over_what_is_under_way(order in Just((0..12_u64).collect::<Vec<_>>()).prop_shuffle()) {
            let ledger = Ledger::default();
            let receipts: Vec<_> = (0..12).map(|index| ledger.enter(7, mark(index + 1))).collect();
            let mut acknowledged = vec![false; receipts.len()];
            let mut at = 0;
            for index in order {
                ledger.acknowledge([receipts[index as usize]]);
                acknowledged[index as usize] = true;
                let contiguous = acknowledged.iter().take_while(|done| **done).count() as u64;
                at = ledger.take_advanced().get(&7).map_or(at, |mark| mark.offset);
                prop_assert_eq!(at, contiguous);
                prop_assert_eq!(ledger.is_settled(), contiguous == 12);
            }
        }
    }
}
