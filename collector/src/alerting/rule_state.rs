//! What is known of having looked through the store for a rule: whether it is new.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{rows, rulebook::Rulebook};
use crate::{
    alert::judging::revision_of,
    store::{EventStore, Row, RowChange, RowExpect, StoreError},
};

/// The row of a rule. Times are microseconds since 1970 UTC.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct RuleState {
    /// The revision of the rule that was looked for; empty if it was changed since.
    pub(super) revision: String,
    /// When that was begun.
    pub(super) filled_at: i64,
    /// Since when a collector lacks the rule because a file is wrong: what comes to it is not marked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) missing_since: Option<i64>,
}

impl RuleState {
    pub(super) fn new(revision: &str, now: i64) -> Self {
        Self { revision: revision.to_owned(), filled_at: now, missing_since: None }
    }

    /// The change that puts it over the row that it was made from.
    pub(super) fn over(&self, row: &Row, due: Option<i64>) -> RowChange {
        rows::put(rows::RULE_STATE, row.key.as_str(), RowExpect::Version(row.version), due, self)
    }
}

/// All rows that can be read, by rule.
pub(super) async fn all(store: &dyn EventStore) -> Result<BTreeMap<String, (Row, RuleState)>, StoreError> {
    let rows = rows::all(store, rows::RULE_STATE, "").await?.into_iter();
    let read = |row: Row| rows::read(rows::RULE_STATE, &row).map(|state| (row.key.clone(), (row, state)));
    Ok(rows.filter_map(read).collect())
}

/// Makes rules new that are others by now, or are no more.
pub(super) async fn forget(store: &dyn EventStore, rulebook: &Rulebook) -> Result<(), StoreError> {
    let mut changes = Vec::new();
    for (name, (row, state)) in all(store).await? {
        match rulebook.rules.get(&name).filter(|rule| rule.section().enabled) {
            Some(rule) if state.revision.is_empty() || state.revision == revision_of(rule) => {}
            Some(_) => changes.push(RuleState { revision: String::new(), ..state }.over(&row, None)),
            // Of a file that is wrong nobody knows which rules it will have.
            None if rulebook.problems.is_empty() => changes.push(rows::remove(rows::RULE_STATE, &row)),
            None => {}
        }
    }
    store.change_rows(changes).await.map(drop)
}

/// Notes which rules are missing here because a file was wrong when this collector was started.
pub(super) async fn note_missing(store: &dyn EventStore, rulebook: &Rulebook) -> Result<(), StoreError> {
    if rulebook.problems.is_empty() {
        return Ok(());
    }
    let rows = all(store).await?.into_iter();
    let missing = rows.filter(|(name, (_, state))| {
        state.missing_since.is_none() && rulebook.rules.get(name).is_none_or(|rule| !rule.section().enabled)
    });
    let note = |(_, (row, state)): (_, (Row, RuleState))| {
        // What was still to be looked for once more is looked for then.
        let since = if row.due.is_some() { state.filled_at.min(rulebook.loaded_at) } else { rulebook.loaded_at };
        RuleState { missing_since: Some(since), ..state }.over(&row, row.due)
    };
    store.change_rows(missing.map(note).collect()).await.map(drop)
}
