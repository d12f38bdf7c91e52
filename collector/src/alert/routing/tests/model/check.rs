//! What must be true of a world that came to rest.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use proptest::{prop_assert, prop_assert_eq, test_runner::TestCaseError};
use serde_json::json;

use super::{RECEIVERS, SECOND, World};
use crate::alert::{
    routing::{Notification, ReceiverState, StepFate},
    step::{AlertStep, StepKind},
};

impl World {
    pub(super) fn check(&self) -> Result<(), TestCaseError> {
        for receiver in RECEIVERS {
            let told: Vec<&Notification> = self.outbox.iter().filter(|told| told.receiver == receiver).collect();
            self.check_fates(receiver, &told)?;
            self.check_order(receiver, &told)?;
            let row: ReceiverState = serde_json::from_str(&self.rows[receiver]).expect("a row");
            prop_assert!(!row.has_waiting(), "{:?}", row.waiting());
            let cap = self.config.cap_per_minute.get() as usize;
            for first in told.iter().filter(|_| !self.has_jumped_back) {
                let minute = first.created_at..first.created_at + 60 * SECOND;
                let count = told.iter().filter(|told| minute.contains(&told.created_at)).count();
                prop_assert!(count <= cap, "{count} in a minute");
            }
        }
        Ok(())
    }

    /// Each step has one end, told ones are in the notification they are said to be in, and others were rightly not told.
    fn check_fates(&self, receiver: &str, told: &[&Notification]) -> Result<(), TestCaseError> {
        let mut fates: HashMap<&str, &StepFate> = HashMap::new();
        let mut counts: BTreeMap<&str, u64> = BTreeMap::new();
        for (_, record) in self.records.iter().filter(|(other, _)| *other == receiver) {
            if matches!(record.fate, StepFate::Muted { .. }) {
                continue;
            }
            let before = fates.insert(&record.step, &record.fate);
            prop_assert!(before.is_none(), "{record:?} and {before:?}");
            if let StepFate::Told { notification } = &record.fate {
                *counts.entry(notification).or_default() += 1;
            }
        }
        for notification in told {
            let count = notification.steps.len() as u64 + notification.more;
            prop_assert_eq!(counts.remove(notification.key.as_str()), Some(count));
        }
        prop_assert!(counts.is_empty(), "not in the outbox: {counts:?}");
        let listed: Vec<&str> = told.iter().flat_map(|told| &told.steps).map(|step| step.key.as_str()).collect();
        let once: BTreeSet<&&str> = listed.iter().collect();
        prop_assert_eq!(listed.len(), once.len(), "told twice");
        for step in &self.all {
            let is_named = step.receivers.iter().any(|named| named == receiver);
            let Some(fate) = fates.get(step.key.as_str()) else {
                prop_assert!(!is_named, "nothing became of {}", step.key);
                continue;
            };
            match fate {
                StepFate::Told { .. } | StepFate::Muted { .. } => {}
                StepFate::MutedToTheEnd { reason } => self.check_reason(step, &json!(reason))?,
                StepFate::Superseded { by } => {
                    let other = self.all.iter().find(|step| step.key == *by).expect("a step");
                    prop_assert!(step.kind.is_firing() && other.alert == step.alert);
                    let fate = fates.get(by.as_str());
                    prop_assert!(!matches!(fate, None | Some(StepFate::NeverTold)), "{by}: {fate:?}");
                }
                StepFate::NeverTold => prop_assert_eq!(step.kind, StepKind::Resolved),
            }
        }
        Ok(())
    }

    fn check_reason(&self, step: &AlertStep, reason: &serde_json::Value) -> Result<(), TestCaseError> {
        if reason["by"] == "inhibition" {
            prop_assert!(step.alert.rule == "pump" && reason["rule"] == "node");
            return Ok(());
        }
        let id: usize = reason["id"].as_str().and_then(|id| id.parse().ok()).expect("a silence");
        let silence = &self.silences[id];
        prop_assert!(silence.matcher.matches(&step.alert.document()));
        prop_assert!(self.has_jumped_back || (silence.from < silence.until && silence.from <= self.now));
        Ok(())
    }

    /// Steps of an alert are told in their order, no end without a beginning, and in the end what fires was told.
    fn check_order(&self, receiver: &str, told: &[&Notification]) -> Result<(), TestCaseError> {
        let mut open: BTreeMap<String, &str> = BTreeMap::new();
        let mut last: BTreeMap<String, usize> = BTreeMap::new();
        let sequence: Vec<u64> = told.iter().map(|told| told.sequence).collect();
        prop_assert_eq!(sequence, (1..=told.len() as u64).collect::<Vec<_>>());
        for notification in told {
            for step in &notification.steps {
                let id = step.alert.id();
                let place = self.all.iter().position(|other| other.key == step.key).expect("it was made");
                prop_assert!(last.insert(id.clone(), place).is_none_or(|last| last < place), "{} is late", step.key);
                if let Some(before) = open.get(&id) {
                    let is_after = notification.after.iter().any(|key| key == before);
                    prop_assert!(*before == notification.key || is_after, "{} may overtake", step.key);
                }
                if step.kind.is_firing() {
                    open.insert(id, &notification.key);
                } else {
                    prop_assert!(open.remove(&id).is_some(), "an end without a beginning: {}", step.key);
                }
            }
        }
        for ((rule, node), (_, _, is_firing, is_escalated)) in &self.lives {
            let is_concerned = receiver == "team" || *is_escalated;
            let is_open = open.contains_key(&Self::alert(*rule, *node).id());
            prop_assert_eq!(is_open, *is_firing && is_concerned, "{} {} {}", receiver, rule, node);
        }
        Ok(())
    }
}
