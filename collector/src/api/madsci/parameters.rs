//! Query parameters as `FastAPI` reads them: unknown ones are left alone, all that is wrong is told at once.

use axum::extract::{Query, RawQuery};
use axum::http::Uri;
use jiff::tz::TimeZone;
use labtrail_shared::{level::LogLevel, timestamp::EventTimestamp};
use serde_json::{Value, json};

use super::error::Detail;

#[derive(Debug)]
pub(super) struct Parameters {
    given: Vec<(String, String)>,
    problems: Vec<Detail>,
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

    fn read<T>(&mut self, name: &str, kind: &str, message: &str, read: impl FnOnce(&str) -> Option<T>) -> Option<T> {
        let text = self.text(name)?.to_owned();
        let value = read(&text);
        if value.is_none() {
            self.problems.push(Detail::input(kind, &json!(["query", name]), message, &json!(text), &Value::Null));
        }
        value
    }

    pub(super) fn integer(&mut self, name: &str) -> Option<i64> {
        let message = "Input should be a valid integer, unable to parse string as an integer";
        self.read(name, "int_parsing", message, |text| text.trim().parse().ok())
    }

    /// A number that MADSci's database would choke on.
    pub(super) fn not_negative(&mut self, name: &str) -> Option<u64> {
        let number = self.integer(name)?;
        if number < 0 {
            let (message, context) = ("Input should be greater than or equal to 0", json!({"ge": 0}));
            let place = json!(["query", name]);
            self.problems.push(Detail::input(
                "greater_than_equal",
                &place,
                message,
                &json!(number.to_string()),
                &context,
            ));
        }
        u64::try_from(number).ok()
    }

    pub(super) fn boolean(&mut self, name: &str) -> Option<bool> {
        let message = "Input should be a valid boolean, unable to interpret input";
        self.read(name, "bool_parsing", message, |text| match text.to_ascii_lowercase().as_str() {
            "1" | "true" | "t" | "yes" | "y" | "on" => Some(true),
            "0" | "false" | "f" | "no" | "n" | "off" => Some(false),
            _ => None,
        })
    }

    pub(super) fn level(&mut self, name: &str) -> Option<LogLevel> {
        self.read(name, "enum", "Input should be 0, 10, 20, 30, 40 or 50", LogLevel::from_text)
    }

    /// An instant in microseconds UTC.
    pub(super) fn time(&mut self, name: &str, zone: &TimeZone) -> Option<i64> {
        let message = "Input should be a valid datetime or date";
        let time = self.read(name, "datetime_from_date_parsing", message, |text| EventTimestamp::parse(text).ok());
        time.map(|time| time.utc_micros(zone))
    }

    pub(super) fn finish(self) -> Result<(), Detail> {
        if self.problems.is_empty() { Ok(()) } else { Err(Detail::all(self.problems)) }
    }
}
