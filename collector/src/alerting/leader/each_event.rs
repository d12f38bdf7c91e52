//! Tells of each event by itself, as MADSci does: such events have no alerts that fire and end.

use std::collections::BTreeMap;

use serde_json::json;

use super::{route::outgoing, samples::Reader};
use crate::{
    alert::{
        routing::{Inhibitors, Muting, Notification, Silence},
        rule::Rule,
        step::{Alert, AlertStep, Evidence, StepKind},
        trigger::Mark,
    },
    alerting::{rows, rulebook::Rulebook, telling},
    store::{EventStore, StoreError, StoredEvent},
};

/// Tells of the events that are marked; says how many there were. The key of each notification is that of the event, so that
/// none is told twice.
pub(super) async fn each_event(
    store: &dyn EventStore,
    rulebook: &Rulebook,
    rule: &Rule,
    marks: &[Mark],
    now: i64,
) -> Result<u64, StoreError> {
    let silences: Vec<Silence> = rows::read_all(store, rows::SILENCE, "").await?;
    let muting = Muting { silences: &silences, maintenance: &rulebook.maintenance, inhibitors: Inhibitors::default() };
    let group = rule.group_of(&json!({}));
    let reader = Reader { store, rule, group: &group, room: None };
    let mut events: BTreeMap<String, StoredEvent> = BTreeMap::new();
    for mark in marks {
        let take = |stored: &StoredEvent| drop(events.insert(stored.id().to_owned(), stored.clone()));
        reader.each(mark.from, mark.to, take).await?;
    }
    let mut changes = Vec::new();
    for (id, StoredEvent { event, time, .. }) in &events {
        let alert = Alert {
            rule: rule.name().to_owned(),
            group: id.clone(),
            group_fields: BTreeMap::new(),
            severity: rule.severity_of(event),
            labels: rule.section().labels.clone(),
        };
        if muting.reason(&alert, now).is_some() {
            continue;
        }
        let summary = json!({"since": time, "number": null, "events": [telling::short(event)]});
        for receiver in rulebook.told_by(&rule.section().receivers) {
            let step = AlertStep {
                key: format!("{}:{id}", rule.name()),
                alert: alert.clone(),
                kind: StepKind::Fired,
                receivers: Vec::new(),
                at: *time,
                evidence: Evidence { event_ids: vec![id.clone()], count: 1 },
                summary: summary.clone(),
            };
            changes.push(outgoing(Notification::single(receiver, step, now), now));
        }
    }
    store.change_rows(changes).await?;
    Ok(events.len() as u64)
}
