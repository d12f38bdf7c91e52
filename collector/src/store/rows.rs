//! What is kept beside events: small rows of JSON that change, such as the state of alerts.
//!
//! A row has a kind and a key, and a version that grows with each change. Whoever changes a row can say which version it
//! read, and is told when another was faster: so any number of collectors share rows without locks. A row may be due at an
//! instant, by which it is found. What was reported as changed survives the end of the process and of the machine.

use std::fmt::Debug;

use async_trait::async_trait;

use super::StoreError;

/// A row as it comes out of a store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// What tells it from others of its kind.
    pub key: String,
    /// Grows with each change, from 1.
    pub version: i64,
    /// When somebody is to look at it, in microseconds UTC.
    pub due: Option<i64>,
    /// Its content, as JSON.
    pub json: String,
}

/// A change of one row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RowChange {
    /// The kind of the row: a short word.
    pub kind: &'static str,
    /// What tells it from others of its kind.
    pub key: String,
    /// What is there now, as far as the caller knows.
    pub expect: RowExpect,
    /// What is to be there; nothing: the row is removed.
    pub put: Option<RowContent>,
}

/// What a row is to hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RowContent {
    /// When somebody is to look at it, in microseconds UTC.
    pub due: Option<i64>,
    /// Its content, as JSON.
    pub json: String,
}

/// What must be there for a change to be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RowExpect {
    /// Whatever is there.
    Anything,
    /// Nothing.
    Nothing,
    /// The row in this version.
    Version(i64),
}

/// A store of rows.
#[async_trait]
pub trait RowStore: Debug + Send + Sync {
    /// Makes changes, one after the other and each by itself; says of each whether what it expects was there, and so
    /// whether it was made. After an error any of them may be made. A change that was made, and whose answer was lost, may
    /// look as if another had been faster: whoever is told so reads the row again.
    async fn change_rows(&self, changes: Vec<RowChange>) -> Result<Vec<bool>, StoreError>;

    /// The row of that key.
    async fn row(&self, kind: &'static str, key: &str) -> Result<Option<Row>, StoreError>;

    /// Rows in the order of their keys, those behind a key.
    async fn rows(&self, kind: &'static str, after: Option<&str>, limit: usize) -> Result<Vec<Row>, StoreError>;

    /// Rows that are due at an instant, in microseconds UTC, or before it: what is due first comes first.
    async fn rows_due(&self, kind: &'static str, at: i64, limit: usize) -> Result<Vec<Row>, StoreError>;
}
