//! What is wrong with a selector that is well formed: it asks for what no event has.

use labtrail_shared::{
    filter::{Condition, Predicate},
    level::LogLevel,
};
use serde_json::Value;

use super::{Problems, event_fields};

pub(super) fn check(condition: &Condition, problems: &mut Problems) {
    match condition {
        Condition::And(all) | Condition::Or(all) | Condition::Nor(all) => {
            for condition in all {
                check(condition, problems);
            }
        }
        Condition::Field(path, predicate) => {
            if let Some(message) = event_fields::why_none_has(&path.to_string()) {
                problems.say("when", message);
            }
            if path.to_string() == "log_level" {
                check_level(predicate, problems);
            }
        }
    }
}

/// Levels have names everywhere but in events, where a text is never equal to them nor above or below.
fn check_level(predicate: &Predicate, problems: &mut Problems) {
    match predicate {
        Predicate::Every(all) | Predicate::All(all) => all.iter().for_each(|one| check_level(one, problems)),
        Predicate::Not(not) => check_level(not, problems),
        Predicate::Equal(value) | Predicate::NotEqual(value) | Predicate::Compare(_, value) => {
            check_level_value(value, problems);
        }
        Predicate::In(choices) | Predicate::NotIn(choices) => {
            choices.values().iter().for_each(|value| check_level_value(value, problems));
        }
        _ => {}
    }
}

fn check_level_value(value: &Value, problems: &mut Problems) {
    let Value::String(text) = value else { return };
    let remedy = match LogLevel::from_text(text) {
        Some(level) => format!("write {} for {level}", level.number()),
        None => "write 10, 20, 30, 40 or 50".to_owned(),
    };
    problems.say("when", format!("`log_level` is a number in events and never the text {text:?}: {remedy}"));
}
