//! Takes up a rulebook: rows of rules that are no more end, and those of rules that were changed begin anew.

use std::{collections::HashMap, sync::Arc};

use super::{
    Leader,
    judge::{self, is_own},
    samples::PAGE,
};
use crate::{
    alert::{
        judging::revision_of,
        life::begin_anew,
        rule::{KnownGroups, Rule},
    },
    alerting::{attend::look_at_receivers, rows, rule_state, rulebook::Rulebook, stored_alert::StoredAlert, telling},
    store::{Row, StoreError},
};

impl Leader {
    /// Takes up a rulebook, and all that is known of alerts.
    pub(super) async fn take_up(&mut self, rulebook: &Arc<Rulebook>) -> Result<(), StoreError> {
        let now = self.clock.now();
        self.firing.clear();
        // Before anything of them ends: whoever dies in between must not leave a rule that nobody looks for.
        rule_state::forget(&*self.store, rulebook).await?;
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
                let stored = self.take_up_alert(rulebook, row, stored, now).await?;
                self.note_firing(&stored.id(), &stored);
            }
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
        // What mutes may be another now.
        look_at_receivers(&*self.store).await
    }

    /// Ends the row of a rule that is no more, and begins that of a rule that was changed anew.
    async fn take_up_alert(
        &self,
        rulebook: &Rulebook,
        row: Row,
        stored: StoredAlert,
        now: i64,
    ) -> Result<StoredAlert, StoreError> {
        let rule = rulebook.rules.get(&stored.alert.rule).filter(|rule| rule.section().enabled);
        let (after, is_changed) = match rule {
            Some(rule) => {
                let revision = revision_of(rule);
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
