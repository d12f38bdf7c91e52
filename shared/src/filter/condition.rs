//! What a selector says, as a tree that cannot be wrong.

use serde_json::Value;

use super::kind::Kinds;
use super::order;
use super::path::Path;
use super::pattern::Pattern;

/// A question about a whole document.
#[derive(Debug, Clone, PartialEq)]
pub enum Condition {
    /// Each of them holds; with none of them, every document passes.
    And(Vec<Condition>),
    /// At least one of them holds.
    Or(Vec<Condition>),
    /// Not one of them holds.
    Nor(Vec<Condition>),
    /// What is found at a path satisfies a predicate.
    Field(Path, Predicate),
}

impl Condition {
    /// Joins conditions, so that nested conjunctions become one and a single condition stays itself.
    pub(super) fn and(conditions: Vec<Condition>) -> Self {
        let mut flat = Vec::with_capacity(conditions.len());
        for condition in conditions {
            match condition {
                Condition::And(inner) => flat.extend(inner),
                other => flat.push(other),
            }
        }
        if flat.len() == 1 { flat.remove(0) } else { Condition::And(flat) }
    }

    /// Joins conditions of which one is enough; a single one stays itself.
    pub(super) fn or(mut conditions: Vec<Condition>) -> Self {
        match conditions.len() {
            // A selector cannot spell an `$or` of nothing.
            0 => Condition::Nor(vec![Condition::And(Vec::new())]),
            1 => conditions.remove(0),
            _ => Condition::Or(conditions),
        }
    }
}

/// A question about what a path leads to.
///
/// A path may lead to several values, because it goes through arrays, or to nothing. Unless its description says
/// otherwise a predicate holds if one of these values satisfies it. The negative ones (`Not`, `NotEqual`, `NotIn`,
/// `Exists(false)`) hold if their opposite does not, hence also where the path leads nowhere.
#[derive(Debug, Clone, PartialEq)]
pub enum Predicate {
    /// Several operators in one object. Each holds, though perhaps for different values.
    Every(Vec<Predicate>),
    /// `$not`.
    Not(Box<Predicate>),
    /// `$eq`, also without being written. `null` is equal to a missing value.
    Equal(Value),
    /// `$ne`.
    NotEqual(Value),
    /// `$gt`, `$gte`, `$lt`, `$lte`: only values of the same type bracket compare.
    Compare(Comparison, Value),
    /// `$in`.
    In(Choices),
    /// `$nin`.
    NotIn(Choices),
    /// `$exists`.
    Exists(bool),
    /// `$type`.
    Type(Kinds),
    /// `$regex`, with its `$options`.
    Matches(Pattern),
    /// `$all`: holds `Equal`, `Matches`, `AnyValue` and `AnyDocument` only. An empty one never holds.
    All(Vec<Predicate>),
    /// `$size`: an array of so many elements. Looks at the array, not at what is in it.
    Size(u64),
    /// `$elemMatch` with operators: one element of an array satisfies them all.
    AnyValue(Box<Predicate>),
    /// `$elemMatch` with a selector: one document in an array passes it.
    AnyDocument(Box<Condition>),
    /// `$mod`: the whole part of a number, divided, leaves this remainder. The divisor is not zero.
    Mod {
        /// What is divided by.
        divisor: i64,
        /// What is left; of the dividend's sign.
        remainder: i64,
    },
}

/// The four ways to compare by order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Comparison {
    /// `$gt`
    Greater,
    /// `$gte`
    GreaterOrEqual,
    /// `$lt`
    Less,
    /// `$lte`
    LessOrEqual,
}

/// What `$in` and `$nin` choose from.
#[derive(Debug, Clone, PartialEq)]
pub struct Choices {
    /// Sorted by [`order::compare`] and each there once, so that a long list is searched and not walked.
    values: Vec<Value>,
    patterns: Vec<Pattern>,
}

impl Choices {
    pub(super) fn new(mut values: Vec<Value>, patterns: Vec<Pattern>) -> Self {
        values.sort_by(order::compare);
        values.dedup_by(|a, b| order::same(a, b));
        Self { values, patterns }
    }

    /// The values, in their order.
    pub fn values(&self) -> &[Value] {
        &self.values
    }

    /// The patterns.
    pub fn patterns(&self) -> &[Pattern] {
        &self.patterns
    }

    /// Whether the choices contain what a path led to, `None` being nothing.
    pub(super) fn contain(&self, found: Option<&Value>) -> bool {
        // Null is the smallest value, hence the first.
        let Some(found) = found else { return self.values.first().is_some_and(Value::is_null) };
        self.values.binary_search_by(|value| order::compare(value, found)).is_ok()
            || self.patterns.iter().any(|pattern| pattern.matches(found))
    }
}
