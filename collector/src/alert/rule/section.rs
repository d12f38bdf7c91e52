//! The one schema of a rule, for `[[rules]]` in TOML files and for JSON in the API.

use std::{collections::BTreeMap, time::Duration};

use labtrail_shared::{selector::Selector, settings::Period};
use serde::{Deserialize, Serialize};

use super::{field_path::FieldPath, name::RuleName, severity::SeverityChoice, trigger::Trigger};

/// A rule as it is written. What cannot be wrong by itself was compiled while it was read; how the settings go together
/// is checked when a [`Rule`](super::Rule) is made of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RuleSection {
    /// The name, which no other rule has: 1 to 64 of `a-z`, `0-9`, `.`, `_` and `-`.
    pub name: RuleName,
    /// What it is for, in words for people. Default: nothing.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub description: String,
    /// Whether it is at work. Default `true`.
    #[serde(default = "yes")]
    pub enabled: bool,
    /// Which events concern the rule: a selector of the filter language. Default: all.
    #[serde(default, skip_serializing_if = "Selector::is_all")]
    pub when: Selector,
    /// What must happen among them so that it fires.
    pub trigger: Trigger,
    /// The fields by whose values the events are told apart; each group has an alert of its own. Default: none, all
    /// events are one group. At most 8.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub group_by: Vec<FieldPath>,
    /// How many groups there may be, from 1 to 100,000; the events of all further ones fall into one group more that
    /// says so. Default 10,000. Each group costs a row, until nothing came of it for `alerts.history_keep`.
    #[serde(default = "groups_max")]
    pub groups_max: u32,
    /// For how long the condition must hold before the alert fires. Default: it fires at once. At most 30d.
    #[serde(default, rename = "for", skip_serializing_if = "Option::is_none")]
    pub hold_for: Option<Period>,
    /// When it is told again that an alert still fires. Default: never.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub repeat: Option<Repeat>,
    /// For how long after an alert was resolved nobody is told when it fires again. Default: not at all. At most 30d.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cool_down: Option<Period>,
    /// How severe its alerts are: `info`, `warning`, `error`, `critical`, or `by_level` as the events are. Default
    /// `warning`.
    #[serde(default)]
    pub severity: SeverityChoice,
    /// Words for routes, silences and receivers. Default: none. At most 32.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: BTreeMap<String, String>,
    /// The template of a notification's subject. Default: the one that all rules share.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
    /// The template of a notification's text. Default: the one that all rules share.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body: Option<String>,
    /// Who is told, by the names of receivers. Default: the default receiver.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub receivers: Vec<String>,
    /// Who is told in addition when nobody acknowledges an alert in time, step by step. Default: nobody. At most 8.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub escalate: Vec<Escalation>,
    /// How long events may be late and still count in time; what later events could take back is decided only then.
    /// Default 10s, at most 1d.
    #[serde(default = "lateness")]
    pub lateness: Period,
    /// Whether there is one notification for each matching event, as MADSci's server does it: without groups, repeats
    /// and cool-down. Default `false`. A burst of errors is a burst of mails.
    #[serde(default, skip_serializing_if = "is_no")]
    pub notify_each_event: bool,
}

/// `escalate`: who is told when nobody acknowledged an alert in time.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Escalation {
    /// How long after the alert fired, or was let go of; each step later than the one before. At most 30d.
    pub after: Period,
    /// Who is told then, by the names of receivers; at least one.
    pub receivers: Vec<String>,
}

/// `repeat`: when it is told again that an alert still fires.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Repeat {
    /// How long after the first notification the second goes out, from 1s to 30d.
    pub after: Period,
    /// By how much each pause is longer than the one before, from 1 to 100. Default 1: all are alike.
    #[serde(default = "growth")]
    pub growth: f64,
    /// The longest pause, not shorter than `after`. Default 1d, or `after` if that is longer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at_most: Option<Period>,
}

impl Repeat {
    /// The longest pause between two notifications, in effect.
    pub fn pause_max(&self) -> Duration {
        self.at_most.map_or_else(|| self.after.0.max(Duration::from_hours(24)), |at_most| at_most.0)
    }
}

impl RuleSection {
    /// A rule of which only this was said.
    pub fn new(name: RuleName, when: Selector, trigger: Trigger) -> Self {
        Self {
            name,
            description: String::new(),
            enabled: true,
            when,
            trigger,
            group_by: Vec::new(),
            groups_max: groups_max(),
            hold_for: None,
            repeat: None,
            cool_down: None,
            severity: SeverityChoice::default(),
            labels: BTreeMap::new(),
            subject: None,
            body: None,
            receivers: Vec::new(),
            escalate: Vec::new(),
            lateness: lateness(),
            notify_each_event: false,
        }
    }
}

fn yes() -> bool {
    true
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks with a reference")]
fn is_no(value: &bool) -> bool {
    !value
}

fn groups_max() -> u32 {
    10_000
}

fn growth() -> f64 {
    1.0
}

fn lateness() -> Period {
    Period::secs(10)
}
