//! What the agent remembers of each file across restarts, in one redb file.
//!
//! A stream's mark moves after its batches were acknowledged, at most a second later. A new stream, a new epoch and
//! a cut in an unfinished line are written before anything of them is sent, so that reading again after a crash gives
//! the same records under the same ids.

use std::{
    collections::HashMap,
    path::{Path, PathBuf},
};

use labtrail_shared::event_id::FileIdentity;
use redb::{Database, DatabaseError, ReadableDatabase, ReadableTable, TableDefinition};
use serde::{Deserialize, Serialize};
use thiserror::Error;
use tracing::error;

use super::identity::{Head, Locator};
use crate::delivery::{Mark, StreamId};

const STREAMS: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("streams.v1");
const PATTERNS: TableDefinition<'_, &str, u64> = TableDefinition::new("patterns.v1");

/// redb's cache; the whole of the store is a few megabytes.
const CACHE_BYTES: usize = 2 << 20;

/// The checkpoint cannot be read or written.
#[derive(Debug, Error)]
pub(crate) enum CheckpointError {
    /// Another process holds it.
    #[error("open {}: another agent works with this data directory; give each its own --data-dir", .0.display())]
    InUse(PathBuf),
    /// It cannot be opened.
    #[error("open the checkpoint {}", path.display())]
    Open {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: Box<redb::Error>,
    },
    /// It cannot be written.
    #[error("write the checkpoint")]
    Write(#[source] Box<redb::Error>),
}

/// What is remembered of one file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Position {
    pub locator: Locator,
    /// Its last known path.
    pub path: PathBuf,
    /// The pattern that found it: says which section's settings it has.
    pub pattern: String,
    /// How it begins; while nothing of this epoch was sent, how the content before it began.
    pub head: Option<Head>,
    /// What its ids are derived from, once its head is known; stays when the device is renumbered.
    pub identity: Option<FileIdentity>,
    /// How far it is acknowledged.
    pub mark: Mark,
    /// The ends of unfinished lines that were sent as they were: framing cuts here again.
    pub cuts: Vec<u64>,
    /// The largest size seen in this epoch: what is lost if it is truncated before it was read.
    pub size_seen: u64,
}

/// The open checkpoint.
#[derive(Debug)]
pub(crate) struct Checkpoint {
    database: Database,
}

impl Checkpoint {
    /// Opens or creates the checkpoint. One that is damaged beyond repair is put aside: reading all files again costs
    /// time but, since ids are derived, stores nothing twice.
    pub(crate) fn open(path: &Path) -> Result<Self, CheckpointError> {
        let create = || Database::builder().set_cache_size(CACHE_BYTES).create(path);
        let failed = |source: redb::Error| CheckpointError::Open { path: path.to_owned(), source: Box::new(source) };
        let database = match create() {
            Ok(database) => database,
            Err(DatabaseError::DatabaseAlreadyOpen) => return Err(CheckpointError::InUse(path.to_owned())),
            Err(DatabaseError::Storage(redb::StorageError::Io(io))) if io.kind() != std::io::ErrorKind::InvalidData => {
                return Err(failed(io.into()));
            }
            Err(damage) => {
                let aside = path.with_extension("damaged");
                error!(path = %path.display(), aside = %aside.display(), error = %damage, "checkpoint is damaged: put aside, all files are read again");
                std::fs::rename(path, aside).map_err(|io| failed(io.into()))?;
                create().map_err(|error| failed(error.into()))?
            }
        };
        Ok(Self { database })
    }

    /// All that is remembered.
    pub(crate) fn load(&self) -> Result<HashMap<StreamId, Position>, CheckpointError> {
        let load = || -> Result<_, redb::Error> {
            let transaction = self.database.begin_write()?;
            let mut positions = HashMap::new();
            {
                let table = transaction.open_table(STREAMS)?;
                for entry in table.iter()? {
                    let (id, bytes) = entry?;
                    match serde_json::from_slice(bytes.value()) {
                        Ok(position) => {
                            positions.insert(id.value(), position);
                        }
                        Err(error) => {
                            error!(stream = id.value(), %error, "checkpoint entry is unreadable: its file is read again");
                        }
                    }
                }
                transaction.open_table(PATTERNS)?;
            }
            transaction.commit()?;
            Ok(positions)
        };
        load().map_err(|error| CheckpointError::Write(Box::new(error)))
    }

    /// Writes these positions and waits until they are on disk.
    pub(crate) fn save<'a>(
        &self,
        positions: impl IntoIterator<Item = (StreamId, &'a Position)>,
    ) -> Result<(), CheckpointError> {
        self.write(|transaction| {
            let mut table = transaction.open_table(STREAMS)?;
            for (id, position) in positions {
                let bytes = serde_json::to_vec(position).expect("a position has only text keys");
                table.insert(id, bytes.as_slice())?;
            }
            Ok(())
        })
    }

    /// Forgets streams.
    pub(crate) fn remove(&self, ids: &[StreamId]) -> Result<(), CheckpointError> {
        self.write(|transaction| {
            let mut table = transaction.open_table(STREAMS)?;
            for id in ids {
                table.remove(id)?;
            }
            Ok(())
        })
    }

    /// Whether a pattern was never followed before.
    pub(crate) fn is_first_use(&self, pattern: &str) -> Result<bool, CheckpointError> {
        let look = || -> Result<bool, redb::Error> {
            Ok(self.database.begin_read()?.open_table(PATTERNS)?.get(pattern)?.is_none())
        };
        look().map_err(|error| CheckpointError::Write(Box::new(error)))
    }

    /// Remembers that these patterns were followed.
    pub(crate) fn remember_patterns<'a>(
        &self,
        patterns: impl IntoIterator<Item = &'a str>,
    ) -> Result<(), CheckpointError> {
        self.write(|transaction| {
            let mut table = transaction.open_table(PATTERNS)?;
            for pattern in patterns {
                table.insert(pattern, 1)?;
            }
            Ok(())
        })
    }

    fn write(
        &self,
        change: impl FnOnce(&redb::WriteTransaction) -> Result<(), redb::Error>,
    ) -> Result<(), CheckpointError> {
        let write = || -> Result<(), redb::Error> {
            let transaction = self.database.begin_write()?;
            change(&transaction)?;
            Ok(transaction.commit()?)
        };
        write().map_err(|error| CheckpointError::Write(Box::new(error)))
    }
}

#[cfg(test)]
mod tests {
    use super::{Checkpoint, CheckpointError, Head, Locator, Mark, Position};

    fn position(offset: u64) -> Position {
        let locator = Locator { device: 1, inode: 2, birth_ns: None };
        let mark = Mark { epoch: 3, offset, guard: crate::source::Guard::of(offset, b"abc"), time: Some((5, None)) };
        let head = Head { hash: 7, repeats: 1 };
        Position {
            locator,
            path: "/x/RUN [1].LOG".into(),
            pattern: "/x".to_owned(),
            head: Some(head),
            identity: Some(locator.identity("a", head)),
            mark,
            cuts: vec![9],
            size_seen: 10,
        }
    }

    #[test]
    fn what_was_saved_is_there_after_a_restart() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("checkpoint.redb");
        let checkpoint = Checkpoint::open(&path).expect("created");
        assert!(checkpoint.load().expect("empty").is_empty());
        assert!(checkpoint.is_first_use("*.log").expect("read"));
        checkpoint.remember_patterns(["*.log"]).expect("written");
        checkpoint.save([(1, &position(5)), (2, &position(6))]).expect("saved");
        checkpoint.remove(&[2]).expect("removed");
        assert!(matches!(Checkpoint::open(&path), Err(CheckpointError::InUse(_))));
        drop(checkpoint);
        let checkpoint = Checkpoint::open(&path).expect("opened");
        assert_eq!(checkpoint.load().expect("loaded").into_iter().collect::<Vec<_>>(), [(1, position(5))]);
        assert!(!checkpoint.is_first_use("*.log").expect("read"));
    }

    #[test]
    fn a_damaged_checkpoint_is_put_aside() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("checkpoint.redb");
        std::fs::write(&path, "not a database, certainly not one of this kind".repeat(200)).expect("written");
        assert!(Checkpoint::open(&path).expect("made anew").load().expect("empty").is_empty());
        assert!(folder.path().join("checkpoint.damaged").exists());
    }
}
