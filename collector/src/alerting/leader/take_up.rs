//! Takes up a rulebook: rows of rules that are no more end, those of rules that were changed begin anew, and what new rules
//! concern is to be looked for.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

use super::{
    Leader,
    fill::{Fill, RuleState},
    judge::{self, is_own},
    samples::PAGE,
};
use crate::{
    alert::{
        judging::life_settings,
        life::begin_anew,
        rule::{KnownGroups, Rule},
    },
    alerting::{
        attend::look_at_receivers, marks::MarkContent, rows, rulebook::Rulebook, stored_alert::StoredAlert, telling,
    },
    store::{Row, RowChange, StoreError},
};

impl Leader {
    /// Takes up a rulebook, and all that is known of alerts.
    pub(super) async fn take_up(&mut self, rulebook: &Arc<Rulebook>) -> Result<(), StoreError> {
        let now = self.clock.now();
        self.firing.clear();
        let mut known = BTreeMap::new();
        let new = self.new_rules(rulebook, &mut known).await?;
        let mut texts: HashMap<String, Vec<String>> = HashMap::new();
        let mut after: Option<String> = None;
        loop {
            let page = self.store.rows(rows::ALERT, after.as_deref(), PAGE).await?;
            after = page.last().map(|row| row.key.clone());
            let is_last = page.len() < PAGE;
            let mut marks: Vec<RowChange> = Vec::new();
            for row in page {
                let Some(stored) = rows::read::<StoredAlert>(rows::ALERT, &row) else { continue };
                if rulebook.rules.get(&stored.alert.rule).is_some() {
                    texts.entry(stored.alert.rule.clone()).or_default().push(stored.alert.group.clone());
                }
                let stored = self.taken_up(rulebook, row, stored, now).await?;
                self.note_firing(&stored.id(), &stored);
                if new.contains_key(&stored.alert.rule) {
                    // What the rule would say of it now is to be seen, though its events may be long ago.
                    marks.push(MarkContent::at(&stored.alert.rule, &stored.alert.group, now).change());
                }
            }
            self.store.change_rows(marks).await?;
            if is_last {
                break;
            }
        }
        let groups = |rule: &Arc<Rule>| {
            let texts = texts.get(rule.name()).map(Vec::as_slice).unwrap_or_default();
            let groups_max = rule.section().groups_max;
            (rule.name().to_owned(), KnownGroups::new(groups_max, texts.iter().map(String::as_str)))
        };
        self.groups = rulebook.rules.rules().iter().map(groups).collect();
        let new: Vec<Arc<Rule>> = new.into_values().collect();
        self.fill = (!new.is_empty()).then(|| Fill::first(new, &known, now));
        // What mutes may be another now.
        look_at_receivers(&*self.store).await
    }

    /// The rules that are new here, were changed, or came back; of those that are no more it is forgotten that they were known.
    /// `known`: takes what was known of rules.
    async fn new_rules(
        &self,
        rulebook: &Rulebook,
        known: &mut BTreeMap<String, Row>,
    ) -> Result<BTreeMap<String, Arc<Rule>>, StoreError> {
        let enabled = rulebook.rules.rules().iter().filter(|rule| rule.section().enabled);
        let mut new: BTreeMap<String, Arc<Rule>> =
            enabled.map(|rule| (rule.name().to_owned(), Arc::clone(rule))).collect();
        let mut forgotten = Vec::new();
        for row in rows::all(&*self.store, rows::RULE_STATE, "").await? {
            let state = rows::read::<RuleState>(rows::RULE_STATE, &row);
            match new.get(&row.key) {
                Some(rule) if state.is_some_and(|state| state.revision == life_settings(rule).revision) => {
                    new.remove(&row.key);
                }
                None if rulebook.problems.is_empty() => forgotten.push(rows::remove(rows::RULE_STATE, &row)),
                _ => {}
            }
            known.insert(row.key.clone(), row);
        }
        self.store.change_rows(forgotten).await?;
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
}
