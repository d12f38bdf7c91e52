//! Looks through what is stored for what concerns rules that are new, and marks it. Judging goes on meanwhile.
//!
//! Rules that became new at the same time are looked for together, the newest events first. What concerns a rule is marked when
//! it was looked for as far back as it looks (or before, where it is much), a part at a time and behind the marks of what
//! happens now; then it is noted that this was done. Whoever dies before begins again: to mark something twice does no harm,
//! and an old episode that is known only after newer ones is told late.
//!
//! Other collectors mark for a new rule only once they know it, so that what came meanwhile is looked for once more; and so is
//! what came to a collector that lacked a rule, because a file was wrong when it was started.

mod pass;

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    sync::Arc,
};

use tokio::sync::{Notify, watch};

use self::pass::{Found, Pass, Since};
use super::{
    clock::Clock,
    marks::MarkContent,
    rows,
    rule_state::{self, RuleState},
    rulebook::Rulebook,
    stored_alert::StoredAlert,
};
use crate::{
    alert::{
        judging::{micros, revision_of},
        rule::Rule,
    },
    store::{EventStore, Row, RowChange, RowExpect, StoreError},
};

/// After so long every collector knows a new rule, in microseconds.
const KNOWN_AFTER: i64 = 15_000_000;

/// Events that came while not every collector knew a rule are looked for so far back, in microseconds.
const LATE_MAX: i64 = 600_000_000;

/// Clocks of collectors differ, and an event is stored some time after it was received: by so much, in microseconds.
const RECEIVED_BEFORE: i64 = 10_000_000;

/// So many rows are read or written at a time.
const PART: usize = 500;

/// Where so many marks wait to be judged now or soon, in microseconds, no more are written because of a new rule ...
const SOON: i64 = 30_000_000;

/// ... for so long: it must come to an end also where more is marked all the time than is judged.
const WAIT_MAX: i64 = 5_000_000;

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
    /// What whoever judges here has taken up; none where somebody else does.
    taken_up: watch::Receiver<Option<Arc<Rulebook>>>,
    clock: Clock,
    /// Wakes whoever judges.
    wake: Arc<Notify>,
    /// The rulebook whose new rules are looked for.
    at_work: Option<Arc<Rulebook>>,
    /// What is being looked for; the last is looked for first.
    passes: Vec<Pass>,
    /// Marks to be written, and after those of a rule the note that they were.
    found: VecDeque<RowChange>,
    /// The rules of these notes, with their revisions.
    to_note: BTreeMap<String, String>,
    /// Since when writing waits.
    waits_since: Option<i64>,
}

impl Filler {
    pub(super) fn new(
        store: Arc<dyn EventStore>,
        taken_up: watch::Receiver<Option<Arc<Rulebook>>>,
        clock: Clock,
        wake: Arc<Notify>,
    ) -> Self {
        let (at_work, passes, found, to_note) = (None, Vec::new(), VecDeque::new(), BTreeMap::new());
        Self { store, taken_up, clock, wake, at_work, passes, found, to_note, waits_since: None }
    }

    /// Does a little. After a failure it goes on where it was.
    pub(super) async fn step(&mut self) -> Result<Stepped, StoreError> {
        let taken_up = self.taken_up.borrow_and_update().clone();
        let Some(rulebook) = taken_up else {
            // Somebody else does it now.
            (self.at_work, self.passes) = (None, Vec::new());
            self.found.clear();
            self.to_note.clear();
            return Ok(Stepped::Nothing);
        };
        if self.at_work.as_ref().is_none_or(|at_work| !Arc::ptr_eq(at_work, &rulebook)) {
            self.take_up(&rulebook).await?;
            self.at_work = Some(Arc::clone(&rulebook));
        }
        self.begin_again(&rulebook).await?;
        if !self.found.is_empty() {
            return self.write().await;
        }
        let Some(pass) = self.passes.last_mut() else { return Ok(Stepped::Nothing) };
        let looked = pass.go_on(&*self.store, &rulebook).await;
        if looked.is_err() {
            // One that does not get on must not keep the others from it.
            self.passes.rotate_right(1);
        } else if pass.is_over() {
            self.passes.pop();
        }
        let now = self.clock.now();
        for Found { marks, note } in looked? {
            self.found.extend(marks.iter().map(|mark| mark.change(now)));
            if let Some((rule, note)) = note {
                self.to_note.insert(rule.name().to_owned(), revision_of(&rule));
                self.found.push_back(note);
            }
        }
        Ok(Stepped::More)
    }

    /// Sees which rules of a rulebook are new: those that were changed or came back are, too.
    async fn take_up(&mut self, rulebook: &Rulebook) -> Result<(), StoreError> {
        let now = self.clock.now();
        let enabled = rulebook.rules.rules().iter().filter(|rule| rule.section().enabled);
        let rules: BTreeMap<&str, &Arc<Rule>> = enabled.map(|rule| (rule.name(), rule)).collect();
        for pass in &mut self.passes {
            pass.keep(&rules);
        }
        self.passes.retain(|pass| !pass.is_over());
        self.to_note
            .retain(|name, revision| rules.get(name.as_str()).is_some_and(|rule| revision_of(rule) == *revision));
        let to_note = &self.to_note;
        self.found.retain(|change| change.kind != rows::RULE_STATE || to_note.contains_key(&change.key));
        let known = rule_state::all(&*self.store).await?;
        let (mut pass, mut new) = (Pass::default(), BTreeSet::new());
        for (name, rule) in rules {
            let (row, state) = known.get(name).map(|(row, state)| (row, state)).unzip();
            let is_new = state.is_none_or(|state| state.revision != revision_of(rule));
            let missed = state.and_then(|state| state.missing_since).map(|since| missed_since(rule, since));
            let since = match (is_new, missed) {
                _ if self.is_sought(rule) => continue,
                (false, None) => continue,
                (false, Some(missed)) => missed,
                (true, missed) => {
                    new.insert(name.to_owned());
                    let look_back = rule.section().trigger.look_back().map_or(0, micros);
                    let time = now.saturating_sub(look_back).saturating_sub(micros(rule.section().lateness.0));
                    Since { time: missed.map_or(time, |missed| missed.time.min(time)), received: i64::MIN }
                }
            };
            pass.add(Arc::clone(rule), since, first_note(rule, row, now));
        }
        self.mark_alerts(&new, now).await?;
        if !pass.is_over() {
            self.passes.push(pass);
        }
        Ok(())
    }

    /// Marks the alerts that new rules have already: what the rules would say of them now is to be seen, though their events may
    /// be long ago.
    async fn mark_alerts(&mut self, new: &BTreeSet<String>, now: i64) -> Result<(), StoreError> {
        if new.is_empty() {
            return Ok(());
        }
        let (mut after, mut marks) = (None::<String>, Vec::new());
        loop {
            let page = self.store.rows(rows::ALERT, after.as_deref(), PART).await?;
            for row in &page {
                let Some(stored) = rows::read::<StoredAlert>(rows::ALERT, row) else { continue };
                if new.contains(&stored.alert.rule) {
                    marks.push(MarkContent::at(&stored.alert.rule, &stored.alert.group, now).change(now));
                }
            }
            if page.len() < PART {
                self.found.extend(marks);
                return Ok(());
            }
            after = page.last().map(|row| row.key.clone());
        }
    }

    /// Begins to look once more for what came while not every collector knew a new rule.
    async fn begin_again(&mut self, rulebook: &Rulebook) -> Result<(), StoreError> {
        let (mut pass, mut changes) = (Pass::default(), Vec::new());
        for row in self.store.rows_due(rows::RULE_STATE, self.clock.now(), PART).await? {
            let Some(state) = rows::read::<RuleState>(rows::RULE_STATE, &row) else { continue };
            match rulebook.rules.get(&row.key).filter(|rule| rule.section().enabled) {
                Some(rule) if self.is_sought(rule) => {}
                Some(rule) if state.revision == revision_of(rule) => {
                    pass.add(Arc::clone(rule), missed_since(rule, state.filled_at), again_note(&row, &state));
                }
                // It is not known here, or another rule, and is looked for when it is taken up.
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
        self.to_note.contains_key(rule.name()) || self.passes.iter().any(|pass| pass.seeks(rule))
    }

    /// Writes a part of what was found, unless much waits to be judged.
    async fn write(&mut self) -> Result<Stepped, StoreError> {
        let kind = self.found[0].kind;
        if kind == rows::MARK {
            let now = self.clock.now();
            let waiting = self.store.rows_due(rows::MARK, now.saturating_add(SOON), PART).await?.len();
            let since = *self.waits_since.get_or_insert(now);
            if waiting == PART && (since..since.saturating_add(WAIT_MAX)).contains(&now) {
                return Ok(Stepped::Waits);
            }
            self.waits_since = None;
        }
        // A note is written after its marks, and stores promise no order among what is written together.
        let length = self.found.iter().take(PART).take_while(|change| change.kind == kind).count();
        self.store.change_rows(self.found.iter().take(length).cloned().collect()).await?;
        for change in self.found.drain(..length).filter(|change| change.kind == rows::RULE_STATE) {
            self.to_note.remove(&change.key);
        }
        self.wake.notify_one();
        Ok(Stepped::More)
    }
}

/// What concerns a rule and came while not every collector knew it, from an instant on.
fn missed_since(rule: &Rule, at: i64) -> Since {
    let received = at.saturating_sub(micros(rule.section().lateness.0).max(RECEIVED_BEFORE));
    Since { time: received.saturating_sub(LATE_MAX), received }
}

/// The note that a rule was looked for; it says when to do so again.
fn first_note(rule: &Rule, before: Option<&Row>, now: i64) -> RowChange {
    let state = RuleState::new(&revision_of(rule), now);
    let expect = before.map_or(RowExpect::Nothing, |row| RowExpect::Version(row.version));
    rows::put(rows::RULE_STATE, rule.name(), expect, Some(now.saturating_add(KNOWN_AFTER)), &state)
}

/// The note that a rule was looked for once more.
fn again_note(row: &Row, state: &RuleState) -> RowChange {
    RuleState { missing_since: None, ..state.clone() }.over(row, None)
}
