//! The rows that alerts are kept in, beside the events: their kinds, and how they are read and written.

use std::{
    collections::BTreeSet,
    sync::{Mutex, PoisonError},
};

use serde::{Serialize, de::DeserializeOwned};
use tracing::error;

use crate::store::{Row, RowChange, RowContent, RowExpect, RowStore, StoreError};

/// Where events came that concern a rule and group, and nobody has judged them yet.
pub(crate) const MARK: &str = "alert-mark";
/// An alert: one row for each rule and group.
pub(crate) const ALERT: &str = "alert";
/// What a receiver was told and is to be told.
pub(crate) const RECEIVER: &str = "alert-receiver";
/// A notification.
pub(crate) const OUTBOX: &str = "alert-outbox";
/// Whose turn it is to send to a receiver, and how the receiver does.
pub(crate) const LINE: &str = "alert-line";
/// A step in the life of an alert.
pub(crate) const HISTORY: &str = "alert-history";
/// What became of a step for a receiver.
pub(crate) const FATE: &str = "alert-fate";
/// A silence.
pub(crate) const SILENCE: &str = "alert-silence";
/// A rule that came through the API.
pub(crate) const RULE: &str = "alert-rule";
/// Up to which revision of a rule what was stored before was looked through.
pub(crate) const RULE_STATE: &str = "alert-rule-state";
/// Who judges.
pub(crate) const LEASE: &str = "alert-lease";

/// The rows that cannot be read and were told of: they are met again and again.
static TOLD: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());
const TOLD_MAX: usize = 1000;

/// So many rows are read at a time.
const PAGE: usize = 1000;

/// When a row is due that is to be looked at at once: clocks of collectors differ, and it must not wait for one that is
/// behind.
pub(crate) const AT_ONCE: i64 = 0;

/// What a row holds; none, and a word in the log, if it cannot be read: a newer version wrote it, or somebody by hand.
pub(crate) fn read<T: DeserializeOwned>(kind: &'static str, row: &Row) -> Option<T> {
    match serde_json::from_str(&row.json) {
        Ok(content) => Some(content),
        Err(problem) => {
            let mut told = TOLD.lock().unwrap_or_else(PoisonError::into_inner);
            if told.len() < TOLD_MAX && told.insert(format!("{kind}/{}", row.key)) {
                error!(kind, key = row.key, %problem, "a row of the alerts cannot be read; it is left as it is");
            }
            None
        }
    }
}

/// A change that puts something.
pub(crate) fn put<T: Serialize>(
    kind: &'static str,
    key: impl Into<String>,
    expect: RowExpect,
    due: Option<i64>,
    content: &T,
) -> RowChange {
    let json = serde_json::to_string(content).expect("rows have only text keys");
    RowChange { kind, key: key.into(), expect, put: Some(RowContent { due, json }) }
}

/// Puts something over the row that was read, or where there was none; gives back the row as it is then, if nobody else was
/// faster.
pub(crate) async fn save<S: RowStore + ?Sized, T: Serialize>(
    store: &S,
    kind: &'static str,
    key: &str,
    before: Option<&Row>,
    due: Option<i64>,
    content: &T,
) -> Result<Option<Row>, StoreError> {
    let expect = before.map_or(RowExpect::Nothing, |row| RowExpect::Version(row.version));
    let change = put(kind, key, expect, due, content);
    let json = change.put.as_ref().map(|put| put.json.clone()).unwrap_or_default();
    let is_saved = store.change_rows(vec![change]).await? == [true];
    let version = before.map_or(1, |row| row.version + 1);
    Ok(is_saved.then(|| Row { key: key.to_owned(), version, due, json }))
}

/// A change that removes the row in that version.
pub(crate) fn remove(kind: &'static str, row: &Row) -> RowChange {
    RowChange { kind, key: row.key.clone(), expect: RowExpect::Version(row.version), put: None }
}

/// All rows of a kind whose keys begin with a text.
pub(crate) async fn all<S: RowStore + ?Sized>(
    store: &S,
    kind: &'static str,
    prefix: &str,
) -> Result<Vec<Row>, StoreError> {
    let mut rows: Vec<Row> = Vec::new();
    loop {
        let after = rows.last().map_or_else(|| prefix.to_owned(), |row| row.key.clone());
        let page = store.rows(kind, Some(&after).filter(|after| !after.is_empty()).map(String::as_str), PAGE).await?;
        let is_last = page.len() < PAGE;
        let before = rows.len();
        rows.extend(page.into_iter().take_while(|row| row.key.starts_with(prefix)));
        if is_last || rows.len() < before + PAGE {
            return Ok(rows);
        }
    }
}

/// What all rows of a kind hold that can be read.
pub(crate) async fn read_all<S: RowStore + ?Sized, T: DeserializeOwned>(
    store: &S,
    kind: &'static str,
    prefix: &str,
) -> Result<Vec<T>, StoreError> {
    Ok(all(store, kind, prefix).await?.iter().filter_map(|row| read(kind, row)).collect())
}
