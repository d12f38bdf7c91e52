//! `keep`, `drop` and `when`: a MongoDB selector about the whole event.

use labtrail_shared::filter::{Filter, FilterError};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;
use thiserror::Error;

use super::written;

/// Why a selector was refused.
#[derive(Debug, Error)]
pub(crate) enum SelectorError {
    /// The filter language does not know it.
    #[error(transparent)]
    Filter(#[from] FilterError),
    /// Another value in its place.
    #[error(
        "{0} is no selector: write a table of paths and conditions, such as {{ \"log_level\" = {{ \"$gte\" = 30 }} }}"
    )]
    NotATable(Value),
    /// Without quotes TOML makes tables of the names, and the selector asks for an object that is exactly so.
    #[error("`{0}` is compared with a whole object: put the path in quotes, as in \"{0}.{1}\" = ...")]
    Unquoted(String, String),
}

/// A selector that was compiled, and how it was written.
#[derive(Debug, Clone)]
pub(super) struct Selector {
    written: Value,
    filter: Filter,
}

impl Selector {
    pub(super) fn new(written: Value) -> Result<Self, SelectorError> {
        if !written.is_object() {
            return Err(SelectorError::NotATable(written));
        }
        refuse_unquoted(&written)?;
        Ok(Self { filter: Filter::parse(&written)?, written })
    }

    /// Whether the event passes.
    pub(super) fn matches(&self, event: &Value) -> bool {
        self.filter.matches(event)
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

impl Serialize for Selector {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.written.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Selector {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::new(written::read(deserializer)?).map_err(serde::de::Error::custom)
    }
}
