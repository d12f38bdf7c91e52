//! The lock on a file that Python's `filelock` takes: `flock` on a file beside it, which is removed by whoever lets go.

use std::{
    fs::{self, File, OpenOptions, TryLockError},
    io,
    os::unix::fs::{MetadataExt, OpenOptionsExt},
    path::{Path, PathBuf},
    thread,
    time::{Duration, Instant},
};

/// How often to ask for the lock.
const PERIOD: Duration = Duration::from_millis(50);

/// Why there is no lock.
#[derive(Debug)]
pub(super) enum FileLockError {
    /// Somebody else holds it.
    Busy,
    /// The lock file cannot be opened or locked.
    Open(io::Error),
}

/// The lock, held until this is dropped.
#[derive(Debug)]
pub(super) struct FileLock {
    file: File,
    path: PathBuf,
}

impl FileLock {
    /// Takes the lock, waiting for so long while somebody else holds it.
    pub(super) fn acquire(path: &Path, wait_max: Duration) -> Result<Self, FileLockError> {
        let started = Instant::now();
        loop {
            if let Some(file) = attempt(path).map_err(FileLockError::Open)? {
                return Ok(Self { file, path: path.to_owned() });
            }
            if started.elapsed() >= wait_max {
                return Err(FileLockError::Busy);
            }
            thread::sleep(PERIOD);
        }
    }
}

impl Drop for FileLock {
    fn drop(&mut self) {
        // Removed first: whoever opened it and locks it after us sees that it is gone, and asks again.
        let _ = fs::remove_file(&self.path);
        let _ = self.file.unlock();
    }
}

fn attempt(path: &Path) -> io::Result<Option<File>> {
    let file = OpenOptions::new().read(true).write(true).create(true).truncate(true).mode(0o644).open(path)?;
    match file.try_lock() {
        Ok(()) => Ok((file.metadata()?.nlink() > 0).then_some(file)),
        Err(TryLockError::WouldBlock) => Ok(None),
        Err(TryLockError::Error(error)) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use std::{
        sync::atomic::{AtomicUsize, Ordering},
        thread,
        time::Duration,
    };

    use super::{FileLock, FileLockError};

    #[test]
    fn one_at_a_time_holds_the_lock() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("x.lock");
        let held = FileLock::acquire(&path, Duration::ZERO).unwrap();
        assert!(matches!(FileLock::acquire(&path, Duration::ZERO), Err(FileLockError::Busy)));
        drop(held);
        assert!(!path.exists());
        let holders = AtomicUsize::new(0);
        thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for _ in 0..25 {
                        let _lock = FileLock::acquire(&path, Duration::from_mins(1)).unwrap();
                        assert_eq!(holders.fetch_add(1, Ordering::SeqCst), 0);
                        thread::yield_now();
                        holders.fetch_sub(1, Ordering::SeqCst);
                    }
                });
            }
        });
    }
}
