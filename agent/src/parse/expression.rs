//! Regular expressions of the config, compiled while they are read.

use std::sync::Mutex;

use regex::{CaptureLocations, Regex, RegexBuilder};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// What one expression may take, compiled. Enough for any pattern written by hand; a repetition such as `(.{1000}){1000}`
/// is refused instead of filling the memory.
const COMPILED_BYTES_MAX: usize = 8 << 20;

/// A regular expression in the syntax of the `regex` crate: no look-around and no references back, and in return no
/// text makes it slow. `.` does not match a line end: write `(?s)` first where a group is to hold a record of several
/// lines, and `(?m)` where `^` and `$` are to match at each of them.
#[derive(Debug, Clone)]
pub(crate) struct Expression(Regex);

impl Expression {
    /// Compiles it; the error says what is wrong where.
    pub(crate) fn compile(pattern: &str) -> Result<Self, regex::Error> {
        RegexBuilder::new(pattern).size_limit(COMPILED_BYTES_MAX).build().map(Self)
    }

    pub(crate) fn regex(&self) -> &Regex {
        &self.0
    }

    /// The number of the group with this name.
    pub(crate) fn group(&self, name: &str) -> Option<usize> {
        self.0.capture_names().position(|group| group == Some(name))
    }
}

impl Serialize for Expression {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.0.as_str())
    }
}

impl<'de> Deserialize<'de> for Expression {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let pattern = String::deserialize(deserializer)?;
        Self::compile(&pattern).map_err(serde::de::Error::custom)
    }
}

/// An expression whose groups are read. The places for them are kept from one record to the next.
#[derive(Debug)]
pub(crate) struct GroupReader {
    expression: Expression,
    spare: Mutex<CaptureLocations>,
}

impl GroupReader {
    pub(crate) fn new(expression: Expression) -> Self {
        let spare = Mutex::new(expression.regex().capture_locations());
        Self { expression, spare }
    }

    /// Searches `text` and, where the expression is found, hands out the places of its groups.
    pub(crate) fn read<T>(&self, text: &str, found: impl FnOnce(&CaptureLocations) -> T) -> Option<T> {
        let regex = self.expression.regex();
        // Another thread may be reading with the same section: then this record pays for places of its own.
        let Ok(mut spare) = self.spare.try_lock() else {
            let mut own = regex.capture_locations();
            regex.captures_read(&mut own, text)?;
            return Some(found(&own));
        };
        regex.captures_read(&mut spare, text)?;
        Some(found(&spare))
    }
}
