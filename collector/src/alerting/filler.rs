//! Looks through what is stored for what concerns rules that are new, and marks it. Judging goes on meanwhile.
//!
//! Rules that became new at the same time are looked for together, the newest events first. A rule that was looked for as far
//! back as it looks is marked in what concerns it, a part at a time and behind the marks of what happens now; then it is
//! noted that this was done. Whoever dies before begins again: to mark something twice does no harm, and an old episode that
//! is known only after newer ones is told late.
//!
//! Other collectors mark for a new rule only once they know it, so that what came meanwhile is looked for once more.

mod pass;
mod state;

use std::{
    collections::{BTreeMap, VecDeque},
    sync::Arc,
};

use tokio::sync::{Notify, watch};

use self::{
    pass::{Found, Pass, Since},
    state::RuleState,
};
use super::{clock::Clock, marks::MarkContent, rows, rulebook::Rulebook, stored_alert::StoredAlert};
use crate::{
    alert::{
        judging::{life_settings, micros},
        rule::Rule,
    },
    store::{EventStore, Row, RowChange, RowExpect, StoreError},
};

/// After so long every collector knows a new rule, in microseconds.
const KNOWN_AFTER: i64 = 15_000_000;

/// Events that came while not every collector knew a rule are looked for so far back, in microseconds.
const LATE_MAX: i64 = 600_000_000;

/// So many rows are read or written at a time. No more marks wait to be judged because of a new rule.
const PART: usize = 500;

/// What a step did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stepped {
    /// There is more to do.
    More,
    /// There is more to do once what is marked was judged.
    Waits,
    /// No rule is new.
    Nothing,
}

/// Looks for what concerns new rules.
#[derive(Debug)]
pub(super) struct Filler {
    store: Arc<dyn EventStore>,
    rulebook: watch::Receiver<Arc<Rulebook>>,
    clock: Clock,
    /// Wakes whoever judges.
    wake: Arc<Notify>,
    /// The rulebook whose new rules are looked for.
    at_work: Option<Arc<Rulebook>>,
    /// What is being looked for; the newest is looked for first.
    passes: Vec<Pass>,
    /// Marks to be written, and after those of a rule the note that they were.
    found: VecDeque<RowChange>,
}

impl Filler {
    pub(super) fn new(
        store: Arc<dyn EventStore>,
        rulebook: watch::Receiver<Arc<Rulebook>>,
        clock: Clock,
        wake: Arc<Notify>,
    ) -> Self {
        Self { store, rulebook, clock, wake, at_work: None, passes: Vec::new(), found: VecDeque::new() }
    }

    /// Forgets what it was about: somebody else does it now.
    pub(super) fn step_down(&mut self) {
        (self.at_work, self.passes) = (None, Vec::new());
        self.found.clear();
    }

    /// Does a little. After a failure it goes on where it was.
    pub(super) async fn step(&mut self) -> Result<Stepped, StoreError> {
        let rulebook = Arc::clone(&self.rulebook.borrow_and_update());
        if self.at_work.as_ref().is_none_or(|at_work| !Arc::ptr_eq(at_work, &rulebook)) {
            self.take_up(&rulebook).await?;
            self.at_work = Some(Arc::clone(&rulebook));
        }
        self.begin_again(&rulebook).await?;
        if !self.found.is_empty() {
            return self.write().await;
        }
        let Some(pass) = self.passes.last_mut() else { return Ok(Stepped::Nothing) };
        let found = pass.go_on(&*self.store, &rulebook).await?;
        if pass.is_over() {
            self.passes.pop();
        }
        let now = self.clock.now();
        for Found { marks, note } in found {
            self.found.extend(marks.iter().map(|mark| mark.change(now)).chain(note));
        }
        Ok(Stepped::More)
    }

    /// Sees which rules of a rulebook are new: those that were changed or came back are, too. Of those that are no more it is
    /// forgotten that they were known.
    async fn take_up(&mut self, rulebook: &Rulebook) -> Result<(), StoreError> {
        let now = self.clock.now();
        let enabled = rulebook.rules.rules().iter().filter(|rule| rule.section().enabled);
        let rules: BTreeMap<&str, &Arc<Rule>> = enabled.map(|rule| (rule.name(), rule)).collect();
        for pass in &mut self.passes {
            pass.keep(&rules);
        }
        self.passes.retain(|pass| !pass.is_over());
        let (mut known, mut changes, mut missed) = (BTreeMap::new(), Vec::new(), Vec::new());
        for row in rows::all(&*self.store, rows::RULE_STATE, "").await? {
            let state = rows::read::<RuleState>(rows::RULE_STATE, &row);
            match (rules.get(row.key.as_str()), state) {
                (Some(rule), Some(state)) if state.revision == life_settings(rule).revision => {
                    missed.extend(state.missing_since.map(|since| ((*rule).clone(), since, row.clone())));
                }
                (None, _) if rulebook.problems.is_empty() => changes.push(rows::remove(rows::RULE_STATE, &row)),
                // A file that is wrong may have had it: what comes meanwhile is not marked for it.
                (None, Some(state)) if state.missing_since.is_none() => {
                    changes.push(state.missing(now).over(&row, None));
                }
                _ => {}
            }
            known.insert(row.key.clone(), row);
        }
        self.store.change_rows(changes).await?;
        let is_known = |rule: &Arc<Rule>| {
            let state = known.get(rule.name()).and_then(|row| rows::read::<RuleState>(rows::RULE_STATE, row));
            state.is_some_and(|state| state.revision == life_settings(rule).revision)
        };
        let new = rules.values().filter(|rule| !is_known(rule) && !self.is_sought(rule)).map(|rule| Arc::clone(rule));
        let new: BTreeMap<String, Arc<Rule>> = new.map(|rule| (rule.name().to_owned(), rule)).collect();
        self.mark_alerts(&new, now).await?;
        let mut pass = Pass::default();
        for rule in new.into_values() {
            let look_back = rule.section().trigger.look_back().map_or(0, micros);
            let time = now.saturating_sub(look_back).saturating_sub(micros(rule.section().lateness.0));
            let note = first_note(&rule, known.get(rule.name()), now);
            pass.add(rule, Since { time, received: i64::MIN }, note);
        }
        for (rule, since, row) in missed.into_iter().filter(|(rule, ..)| !self.is_sought(rule)) {
            let note = first_note(&rule, Some(&row), now);
            let since = missed_since(&rule, since);
            pass.add(rule, since, note);
        }
        if !pass.is_over() {
            self.passes.push(pass);
        }
        Ok(())
    }

    /// Marks the alerts that new rules have already: what the rules would say of them now is to be seen, though their events may
    /// be long ago.
    async fn mark_alerts(&mut self, new: &BTreeMap<String, Arc<Rule>>, now: i64) -> Result<(), StoreError> {
        if new.is_empty() {
            return Ok(());
        }
        for row in rows::all(&*self.store, rows::ALERT, "").await? {
            let Some(stored) = rows::read::<StoredAlert>(rows::ALERT, &row) else { continue };
            if new.contains_key(&stored.alert.rule) {
                self.found.push_back(MarkContent::at(&stored.alert.rule, &stored.alert.group, now).change(now));
            }
        }
        Ok(())
    }

    /// Begins to look once more for what came while not every collector knew a new rule.
    async fn begin_again(&mut self, rulebook: &Rulebook) -> Result<(), StoreError> {
        let (mut pass, mut changes) = (Pass::default(), Vec::new());
        for row in self.store.rows_due(rows::RULE_STATE, self.clock.now(), PART).await? {
            let Some(state) = rows::read::<RuleState>(rows::RULE_STATE, &row) else {
                changes.push(rows::remove(rows::RULE_STATE, &row));
                continue;
            };
            match rulebook.rules.get(&row.key).filter(|rule| rule.section().enabled) {
                Some(rule) if self.is_sought(rule) => {}
                Some(rule) if state.revision == life_settings(rule).revision => {
                    pass.add(Arc::clone(rule), missed_since(rule, state.filled_at), state.over(&row, None));
                }
                // It is another rule now, or not known here.
                _ => changes.push(state.over(&row, None)),
            }
        }
        self.store.change_rows(changes).await?;
        if !pass.is_over() {
            self.passes.push(pass);
        }
        Ok(())
    }

    /// Whether a rule is being looked for, or that it was is still to be noted.
    fn is_sought(&self, rule: &Rule) -> bool {
        let is_found = |change: &RowChange| change.kind == rows::RULE_STATE && change.key == rule.name();
        self.passes.iter().any(|pass| pass.seeks(rule)) || self.found.iter().any(is_found)
    }

    /// Writes a part of what was found, unless much waits to be judged.
    async fn write(&mut self) -> Result<Stepped, StoreError> {
        let kind = self.found[0].kind;
        if kind == rows::MARK && self.store.rows_due(rows::MARK, self.clock.now(), PART).await?.len() == PART {
            return Ok(Stepped::Waits);
        }
        // A note is written after its marks, and stores promise no order among what is written together.
        let length = self.found.iter().take(PART).take_while(|change| change.kind == kind).count();
        self.store.change_rows(self.found.iter().take(length).cloned().collect()).await?;
        self.found.drain(..length);
        self.wake.notify_one();
        Ok(Stepped::More)
    }
}

/// What concerns a rule and came while not every collector knew it, from an instant on.
fn missed_since(rule: &Rule, at: i64) -> Since {
    let received = at.saturating_sub(micros(rule.section().lateness.0));
    Since { time: received.saturating_sub(LATE_MAX), received }
}

/// The note that a rule was looked for; it says when to do so again.
fn first_note(rule: &Rule, before: Option<&Row>, now: i64) -> RowChange {
    let state = RuleState::new(&life_settings(rule).revision, now);
    let expect = before.map_or(RowExpect::Nothing, |row| RowExpect::Version(row.version));
    rows::put(rows::RULE_STATE, rule.name(), expect, Some(now.saturating_add(KNOWN_AFTER)), &state)
}
