//! `redact`: hides what must not leave the machine.
//!
//! Promise: in the texts under the paths every match of a pattern (of its groups, if it has any) that is left lies
//! within a mark, that is, within what was put in place of another match. Keys and numbers are left as they are.

mod card;
mod mark;
mod pattern;

use std::ops::Range;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use thiserror::Error;

use self::{mark::Mark, pattern::Pattern};
use super::path::{EventPath, PathError};

/// A replacement may make a new match with what stands beside it. A text that still has one after so many rounds is
/// replaced as a whole.
const ROUNDS_MAX: usize = 6;

/// Why a redaction was refused.
#[derive(Debug, Error)]
pub(crate) enum RedactError {
    /// Nothing to look for.
    #[error("it says not what to hide: give patterns ({}, or regular expressions), paths, or both", pattern::NAMES.join(", "))]
    Empty,
    /// A path with the id in it, for instance.
    #[error("{0:?} cannot be redacted, only what is under event_data: use `remove`")]
    NotData(String),
    /// Two ways to replace.
    #[error("`with` and `hash = true` exclude each other: leave one out")]
    TwoMarks,
    /// Nobody could tell what was replaced.
    #[error("the pattern {0:?} matches what is put in its place, {1:?}: change one of them")]
    MatchesMark(String, String),
    /// A path that is none.
    #[error(transparent)]
    Path(#[from] PathError),
}

/// `redact`.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(try_from = "RedactFields", into = "RedactFields")]
pub(super) struct Redact {
    fields: RedactFields,
    paths: Vec<EventPath>,
    mark: Mark,
    hides_secret_fields: bool,
}

/// The keys of the table.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct RedactFields {
    /// What to look for: names of built-in patterns, or regular expressions, of which the capture groups are replaced if
    /// there are any. Without patterns what is at the paths is replaced as a whole. Each pattern costs a search through
    /// every text.
    ///
    /// - `email`: addresses.
    /// - `token`: values after `password=`, `api_key:` and the like, bearer tokens, JSON web tokens, keys of well-known
    ///   shapes, passwords in addresses; and each text whose own key says that it is one (`fields.password`).
    /// - `ipv4`: addresses, and so also versions of four numbers.
    /// - `credit-card`: 13 to 19 digits that begin as a card does and have its check digit.
    /// - `user-path`: the name in `C:\Users\NAME`, `/home/NAME` and `/Users/NAME`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    patterns: Vec<Pattern>,
    /// Where to look: these places and all below them. Default: `event_data`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    paths: Vec<EventPath>,
    /// What stands in place of a match. Default: `[redacted]`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    with: Option<String>,
    /// Puts `[redacted:3f2a9c]` instead, six digits of a hash without a key: equal values stay equal. Who can guess a
    /// short value (a PIN, an address) can tell that he was right. Default: false.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    hash: bool,
}

impl TryFrom<RedactFields> for Redact {
    type Error = RedactError;

    fn try_from(fields: RedactFields) -> Result<Self, RedactError> {
        if fields.patterns.is_empty() && fields.paths.is_empty() {
            return Err(RedactError::Empty);
        }
        let mark = match (&fields.with, fields.hash) {
            (Some(_), true) => return Err(RedactError::TwoMarks),
            (Some(with), false) => Mark::Text(with.clone()),
            (None, false) => Mark::Text("[redacted]".to_owned()),
            (None, true) => Mark::Hash,
        };
        if let Mark::Text(text) = &mark
            && let Some(pattern) = fields.patterns.iter().find(|pattern| !pattern.ranges(text).is_empty())
        {
            return Err(RedactError::MatchesMark(pattern.to_string(), text.clone()));
        }
        let mut paths = fields.paths.clone();
        if paths.is_empty() {
            paths.push(EventPath::parse("event_data")?);
        }
        if let Some(path) = paths.iter().find(|path| path.first() != "event_data") {
            return Err(RedactError::NotData(path.to_string()));
        }
        let hides_secret_fields = fields.patterns.iter().any(Pattern::is_token);
        Ok(Self { fields, paths, mark, hides_secret_fields })
    }
}

impl From<Redact> for RedactFields {
    fn from(redact: Redact) -> Self {
        redact.fields
    }
}

impl Redact {
    /// Hides what is to be hidden; says whether anything was.
    pub(super) fn apply(&self, event: &mut Value) -> bool {
        let mut is_changed = false;
        for path in &self.paths {
            path.each_mut(event, &mut |value| {
                is_changed |= if self.fields.patterns.is_empty() {
                    self.replace(value)
                } else {
                    self.search(value, self.is_secret(path.last()))
                };
            });
        }
        is_changed
    }

    fn is_secret(&self, key: &str) -> bool {
        self.hides_secret_fields && pattern::is_secret_key(key)
    }

    fn search(&self, value: &mut Value, is_secret: bool) -> bool {
        match value {
            Value::String(_) if is_secret => self.replace(value),
            Value::String(text) => match self.without_matches(text) {
                Some(hidden) => {
                    *text = hidden;
                    true
                }
                None => false,
            },
            Value::Array(items) => {
                items.iter_mut().fold(false, |is_changed, item| self.search(item, is_secret) | is_changed)
            }
            Value::Object(fields) => fields
                .iter_mut()
                .fold(false, |is_changed, (key, field)| self.search(field, self.is_secret(key)) | is_changed),
            _ => false,
        }
    }

    /// Replaces a value as a whole, unless there is nothing to hide.
    fn replace(&self, value: &mut Value) -> bool {
        let hidden = match *value {
            Value::Null => return false,
            Value::String(ref text) if text.is_empty() || self.mark.is_all_of(text) => return false,
            Value::String(ref text) => self.mark.of(text),
            ref other => self.mark.of(&other.to_string()),
        };
        *value = Value::String(hidden);
        true
    }

    /// The text with its matches replaced, if it has any.
    fn without_matches(&self, text: &str) -> Option<String> {
        let mut ranges = self.matches(text);
        if ranges.is_empty() {
            return None;
        }
        let mut hidden = text.to_owned();
        for _ in 0..ROUNDS_MAX {
            hidden = self.replaced(&hidden, &ranges);
            ranges = self.matches(&hidden);
            if ranges.is_empty() {
                return Some(hidden);
            }
        }
        Some(self.mark.of(text))
    }

    /// What is to be replaced, in order, joined where it overlaps.
    fn matches(&self, text: &str) -> Vec<Range<usize>> {
        let mut ranges: Vec<Range<usize>> = Vec::new();
        for pattern in &self.fields.patterns {
            ranges.append(&mut pattern.ranges(text));
        }
        if ranges.is_empty() {
            return ranges;
        }
        let marks = self.mark.places(text);
        ranges.retain(|range| !marks.iter().any(|mark| mark.start <= range.start && range.end <= mark.end));
        ranges.sort_unstable_by_key(|range| range.start);
        ranges.dedup_by(|next, kept| {
            let is_one = next.start < kept.end;
            if is_one {
                kept.end = kept.end.max(next.end);
            }
            is_one
        });
        ranges
    }

    fn replaced(&self, text: &str, ranges: &[Range<usize>]) -> String {
        let mut hidden = String::with_capacity(text.len() + 16);
        let mut done = 0;
        for range in ranges {
            hidden.push_str(&text[done..range.start]);
            hidden.push_str(&self.mark.of(&text[range.clone()]));
            done = range.end;
        }
        hidden.push_str(&text[done..]);
        hidden
    }
}

#[cfg(test)]
mod tests;
