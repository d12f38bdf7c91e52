//! The connections that read. A query takes one, runs on a thread that may block, and gives it back.

use std::{
    path::Path,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use rusqlite::{Connection, ErrorCode, OpenFlags};
use tokio::sync::Semaphore;

use super::{
    error::{closing, store_error},
    words,
};
use crate::store::StoreError;

/// How many steps of `SQLite`'s machine pass between two looks at the clock: some tens of microseconds.
const STEPS_BETWEEN_LOOKS: i32 = 1000;

/// A connection that reads, and the clock that ends its queries.
#[derive(Debug)]
pub(super) struct Reader {
    pub(super) connection: Connection,
    pub(super) alarm: Alarm,
}

/// When the running query is to end.
#[derive(Debug, Clone)]
pub(super) struct Alarm {
    start: Instant,
    /// Nanoseconds after `start`; the greatest number when no end is set.
    end: Arc<AtomicU64>,
}

impl Alarm {
    fn new() -> Self {
        Self { start: Instant::now(), end: Arc::new(AtomicU64::new(u64::MAX)) }
    }

    /// Queries are interrupted from this instant on.
    pub(super) fn set(&self, at: Instant) {
        let nanos = at.saturating_duration_since(self.start).as_nanos();
        self.end.store(u64::try_from(nanos).unwrap_or(u64::MAX), Ordering::Relaxed);
    }

    /// Queries may run as long as they need.
    pub(super) fn clear(&self) {
        self.end.store(u64::MAX, Ordering::Relaxed);
    }

    pub(super) fn rings(&self) -> bool {
        let end = self.end.load(Ordering::Relaxed);
        end != u64::MAX && self.start.elapsed().as_nanos() >= u128::from(end)
    }
}

/// Whether a query ended because of its [`Alarm`].
pub(super) fn is_interrupted(error: &rusqlite::Error) -> bool {
    error.sqlite_error_code() == Some(ErrorCode::OperationInterrupted)
}

/// All connections that read.
#[derive(Debug)]
pub(super) struct Pool {
    idle: Mutex<Vec<Reader>>,
    permits: Arc<Semaphore>,
}

impl Pool {
    pub(super) fn open(file: &Path, count: usize) -> rusqlite::Result<Arc<Self>> {
        let readers = (0..count).map(|_| open_reader(file)).collect::<Result<Vec<_>, _>>()?;
        Ok(Arc::new(Self { idle: Mutex::new(readers), permits: Arc::new(Semaphore::new(count)) }))
    }

    /// Runs a query on a connection of its own.
    pub(super) async fn read<T: Send + 'static>(
        self: &Arc<Self>,
        attempt: &'static str,
        query: impl FnOnce(&Reader) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, StoreError> {
        let permit = self.permits.clone().acquire_owned().await.map_err(|_| closing(attempt))?;
        let pool = Arc::clone(self);
        let work = tokio::task::spawn_blocking(move || {
            let _permit = permit;
            let reader = pool.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
            let reader = reader.expect("there are as many permits as readers");
            let guard = Lent { reader: Some(reader), pool: &pool };
            let reader = guard.reader.as_ref().expect("it was just put there");
            reader.alarm.clear();
            query(reader)
        });
        match work.await {
            Ok(result) => result.map_err(|error| store_error(attempt, error)),
            Err(_) => Err(closing(attempt)),
        }
    }
}

/// Gives the connection back also when a query panics.
struct Lent<'a> {
    reader: Option<Reader>,
    pool: &'a Pool,
}

impl Drop for Lent<'_> {
    fn drop(&mut self) {
        self.pool.idle.lock().unwrap_or_else(PoisonError::into_inner).extend(self.reader.take());
    }
}

fn open_reader(file: &Path) -> rusqlite::Result<Reader> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let mut connection = Connection::open_with_flags(file, flags)?;
    connection.busy_timeout(Duration::from_secs(5))?;
    connection.execute_batch("PRAGMA cache_size = -8192; PRAGMA query_only = 1; PRAGMA temp_store = MEMORY;")?;
    words::attach(&connection, file)?;
    connection.set_prepared_statement_cache_capacity(64);
    let alarm = Alarm::new();
    let heard = alarm.clone();
    connection.progress_handler(STEPS_BETWEEN_LOOKS, Some(move || heard.rings()))?;
    Ok(Reader { connection, alarm })
}
