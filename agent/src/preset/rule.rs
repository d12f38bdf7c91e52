//! How the files of a preset are recognised.

use globset::{GlobBuilder, GlobMatcher};
use regex::Regex;
use serde::{Deserialize, Deserializer, de::Error as _};

/// `[detect]` of a preset: all that it says must hold.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct DetectRule {
    /// Globs for the name of the file, in any case. Empty: any name.
    #[serde(default)]
    pub(crate) name: Vec<NameGlob>,
    /// What the first line that is not blank must match.
    #[serde(default, deserialize_with = "read_regex")]
    pub(crate) first: Option<Regex>,
    /// What lines must match.
    #[serde(deserialize_with = "read_regex")]
    pub(crate) lines: Option<Regex>,
    /// Which part of the lines that are not blank must match; one at least.
    pub(crate) share: f64,
}

/// A glob for the name of a file.
#[derive(Debug, Clone)]
pub(crate) struct NameGlob(GlobMatcher);

/// What speaks for a preset.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Likeness {
    /// The rule names names, and the file has one of them.
    pub(crate) is_name_known: bool,
    /// How many lines match.
    pub(crate) lines: usize,
}

impl DetectRule {
    /// Compares a file, given its name and its lines that are not blank; nothing if it is another kind of file.
    pub(crate) fn compare(&self, name: &str, lines: &[&str]) -> Option<Likeness> {
        if !self.name.is_empty() && !self.name.iter().any(|glob| glob.0.is_match(name)) {
            return None;
        }
        if let Some(first) = &self.first
            && !lines.first().is_some_and(|line| first.is_match(line))
        {
            return None;
        }
        let pattern = self.lines.as_ref()?;
        let count = lines.iter().filter(|line| pattern.is_match(line)).count();
        let is_enough = count > 0 && count as f64 >= self.share * lines.len() as f64;
        is_enough.then_some(Likeness { is_name_known: !self.name.is_empty(), lines: count })
    }
}

impl<'de> Deserialize<'de> for NameGlob {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let glob = GlobBuilder::new(&text).case_insensitive(true).build().map_err(D::Error::custom)?;
        Ok(Self(glob.compile_matcher()))
    }
}

fn read_regex<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Regex>, D::Error> {
    let text = String::deserialize(deserializer)?;
    Regex::new(&text).map(Some).map_err(D::Error::custom)
}
