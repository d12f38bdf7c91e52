//! The MADSci event, field for field, as its JSON.

use serde::{Serialize, Serializer, ser::SerializeMap as _};
use serde_json::{Map, Value, json};

use crate::{
    event_id::mint,
    event_type::EventType,
    level::LogLevel,
    python::{self, TooLarge},
    source::Source,
    timestamp::{EventTimestamp, TimestampError, TimestampErrorKind},
};

/// The fields of an event, in their order.
pub const FIELDS: [&str; 11] = [
    "_id",
    "event_type",
    "log_level",
    "alert",
    "event_timestamp",
    "source",
    "event_data",
    "trace_id",
    "span_id",
    "archived",
    "archived_at",
];

/// The key under which a store keeps what is ours (the true instant, the time of receipt, ...). MADSci never sees it.
pub const PRIVATE_KEY: &str = "_labtrail";

/// One event, in MADSci's fields and order.
#[derive(Debug, Clone, PartialEq)]
pub struct Event {
    /// `_id`: a ULID from our agents and from MADSci's client; any text from others.
    pub id: String,
    /// What kind of thing happened.
    pub event_type: EventType,
    /// How grave it is.
    pub log_level: LogLevel,
    /// Whether the sender wants somebody to be told.
    pub alert: bool,
    /// When it happened, as the sender wrote it.
    pub event_timestamp: EventTimestamp,
    /// Whom it belongs to.
    pub source: Source,
    /// What happened: any JSON.
    pub event_data: Value,
    /// The W3C trace it belongs to.
    pub trace_id: Option<String>,
    /// The W3C span it belongs to.
    pub span_id: Option<String>,
    /// Whether it was put aside.
    pub archived: bool,
    /// When it was put aside.
    pub archived_at: Option<EventTimestamp>,
}

/// What a collector fills in where a sender was silent.
#[derive(Debug, Clone)]
pub struct Defaults {
    /// The time to give an event without one: the collector's local time, without a zone, as MADSci does.
    pub now: EventTimestamp,
    /// The source to give an event without one.
    pub source: Source,
}

/// One reason why a JSON value is no event.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}{}", if field.is_empty() { String::new() } else { format!("{field}: ") }, self.words())]
pub struct EventProblem {
    /// The field that is wrong, such as `log_level` or `source.node_id`; empty when the whole is.
    pub field: &'static str,
    /// What is wrong.
    pub kind: ProblemKind,
    /// What stood there.
    pub input: Value,
}

/// What can be wrong with a field of an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProblemKind {
    /// The whole is no object, or `source` is none.
    NotAnObject,
    /// No type of MADSci's list.
    EventType,
    /// No level.
    Level,
    /// A level that is an integer beyond 64 bits.
    LevelSize,
    /// A word or a number that means neither true nor false.
    Truth,
    /// Something else where true or false should stand.
    NotATruth,
    /// No time.
    Time(TimestampErrorKind),
    /// Something else where a text should stand.
    NotAText,
    /// An id in `source` that is no ULID.
    Ulid,
}

impl EventProblem {
    fn words(&self) -> String {
        match self.kind {
            ProblemKind::NotAnObject if self.field.is_empty() => "an event is a JSON object".to_owned(),
            ProblemKind::NotAnObject => "must be an object of ids".to_owned(),
            ProblemKind::EventType => "must be one of MADSci's event types, such as log_info or node_error".to_owned(),
            ProblemKind::Level | ProblemKind::LevelSize => {
                "must be 0, 10, 20, 30, 40 or 50, or NOTSET, DEBUG, INFO, WARNING, ERROR or CRITICAL".to_owned()
            }
            ProblemKind::Truth | ProblemKind::NotATruth => "must be true or false".to_owned(),
            ProblemKind::Time(kind) => TimestampError { text: self.input.to_string(), kind }.to_string(),
            ProblemKind::NotAText => "must be a text".to_owned(),
            ProblemKind::Ulid => {
                let input = &self.input;
                format!("must be a ULID (26 characters of Crockford's base 32 in upper case), not {input}")
            }
        }
    }
}

impl Event {
    /// Reads an event as MADSci's server does: every field is optional, unknown ones are dropped.
    ///
    /// All problems are reported, not only the first.
    pub fn from_json(value: &Value, defaults: &Defaults) -> Result<Self, Vec<EventProblem>> {
        let (event, problems) = Self::read(value, defaults).map_err(|problem| vec![problem])?;
        if problems.is_empty() { Ok(event) } else { Err(problems) }
    }

    /// The same for one that is not needed any more, whose data need not be copied then.
    pub fn from_json_owned(mut value: Value, defaults: &Defaults) -> Result<Self, Vec<EventProblem>> {
        let data = value.as_object_mut().and_then(|fields| fields.shift_remove("event_data"));
        let mut event = Self::from_json(&value, defaults)?;
        if let Some(data) = data {
            event.event_data = data;
        }
        Ok(event)
    }

    /// Reads what MADSci's server would refuse, and MADSci's client could not read, so that it is an event: a field that is
    /// wrong gets what it would have if it were absent, and what stood there is kept in `event_data.original`. Says whether
    /// there was one. Only what is no object is refused.
    pub fn from_json_normalized(value: &Value, defaults: &Defaults) -> Result<(Self, bool), EventProblem> {
        let (mut event, problems) = Self::read(value, defaults)?;
        let is_normalized = !problems.is_empty();
        if is_normalized {
            let original = problems.into_iter().map(|problem| (problem.field.to_owned(), problem.input));
            let original = Value::Object(original.collect());
            match &mut event.event_data {
                Value::Object(data) => drop(data.insert("original".to_owned(), original)),
                data => *data = json!({"value": data.take(), "original": original}),
            }
        }
        Ok((event, is_normalized))
    }

    fn read(value: &Value, defaults: &Defaults) -> Result<(Self, Vec<EventProblem>), EventProblem> {
        let Value::Object(object) = value else {
            return Err(EventProblem { field: "", kind: ProblemKind::NotAnObject, input: value.clone() });
        };
        let mut reader = Reader { object, problems: Vec::new() };
        let event = Self {
            id: object.get("_id").or_else(|| object.get("event_id")).map_or_else(mint, python::str_of),
            event_type: reader.read("event_type", EventType::Unknown, |value| {
                value.as_str().and_then(EventType::from_name).ok_or(ProblemKind::EventType)
            }),
            log_level: reader.read("log_level", LogLevel::Info, |value| {
                let is_too_large = || value.as_str().and_then(python::read_integer) == Some(Err(TooLarge));
                LogLevel::from_json(value)
                    .ok_or_else(|| if is_too_large() { ProblemKind::LevelSize } else { ProblemKind::Level })
            }),
            alert: reader.read("alert", false, read_bool),
            event_timestamp: reader.read("event_timestamp", defaults.now, read_time),
            source: reader.read_source(&defaults.source),
            event_data: object.get("event_data").cloned().unwrap_or_else(|| json!({})),
            trace_id: reader.read("trace_id", None, read_optional_text),
            span_id: reader.read("span_id", None, read_optional_text),
            archived: reader.read("archived", false, read_bool),
            archived_at: reader.read("archived_at", None, |value| match value {
                Value::Null => Ok(None),
                value => read_time(value).map(Some),
            }),
        };
        Ok((event, reader.problems))
    }

    /// The event as MADSci answers and stores it: eleven fields in its order, `_id` first.
    pub fn to_json(&self) -> Value {
        let mut object = Map::with_capacity(12);
        object.insert("_id".to_owned(), Value::from(self.id.as_str()));
        object.insert("event_type".to_owned(), Value::from(self.event_type.name()));
        object.insert("log_level".to_owned(), Value::from(self.log_level.number()));
        object.insert("alert".to_owned(), Value::from(self.alert));
        object.insert("event_timestamp".to_owned(), Value::from(self.event_timestamp.to_string()));
        object.insert("source".to_owned(), Value::Object(self.source.as_object().clone()));
        object.insert("event_data".to_owned(), self.event_data.clone());
        object.insert("trace_id".to_owned(), Value::from(self.trace_id.clone()));
        object.insert("span_id".to_owned(), Value::from(self.span_id.clone()));
        object.insert("archived".to_owned(), Value::from(self.archived));
        object.insert("archived_at".to_owned(), Value::from(self.archived_at.map(|time| time.to_string())));
        Value::Object(object)
    }
}

impl Serialize for Event {
    /// Writes what [`Event::to_json`] makes.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut fields = serializer.serialize_map(Some(11))?;
        fields.serialize_entry("_id", &self.id)?;
        fields.serialize_entry("event_type", self.event_type.name())?;
        fields.serialize_entry("log_level", &self.log_level.number())?;
        fields.serialize_entry("alert", &self.alert)?;
        fields.serialize_entry("event_timestamp", &self.event_timestamp)?;
        fields.serialize_entry("source", self.source.as_object())?;
        fields.serialize_entry("event_data", &self.event_data)?;
        fields.serialize_entry("trace_id", &self.trace_id)?;
        fields.serialize_entry("span_id", &self.span_id)?;
        fields.serialize_entry("archived", &self.archived)?;
        fields.serialize_entry("archived_at", &self.archived_at)?;
        fields.end()
    }
}

/// Reads fields of one object and gathers what is wrong with them.
struct Reader<'a> {
    object: &'a Map<String, Value>,
    problems: Vec<EventProblem>,
}

impl Reader<'_> {
    fn read<T>(&mut self, field: &'static str, absent: T, read: impl FnOnce(&Value) -> Result<T, ProblemKind>) -> T {
        let Some(value) = self.object.get(field) else { return absent };
        read(value).unwrap_or_else(|kind| {
            self.problems.push(EventProblem { field, kind, input: value.clone() });
            absent
        })
    }

    fn read_source(&mut self, absent: &Source) -> Source {
        let Some(value) = self.object.get("source") else { return absent.clone() };
        let Value::Object(ids) = value else {
            let kind = ProblemKind::NotAnObject;
            self.problems.push(EventProblem { field: "source", kind, input: value.clone() });
            return Source::default();
        };
        let (source, wrong) = Source::read(ids);
        self.problems.extend(wrong.into_iter().map(|(field, input)| {
            let kind = if input.is_string() { ProblemKind::Ulid } else { ProblemKind::NotAText };
            EventProblem { field, kind, input: input.clone() }
        }));
        source
    }
}

fn read_bool(value: &Value) -> Result<bool, ProblemKind> {
    const TRUE: [&str; 6] = ["true", "yes", "on", "t", "y", "1"];
    const FALSE: [&str; 6] = ["false", "no", "off", "f", "n", "0"];
    let is_one_of = |words: [&str; 6], text: &str| words.iter().any(|word| word.eq_ignore_ascii_case(text));
    match value {
        Value::Bool(value) => Ok(*value),
        Value::Number(number) => match number.as_f64() {
            Some(1.0) => Ok(true),
            Some(0.0) => Ok(false),
            Some(number) if number.fract() != 0.0 => Err(ProblemKind::NotATruth),
            _ => Err(ProblemKind::Truth),
        },
        Value::String(text) if is_one_of(TRUE, text) => Ok(true),
        Value::String(text) if is_one_of(FALSE, text) => Ok(false),
        Value::String(_) => Err(ProblemKind::Truth),
        _ => Err(ProblemKind::NotATruth),
    }
}

fn read_time(value: &Value) -> Result<EventTimestamp, ProblemKind> {
    EventTimestamp::from_json(value).map_err(|error| ProblemKind::Time(error.kind))
}

fn read_optional_text(value: &Value) -> Result<Option<String>, ProblemKind> {
    match value {
        Value::Null => Ok(None),
        Value::String(text) => Ok(Some(text.clone())),
        _ => Err(ProblemKind::NotAText),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{Defaults, Event};
    use crate::{
        event_id::is_ulid,
        record_hash::{of_event, of_whole_event},
        source::Source,
        timestamp::EventTimestamp,
    };

    fn read(value: &Value) -> Result<Event, Vec<String>> {
        let defaults = Defaults {
            now: EventTimestamp { civil_micros: 0, offset_seconds: None },
            source: Source::of_manager("01ARZ3NDEKTSV4RRFFQ69G5FAV"),
        };
        Event::from_json(value, &defaults).map_err(|problems| problems.iter().map(ToString::to_string).collect())
    }

    #[test]
    fn an_empty_object_is_an_event() {
        let event = read(&json!({})).expect("everything is optional");
        assert!(is_ulid(&event.id));
        let mut printed = event.to_json();
        printed["_id"] = json!("ID");
        assert_eq!(
            printed.to_string(),
            r#"{"_id":"ID","event_type":"unknown","log_level":20,"alert":false,"event_timestamp":"1970-01-01T00:00:00","source":{"manager_id":"01ARZ3NDEKTSV4RRFFQ69G5FAV"},"event_data":{},"trace_id":null,"span_id":null,"archived":false,"archived_at":null}"#
        );
    }

    #[test]
    fn an_event_is_written_as_its_json() {
        let id = "01ARZ3NDEKTSV4RRFFQ69G5FAV";
        for value in [
            json!({}),
            json!({"_id": "ü\"\u{0}", "event_type": "node_error", "log_level": 50, "alert": true, "archived": true,
                "event_timestamp": "2026-11-23T09:18:44.331566+05:30", "archived_at": "2026-11-24", "trace_id": "t",
                "source": {"node_id": id, "user_id": id}, "event_data": {"z": [1.5, null, {"b": 1, "a": "x"}], "a": {}}}),
            json!({"event_data": [1, "two", {"$x.y": -0.0}], "span_id": ""}),
        ] {
            let event = read(&value).expect("an event");
            assert_eq!(serde_json::to_string(&event).expect("it prints"), event.to_json().to_string());
            assert_eq!(of_event(&event), of_whole_event(&event.to_json()), "{value}");
            let defaults = Defaults { now: event.event_timestamp, source: event.source.clone() };
            let mut with_id = value.clone();
            with_id["_id"] = Value::from(event.id.as_str());
            assert_eq!(Event::from_json_owned(with_id, &defaults).expect("an event"), event);
        }
    }

    #[test]
    fn ids_are_whatever_python_makes_of_them() {
        let check = |id: Value, expected: &str| assert_eq!(read(&json!({ "_id": id })).expect("an event").id, expected);
        check(json!("abc"), "abc");
        check(json!(77), "77");
        check(json!(null), "None");
        check(json!(true), "True");
        assert_eq!(read(&json!({"event_id": "b", "_id": "a"})).expect("an event").id, "a");
        assert_eq!(read(&json!({"event_id": "b"})).expect("an event").id, "b");
    }

    #[test]
    fn sources_keep_only_ids() {
        let node = "01ARZ3NDEKTSV4RRFFQ69G5FAV";
        let event = read(&json!({"source": {"manager_id": node, "x": 1, "node_id": node, "user_id": null}}));
        let printed = serde_json::to_string(&event.expect("an event").source).expect("a map prints");
        assert_eq!(printed, format!(r#"{{"node_id":"{node}","manager_id":"{node}"}}"#));
        assert_eq!(read(&json!({"source": {}})).expect("an event").source, Source::default());
    }

    #[test]
    fn what_is_wrong_is_kept_beside_what_is_right() {
        let defaults = Defaults {
            now: EventTimestamp { civil_micros: 0, offset_seconds: None },
            source: Source::of_manager("01ARZ3NDEKTSV4RRFFQ69G5FAV"),
        };
        let node = "01ARZ3NDEKTSV4RRFFQ69G5FAV";
        let wrong = json!({"_id": "a", "log_level": "LOUD", "event_type": "pump_broke", "alert": true,
            "source": {"node_id": "pc7", "user_id": node}, "event_data": {"message": "x"}});
        let (event, is_normalized) = Event::from_json_normalized(&wrong, &defaults).expect("an object");
        assert!(is_normalized);
        assert_eq!((event.log_level.number(), event.event_type.name(), event.alert), (20, "unknown", true));
        assert_eq!((event.source.node_id(), event.source.get("user_id")), (None, Some(node)));
        let original = json!({"event_type": "pump_broke", "log_level": "LOUD", "source.node_id": "pc7"});
        assert_eq!(event.event_data, json!({"message": "x", "original": original}));
        assert!(Event::from_json(&event.to_json(), &defaults).is_ok());
        let (event, _) =
            Event::from_json_normalized(&json!({"event_data": "text", "trace_id": 7}), &defaults).expect("an object");
        assert_eq!(event.event_data, json!({"value": "text", "original": {"trace_id": 7}}));
        let (_, is_normalized) = Event::from_json_normalized(&json!({}), &defaults).expect("an object");
        assert!(!is_normalized);
        assert!(Event::from_json_normalized(&json!([]), &defaults).is_err());
    }

    #[test]
    fn every_problem_is_named() {
        let problems =
            read(&json!({"event_type": "x", "log_level": true, "alert": "maybe", "source": {"node_id": "pc7"}}));
        let problems = problems.expect_err("four fields are wrong");
        let fields: Vec<&str> = problems.iter().map(|text| text.split(':').next().unwrap_or_default()).collect();
        assert_eq!(fields, ["event_type", "log_level", "alert", "source.node_id"]);
        assert_eq!(read(&json!([])).expect_err("no object"), ["an event is a JSON object"]);
    }
}
