//! What a `workflow_start` or a `workflow_complete` tells of its workflow.

use jiff::tz::TimeZone;
use serde_json::{Map, Value};

use super::{fields::Fields, iso_text::parse, python::is_truthy};

/// What one event tells.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct WorkflowEvent {
    /// The id of the workflow.
    pub id: Box<str>,
    /// Its name.
    pub name: Option<Box<str>>,
    /// Who made it.
    pub author: Option<Box<str>>,
    /// If it is over, how it ended.
    pub end: Option<WorkflowEnd>,
}

/// How a workflow ended.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct WorkflowEnd {
    /// `completed`, `failed`, `cancelled`, or what the sender calls it.
    pub status: Box<str>,
    /// How long it took, as the sender measured it.
    pub seconds: Option<f64>,
    /// From the start to the end, as the event's data has them: counts where the start event is missing.
    pub seconds_between: Option<f64>,
}

impl WorkflowEvent {
    /// None if it does not say of which workflow it is.
    pub(super) fn of(fields: Fields<'_>, is_end: bool) -> Option<Self> {
        let name = fields.text("name").or_else(|| fields.text("workflow_name"));
        let author = fields.name_at(&["author"]).or_else(|| {
            let nested = ["definition_metadata", "workflow_definition_metadata"];
            nested.into_iter().find_map(|key| fields.name_at(&[key, "author"]))
        });
        Some(Self {
            id: fields.first_text(&["workflow_id"])?.into(),
            name: name.map(Into::into),
            author: author.map(Into::into),
            end: is_end.then(|| WorkflowEnd {
                status: status(fields.any_data("status")).into(),
                seconds: fields.any_data("duration_seconds").and_then(seconds),
                seconds_between: seconds_between(fields),
            }),
        })
    }
}

/// Newer senders write a word, older ones an object of flags or of a description.
fn status(status: Option<&Value>) -> &str {
    const WORDS: [&str; 4] = ["completed", "failed", "cancelled", "running"];
    let of_object = |status: &Map<String, Value>| {
        let description = status.get("description").and_then(Value::as_str).unwrap_or_default().to_lowercase();
        let flag = WORDS.iter().find(|word| status.get(**word).is_some_and(is_truthy));
        *flag.or_else(|| WORDS.iter().find(|word| description.contains(**word))).unwrap_or(&WORDS[0])
    };
    match status {
        Some(Value::String(status)) => status,
        Some(Value::Object(status)) => of_object(status),
        _ => WORDS[0],
    }
}

fn seconds(value: &Value) -> Option<f64> {
    let seconds = match value {
        Value::Bool(value) => f64::from(u8::from(*value)),
        Value::String(text) => text.trim().parse().ok()?,
        value => value.as_f64()?,
    };
    seconds.is_finite().then_some(seconds)
}

fn seconds_between(fields: Fields<'_>) -> Option<f64> {
    let time = |key| parse(fields.text(key)?, &TimeZone::UTC).ok();
    Some((time("end_time")? - time("start_time")?) as f64 / 1e6)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{Fields, WorkflowEvent};

    fn read(mut data: Value) -> WorkflowEvent {
        data["workflow_id"] = json!("W");
        WorkflowEvent::of(Fields::of(&json!({"event_data": data})), true).expect("it has an id")
    }

    #[test]
    fn authors_are_found_in_new_and_old_events() {
        let check = |data: Value, expected| assert_eq!(read(data).author.as_deref(), expected);
        check(json!({"author": " Ada "}), Some("Ada"));
        check(json!({"author": " ", "definition_metadata": {"author": "Bo"}}), Some("Bo"));
        check(json!({"author": 7, "workflow_definition_metadata": {"author": "Cy"}}), Some("Cy"));
        check(json!({"definition_metadata": "Bo"}), None);
    }

    #[test]
    fn a_status_is_a_word_or_an_object() {
        let check =
            |status: Value, expected| assert_eq!(&*read(json!({"status": status})).end.unwrap().status, expected);
        check(json!("Odd"), "Odd");
        check(json!(null), "completed");
        check(json!({"failed": true, "running": true}), "failed");
        check(json!({"failed": false, "description": "Was CANCELLED."}), "cancelled");
        check(json!({"description": 7}), "completed");
    }

    #[test]
    fn a_duration_is_a_number_or_lies_between_two_times() {
        let check = |data: Value, expected| {
            let end = read(data).end.unwrap();
            assert_eq!((end.seconds, end.seconds_between), expected);
        };
        check(json!({"duration_seconds": 90}), (Some(90.0), None));
        check(json!({"duration_seconds": " 1.5 "}), (Some(1.5), None));
        check(json!({"duration_seconds": "nan"}), (None, None));
        check(json!({"start_time": "2026-01-01T00:00:00", "end_time": "2026-01-01T01:00+01:00"}), (None, Some(0.0)));
        check(json!({"start_time": 7, "end_time": "soon"}), (None, None));
    }

    #[test]
    fn an_event_of_no_workflow_tells_nothing() {
        for event in [json!({}), json!({"event_data": "text"}), json!({"event_data": {"workflow_id": ""}})] {
            assert_eq!(WorkflowEvent::of(Fields::of(&event), false), None);
        }
    }
}
