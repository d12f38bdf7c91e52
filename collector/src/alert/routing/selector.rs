//! A selector about alerts: the filter language over `{rule, severity, group: {...}, labels: {...}}`.

use labtrail_shared::{
    filter::Condition,
    selector::{Selector, SelectorError, Subject, read_value},
};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use serde_json::Value;
use thiserror::Error;

use super::field::{ALERT_FIELDS, is_alert_field};

const ALERT: Subject = Subject { objects: &["group", "labels"], example: "{ rule = \"pump\" }" };

/// Why a selector about alerts was refused.
#[derive(Debug, Clone, PartialEq, Error)]
pub enum AlertSelectorError {
    /// It is no selector, or one that would never mean what it says.
    #[error(transparent)]
    Selector(#[from] SelectorError),
    /// A path that no alert has, so that the selector would never mean what it says.
    #[error("alerts have no field `{0}`: ask for {ALERT_FIELDS}")]
    UnknownField(String),
}

/// A selector about alerts that was compiled, and how it was written.
#[derive(Debug, Clone, PartialEq)]
pub struct AlertSelector(Selector);

impl AlertSelector {
    /// Compiles a selector.
    pub fn new(written: Value) -> Result<Self, AlertSelectorError> {
        let selector = Selector::about(ALERT, written)?;
        refuse_unknown(selector.filter().condition())?;
        Ok(Self(selector))
    }

    /// Whether the alert with this document is meant, see [`crate::alert::step::Alert::document`].
    pub fn matches(&self, document: &Value) -> bool {
        self.0.matches(document)
    }
}

fn refuse_unknown(condition: &Condition) -> Result<(), AlertSelectorError> {
    match condition {
        Condition::And(all) | Condition::Or(all) | Condition::Nor(all) => all.iter().try_for_each(refuse_unknown),
        Condition::Field(path, _) if is_alert_field(path.segments()[0].name()) => Ok(()),
        Condition::Field(path, _) => Err(AlertSelectorError::UnknownField(path.to_string())),
    }
}

impl Serialize for AlertSelector {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for AlertSelector {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::new(read_value(deserializer)?).map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::AlertSelector;

    #[test]
    fn a_selector_that_would_never_match_is_refused() {
        let check = |selector: Value, expected: &str| {
            let result = AlertSelector::new(selector.clone()).map_err(|error| error.to_string());
            assert_eq!(result.err().unwrap_or_default(), expected, "{selector}");
        };
        check(json!({}), "");
        check(json!({"rule": {"$regex": "^pump"}, "$or": [{"labels.team": "a"}, {"group.source.node_id": "N"}]}), "");
        check(json!([]), "[] is no selector: write a table of paths and conditions, such as { rule = \"pump\" }");
        check(
            json!({"labels": {"team": "a"}}),
            "`labels` is compared with a whole object: put the path in quotes, as in \"labels.team\" = ...",
        );
        check(
            json!({"$or": [{"node": 1}]}),
            "alerts have no field `node`: ask for rule, severity, group, labels, group.NAME or labels.NAME",
        );
        check(
            json!({"rule": {"$where": "1"}}),
            "operator `$where` at `/rule/$where` is refused: a filter runs no code",
        );
    }
}
