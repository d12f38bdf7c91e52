//! A store in one `SQLite` file.
//!
//! Constraints: what is acknowledged must survive a power cut, so every commit waits for the disk; a disk takes some
//! hundred such waits a second, so whatever waits is committed together; queries must not wait for writing, so the file is
//! in WAL mode and readers have connections of their own. One process owns the file, which a lock beside it ensures.

mod archive;
mod conditions;
mod dead_letters;
mod error;
mod filter_sql;
mod histogram;
mod metrics;
mod pool;
mod row;
mod rows;
mod schema;
mod search;
#[cfg(test)]
mod tests;
mod text;
mod words;
mod writer;

use std::{
    fs::{File, TryLockError},
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use async_trait::async_trait;
pub use error::OpenError;
use labtrail_shared::{shutdown::Tasks, telemetry::Metrics};
use rusqlite::{Connection, OptionalExtension as _, params};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot, watch};

use super::{
    DeadLetter, EventStore, Expect, Histogram, HistogramRequest, InsertReport, NewEvent, Page, Position, Row,
    RowChange, RowStore, Search, StoreConfig, StoreError, StoredDeadLetter, StoredEvent,
};
use error::closing;
use metrics::StoreMetrics;
use pool::Pool;
use row::{COLUMNS, EventRow};
use schema::State;
use writer::{Job, Writer};

/// The queue is measured in permits of so many bytes.
const PERMIT_BYTES: usize = 1024;

/// So many inserts may wait, however small they are.
const JOBS_MAX: usize = 4096;

/// Inserts of more events than this are prepared on a thread that may block.
const ROWS_INLINE_MAX: usize = 16;

/// The store.
#[derive(Debug)]
pub struct SqliteStore {
    pool: Arc<Pool>,
    jobs: mpsc::Sender<Job>,
    queue: Arc<Semaphore>,
    queue_permits: usize,
    state: watch::Receiver<State>,
    last_seq: watch::Receiver<i64>,
    metrics: Arc<StoreMetrics>,
    /// Held as long as the store is open.
    _lock: Arc<File>,
}

impl SqliteStore {
    /// Opens the file, or makes it, and starts the writer.
    pub fn open(file: &Path, config: &StoreConfig, tasks: &mut Tasks, metrics: &Metrics) -> Result<Self, OpenError> {
        let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        std::fs::create_dir_all(folder).map_err(|source| OpenError::Folder { folder: folder.to_owned(), source })?;
        let lock = Arc::new(lock(file)?);
        let open = |source| OpenError::Open { file: file.to_owned(), source };
        let mut connection = open_writer(file, config).map_err(open)?;
        let state = schema::prepare(&mut connection)?;
        let (words_writer, words) = Connection::open(file).and_then(|store| words::open(file, store)).map_err(open)?;
        let pool = Pool::open(file, config.readers.get()).map_err(open)?;
        let metrics = Arc::new(StoreMetrics::register(metrics));
        metrics.opened(state.events);
        let (jobs, waiting) = mpsc::channel(JOBS_MAX);
        let (published, state_receiver) = watch::channel(state);
        let (last_seq, last_seq_receiver) = watch::channel(state.last_seq);
        let writer = Writer {
            connection,
            state,
            jobs: waiting,
            commit_bytes_max: config.commit_bytes_max.as_usize(),
            published,
            last_seq,
            words,
            metrics: Arc::clone(&metrics),
        };
        let indexers_lock = Arc::clone(&lock);
        tasks.start_thread("store words", move || {
            let result = words_writer.run();
            drop(indexers_lock);
            result
        });
        let writers_lock = Arc::clone(&lock);
        tasks.start_thread("store writer", move || {
            let result = writer.run();
            drop(writers_lock);
            result
        });
        let queue_permits = (config.queue_bytes_max.as_usize() / PERMIT_BYTES).clamp(1, Semaphore::MAX_PERMITS);
        Ok(Self {
            pool,
            jobs,
            queue: Arc::new(Semaphore::new(queue_permits)),
            queue_permits,
            state: state_receiver,
            last_seq: last_seq_receiver,
            metrics,
            _lock: lock,
        })
    }

    /// Waits for room in the queue. What is larger than the queue waits until it is alone.
    async fn reserve(&self, attempt: &'static str, bytes: usize) -> Result<OwnedSemaphorePermit, StoreError> {
        let permits = (bytes / PERMIT_BYTES + 1).min(self.queue_permits);
        let permits = u32::try_from(permits).unwrap_or(u32::MAX);
        let permit = self.queue.clone().acquire_many_owned(permits).await.map_err(|_| closing(attempt))?;
        self.metrics.queue_bytes.inc_by((permit.num_permits() * PERMIT_BYTES) as i64);
        Ok(permit)
    }

    async fn send<T>(
        &self,
        attempt: &'static str,
        job: Job,
        answer: oneshot::Receiver<Result<T, StoreError>>,
    ) -> Result<T, StoreError> {
        self.jobs.send(job).await.map_err(|_| closing(attempt))?;
        answer.await.map_err(|_| closing(attempt))?
    }
}

#[async_trait]
impl EventStore for SqliteStore {
    async fn insert(&self, events: Vec<NewEvent>, _: Expect) -> Result<InsertReport, StoreError> {
        const ATTEMPT: &str = "store events";
        if events.is_empty() {
            return Ok(InsertReport { outcomes: Vec::new() });
        }
        let prepare = |events: Vec<NewEvent>| events.into_iter().map(EventRow::new).collect::<Vec<_>>();
        let rows = if events.len() <= ROWS_INLINE_MAX {
            prepare(events)
        } else {
            tokio::task::spawn_blocking(move || prepare(events)).await.map_err(|_| closing(ATTEMPT))?
        };
        let permit = self.reserve(ATTEMPT, rows.iter().map(EventRow::bytes).sum()).await?;
        let (reply, answer) = oneshot::channel();
        self.send(ATTEMPT, Job::Insert { rows, reply, permit }, answer).await
    }

    async fn dead_letter(&self, letters: Vec<DeadLetter>) -> Result<(), StoreError> {
        const ATTEMPT: &str = "store dead letters";
        if letters.is_empty() {
            return Ok(());
        }
        let permit = self.reserve(ATTEMPT, letters.iter().map(|letter| letter.bytes.len() + 512).sum()).await?;
        let (reply, answer) = oneshot::channel();
        self.send(ATTEMPT, Job::DeadLetter { letters, reply, permit }, answer).await
    }

    async fn hashes(&self, ids: Vec<String>) -> Result<Vec<Option<u64>>, StoreError> {
        let query = move |reader: &pool::Reader| {
            let mut statement = reader.connection.prepare_cached("SELECT hash FROM event WHERE id = ?")?;
            let hash = |id: &String| statement.query_row([id], |row| row.get::<_, i64>(0)).optional();
            let hashes: rusqlite::Result<Vec<_>> = ids.iter().map(hash).collect();
            Ok(hashes?.into_iter().map(|hash| hash.map(i64::cast_unsigned)).collect())
        };
        self.pool.read("look for events", query).await
    }

    async fn get(&self, id: &str) -> Result<Option<StoredEvent>, StoreError> {
        let id = id.to_owned();
        let query = move |reader: &pool::Reader| {
            let sql = format!("SELECT {COLUMNS} FROM event WHERE id = ?");
            reader.connection.prepare_cached(&sql)?.query_row([id], row::read).optional()
        };
        self.pool.read("read an event", query).await
    }

    async fn search(&self, search: Search) -> Result<Page, StoreError> {
        let events = self.state.borrow().events as u64;
        let page = self.pool.read("search events", move |reader| search::search(reader, &search, events)).await?;
        if !page.complete {
            self.metrics.budget_ends.inc();
        }
        Ok(page)
    }

    async fn histogram(&self, request: HistogramRequest) -> Result<Histogram, StoreError> {
        let histogram = self.pool.read("count events", move |reader| histogram::histogram(reader, &request)).await?;
        if !histogram.complete {
            self.metrics.budget_ends.inc();
        }
        Ok(histogram)
    }

    async fn archive(&self, ids: Vec<String>, at: i64) -> Result<u64, StoreError> {
        const ATTEMPT: &str = "archive events";
        let permit = self.reserve(ATTEMPT, ids.iter().map(|id| id.len() + 32).sum()).await?;
        let (reply, answer) = oneshot::channel();
        self.send(ATTEMPT, Job::Archive { ids, at, reply, permit }, answer).await
    }

    async fn archived(
        &self,
        after: Option<Position>,
        limit: usize,
    ) -> Result<Vec<(Position, StoredEvent)>, StoreError> {
        let query = move |reader: &pool::Reader| archive::list(&reader.connection, after.as_ref(), limit);
        self.pool.read("list archived events", query).await
    }

    async fn purge(&self, before: i64, limit: usize) -> Result<u64, StoreError> {
        const ATTEMPT: &str = "purge archived events";
        let permit = self.reserve(ATTEMPT, 1).await?;
        let (reply, answer) = oneshot::channel();
        self.send(ATTEMPT, Job::Purge { before, limit, reply, permit }, answer).await
    }

    async fn extent(&self) -> Result<Option<(i64, i64)>, StoreError> {
        self.pool.read("find the first and the last event", |reader| archive::extent(&reader.connection)).await
    }

    async fn count(&self) -> Result<u64, StoreError> {
        // A store whose file is gone must not look well, so the row is read from it.
        let query = |reader: &pool::Reader| {
            reader.connection.prepare_cached("SELECT events FROM state")?.query_row([], |row| row.get::<_, i64>(0))
        };
        Ok(self.pool.read("count all events", query).await? as u64)
    }

    async fn events_after(&self, seq: i64, limit: usize) -> Result<Vec<(i64, StoredEvent)>, StoreError> {
        let query = move |reader: &pool::Reader| {
            let sql = format!("SELECT {COLUMNS} FROM event WHERE seq > ? ORDER BY seq LIMIT ?");
            let mut statement = reader.connection.prepare_cached(&sql)?;
            let rows = statement.query_map(params![seq, limit as i64], |row| Ok((row.get(0)?, row::read(row)?)))?;
            rows.collect()
        };
        self.pool.read("read what arrived", query).await
    }

    fn last_seq(&self) -> watch::Receiver<i64> {
        self.last_seq.clone()
    }

    async fn dead_letters(&self, before: Option<i64>, limit: usize) -> Result<Vec<StoredDeadLetter>, StoreError> {
        let query = move |reader: &pool::Reader| dead_letters::list(&reader.connection, before, limit);
        self.pool.read("list dead letters", query).await
    }

    async fn get_dead_letter(&self, seq: i64) -> Result<Option<StoredDeadLetter>, StoreError> {
        let query = move |reader: &pool::Reader| dead_letters::get(&reader.connection, seq);
        self.pool.read("read a dead letter", query).await
    }

    async fn remove_dead_letter(&self, seq: i64) -> Result<bool, StoreError> {
        const ATTEMPT: &str = "remove a dead letter";
        let permit = self.reserve(ATTEMPT, 1).await?;
        let (reply, answer) = oneshot::channel();
        self.send(ATTEMPT, Job::RemoveDeadLetter { seq, reply, permit }, answer).await
    }
}

#[async_trait]
impl RowStore for SqliteStore {
    async fn change_rows(&self, changes: Vec<RowChange>) -> Result<Vec<bool>, StoreError> {
        const ATTEMPT: &str = "change rows";
        if changes.is_empty() {
            return Ok(Vec::new());
        }
        let bytes = |change: &RowChange| change.key.len() + change.put.as_ref().map_or(0, |put| put.json.len()) + 64;
        let permit = self.reserve(ATTEMPT, changes.iter().map(bytes).sum()).await?;
        let (reply, answer) = oneshot::channel();
        self.send(ATTEMPT, Job::ChangeRows { changes, reply, permit }, answer).await
    }

    async fn row(&self, kind: &'static str, key: &str) -> Result<Option<Row>, StoreError> {
        let key = key.to_owned();
        self.pool.read("read a row", move |reader| rows::get(&reader.connection, kind, &key)).await
    }

    async fn rows(&self, kind: &'static str, after: Option<&str>, limit: usize) -> Result<Vec<Row>, StoreError> {
        let after = after.map(str::to_owned);
        self.pool.read("list rows", move |reader| rows::list(&reader.connection, kind, after.as_deref(), limit)).await
    }

    async fn rows_due(&self, kind: &'static str, at: i64, limit: usize) -> Result<Vec<Row>, StoreError> {
        self.pool.read("list rows", move |reader| rows::due(&reader.connection, kind, at, limit)).await
    }
}

/// A lock of the operating system: it ends with the process, however that ends.
fn lock(file: &Path) -> Result<File, OpenError> {
    let mut name = file.as_os_str().to_owned();
    name.push(".lock");
    let lock_file = PathBuf::from(name);
    let opened = File::options().create(true).write(true).truncate(false).open(&lock_file);
    let lock = opened.map_err(|source| OpenError::LockFile { file: lock_file.clone(), source })?;
    match lock.try_lock() {
        Ok(()) => Ok(lock),
        Err(TryLockError::WouldBlock) => Err(OpenError::InUse { file: file.to_owned() }),
        Err(TryLockError::Error(source)) => Err(OpenError::LockFile { file: lock_file, source }),
    }
}

fn open_writer(file: &Path, config: &StoreConfig) -> rusqlite::Result<Connection> {
    let connection = Connection::open(file)?;
    connection.busy_timeout(Duration::from_secs(5))?;
    let cache_kib = config.cache_bytes.0 / 1024;
    // The first two only count in a new file. Rows of half a kilobyte and indexes that grow at their ends cost a sixth
    // less in pages of 8 KiB than in SQLite's 4; larger ones would make the commit of a single event dear. Incremental
    // vacuum lets retention give space back later. The checkpoint comes after 64 MiB, so that pages that many commits
    // change are copied once.
    connection.execute_batch(&format!(
        "PRAGMA page_size = 8192;
         PRAGMA auto_vacuum = INCREMENTAL;
         PRAGMA journal_mode = WAL;
         PRAGMA synchronous = FULL;
         PRAGMA wal_autocheckpoint = 8192;
         PRAGMA journal_size_limit = 67108864;
         PRAGMA cache_size = -{cache_kib};
         PRAGMA temp_store = MEMORY;"
    ))?;
    connection.set_prepared_statement_cache_capacity(16);
    Ok(connection)
}
