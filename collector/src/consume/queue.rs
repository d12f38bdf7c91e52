//! What one partition has fetched and not yet taken to the store.
//!
//! The poll thread pushes and never waits: when there is too much, it pauses the partition. The worker takes. A push only
//! wakes the worker when it has something new to decide.

use std::{
    collections::VecDeque,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::{
    sync::{Notify, watch},
    time::Instant,
};

use crate::kafka::record::Record;

/// How much goes to the store together.
#[derive(Debug, Clone, Copy)]
pub(super) struct BatchLimits {
    pub(super) events: usize,
    pub(super) bytes: usize,
    pub(super) age: Duration,
}

#[derive(Debug)]
pub(super) struct Queue {
    waiting: Mutex<Waiting>,
    limits: BatchLimits,
    changed: Notify,
    closed: watch::Sender<bool>,
}

#[derive(Debug, Default)]
struct Waiting {
    records: VecDeque<Arrived>,
    bytes: usize,
    events: usize,
}

#[derive(Debug)]
struct Arrived {
    record: Record,
    events: usize,
    at: Instant,
}

impl Queue {
    pub(super) fn new(limits: BatchLimits) -> Self {
        let (waiting, changed, closed) = (Mutex::default(), Notify::new(), watch::Sender::new(false));
        Self { waiting, limits, changed, closed }
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds a record; gives back how many bytes wait now.
    pub(super) fn push(&self, record: Record) -> usize {
        let (events, at) = (record.events(), Instant::now());
        let mut waiting = self.lock();
        let was_enough = self.is_enough(&waiting);
        let was_empty = waiting.records.is_empty();
        waiting.bytes += record.bytes();
        waiting.events += events;
        waiting.records.push_back(Arrived { record, events, at });
        let (bytes, is_enough) = (waiting.bytes, self.is_enough(&waiting));
        drop(waiting);
        if was_empty || is_enough && !was_enough {
            self.changed.notify_one();
        }
        bytes
    }

    /// How many bytes wait.
    pub(super) fn bytes(&self) -> usize {
        self.lock().bytes
    }

    /// Nothing more is taken from now on; what waits is forgotten, to be read again by whoever is next.
    pub(super) fn close(&self) {
        *self.lock() = Waiting::default();
        self.closed.send_replace(true);
    }

    /// Waits until the queue is closed.
    pub(super) async fn closed(&self) {
        // The sender lives as long as the queue, so this ends only when it is closed.
        let _ = self.closed.subscribe().wait_for(|closed| *closed).await;
    }

    pub(super) fn is_closed(&self) -> bool {
        *self.closed.borrow()
    }

    /// Waits until there is something.
    pub(super) async fn filled(&self) {
        while self.lock().records.is_empty() {
            self.changed.notified().await;
        }
    }

    /// Waits until there is enough for a batch, or the first record has waited long enough.
    pub(super) async fn ripe(&self) {
        let Some(deadline) = self.lock().records.front().map(|first| first.at + self.limits.age) else { return };
        let enough = async {
            while !self.is_enough(&self.lock()) {
                self.changed.notified().await;
            }
        };
        // Too old is as good as enough.
        let _ = tokio::time::timeout_at(deadline, enough).await;
    }

    /// Takes a batch: at least one record if there is any.
    pub(super) fn take(&self) -> Vec<Record> {
        let mut waiting = self.lock();
        let (mut taken, mut events, mut bytes) = (Vec::new(), 0, 0);
        while let Some(first) = waiting.records.front() {
            let (more_events, more_bytes) = (first.events, first.record.bytes());
            let is_too_much = events + more_events > self.limits.events || bytes + more_bytes > self.limits.bytes;
            if !taken.is_empty() && is_too_much {
                break;
            }
            (events, bytes) = (events + more_events, bytes + more_bytes);
            taken.extend(waiting.records.pop_front().map(|arrived| arrived.record));
        }
        waiting.bytes -= bytes;
        waiting.events -= events;
        taken
    }

    fn is_enough(&self, waiting: &Waiting) -> bool {
        waiting.bytes >= self.limits.bytes || waiting.events >= self.limits.events
    }
}

#[cfg(test)]
mod tests {
    use std::{sync::Arc, time::Duration};

    use bytes::Bytes;

    use super::{BatchLimits, Queue};
    use crate::{kafka::record::Record, store::KafkaPlace};

    fn record(offset: i64, value: &str) -> Record {
        Record {
            place: KafkaPlace { topic: Arc::from("t"), partition: 0, offset },
            time: None,
            key: Bytes::new(),
            value: Bytes::copy_from_slice(value.as_bytes()),
            headers: Vec::new(),
        }
    }

    fn offsets(records: &[Record]) -> Vec<i64> {
        records.iter().map(|record| record.place.offset).collect()
    }

    #[tokio::test]
    async fn a_batch_ends_where_a_limit_is_reached_and_is_never_empty() {
        let limits = BatchLimits { events: 3, bytes: 10_000, age: Duration::ZERO };
        let queue = Queue::new(limits);
        let batch_of_five = "{\"labtrail\":1}\n{}\n{}\n{}\n{}\n";
        for (offset, value) in
            [(0, "{}"), (1, "{}"), (2, batch_of_five), (3, "{}"), (4, &"x".repeat(20_000)), (5, "{}")]
        {
            queue.push(record(offset, value));
        }
        queue.ripe().await;
        let mut batches = Vec::new();
        loop {
            let batch = queue.take();
            if batch.is_empty() {
                break;
            }
            batches.push(offsets(&batch));
        }
        assert_eq!(batches, [vec![0, 1], vec![2], vec![3], vec![4], vec![5]]);
        assert_eq!(queue.bytes(), 0);
    }

    #[tokio::test(start_paused = true)]
    async fn a_batch_is_ripe_when_it_holds_enough_events_or_its_first_record_is_old() {
        let queue = Queue::new(BatchLimits { events: 6, bytes: 10_000, age: Duration::from_secs(10) });
        let batch_of_five = "{\"labtrail\":1}\n{}\n{}\n{}\n{}\n";
        let begin = tokio::time::Instant::now();
        queue.push(record(0, batch_of_five));
        queue.push(record(1, batch_of_five));
        queue.ripe().await;
        assert_eq!(begin.elapsed(), Duration::ZERO, "ten events are enough for six");
        tokio::time::advance(Duration::from_secs(4)).await;
        assert_eq!(offsets(&queue.take()), [0]);
        queue.ripe().await;
        assert_eq!(begin.elapsed(), Duration::from_secs(10), "the other one came at the beginning");
        assert_eq!(offsets(&queue.take()), [1]);
    }

    #[tokio::test]
    async fn a_closed_queue_forgets_what_waits() {
        let queue = Queue::new(BatchLimits { events: 3, bytes: 100, age: Duration::from_secs(1) });
        queue.push(record(0, "{}"));
        queue.filled().await;
        queue.close();
        queue.closed().await;
        assert!(queue.is_closed() && queue.take().is_empty());
    }
}
