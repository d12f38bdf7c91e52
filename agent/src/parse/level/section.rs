//! `[files.level]`: how the levels of a source are read.

use std::borrow::Cow;
use std::collections::BTreeMap;

use labtrail_shared::level::LogLevel;
use serde::{Deserialize, Serialize};

use super::{WrittenLevel, of_field};
use crate::parse::expression::Expression;

/// `[files.level]`
///
/// A rule comes before a field, and a field before the default.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct LevelSection {
    /// What the source's own words and codes mean: `WRN = "WARNING"`, `"1" = "ERROR"`. A word is looked for as it is
    /// written, then in any case, unless two keys differ only in case: of these each means only itself. Known without
    /// this: the usual English words and, in fields, those of six other languages.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) words: BTreeMap<String, LogLevel>,
    /// The level of records that state none, or none that is known. Default: none is stated, which is stored as INFO.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) default: Option<LogLevel>,
    /// Where the level of a record is looked for. Default: `auto`.
    pub(crate) from: LevelFrom,
    /// The group, key or column that holds the level. Default: `level`, and for JSON, logfmt and tables also `lvl` and
    /// `severity`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) field: Option<String>,
    /// Patterns on the whole record; the first one that matches gives the level, whatever the record states. Price: each
    /// is a search through every record.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) rules: Vec<LevelRule>,
    /// What a number in the level field means, where `words` has no entry for it: the entry with the highest `at_least`
    /// that is not above it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) numbers: Vec<LevelRange>,
}

/// Where the level of a record is looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum LevelFrom {
    /// Where the parser that read the record finds one.
    #[default]
    Auto,
    /// Nowhere: only rules and the default count.
    None,
    /// In the `<PRI>` of syslog.
    Syslog,
    /// In `field` alone.
    Field,
}

/// One of `rules`.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct LevelRule {
    /// A regular expression that is searched for in the record.
    pub(crate) pattern: Expression,
    /// The level of records in which it is found.
    pub(crate) level: LogLevel,
}

/// One of `numbers`.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct LevelRange {
    /// The lowest number of the range.
    pub(crate) at_least: f64,
    /// What it means.
    pub(crate) level: LogLevel,
}

/// A `[files.level]` that is ready for use.
#[derive(Debug)]
pub(crate) struct LevelReader {
    words: Vec<Word>,
    default: Option<LogLevel>,
    from: LevelFrom,
    rules: Vec<LevelRule>,
    /// Highest first.
    numbers: Vec<LevelRange>,
}

#[derive(Debug)]
struct Word {
    text: String,
    lower: String,
    level: LogLevel,
    /// Another key differs from this one only in case.
    is_exact: bool,
}

/// What the parsers found of a level.
#[derive(Debug, Default)]
pub(crate) struct LevelClues<'a> {
    /// The text of the field that holds the level.
    pub(crate) field: Option<Cow<'a, str>>,
    /// A level that was found and understood without a field.
    pub(crate) found: Option<WrittenLevel<'a>>,
    /// The severity of syslog.
    pub(crate) severity: Option<WrittenLevel<'a>>,
}

impl LevelReader {
    pub(crate) fn of(section: &LevelSection) -> Self {
        let mut words: Vec<Word> = section
            .words
            .iter()
            .map(|(text, level)| Word {
                text: text.trim().to_owned(),
                lower: text.trim().to_lowercase(),
                level: *level,
                is_exact: false,
            })
            .collect();
        for at in 0..words.len() {
            let twins = words.iter().filter(|word| word.lower == words[at].lower).count();
            words[at].is_exact = twins > 1;
        }
        let mut numbers = section.numbers.clone();
        numbers.sort_by(|one, other| other.at_least.total_cmp(&one.at_least));
        Self { words, default: section.default, from: section.from, rules: section.rules.clone(), numbers }
    }

    /// The level of a record.
    pub(crate) fn read<'a>(&self, text: &'a str, clues: LevelClues<'a>) -> Option<WrittenLevel<'a>> {
        let mut word = None;
        let mut of_field = |field: Option<Cow<'a, str>>| match field.map(|field| self.of_text(&field)) {
            Some(Stated::Known(level)) => Some(level),
            Some(Stated::Unknown(unknown)) => {
                word = unknown;
                None
            }
            None => None,
        };
        let stated = match self.from {
            LevelFrom::None => None,
            LevelFrom::Syslog => clues.severity,
            LevelFrom::Field => of_field(clues.field),
            LevelFrom::Auto => of_field(clues.field)
                .or_else(|| clues.found.map(|level| self.translated(level)))
                .or_else(|| clues.severity.map(|level| self.translated(level))),
        };
        let word = stated.map(|level| level.text).or(word);
        // The record's own word is kept, whatever the config makes of it.
        let named = |level: LogLevel| WrittenLevel { text: word.unwrap_or(level.name()), level };
        self.ruled(text).map(named).or(stated).or_else(|| self.default.map(named))
    }

    fn ruled(&self, text: &str) -> Option<LogLevel> {
        self.rules.iter().find(|rule| rule.pattern.regex().is_match(text)).map(|rule| rule.level)
    }

    /// A level that a parser understood by itself, in the meaning that this source gives its word.
    fn translated<'a>(&self, found: WrittenLevel<'a>) -> WrittenLevel<'a> {
        if self.words.is_empty() && self.numbers.is_empty() {
            return found;
        }
        WrittenLevel { level: self.of_word(found.text).unwrap_or(found.level), ..found }
    }

    fn of_text<'a>(&self, field: &Cow<'a, str>) -> Stated<'a> {
        // A text that was put together here has no place in the record to point at.
        let borrowed = match field {
            Cow::Borrowed(text) => Some(text.trim()),
            Cow::Owned(_) => None,
        };
        let word = field.trim();
        let level = self.of_word(word).or_else(|| of_field(word)).or_else(|| LogLevel::from_text(word));
        match level {
            Some(level) => Stated::Known(WrittenLevel { text: borrowed.unwrap_or(level.name()), level }),
            None => Stated::Unknown(borrowed.filter(|word| !word.is_empty())),
        }
    }

    /// What the section says of a word.
    fn of_word(&self, word: &str) -> Option<LogLevel> {
        if let Some(known) = self.words.iter().find(|known| known.text == word) {
            return Some(known.level);
        }
        let in_any_case = |known: &&Word| {
            !known.is_exact
                && (known.text.eq_ignore_ascii_case(word)
                    || !word.is_ascii() && known.lower.chars().eq(word.chars().flat_map(char::to_lowercase)))
        };
        if let Some(known) = self.words.iter().find(in_any_case) {
            return Some(known.level);
        }
        if self.numbers.is_empty() {
            return None;
        }
        let number: f64 = word.parse().ok()?;
        self.numbers.iter().find(|range| range.at_least <= number).map(|range| range.level)
    }
}

enum Stated<'a> {
    Known(WrittenLevel<'a>),
    /// The word, if it stands in the record.
    Unknown(Option<&'a str>),
}

#[cfg(test)]
mod tests;
