//! A field of an alert, by its dotted path: what alerts are grouped and compared by.

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use serde_json::Value;
use thiserror::Error;

/// The fields there are, for messages.
pub(super) const ALERT_FIELDS: &str = "rule, severity, group, labels, group.NAME or labels.NAME";

/// Whether alerts have a field of this name.
pub(super) fn is_alert_field(name: &str) -> bool {
    matches!(name, "rule" | "severity" | "group" | "labels")
}

/// A path to a field of an alert, such as `severity`, `labels.team` or `group.source.node_id`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AlertField {
    path: String,
}

/// A text that leads to no field of an alert.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{0:?} is no field of an alert: write {ALERT_FIELDS}")]
pub struct AlertFieldError(String);

impl AlertField {
    /// Reads a path.
    pub fn new(path: &str) -> Result<Self, AlertFieldError> {
        let mut names = path.split('.');
        let first = names.next().unwrap_or_default();
        let is_deep = matches!(first, "group" | "labels");
        let is_right = is_alert_field(first) && names.all(|name| is_deep && !name.is_empty());
        if is_right { Ok(Self { path: path.to_owned() }) } else { Err(AlertFieldError(path.to_owned())) }
    }

    /// The path.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// What the alert with this document has there.
    pub fn value<'d>(&self, document: &'d Value) -> Option<&'d Value> {
        self.path.split('.').try_fold(document, |value, name| value.get(name))
    }
}

impl Serialize for AlertField {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.path)
    }
}

impl<'de> Deserialize<'de> for AlertField {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::new(&String::deserialize(deserializer)?).map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::AlertField;

    #[test]
    fn fields_are_found_or_refused() {
        let document = json!({"rule": "r", "severity": "info", "group": {"a": {"b": 3}}, "labels": {}});
        let check = |path: &str, expected: Option<&str>| {
            let field = AlertField::new(path).expect("a field");
            assert_eq!(field.value(&document).map(ToString::to_string).as_deref(), expected, "{path}");
        };
        check("rule", Some("\"r\""));
        check("group", Some(r#"{"a":{"b":3}}"#));
        check("group.a.b", Some("3"));
        check("group.a.c", None);
        check("labels.team", None);
        for path in ["", "node", "rule.x", "severity.", "labels.", "group..a", "labels.a."] {
            assert!(AlertField::new(path).is_err(), "{path:?}");
        }
    }
}
