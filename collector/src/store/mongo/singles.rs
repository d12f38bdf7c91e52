//! Single events, as MADSci's clients send them, one a request. To wait for the disk once for each of them would make some
//! hundred a second; so those that come while an insert is under way go together with the next.

use std::{convert::Infallible, sync::Arc, time::Instant};

use futures_util::{StreamExt as _, stream::FuturesUnordered};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot};

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

/// And so many bytes: the senders of what waits may have given up long ago.
const WAITING_BYTES_MAX: usize = 64 << 20;

/// The queue is measured in permits of so many bytes.
const PERMIT_BYTES: usize = 1024;

/// So many go together.
const TOGETHER_MAX: usize = 1000;

/// So many inserts are under way at a time. A second one beside the first would halve what goes together, and both would
/// wait for the same disk.
const INSERTS_MAX: usize = 1;

/// An event as a document, and who waits for it.
struct Single {
    document: Documents,
    /// Its share of the queue.
    permit: OwnedSemaphorePermit,
    reply: oneshot::Sender<Result<Outcome, StoreError>>,
}

/// Where single events are handed in.
#[derive(Debug)]
pub(super) struct Singles {
    waiting: mpsc::Sender<Single>,
    room: Arc<Semaphore>,
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
    let room = Arc::new(Semaphore::new(WAITING_BYTES_MAX / PERMIT_BYTES));
    (Singles { waiting: sender, room }, Gatherer { waiting, connection, clock, announcements, metrics })
}

impl Singles {
    /// Stores an event together with others.
    pub(super) async fn insert(&self, new: NewEvent) -> Result<Outcome, StoreError> {
        let closing = || Trouble::Closing.passing("store an event");
        let document = Documents::new(vec![new]);
        let permits = (document.byte_count() / PERMIT_BYTES + 1).min(WAITING_BYTES_MAX / PERMIT_BYTES) as u32;
        let permit = Arc::clone(&self.room).acquire_many_owned(permits).await.map_err(|_| closing())?;
        let (reply, answer) = oneshot::channel();
        self.waiting.send(Single { document, permit, reply }).await.map_err(|_| closing())?;
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
    let mut documents = Vec::with_capacity(gathered.len());
    let mut waiting = Vec::with_capacity(gathered.len());
    for Single { document, permit, reply } in gathered {
        documents.push(document);
        waiting.push((reply, permit));
    }
    let mut documents = Documents::join(documents);
    let together = store_together(connection, clock, announcements, metrics, &mut documents).await;
    match together {
        Ok(outcomes) => {
            for ((reply, _), outcome) in waiting.into_iter().zip(outcomes) {
                // Who asked may have gone; what was stored stays stored.
                let _ = reply.send(Ok(outcome));
            }
        }
        // One of them is odd; the others have nothing to do with it.
        Err(StoreError::Failed { .. }) if waiting.len() > 1 => {
            for (index, (reply, permit)) in waiting.into_iter().enumerate() {
                let mut alone = documents.one(index);
                let stored = store_together(connection, clock, announcements, metrics, &mut alone).await;
                let _ = reply.send(stored.map(|mut outcomes| outcomes.remove(0)));
                drop(permit);
            }
        }
        Err(error) => {
            for (reply, _) in waiting {
                let _ = reply.send(Err(error.clone()));
            }
        }
    }
}

async fn store_together(
    connection: &Connection,
    clock: &Clock,
    announcements: &Announcements,
    metrics: &StoreMetrics,
    documents: &mut Documents,
) -> Result<Vec<Outcome>, StoreError> {
    let start = Instant::now();
    let outcomes = insert::insert(connection, documents, clock).await.inspect_err(|_| metrics.failed())?;
    metrics.inserted(start.elapsed());
    let stored = outcomes.iter().enumerate().filter(|(_, outcome)| **outcome == Outcome::Stored);
    announcements.announce(stored.map(|(index, _)| documents.take_id(index)).collect());
    Ok(outcomes)
}
