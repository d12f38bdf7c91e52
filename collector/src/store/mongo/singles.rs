//! Single events, as MADSci's clients send them, one a request. To wait for the disk once for each of them would make some
//! hundred a second; so those that come while an insert is under way go together with the next.

use std::{convert::Infallible, sync::Arc};

use futures_util::{StreamExt as _, stream::FuturesUnordered};
use tokio::sync::{mpsc, oneshot};

use super::{
    arrivals::Announcements,
    connection::Connection,
    document::{Clock, Documents},
    error::Trouble,
    insert,
    metrics::StoreMetrics,
};
use crate::store::{NewEvent, Outcome, StoreError};

/// So many may wait; further senders wait for room.
const WAITING_MAX: usize = 8192;

/// So many go together.
const TOGETHER_MAX: usize = 1000;

/// So many inserts are under way at a time. A second one beside the first would halve what goes together, and both would
/// wait for the same disk.
const INSERTS_MAX: usize = 1;

/// An event, and who waits for it.
struct Single {
    new: NewEvent,
    reply: oneshot::Sender<Result<Outcome, StoreError>>,
}

/// Where single events are handed in.
#[derive(Debug)]
pub(super) struct Singles {
    waiting: mpsc::Sender<Single>,
}

/// What stores them.
pub(super) struct Gatherer {
    waiting: mpsc::Receiver<Single>,
    connection: Arc<Connection>,
    clock: Clock,
    announcements: Announcements,
    metrics: Arc<StoreMetrics>,
}

pub(super) fn singles(
    connection: Arc<Connection>,
    clock: Clock,
    announcements: Announcements,
    metrics: Arc<StoreMetrics>,
) -> (Singles, Gatherer) {
    let (sender, waiting) = mpsc::channel(WAITING_MAX);
    (Singles { waiting: sender }, Gatherer { waiting, connection, clock, announcements, metrics })
}

impl Singles {
    /// Stores an event together with others.
    pub(super) async fn insert(&self, new: NewEvent) -> Result<Outcome, StoreError> {
        let closing = || Trouble::Closing.passing("store an event");
        let (reply, answer) = oneshot::channel();
        self.waiting.send(Single { new, reply }).await.map_err(|_| closing())?;
        answer.await.map_err(|_| closing())?
    }
}

impl Gatherer {
    /// Stores what is handed in, until nobody can hand in any more.
    pub(super) async fn run(mut self) -> Result<(), Infallible> {
        let mut under_way = FuturesUnordered::new();
        let mut is_open = true;
        while is_open || !under_way.is_empty() {
            tokio::select! {
                Some(()) = under_way.next(), if !under_way.is_empty() => {}
                gathered = gather(&mut self.waiting), if is_open && under_way.len() < INSERTS_MAX => {
                    is_open = !gathered.is_empty();
                    if is_open {
                        under_way.push(store(&self.connection, &self.clock, &self.announcements, &self.metrics, gathered));
                    }
                }
            }
        }
        Ok(())
    }
}

/// All that wait; none when nobody will hand in any more.
async fn gather(waiting: &mut mpsc::Receiver<Single>) -> Vec<Single> {
    let mut gathered = Vec::new();
    waiting.recv_many(&mut gathered, TOGETHER_MAX).await;
    gathered
}

async fn store(
    connection: &Connection,
    clock: &Clock,
    announcements: &Announcements,
    metrics: &StoreMetrics,
    gathered: Vec<Single>,
) {
    let start = std::time::Instant::now();
    let (events, replies): (Vec<NewEvent>, Vec<_>) =
        gathered.into_iter().map(|single| (single.new, single.reply)).unzip();
    let mut documents = Documents::new(events);
    match insert::insert(connection, &documents, clock).await {
        Ok(outcomes) => {
            metrics.inserted(start.elapsed());
            let stored = outcomes.iter().enumerate().filter(|(_, outcome)| **outcome == Outcome::Stored);
            announcements.announce(stored.map(|(index, _)| documents.take_id(index)).collect());
            for (reply, outcome) in replies.into_iter().zip(outcomes) {
                // Who asked may have gone; what was stored stays stored.
                let _ = reply.send(Ok(outcome));
            }
        }
        Err(error) => {
            metrics.failed();
            for reply in replies {
                let _ = reply.send(Err(error.clone()));
            }
        }
    }
}
