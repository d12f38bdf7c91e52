//! The level of an event: the six of MADSci (and of Python's `logging`).

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;

use crate::python::read_integer;

/// How grave an event is. The numbers are Python's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
#[repr(u8)]
pub enum LogLevel {
    /// 0: no level was set.
    NotSet = 0,
    /// 10: of interest to a developer.
    Debug = 10,
    /// 20: the normal course of things, and the level of a record that states none.
    #[default]
    Info = 20,
    /// 30: odd, but handled.
    Warning = 30,
    /// 40: something failed.
    Error = 40,
    /// 50: the whole is in danger.
    Critical = 50,
}

impl LogLevel {
    /// All levels, lowest first.
    pub const ALL: [Self; 6] = [Self::NotSet, Self::Debug, Self::Info, Self::Warning, Self::Error, Self::Critical];

    /// The number of the level: 0, 10, ... 50.
    pub fn number(self) -> u8 {
        self as u8
    }

    /// The name of the level in upper case, as MADSci and Python write it.
    pub fn name(self) -> &'static str {
        match self {
            Self::NotSet => "NOTSET",
            Self::Debug => "DEBUG",
            Self::Info => "INFO",
            Self::Warning => "WARNING",
            Self::Error => "ERROR",
            Self::Critical => "CRITICAL",
        }
    }

    /// The level with exactly this number.
    pub fn from_number(number: i64) -> Option<Self> {
        Self::ALL.into_iter().find(|level| i64::from(level.number()) == number)
    }

    /// The level that a text names: a name in any case, with or without the prefix `EventLogLevel.`, or a number.
    pub fn from_text(text: &str) -> Option<Self> {
        let name = match text.split_once('.') {
            Some((prefix, rest)) if prefix.eq_ignore_ascii_case("EventLogLevel") => rest,
            _ => text,
        };
        if let Some(level) = Self::ALL.into_iter().find(|level| level.name().eq_ignore_ascii_case(name)) {
            return Some(level);
        }
        read_integer(text).and_then(Result::ok).and_then(Self::from_number)
    }

    /// The level in a JSON value: a number, a text, or `false` (which MADSci reads as 0).
    pub fn from_json(value: &Value) -> Option<Self> {
        match value {
            Value::Number(number) => match number.as_f64() {
                Some(number) if number.fract() == 0.0 => Self::from_number(number as i64),
                _ => None,
            },
            Value::String(text) => Self::from_text(text),
            Value::Bool(false) => Some(Self::NotSet),
            _ => None,
        }
    }
}

impl fmt::Display for LogLevel {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

impl Serialize for LogLevel {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u8(self.number())
    }
}

impl<'de> Deserialize<'de> for LogLevel {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = Value::deserialize(deserializer)?;
        Self::from_json(&value).ok_or_else(|| {
            serde::de::Error::custom(format!(
                "{value} is not a level: use 0, 10, 20, 30, 40 or 50, or NOTSET, DEBUG, INFO, WARNING, ERROR or CRITICAL"
            ))
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::LogLevel;

    #[test]
    fn a_level_is_read_as_madsci_reads_it() {
        let check = |value, expected| assert_eq!(LogLevel::from_json(&value), expected, "{value}");
        check(json!(30), Some(LogLevel::Warning));
        check(json!(30.0), Some(LogLevel::Warning));
        check(json!("30"), Some(LogLevel::Warning));
        check(json!("warning"), Some(LogLevel::Warning));
        check(json!("EventLogLevel.ERROR"), Some(LogLevel::Error));
        check(json!("eventloglevel.notset"), Some(LogLevel::NotSet));
        check(json!(false), Some(LogLevel::NotSet));
        check(json!(true), None);
        check(json!(25), None);
        check(json!("loud"), None);
        check(json!(null), None);
    }
}
