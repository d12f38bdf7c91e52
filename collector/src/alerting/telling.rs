//! Makes of a step in the life of an alert what people are told: with the events, the numbers, and whom it concerns.

use std::collections::HashMap;

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::{
    rulebook::Rulebook,
    stored_alert::{PendingStep, StoredAlert},
};
use crate::{
    alert::{
        life::{Step, StepKind, WhyResolved},
        rule::{Rule, Severity, SeverityChoice},
        step::{AlertStep, Evidence, StepKind as ToldKind},
        trigger::Figure,
    },
    store::{EventStore, StoreError},
};

/// So many of the newest events are told as they are.
const EVENTS_TOLD: usize = 5;

/// An event of more bytes is told by its main fields.
const EVENT_BYTES_MAX: usize = 2000;

/// So many characters of a message are told then.
const MESSAGE_CHARACTERS_MAX: usize = 1000;

/// Puts new steps with those that wait in the row. The rule is absent where it was deleted.
pub(super) async fn add_steps(
    store: &dyn EventStore,
    rulebook: &Rulebook,
    rule: Option<&Rule>,
    stored: &mut StoredAlert,
    steps: Vec<Step>,
) -> Result<(), StoreError> {
    let ends: HashMap<u64, i64> = steps.iter().filter_map(|step| Some((step.episode, step.ended?))).collect();
    for step in steps {
        let fires = rule.filter(|_| step.kind == StepKind::Fired);
        let by_level = fires.is_some_and(|rule| rule.section().severity == SeverityChoice::ByLevel);
        let events = newest_events(store, &step, if by_level { usize::MAX } else { EVENTS_TOLD }).await?;
        if let Some(rule) = fires {
            stored.alert.severity = severity(rule, &events);
            stored.alert.labels.clone_from(&rule.section().labels);
            stored.description.clone_from(&rule.section().description);
        }
        let ended = ends.get(&step.episode).copied();
        let told = told(rulebook, rule, stored, &step, ended, &events);
        stored.steps.push(PendingStep { taken: step, told });
    }
    Ok(())
}

async fn newest_events(store: &dyn EventStore, step: &Step, count: usize) -> Result<Vec<Value>, StoreError> {
    let mut events = Vec::new();
    for id in step.grounds.ids.iter().rev().take(count) {
        events.extend(store.get(id).await?.map(|stored| stored.event));
    }
    Ok(events)
}

/// How severe an alert about these events is: as the most severe of them.
pub(super) fn severity(rule: &Rule, events: &[Value]) -> Severity {
    let worst = events.iter().map(|event| rule.severity_of(event)).max();
    worst.unwrap_or_else(|| match rule.section().severity {
        // Nothing is known of a source that is silent.
        SeverityChoice::ByLevel => Severity::Warning,
        choice => choice.of(&Value::Null),
    })
}

fn told(
    rulebook: &Rulebook,
    rule: Option<&Rule>,
    stored: &StoredAlert,
    step: &Step,
    ended: Option<i64>,
    events: &[Value],
) -> AlertStep {
    let (named, escalations) = rule.map_or_else(Default::default, |rule| {
        let section = rule.section();
        (section.receivers.clone(), section.escalate.clone())
    });
    let (kind, receivers) = match step.kind {
        StepKind::Fired => (ToldKind::Fired, rulebook.told_by(&named).to_vec()),
        StepKind::Repeated(n) => (ToldKind::Repeated(n), rulebook.told_by(&named).to_vec()),
        StepKind::Resolved(_) => (ToldKind::Resolved, rulebook.told_by(&named).to_vec()),
        StepKind::Escalated(n) => {
            let escalation = escalations.get((n as usize).saturating_sub(1));
            (ToldKind::Escalated(n), escalation.map(|escalation| escalation.receivers.clone()).unwrap_or_default())
        }
    };
    AlertStep {
        key: step.key.clone(),
        alert: stored.alert.clone(),
        kind,
        receivers,
        // What ended long ago is old, though it became known only now; what still holds is not.
        at: ended.map_or(step.at, |ended| ended.min(step.at)),
        evidence: Evidence { event_ids: step.grounds.ids.iter().rev().cloned().collect(), count: step.grounds.count },
        summary: summary(stored, step, events),
    }
}

/// What templates see of a step, beside what is in the notification of every alert.
pub(super) fn summary(stored: &StoredAlert, step: &Step, events: &[Value]) -> Value {
    let why = match step.kind {
        StepKind::Resolved(WhyResolved::TakenBack) => "events that came late show that it did not hold",
        StepKind::Resolved(WhyResolved::RuleChanged) => "the rule was changed",
        StepKind::Resolved(WhyResolved::RuleDeleted) => "the rule was deleted",
        _ => "",
    };
    json!({
        "id": stored.id(),
        "description": stored.description,
        "episode": step.episode,
        "since": step.began,
        "ended": step.ended,
        "number": number(&step.grounds.figure),
        "held_back": step.held_back,
        "why": why,
        "events": events.iter().take(EVENTS_TOLD).map(short).collect::<Vec<_>>(),
    })
}

/// The event, or its main fields if it is long.
pub(super) fn short(event: &Value) -> Value {
    if event.to_string().len() <= EVENT_BYTES_MAX {
        return event.clone();
    }
    let mut fields = Map::new();
    for field in ["_id", "event_type", "log_level", "event_timestamp", "source"] {
        if let Some(value) = event.get(field) {
            fields.insert(field.to_owned(), value.clone());
        }
    }
    if let Some(message) = event.pointer("/event_data/message").and_then(Value::as_str) {
        let message: String = message.chars().take(MESSAGE_CHARACTERS_MAX).collect();
        fields.insert("event_data".to_owned(), json!({"message": message}));
    }
    Value::Object(fields)
}

/// The number of an alert for templates: a value as a number, words for what is more than that, and nothing where the count of
/// events says it already.
fn number(figure: &Figure) -> Value {
    match figure {
        Figure::None | Figure::Count(_) => Value::Null,
        Figure::Value(value) => json!(value),
        figure => json!(figure_text(figure)),
    }
}

/// The number of an alert, in words; empty if there is none.
pub(crate) fn figure_text(figure: &Figure) -> String {
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    match figure {
        Figure::None => String::new(),
        Figure::Count(1) => "1 event".to_owned(),
        Figure::Count(count) => format!("{count} events"),
        Figure::Ratio { count, usual } => format!("{count} events, {usual:.1} are usual"),
        Figure::Value(value) => value.to_string(),
        Figure::New(value) => format!("{} is new", text(value)),
        Figure::Changed { from, to } => format!("{} became {}", text(from), text(to)),
        Figure::LastSeen(at) => match Timestamp::from_microsecond(*at) {
            Ok(at) => format!("last seen {}", at.strftime("%Y-%m-%d %H:%M:%S UTC")),
            Err(_) => String::new(),
        },
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{Figure, figure_text, short};

    #[test]
    fn a_figure_is_put_into_words() {
        let check = |figure: Figure, expected: &str| assert_eq!(figure_text(&figure), expected);
        check(Figure::None, "");
        check(Figure::Count(1), "1 event");
        check(Figure::Ratio { count: 7, usual: 0.5 }, "7 events, 0.5 are usual");
        check(Figure::Value(37.25), "37.25");
        check(Figure::Changed { from: json!("1.0"), to: json!(2) }, "1.0 became 2");
        check(Figure::LastSeen(0), "last seen 1970-01-01 00:00:00 UTC");
    }

    #[test]
    fn a_long_event_is_told_by_its_main_fields() {
        let event = json!({"_id": "A", "log_level": 40, "event_data": {"message": "x".repeat(5000), "blob": [1]}});
        let short = short(&event);
        assert_eq!(short["event_data"]["message"].as_str().map(str::len), Some(1000));
        assert_eq!((&short["_id"], &short["event_data"]["blob"]), (&json!("A"), &json!(null)));
    }
}
