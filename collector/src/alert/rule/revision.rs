//! The revision of a rule: a hash of what decides when it fires.
//!
//! State that was computed under one revision says nothing about another. The hash is kept in rows, therefore it must
//! never change for an unchanged rule; tests hold some of them fast.

use serde_json::{Map, Value, json};
use xxhash_rust::xxh3::xxh3_64;

use super::{field_path::FieldPath, section::RuleSection};

/// Part of what is hashed. Raise it when the same settings come to mean something else.
const VERSION: u32 = 1;

pub(super) fn of(section: &RuleSection) -> u64 {
    let group_by: Vec<&str> = section.group_by.iter().map(FieldPath::as_str).collect();
    let decisive = json!([
        VERSION,
        selector(section.when.filter().to_json()),
        section.trigger,
        group_by,
        section.hold_for.map(|period| period.0.as_micros() as u64),
        // Which time of an event counts; there is no other.
        "event",
    ]);
    xxh3_64(decisive.to_string().as_bytes())
}

/// The order of conditions means nothing, and the one in which TOML is read is not the one in which it was written. (The
/// order of keys in a value that is compared with does mean something, and stays.)
fn selector(written: Value) -> Value {
    let Value::Object(entries) = written else { return written };
    sorted(entries, |key, value| match (key, value) {
        ("$and" | "$or" | "$nor", Value::Array(clauses)) => {
            let mut clauses: Vec<Value> = clauses.into_iter().map(selector).collect();
            clauses.sort_by_cached_key(Value::to_string);
            Value::Array(clauses)
        }
        (_, value) => operators(value),
    })
}

fn operators(behind_path: Value) -> Value {
    match behind_path {
        Value::Object(entries) if entries.keys().next().is_some_and(|key| key.starts_with('$')) => {
            sorted(entries, |operator, argument| match operator {
                "$not" => operators(argument),
                "$elemMatch" if is_operators(&argument) => operators(argument),
                "$elemMatch" => selector(argument),
                _ => argument,
            })
        }
        value => value,
    }
}

/// `$elemMatch` takes operators about an element or a selector for the documents in it.
fn is_operators(argument: &Value) -> bool {
    let first = argument.as_object().and_then(|object| object.keys().next());
    first.is_some_and(|key| key.starts_with('$') && !matches!(key.as_str(), "$and" | "$or" | "$nor"))
}

fn sorted(entries: Map<String, Value>, change: impl Fn(&str, Value) -> Value) -> Value {
    let mut entries: Vec<(String, Value)> = entries
        .into_iter()
        .map(|(key, value)| {
            let value = change(&key, value);
            (key, value)
        })
        .collect();
    entries.sort_unstable_by(|(a, _), (b, _)| a.cmp(b));
    Value::Object(entries.into_iter().collect())
}

#[cfg(test)]
mod tests {
    use labtrail_shared::filter::{Filter, generate};
    use serde_json::{Value, json};

    use super::{of, selector};

    const BASE: fn() -> Value = || {
        json!({
            "name": "r",
            "when": {"log_level": {"$gte": 40}, "event_type": "node_error"},
            "trigger": {"at_least": {"count": 5, "within": "1m"}},
            "group_by": ["source.node_id"],
            "for": "90s",
        })
    };

    #[expect(clippy::needless_pass_by_value, reason = "each case is a `json!` of its own")]
    fn revision(changes: Value) -> u64 {
        let mut rule = BASE();
        for (key, value) in changes.as_object().expect("a table") {
            rule[key] = value.clone();
        }
        of(&serde_json::from_value(rule).expect("a rule"))
    }

    /// These stand in the rows of collectors that run.
    #[test]
    fn revisions_never_change() {
        assert_eq!(revision(json!({})), 15_257_993_587_198_093_387);
        let each = serde_json::from_value(json!({"name": "r", "trigger": "each"})).expect("a rule");
        assert_eq!(of(&each), 13_091_961_721_912_946_540);
        let spike = json!({"trigger": {"spike": {"ratio": 2, "within": "1h"}}});
        assert_eq!(revision(spike), 16_647_107_474_219_334_430);
    }

    #[test]
    fn only_what_decides_when_a_rule_fires_counts() {
        let same = |changes: Value| assert_eq!(revision(changes.clone()), revision(json!({})), "{changes}");
        same(json!({"name": "other", "description": "x", "enabled": false, "subject": "x", "body": "y"}));
        same(json!({"receivers": ["a"], "labels": {"a": "b"}, "severity": "critical", "lateness": "1m"}));
        same(json!({"repeat": {"after": "1h"}, "cool_down": "1h", "groups_max": 7}));
        same(json!({"escalate": [{"after": "1h", "receivers": ["boss"]}]}));
        same(json!({"for": "1m 30s", "trigger": {"at_least": {"within": "60s", "count": 5}}}));
        same(json!({"when": {"event_type": {"$eq": "node_error"}, "$and": [{"log_level": {"$gte": 40}}]}}));
        let different = |changes: Value| assert_ne!(revision(changes.clone()), revision(json!({})), "{changes}");
        different(json!({"when": {"log_level": {"$gte": 50}, "event_type": "node_error"}}));
        different(json!({"trigger": {"at_least": {"count": 6, "within": "1m"}}}));
        different(json!({"trigger": {"fewer_than": {"count": 5, "within": "1m"}}}));
        different(json!({"group_by": []}));
        different(json!({"group_by": ["source.lab_id"]}));
        different(json!({"for": "91s"}));
        different(json!({"for": null}));
    }

    #[test]
    fn a_selector_means_the_same_with_its_conditions_sorted() {
        for seed in 0..200 {
            let round = generate::round(seed);
            for written in round.selectors {
                let filter = Filter::parse(&written).expect("well formed");
                let again = Filter::parse(&selector(filter.to_json())).expect("still well formed");
                for document in &round.documents {
                    assert_eq!(again.matches(document), filter.matches(document), "{written} of {document}");
                }
            }
        }
    }
}
