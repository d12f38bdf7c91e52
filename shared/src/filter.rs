//! The filter language: MongoDB's query selector, read once and answered in memory.
//!
//! A [`Filter`] is what a query, an alert rule, a live tail or an agent's `keep` is made of. [`Filter::matches`] is the
//! definition of what a selector means; a store may answer faster, but never differently. It means what MongoDB 6 means
//! for documents that are JSON, with these limits, each of which is an error that names the operator and its place
//! rather than another answer:
//!
//! - operators that run code (`$where`, `$expr`, ...) or need an index of their own (`$text`, `$near`, ...) are refused;
//! - extended JSON numbers are read (`$numberInt`, `$numberLong`, `$numberDouble`, finite ones) and so is
//!   `$regularExpression`; `$date`, `$oid` and the other kinds of BSON value are refused, because an event is JSON and
//!   holds its times and ids as text, so that comparing with them could only ever find nothing;
//! - patterns are regular in the strict sense (no look-around, no back-references), see [`Pattern`];
//! - nesting ends at 64 levels and a path at 32 names.
//!
//! Integers outside the range of `i64` count as the nearest double, as they do in `SQLite`.

use std::fmt;
use std::str::FromStr;

use serde_json::Value;

mod condition;
mod extended;
#[cfg(feature = "generate")]
pub mod generate;
mod kind;
mod matches;
mod operators;
mod order;
mod path;
mod pattern;
mod selector;
#[cfg(test)]
mod tests;
mod write;

pub use condition::{Choices, Comparison, Condition, Predicate};
pub use kind::{Kind, Kinds};
pub use order::{Number, compare, same};
pub use path::{Path, Segment};
pub use pattern::{Pattern, PatternError};
pub use selector::FilterError;

/// A selector that was read and found to be right.
#[derive(Debug, Clone, PartialEq)]
pub struct Filter {
    condition: Condition,
}

impl Filter {
    /// The filter that every document passes: `{}`.
    pub fn all() -> Self {
        Self { condition: Condition::And(Vec::new()) }
    }

    /// Reads a selector that is already JSON.
    pub fn parse(selector: &Value) -> Result<Self, FilterError> {
        Ok(Self { condition: selector::read(selector)? })
    }

    /// Reads a selector from text.
    pub fn from_json(text: &str) -> Result<Self, FilterError> {
        let selector: Value = serde_json::from_str(text).map_err(|error| FilterError::Json(error.to_string()))?;
        Self::parse(&selector)
    }

    /// Whether the document passes.
    pub fn matches(&self, document: &Value) -> bool {
        matches::holds(&self.condition, document)
    }

    /// What a back end translates.
    pub fn condition(&self) -> &Condition {
        &self.condition
    }

    /// Both filters in one: only documents that pass `self` and `other` pass.
    #[must_use]
    pub fn and(self, other: Filter) -> Self {
        Self { condition: Condition::and(vec![self.condition, other.condition]) }
    }

    /// The filter that a document passes which passes any of these; of none, no document does.
    #[must_use]
    pub fn any(filters: impl IntoIterator<Item = Filter>) -> Self {
        Self { condition: Condition::or(filters.into_iter().map(|filter| filter.condition).collect()) }
    }

    /// The selector in one agreed spelling: reading it again gives an equal filter, and equal filters are spelt alike.
    pub fn to_json(&self) -> Value {
        write::selector(&self.condition)
    }
}

impl fmt::Display for Filter {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}", self.to_json())
    }
}

impl FromStr for Filter {
    type Err = FilterError;

    fn from_str(text: &str) -> Result<Self, FilterError> {
        Self::from_json(text)
    }
}
