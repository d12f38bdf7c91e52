//! A backup on the disk.

use std::{
    fs::{self, File},
    io::{self, Read as _, Write as _},
    path::{Path, PathBuf},
    sync::Arc,
};

use jiff::{Timestamp, tz::TimeZone};
use serde::{Deserialize, Serialize};
use thiserror::Error;
use tracing::warn;
use xxhash_rust::xxh3::Xxh3;

use crate::store::StoreError;

/// All events, one a line as JSON, packed with zstd.
const EVENTS: &str = "events.ndjson.zst";

/// What a backup should hold. It is written last.
const MANIFEST: &str = "backup.json";

/// The version of this form.
const FORMAT: u32 = 1;

/// Fast, and half the size of the events.
const ZSTD_LEVEL: i32 = 3;

/// Longer descriptions are cut.
const DESCRIPTION_MAX: usize = 80;

/// Why a backup could not be made or read.
#[derive(Debug, Clone, Error)]
pub enum BackupError {
    /// The events could not be read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The collector ends.
    #[error("make a backup: the collector is stopping")]
    Stopping,
    /// A file or folder failed.
    #[error("{attempt} {}", path.display())]
    File {
        /// What was attempted.
        attempt: &'static str,
        /// On what.
        path: PathBuf,
        /// What the system says.
        #[source]
        source: Arc<io::Error>,
    },
    /// It is none, or of a later version of this program.
    #[error("read the backup {}: {reason}", path.display())]
    Unreadable {
        /// The folder.
        path: PathBuf,
        /// Why.
        reason: String,
    },
}

/// What a backup says of itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// The version of the form.
    format: u32,
    /// When it was begun.
    pub created_at: Timestamp,
    /// The same by the clock on the collector's wall.
    created_at_local: String,
    /// What it is a backup of.
    pub database: String,
    /// How many events it holds.
    pub events: u64,
    /// How many bytes its file has.
    bytes: u64,
    /// The XXH3 of its file, 128 bits in hexadecimal.
    xxh3_128: String,
    /// Which version of the program wrote it.
    version: String,
}

/// A backup that is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Backup {
    /// Its folder.
    pub path: PathBuf,
    /// What it says of itself.
    pub manifest: Manifest,
    /// Whether its file is as long as it should be.
    pub is_whole: bool,
}

impl Backup {
    /// When it was begun, by the clock on the wall.
    pub fn created_at_local(&self) -> &str {
        &self.manifest.created_at_local
    }

    /// How large it is.
    pub fn bytes(&self) -> u64 {
        self.manifest.bytes
    }
}

fn failed(attempt: &'static str, path: &Path) -> impl FnOnce(io::Error) -> BackupError {
    let path = path.to_owned();
    move |source| BackupError::File { attempt, path, source: Arc::new(source) }
}

/// A backup that is being written. It has another name until it is whole, and is removed if it never is.
pub(super) struct NewFolder {
    partial: PathBuf,
    path: PathBuf,
    packer: Option<zstd::Encoder<'static, Counted>>,
    events: u64,
    manifest: Manifest,
}

/// A file that knows how much was written into it, and its hash.
struct Counted {
    file: File,
    bytes: u64,
    hash: Xxh3,
}

impl io::Write for Counted {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let length = self.file.write(bytes)?;
        self.hash.update(&bytes[..length]);
        self.bytes += length as u64;
        Ok(length)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

impl NewFolder {
    pub(super) fn begin(
        dir: &Path,
        database: &str,
        now: Timestamp,
        zone: &TimeZone,
        description: Option<&str>,
    ) -> Result<Self, BackupError> {
        let wall = zone.to_datetime(now);
        let suffix = description.map(|description| format!("_{}", plain(description))).unwrap_or_default();
        let name = format!("{}_backup_{}{suffix}", plain(database), wall.strftime("%Y%m%d_%H%M%S_%6f"));
        let (path, partial) = (dir.join(&name), dir.join(format!(".partial-{name}")));
        fs::create_dir_all(&partial).map_err(failed("create the folder", &partial))?;
        let file = partial.join(EVENTS);
        let counted = File::create(&file).map(|file| Counted { file, bytes: 0, hash: Xxh3::new() });
        let packer = counted.and_then(|counted| {
            let mut packer = zstd::Encoder::new(counted, ZSTD_LEVEL)?;
            packer.include_checksum(true)?;
            Ok(packer)
        });
        let packer = packer.map_err(failed("create", &file))?;
        let manifest = Manifest {
            format: FORMAT,
            created_at: now,
            created_at_local: wall.strftime("%Y-%m-%dT%H:%M:%S.%6f").to_string(),
            database: database.to_owned(),
            events: 0,
            bytes: 0,
            xxh3_128: String::new(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
        };
        Ok(Self { partial, path, packer: Some(packer), events: 0, manifest })
    }

    /// Writes whole lines.
    pub(super) fn write(&mut self, lines: &[u8]) -> Result<(), BackupError> {
        self.events += memchr::memchr_iter(b'\n', lines).count() as u64;
        let packer = self.packer.as_mut().expect("it is not finished");
        packer.write_all(lines).map_err(failed("write", &self.partial.join(EVENTS)))
    }

    /// Makes it durable and gives it its name; says how many events it holds.
    pub(super) fn finish(mut self) -> Result<(PathBuf, u64), BackupError> {
        let packer = self.packer.take().expect("it is finished once");
        let file = self.partial.join(EVENTS);
        let counted = packer.finish().and_then(|counted| counted.file.sync_all().map(|()| counted));
        let counted = counted.map_err(failed("write", &file))?;
        self.manifest.events = self.events;
        self.manifest.bytes = counted.bytes;
        self.manifest.xxh3_128 = format!("{:032x}", counted.hash.digest128());
        let text = serde_json::to_string_pretty(&self.manifest).expect("a manifest has only texts and numbers");
        let manifest = self.partial.join(MANIFEST);
        let written = File::create(&manifest).and_then(|mut file| {
            file.write_all(text.as_bytes())?;
            file.sync_all()
        });
        written.map_err(failed("write", &manifest))?;
        let named = fs::rename(&self.partial, &self.path);
        named.map_err(failed("rename", &self.partial))?;
        let dir = self.path.parent().unwrap_or(Path::new("."));
        File::open(dir).and_then(|dir| dir.sync_all()).map_err(failed("write", dir))?;
        Ok((self.path.clone(), self.events))
    }
}

impl Drop for NewFolder {
    fn drop(&mut self) {
        if self.partial.exists() {
            let _ = fs::remove_dir_all(&self.partial);
        }
    }
}

/// A name for a file: descriptions come from anybody.
fn plain(text: &str) -> String {
    let is_plain = |letter: char| letter.is_ascii_alphanumeric() || "-_".contains(letter);
    text.chars().take(DESCRIPTION_MAX).map(|letter| if is_plain(letter) { letter } else { '_' }).collect()
}

/// The backups in a folder, the latest first.
pub fn list(dir: &Path) -> Result<Vec<Backup>, BackupError> {
    let entries = match fs::read_dir(dir) {
        Ok(entries) => entries,
        Err(missing) if missing.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(source) => return Err(failed("list", dir)(source)),
    };
    let paths = entries.flatten().map(|entry| entry.path());
    // Other things may lie there, such as MADSci's own backups.
    let is_finished = |path: &PathBuf| {
        path.file_name().is_some_and(|name| !name.to_string_lossy().starts_with('.')) && path.join(MANIFEST).is_file()
    };
    let mut backups: Vec<Backup> = paths
        .filter(is_finished)
        .filter_map(|path| match read_manifest(&path) {
            Ok(manifest) => {
                let length = fs::metadata(path.join(EVENTS)).map(|found| found.len()).ok();
                Some(Backup { is_whole: length == Some(manifest.bytes), path, manifest })
            }
            Err(cause) => {
                warn!(path = %path.display(), %cause, "this is no backup that can be read");
                None
            }
        })
        .collect();
    backups.sort_by(|a, b| b.manifest.created_at.cmp(&a.manifest.created_at).then_with(|| b.path.cmp(&a.path)));
    Ok(backups)
}

/// What a backup says of itself.
pub fn read_manifest(path: &Path) -> Result<Manifest, BackupError> {
    let file = path.join(MANIFEST);
    let text = fs::read_to_string(&file).map_err(failed("read", &file))?;
    let unreadable = |reason: String| BackupError::Unreadable { path: path.to_owned(), reason };
    let manifest: Manifest = serde_json::from_str(&text).map_err(|error| unreadable(error.to_string()))?;
    if manifest.format > FORMAT {
        return Err(unreadable(format!("it has form {}, and this program knows {FORMAT}", manifest.format)));
    }
    Ok(manifest)
}

/// The file of the events of a backup.
pub fn events_file(path: &Path) -> PathBuf {
    path.join(EVENTS)
}

/// Reads the whole file and compares it with what it should be.
pub fn verify(path: &Path) -> Result<Manifest, BackupError> {
    let manifest = read_manifest(path)?;
    let file = path.join(EVENTS);
    let mut open = File::open(&file).map_err(failed("open", &file))?;
    let (mut hash, mut piece) = (Xxh3::new(), vec![0; 1 << 16]);
    loop {
        let length = open.read(&mut piece).map_err(failed("read", &file))?;
        if length == 0 {
            break;
        }
        hash.update(&piece[..length]);
    }
    if format!("{:032x}", hash.digest128()) != manifest.xxh3_128 {
        let reason = format!("{EVENTS} is not what was written: its checksum differs");
        return Err(BackupError::Unreadable { path: path.to_owned(), reason });
    }
    Ok(manifest)
}

/// Deletes all but the latest backups of a database.
pub(super) fn rotate(dir: &Path, database: &str, keep: usize) -> Result<(), BackupError> {
    let ours = list(dir)?.into_iter().filter(|backup| backup.manifest.database == database);
    for old in ours.skip(keep) {
        fs::remove_dir_all(&old.path).map_err(failed("delete the old backup", &old.path))?;
    }
    Ok(())
}

/// Deletes what was begun for a database and never finished, because the process was killed. Only one process makes backups of
/// a database in one folder.
pub(super) fn remove_unfinished(dir: &Path, database: &str) -> Result<(), BackupError> {
    let entries = match fs::read_dir(dir) {
        Ok(entries) => entries,
        Err(missing) if missing.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(source) => return Err(failed("list", dir)(source)),
    };
    let prefix = format!(".partial-{}_backup_", plain(database));
    for path in entries.flatten().map(|entry| entry.path()) {
        if path.file_name().is_some_and(|name| name.to_string_lossy().starts_with(&prefix)) {
            fs::remove_dir_all(&path).map_err(failed("delete the unfinished backup", &path))?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::fs;

    use jiff::{Timestamp, tz::TimeZone};

    use super::{EVENTS, NewFolder, list, remove_unfinished, rotate, verify};

    #[test]
    fn a_backup_appears_when_it_is_whole() {
        let dir = tempfile::tempdir().expect("a folder");
        let begin = |at: i64, description: &str| {
            let now = Timestamp::from_second(at).expect("a time");
            NewFolder::begin(dir.path(), "lab", now, &TimeZone::UTC, Some(description)).expect("it begins")
        };
        let mut first = begin(1_790_000_000, "../../etc/x y");
        first.write(b"{\"a\":1}\n{\"a\":2}\n").expect("it is written");
        assert!(list(dir.path()).expect("a list").is_empty());
        let (path, events) = first.finish().expect("it is whole");
        assert_eq!(events, 2);
        assert_eq!(path.file_name().expect("a name"), "lab_backup_20260921_141320_000000_______etc_x_y");
        assert_eq!(path.parent(), Some(dir.path()), "nobody writes elsewhere by a description");
        let packed = fs::read(path.join(EVENTS)).expect("the file");
        assert_eq!(zstd::decode_all(&packed[..]).expect("zstd"), b"{\"a\":1}\n{\"a\":2}\n");
        drop(begin(1_790_000_001, "never"));
        for number in 2..6 {
            begin(1_790_000_000 + number, "later").finish().expect("it is whole");
        }
        assert_eq!(list(dir.path()).expect("a list").len(), 5);
        fs::create_dir(dir.path().join("events_of_madsci")).expect("a folder");
        rotate(dir.path(), "other", 0).expect("those of others stay");
        fs::create_dir(dir.path().join(".partial-lab_backup_x")).expect("a folder");
        remove_unfinished(dir.path(), "lab").expect("it goes");
        rotate(dir.path(), "lab", 3).expect("old ones go");
        let left = list(dir.path()).expect("a list");
        assert_eq!(left.len(), 3);
        assert!(left[0].manifest.created_at > left[2].manifest.created_at && left[0].is_whole);
        assert_eq!(fs::read_dir(dir.path()).expect("a folder").count(), 4, "what is not ours stays");
        verify(&left[0].path).expect("it is as it was written");
        let file = left[0].path.join(EVENTS);
        let mut bytes = fs::read(&file).expect("the file");
        bytes[3] ^= 1;
        fs::write(&file, &bytes).expect("it can be written");
        assert!(verify(&left[0].path).unwrap_err().to_string().contains("checksum"));
        fs::write(&file, b"").expect("it can be written");
        assert!(!list(dir.path()).expect("a list")[0].is_whole);
    }
}
