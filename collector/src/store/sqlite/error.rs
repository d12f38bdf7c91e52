//! Why a `SQLite` store could not be opened, and how its failures look to the users of any store.

use std::{path::PathBuf, sync::Arc};

use rusqlite::ErrorCode;
use thiserror::Error;

use super::schema::VERSION;
use crate::store::StoreError;

/// Why the file of a store could not be opened.
#[derive(Debug, Error)]
pub enum OpenError {
    /// Its folder cannot be made.
    #[error("create the folder {}", folder.display())]
    Folder {
        /// The folder.
        folder: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// The lock file cannot be opened.
    #[error("open the lock file {}", file.display())]
    LockFile {
        /// The lock file.
        file: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// Another process has the store open.
    #[error(
        "open the store {}: another collector is using it; stop that one, or give this one its own with --data-dir",
        file.display()
    )]
    InUse {
        /// The file of the store.
        file: PathBuf,
    },
    /// `SQLite` cannot open the file.
    #[error("open the store {}", file.display())]
    Open {
        /// The file of the store.
        file: PathBuf,
        /// What `SQLite` says.
        source: rusqlite::Error,
    },
    /// What stands in the file cannot be read.
    #[error("read the tables of the store")]
    Read(#[source] rusqlite::Error),
    /// The tables of a new file cannot be made.
    #[error("create the tables of the store")]
    Create(#[source] rusqlite::Error),
    /// The tables of an earlier version of this program cannot be brought up to date.
    #[error("bring the tables of the store up to date")]
    Update(#[source] rusqlite::Error),
    /// It is a file of another program.
    #[error("open the store: the file is an SQLite database of another program; name another one with [store] path")]
    NotOurs,
    /// It was written by a later version of this program.
    #[error(
        "open the store: it was written by a newer version of Labtrail (schema {found}, this one knows {VERSION}); \
         update this collector, or give it another --data-dir"
    )]
    Newer {
        /// The version of its schema.
        found: i64,
    },
}

/// The writer is gone: the process is stopping.
#[derive(Debug, Error)]
#[error("the store is closing")]
pub(super) struct Closing;

/// Whether waiting may help decides what a sender is told.
pub(super) fn store_error(attempt: &'static str, error: rusqlite::Error) -> StoreError {
    let may_pass = matches!(
        error.sqlite_error_code(),
        Some(
            ErrorCode::DatabaseBusy
                | ErrorCode::DatabaseLocked
                | ErrorCode::DiskFull
                | ErrorCode::SystemIoFailure
                | ErrorCode::OutOfMemory
                | ErrorCode::ReadOnly
                | ErrorCode::CannotOpen
                | ErrorCode::PermissionDenied
        )
    );
    let source = Arc::new(error);
    if may_pass { StoreError::Unavailable { attempt, source } } else { StoreError::Failed { attempt, source } }
}

pub(super) fn closing(attempt: &'static str) -> StoreError {
    StoreError::Unavailable { attempt, source: Arc::new(Closing) }
}
