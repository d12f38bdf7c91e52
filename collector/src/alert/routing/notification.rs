//! What a receiver is told in one go.

use std::{cmp::Reverse, collections::BTreeMap};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::alert::{key::key_of, rule::Severity, step::AlertStep};

/// So many steps are in a notification as they are; the rest is counted.
const STEPS_MAX: usize = 50;

/// So many kinds of the rest are told apart; what is still more is counted in `more` alone.
const RESTS_MAX: usize = 20;

/// Why the steps are together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NotificationKind {
    /// They are of one group.
    Alerts,
    /// They are old.
    Digest,
    /// There would have been too many notifications.
    Overflow,
}

/// How many steps of a rule are counted and not listed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RestCount {
    /// The rule.
    pub rule: String,
    /// The severity of the alerts.
    pub severity: Severity,
    /// `fired`, `repeated`, `resolved` or `escalated`.
    pub kind: String,
    /// How many steps.
    pub count: u64,
}

/// One notification for one receiver.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Notification {
    /// Made from the receiver and the keys of all steps, listed or counted.
    pub key: String,
    /// Who is told.
    pub receiver: String,
    /// The how manyeth notification of the receiver it is, from 1.
    pub sequence: u64,
    /// Why the steps are together.
    pub kind: NotificationKind,
    /// The highest severity in it.
    pub severity: Severity,
    /// When it was made: microseconds since 1970 UTC.
    pub created_at: i64,
    /// When the first of its steps happened: microseconds since 1970 UTC.
    pub oldest_at: i64,
    /// The first of its steps, the most severe ones first. Steps of one alert stand in their order.
    pub steps: Vec<AlertStep>,
    /// How many more steps there are: "and 312 more".
    pub more: u64,
    /// Of which rules they are.
    pub rest: Vec<RestCount>,
    /// The notifications that told of the same alerts before: it must not overtake them.
    pub after: Vec<String>,
}

impl Notification {
    /// The key of a notification with these steps, whatever their order.
    pub(super) fn key_for<'k>(receiver: &str, steps: impl IntoIterator<Item = &'k str>) -> String {
        let mut steps: Vec<&str> = steps.into_iter().collect();
        steps.sort_unstable();
        key_of([receiver].into_iter().chain(steps))
    }

    /// A notification of one step alone, which is not grouped and not counted among those of its receiver.
    pub(crate) fn single(receiver: &str, step: AlertStep, now: i64) -> Self {
        let key = Self::key_for(receiver, [step.key.as_str()]);
        let kind = NotificationKind::Alerts;
        Self::new(key, receiver.to_owned(), 0, kind, Vec::new(), vec![step], now)
    }

    /// Lists the most severe steps and counts the rest. There is at least one step.
    pub(super) fn new(
        key: String,
        receiver: String,
        sequence: u64,
        kind: NotificationKind,
        after: Vec<String>,
        mut steps: Vec<AlertStep>,
        now: i64,
    ) -> Self {
        let oldest_at = steps.iter().map(|step| step.at).min().unwrap_or(now);
        // The severity is that of the alert at its worst, so that its steps stay in their order.
        let mut worst: BTreeMap<String, Severity> = BTreeMap::new();
        for step in &steps {
            let severity = worst.entry(step.alert.id()).or_insert(step.alert.severity);
            *severity = step.alert.severity.max(*severity);
        }
        steps.sort_by_cached_key(|step| Reverse(worst.get(&step.alert.id()).copied()));
        let rest = steps.split_off(steps.len().min(STEPS_MAX));
        let severity = worst.into_values().max().unwrap_or(Severity::Info);
        let (more, rest) = (rest.len() as u64, count(&rest));
        Self { key, receiver, sequence, kind, severity, created_at: now, oldest_at, steps, more, rest, after }
    }

    /// What templates see: `severity`, `kind`, `rule` (empty for several), `alerts`, `more` and `rest`. Each alert has
    /// what is in the summary of its step, and `rule`, `group`, `labels`, `severity`, `kind`, `at` and `count`.
    pub fn context(&self) -> Value {
        let first = self.steps.first();
        let rule = first.map_or("", |step| step.alert.rule.as_str());
        let rests = self.rest.iter().map(|rest| (rest.rule.as_str(), rest.kind.as_str()));
        let mut all: Vec<(&str, &str)> =
            self.steps.iter().map(|step| (step.alert.rule.as_str(), step.kind.name())).chain(rests).collect();
        all.sort_unstable();
        let is_one_rule = all.iter().all(|(other, _)| *other == rule);
        let kind = if self.kind == NotificationKind::Alerts { main_kind(&all) } else { "digest" };
        json!({
            "severity": self.severity,
            "kind": kind,
            "rule": if is_one_rule { rule } else { "" },
            "created_at": self.created_at,
            "oldest_at": self.oldest_at,
            "alerts": self.steps.iter().map(facts).collect::<Vec<_>>(),
            "more": self.more,
            "rest": self.rest,
        })
    }
}

/// The kind that a person should know of first.
fn main_kind(all: &[(&str, &str)]) -> &'static str {
    let kinds = ["escalated", "fired", "repeated", "resolved"];
    kinds.into_iter().find(|kind| all.iter().any(|(_, other)| other == kind)).unwrap_or("fired")
}

fn facts(step: &AlertStep) -> Value {
    let mut facts = step.summary.as_object().cloned().unwrap_or_else(Map::new);
    let alert = &step.alert;
    facts.insert("rule".to_owned(), json!(alert.rule));
    facts.insert(
        "group".to_owned(),
        if alert.group_fields.is_empty() { json!(group_in_words(&alert.group)) } else { json!(alert.group_fields) },
    );
    facts.insert("labels".to_owned(), json!(alert.labels));
    facts.insert("severity".to_owned(), json!(alert.severity));
    facts.insert("kind".to_owned(), json!(step.kind.name()));
    facts.insert("at".to_owned(), json!(step.at));
    facts.insert("count".to_owned(), json!(step.evidence.count));
    Value::Object(facts)
}

/// A group without fields, for people: one of events that have none of them is told from no other.
fn group_in_words(group: &str) -> &str {
    match group {
        "*" => "all further groups",
        _ if group.bytes().all(|byte| b"?,".contains(&byte)) => "",
        group => group,
    }
}

fn count(steps: &[AlertStep]) -> Vec<RestCount> {
    let mut counts: BTreeMap<(Reverse<Severity>, &str, &str), u64> = BTreeMap::new();
    for step in steps {
        *counts.entry((Reverse(step.alert.severity), &step.alert.rule, step.kind.name())).or_default() += 1;
    }
    let counts = counts.into_iter().map(|((Reverse(severity), rule, kind), count)| RestCount {
        rule: rule.to_owned(),
        severity,
        kind: kind.to_owned(),
        count,
    });
    counts.take(RESTS_MAX).collect()
}
