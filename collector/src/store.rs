//! Where events are kept: what a store promises, the stores there are, and how one is chosen.

mod choice;
#[cfg(test)]
mod conformance;
mod counter;
pub(crate) mod event_store;
mod mongo;
mod open;
mod pages;
mod rows;
mod sqlite;

use std::path::PathBuf;

pub use choice::StoreChoice;
pub use event_store::{
    Bucket, Criteria, DeadLetter, EventStore, Expect, Histogram, HistogramRequest, InsertReport, KafkaPlace, NewEvent,
    Order, Outcome, Page, Position, Search, StoreError, StoredDeadLetter, StoredEvent,
};
use labtrail_shared::settings::ByteSize;
pub use mongo::{MongoConfig, MongoOpenError, MongoReader, MongoStore, MongoUrl};
pub use open::{StoreOpenError, open};
pub(crate) use pages::Pages;
pub use rows::{Row, RowChange, RowContent, RowExpect, RowStore};
use serde::{Deserialize, Serialize};
pub use sqlite::{OpenError, SqliteStore};

/// `[store]`: which store, and how much it may use.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct StoreConfig {
    /// The kind of store. `sqlite`: one file, for up to some ten million events. `mongodb`: for many collectors, or a
    /// database that is there already. Default `sqlite`.
    pub kind: StoreKind,
    /// With `kind = "mongodb"`: where it is.
    pub mongodb: MongoConfig,
    /// The file of the store. Default: `events.sqlite` in `data_dir`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<PathBuf>,
    /// How many queries may read at the same time; each takes up to 8 MiB of memory for its cache. Default 4.
    pub readers: ReaderCount,
    /// How much may wait to be written before senders have to wait. Default 64MiB.
    pub queue_bytes_max: ByteSize,
    /// How much of what waits is committed in one go: more is faster, and makes the single event wait longer.
    /// Default 8MiB.
    pub commit_bytes_max: ByteSize,
    /// Memory of the writer for pages of the file. Default 32MiB.
    pub cache_bytes: ByteSize,
}

impl Default for StoreConfig {
    fn default() -> Self {
        Self {
            kind: StoreKind::default(),
            mongodb: MongoConfig::default(),
            path: None,
            readers: ReaderCount(4),
            queue_bytes_max: ByteSize::mib(64),
            commit_bytes_max: ByteSize::mib(8),
            cache_bytes: ByteSize::mib(32),
        }
    }
}

/// The stores there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum StoreKind {
    /// One `SQLite` file, written by this process alone.
    #[default]
    Sqlite,
    /// A `MongoDB` database, shared by any number of collectors.
    Mongodb,
}

/// A number of reading connections: from 1 to 64.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "u8")]
pub struct ReaderCount(u8);

impl ReaderCount {
    /// The number.
    pub fn get(self) -> usize {
        usize::from(self.0)
    }
}

impl TryFrom<u8> for ReaderCount {
    type Error = String;

    fn try_from(count: u8) -> Result<Self, String> {
        if (1..=64).contains(&count) { Ok(Self(count)) } else { Err(format!("{count} is not from 1 to 64")) }
    }
}
