//! Errors in `FastAPI`'s shapes.

use serde::Serialize;
use serde_json::{Value, json};

use crate::{
    event::{EventProblem, ProblemKind},
    event_type::EventType,
    timestamp::TimestampErrorKind,
};

/// An error: a text, or for an input that is not valid (422) a list of what is wrong.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Detail {
    /// A text, or a list of objects with `type`, `loc`, `msg` and `input`.
    pub detail: Value,
    /// The HTTP status to answer with.
    #[serde(skip)]
    pub status: u16,
}

impl Detail {
    /// An error whose detail is a text.
    pub fn text(status: u16, text: impl Into<String>) -> Self {
        Self { detail: Value::String(text.into()), status }
    }

    /// One thing that is wrong with the input, `ctx` being null for most kinds.
    pub fn input(kind: &str, place: &Value, message: &str, input: &Value, context: &Value) -> Self {
        let mut problem = json!({"type": kind, "loc": place, "msg": message, "input": input});
        if !context.is_null() {
            problem["ctx"] = context.clone();
        }
        Self { detail: json!([problem]), status: 422 }
    }

    /// That something is no object.
    pub fn not_an_object(place: &Value, input: &Value) -> Self {
        let message = "Input should be a valid dictionary or object to extract fields from";
        Self::input("model_attributes_type", place, message, input, &Value::Null)
    }

    /// Several at once.
    pub fn all(problems: Vec<Detail>) -> Self {
        let lists = problems.into_iter().filter_map(|problem| match problem.detail {
            Value::Array(list) => Some(list),
            _ => None,
        });
        Self { detail: Value::Array(lists.flatten().collect()), status: 422 }
    }
}

impl From<Vec<EventProblem>> for Detail {
    fn from(problems: Vec<EventProblem>) -> Self {
        Self::all(problems.iter().map(Self::from).collect())
    }
}

impl From<&EventProblem> for Detail {
    /// In pydantic's words.
    fn from(problem: &EventProblem) -> Self {
        let mut place = vec!["body"];
        place.extend(problem.field.split('.').filter(|part| !part.is_empty()));
        let last = place.last().copied().unwrap_or_default();
        let (kind, message, context) = match problem.kind {
            ProblemKind::NotAnObject => return Self::not_an_object(&json!(place), &problem.input),
            ProblemKind::EventType => {
                let expected = expected(&EventType::ALL.iter().map(|kind| format!("'{kind}'")).collect::<Vec<_>>());
                ("enum", format!("Input should be {expected}"), json!({"expected": expected}))
            }
            ProblemKind::Level => ("enum", format!("Input should be {LEVELS}"), json!({"expected": LEVELS})),
            ProblemKind::LevelSize => {
                let message = "Unable to parse input string as an integer, exceeded maximum size";
                let number: Option<f64> = problem.input.as_str().and_then(|text| text.trim().parse().ok());
                return Self::input("int_parsing_size", &json!(place), message, &json!(number), &Value::Null);
            }
            ProblemKind::Truth => ("bool_parsing", BOOL_PARSING.to_owned(), Value::Null),
            ProblemKind::NotATruth => ("bool_type", "Input should be a valid boolean".to_owned(), Value::Null),
            ProblemKind::Time(error) => time_problem(error),
            ProblemKind::NotAText => ("string_type", "Input should be a valid string".to_owned(), Value::Null),
            ProblemKind::Ulid => {
                let input = problem.input.as_str().unwrap_or_default();
                let message = format!("Value error, Invalid ULID {input} for field {last}");
                ("value_error", message, json!({"error": {}}))
            }
        };
        Self::input(kind, &json!(place), &message, &problem.input, &context)
    }
}

/// The levels, in pydantic's words.
pub const LEVELS: &str = "0, 10, 20, 30, 40 or 50";
/// What pydantic says of a word that is neither true nor false.
pub const BOOL_PARSING: &str = "Input should be a valid boolean, unable to interpret input";

/// Several things one of which is expected.
fn expected(all: &[String]) -> String {
    match all {
        [first @ .., last] if !first.is_empty() => format!("{} or {last}", first.join(", ")),
        all => all.join(", "),
    }
}

/// Kind, message and context of a time that is none.
pub fn time_problem(error: TimestampErrorKind) -> (&'static str, String, Value) {
    match error {
        TimestampErrorKind::Text(reason) => {
            let message = format!("Input should be a valid datetime or date, {reason}");
            ("datetime_from_date_parsing", message, json!({"error": reason}))
        }
        TimestampErrorKind::Number(reason) => {
            ("datetime_parsing", format!("Input should be a valid datetime, {reason}"), json!({"error": reason}))
        }
        TimestampErrorKind::Other => ("datetime_type", "Input should be a valid datetime".to_owned(), Value::Null),
    }
}
