//! A store in `MongoDB`, which any number of collectors share.
//!
//! Constraints: what is acknowledged must survive the loss of a server, so every insert waits for the majority of them and
//! for their disks; everything that counts is done by operations on single documents, so that servers that are only like
//! MongoDB do as well; a database of MADSci is opened as it is, and MADSci may go on using it; nothing waits for ever.

mod archive;
mod arrivals;
mod backfill;
mod bson_writer;
mod config;
mod connection;
mod dead_letters;
mod document;
mod error;
mod filter_bson;
mod histogram;
mod insert;
mod inserter;
mod metrics;
mod query;
mod reader;
mod rows;
mod schema;
mod search;
mod singles;
#[cfg(test)]
mod tests;
mod unfilled;

use std::{
    convert::Infallible,
    sync::Arc,
    time::{Duration, Instant},
};

use async_trait::async_trait;
pub use config::{MongoConfig, MongoUrl};
pub use error::MongoOpenError;
use jiff::{Timestamp, tz::TimeZone};
use labtrail_shared::{
    shutdown::{Stop, Tasks},
    telemetry::Metrics,
};
use mongodb::{bson::doc, options::ReadConcern};
pub use reader::MongoReader;
use tokio::sync::watch;
use tracing::{info, warn};

use super::{
    DeadLetter, EventStore, Expect, Histogram, HistogramRequest, InsertReport, NewEvent, Outcome, Page, Position, Row,
    RowChange, RowStore, Search, StoreConfig, StoreError, StoredDeadLetter, StoredEvent,
};
use connection::Connection;
use document::{Clock, Documents};
use histogram::Counting;
use inserter::Inserter;
use metrics::StoreMetrics;
use singles::Singles;
use unfilled::Unfilled;

use crate::compute::compute;

/// Inserts of more events than this are prepared on a thread that may block.
const DOCUMENTS_INLINE_MAX: usize = 16;

/// How long a start waits for the server, so that what it knows is there from the first moment, if it is well.
const OPEN_TIME_MAX: Duration = Duration::from_secs(2);

/// How often the preparation of the database is tried again.
const PREPARE_PAUSE: Duration = Duration::from_secs(1);

/// The store.
#[derive(Debug)]
pub struct MongoStore {
    connection: Arc<Connection>,
    clock: Clock,
    unfilled: Arc<Unfilled>,
    inserter: Inserter,
    singles: Singles,
    last_seq: watch::Receiver<i64>,
    metrics: Arc<StoreMetrics>,
    /// Ends what runs in the background when the last user of the store is gone.
    _closing: Closing,
}

#[derive(Debug)]
struct Closing(Stop);

impl Drop for Closing {
    fn drop(&mut self) {
        self.0.give();
    }
}

impl MongoStore {
    /// Opens the database. It need not be there yet: then what is asked fails until it is, and the rest of the opening is
    /// done in the background. Times without an offset, in events that MADSci wrote, are read in `zone`.
    pub async fn open(
        config: &StoreConfig,
        zone: TimeZone,
        tasks: &mut Tasks,
        metrics: &Metrics,
        stop: Stop,
    ) -> Result<Self, MongoOpenError> {
        let connection = Arc::new(Connection::new(&config.mongodb).await?);
        let clock = Clock { zone, opened: Timestamp::now().as_microsecond() };
        let metrics = Arc::new(StoreMetrics::register(metrics));
        let unfilled = Arc::new(Unfilled::new(Arc::clone(&connection), clock.clone(), Arc::clone(&metrics)));
        let (announcements, journal, last_seq) = arrivals::journal(Arc::clone(&connection), Arc::clone(&metrics));
        let looked = tokio::time::timeout(OPEN_TIME_MAX, async { tokio::try_join!(journal.look(), unfilled.look()) });
        match looked.await {
            Ok(Ok(_)) => {}
            Ok(Err(error)) => {
                warn!(url = %config.mongodb.url, error = &error as &dyn std::error::Error, "the database is not there yet");
            }
            Err(_) => warn!(url = %config.mongodb.url, "the database does not answer yet"),
        }
        let closing = Stop::default();
        let ending = {
            let closing = closing.clone();
            async move {
                tokio::select! {
                    () = stop.given() => {}
                    () = closing.given() => {}
                }
            }
        };
        let (preparation, backfill) = (Arc::clone(&connection), Arc::clone(&unfilled));
        tasks.start("store upkeep", async move {
            tokio::select! {
                () = ending => {}
                () = async {
                    tokio::join!(prepare(&preparation), backfill.fill());
                } => {}
            }
            Ok::<(), Infallible>(())
        });
        tasks.start("store arrivals", journal.run());
        let inserter = Inserter {
            connection: Arc::clone(&connection),
            clock: clock.clone(),
            announcements,
            metrics: Arc::clone(&metrics),
        };
        let (singles, gatherer) = singles::singles(inserter.clone());
        tasks.start("store singles", gatherer.run());
        Ok(Self { connection, clock, unfilled, inserter, singles, last_seq, metrics, _closing: Closing(closing) })
    }
}

/// Marks the database and makes its indexes, however long the server is away, and stays until the store is closed.
async fn prepare(connection: &Connection) {
    loop {
        let prepared = async {
            schema::mark_version(connection).await?;
            schema::warn_of_deletion(connection).await?;
            schema::make_indexes(connection).await
        };
        match prepared.await {
            Ok(()) => break,
            Err(StoreError::Unavailable { .. }) => {}
            Err(error) => {
                warn!(error = &error as &dyn std::error::Error, "the database cannot be prepared; trying again");
            }
        }
        tokio::time::sleep(PREPARE_PAUSE).await;
    }
    info!("the indexes of the database are there");
    std::future::pending::<()>().await;
}

#[async_trait]
impl EventStore for MongoStore {
    async fn insert(&self, mut events: Vec<NewEvent>, expect: Expect) -> Result<InsertReport, StoreError> {
        if events.is_empty() {
            return Ok(InsertReport { outcomes: Vec::new() });
        }
        if expect == Expect::New && events.len() == 1 {
            let single = events.remove(0);
            return Ok(InsertReport { outcomes: vec![self.singles.insert(single).await?] });
        }
        let start = Instant::now();
        let (rest, events) = match expect {
            Expect::New => (None, events),
            Expect::Repeats => {
                let rest = insert::without_repeats(&self.connection, events, &self.clock).await;
                let mut rest = rest.inspect_err(|_| self.metrics.failed())?;
                let others = std::mem::take(&mut rest.events);
                (Some(rest), others)
            }
        };
        let mut documents = if events.len() <= DOCUMENTS_INLINE_MAX {
            Documents::new(events)
        } else {
            compute(move || Documents::new(events)).await
        };
        let outcomes = self.inserter.insert(&mut documents, start).await?;
        let Some(rest) = rest else { return Ok(InsertReport { outcomes }) };
        rest.check(&outcomes)?;
        let mut others = outcomes.into_iter();
        let outcome = |known: Option<Outcome>| known.or_else(|| others.next()).expect("each event has an outcome");
        Ok(InsertReport { outcomes: rest.outcomes.into_iter().map(outcome).collect() })
    }

    async fn dead_letter(&self, letters: Vec<DeadLetter>) -> Result<(), StoreError> {
        if letters.is_empty() {
            return Ok(());
        }
        dead_letters::insert(&self.connection, &letters).await
    }

    async fn hashes(&self, ids: Vec<String>) -> Result<Vec<Option<u64>>, StoreError> {
        let asked: Vec<&str> = ids.iter().map(String::as_str).collect();
        let hashes =
            insert::hashes(&self.connection, "look for events", &asked, &self.clock, ReadConcern::majority()).await?;
        Ok(ids.iter().map(|id| hashes.get(id).copied()).collect())
    }

    async fn get(&self, id: &str) -> Result<Option<StoredEvent>, StoreError> {
        let events = self.connection.events();
        let found = self.connection.run("read an event", || events.find_one(doc! {"_id": id}).into_future()).await?;
        Ok(found.map(|found| document::read(&found, &self.clock)))
    }

    async fn search(&self, search: Search) -> Result<Page, StoreError> {
        let page = self.unfilled.search(&search).await?;
        if !page.complete {
            self.metrics.budget_ends.inc();
        }
        Ok(page)
    }

    async fn histogram(&self, request: HistogramRequest) -> Result<Histogram, StoreError> {
        let counting = Counting {
            connection: &self.connection,
            clock: &self.clock,
            deadline: Instant::now() + request.time_max,
            request: &request,
        };
        let histogram = self.unfilled.histogram(&counting).await?;
        if !histogram.complete {
            self.metrics.budget_ends.inc();
        }
        Ok(histogram)
    }

    async fn archive(&self, ids: Vec<String>, at: i64) -> Result<u64, StoreError> {
        archive::archive(&self.connection, &ids, at).await
    }

    async fn archived(
        &self,
        after: Option<Position>,
        limit: usize,
    ) -> Result<Vec<(Position, StoredEvent)>, StoreError> {
        archive::list(&self.connection, &self.clock, after.as_ref(), limit).await
    }

    async fn purge(&self, before: i64, limit: usize) -> Result<u64, StoreError> {
        archive::purge(&self.connection, &self.clock, before, limit).await
    }

    async fn extent(&self) -> Result<Option<(i64, i64)>, StoreError> {
        archive::extent(&self.unfilled).await
    }

    async fn count(&self) -> Result<u64, StoreError> {
        let events = self.connection.events();
        self.connection.run("count all events", || events.estimated_document_count().into_future()).await
    }

    async fn events_after(&self, seq: i64, limit: usize) -> Result<Vec<(i64, StoredEvent)>, StoreError> {
        arrivals::events_after(&self.connection, &self.clock, seq, limit).await
    }

    fn last_seq(&self) -> watch::Receiver<i64> {
        self.last_seq.clone()
    }

    async fn dead_letters(&self, before: Option<i64>, limit: usize) -> Result<Vec<StoredDeadLetter>, StoreError> {
        dead_letters::list(&self.connection, before, limit).await
    }

    async fn get_dead_letter(&self, seq: i64) -> Result<Option<StoredDeadLetter>, StoreError> {
        dead_letters::get(&self.connection, seq).await
    }

    async fn remove_dead_letter(&self, seq: i64) -> Result<bool, StoreError> {
        dead_letters::remove(&self.connection, seq).await
    }
}

#[async_trait]
impl RowStore for MongoStore {
    async fn change_rows(&self, changes: Vec<RowChange>) -> Result<Vec<bool>, StoreError> {
        rows::change(&self.connection, &changes).await
    }

    async fn row(&self, kind: &'static str, key: &str) -> Result<Option<Row>, StoreError> {
        rows::get(&self.connection, kind, key).await
    }

    async fn rows(&self, kind: &'static str, after: Option<&str>, limit: usize) -> Result<Vec<Row>, StoreError> {
        rows::list(&self.connection, kind, after, limit).await
    }

    async fn rows_due(&self, kind: &'static str, at: i64, limit: usize) -> Result<Vec<Row>, StoreError> {
        rows::due(&self.connection, kind, at, limit).await
    }
}
