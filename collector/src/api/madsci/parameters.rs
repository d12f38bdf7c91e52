//! Query parameters as `FastAPI` reads them: unknown ones are left alone, all that is wrong is told at once.

use axum::extract::{Query, RawQuery};
use axum::http::Uri;
use jiff::tz::TimeZone;
use labtrail_shared::{
    level::LogLevel,
    python::{TooLarge, read_integer},
    timestamp::EventTimestamp,
};
use serde_json::{Value, json};

use super::error::Detail;
use labtrail_shared::fastapi::{BOOL_PARSING, LEVELS, time_problem};

const INT_PARSING: &str = "Input should be a valid integer, unable to parse string as an integer";

/// So many events has a list of which nothing else is said.
const NUMBER_DEFAULT: i64 = 100;

#[derive(Debug)]
pub(super) struct Parameters {
    given: Vec<(String, String)>,
    problems: Vec<Detail>,
}

/// A lowest level that is asked for, which need not be one of the six.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum LevelFloor {
    /// This level and above.
    From(LogLevel),
    /// No event is so grave.
    Unreachable,
}

impl Parameters {
    pub(super) fn new(RawQuery(query): RawQuery) -> Self {
        let uri: Result<Uri, _> = format!("/?{}", query.unwrap_or_default()).parse();
        let given = uri.ok().and_then(|uri| Query::<Vec<(String, String)>>::try_from_uri(&uri).ok());
        Self { given: given.map(|Query(given)| given).unwrap_or_default(), problems: Vec::new() }
    }

    /// Of several the last counts.
    pub(super) fn text(&self, name: &str) -> Option<&str> {
        self.given.iter().rfind(|(given, _)| given == name).map(|(_, value)| value.as_str())
    }

    /// All that are given, in their order.
    pub(super) fn given(&self) -> &[(String, String)] {
        &self.given
    }

    fn problem(&mut self, kind: &str, place: &Value, message: &str, context: &Value) {
        let name = place[1].as_str().unwrap_or_default();
        let input = json!(self.text(name));
        self.problems.push(Detail::input(kind, place, message, &input, context));
    }

    pub(super) fn integer(&mut self, name: &str) -> Option<i64> {
        let place = json!(["query", name]);
        match read_integer(self.text(name)?) {
            Some(Ok(number)) => return Some(number),
            Some(Err(TooLarge)) => self.too_large(name),
            None => self.problem("int_parsing", &place, INT_PARSING, &Value::Null),
        }
        None
    }

    /// A number that MADSci's database would choke on.
    fn too_large(&mut self, name: &str) {
        let message = format!("Input should be between {} and {}", i64::MIN, i64::MAX);
        self.problem("int_parsing_size", &json!(["query", name]), &message, &Value::Null);
    }

    /// How many events a list may have. As in MongoDB 0 is no limit, and the sign does not count.
    pub(super) fn number(&mut self) -> usize {
        match self.integer("number").unwrap_or(NUMBER_DEFAULT) {
            0 => usize::MAX,
            number => number.unsigned_abs() as usize,
        }
    }

    /// A number that MADSci's database would choke on if it were negative.
    pub(super) fn not_negative(&mut self, name: &str) -> Option<u64> {
        let number = self.integer(name)?;
        if number < 0 {
            let message = "Input should be greater than or equal to 0";
            self.problem("greater_than_equal", &json!(["query", name]), message, &json!({"ge": 0}));
        }
        u64::try_from(number).ok()
    }

    pub(super) fn boolean(&mut self, name: &str) -> Option<bool> {
        match self.text(name)?.to_ascii_lowercase().as_str() {
            "1" | "true" | "t" | "yes" | "y" | "on" => return Some(true),
            "0" | "false" | "f" | "no" | "n" | "off" => return Some(false),
            _ => self.problem("bool_parsing", &json!(["query", name]), BOOL_PARSING, &Value::Null),
        }
        None
    }

    pub(super) fn level(&mut self, name: &str) -> Option<LevelFloor> {
        let text = self.text(name)?;
        let number = match read_integer(text) {
            Some(Ok(number)) => Some(number),
            Some(Err(TooLarge)) => {
                self.too_large(name);
                return None;
            }
            None => LogLevel::from_text(text).map(|level| i64::from(level.number())),
        };
        let Some(number) = number else {
            self.problem("int_parsing", &json!(["query", name, "int"]), INT_PARSING, &Value::Null);
            let (place, message) =
                (json!(["query", name, "int-enum[EventLogLevel]"]), format!("Input should be {LEVELS}"));
            self.problem("enum", &place, &message, &json!({"expected": LEVELS}));
            return None;
        };
        let floor = LogLevel::ALL.into_iter().find(|level| i64::from(level.number()) >= number);
        Some(floor.map_or(LevelFloor::Unreachable, LevelFloor::From))
    }

    /// An instant in microseconds UTC.
    pub(super) fn time(&mut self, name: &str, zone: &TimeZone) -> Option<i64> {
        match EventTimestamp::parse(self.text(name)?) {
            Ok(time) => Some(time.utc_micros(zone)),
            Err(error) => {
                let (kind, message, context) = time_problem(error.kind);
                self.problem(kind, &json!(["query", name]), &message, &context);
                None
            }
        }
    }

    pub(super) fn finish(self) -> Result<(), Detail> {
        if self.problems.is_empty() { Ok(()) } else { Err(Detail::all(self.problems)) }
    }
}
