//! The one who judges: takes what is marked and what is due, asks the store, and tells what follows.
//!
//! A round does, in this order: it notes up to when all is stored; takes marks and rows that are due; judges each rule and
//! group of them by what the store has; saves each row over the one it read, with the steps that follow; removes the marks
//! that it took, unless they were written again meanwhile; and gives the steps to the receivers (`route`). Being stopped
//! anywhere does no harm: what was not saved is judged again, and comes out the same.

mod fill;
mod judge;
mod look_after;
mod route;
mod samples;
mod sparse;

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

use futures_util::{StreamExt as _, stream};
use tokio::sync::watch;

use self::judge::{Judged, Task};
use super::{
    clock::Clock, marks::MarkContent, metrics::AlertMetrics, rows, rulebook::Rulebook, stored_alert::StoredAlert,
};
use crate::{
    alert::{key::key_of, rule::KnownGroups, step::Alert},
    store::{EventStore, Row, RowContent, StoreError},
};

/// So many marks and rows are taken at a time.
const TAKEN_MAX: usize = 4000;

/// So many rules and groups are judged at the same time.
const JUDGED_AT_ONCE: usize = 8;

/// The one who judges.
#[derive(Debug)]
pub(super) struct Leader {
    store: Arc<dyn EventStore>,
    rulebook: watch::Receiver<Arc<Rulebook>>,
    clock: Clock,
    metrics: AlertMetrics,
    history_keep: i64,
    /// The rulebook that was last looked through.
    at_work: Option<Arc<Rulebook>>,
    /// The groups of each rule that have a row.
    groups: HashMap<String, KnownGroups>,
    /// The alerts that fire, by identifier.
    firing: BTreeMap<String, Alert>,
    /// Rules and groups of which so much comes that they rest in between, and until when.
    resting: HashMap<String, i64>,
    /// When old rows are looked for next.
    look_after_at: i64,
    /// Until when nobody else judges.
    valid_until: i64,
}

/// What a round did.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(super) struct Round {
    /// Whether there may be more to do at once.
    pub(super) is_full: bool,
    /// How many rows were judged.
    pub(super) judged: usize,
}

impl Leader {
    pub(super) fn new(
        store: Arc<dyn EventStore>,
        rulebook: watch::Receiver<Arc<Rulebook>>,
        clock: Clock,
        metrics: AlertMetrics,
        history_keep: i64,
    ) -> Self {
        Self {
            store,
            rulebook,
            clock,
            metrics,
            history_keep,
            at_work: None,
            groups: HashMap::new(),
            firing: BTreeMap::new(),
            resting: HashMap::new(),
            look_after_at: 0,
            valid_until: 0,
        }
    }

    /// Forgets what it knows: somebody else judged meanwhile.
    pub(super) fn step_down(&mut self) {
        self.at_work = None;
        self.resting.clear();
    }

    /// Does what is to be done now. `stored_to` is the time up to which all that was sent is stored, read before; until
    /// `valid_until` nobody else judges.
    pub(super) async fn round(&mut self, stored_to: i64, valid_until: i64) -> Result<Round, StoreError> {
        self.valid_until = valid_until;
        let rulebook = Arc::clone(&self.rulebook.borrow_and_update());
        if self.at_work.as_ref().is_none_or(|at_work| !Arc::ptr_eq(at_work, &rulebook)) {
            self.take_up(&rulebook).await?;
            self.at_work = Some(Arc::clone(&rulebook));
        }
        self.fill_again(&rulebook).await?;
        let now = self.clock.now();
        let marks = self.store.rows_due(rows::MARK, now, TAKEN_MAX).await?;
        let due = self.store.rows_due(rows::ALERT, now, TAKEN_MAX).await?;
        let is_full = marks.len() == TAKEN_MAX || due.len() == TAKEN_MAX;
        let tasks = self.tasks(&rulebook, marks, due, now);
        let judged_count = tasks.len();
        let (this, rulebook_seen) = (&*self, &rulebook);
        let results: Vec<Result<(Judged, Option<Row>), StoreError>> = stream::iter(tasks)
            .map(async |task| {
                let judged = judge::judge(&*this.store, rulebook_seen, &this.groups, task, stored_to, now).await?;
                let saved = this.save(&judged, now).await?;
                Ok((judged, saved))
            })
            .buffer_unordered(JUDGED_AT_ONCE)
            .collect()
            .await;
        let mut routed = Vec::new();
        for result in results {
            let (judged, saved) = result?;
            routed.extend(self.note(judged, saved, now));
        }
        self.route(&rulebook, routed, now).await?;
        self.look_after(now).await?;
        self.metrics.firing.set(self.firing.len() as i64);
        Ok(Round { is_full, judged: judged_count })
    }

    /// One task for each rule and group of which something is to be done.
    fn tasks(&mut self, rulebook: &Rulebook, marks: Vec<Row>, due: Vec<Row>, now: i64) -> Vec<Task> {
        self.resting.retain(|_, until| *until > now);
        let mut tasks: BTreeMap<String, Task> = BTreeMap::new();
        for row in marks {
            let Some(mark) = rows::read::<MarkContent>(rows::MARK, &row) else { continue };
            let group = self.admitted(rulebook, &mark);
            let id = key_of([mark.rule.as_str(), group.as_str()]);
            if self.resting.contains_key(&id) {
                continue;
            }
            let task = tasks.entry(id.clone()).or_insert_with(|| Task::new(id, mark.rule.clone(), group));
            task.marks.push((row, mark.mark()));
        }
        for row in due {
            let Some(stored) = rows::read::<StoredAlert>(rows::ALERT, &row) else { continue };
            let id = stored.id();
            if self.resting.contains_key(&id) {
                continue;
            }
            let (rule, group) = (stored.alert.rule.clone(), stored.alert.group.clone());
            let task = tasks.entry(id.clone()).or_insert_with(|| Task::new(id, rule, group));
            task.before = Some((row, stored));
        }
        tasks.into_values().collect()
    }

    /// The group of a mark, or the one for all groups that find no place.
    fn admitted(&mut self, rulebook: &Rulebook, mark: &MarkContent) -> String {
        let Some(rule) = rulebook.rules.get(&mark.rule) else { return mark.group.clone() };
        if rule.section().notify_each_event {
            return mark.group.clone();
        }
        let Some(group) = rule.group_from_text(&mark.group) else { return mark.group.clone() };
        let known = self.groups.entry(mark.rule.clone());
        let known = known.or_insert_with(|| KnownGroups::new(rule.section().groups_max, []));
        known.admit(group).text().to_owned()
    }

    /// Saves what was judged, unless somebody else was faster: then it is judged again. Gives back the row as it is saved.
    async fn save(&self, judged: &Judged, now: i64) -> Result<Option<Row>, StoreError> {
        let Judged { id, marks, before, after, is_changed, .. } = judged;
        let mut saved = before.clone();
        if let Some(after) = after.as_ref().filter(|_| *is_changed) {
            let change = after.change(before.as_ref());
            let RowContent { due, json } = change.put.clone().expect("an alert is put");
            let past = after.steps.iter().map(|step| self.past(after, &step.taken, now));
            if !self.store.change_rows(std::iter::once(change).chain(past).collect()).await?[0] {
                return Ok(None);
            }
            let version = before.as_ref().map_or(1, |row| row.version + 1);
            saved = Some(Row { key: id.clone(), version, due, json });
        }
        // A mark must not be removed that somebody who judges by now has dealt with, and that was written again since.
        if self.clock.now() < self.valid_until {
            let removed: Vec<_> = marks.iter().map(|mark| rows::remove(rows::MARK, mark)).collect();
            if !removed.is_empty() {
                self.store.change_rows(removed).await?;
            }
        }
        Ok(saved)
    }

    /// Notes what was judged. Gives back the row if it was saved and steps of it wait to be routed.
    fn note(&mut self, judged: Judged, saved: Option<Row>, now: i64) -> Option<(Row, StoredAlert)> {
        let Judged { id, after, took, samples, .. } = judged;
        self.metrics.evaluations.inc();
        self.metrics.samples.inc_by(samples);
        if took > REST_FROM {
            self.resting.insert(id.clone(), now.saturating_add((took * REST_FACTOR).min(REST_MAX)));
        }
        let (saved, after) = saved.zip(after)?;
        self.note_firing(&id, &after);
        Some((saved, after)).filter(|(_, after)| !after.steps.is_empty())
    }

    fn note_firing(&mut self, id: &str, stored: &StoredAlert) {
        if stored.is_firing() {
            self.firing.insert(id.to_owned(), stored.alert.clone());
        } else {
            self.firing.remove(id);
        }
    }
}

/// Judging that takes so long, in microseconds, is followed by a rest ...
const REST_FROM: i64 = 500_000;

/// ... that is so many times as long ...
const REST_FACTOR: i64 = 5;

/// ... and not longer than this: a flood of one group must not keep all others waiting.
const REST_MAX: i64 = 30_000_000;
