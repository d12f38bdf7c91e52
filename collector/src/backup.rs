//! Backups: all events in one packed file, with a note beside it that says what it should hold.
//!
//! A backup is a folder that appears under its name only when it is whole and on the disk. It is read again by
//! `labtrail import backup`. One backup is made at a time; who asks meanwhile waits. What is stored while a backup is made may be
//! in it or not.

mod folder;
mod schedule;

use std::{
    convert::Infallible,
    path::PathBuf,
    sync::Arc,
    time::{Duration, Instant},
};

use bytes::Bytes;
pub use folder::{Backup, BackupError, Manifest, events_file, list, read_manifest, verify};
use jiff::Timestamp;
use labtrail_shared::{
    shutdown::{Stop, Tasks},
    telemetry::{Metrics, with_causes},
};
use prometheus_client::metrics::{counter::Counter, gauge::Gauge};
pub use schedule::Schedule;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio::sync::{mpsc, oneshot};
use tracing::{error, info, warn};

use crate::{
    config::{Config, Zone},
    store::{Criteria, EventStore, Order, Pages, Search},
};
use folder::NewFolder;

/// Events that are read and written together.
const PART_EVENTS: usize = 1000;

/// How long the store looks before it is asked to go on.
const PART_TIME_MAX: Duration = Duration::from_secs(5);

/// So many may wait for a backup.
const REQUESTS_MAX: usize = 16;

/// `[backup]`: when and where backups are made.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct BackupConfig {
    /// Whether backups are made by schedule. They can be asked for in any case (`POST /backup`). Default `false`.
    pub enabled: bool,
    /// When: minute, hour, day, month and weekday as cron has them, in the zone of the config. Default `0 2 * * *`: at two
    /// in the morning.
    pub schedule: Schedule,
    /// The folder in which they lie. Default: `backups` in `data_dir`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dir: Option<PathBuf>,
    /// How many are kept; older ones are deleted. Default 10.
    pub keep: BackupCount,
}

impl Default for BackupConfig {
    fn default() -> Self {
        Self { enabled: false, schedule: Schedule::default(), dir: None, keep: BackupCount(10) }
    }
}

/// A number of backups: one at least.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "usize")]
pub struct BackupCount(usize);

impl BackupCount {
    pub(crate) fn get(self) -> usize {
        self.0
    }
}

impl TryFrom<usize> for BackupCount {
    type Error = String;

    fn try_from(count: usize) -> Result<Self, String> {
        if count > 0 { Ok(Self(count)) } else { Err("0 is not from 1 on: at least one backup is kept".to_owned()) }
    }
}

/// What somebody waits for.
struct Request {
    description: Option<String>,
    reply: oneshot::Sender<Result<PathBuf, BackupError>>,
}

/// Where backups are asked for.
#[derive(Debug, Clone)]
pub(crate) struct Backups {
    requests: mpsc::Sender<Request>,
    pub(crate) dir: PathBuf,
}

impl Backups {
    /// Makes a backup; says where it is. It is finished also if nobody waits any more.
    pub(crate) async fn make(&self, description: Option<String>) -> Result<PathBuf, BackupError> {
        let (reply, answer) = oneshot::channel();
        self.requests.send(Request { description, reply }).await.map_err(|_| BackupError::Stopping)?;
        answer.await.map_err(|_| BackupError::Stopping)?
    }
}

/// Starts what makes backups.
pub(crate) fn start(
    config: &Config,
    store: Arc<dyn EventStore>,
    tasks: &mut Tasks,
    stop: Stop,
    metrics: &Metrics,
) -> Backups {
    let (requests, waiting) = mpsc::channel(REQUESTS_MAX);
    let (made, failed, last) = (Counter::<u64>::default(), Counter::<u64>::default(), Gauge::<i64>::default());
    metrics.register(|registry| {
        registry.register("backups_made", "Backups that are whole", made.clone());
        registry.register("backups_failed", "Backups that could not be made", failed.clone());
        registry.register("backup_last_success_seconds", "When the last backup was made", last.clone());
    });
    let dir = config.backup_dir();
    let maker = Maker {
        store,
        dir: dir.clone(),
        database: config.database_name(),
        config: config.backup.clone(),
        zone: config.zone.clone(),
        made,
        failed,
        last,
    };
    tasks.start("backups", async move {
        tokio::select! {
            () = stop.given() => {}
            () = maker.run(waiting) => {}
        }
        Ok::<(), Infallible>(())
    });
    Backups { requests, dir }
}

struct Maker {
    store: Arc<dyn EventStore>,
    dir: PathBuf,
    database: String,
    config: BackupConfig,
    zone: Zone,
    made: Counter,
    failed: Counter,
    last: Gauge,
}

impl Maker {
    async fn run(self, mut waiting: mpsc::Receiver<Request>) {
        let next = || {
            let pause =
                self.config.enabled.then(|| self.config.schedule.pause(Timestamp::now(), &self.zone.0)).flatten();
            pause.map(|pause| Instant::now() + pause)
        };
        let mut due_at = next();
        loop {
            let due = async {
                match due_at {
                    // It may have become due while another backup was made.
                    Some(at) => tokio::time::sleep_until(at.into()).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                () = due => {
                    // Why it failed is logged.
                    let _ = self.make(Some("scheduled")).await;
                    due_at = next();
                }
                request = waiting.recv() => {
                    let Some(request) = request else { return };
                    let description = request.description.as_deref().filter(|description| !description.is_empty());
                    let _ = request.reply.send(self.make(Some(description.unwrap_or("manual_backup"))).await);
                }
            }
        }
    }

    async fn make(&self, description: Option<&str>) -> Result<PathBuf, BackupError> {
        let start = Instant::now();
        let made = self.write(description).await;
        match &made {
            Ok((path, events)) => {
                self.made.inc();
                self.last.set(Timestamp::now().as_second());
                info!(path = %path.display(), events, seconds = start.elapsed().as_secs(), "a backup was made");
            }
            Err(cause) => {
                self.failed.inc();
                error!(reason = with_causes(cause), "no backup was made");
            }
        }
        let (path, _) = made?;
        let (dir, database, keep) = (self.dir.clone(), self.database.clone(), self.config.keep.0);
        let rotated = tokio::task::spawn_blocking(move || folder::rotate(&dir, &database, keep)).await;
        if let Ok(Err(cause)) = rotated {
            warn!(reason = with_causes(&cause), "an old backup could not be deleted");
        }
        Ok(path)
    }

    async fn write(&self, description: Option<&str>) -> Result<(PathBuf, u64), BackupError> {
        let now = Timestamp::now();
        let (dir, database, zone) = (self.dir.clone(), self.database.clone(), self.zone.0.clone());
        let description = description.map(str::to_owned);
        let (parts, mut written) = mpsc::channel::<Bytes>(2);
        let writing = tokio::task::spawn_blocking(move || {
            folder::remove_unfinished(&dir, &database)?;
            let mut folder = NewFolder::begin(&dir, &database, now, &zone, description.as_deref())?;
            while let Some(part) = written.blocking_recv() {
                if part.is_empty() {
                    return folder.finish();
                }
                folder.write(&part)?;
            }
            // Reading ended early: what was begun is thrown away.
            Err(BackupError::Stopping)
        });
        let read = self.read(&parts).await;
        drop(parts);
        let written = writing.await.unwrap_or_else(|panic| std::panic::resume_unwind(panic.into_panic()));
        read?;
        written
    }

    /// Reads all events, the oldest first; an empty part is the end.
    async fn read(&self, parts: &mpsc::Sender<Bytes>) -> Result<(), BackupError> {
        let mut pages = Pages::new(Search {
            criteria: Criteria::default(),
            order: Order::Ascending,
            after: None,
            offset: 0,
            limit: PART_EVENTS,
            time_max: PART_TIME_MAX,
        });
        while let Some(events) = pages.next(&*self.store, PART_EVENTS).await? {
            let ids = events.iter().map(|event| event.id().to_owned()).collect();
            let hashes = self.store.hashes(ids).await?;
            let mut text = Vec::new();
            for (stored, hash) in events.into_iter().zip(hashes) {
                let mut line = stored.into_json();
                if let Some(hash) = hash {
                    line["_labtrail"]["hash"] = Value::from(format!("{hash:016x}"));
                }
                text.extend_from_slice(line.to_string().as_bytes());
                text.push(b'\n');
            }
            // Whoever writes says himself why he ended.
            if !text.is_empty() && parts.send(Bytes::from(text)).await.is_err() {
                return Ok(());
            }
        }
        let _ = parts.send(Bytes::new()).await;
        Ok(())
    }
}
