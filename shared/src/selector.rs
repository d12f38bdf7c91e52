//! A selector as people write it in TOML or JSON: compiled while it is read, and printed as it was written.
//!
//! It refuses what would never match and would tell nobody why: names of a path without quotes, of which TOML makes tables.

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use serde_json::{Map, Value};
use thiserror::Error;

use crate::filter::{Filter, FilterError};

/// The key by which the TOML reader marks a date or a time that was written without quotes.
const DATETIME_KEY: &str = "$__toml_private_datetime";

/// Why a selector was refused.
#[derive(Debug, Clone, PartialEq, Error)]
pub enum SelectorError {
    /// The filter language does not know it.
    #[error(transparent)]
    Filter(#[from] FilterError),
    /// Another value in its place.
    #[error("{value} is no selector: write a table of paths and conditions, such as {example}")]
    NotATable {
        /// The value.
        value: Value,
        /// A selector that is one.
        example: &'static str,
    },
    /// Without quotes TOML makes tables of the names, and the selector asks for an object that is exactly so.
    #[error("`{0}` is compared with a whole object: put the path in quotes, as in \"{0}.{1}\" = ...")]
    Unquoted(String, String),
}

/// Of which documents selectors are.
#[derive(Debug, Clone, Copy)]
pub struct Subject {
    /// Fields that hold objects, of which only parts are asked for.
    pub objects: &'static [&'static str],
    /// A selector about such a document, for messages.
    pub example: &'static str,
}

/// Events.
const EVENT: Subject = Subject { objects: &["event_data", "source"], example: "{ log_level = { \"$gte\" = 40 } }" };

/// A selector that was compiled, and how it was written.
#[derive(Debug, Clone, PartialEq)]
pub struct Selector {
    written: Value,
    filter: Filter,
}

impl Selector {
    /// Compiles a selector about events.
    pub fn new(written: Value) -> Result<Self, SelectorError> {
        Self::about(EVENT, written)
    }

    /// Compiles a selector about other documents.
    pub fn about(subject: Subject, written: Value) -> Result<Self, SelectorError> {
        if !written.is_object() {
            return Err(SelectorError::NotATable { value: written, example: subject.example });
        }
        refuse_unquoted(subject, &written)?;
        Ok(Self { filter: Filter::parse(&written)?, written })
    }

    /// What it means.
    pub fn filter(&self) -> &Filter {
        &self.filter
    }

    /// Whether a document passes.
    pub fn matches(&self, document: &Value) -> bool {
        self.filter.matches(document)
    }

    /// Whether every document passes because nothing is asked for.
    pub fn is_all(&self) -> bool {
        self.filter == Filter::all()
    }
}

impl Default for Selector {
    fn default() -> Self {
        Self { written: Value::Object(Map::new()), filter: Filter::all() }
    }
}

/// A selector such as `{ event_data.fields.x = 1 }` would never match, and nobody would know why.
fn refuse_unquoted(subject: Subject, selector: &Value) -> Result<(), SelectorError> {
    let Value::Object(entries) = selector else { return Ok(()) };
    for (key, value) in entries {
        match value {
            Value::Array(clauses) if key.starts_with('$') => {
                clauses.iter().try_for_each(|clause| refuse_unquoted(subject, clause))?;
            }
            Value::Object(names) if subject.objects.contains(&key.as_str()) => {
                if let Some(name) = names.keys().find(|name| !name.starts_with('$')) {
                    return Err(SelectorError::Unquoted(key.clone(), name.clone()));
                }
            }
            _ => {}
        }
    }
    Ok(())
}

impl Serialize for Selector {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.written.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Selector {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::new(read_value(deserializer)?).map_err(de::Error::custom)
    }
}

/// Reads any JSON value as it stands in a config file; a date or a time without quotes is the text that it is in JSON.
pub fn read_value<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Value, D::Error> {
    Value::deserialize(deserializer).map(as_json)
}

/// Reads any table.
pub fn read_table<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Map<String, Value>, D::Error> {
    let table = Map::deserialize(deserializer)?;
    Ok(table.into_iter().map(|(key, value)| (key, as_json(value))).collect())
}

fn as_json(value: Value) -> Value {
    match value {
        Value::Object(mut fields) => match fields.get_mut(DATETIME_KEY) {
            Some(time) => time.take(),
            None => Value::Object(fields.into_iter().map(|(key, value)| (key, as_json(value))).collect()),
        },
        Value::Array(items) => items.into_iter().map(as_json).collect(),
        scalar => scalar,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{Selector, Subject};

    #[test]
    fn what_would_never_match_is_refused_with_a_remedy() {
        let check = |selector: Value, expected: &str| {
            let result = Selector::new(selector.clone()).map_err(|error| error.to_string());
            assert_eq!(result.err().unwrap_or_default(), expected, "{selector}");
        };
        check(json!({}), "");
        check(json!({"event_data.message": "a", "source": {"$exists": true}}), "");
        let example = "write a table of paths and conditions, such as { log_level = { \"$gte\" = 40 } }";
        check(json!([]), &format!("[] is no selector: {example}"));
        check(
            json!({"$or": [{"event_data": {"message": "a"}}]}),
            "`event_data` is compared with a whole object: put the path in quotes, as in \"event_data.message\" = ...",
        );
        let labels = Subject { objects: &["labels"], example: "{ rule = \"pump\" }" };
        assert!(Selector::about(labels, json!({"labels": {"team": "a"}})).is_err());
        assert!(Selector::about(labels, json!({"source": {"team": "a"}})).is_ok());
    }

    #[test]
    fn times_without_quotes_are_texts_and_a_selector_prints_as_it_was_written() {
        let read: Selector =
            toml::from_str("event_timestamp = { \"$gte\" = 2026-11-23T09:18:44Z }").expect("a selector");
        assert_eq!(json!(read), json!({"event_timestamp": {"$gte": "2026-11-23T09:18:44Z"}}));
        assert!(read.matches(&json!({"event_timestamp": "2026-11-23T10:00:00Z"})) && !read.is_all());
        assert!(Selector::default().is_all());
    }
}
