//! Removes what was kept for long enough: history, notifications that were settled, and alerts of which nothing comes any more.

use super::{Leader, judge::is_own};
use crate::{
    alert::{
        judging::life_settings,
        life::{AlertState, Step},
        outbox::OutboxRow,
        routing::Silence,
    },
    alerting::{
        rows,
        stored_alert::{PastStep, StoredAlert},
    },
    store::{RowChange, RowExpect, StoreError},
};

/// How often it is looked for, in microseconds.
const EVERY: i64 = 600_000_000;

/// So many rows are removed at a time.
const PART: usize = 1000;

impl Leader {
    /// The row of a step in the history.
    pub(super) fn past(&self, stored: &StoredAlert, step: &Step, now: i64) -> RowChange {
        let past = PastStep { alert: stored.id(), severity: stored.alert.severity, step: step.clone() };
        let until = now.saturating_add(self.history_keep);
        rows::put(rows::HISTORY, past.key(), RowExpect::Anything, Some(until), &past)
    }

    /// Removes what is too old, from time to time.
    pub(super) async fn look_after(&mut self, now: i64) -> Result<(), StoreError> {
        if now < self.look_after_at {
            return Ok(());
        }
        self.look_after_at = now.saturating_add(EVERY);
        for kind in [rows::HISTORY, rows::FATE] {
            loop {
                let old = self.store.rows_due(kind, now, PART).await?;
                let is_last = old.len() < PART;
                self.store.change_rows(old.iter().map(|row| rows::remove(kind, row)).collect()).await?;
                if is_last {
                    break;
                }
            }
        }
        let before = now.saturating_sub(self.history_keep);
        let settled = rows::all(&*self.store, rows::OUTBOX, "").await?.into_iter().filter(|row| row.due.is_none());
        let old = settled.filter(|row| {
            let sent = rows::read::<OutboxRow>(rows::OUTBOX, row);
            sent.is_some_and(|sent| sent.created_at < before && sent.log.last().is_none_or(|line| line.at < before))
        });
        let mut changes: Vec<RowChange> = old.map(|row| rows::remove(rows::OUTBOX, &row)).collect();
        let silences = rows::all(&*self.store, rows::SILENCE, "").await?;
        let old = silences
            .iter()
            .filter(|row| rows::read::<Silence>(rows::SILENCE, row).is_some_and(|silence| silence.until < before));
        changes.extend(old.map(|row| rows::remove(rows::SILENCE, row)));
        self.store.change_rows(changes).await?;
        self.forget(before).await
    }

    /// Forgets alerts of which nothing came since, so that there is room for other groups; a part of them each time.
    async fn forget(&mut self, before: i64) -> Result<(), StoreError> {
        // Of a rule that a wrong file leaves out it is not known how long it keeps quiet.
        let rulebook = self.at_work.clone().filter(|rulebook| rulebook.problems.is_empty());
        let Some(rulebook) = rulebook else { return Ok(()) };
        let quiet_for = |rule: &str| rulebook.rules.get(rule).map_or(0, |rule| life_settings(rule).cool_down);
        let page = self.store.rows(rows::ALERT, self.forgotten_to.as_deref(), PART).await?;
        self.forgotten_to = page.last().map(|row| row.key.clone()).filter(|_| page.len() == PART);
        let (mut changes, mut forgotten) = (Vec::new(), Vec::new());
        for row in page.iter().filter(|row| row.due.is_none()) {
            let Some(stored) = rows::read::<StoredAlert>(rows::ALERT, row) else { continue };
            if is_over(&stored, before.saturating_sub(quiet_for(&stored.alert.rule))) {
                changes.push(rows::remove(rows::ALERT, row));
                forgotten.push(stored.alert);
            }
        }
        let removed = self.store.change_rows(changes).await?;
        for (alert, _) in forgotten.iter().zip(removed).filter(|(_, is_removed)| *is_removed) {
            if let Some(groups) = self.groups.get_mut(&alert.rule) {
                groups.forget(&alert.group);
            }
        }
        Ok(())
    }
}

/// Whether nothing came of an alert since, and nothing is to come.
fn is_over(stored: &StoredAlert, before: i64) -> bool {
    let row = &stored.row;
    let is_quiet = !matches!(row.state, AlertState::Firing | AlertState::Pending) && stored.steps.is_empty();
    let last = row.known_to.max(row.ended).max(row.resolved_at).max(row.last_notified_at).max(Some(row.made_at));
    is_quiet && !is_own(&stored.alert.rule) && last < Some(before)
}
