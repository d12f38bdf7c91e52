//! Alerts and steps for tests.

use std::collections::BTreeMap;

use serde_json::json;

use crate::alert::{
    rule::Severity,
    step::{Alert, AlertStep, Evidence, StepKind},
};

/// An alert of a rule about a node; an empty text is no node.
pub(super) fn alert(rule: &str, node: &str) -> Alert {
    let group_fields =
        if node.is_empty() { BTreeMap::new() } else { BTreeMap::from([("source.node_id".to_owned(), json!(node))]) };
    let (rule, group) = (rule.to_owned(), node.to_owned());
    Alert { rule, group, group_fields, severity: Severity::Error, labels: BTreeMap::new() }
}

/// A step of an alert for the receivers `team` and, if it escalates, `boss`.
pub(super) fn step(alert: &Alert, episode: u32, kind: StepKind, at: i64) -> AlertStep {
    let receiver = if matches!(kind, StepKind::Escalated(_)) { "boss" } else { "team" };
    AlertStep {
        key: format!("{}|{}|{episode}|{kind:?}", alert.rule, alert.group),
        alert: alert.clone(),
        kind,
        receivers: vec![receiver.to_owned()],
        at,
        evidence: Evidence { event_ids: vec!["E1".to_owned()], count: 1 },
        summary: json!({"since": at}),
    }
}
