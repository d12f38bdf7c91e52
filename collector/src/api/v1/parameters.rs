//! Reads the parameters of a query: strictly, and telling all that is wrong at once.

use axum::extract::{Query, RawQuery};
use axum::http::Uri;
use jiff::tz::TimeZone;
use labtrail_shared::{filter::Filter, level::LogLevel, text_query::TextQuery, timestamp::EventTimestamp};

use crate::{
    api::error::{Problem, ProblemPlace},
    store::Criteria,
};

/// The parameters of a request that were not read yet, and what was wrong so far.
#[derive(Debug)]
pub(super) struct Parameters {
    given: Vec<(String, String)>,
    problems: Vec<ProblemPlace>,
}

impl Parameters {
    /// Only these names are valid; a misspelt one shall not be answered as if it were not there.
    pub(super) fn new(RawQuery(query): RawQuery, valid: &[&str]) -> Self {
        let uri: Result<Uri, _> = format!("/?{}", query.unwrap_or_default()).parse();
        let given = uri.ok().and_then(|uri| Query::<Vec<(String, String)>>::try_from_uri(&uri).ok());
        let mut parameters = Self { given: given.map(|Query(given)| given).unwrap_or_default(), problems: Vec::new() };
        let mut seen: Vec<String> = Vec::new();
        for (name, _) in parameters.given.clone() {
            if !valid.contains(&name.as_str()) {
                parameters.problem(&name, format!("no such parameter; valid are {}", valid.join(", ")));
            } else if seen.contains(&name) {
                parameters.problem(&name, "given more than once".to_owned());
            }
            seen.push(name);
        }
        // An empty value is what a form sends for a field that is not filled in.
        parameters.given.retain(|(_, value)| !value.is_empty());
        parameters
    }

    /// Notes that something is wrong with a parameter.
    pub(super) fn problem(&mut self, name: &str, detail: String) {
        self.problems.push(ProblemPlace { pointer: format!("?{name}"), detail });
    }

    pub(super) fn text(&mut self, name: &str) -> Option<String> {
        let place = self.given.iter().position(|(given, _)| given == name)?;
        Some(self.given.remove(place).1)
    }

    /// Reads a value; what is wrong with it is noted, and it counts as not given.
    pub(super) fn read<T>(&mut self, name: &str, read: impl FnOnce(&str) -> Result<T, String>) -> Option<T> {
        let text = self.text(name)?;
        match read(&text) {
            Ok(value) => Some(value),
            Err(detail) => {
                self.problem(name, detail);
                None
            }
        }
    }

    pub(super) fn number(&mut self, name: &str, least: i64, most: i64) -> Option<i64> {
        self.read(name, |text| {
            let number = text.parse::<i64>().ok().filter(|number| (least..=most).contains(number));
            number.ok_or_else(|| format!("{text:?} is not a whole number from {least} to {most}"))
        })
    }

    /// The parameters that say which events are meant. `zone` is for times without an offset.
    pub(super) fn criteria(&mut self, zone: &TimeZone) -> Criteria {
        let time = |text: &str| read_time(text, zone);
        let criteria = Criteria {
            from: self.read("from", time),
            to: self.read("to", time),
            level_min: self.read("level", |text| {
                let names = "0, 10, 20, 30, 40 or 50, or NOTSET, DEBUG, INFO, WARNING, ERROR or CRITICAL";
                LogLevel::from_text(text).ok_or_else(|| format!("{text:?} is not a level: use {names}"))
            }),
            text: self.text("q").and_then(|text| TextQuery::parse(&text)),
            filter: None,
            archived: None,
        };
        Criteria { filter: self.filter(), ..criteria }
    }

    fn filter(&mut self) -> Option<Filter> {
        let text = self.text("filter")?;
        match Filter::from_json(&text) {
            Ok(filter) => Some(filter),
            Err(error) => {
                self.problems.push(error.into());
                None
            }
        }
    }

    /// Whether all was well.
    pub(super) fn finish(self) -> Result<(), Problem> {
        let Some(first) = self.problems.first() else { return Ok(()) };
        let detail = match first.pointer.strip_prefix('?') {
            Some(name) if !first.detail.starts_with("the filter") => format!("parameter {name}: {}", first.detail),
            _ => format!("parameter filter: {}", first.detail),
        };
        let problem = Problem::bad_request("bad-parameter", "a parameter cannot be used", detail);
        Err(problem.with_errors(self.problems))
    }
}

/// An instant in microseconds UTC.
fn read_time(text: &str, zone: &TimeZone) -> Result<i64, String> {
    let read = EventTimestamp::parse(text).or_else(|error| {
        // A plus that was not encoded arrives as a blank.
        let (time, offset) = text.rsplit_once(' ').ok_or_else(|| error.clone())?;
        EventTimestamp::parse(&format!("{time}+{offset}")).map_err(|_| error)
    });
    read.map(|time| time.utc_micros(zone)).map_err(|error| error.to_string())
}
