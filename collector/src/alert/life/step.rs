//! What is to be told of an alert, and the key by which it is told once.

use serde::{Deserialize, Serialize};

use super::AlertRow;
use crate::alert::trigger::Grounds;

/// Why a resolved alert is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WhyResolved {
    /// The condition no longer holds.
    Ended,
    /// Events that came late show that it did not hold.
    TakenBack,
    /// The rule is another one now. Close it where it is open; people need not hear of it.
    RuleChanged,
    /// There is no such rule any more. Close it where it is open; people need not hear of it.
    RuleDeleted,
}

/// What kind of step it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StepKind {
    /// The alert is raised.
    Fired,
    /// It still fires, and this is repeat number `n`, counted from 1.
    Repeated(u32),
    /// It is over.
    Resolved(WhyResolved),
    /// Nobody attended to it, and it reaches that level, counted from 1.
    Escalated(u32),
}

/// Something to tell of one episode of one rule and group.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Step {
    /// A text that no other step has: a function of rule, revision, group, episode and kind, and of when the row was made.
    pub key: String,
    /// What is told.
    pub kind: StepKind,
    /// The number of the episode.
    pub episode: u64,
    /// When the episode began, by its events.
    pub began: i64,
    /// When the episode ended, by its events, if it is known to have.
    pub ended: Option<i64>,
    /// When the step was taken, by the clock.
    pub at: i64,
    /// What the episode rests on.
    pub grounds: Grounds,
    /// How many episodes came and went untold since the one before.
    pub held_back: u64,
}

/// The key of a step. Readable; `%` and `:` in names are written `%25` and `%3A`, so that no two steps share one.
pub(super) fn key_of(row: &AlertRow, episode: u64, kind: StepKind) -> String {
    let escaped = |name: &str| name.replace('%', "%25").replace(':', "%3A");
    let (kind, n) = match kind {
        StepKind::Fired => ("fired", 0),
        StepKind::Repeated(n) => ("repeated", n),
        StepKind::Resolved(_) => ("resolved", 0),
        StepKind::Escalated(n) => ("escalated", n),
    };
    let (rule, revision, group) = (escaped(&row.rule), escaped(&row.revision), escaped(&row.group));
    format!("{rule}:{revision}:{group}:{}:{episode}:{kind}:{n}", row.made_at)
}
