//! Reads the checkpoint of the versions that kept it in a redb database, once.
//!
//! redb 4.6 panics on some damaged files, on some of them while it unwinds, which ends the process. So a marker file
//! says that reading has begun: if it is there at the next start, the database is put aside unread.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    path::Path,
};

use redb::{Database, DatabaseError, ReadableDatabase, ReadableTable, TableDefinition, TableError};

use super::rows::Changes;

const STREAMS: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("streams.v1");
const PATTERNS: TableDefinition<'_, &str, u64> = TableDefinition::new("patterns.v1");
/// redb's cache; the whole of the store is a few megabytes.
const CACHE_BYTES: usize = 2 << 20;

/// What became of it.
#[derive(Debug)]
pub(super) enum Imported {
    /// All that it held.
    Rows(Changes),
    /// Another process has it open.
    InUse,
    /// It cannot be read.
    Damaged(String),
}

/// Reads the database at this path, which exists.
pub(super) fn import(path: &Path) -> Imported {
    match catch_unwind(AssertUnwindSafe(|| read(path))) {
        Ok(Ok(changes)) => Imported::Rows(changes),
        Ok(Err(redb::Error::DatabaseAlreadyOpen)) => Imported::InUse,
        Ok(Err(error)) => Imported::Damaged(error.to_string()),
        Err(_) => Imported::Damaged("redb panicked".to_owned()),
    }
}

fn read(path: &Path) -> Result<Changes, redb::Error> {
    let database = Database::builder().set_cache_size(CACHE_BYTES).open(path).map_err(|error| match error {
        DatabaseError::DatabaseAlreadyOpen => redb::Error::DatabaseAlreadyOpen,
        other => other.into(),
    })?;
    let transaction = database.begin_read()?;
    let mut changes = Changes::default();
    match transaction.open_table(STREAMS) {
        Ok(table) => {
            for entry in table.iter()? {
                let (id, bytes) = entry?;
                changes.positions.insert(id.value(), Some(bytes.value().into()));
            }
        }
        Err(TableError::TableDoesNotExist(_)) => {}
        Err(error) => return Err(error.into()),
    }
    match transaction.open_table(PATTERNS) {
        Ok(table) => {
            for entry in table.iter()? {
                changes.patterns.insert(entry?.0.value().to_owned());
            }
        }
        Err(TableError::TableDoesNotExist(_)) => {}
        Err(error) => return Err(error.into()),
    }
    Ok(changes)
}
