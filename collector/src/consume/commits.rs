//! Commits offsets on a thread of its own: the client tells what became of a commit only to whoever waits for it, and the
//! poll thread must not wait.

use std::{
    io,
    sync::{
        Arc,
        mpsc::{SyncSender, sync_channel},
    },
    thread,
};

use rdkafka::{
    TopicPartitionList,
    consumer::{BaseConsumer, CommitMode, Consumer as _},
};

use super::context::{Context, News};

/// A regular commit, and the last one before partitions are let go.
const ORDERS_MAX: usize = 2;

#[derive(Debug)]
pub(super) struct Commits {
    orders: SyncSender<(u64, TopicPartitionList)>,
    ordered: u64,
    answered: u64,
}

impl Commits {
    /// Starts the thread. It ends with this handle.
    pub(super) fn start(consumer: Arc<BaseConsumer<Context>>) -> io::Result<Self> {
        let (orders, ordered) = sync_channel::<(u64, TopicPartitionList)>(ORDERS_MAX);
        thread::Builder::new().name("kafka commits".to_owned()).spawn(move || {
            for (number, offsets) in ordered {
                let result = consumer.commit(&offsets, CommitMode::Sync);
                consumer.context().tell(News::Committed(number, result));
            }
        })?;
        Ok(Self { orders, ordered: 0, answered: 0 })
    }

    /// Whether an answer is awaited.
    pub(super) fn is_busy(&self) -> bool {
        self.answered < self.ordered
    }

    /// Orders a commit; its answer comes as news. Says whether there was room for it.
    pub(super) fn order(&mut self, offsets: TopicPartitionList) -> bool {
        let has_room = self.orders.try_send((self.ordered + 1, offsets)).is_ok();
        self.ordered += u64::from(has_room);
        has_room
    }

    /// Notes an answer.
    pub(super) fn answered(&mut self, number: u64) {
        self.answered = self.answered.max(number);
    }
}
