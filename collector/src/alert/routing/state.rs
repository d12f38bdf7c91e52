//! The row of a receiver: what waits to be told, what was told, and what is on its way to the outbox.
//!
//! Its size is bounded, so that it fits into a document of a store: steps beyond a hundred that wait wait without what
//! templates see of them, beyond ten thousand none waits any longer, and of alerts that were told thirty thousand are
//! known.

use std::collections::{BTreeMap, HashSet};

use serde::{Deserialize, Serialize};

use super::{
    config::GroupingConfig, muting::MuteReason, notification::Notification, record::StepFate, record::StepRecord,
};
use crate::alert::{key::key_of, step::AlertStep};

/// The version of the row.
const VERSION: u32 = 1;

/// How many steps wait with all that is known of them.
const WHOLE_MAX: usize = 100;

/// A step of more bytes waits without what templates see of it.
const SUMMARY_BYTES_MAX: usize = 16 * 1024;

/// So many identifiers of events stay with a step that is not whole.
const IDS_MAX: usize = 3;

/// So many steps may wait. If there are more, all are told at once, whatever mutes them: losing them would be worse.
pub(super) const WAITING_MAX: usize = 10_000;

/// So many alerts that were told are known. The end of one that is no longer known is not told.
const TOLD_MAX: usize = 30_000;

/// So long it is known which notification told the end of an alert, in microseconds: longer than the outbox tries.
const ENDED_KEEP: i64 = 4 * 24 * 3_600_000_000;

/// A step that was dealt with is known for at least so long, in microseconds, though it is not offered again.
const HANDLED_KEEP: i64 = 600_000_000;

/// The row of a receiver, to be kept as one JSON text. Times are microseconds since 1970 UTC.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ReceiverState {
    version: u32,
    /// The receiver.
    pub receiver: String,
    /// Changes with each plan: a row is saved only over the one that the plan was made from, which is one less.
    pub revision: u64,
    /// How many notifications there were.
    pub(super) sequence: u64,
    /// Steps that are not told yet, in their order.
    pub(super) waiting: Vec<Waiting>,
    /// The last notification of each alert.
    pub(super) told: BTreeMap<String, Told>,
    /// When groups are told.
    pub(super) clocks: BTreeMap<String, GroupClock>,
    /// When notifications were made in the last minute.
    pub(super) recent: Vec<i64>,
    /// The steps that were dealt with, and when, until they are not offered any more.
    handled: BTreeMap<String, i64>,
    /// Notifications that may not be in the outbox yet.
    pub(super) outgoing: Vec<Notification>,
}

/// A step that is not told yet.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Waiting {
    /// The step.
    pub step: AlertStep,
    /// The identifier of its alert.
    pub(super) alert: String,
    /// The group in which it will be told. All steps of an alert that wait are in one group.
    pub(super) group: String,
    /// Why it is not told, if it is muted.
    pub muted: Option<MuteReason>,
}

/// What a receiver knows of an alert.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Told {
    /// The last notification in which it was told of.
    pub(super) notification: String,
    /// When that was.
    pub(super) at: i64,
    /// Whether it was told that the alert fires and not yet that it ended.
    pub(super) is_open: bool,
}

/// When a group is told.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct GroupClock {
    /// When it will be; none if nothing waits that is not muted.
    pub(super) due_at: Option<i64>,
    /// When it was.
    pub(super) last_at: Option<i64>,
}

impl ReceiverState {
    /// The row of a receiver that was never told anything.
    pub fn new(receiver: impl Into<String>) -> Self {
        Self {
            version: VERSION,
            receiver: receiver.into(),
            revision: 0,
            sequence: 0,
            waiting: Vec::new(),
            told: BTreeMap::new(),
            clocks: BTreeMap::new(),
            recent: Vec::new(),
            handled: BTreeMap::new(),
            outgoing: Vec::new(),
        }
    }

    /// Whether steps wait, muted or not.
    pub fn has_waiting(&self) -> bool {
        !self.waiting.is_empty()
    }

    /// The steps that wait, with the reason of those that are muted.
    pub fn waiting(&self) -> &[Waiting] {
        &self.waiting
    }

    /// Notifications with these keys are in the outbox.
    pub fn confirm(&mut self, keys: &[String]) {
        self.outgoing.retain(|notification| !keys.contains(&notification.key));
    }

    /// Whether the receiver was told that the alert fires and not that it ended.
    pub(super) fn is_open(&self, alert: &str) -> bool {
        self.told.get(alert).is_some_and(|told| told.is_open)
    }

    /// Begins a plan. A clock that was set back leaves no time in the future that would hold anything up.
    pub(super) fn begin(&mut self, config: &GroupingConfig, now: i64) {
        self.revision += 1;
        for (group, clock) in &mut self.clocks {
            let (wait, interval) = config.pauses(group);
            clock.due_at = clock.due_at.map(|due_at| due_at.min(now.saturating_add(wait.max(interval))));
            clock.last_at = clock.last_at.map(|last_at| last_at.min(now));
        }
        self.clocks.retain(|group, clock| {
            let until = clock.last_at.map(|last_at| last_at.saturating_add(config.pauses(group).1));
            clock.due_at.is_some() || until.is_some_and(|until| until > now)
        });
        self.told.retain(|_, told| told.is_open || now.abs_diff(told.at) < ENDED_KEEP as u64);
        if let Some(excess) = self.told.len().checked_sub(TOLD_MAX).filter(|excess| *excess > 0) {
            let mut oldest: Vec<_> =
                self.told.iter().map(|(alert, told)| (told.is_open, told.at, alert.clone())).collect();
            oldest.sort_unstable();
            for (_, _, alert) in oldest.into_iter().take(excess) {
                self.told.remove(&alert);
            }
        }
    }

    /// Notes that a step is dealt with. False if it was before.
    pub(super) fn handle(&mut self, step: &str, now: i64) -> bool {
        let mut is_new = false;
        self.handled.entry(key_of([step])).or_insert_with(|| {
            is_new = true;
            now
        });
        is_new
    }

    /// Forgets the steps that were taken from where they waited, because they are not among those that are offered.
    pub(super) fn forget_handled(&mut self, offered: &[AlertStep], now: i64) {
        if self.handled.is_empty() {
            return;
        }
        let offered: HashSet<String> = offered.iter().map(|step| key_of([step.key.as_str()])).collect();
        self.handled.retain(|key, at| offered.contains(key) || now.abs_diff(*at) < HANDLED_KEEP as u64);
    }

    /// Puts a step with those that wait.
    pub(super) fn wait(&mut self, step: &AlertStep, alert: String, group: String, muted: Option<MuteReason>) {
        let mut step = step.clone();
        // Whom else it is for is of no interest here.
        step.receivers = Vec::new();
        let is_small = || step.summary.to_string().len() <= SUMMARY_BYTES_MAX;
        if self.waiting.len() >= WHOLE_MAX || !is_small() {
            step.summary = serde_json::Value::Null;
            step.evidence.event_ids.truncate(IDS_MAX);
        }
        self.waiting.push(Waiting { step, alert, group, muted });
    }
}

/// Notes what became of a step.
pub(super) fn note(records: &mut Vec<StepRecord>, step: &AlertStep, at: i64, fate: StepFate) {
    records.push(StepRecord { step: step.key.clone(), at, fate });
}
