//! What is to be told: one row of the outbox. Its facts are read so that nothing in them can lose an alert: what is missing
//! or of another type counts as not said.

use jiff::Timestamp;
use serde_json::{Map, Value};

/// One notification for one receiver.
#[derive(Debug, Clone, PartialEq)]
pub struct Notification {
    /// What makes it this one, in every attempt the same.
    pub key: String,
    /// The mail's `Message-ID`, with or without its angle brackets, in every attempt the same.
    pub message_id: String,
    /// Whether the receiver may have it already.
    pub is_repeat: bool,
    /// When there was something to tell: the mail's date.
    pub created_at: Timestamp,
    /// The moment of this attempt.
    pub at: Timestamp,
    /// The addresses that got it in an earlier attempt and are left out now.
    pub delivered_to: Vec<String>,
    /// What templates see: `severity`, `rule`, `kind` ([`Kind`]), `alerts` ([`AlertFacts`]), `more`, `url`.
    pub context: Value,
}

/// Why people are told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// A rule's condition holds, newly.
    #[default]
    Fired,
    /// It still holds.
    Repeated,
    /// It no longer holds.
    Resolved,
    /// Nobody acknowledged it in time.
    Escalated,
    /// Many at once, such as those of a week-end without the collector.
    Digest,
    /// Somebody tries the receiver.
    Test,
}

impl Kind {
    fn read(text: &str) -> Self {
        match text {
            "repeated" => Self::Repeated,
            "resolved" => Self::Resolved,
            "escalated" => Self::Escalated,
            "digest" => Self::Digest,
            "test" => Self::Test,
            _ => Self::Fired,
        }
    }

    /// The kind as the first words of a subject.
    pub(super) fn title(self) -> &'static str {
        match self {
            Self::Fired => "Alert",
            Self::Repeated => "Still firing",
            Self::Resolved => "Resolved",
            Self::Escalated => "Not acknowledged",
            Self::Digest => "Digest",
            Self::Test => "Test",
        }
    }
}

/// The context of a notification, as far as the code itself knows it.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Facts {
    /// The rule's word for how grave it is, such as `critical`; empty when it has none.
    pub severity: String,
    /// The rule's name; empty for several.
    pub rule: String,
    /// Why people are told.
    pub kind: Kind,
    /// The alerts, the most important first.
    pub alerts: Vec<AlertFacts>,
    /// How many more alerts there are than are listed.
    pub more: u64,
    /// The page where a person can look and acknowledge.
    pub url: Option<String>,
}

/// One alert of a notification.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct AlertFacts {
    /// The rule's name.
    pub rule: String,
    /// What it is grouped by: an object of fields, a text, or null.
    pub group: Value,
    /// The rule's labels.
    pub labels: Map<String, Value>,
    /// How many events matched.
    pub count: u64,
    /// The number that was compared with the rule's bound, if it has one.
    pub number: Value,
    /// Since when: microseconds since 1970, or text.
    pub since: Value,
    /// The newest events, newest first, in MADSci's fields.
    pub events: Vec<Value>,
}

impl Facts {
    /// Reads a context; what is not understood is left out.
    pub fn read(context: &Value) -> Self {
        let alerts = context["alerts"].as_array().map(Vec::as_slice).unwrap_or_default();
        Self {
            severity: text(&context["severity"]),
            rule: text(&context["rule"]),
            kind: Kind::read(&text(&context["kind"])),
            alerts: alerts.iter().map(AlertFacts::read).collect(),
            more: context["more"].as_u64().unwrap_or(0),
            url: context["url"].as_str().filter(|url| !url.is_empty()).map(str::to_owned),
        }
    }

    /// Whether somebody should look now.
    pub(super) fn is_urgent(&self) -> bool {
        let is_news = matches!(self.kind, Kind::Fired | Kind::Repeated | Kind::Escalated);
        is_news && ["critical", "page", "fatal", "emergency"].contains(&self.severity.to_ascii_lowercase().as_str())
    }

    /// The identifier of the event, if the notification is about exactly one.
    pub(super) fn only_event_id(&self) -> Option<&str> {
        let [alert] = self.alerts.as_slice() else { return None };
        let [event] = alert.events.as_slice() else { return None };
        if self.more > 0 || alert.count > 1 {
            return None;
        }
        event["event_id"].as_str().or_else(|| event["_id"].as_str())
    }
}

impl AlertFacts {
    fn read(alert: &Value) -> Self {
        Self {
            rule: text(&alert["rule"]),
            group: alert["group"].clone(),
            labels: alert["labels"].as_object().cloned().unwrap_or_default(),
            count: alert["count"].as_u64().unwrap_or(0),
            number: alert["number"].clone(),
            since: alert["since"].clone(),
            events: alert["events"].as_array().cloned().unwrap_or_default(),
        }
    }

    /// The group as text: `node=N7, module=pump`.
    pub(super) fn group_text(&self) -> String {
        group_text(&self.group)
    }
}

/// A group as text: `node=N7, module=pump`; empty for none.
pub(super) fn group_text(group: &Value) -> String {
    match group {
        Value::Object(fields) => {
            let fields: Vec<String> = fields.iter().map(|(name, value)| format!("{name}={}", text(value))).collect();
            fields.join(", ")
        }
        Value::Array(values) => values.iter().map(text).collect::<Vec<_>>().join(", "),
        value => text(value),
    }
}

/// A value as text: a text as it is, null as nothing, the rest as JSON.
pub(super) fn text(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        value => value.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{Facts, Kind};

    #[test]
    fn a_context_is_read_whatever_it_is() {
        for context in
            [json!(null), json!([1]), json!({"alerts": {"a": 1}, "kind": 7, "more": -1}), json!({"alerts": [3]})]
        {
            let facts = Facts::read(&context);
            assert_eq!(facts.kind, Kind::Fired, "{context}");
            assert_eq!(facts.more, 0, "{context}");
        }
    }

    #[test]
    fn a_group_is_readable() {
        let check = |group, expected: &str| assert_eq!(super::group_text(&group), expected);
        check(json!({"node": "N7", "code": 3}), "node=N7, code=3");
        check(json!("N7"), "N7");
        check(json!(["N7", 3]), "N7, 3");
        check(json!(null), "");
    }
}
