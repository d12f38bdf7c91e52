//! A path to a field of an event, dotted as in the filter language: `source.node_id`, `event_data.fields.temperature`.

use std::{fmt, str::FromStr};

use labtrail_shared::filter::{Condition, Filter, FilterError, Path};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use serde_json::{Map, Value, json};
use thiserror::Error;

use super::walk::{self, Leaf};

/// Longer paths are not written by hand.
const BYTES_MAX: usize = 512;

/// A path that leads to a field.
#[derive(Debug, Clone, PartialEq)]
pub struct FieldPath {
    path: Path,
    text: String,
}

/// A text that is no path to a field.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum FieldPathError {
    /// Nothing, or nothing before, between or behind dots.
    #[error(
        "the path {0:?} has an empty name in it: write names with single dots between them, such as \"source.node_id\""
    )]
    EmptyName(String),
    /// An operator, or JSON path.
    #[error(
        "the path {0:?} has a name in it that begins with $: write the field's path alone, such as \"source.node_id\""
    )]
    Dollar(String),
    /// White space that nobody would see.
    #[error("the path {0:?} has white space at the end of a name: leave it away")]
    WhiteSpace(String),
    /// Longer than any sensible path.
    #[error("the path is longer than {BYTES_MAX} bytes")]
    Long,
    /// The filter language has no such path.
    #[error(transparent)]
    Filter(#[from] FilterError),
}

impl FieldPath {
    /// The path as it is written.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// What the event has there: nothing, the value, or, if the path leads through arrays to several values, all of them.
    pub fn values<'v>(&self, event: &'v Value) -> Vec<&'v Value> {
        let mut values = Vec::new();
        walk::each_value(event, &self.path, Leaf::ArrayOnly, &mut |value| values.push(value));
        values
    }
}

impl FromStr for FieldPath {
    type Err = FieldPathError;

    fn from_str(text: &str) -> Result<Self, FieldPathError> {
        if text.len() > BYTES_MAX {
            return Err(FieldPathError::Long);
        }
        for name in text.split('.') {
            if name.is_empty() {
                return Err(FieldPathError::EmptyName(text.to_owned()));
            }
            if name.starts_with('$') {
                return Err(FieldPathError::Dollar(text.to_owned()));
            }
            if name.trim() != name {
                return Err(FieldPathError::WhiteSpace(text.to_owned()));
            }
        }
        let question = Map::from_iter([(text.to_owned(), json!({"$exists": true}))]);
        let filter = Filter::parse(&Value::Object(question))?;
        let Condition::Field(path, _) = filter.condition() else {
            unreachable!("a selector with one path is one condition")
        };
        Ok(Self { path: path.clone(), text: text.to_owned() })
    }
}

impl fmt::Display for FieldPath {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.text)
    }
}

impl Serialize for FieldPath {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.text)
    }
}

impl<'de> Deserialize<'de> for FieldPath {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use labtrail_shared::filter::{Filter, generate};
    use serde_json::{Value, json};

    use super::FieldPath;

    fn path(text: &str) -> FieldPath {
        text.parse().unwrap_or_else(|error| panic!("{text}: {error}"))
    }

    #[test]
    fn paths_lead_where_the_filter_language_says() {
        let event = json!({
            "source": {"node_id": "N"},
            "list": [1, 2],
            "parts": [{"id": "a"}, {"id": "b"}, {"other": 1}, 7],
            "one": [{"id": "a"}],
        });
        let check = |text: &str, expected: Value| assert_eq!(json!(path(text).values(&event)), expected, "{text}");
        check("source.node_id", json!(["N"]));
        check("source.lab_id", json!([]));
        check("source.node_id.x", json!([]));
        check("list", json!([[1, 2]]));
        check("list.1", json!([2]));
        check("parts.id", json!(["a", "b"]));
        check("one.id", json!(["a"]));
        check("parts.nothing", json!([]));
    }

    #[test]
    fn bad_paths_are_refused() {
        for text in ["", ".", "a.", ".a", "a..b", "$a", "a.$b", " a", "a .b", "a\t", &"a".repeat(513), &"a.".repeat(40)]
        {
            assert!(text.parse::<FieldPath>().is_err(), "{text:?}");
        }
        for text in ["a", "a.0.b", "a b.c$", "é"] {
            assert_eq!(path(text).as_str(), text);
        }
    }

    /// A field has values exactly where the filter language says that it exists.
    #[test]
    fn a_field_that_exists_has_values() {
        let paths = ["a", "a.b", "a.a.b", "a.0", "a.0.b", "a.b.0", "0.a", "b.1.c", "event_data.a", "event_data.a.0.b"];
        let paths = paths.map(|text| (path(text), Filter::parse(&json!({text: {"$exists": true}})).unwrap()));
        for seed in 0..100 {
            for document in generate::round(seed).documents {
                for (path, exists) in &paths {
                    let (text, exists) = (path.as_str(), exists.matches(&document));
                    let values = path.values(&document);
                    assert_eq!(!values.is_empty(), exists, "{text} in {document}");
                    for value in values.iter().filter(|value| !value.is_object() && !value.is_array()) {
                        let equal = Filter::parse(&json!({text: {"$eq": value}})).unwrap();
                        assert!(equal.matches(&document), "{text} = {value} in {document}");
                    }
                }
            }
        }
    }
}
