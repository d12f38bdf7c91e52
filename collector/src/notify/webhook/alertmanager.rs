//! The payload of Prometheus Alertmanager's webhook receiver, version 4, for programs that know that one:
//! <https://prometheus.io/docs/alerting/latest/configuration/#webhook_config>.

use std::{collections::BTreeMap, fmt::Write as _};

use jiff::Timestamp;
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

use crate::notify::{
    notification::{AlertFacts, Facts, Kind, Notification, text},
    template::Rendered,
};

/// Go's zero time, by which Alertmanager says that an alert has no end yet.
const NO_END: &str = "0001-01-01T00:00:00Z";

type Labels = BTreeMap<String, String>;

/// The payload.
pub(super) fn payload(receiver: &str, notification: &Notification, facts: &Facts, words: &Rendered) -> Value {
    let labels: Vec<Labels> = facts.alerts.iter().map(|alert| labels(alert, facts)).collect();
    let status = if facts.kind == Kind::Resolved { "resolved" } else { "firing" };
    let alerts: Vec<Value> = facts
        .alerts
        .iter()
        .zip(&labels)
        .map(|(alert, labels)| {
            json!({
                "status": status,
                "labels": labels,
                "annotations": annotations(alert),
                "startsAt": starts_at(alert, notification.created_at),
                "endsAt": if facts.kind == Kind::Resolved { notification.created_at.to_string() } else { NO_END.to_owned() },
                "generatorURL": facts.url.as_deref().unwrap_or_default(),
                "fingerprint": fingerprint(labels),
            })
        })
        .collect();
    json!({
        "version": "4",
        "groupKey": notification.key,
        "truncatedAlerts": facts.more,
        "status": status,
        "receiver": receiver,
        "groupLabels": common(&labels, |name| name == "alertname"),
        "commonLabels": common(&labels, |_| true),
        "commonAnnotations": {"summary": words.subject, "description": words.text},
        "externalURL": facts.url.as_deref().unwrap_or_default(),
        "alerts": alerts,
    })
}

/// The rule, its severity, its labels and what it is grouped by; a later one does not replace an earlier.
fn labels(alert: &AlertFacts, facts: &Facts) -> Labels {
    let mut labels = Labels::new();
    let rule = if alert.rule.is_empty() { &facts.rule } else { &alert.rule };
    labels.insert("alertname".to_owned(), rule.clone());
    if !facts.severity.is_empty() {
        labels.insert("severity".to_owned(), facts.severity.clone());
    }
    let mut add = |name: &str, value: &Value| {
        labels.entry(label_name(name)).or_insert_with(|| text(value));
    };
    match &alert.group {
        Value::Object(group) => group.iter().for_each(|(name, value)| add(name, value)),
        Value::Null => {}
        group => add("group", group),
    }
    alert.labels.iter().for_each(|(name, value)| add(name, value));
    labels
}

/// A field's path as a name of Prometheus: `source.node_id` is `source_node_id`.
fn label_name(name: &str) -> String {
    let mut label: String =
        name.chars().map(|character| if character.is_ascii_alphanumeric() { character } else { '_' }).collect();
    if label.chars().next().is_none_or(|first| first.is_ascii_digit()) {
        label.insert(0, '_');
    }
    label
}

fn annotations(alert: &AlertFacts) -> Map<String, Value> {
    let mut annotations = Map::new();
    annotations.insert("count".to_owned(), json!(alert.count.to_string()));
    if !alert.number.is_null() {
        annotations.insert("value".to_owned(), json!(text(&alert.number)));
    }
    if let Some(event) = alert.events.first() {
        annotations.insert("event".to_owned(), json!(event.to_string()));
    }
    annotations
}

fn starts_at(alert: &AlertFacts, otherwise: Timestamp) -> String {
    let since = match &alert.since {
        Value::String(since) => since.parse().ok(),
        since => since.as_i64().and_then(|since| Timestamp::from_microsecond(since).ok()),
    };
    since.unwrap_or(otherwise).to_string()
}

/// What all alerts share.
fn common(labels: &[Labels], is_wanted: impl Fn(&str) -> bool) -> Labels {
    let Some((first, others)) = labels.split_first() else { return Labels::new() };
    let is_shared = |name: &String, value: &String| others.iter().all(|labels| labels.get(name) == Some(value));
    let shared = first.iter().filter(|(name, value)| is_wanted(name) && is_shared(name, value));
    shared.map(|(name, value)| (name.clone(), value.clone())).collect()
}

/// Sixteen hexadecimal digits that are the same for the same labels.
fn fingerprint(labels: &Labels) -> String {
    let mut hash = Sha256::new();
    for (name, value) in labels {
        hash.update(name.as_bytes());
        hash.update([0xff]);
        hash.update(value.as_bytes());
        hash.update([0xff]);
    }
    hash.finalize()[..8].iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").expect("text can be written to");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::label_name;

    #[test]
    fn labels_have_names_of_prometheus() {
        let check = |name: &str, expected: &str| assert_eq!(label_name(name), expected);
        check("source.node_id", "source_node_id");
        check("3rd", "_3rd");
        check("", "_");
        check("größe", "gr__e");
    }
}
