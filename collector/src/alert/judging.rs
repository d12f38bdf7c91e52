//! What a rule means to those who judge it: its condition, its samples, and how its alerts live.

use std::time::Duration;

use labtrail_shared::settings::Period;
use serde_json::Value;

use super::{
    life::{LifeSettings, Repeat},
    rule::{self, FieldPath, Rule},
    trigger::{Sample, Trigger},
};
use crate::store::StoredEvent;

/// The condition of a rule, as the evaluator takes it.
pub(crate) fn trigger_of(rule: &Rule) -> Trigger {
    let count = |count: u64| u32::try_from(count).unwrap_or(u32::MAX);
    match &rule.section().trigger {
        rule::Trigger::Each => Trigger::Each,
        rule::Trigger::AtLeast(at_least) => {
            Trigger::AtLeast { count: count(at_least.count), within: micros(at_least.within.0) }
        }
        rule::Trigger::FewerThan(fewer) => {
            Trigger::FewerThan { count: count(fewer.count), within: micros(fewer.within.0) }
        }
        rule::Trigger::Silence(silence) => Trigger::Silence { after: micros(silence.after.0) },
        rule::Trigger::Spike(spike) => Trigger::Spike {
            ratio: spike.ratio,
            within: micros(spike.within.0),
            windows: spike.windows,
            at_least: count(spike.at_least),
        },
        rule::Trigger::NewValue(new) => {
            Trigger::NewValue { field: new.field.as_str().to_owned(), remember: micros(new.remember.0) }
        }
        rule::Trigger::Change(change) => Trigger::Change { field: change.field.as_str().to_owned() },
        rule::Trigger::Value(value) => Trigger::Value {
            statistic: value.statistic,
            within: micros(value.within.0),
            above: value.above,
            below: value.below,
            at_least: count(value.at_least),
        },
    }
}

/// The revision of a rule as rows keep it.
pub(crate) fn revision_of(rule: &Rule) -> String {
    format!("{:016x}", rule.revision())
}

/// How the alerts of a rule live.
pub(crate) fn life_settings(rule: &Rule) -> LifeSettings {
    let section = rule.section();
    let period = |period: Option<Period>| period.map_or(0, |period| micros(period.0));
    LifeSettings {
        revision: revision_of(rule),
        hold_for: period(section.hold_for),
        cool_down: period(section.cool_down),
        repeat: section.repeat.as_ref().map(|repeat| Repeat {
            after: micros(repeat.after.0),
            growth: repeat.growth,
            at_most: micros(repeat.pause_max()),
        }),
        escalate_after: section.escalate.iter().map(|escalation| micros(escalation.after.0)).collect(),
    }
}

/// An event as a rule's condition sees it.
pub(crate) fn sample_of(rule: &Rule, stored: &StoredEvent) -> Sample {
    let value = field_of(rule).and_then(|field| value_of(field, &stored.event));
    Sample { time: stored.time, id: stored.id().to_owned(), value }
}

/// The field that the condition is about, if it is about one.
fn field_of(rule: &Rule) -> Option<&FieldPath> {
    match &rule.section().trigger {
        rule::Trigger::NewValue(new) => Some(&new.field),
        rule::Trigger::Change(change) => Some(&change.field),
        rule::Trigger::Value(value) => Some(&value.field),
        _ => None,
    }
}

/// The value; several, where a path leads through arrays, are their list.
fn value_of(field: &FieldPath, event: &Value) -> Option<Value> {
    let values = field.values(event);
    match values[..] {
        [] => None,
        [value] => Some(value.clone()),
        _ => Some(values.into_iter().cloned().collect()),
    }
}

/// A length of time in microseconds.
pub(crate) fn micros(duration: Duration) -> i64 {
    i64::try_from(duration.as_micros()).unwrap_or(i64::MAX)
}
