//! Any JSON value as it stands in a config file.

use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value};

/// The key by which the TOML reader marks a date or a time that was written without quotes.
const DATETIME_KEY: &str = "$__toml_private_datetime";

/// Reads any value; a date or a time without quotes is the text that it is in JSON.
pub(super) fn read<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Value, D::Error> {
    Value::deserialize(deserializer).map(as_json)
}

/// Reads any table.
pub(super) fn read_table<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Map<String, Value>, D::Error> {
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
