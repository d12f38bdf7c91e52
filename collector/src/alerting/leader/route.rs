//! Gives the steps of alerts to the receivers: what is told now, later, or never, see `alert::routing` for the order in which
//! it must be written.

use std::collections::{BTreeSet, HashMap};

use super::Leader;
use crate::{
    alert::{
        key::key_of,
        outbox::OutboxRow,
        routing::{Inhibitors, Muting, Notification, Plan, ReceiverState, Silence, StepRecord, plan},
        step::AlertStep,
    },
    alerting::{metrics::StepLabel, rows, rulebook::Rulebook, sender, stored_alert::StoredAlert},
    store::{Row, RowChange, RowExpect, StoreError},
};
use serde_json::json;

/// Steps of so many rows are given at a time.
const ROWS_MAX: usize = 4000;

impl Leader {
    /// Gives the steps of these rows, and tells what else is due.
    pub(super) async fn route(
        &mut self,
        rulebook: &Rulebook,
        mut waiting: Vec<(Row, StoredAlert)>,
        now: i64,
    ) -> Result<(), StoreError> {
        let due = self.store.rows_due(rows::RECEIVER, now, ROWS_MAX).await?;
        if waiting.is_empty() && due.is_empty() {
            return Ok(());
        }
        // A receiver is to be offered all steps that wait, also those of rows that were not looked at in this round.
        let at_hand: BTreeSet<String> = waiting.iter().map(|(row, _)| row.key.clone()).collect();
        for row in self.store.rows_due(rows::ALERT, now, ROWS_MAX).await? {
            if at_hand.contains(&row.key) {
                continue;
            }
            let stored = rows::read::<StoredAlert>(rows::ALERT, &row);
            waiting.extend(stored.filter(|stored| !stored.steps.is_empty()).map(|stored| (row, stored)));
        }
        let past =
            waiting.iter().flat_map(|(_, stored)| stored.steps.iter().map(|step| self.past(stored, &step.taken, now)));
        let past: Vec<RowChange> = past.collect();
        self.store.change_rows(past).await?;
        let steps = waiting.iter().flat_map(|(_, stored)| stored.steps.iter().map(|step| &step.told));
        let steps: Vec<AlertStep> = in_order_of_alerts(steps);
        let states = self.states(&steps, &due).await?;
        let silences: Vec<Silence> = rows::read_all(&*self.store, rows::SILENCE, "").await?;
        let muting = Muting {
            silences: &silences,
            maintenance: &rulebook.maintenance,
            inhibitors: Inhibitors::new(&rulebook.inhibit, self.firing.values()),
        };
        for (name, row, state) in states {
            let plan = plan(state, &steps, &muting, &rulebook.grouping_of(&name), now);
            if !self.carry_out(plan, row, &name, now).await? {
                // Somebody else plans for this receiver; the steps wait for the next round.
                return Ok(());
            }
        }
        for (row, mut stored) in waiting {
            for step in stored.steps.drain(..) {
                let label = StepLabel { step: step.told.kind.name() };
                self.metrics.steps.get_or_create(&label).inc();
            }
            // Where somebody changed the row meanwhile the steps are offered again, and known.
            stored.save(&*self.store, Some(&row)).await?;
        }
        Ok(())
    }

    /// Saves what was planned for a receiver; says whether nobody else did meanwhile.
    async fn carry_out(&self, plan: Plan, before: Option<Row>, name: &str, now: i64) -> Result<bool, StoreError> {
        let Plan { mut state, notifications, records, next_at } = plan;
        let until = now.saturating_add(self.history_keep);
        let fates = records.iter().map(|record| fate(name, record, until));
        self.store.change_rows(fates.collect()).await?;
        // Whoever dies before the notifications are in the outbox leaves a row that is looked at again.
        let due = if notifications.is_empty() { next_at } else { Some(rows::AT_ONCE) };
        let saved = rows::save(&*self.store, rows::RECEIVER, name, before.as_ref(), due, &state).await?;
        if saved.is_none() {
            return Ok(false);
        }
        if notifications.is_empty() {
            return Ok(true);
        }
        let keys: Vec<String> = notifications.iter().map(|notification| notification.key.clone()).collect();
        let outgoing = notifications.into_iter().map(|notification| outgoing(notification, now));
        self.store.change_rows(outgoing.collect()).await?;
        state.confirm(&keys);
        rows::save(&*self.store, rows::RECEIVER, name, saved.as_ref(), next_at, &state).await?;
        Ok(true)
    }

    /// The receivers to plan for: where there are steps, all that have a row, as any of them may have been told of an alert
    /// that ends or wait for one that mutes; else those that are due.
    async fn states(
        &self,
        steps: &[AlertStep],
        due: &[Row],
    ) -> Result<Vec<(String, Option<Row>, ReceiverState)>, StoreError> {
        let there = if steps.is_empty() { due.to_vec() } else { rows::all(&*self.store, rows::RECEIVER, "").await? };
        let mut named: BTreeSet<String> = steps.iter().flat_map(|step| step.receivers.iter().cloned()).collect();
        let mut states = Vec::new();
        for row in there {
            named.remove(&row.key);
            if let Some(state) = rows::read::<ReceiverState>(rows::RECEIVER, &row) {
                states.push((row.key.clone(), Some(row), state));
            }
        }
        states.extend(named.into_iter().map(|name| (name.clone(), None, ReceiverState::new(name))));
        Ok(states)
    }
}

/// The row of a notification that is not there yet.
pub(super) fn outgoing(notification: Notification, now: i64) -> RowChange {
    sender::change(&OutboxRow::new(notification, now), RowExpect::Nothing)
}

/// The steps by time, but those of one alert in their own order, in which they are given: one that became known late may be
/// older than the one before it.
fn in_order_of_alerts<'s>(steps: impl IntoIterator<Item = &'s AlertStep>) -> Vec<AlertStep> {
    let mut latest: HashMap<String, i64> = HashMap::new();
    let mut timed: Vec<(i64, &AlertStep)> = Vec::new();
    for step in steps {
        let latest = latest.entry(step.alert.id()).or_insert(i64::MIN);
        *latest = step.at.max(*latest);
        timed.push((*latest, step));
    }
    timed.sort_by_key(|(at, _)| *at);
    timed.into_iter().map(|(_, step)| step.clone()).collect()
}

fn fate(receiver: &str, record: &StepRecord, until: i64) -> RowChange {
    let what = serde_json::to_string(&record.fate).expect("a fate is JSON");
    let key = format!("{}:{receiver}:{}", key_of([record.step.as_str()]), key_of([what.as_str()]));
    let content = json!({"receiver": receiver, "record": record});
    rows::put(rows::FATE, key, RowExpect::Anything, Some(until), &content)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde_json::Value;

    use super::{AlertStep, in_order_of_alerts};
    use crate::alert::{
        rule::Severity,
        step::{Alert, Evidence, StepKind},
    };

    #[test]
    fn steps_are_in_the_order_of_time_and_of_their_alerts() {
        let step = |group: &str, kind: StepKind, at: i64| {
            let (rule, severity) = ("r".to_owned(), Severity::Error);
            let (group_fields, labels) = (BTreeMap::new(), BTreeMap::new());
            let alert = Alert { rule, group: group.to_owned(), group_fields, severity, labels };
            let (key, receivers) = (format!("{group} {}", kind.name()), Vec::new());
            AlertStep { key, alert, kind, receivers, at, evidence: Evidence::default(), summary: Value::Null }
        };
        // The end of `a` is older than its beginning: it was told at sight before it was known to be over.
        let steps = [
            step("a", StepKind::Fired, 20),
            step("a", StepKind::Resolved, 10),
            step("b", StepKind::Fired, 15),
            step("c", StepKind::Fired, 30),
        ];
        let keys: Vec<String> = in_order_of_alerts(&steps).into_iter().map(|step| step.key).collect();
        assert_eq!(keys, ["b fired", "a fired", "a resolved", "c fired"]);
    }
}
