//! Numbers of arrival, dense and in one order, though any number of collectors store at once.
//!
//! Counting every event would make all collectors wait for one counter. Instead there is a journal: each of its documents
//! names some events that were stored, and its `_id` is the number of the first of them. The next document's must be that
//! number plus the count, so whoever appends writes at that number and, if it is taken, looks where the end is now. A
//! number is thus visible only after all lower ones, and single-document writes are all it takes.
//!
//! The journal serves those who watch what arrives, and is nothing that storing waits for: ids go through a bounded queue,
//! and what does not fit is counted and left out. Only the latest million numbers are kept.

use std::{
    collections::HashMap,
    convert::Infallible,
    ops::ControlFlow,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use mongodb::bson::{Document, RawDocumentBuf, doc};
use tokio::{
    sync::{mpsc, watch},
    time::{Instant, MissedTickBehavior, interval, timeout, timeout_at},
};
use tracing::{debug, warn};

use super::{
    connection::Connection,
    document::{self, Clock},
    error::{DUPLICATE_KEY, code},
    metrics::StoreMetrics,
};
use crate::store::{StoreError, StoredEvent};

const ATTEMPT: &str = "number what arrived";
const COLLECTION: &str = "arrivals";

/// Ids in one document, and how long it is waited for more of them.
const IDS_MAX: usize = 10_000;
const GATHER_TIME: Duration = Duration::from_millis(20);

/// Ids that may wait; about 5 MB.
const QUEUE_IDS_MAX: usize = 100_000;
const QUEUE_INSERTS_MAX: usize = 4096;

/// How often it is looked what other collectors stored.
const POLL_PAUSE: Duration = Duration::from_millis(250);

/// After a failure.
const RETRY_PAUSE: Duration = Duration::from_millis(500);

/// How many numbers are kept, and how often the others are removed.
const KEPT: i64 = 1_000_000;
const TRIM_PAUSE: Duration = Duration::from_mins(1);

/// What still waits when the store closes is given so much time.
const CLOSE_TIME_MAX: Duration = Duration::from_secs(5);

/// Where it is said what was stored.
#[derive(Debug, Clone)]
pub(super) struct Announcements {
    ids: mpsc::Sender<Vec<String>>,
    waiting: Arc<AtomicUsize>,
    metrics: Arc<StoreMetrics>,
}

impl Announcements {
    /// Says that these events were stored. Never waits.
    pub(super) fn announce(&self, ids: Vec<String>) {
        let count = ids.len();
        if count == 0 {
            return;
        }
        let waiting = self.waiting.fetch_add(count, Ordering::Relaxed);
        if waiting + count > QUEUE_IDS_MAX || self.ids.try_send(ids).is_err() {
            self.waiting.fetch_sub(count, Ordering::Relaxed);
            self.metrics.arrivals_dropped.inc_by(count as u64);
        }
    }
}

/// The one who appends to the journal, and sees what others appended.
pub(super) struct Journal {
    connection: Arc<Connection>,
    ids: mpsc::Receiver<Vec<String>>,
    waiting: Arc<AtomicUsize>,
    last_seq: watch::Sender<i64>,
}

/// Both ends, and the number of the last arrival that can be read.
pub(super) fn journal(
    connection: Arc<Connection>,
    metrics: Arc<StoreMetrics>,
) -> (Announcements, Journal, watch::Receiver<i64>) {
    let (sender, ids) = mpsc::channel(QUEUE_INSERTS_MAX);
    let waiting = Arc::new(AtomicUsize::new(0));
    let (last_seq, last_seq_receiver) = watch::channel(0);
    let announcements = Announcements { ids: sender, waiting: Arc::clone(&waiting), metrics };
    (announcements, Journal { connection, ids, waiting, last_seq }, last_seq_receiver)
}

impl Journal {
    /// Looks for the end of the journal.
    pub(super) async fn look(&self) -> Result<i64, StoreError> {
        let journal = self.connection.beside::<Document>(COLLECTION);
        let last = self
            .connection
            .run(ATTEMPT, || {
                let last = journal.find_one(doc! {}).sort(doc! {"_id": -1}).projection(doc! {"count": 1});
                last.into_future()
            })
            .await?;
        let last = last.map_or(0, |last| {
            last.get_i64("_id").unwrap_or_default() + i64::from(last.get_i32("count").unwrap_or(1)) - 1
        });
        self.publish(last);
        Ok(last)
    }

    fn publish(&self, last: i64) {
        self.last_seq.send_if_modified(|known| {
            let is_later = last > *known;
            *known = last.max(*known);
            is_later
        });
    }

    /// Appends what is announced until nobody can announce any more.
    pub(super) async fn run(mut self) -> Result<(), Infallible> {
        let mut polls = interval(POLL_PAUSE);
        polls.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut trims = interval(TRIM_PAUSE);
        let mut next = Vec::new();
        loop {
            tokio::select! {
                ids = self.ids.recv() => {
                    let Some(ids) = ids else { break };
                    next = ids;
                }
                _ = polls.tick() => {
                    // Whoever stores says loudly enough that the server is away.
                    if let Err(error) = self.look().await {
                        debug!(error = &error as &dyn std::error::Error, "cannot see what other collectors stored");
                    }
                }
                _ = trims.tick() => self.trim().await,
            }
            if next.is_empty() {
                continue;
            }
            let is_closed = self.gather(&mut next).await.is_break();
            let append = self.append(std::mem::take(&mut next));
            if !is_closed {
                append.await;
            } else if timeout(CLOSE_TIME_MAX, append).await.is_err() {
                warn!("the last events that arrived were stored, but not announced to those who watch");
            }
            polls.reset();
        }
        Ok(())
    }

    /// Waits a little for more, so that many small inserts make one document.
    async fn gather(&mut self, ids: &mut Vec<String>) -> ControlFlow<()> {
        let end = Instant::now() + GATHER_TIME;
        while ids.len() < IDS_MAX {
            match timeout_at(end, self.ids.recv()).await {
                Ok(Some(more)) => ids.extend(more),
                Ok(None) => return ControlFlow::Break(()),
                Err(_) => break,
            }
        }
        ControlFlow::Continue(())
    }

    async fn append(&mut self, ids: Vec<String>) {
        let mut rest = ids.as_slice();
        while !rest.is_empty() {
            let (part, later) = rest.split_at(rest.len().min(IDS_MAX));
            match self.append_part(part).await {
                Ok(()) => {
                    self.waiting.fetch_sub(part.len(), Ordering::Relaxed);
                    rest = later;
                }
                Err(error) => {
                    debug!(error = &error as &dyn std::error::Error, "cannot number what arrived; trying again");
                    tokio::time::sleep(RETRY_PAUSE).await;
                }
            }
        }
    }

    async fn append_part(&mut self, ids: &[String]) -> Result<(), StoreError> {
        let journal = self.connection.beside::<Document>(COLLECTION);
        let mut last = *self.last_seq.borrow();
        if last == 0 {
            last = self.look().await?;
        }
        loop {
            let document = doc! {"_id": last + 1, "count": ids.len() as i32, "ids": ids};
            let inserted = self
                .connection
                .raw(ATTEMPT, Duration::from_secs(10), || journal.insert_one(&document).into_future())
                .await?;
            match inserted {
                Ok(_) => {
                    self.publish(last + ids.len() as i64);
                    return Ok(());
                }
                Err(error) if code(&error) == Some(DUPLICATE_KEY) => {
                    // By another collector; or by this one, if the server wrote it and its answer was lost.
                    let query = doc! {"_id": last + 1, "ids": ids};
                    let ours = self.connection.run(ATTEMPT, || journal.find_one(query.clone()).into_future()).await?;
                    last = self.look().await?;
                    if ours.is_some() {
                        return Ok(());
                    }
                }
                Err(error) => return Err(super::error::store_error(ATTEMPT, error)),
            }
        }
    }

    async fn trim(&self) {
        let first_kept = *self.last_seq.borrow() - KEPT;
        if first_kept > 0 {
            let journal = self.connection.beside::<Document>(COLLECTION);
            let old = doc! {"_id": {"$lt": first_kept}};
            let trimmed = self.connection.run(ATTEMPT, || journal.delete_many(old.clone()).into_future()).await;
            if let Err(error) = trimmed {
                debug!(error = &error as &dyn std::error::Error, "cannot remove old numbers of arrival");
            }
        }
    }
}

/// The ids after a number, with their numbers.
async fn ids_after(connection: &Connection, seq: i64, limit: usize) -> Result<Vec<(i64, String)>, StoreError> {
    const ATTEMPT: &str = "read what arrived";
    let journal = connection.beside::<RawDocumentBuf>(COLLECTION);
    // The number may stand in the middle of a document.
    let first = connection
        .run(ATTEMPT, || {
            let before = journal.find_one(doc! {"_id": {"$lte": seq.saturating_add(1)}}).sort(doc! {"_id": -1});
            before.projection(doc! {"_id": 1}).into_future()
        })
        .await?;
    let first = first.and_then(|first| first.get_i64("_id").ok()).unwrap_or(0);
    let query = async || {
        let mut cursor = journal.find(doc! {"_id": {"$gte": first}}).sort(doc! {"_id": 1}).batch_size(20).await?;
        let mut found = Vec::new();
        while found.len() < limit && cursor.advance().await? {
            let document = cursor.current();
            let (Ok(first), Ok(ids)) = (document.get_i64("_id"), document.get_array("ids")) else { continue };
            let ids = ids.into_iter().flatten().filter_map(|id| id.as_str().map(str::to_owned));
            let numbered = (first..).zip(ids).filter(|(number, _)| *number > seq);
            found.extend(numbered.take(limit - found.len()));
        }
        Ok(found)
    };
    connection.run(ATTEMPT, query).await
}

/// The events after a number, with their numbers. Those that were deleted since are left out.
pub(super) async fn events_after(
    connection: &Connection,
    clock: &Clock,
    seq: i64,
    limit: usize,
) -> Result<Vec<(i64, StoredEvent)>, StoreError> {
    let mut found = Vec::new();
    let mut seq = seq;
    while found.len() < limit {
        let numbered = ids_after(connection, seq, limit - found.len()).await?;
        let Some((last, _)) = numbered.last() else { break };
        seq = *last;
        let ids: Vec<&str> = numbered.iter().map(|(_, id)| id.as_str()).collect();
        let events = connection.events();
        let query = async || {
            let mut cursor = events.find(doc! {"_id": {"$in": &ids}}).batch_size(1000).await?;
            let mut by_id = HashMap::with_capacity(ids.len());
            while cursor.advance().await? {
                let event = document::read(cursor.current(), clock);
                by_id.insert(event.id().to_owned(), event);
            }
            Ok(by_id)
        };
        let mut by_id = connection.run("read what arrived", query).await?;
        found.extend(numbered.iter().filter_map(|(number, id)| by_id.remove(id).map(|event| (*number, event))));
    }
    Ok(found)
}
