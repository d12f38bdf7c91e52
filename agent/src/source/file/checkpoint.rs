//! What the agent remembers of each file across restarts.
//!
//! A stream's mark moves after its batches were acknowledged, at most a second later. A new stream, a new epoch and
//! a cut in an unfinished line are written before anything of them is sent, so that reading again after a crash gives
//! the same records under the same ids.
//!
//! The format is our own, because a database may end the process over a damaged file or hand out changed rows: each row
//! has a checksum, and what is damaged costs the rows that it hit. Their files are read again from an older mark, or from
//! the beginning, which stores nothing twice since ids are derived. A full disk is an error of one call.

mod damage;
mod generations;
mod redb;
mod rows;
#[cfg(test)]
mod tests;

use std::{
    collections::HashMap,
    fs::{File, TryLockError},
    io,
    path::{Path, PathBuf},
    sync::{Arc, LazyLock},
};

use labtrail_shared::event_id::FileIdentity;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use thiserror::Error;
use tracing::error;

pub(crate) use self::damage::{Damage, DamageReason};
use self::{generations::Generations, redb::Imported};
use super::identity::{Head, Locator};
use crate::{
    decode::Charset,
    delivery::{Mark, StreamId},
    disk::{Disk, Folder},
};

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
        source: io::Error,
    },
    /// The disk is full or fails. All that was saved before still is, and what could not be saved is saved with the next
    /// call that succeeds. Until then only ids that follow from what is read keep things apart after a crash.
    #[error("write the checkpoint")]
    Write(#[source] io::Error),
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
    /// The encoding of its text, once it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub charset: Option<Charset>,
    /// How many bytes at its beginning are written anew whenever something is added.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub head_bytes: u64,
    /// What its header says.
    #[serde(default = "no_header", skip_serializing_if = "is_empty_map")]
    pub header: Arc<Map<String, Value>>,
    /// The names of its columns.
    #[serde(default = "no_columns", skip_serializing_if = "is_empty_list")]
    pub columns: Arc<Vec<String>>,
    /// It is packed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub packed: Option<Packed>,
    /// By which rules of framing it was read so far.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub framing: u64,
    /// Since when it is gone, in seconds since 1970.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gone_since: Option<i64>,
}

/// What is remembered of a packed file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(crate) struct Packed {
    /// The size of the packed file when all of it was read: as long as it is that, there is nothing new in it.
    pub read_size: Option<u64>,
}

impl Position {
    /// The position before the first byte of a file at this place.
    pub(crate) fn of(locator: Locator) -> Self {
        Self {
            locator,
            path: PathBuf::new(),
            pattern: String::new(),
            head: None,
            identity: None,
            mark: Mark::default(),
            cuts: Vec::new(),
            size_seen: 0,
            charset: None,
            head_bytes: 0,
            header: no_header(),
            columns: no_columns(),
            packed: None,
            framing: 0,
            gone_since: None,
        }
    }
}

/// What most files have for a header: all of them the same, in one place.
pub(crate) fn no_header() -> Arc<Map<String, Value>> {
    static NONE: LazyLock<Arc<Map<String, Value>>> = LazyLock::new(Arc::default);
    Arc::clone(&NONE)
}

/// What most files have for columns.
pub(crate) fn no_columns() -> Arc<Vec<String>> {
    static NONE: LazyLock<Arc<Vec<String>>> = LazyLock::new(Arc::default);
    Arc::clone(&NONE)
}

// The signatures are serde's.
#[expect(clippy::trivially_copy_pass_by_ref)]
fn is_zero(number: &u64) -> bool {
    *number == 0
}

fn is_empty_map(map: &Arc<Map<String, Value>>) -> bool {
    map.is_empty()
}

fn is_empty_list(list: &Arc<Vec<String>>) -> bool {
    list.is_empty()
}

/// The open checkpoint.
#[derive(Debug)]
pub(crate) struct Checkpoint<D: Disk = Folder> {
    generations: Generations<D>,
    damage: Vec<Damage>,
    /// Held for as long as it is open.
    lock: Option<File>,
}

impl Checkpoint {
    /// Opens or creates the checkpoint. Its files lie beside `path` and are called alike, with other endings. A database
    /// of an older version at `path` is taken over.
    pub(crate) fn open(path: &Path) -> Result<Self, CheckpointError> {
        let failed = |source: io::Error| CheckpointError::Open { path: path.to_owned(), source };
        let stem = path
            .file_stem()
            .and_then(|stem| stem.to_str())
            .ok_or_else(|| failed(io::ErrorKind::InvalidInput.into()))?;
        let folder = path.parent().ok_or_else(|| failed(io::ErrorKind::InvalidInput.into()))?;
        let disk = Folder::at(folder.to_owned()).map_err(failed)?;
        let lock = File::options()
            .create(true)
            .truncate(false)
            .write(true)
            .open(path.with_extension("lock"))
            .map_err(failed)?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(CheckpointError::InUse(path.to_owned())),
            Err(TryLockError::Error(error)) => return Err(failed(error)),
        }
        let mut checkpoint = Self::on(disk, stem).map_err(failed)?;
        checkpoint.import(path)?;
        checkpoint.lock = Some(lock);
        Ok(checkpoint)
    }

    /// What a checkpoint remembers, whoever works with it at the moment.
    pub(crate) fn look_into(path: &Path) -> io::Result<HashMap<StreamId, Position>> {
        let stem = path.file_stem().and_then(|stem| stem.to_str()).ok_or(io::ErrorKind::InvalidInput)?;
        let folder = path.parent().ok_or(io::ErrorKind::InvalidInput)?;
        Ok(Self::on(Folder::at(folder.to_owned())?, stem)?.load())
    }

    /// Takes over the database of an older version, once.
    fn import(&mut self, path: &Path) -> Result<(), CheckpointError> {
        let (path, marker) = (path.with_extension("redb"), path.with_extension("importing"));
        if !path.exists() {
            return Ok(());
        }
        if self.generations.is_new() {
            let imported = if marker.exists() {
                Imported::Damaged("reading it ended the process".to_owned())
            } else {
                // Without the marker, on a full disk, a damaged database could end every start; that is rare twice.
                let _ = File::create(&marker).and_then(|file| file.sync_all());
                redb::import(&path)
            };
            let _ = std::fs::remove_file(&marker);
            match imported {
                Imported::InUse => return Err(CheckpointError::InUse(path)),
                Imported::Damaged(why) => {
                    error!(path = %path.display(), why, "checkpoint is damaged: all files are read again");
                    let file = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
                    let bytes = path.metadata().map_or(0, |metadata| metadata.len());
                    self.generations.put_aside(&file);
                    self.damage.push(Damage { file, at: 0, bytes, reason: DamageReason::Database, rows: None });
                    return Ok(());
                }
                Imported::Rows(changes) => self.generations.change(|unsaved| *unsaved = changes),
            }
            if let Err(error) = self.generations.save() {
                error!(%error, "checkpoint of the older version cannot be taken over yet");
                return Ok(());
            }
            self.drop_unreadable();
        }
        // It is all in files of our own, durably.
        let _ = std::fs::remove_file(&path);
        Ok(())
    }
}

impl<D: Disk> Checkpoint<D> {
    /// Opens or creates the checkpoint of this name on a disk.
    fn on(disk: D, stem: &str) -> io::Result<Self> {
        let (generations, damage) = Generations::open(disk, stem.to_owned())?;
        let mut checkpoint = Self { generations, damage, lock: None };
        checkpoint.drop_unreadable();
        Ok(checkpoint)
    }

    /// What could not be used of it when it was opened.
    pub(crate) fn damage(&self) -> &[Damage] {
        &self.damage
    }

    /// All that is remembered.
    pub(crate) fn load(&self) -> HashMap<StreamId, Position> {
        let rows = self.generations.remembered().positions;
        rows.iter().filter_map(|(id, row)| Some((*id, serde_json::from_slice(row).ok()?))).collect()
    }

    /// Writes these positions and waits until they are on disk.
    pub(crate) fn save<'a>(
        &mut self,
        positions: impl IntoIterator<Item = (StreamId, &'a Position)>,
    ) -> Result<(), CheckpointError> {
        self.write(|changes| {
            for (id, position) in positions {
                let row = serde_json::to_vec(position).expect("a position has only text keys");
                changes.positions.insert(id, Some(row.into()));
            }
        })
    }

    /// Forgets streams.
    pub(crate) fn remove(&mut self, ids: &[StreamId]) -> Result<(), CheckpointError> {
        self.write(|changes| changes.positions.extend(ids.iter().map(|id| (*id, None))))
    }

    /// Whether a pattern was never followed before. After damage none is taken to be new: to begin at the end of a file
    /// that was followed would lose what was not read yet, to read too much loses nothing.
    pub(crate) fn is_first_use(&self, pattern: &str) -> bool {
        let may_be_lost = self.damage.iter().any(|damage| damage.reason != DamageReason::Row);
        !may_be_lost && !self.generations.has_pattern(pattern)
    }

    /// Remembers that these patterns were followed.
    pub(crate) fn remember_patterns<'a>(
        &mut self,
        patterns: impl IntoIterator<Item = &'a str>,
    ) -> Result<(), CheckpointError> {
        self.write(|changes| changes.patterns.extend(patterns.into_iter().map(str::to_owned)))
    }

    /// The numbers of the records that were sent of a file that is written anew as a whole.
    pub(crate) fn shipped(&self, id: StreamId) -> Vec<u64> {
        self.generations.remembered().shipped.remove(&id).unwrap_or_default()
    }

    /// Remembers the numbers of the records that were sent of a file, in the place of those before, and waits until they are
    /// on disk.
    pub(crate) fn save_shipped(&mut self, id: StreamId, numbers: &[u64]) -> Result<(), CheckpointError> {
        self.write(|changes| drop(changes.shipped.insert(id, numbers.to_vec())))
    }

    fn write(&mut self, change: impl FnOnce(&mut rows::Changes)) -> Result<(), CheckpointError> {
        self.generations.change(change);
        self.generations.save().map_err(CheckpointError::Write)
    }

    /// A row that another version wrote is whole and may still say nothing to us: its file is read again.
    fn drop_unreadable(&mut self) {
        let damage = &mut self.damage;
        self.generations.rows.positions.retain(|id, row| match serde_json::from_slice::<Position>(row) {
            Ok(_) => true,
            Err(error) => {
                error!(stream = id, %error, "checkpoint entry is unreadable: its file is read again");
                let bytes = row.len() as u64;
                damage.push(Damage { file: String::new(), at: 0, bytes, reason: DamageReason::Row, rows: Some(1) });
                false
            }
        });
    }
}
