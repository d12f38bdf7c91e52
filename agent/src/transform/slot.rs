//! What may stand at a path of an event, so that no transform makes an event that a collector would have to mend.

use labtrail_shared::{
    event_id::is_ulid, event_type::EventType, level::LogLevel, source::Source, timestamp::EventTimestamp,
};
use serde_json::Value;

use super::path::EventPath;

/// What a place can hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Slot {
    /// Anything: all below `event_data`.
    Any,
    /// The whole of `event_data`, which only a program would replace.
    Data,
    /// One of the levels, by its number or its name.
    Level,
    /// One of MADSci's event types.
    EventType,
    /// A time.
    Time,
    /// True or false.
    Truth,
    /// A ULID.
    Ulid,
    /// An object of ULIDs.
    Source,
    /// A text.
    Text,
    /// Nothing that could be put there.
    Nothing,
}

impl Slot {
    /// What stands at this path.
    pub(super) fn of(path: &EventPath) -> Self {
        match (path.first(), path.len()) {
            ("event_data", 1) => Self::Data,
            ("event_data", _) => Self::Any,
            ("log_level", 1) => Self::Level,
            ("event_type", 1) => Self::EventType,
            ("event_timestamp" | "archived_at", 1) => Self::Time,
            ("alert" | "archived", 1) => Self::Truth,
            ("source", 1) => Self::Source,
            ("source", 2) => Self::Ulid,
            ("trace_id" | "span_id", 1) => Self::Text,
            _ => Self::Nothing,
        }
    }

    /// The value in the spelling that an event has it in, or the value again if it does not fit.
    pub(super) fn fit(self, value: Value) -> Result<Value, Value> {
        let fitting = match self {
            Self::Any => return Ok(value),
            Self::Data => value.is_object().then_some(Value::Null),
            Self::Level => LogLevel::from_json(&value).map(|level| Value::from(level.number())),
            Self::EventType => value.as_str().and_then(EventType::from_name).map(|kind| Value::from(kind.name())),
            Self::Time => match EventTimestamp::from_json(&value) {
                Ok(_) if value.is_string() => Some(Value::Null),
                Ok(time) => Some(Value::from(time.to_string())),
                Err(_) => None,
            },
            Self::Truth => value.is_boolean().then_some(Value::Null),
            Self::Ulid => value.as_str().is_some_and(is_ulid).then_some(Value::Null),
            Self::Source => value
                .as_object()
                .and_then(|ids| Source::from_object(ids).ok())
                .map(|ids| ids.as_object().clone().into()),
            Self::Text => value.is_string().then_some(Value::Null),
            Self::Nothing => None,
        };
        match fitting {
            // It is right as it is.
            Some(Value::Null) => Ok(value),
            Some(fitting) => Ok(fitting),
            None => Err(value),
        }
    }

    /// What it holds, in words that follow "must be".
    pub(super) fn needs(self) -> &'static str {
        match self {
            Self::Any => "any value",
            Self::Data => "an object",
            Self::Level => "a level: 0, 10, 20, 30, 40 or 50, or NOTSET, DEBUG, INFO, WARNING, ERROR or CRITICAL",
            Self::EventType => "one of MADSci's event types, such as log_info or node_error",
            Self::Time => "a time in ISO 8601, such as 2026-11-23T09:18:44",
            Self::Truth => "true or false",
            Self::Ulid => "a ULID (26 characters of Crockford's base 32 in upper case)",
            Self::Source => "an object of ULIDs",
            Self::Text => "a text",
            Self::Nothing => "left alone: there is nothing below it",
        }
    }
}
