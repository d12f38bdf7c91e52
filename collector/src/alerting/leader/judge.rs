//! Judges one rule in one group: by what the store has, whatever the marks were written for.

use std::collections::{HashMap, VecDeque};

use super::{
    each_event::each_event,
    samples::{Reader, Reading},
};
use crate::{
    alert::{
        judging::{life_settings, micros, trigger_of},
        life::{AlertRow, LifeSettings, Step, advance, delete},
        rule::{GroupKey, KnownGroups, Rule},
        step::Alert,
        trigger::{Mark, RESOLVE_AFTER, Trigger, Verdict, evaluate},
    },
    alerting::{marks::MarkContent, rulebook::Rulebook, stored_alert::StoredAlert, telling},
    store::{EventStore, Row, StoreError},
};

/// Marks whose distance is less are judged together, in microseconds.
const TOGETHER_WITHIN: i64 = 10 * 60 * 1_000_000;

/// A row that waits for what is not stored yet is looked at again so much later, in microseconds.
const BEHIND_PAUSE: i64 = 2_000_000;

/// What is to be judged.
#[derive(Debug)]
pub(super) struct Task {
    pub(super) id: String,
    pub(super) rule: String,
    pub(super) group: String,
    pub(super) marks: Vec<(Row, MarkContent)>,
    pub(super) before: Option<(Row, StoredAlert)>,
}

impl Task {
    pub(super) fn new(id: String, rule: String, group: String) -> Self {
        Self { id, rule, group, marks: Vec::new(), before: None }
    }
}

/// What is the same for all that is judged in a round.
#[derive(Debug, Clone, Copy)]
pub(super) struct World {
    /// Up to when all that was sent is stored.
    pub(super) stored_to: i64,
    /// What time it is.
    pub(super) now: i64,
    /// Whether all marks there are were taken.
    pub(super) has_all_marks: bool,
}

/// What came of it.
#[derive(Debug)]
pub(super) struct Judged {
    pub(super) id: String,
    /// The marks that were looked at.
    pub(super) marks: Vec<(Row, MarkContent)>,
    /// The row that was read.
    pub(super) before: Option<Row>,
    /// The row as it is to be.
    pub(super) after: Option<StoredAlert>,
    /// Whether it is another one.
    pub(super) is_changed: bool,
    /// How many events were read.
    pub(super) samples: u64,
}

/// Judges.
pub(super) async fn judge(
    store: &dyn EventStore,
    rulebook: &Rulebook,
    groups: &HashMap<String, KnownGroups>,
    task: Task,
    world: World,
) -> Result<Judged, StoreError> {
    let Task { id, rule, group, marks, before } = task;
    let ranges: Vec<Mark> = marks.iter().map(|(_, mark)| mark.mark()).collect();
    let now = world.now;
    let (before, stored) = match before {
        Some((row, stored)) => (Some(row), Some(stored)),
        None => StoredAlert::load(store, &id).await?.unzip(),
    };
    let rule = rulebook.rules.get(&rule).filter(|rule| rule.section().enabled);
    let mut judged = Judged { id, marks, before, after: None, is_changed: false, samples: 0 };
    let group = rule.and_then(|rule| Some((rule, rule.group_from_text(&group)?)));
    let (after, is_changed) = match (group, stored) {
        (Some((rule, group)), stored) => {
            let mut ranges = ranges;
            if rule.section().notify_each_event {
                // A week-end of old errors is a digest, as it is with every rule, and not a flood.
                let age_max = rulebook.age_max(&rule.section().receivers);
                let (old, new): (Vec<Mark>, Vec<Mark>) =
                    ranges.into_iter().partition(|mark| now.saturating_sub(mark.to) > age_max);
                judged.samples = each_event(store, rulebook, rule, &new, now).await?;
                ranges = old;
                if ranges.is_empty() && stored.is_none() {
                    return Ok(judged);
                }
            }
            let room = groups.get(rule.name());
            let mut live = Live { store, rulebook, rule, group, room, samples: 0, world };
            let result = live.advance(stored, ranges).await?;
            judged.samples += live.samples;
            result
        }
        (None, Some(stored)) if is_own(&stored.alert.rule) || !rulebook.problems.is_empty() => (Some(stored), false),
        (None, Some(stored)) => {
            let (after, is_changed) = ended(store, rulebook, stored, now).await?;
            (Some(after), is_changed)
        }
        (None, None) => (None, false),
    };
    Ok(Judged { after, is_changed, ..judged })
}

/// Whether an alert is of the collector's own making: no rule stands behind it.
pub(super) fn is_own(rule: &str) -> bool {
    crate::alerting::own::NAMES.contains(&rule)
}

/// The row of a rule that is no more.
pub(super) async fn ended(
    store: &dyn EventStore,
    rulebook: &Rulebook,
    mut stored: StoredAlert,
    now: i64,
) -> Result<(StoredAlert, bool), StoreError> {
    let before = stored.row.clone();
    let (row, steps) = delete(before.clone(), now);
    stored.row = row;
    let is_changed = stored.row != before;
    telling::add_steps(store, rulebook, None, &mut stored, steps).await?;
    Ok((stored, is_changed))
}

struct Live<'a> {
    store: &'a dyn EventStore,
    rulebook: &'a Rulebook,
    rule: &'a Rule,
    group: GroupKey,
    room: Option<&'a KnownGroups>,
    samples: u64,
    world: World,
}

impl Live<'_> {
    /// Takes the marks, and the time that passed, into the row; says whether it is another one then.
    async fn advance(
        &mut self,
        stored: Option<StoredAlert>,
        marks: Vec<Mark>,
    ) -> Result<(Option<StoredAlert>, bool), StoreError> {
        let settings = life_settings(self.rule);
        let trigger = trigger_of(self.rule);
        let lateness = micros(self.rule.section().lateness.0);
        let known_to = self.world.stored_to.saturating_sub(lateness);
        let is_new = stored.is_none();
        let mut stored = stored.unwrap_or_else(|| self.new_alert(&settings.revision));
        let before = stored.clone();
        (stored.lateness, stored.look_not_before) = (lateness, None);
        let is_stale = stored.row.revision != settings.revision;
        let is_due = stored.row.is_due(known_to, self.world.now);
        // Time alone may tell something only where all that came before was judged.
        if marks.is_empty() && !is_stale && !(is_due && self.world.has_all_marks) {
            return Ok(self.behind(stored, is_new));
        }
        // Also where something else came meanwhile: what is told now rests on events that lie before it.
        let again = look_again(&trigger, self.rule, &stored.row, known_to);
        let mut marks = VecDeque::from(together(marks.into_iter().chain(again).collect()));
        if marks.is_empty() {
            let verdict = Verdict::nothing_new(&trigger, known_to);
            self.take(&mut stored, &settings, &verdict).await?;
        }
        let mut later = Vec::new();
        while let Some(mark) = marks.pop_front() {
            let Reading { samples, mark, judged_to } = self.read(mark, &mut later).await?;
            let verdict = evaluate(&trigger, RESOLVE_AFTER, mark, &samples, known_to);
            let verdict = match judged_to {
                Some(to) => verdict.up_to(to),
                None => verdict,
            };
            self.take(&mut stored, &settings, &verdict).await?;
            marks.extend(later.drain(..));
        }
        let is_changed = is_new || stored != before;
        Ok((Some(stored), is_changed))
    }

    async fn take(
        &self,
        stored: &mut StoredAlert,
        settings: &LifeSettings,
        verdict: &Verdict,
    ) -> Result<(), StoreError> {
        let (row, steps): (AlertRow, Vec<Step>) =
            advance(std::mem::take(&mut stored.row), settings, verdict, self.world.now);
        stored.row = row;
        telling::add_steps(self.store, self.rulebook, Some(self.rule), stored, steps).await
    }

    async fn read(&mut self, mark: Mark, later: &mut Vec<Mark>) -> Result<Reading, StoreError> {
        let Self { store, rule, ref group, room, .. } = *self;
        let reading = Reader { store, rule, group, room }.read(mark, later).await?;
        self.samples += reading.samples.len() as u64;
        Ok(reading)
    }

    /// A row of which the time has come, but not what could be stored by then.
    fn behind(&self, stored: StoredAlert, is_new: bool) -> (Option<StoredAlert>, bool) {
        if is_new {
            return (None, false);
        }
        // What holds it up may last: it must not stand in the way of the others at each look.
        let is_held_up = stored.steps.is_empty();
        let look_not_before = if is_held_up { Some(self.world.now.saturating_add(BEHIND_PAUSE)) } else { None };
        (Some(StoredAlert { look_not_before, ..stored }), is_held_up)
    }

    fn new_alert(&self, revision: &str) -> StoredAlert {
        let section = self.rule.section();
        let alert = Alert {
            rule: self.rule.name().to_owned(),
            group: self.group.text().to_owned(),
            group_fields: self.group.fields(),
            severity: telling::severity(self.rule, &[]),
            labels: section.labels.clone(),
        };
        StoredAlert::new(alert, &section.description, revision, self.world.now)
    }
}

/// What to look at again where time alone would tell something: an event may be stored of which the mark was lost with
/// whoever was to write it.
fn look_again(trigger: &Trigger, rule: &Rule, row: &AlertRow, known_to: i64) -> Option<Mark> {
    let boundary = row.look_again_at.filter(|at| *at <= known_to)?;
    if trigger.is_told_at_sight() {
        return None;
    }
    let look_back = rule.section().trigger.look_back().map_or(0, micros);
    let from = boundary.saturating_sub(look_back).min(row.known_to.unwrap_or(boundary));
    Some(Mark { from, to: known_to })
}

/// Marks in order, those that are near in one.
fn together(mut marks: Vec<Mark>) -> Vec<Mark> {
    marks.sort_by_key(|mark| mark.from);
    let mut merged: Vec<Mark> = Vec::new();
    for mark in marks {
        match merged.last_mut() {
            Some(last) if mark.from <= last.to.saturating_add(TOGETHER_WITHIN) => last.to = last.to.max(mark.to),
            _ => merged.push(mark),
        }
    }
    merged
}

#[cfg(test)]
mod tests {
    use super::{Mark, TOGETHER_WITHIN, together};

    #[test]
    fn near_marks_are_judged_together() {
        let mark = |from, to| Mark { from, to };
        let far = TOGETHER_WITHIN + 21;
        let marks = vec![mark(far, far + 9), mark(10, 19), mark(0, 9), mark(12, 13)];
        assert_eq!(together(marks), [mark(0, 19), mark(far, far + 9)]);
        assert_eq!(together(Vec::new()), []);
    }
}
