//! Values as they are written in a selector: JSON, and extended JSON for what plain JSON cannot say.
//!
//! `MongoDB`'s tools write a 64-bit number as `{"$numberLong": "5"}` and a pattern as `{"$regularExpression": ...}`.
//! These are read wherever a value may stand. The other kinds are recognised too, so that nobody is told that `$date`
//! was an unknown operator; they are refused, because no event holds such a value.

use serde_json::{Map, Number, Value};

use super::pattern::Pattern;
use super::selector::{FilterError, Place};

/// A value, or a pattern where values are matched.
pub(super) enum Literal {
    Value(Value),
    Pattern(Pattern),
}

/// Whether an object is extended JSON's spelling of a value: one key, of those that mark a kind.
pub(super) fn is_wrapper(object: &Map<String, Value>) -> bool {
    let mut keys = object.keys();
    match (keys.next(), keys.next()) {
        (Some(key), None) => is_number(key) || key == "$regularExpression" || refusal(key).is_some(),
        _ => false,
    }
}

fn is_number(key: &str) -> bool {
    matches!(key, "$numberInt" | "$numberLong" | "$numberDouble")
}

fn refusal(key: &str) -> Option<&'static str> {
    match key {
        "$date" => Some("events hold their times as text, compare with a text like \"2026-01-31T12:00:00\""),
        "$oid" | "$uuid" => Some("events hold their ids as text, compare with a text"),
        "$numberDecimal" => Some("events are JSON and hold no decimal numbers, write a plain number"),
        "$binary" | "$timestamp" | "$minKey" | "$maxKey" | "$undefined" | "$code" | "$symbol" | "$dbPointer" => {
            Some("events are JSON and hold no such value")
        }
        _ => None,
    }
}

/// Reads a value, and those within it.
pub(super) fn read(value: &Value, place: &Place<'_>) -> Result<Literal, FilterError> {
    if let Value::Object(object) = value
        && is_wrapper(object)
        && let Some((key, wrapped)) = object.iter().next()
        && key == "$regularExpression"
    {
        return read_pattern(wrapped, &place.key(key)?).map(Literal::Pattern);
    }
    read_value(value, place).map(Literal::Value)
}

fn read_value(value: &Value, place: &Place<'_>) -> Result<Value, FilterError> {
    Ok(match value {
        Value::Object(object) if is_wrapper(object) => {
            let (key, wrapped) = object.iter().next().expect("a wrapper has one key");
            read_wrapped(key, wrapped, &place.key(key)?)?
        }
        Value::Object(object) => {
            let mut fields = Map::with_capacity(object.len());
            for (key, value) in object {
                fields.insert(key.clone(), read_value(value, &place.key(key)?)?);
            }
            Value::Object(fields)
        }
        Value::Array(items) => {
            let items = items.iter().enumerate().map(|(index, item)| read_value(item, &place.index(index)?));
            Value::Array(items.collect::<Result<_, FilterError>>()?)
        }
        plain => plain.clone(),
    })
}

fn read_wrapped(key: &str, wrapped: &Value, place: &Place<'_>) -> Result<Value, FilterError> {
    let wrong = |reason| FilterError::Value { name: key.to_owned(), place: place.to_string(), reason };
    if let Some(reason) = refusal(key) {
        return Err(wrong(reason));
    }
    let Value::String(digits) = wrapped else {
        let is_pattern = key == "$regularExpression";
        return Err(wrong(if is_pattern { "a pattern within a value is equal to nothing" } else { "must be a text" }));
    };
    match key {
        "$numberInt" => digits.parse::<i32>().map(Value::from).map_err(|_| wrong("is not a 32-bit integer")),
        "$numberLong" => digits.parse::<i64>().map(Value::from).map_err(|_| wrong("is not a 64-bit integer")),
        _ => {
            let double: f64 = digits.parse().map_err(|_| wrong("is not a number"))?;
            // Neither an event nor the JSON of a filter can hold infinity and NaN.
            Number::from_f64(double).map(Value::Number).ok_or_else(|| wrong("must be finite"))
        }
    }
}

fn read_pattern(wrapped: &Value, place: &Place<'_>) -> Result<Pattern, FilterError> {
    let text = |key| wrapped.get(key).and_then(Value::as_str);
    let options = if wrapped.get("options").is_some() { text("options") } else { Some("") };
    let (Some(source), Some(options)) = (text("pattern"), options) else {
        return Err(place.argument("$regularExpression", "an object with the texts `pattern` and `options`"));
    };
    Pattern::new(source, options).map_err(|reason| FilterError::Pattern { place: place.to_string(), reason })
}
