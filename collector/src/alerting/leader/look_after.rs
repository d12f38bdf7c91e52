//! Removes what was kept for long enough: history, and notifications that were settled.

use super::Leader;
use crate::{
    alert::{life::Step, outbox::OutboxRow, routing::Silence},
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
        Ok(())
    }
}
