//! `when`: a selector of the filter language, compiled while it is read from TOML or JSON.

use labtrail_shared::filter::{Filter, FilterError};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use serde_json::{Map, Value};
use thiserror::Error;

/// The key by which the TOML reader marks a date or a time that was written without quotes.
const DATETIME_KEY: &str = "$__toml_private_datetime";

/// Why a selector was refused.
#[derive(Debug, Clone, PartialEq, Error)]
pub enum SelectorError {
    /// The filter language does not know it.
    #[error(transparent)]
    Filter(#[from] FilterError),
    /// Another value in its place.
    #[error("{0} is no selector: write a table of paths and conditions, such as {{ log_level = {{ \"$gte\" = 40 }} }}")]
    NotATable(Value),
    /// Without quotes TOML makes tables of the names, and the selector asks for an object that is exactly so.
    #[error("`{0}` is compared with a whole object: put the path in quotes, as in \"{0}.{1}\" = ...")]
    Unquoted(String, String),
}

/// A selector that was compiled, and how it was written.
#[derive(Debug, Clone, PartialEq)]
pub struct Selector {
    written: Value,
    filter: Filter,
}

impl Selector {
    /// Compiles a selector.
    pub fn new(written: Value) -> Result<Self, SelectorError> {
        if !written.is_object() {
            return Err(SelectorError::NotATable(written));
        }
        refuse_unquoted(&written)?;
        Ok(Self { filter: Filter::parse(&written)?, written })
    }

    /// What it means.
    pub fn filter(&self) -> &Filter {
        &self.filter
    }

    /// Whether every event passes because nothing is asked for.
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
fn refuse_unquoted(selector: &Value) -> Result<(), SelectorError> {
    let Value::Object(entries) = selector else { return Ok(()) };
    for (key, value) in entries {
        match value {
            Value::Array(clauses) if key.starts_with('$') => clauses.iter().try_for_each(refuse_unquoted)?,
            Value::Object(names) if matches!(key.as_str(), "event_data" | "source") => {
                if let Some(name) = names.keys().find(|name| !name.starts_with('$')) {
                    return Err(SelectorError::Unquoted(key.clone(), name.clone()));
                }
            }
            _ => {}
        }
    }
    Ok(())
}

/// A date or a time without quotes is the text that it is in JSON.
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

impl Serialize for Selector {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.written.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Selector {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::new(as_json(Value::deserialize(deserializer)?)).map_err(de::Error::custom)
    }
}
