//! What became of a step for a receiver: lines of the alert's history.

use serde::{Deserialize, Serialize};

use super::muting::MuteReason;

/// What became of a step. A step that was muted may be told later.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "fate", rename_all = "snake_case")]
pub enum StepFate {
    /// It is in a notification.
    Told {
        /// The notification's key.
        notification: String,
    },
    /// It is not told for now.
    Muted {
        /// Why.
        reason: MuteReason,
    },
    /// It never will be told, because its alert ended before it was no longer muted.
    MutedToTheEnd {
        /// Why it was muted.
        reason: MuteReason,
    },
    /// It never will be told, because another step of its alert says as much.
    Superseded {
        /// The key of the other step.
        by: String,
    },
    /// It ends an alert that the receiver was never told of.
    NeverTold,
}

/// What became of a step for a receiver.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StepRecord {
    /// The step.
    pub step: String,
    /// When it was decided: microseconds since 1970 UTC.
    pub at: i64,
    /// What became of it.
    #[serde(flatten)]
    pub fate: StepFate,
}
