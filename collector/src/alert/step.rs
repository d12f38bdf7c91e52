//! A step in the life of an alert: what the life of alerts hands to their routing.
//!
//! The steps of one alert (rule and group) are handed over in their order. Their keys are made from what they are, so
//! that a step that is worked out again has the same key.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::{key::key_of, rule::Severity};

/// Which alert it is, and what selectors can ask about it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Alert {
    /// The rule that raised it.
    pub rule: String,
    /// The group within the rule, as text; with the rule it tells one alert from another.
    pub group: String,
    /// The fields the rule groups by, by their dotted paths, and their values in this group.
    #[serde(default)]
    pub group_fields: BTreeMap<String, Value>,
    /// How severe it is.
    pub severity: Severity,
    /// The labels of the rule and of the group.
    #[serde(default)]
    pub labels: BTreeMap<String, String>,
}

impl Alert {
    /// A short name for the rule and the group.
    pub fn id(&self) -> String {
        key_of([self.rule.as_str(), self.group.as_str()])
    }

    /// The document that selectors about alerts see: `{rule, severity, group: {...}, labels: {...}}`. Dotted names lead
    /// to nested objects, so that a field of the group has the path `group.source.node_id`.
    pub fn document(&self) -> Value {
        let mut group = Map::new();
        for (path, value) in &self.group_fields {
            insert(&mut group, path, value.clone());
        }
        let mut labels = Map::new();
        for (path, value) in &self.labels {
            insert(&mut labels, path, Value::from(value.as_str()));
        }
        json!({"rule": self.rule, "severity": self.severity, "group": group, "labels": labels})
    }
}

/// Puts a value at a dotted path. Where one path is the beginning of another the longer one stays.
fn insert(object: &mut Map<String, Value>, path: &str, value: Value) {
    let Some((name, rest)) = path.split_once('.') else {
        object.insert(path.to_owned(), value);
        return;
    };
    let below = object.entry(name).or_insert_with(|| Value::Object(Map::new()));
    if !below.is_object() {
        *below = Value::Object(Map::new());
    }
    if let Value::Object(below) = below {
        insert(below, rest, value);
    }
}

/// What happened to the alert.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StepKind {
    /// Its condition holds, newly.
    Fired,
    /// It still holds, told so for the n-th time.
    Repeated(u32),
    /// It no longer holds.
    Resolved,
    /// Nobody acknowledged it in time, for the n-th time.
    Escalated(u32),
}

impl StepKind {
    /// The word for it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Fired => "fired",
            Self::Repeated(_) => "repeated",
            Self::Resolved => "resolved",
            Self::Escalated(_) => "escalated",
        }
    }

    /// Whether the alert fires after the step.
    pub fn is_firing(self) -> bool {
        self != Self::Resolved
    }
}

/// The events that an alert is about.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Evidence {
    /// Some of their identifiers, the newest first.
    pub event_ids: Vec<String>,
    /// How many there are.
    pub count: u64,
}

/// One step of one alert.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AlertStep {
    /// Unique, and made from the rule, the group, the episode and the step, so that it is the same when made again.
    pub key: String,
    /// The alert.
    pub alert: Alert,
    /// What happened to it.
    pub kind: StepKind,
    /// Who is to be told. A step that ends an alert also goes to every receiver that was told of it, named or not.
    pub receivers: Vec<String>,
    /// When it happened: microseconds since 1970 UTC.
    pub at: i64,
    /// What it rests on.
    pub evidence: Evidence,
    /// What templates see of it, as an object.
    pub summary: Value,
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde_json::{Value, json};

    use super::{Alert, Severity};

    #[test]
    fn a_document_has_dotted_names_as_paths() {
        let fields = |list: &[(&str, Value)]| {
            list.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect::<BTreeMap<_, _>>()
        };
        let check = |group: &[(&str, Value)], expected: Value| {
            let labels = BTreeMap::from([("team".to_owned(), "a".to_owned())]);
            let (rule, severity, group_fields) = ("r".to_owned(), Severity::Error, fields(group));
            let alert = Alert { rule, group: String::new(), group_fields, severity, labels };
            let expected = json!({"rule": "r", "severity": "error", "group": expected, "labels": {"team": "a"}});
            assert_eq!(alert.document(), expected);
        };
        check(&[], json!({}));
        check(
            &[("source.node_id", json!("N")), ("source.lab", json!(3))],
            json!({"source": {"node_id": "N", "lab": 3}}),
        );
        check(&[("a", json!(1)), ("a.b", json!(2))], json!({"a": {"b": 2}}));
        check(&[("a.b", json!(1)), ("a.b.c", json!(2))], json!({"a": {"b": {"c": 2}}}));
    }
}
