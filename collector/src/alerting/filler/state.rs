//! What is known of having looked through the store for a rule.

use serde::{Deserialize, Serialize};

use crate::{
    alerting::rows,
    store::{Row, RowChange, RowExpect},
};

/// The row of a rule. Times are microseconds since 1970 UTC.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct RuleState {
    /// The revision of the rule that was looked for.
    pub(super) revision: String,
    /// When that was begun.
    pub(super) filled_at: i64,
    /// Since when the rule is missing because a file is wrong.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) missing_since: Option<i64>,
}

impl RuleState {
    pub(super) fn new(revision: &str, now: i64) -> Self {
        Self { revision: revision.to_owned(), filled_at: now, missing_since: None }
    }

    /// The rule is missing from now on.
    pub(super) fn missing(self, now: i64) -> Self {
        Self { missing_since: Some(now), ..self }
    }

    /// The change that puts it over the row that it was made from.
    pub(super) fn over(&self, row: &Row, due: Option<i64>) -> RowChange {
        rows::put(rows::RULE_STATE, row.key.as_str(), RowExpect::Version(row.version), due, self)
    }
}
