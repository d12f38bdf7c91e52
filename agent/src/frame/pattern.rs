//! A regular expression that lines are matched with, compiled while the config is read.

use regex::Regex;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A regular expression for one line, without its line end.
#[derive(Debug, Clone)]
pub(crate) struct LinePattern(Regex);

impl LinePattern {
    /// Compiles it; the error says where it is wrong.
    pub(super) fn compile(text: &str) -> Result<Self, String> {
        let remedy = "write a regular expression such as ^\\d{4}-\\d\\d-\\d\\d (in 'single quotes' backslashes stay)";
        Regex::new(text).map(Self).map_err(|error| format!("{error}: {remedy}"))
    }

    /// Whether it matches somewhere in the line.
    pub(super) fn matches(&self, line: &str) -> bool {
        self.0.is_match(line)
    }

    /// Its text.
    pub(super) fn text(&self) -> &str {
        self.0.as_str()
    }
}

impl Serialize for LinePattern {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.text())
    }
}

impl<'de> Deserialize<'de> for LinePattern {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::compile(&String::deserialize(deserializer)?).map_err(serde::de::Error::custom)
    }
}
