//! The row that a store keeps of one rule and group. When it was forgotten and is made anew, the number of the episode begins
//! again; `made_at` keeps its steps apart from those of the row before.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Acknowledged, Step, StepKind, step::key_of};
use crate::alert::trigger::{Grounds, Timeline};

/// Where an alert stands.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AlertState {
    /// Nothing was ever told, or not since the rule was changed.
    #[default]
    Inactive,
    /// The condition holds, not yet for long enough, or too soon after the last episode.
    Pending,
    /// It was told, and holds.
    Firing,
    /// It was told, and is over.
    Resolved,
}

/// An episode that was told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Told {
    /// Its number.
    pub episode: u64,
    /// When it began, by its events.
    pub began: i64,
    /// When it ended, or up to when it was seen to hold.
    pub seen_to: i64,
    /// Whether that it is over was told.
    pub is_resolved: bool,
}

/// The state of one rule and group. Times of events and times of the clock are both microseconds since 1970 UTC.
///
/// As stored, it may lack fields that are newer than it, and have some that are newer than the reader.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct AlertRow {
    /// The name of the rule.
    pub rule: String,
    /// The revision of the rule that the rest speaks of.
    pub revision: String,
    /// The key of the group.
    pub group: String,
    /// The fields that make the group, and what they are in it.
    pub labels: BTreeMap<String, String>,
    /// When the row was made, by the clock. Rows are forgotten; one that is made anew later gives its steps other keys.
    pub made_at: i64,
    /// Where the alert stands.
    pub state: AlertState,
    /// The number of the episode that `since` and what follows speak of; 0 before the first. Numbers only grow.
    pub episode: u64,
    /// How many numbers were given. More than `episode` where an older episode was told late.
    pub episodes: u64,
    /// When the episode, or the one that is pending, began, by its events.
    pub since: Option<i64>,
    /// When the episode ended, by its events.
    pub ended: Option<i64>,
    /// When it fired, by the clock.
    pub fired_at: Option<i64>,
    /// When it was resolved, by the clock.
    pub resolved_at: Option<i64>,
    /// When it last fired or was repeated or escalated, by the clock.
    pub last_notified_at: Option<i64>,
    /// How many steps of this episode were told.
    pub notified: u32,
    /// How many of them were repeats.
    pub repeated: u32,
    /// The level of escalation that was reached.
    pub escalated: u32,
    /// Who attends to it.
    pub acknowledged: Option<Acknowledged>,
    /// Since when nobody does while it fires, by the clock.
    pub unattended_since: Option<i64>,
    /// What the episode rests on.
    pub grounds: Grounds,
    /// What the newest episode of the timeline rests on, which may be yet to come.
    pub coming: Grounds,
    /// How many episodes came and went untold since the last that fired.
    pub held_back: u64,
    /// When to advance again though no event came, once `known_to` has reached it.
    pub look_again_at: Option<i64>,
    /// When to advance again though no event came, once the clock has reached it.
    pub act_at: Option<i64>,
    /// When the condition held and will hold.
    pub timeline: Timeline,
    /// Up to where the timeline was settled when the row was last advanced.
    pub known_to: Option<i64>,
    /// The newest episodes that were told, by time.
    pub told: Vec<Told>,
}

impl AlertRow {
    /// The row of a group in which something came for the first time.
    pub fn new(rule: &str, revision: &str, group: &str, labels: BTreeMap<String, String>) -> Self {
        let (rule, revision, group) = (rule.to_owned(), revision.to_owned(), group.to_owned());
        Self { rule, revision, group, labels, ..Self::default() }
    }

    /// Whether to advance the row though no event came.
    pub fn is_due(&self, known_to: i64, now: i64) -> bool {
        self.look_again_at.is_some_and(|at| at <= known_to) || self.act_at.is_some_and(|at| at <= now)
    }

    /// The place in `told` of the episode that fires.
    pub(super) fn firing(&self) -> Option<usize> {
        self.told.iter().position(|told| !told.is_resolved)
    }

    pub(super) fn step(&self, told: Told, kind: StepKind, now: i64, grounds: Grounds) -> Step {
        let ended = told.is_resolved.then_some(told.seen_to);
        let key = key_of(self, told.episode, kind);
        Step { key, kind, episode: told.episode, began: told.began, ended, at: now, grounds, held_back: 0 }
    }
}
