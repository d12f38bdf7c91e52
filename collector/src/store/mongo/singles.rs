//! Single events, as MADSci's clients send them, one a request. To wait for the disk once for each of them would make some
//! hundred a second; so those that come while an insert is under way go together with the next.

use std::{convert::Infallible, sync::Arc, time::Instant};

use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot};

use super::{document::Documents, error::Trouble, inserter::Inserter};
use crate::store::{NewEvent, Outcome, StoreError};

/// So many may wait; further senders wait for room.
const WAITING_MAX: usize = 8192;

/// And so many bytes: the senders of what waits may have given up long ago.
const WAITING_BYTES_MAX: usize = 64 << 20;

/// The queue is measured in permits of so many bytes.
const PERMIT_BYTES: usize = 1024;

/// So many go together.
const TOGETHER_MAX: usize = 1000;

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
    inserter: Inserter,
}

pub(super) fn singles(inserter: Inserter) -> (Singles, Gatherer) {
    let (sender, waiting) = mpsc::channel(WAITING_MAX);
    let room = Arc::new(Semaphore::new(WAITING_BYTES_MAX / PERMIT_BYTES));
    (Singles { waiting: sender, room }, Gatherer { waiting, inserter })
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
    /// Stores what is handed in, until nobody can hand in any more. A second insert beside the first would halve what goes
    /// together, and both would wait for the same disk.
    pub(super) async fn run(mut self) -> Result<(), Infallible> {
        let mut gathered = Vec::new();
        while self.waiting.recv_many(&mut gathered, TOGETHER_MAX).await > 0 {
            store(&self.inserter, std::mem::take(&mut gathered)).await;
        }
        Ok(())
    }
}

async fn store(inserter: &Inserter, gathered: Vec<Single>) {
    let mut documents = Vec::with_capacity(gathered.len());
    let mut waiting = Vec::with_capacity(gathered.len());
    for Single { document, permit, reply } in gathered {
        documents.push(document);
        waiting.push((reply, permit));
    }
    let mut documents = Documents::join(documents);
    let together = inserter.insert(&mut documents, Instant::now()).await;
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
                let stored = inserter.insert(&mut alone, Instant::now()).await;
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
