//! Takes up a rulebook: rows of rules that are no more end, and what a new rule concerns is looked for in what is stored,
//! as far back as the rule looks. Other collectors mark for a new rule only once they know it, so that is done twice.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

use serde::{Deserialize, Serialize};
use tracing::info;

use super::{
    Leader,
    judge::{self, is_own},
    samples::{PAGE, pages},
};
use crate::{
    alert::{
        judging::{life_settings, micros},
        life::begin_anew,
        rule::{KnownGroups, Rule},
    },
    alerting::{
        attend::look_at_receivers, marks::MarkContent, rows, rulebook::Rulebook, stored_alert::StoredAlert, telling,
    },
    store::{Order, Row, StoreError},
};

/// After so long every collector knows a new rule, in microseconds.
const KNOWN_AFTER: i64 = 15_000_000;

/// No more events of a rule are looked through.
const EVENTS_MAX: usize = 200_000;

/// What was looked through for a rule.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct RuleState {
    revision: String,
    /// When it was first looked through.
    filled_at: i64,
}

impl Leader {
    /// Takes up a rulebook, and all that is known of alerts.
    pub(super) async fn take_up(&mut self, rulebook: &Arc<Rulebook>) -> Result<(), StoreError> {
        let now = self.clock.now();
        self.firing.clear();
        let new = self.new_rules(rulebook).await?;
        let mut texts: HashMap<String, Vec<String>> = HashMap::new();
        let mut after: Option<String> = None;
        loop {
            let page = self.store.rows(rows::ALERT, after.as_deref(), PAGE).await?;
            after = page.last().map(|row| row.key.clone());
            let is_last = page.len() < PAGE;
            for row in page {
                let Some(stored) = rows::read::<StoredAlert>(rows::ALERT, &row) else { continue };
                if rulebook.rules.get(&stored.alert.rule).is_some() {
                    texts.entry(stored.alert.rule.clone()).or_default().push(stored.alert.group.clone());
                }
                let stored = self.taken_up(rulebook, row, stored, now).await?;
                self.note_firing(&stored.id(), &stored);
                if new.contains(&stored.alert.rule) {
                    // What the rule would say of it now is to be seen, though its events may be long ago.
                    let mark = MarkContent::at(&stored.alert.rule, &stored.alert.group, now);
                    self.store.change_rows(vec![mark.change()]).await?;
                }
            }
            if is_last {
                break;
            }
        }
        let known = |rule: &Arc<Rule>| {
            let texts = texts.get(rule.name()).map(Vec::as_slice).unwrap_or_default();
            let groups_max = rule.section().groups_max;
            (rule.name().to_owned(), KnownGroups::new(groups_max, texts.iter().map(String::as_str)))
        };
        self.groups = rulebook.rules.rules().iter().map(known).collect();
        for name in &new {
            if let Some(rule) = rulebook.rules.get(name) {
                self.fill_new(rule, now).await?;
            }
        }
        // What mutes may be another now.
        look_at_receivers(&*self.store).await
    }

    /// The rules that are new here, were changed, or came back; of those that are no more it is forgotten that they were known.
    async fn new_rules(&self, rulebook: &Rulebook) -> Result<HashSet<String>, StoreError> {
        let enabled = rulebook.rules.rules().iter().filter(|rule| rule.section().enabled);
        let mut new: HashSet<String> = enabled.map(|rule| rule.name().to_owned()).collect();
        for row in rows::all(&*self.store, rows::RULE_STATE, "").await? {
            let state = rows::read::<RuleState>(rows::RULE_STATE, &row);
            match rulebook.rules.get(&row.key).filter(|rule| rule.section().enabled) {
                Some(rule) if state.is_some_and(|state| state.revision == life_settings(rule).revision) => {
                    new.remove(&row.key);
                }
                None if rulebook.problems.is_empty() => {
                    self.store.change_rows(vec![rows::remove(rows::RULE_STATE, &row)]).await?;
                }
                _ => {}
            }
        }
        Ok(new)
    }

    /// Ends the row of a rule that is no more, and begins that of a rule that was changed anew.
    async fn taken_up(
        &self,
        rulebook: &Rulebook,
        row: Row,
        stored: StoredAlert,
        now: i64,
    ) -> Result<StoredAlert, StoreError> {
        let rule = rulebook.rules.get(&stored.alert.rule).filter(|rule| rule.section().enabled);
        let (after, is_changed) = match rule {
            Some(rule) => {
                let revision = life_settings(rule).revision;
                if stored.row.revision == revision {
                    return Ok(stored);
                }
                let mut stored = stored;
                let (begun, steps) = begin_anew(std::mem::take(&mut stored.row), &revision, now);
                stored.row = begun;
                telling::add_steps(&*self.store, rulebook, Some(rule), &mut stored, steps).await?;
                (stored, true)
            }
            // Of a file that is wrong nobody knows which rules it will have.
            None if is_own(&stored.alert.rule) || !rulebook.problems.is_empty() => return Ok(stored),
            None => judge::ended(&*self.store, rulebook, stored, now).await?,
        };
        if is_changed && after.save(&*self.store, Some(&row)).await?.is_none() {
            // Somebody attended to it meanwhile. It is due at once, and is ended then.
            if let Some((row, stored)) = StoredAlert::load(&*self.store, &row.key).await? {
                rows::save(&*self.store, rows::ALERT, &row.key, Some(&row), Some(rows::AT_ONCE), &stored).await?;
                return Ok(stored);
            }
        }
        Ok(after)
    }

    async fn fill_new(&self, rule: &Rule, now: i64) -> Result<(), StoreError> {
        let revision = life_settings(rule).revision;
        let row = self.store.row(rows::RULE_STATE, rule.name()).await?;
        let look_back = rule.section().trigger.look_back().map_or(0, micros);
        let from = now.saturating_sub(look_back).saturating_sub(micros(rule.section().lateness.0));
        self.fill(rule, from).await?;
        let state = RuleState { revision, filled_at: now };
        let again_at = Some(now + KNOWN_AFTER);
        rows::save(&*self.store, rows::RULE_STATE, rule.name(), row.as_ref(), again_at, &state).await.map(drop)
    }

    /// Looks once more for what came while not every collector knew a new rule.
    pub(super) async fn fill_again(&self, rulebook: &Rulebook) -> Result<(), StoreError> {
        let now = self.clock.now();
        for row in self.store.rows_due(rows::RULE_STATE, now, PAGE).await? {
            let state = rows::read::<RuleState>(rows::RULE_STATE, &row);
            if let Some((rule, state)) = rulebook.rules.get(&row.key).zip(state.as_ref()) {
                let lateness = micros(rule.section().lateness.0);
                self.fill(rule, state.filled_at.saturating_sub(lateness)).await?;
            }
            match state {
                Some(state) => {
                    rows::save(&*self.store, rows::RULE_STATE, &row.key, Some(&row), None, &state).await?;
                }
                None => drop(self.store.change_rows(vec![rows::remove(rows::RULE_STATE, &row)]).await?),
            }
        }
        Ok(())
    }

    /// Marks what is stored from an instant on and concerns a rule.
    async fn fill(&self, rule: &Rule, from: i64) -> Result<(), StoreError> {
        let mut pages = pages(rule.filter().clone(), Order::Descending, Some(from), None);
        let mut events = 0;
        while let Some(page) = pages.next(&*self.store, PAGE).await? {
            events += page.len();
            let mut marks: Vec<MarkContent> = page
                .iter()
                .map(|stored| MarkContent::at(rule.name(), rule.group_of(&stored.event).text(), stored.time))
                .collect();
            marks.sort();
            marks.dedup();
            self.store.change_rows(marks.iter().map(MarkContent::change).collect()).await?;
            if events >= EVENTS_MAX {
                pages.end();
            }
        }
        if events > 0 {
            info!(rule = rule.name(), events, "looked through what is stored for a rule that is new");
        }
        Ok(())
    }
}
