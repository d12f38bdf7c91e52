//! What must happen among the matching events of a group so that a rule fires.

mod reading;

use std::time::Duration;

use labtrail_shared::settings::Period;
use serde::{Deserialize, Serialize};

use super::field_path::FieldPath;
pub use crate::alert::trigger::Statistic;

/// When a rule fires. In the config: `"each"`, or a table with one of the other names.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Trigger {
    /// With each matching event.
    Each,
    /// When there are so many matching events within a time.
    AtLeast(AtLeast),
    /// When there are not so many matching events within a time.
    FewerThan(FewerThan),
    /// When a group that had matching events has none any more. A group that never had one is not missed.
    Silence(Silence),
    /// When there are many more matching events than there were before.
    Spike(Spike),
    /// When a field has a value that it did not have before.
    NewValue(NewValue),
    /// When a field has another value than in the group's event before.
    Change(Change),
    /// When a number computed of a field is out of bounds.
    Value(ValueBounds),
}

/// `at_least`: so many matching events within a time.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AtLeast {
    /// How many, from 1 to a million.
    pub count: u64,
    /// Within how long, at most 30d. A longer time costs more reading at each evaluation.
    pub within: Period,
}

/// `fewer_than`: not so many matching events within a time.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FewerThan {
    /// How many there must be for all to be well, from 1 to a million.
    pub count: u64,
    /// Within how long, at most 30d.
    pub within: Period,
}

/// `silence`: no matching event for a time.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Silence {
    /// How long after the last event, at most 30d.
    pub after: Period,
}

/// `spike`: many more matching events than before.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Spike {
    /// How many times as many as the mean of the windows before; more than 1.
    pub ratio: f64,
    /// The length of a window; all windows together are at most 30d.
    pub within: Period,
    /// With how many windows before it the newest is compared, from 1 to 100. Default 6.
    #[serde(default = "spike_windows")]
    pub windows: u32,
    /// How many events the newest window must have at least, so that two instead of one is no spike. Default 10.
    #[serde(default = "spike_at_least")]
    pub at_least: u64,
}

fn spike_windows() -> u32 {
    6
}

fn spike_at_least() -> u64 {
    10
}

/// `new_value`: a value that a field did not have before.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewValue {
    /// The field.
    pub field: FieldPath,
    /// For how long a value is remembered after it was last seen, at most 366d. Default 30d. Costs a row for each value.
    #[serde(default = "new_value_remember")]
    pub remember: Period,
}

fn new_value_remember() -> Period {
    Period(Duration::from_hours(30 * 24))
}

/// `change`: another value of a field than in the event before.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Change {
    /// The field.
    pub field: FieldPath,
}

/// `value`: a number computed of a field's values is out of bounds. With both bounds it fires while the number lies
/// between them; to be told of what lies outside of a range takes two rules.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ValueBounds {
    /// The field. Values that are no numbers do not count.
    pub field: FieldPath,
    /// What is computed of the values.
    pub statistic: Statistic,
    /// Of which time the values are, at most 30d.
    pub within: Period,
    /// It fires while the number is greater than this. Default: there is no such bound.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub above: Option<f64>,
    /// It fires while the number is less than this. Default: there is no such bound.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub below: Option<f64>,
    /// How many values there must be for the number to say anything, from 1 to a million. Default 1.
    #[serde(default = "value_at_least")]
    pub at_least: u64,
}

fn value_at_least() -> u64 {
    1
}

impl Trigger {
    /// Its name in the config.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Each => "each",
            Self::AtLeast(_) => "at_least",
            Self::FewerThan(_) => "fewer_than",
            Self::Silence(_) => "silence",
            Self::Spike(_) => "spike",
            Self::NewValue(_) => "new_value",
            Self::Change(_) => "change",
            Self::Value(_) => "value",
        }
    }

    /// How far back from an instant the matching events reach that decide whether the rule fires at it. Nothing for
    /// what looks at single events: `each`, `new_value` and `change`.
    pub fn look_back(&self) -> Option<Duration> {
        match self {
            Self::Each | Self::NewValue(_) | Self::Change(_) => None,
            Self::AtLeast(AtLeast { within, .. })
            | Self::FewerThan(FewerThan { within, .. })
            | Self::Value(ValueBounds { within, .. })
            | Self::Silence(Silence { after: within }) => Some(within.0),
            Self::Spike(Spike { within, windows, .. }) => Some(within.0.saturating_mul(windows.saturating_add(1))),
        }
    }
}
