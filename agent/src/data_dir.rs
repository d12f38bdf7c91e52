//! The data directory, which belongs to one agent at a time: two would each ship everything, and each overwrite what the
//! other remembers.

use std::{
    fs::{DirBuilder, File, OpenOptions, TryLockError},
    io::{self, Read, Write},
    path::{Path, PathBuf},
};

use jiff::Timestamp;
use thiserror::Error;

/// The file that is locked. It stays when the agent ends: its presence says nothing, only its lock does.
const LOCK_FILE: &str = "agent.lock";
/// More than a process id and a time need.
const HOLDER_BYTES_MAX: u64 = 256;

/// The data directory cannot be used.
#[derive(Debug, Error)]
pub(crate) enum DataDirError {
    /// It does not exist and cannot be made.
    #[error("create the data directory {}", .0.display())]
    Create(PathBuf, #[source] io::Error),
    /// Its lock file cannot be opened or written.
    #[error("write {}", .0.display())]
    LockFile(PathBuf, #[source] io::Error),
    /// Another agent uses it.
    #[error(
        "the data directory {} is in use by {holder}: stop that agent, or give this one a data_dir of its own",
        .path.display()
    )]
    InUse {
        /// The data directory.
        path: PathBuf,
        /// Who uses it, as far as is known.
        holder: String,
    },
    /// The file system knows no locks.
    #[error("lock {}: set data_dir to a folder on a local disk", .0.display())]
    Lock(PathBuf, #[source] io::Error),
}

/// A data directory that no other agent can open until this value is dropped, or its process has ended in whatever way.
#[derive(Debug)]
pub(crate) struct DataDir {
    /// Open for as long as the lock is to hold.
    _lock: File,
}

impl DataDir {
    /// Creates the directory where it does not exist, for this user alone, and locks it. Never waits.
    ///
    /// On Unix the lock is `flock(2)`, which is free again when its process has ended, even by `kill -9`; on Windows
    /// `LockFileEx`, which also keeps others from reading the file, so that the holder is not named there.
    pub(crate) fn open(path: &Path) -> Result<Self, DataDirError> {
        create(path).map_err(|error| DataDirError::Create(path.to_owned(), error))?;
        let lock_path = path.join(LOCK_FILE);
        let of_file = |error| DataDirError::LockFile(lock_path.clone(), error);
        let mut lock = open_lock_file(&lock_path).map_err(of_file)?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(DataDirError::InUse { path: path.to_owned(), holder: holder(&lock) });
            }
            Err(TryLockError::Error(error)) => return Err(DataDirError::Lock(lock_path, error)),
        }
        let text = format!("process {}, started at {:.0}\n", std::process::id(), Timestamp::now());
        lock.set_len(0).and_then(|()| lock.write_all(text.as_bytes())).map_err(of_file)?;
        Ok(Self { _lock: lock })
    }
}

fn create(path: &Path) -> io::Result<()> {
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path)
}

fn open_lock_file(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    // Not truncated: until it is locked it is another's.
    options.read(true).write(true).create(true).truncate(false);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

/// Who wrote the lock file.
fn holder(lock: &File) -> String {
    let mut text = String::new();
    match lock.take(HOLDER_BYTES_MAX).read_to_string(&mut text) {
        Ok(length) if length > 0 => text.trim_end().to_owned(),
        // Between locking and writing, or on Windows.
        _ => "another process".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use std::{fs, os::unix::fs::PermissionsExt};

    use super::{DataDir, DataDirError};

    #[test]
    fn a_directory_is_made_for_its_owner_alone() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("var/lib/agent");
        let _data_dir = DataDir::open(&path).expect("opened");
        let mode = |path: &std::path::Path| fs::metadata(path).expect("there").permissions().mode() & 0o777;
        assert_eq!(mode(&path), 0o700);
        assert_eq!(mode(&path.join("agent.lock")), 0o600);
    }

    #[test]
    fn a_second_agent_is_told_who_the_first_one_is() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        // What a process with a longer name left behind is not read as part of a name.
        fs::write(folder.path().join("agent.lock"), "process 4194304000, started at some time long ago, ended\n")
            .expect("written");
        let first = DataDir::open(folder.path()).expect("opened");
        let error = DataDir::open(folder.path()).expect_err("it is locked");
        let DataDirError::InUse { holder, .. } = &error else { panic!("{error}") };
        assert!(holder.starts_with(&format!("process {}, started at 20", std::process::id())), "{holder}");
        assert!(holder.ends_with('Z'), "{holder}");
        assert!(error.to_string().contains("is in use by process "), "{error}");
        drop(first);
        DataDir::open(folder.path()).expect("free again");
    }

    #[test]
    fn what_cannot_be_made_is_named() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        fs::write(folder.path().join("file"), "").expect("written");
        let error = DataDir::open(&folder.path().join("file/data")).expect_err("a file is no folder");
        assert!(error.to_string().starts_with("create the data directory /"), "{error}");
    }
}
