//! Writes a filter down again, always in the same spelling.

use serde_json::{Map, Value, json};

use super::condition::{Choices, Comparison, Condition, Predicate};
use super::pattern::Pattern;

pub(super) fn selector(condition: &Condition) -> Value {
    Value::Object(match condition {
        Condition::And(all) => return conjunction(all),
        Condition::Or(any) => entry("$or", clauses(any)),
        Condition::Nor(none) => entry("$nor", clauses(none)),
        Condition::Field(path, predicate) => entry(&path.to_string(), behind_path(predicate)),
    })
}

fn entry(key: &str, value: Value) -> Map<String, Value> {
    Map::from_iter([(key.to_owned(), value)])
}

fn clauses(conditions: &[Condition]) -> Value {
    conditions.iter().map(selector).collect()
}

/// One object if each condition has a key of its own, and `$and` otherwise.
fn conjunction(all: &[Condition]) -> Value {
    let mut merged = Map::new();
    for condition in all {
        let Value::Object(entries) = selector(condition) else { continue };
        for (key, value) in entries {
            if merged.insert(key, value).is_some() {
                return json!({ "$and": clauses(all) });
            }
        }
    }
    Value::Object(merged)
}

/// Equality is the one predicate that needs no operator, unless the value could be taken for operators.
fn behind_path(predicate: &Predicate) -> Value {
    match predicate {
        Predicate::Equal(value) if !starts_with_dollar(value) => value.clone(),
        other => Value::Object(operators(other)),
    }
}

fn starts_with_dollar(value: &Value) -> bool {
    value.as_object().is_some_and(|object| object.keys().next().is_some_and(|key| key.starts_with('$')))
}

fn operators(predicate: &Predicate) -> Map<String, Value> {
    match predicate {
        Predicate::Every(all) => all.iter().flat_map(operators).collect(),
        Predicate::Not(not) => entry("$not", Value::Object(operators(not))),
        Predicate::Equal(value) => entry("$eq", value.clone()),
        Predicate::NotEqual(value) => entry("$ne", value.clone()),
        Predicate::Compare(comparison, value) => entry(comparison.operator(), value.clone()),
        Predicate::In(choices) => entry("$in", elements(choices)),
        Predicate::NotIn(choices) => entry("$nin", elements(choices)),
        Predicate::Exists(wanted) => entry("$exists", Value::Bool(*wanted)),
        Predicate::Type(kinds) => entry("$type", kinds.to_json()),
        Predicate::Matches(pattern) => {
            let mut operators = entry("$regex", Value::from(pattern.source()));
            if !pattern.options().is_empty() {
                operators.insert("$options".to_owned(), Value::from(pattern.options()));
            }
            operators
        }
        Predicate::All(all) => entry("$all", all.iter().map(element).collect()),
        Predicate::Size(size) => entry("$size", Value::from(*size)),
        Predicate::AnyValue(wanted) => entry("$elemMatch", Value::Object(operators(wanted))),
        Predicate::AnyDocument(wanted) => entry("$elemMatch", selector(wanted)),
        Predicate::Mod { divisor, remainder } => entry("$mod", json!([divisor, remainder])),
    }
}

impl Comparison {
    /// As it is written in a selector.
    pub fn operator(self) -> &'static str {
        match self {
            Comparison::Greater => "$gt",
            Comparison::GreaterOrEqual => "$gte",
            Comparison::Less => "$lt",
            Comparison::LessOrEqual => "$lte",
        }
    }
}

fn elements(choices: &Choices) -> Value {
    choices.values().iter().cloned().chain(choices.patterns().iter().map(pattern_value)).collect()
}

fn element(predicate: &Predicate) -> Value {
    match predicate {
        Predicate::Equal(value) => value.clone(),
        Predicate::Matches(pattern) => pattern_value(pattern),
        other => Value::Object(operators(other)),
    }
}

fn pattern_value(pattern: &Pattern) -> Value {
    json!({ "$regularExpression": { "pattern": pattern.source(), "options": pattern.options() } })
}
