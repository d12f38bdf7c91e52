//! Gives the steps of alerts to the receivers: what is told now, later, or never, see `alert::routing` for the order in which
//! it must be written.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::{Leader, samples::Reader};
use crate::{
    alert::{
        key::key_of,
        outbox::OutboxRow,
        routing::{Inhibitors, Muting, Notification, Plan, ReceiverState, Silence, StepRecord, plan},
        rule::Rule,
        step::{Alert, AlertStep, Evidence, StepKind},
        trigger::Mark,
    },
    alerting::{metrics::StepLabel, rows, rulebook::Rulebook, stored_alert::StoredAlert, telling},
    store::{EventStore, Row, RowChange, RowExpect, StoreError},
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
        if !past.is_empty() {
            self.store.change_rows(past).await?;
        }
        let mut steps: Vec<&AlertStep> =
            waiting.iter().flat_map(|(_, stored)| stored.steps.iter().map(|step| &step.told)).collect();
        // Steps of one alert stay in their order: the sort is stable.
        steps.sort_by_key(|step| step.at);
        let steps: Vec<AlertStep> = in_order_of_alerts(steps);
        let states = self.states(&steps, &due).await?;
        let silences = silences(&*self.store).await?;
        for (name, row, state) in states {
            let muting = Muting {
                silences: &silences,
                maintenance: &rulebook.maintenance,
                inhibitors: Inhibitors::new(&rulebook.inhibit, self.firing.values()),
            };
            let plan = plan(state, &steps, &muting, &rulebook.grouping_of(&name), now);
            if !self.carry_out(plan, row, &name, now).await? {
                // Somebody else plans for this receiver; the steps wait for the next round.
                return Ok(());
            }
        }
        let taken = waiting.into_iter().map(|(row, mut stored)| {
            for step in &stored.steps {
                let label = StepLabel { step: step.told.kind.name() };
                self.metrics.steps.get_or_create(&label).inc();
            }
            stored.steps.clear();
            stored.change(Some(&row))
        });
        let taken: Vec<RowChange> = taken.collect();
        if !taken.is_empty() {
            self.store.change_rows(taken).await?;
        }
        Ok(())
    }

    /// Saves what was planned for a receiver; says whether nobody else did meanwhile.
    async fn carry_out(&self, plan: Plan, before: Option<Row>, name: &str, now: i64) -> Result<bool, StoreError> {
        let Plan { mut state, notifications, records, next_at } = plan;
        let until = now.saturating_add(self.history_keep);
        let fates = records.iter().map(|record| fate(name, record, until));
        let fates: Vec<RowChange> = fates.collect();
        if !fates.is_empty() {
            self.store.change_rows(fates).await?;
        }
        // Whoever dies before the notifications are in the outbox leaves a row that is looked at again.
        let due = if notifications.is_empty() { next_at } else { Some(rows::AT_ONCE) };
        let change = rows::put(rows::RECEIVER, name, rows::expect(before.as_ref()), due, &state);
        if self.store.change_rows(vec![change]).await? != [true] {
            return Ok(false);
        }
        if notifications.is_empty() {
            return Ok(true);
        }
        let keys: Vec<String> = notifications.iter().map(|notification| notification.key.clone()).collect();
        let outgoing = notifications.into_iter().map(|notification| outgoing(&OutboxRow::new(notification, now)));
        self.store.change_rows(outgoing.collect()).await?;
        state.confirm(&keys);
        let version = before.map_or(1, |row| row.version + 1);
        let confirmed = rows::put(rows::RECEIVER, name, RowExpect::Version(version), next_at, &state);
        self.store.change_rows(vec![confirmed]).await?;
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
fn outgoing(row: &OutboxRow) -> RowChange {
    rows::put(rows::OUTBOX, row.key.clone(), RowExpect::Nothing, Some(row.next_at), row)
}

/// All silences.
pub(crate) async fn silences(store: &dyn EventStore) -> Result<Vec<Silence>, StoreError> {
    let rows = rows::all(store, rows::SILENCE, "").await?;
    Ok(rows.iter().filter_map(|row| rows::read(rows::SILENCE, row)).collect())
}

/// The steps by time, but those of one alert in their own order: one that became known late may be older than the one
/// before it.
fn in_order_of_alerts(steps: Vec<&AlertStep>) -> Vec<AlertStep> {
    let mut latest: HashMap<String, i64> = HashMap::new();
    let mut timed: Vec<(i64, &AlertStep)> = Vec::with_capacity(steps.len());
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

/// Tells of each event by itself, as MADSci does; says how many events there were. The key of each notification is that of
/// the event, so that none is told twice.
pub(super) async fn each_event(
    store: &dyn EventStore,
    rulebook: &Rulebook,
    rule: &Rule,
    marks: &[Mark],
    now: i64,
) -> Result<u64, StoreError> {
    let silences = silences(store).await?;
    let muting = Muting { silences: &silences, maintenance: &rulebook.maintenance, inhibitors: Inhibitors::default() };
    let mut samples = BTreeMap::new();
    for mark in marks {
        let group = rule.group_of(&json!({}));
        let reader = Reader { store, rule, group: &group, room: None };
        samples.extend(reader.all(mark.from, mark.to).await?.into_iter().map(|sample| (sample.id.clone(), sample)));
    }
    let mut changes = Vec::new();
    for (id, sample) in &samples {
        let Some(stored) = store.get(id).await? else { continue };
        let event = stored.event;
        let alert = Alert {
            rule: rule.name().to_owned(),
            group: id.clone(),
            group_fields: BTreeMap::new(),
            severity: rule.severity_of(&event),
            labels: rule.section().labels.clone(),
        };
        if muting.reason(&alert, now).is_some() {
            continue;
        }
        let summary = json!({"since": sample.time, "number": null, "events": [telling::short(&event)]});
        for receiver in rulebook.told_by(&rule.section().receivers) {
            let step = AlertStep {
                key: format!("{}:{id}", rule.name()),
                alert: alert.clone(),
                kind: StepKind::Fired,
                receivers: Vec::new(),
                at: sample.time,
                evidence: Evidence { event_ids: vec![id.clone()], count: 1 },
                summary: summary.clone(),
            };
            changes.push(outgoing(&OutboxRow::new(Notification::single(receiver, step, now), now)));
        }
    }
    store.change_rows(changes).await?;
    Ok(samples.len() as u64)
}
