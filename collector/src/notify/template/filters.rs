//! The filters that templates of notifications have beside those of minijinja.

#![expect(clippy::needless_pass_by_value, reason = "minijinja hands arguments over by value")]

use labtrail_shared::level::LogLevel;
use minijinja::{Environment, Error, ErrorKind, State, value::Serde};
use serde_json::Value;

use super::{
    super::notification,
    engine::first_characters,
    when::{Zone, instant, length},
};

/// An event's own words in one line of a mail.
const SUMMARY_CHARACTERS_MAX: usize = 300;

/// Adds them.
pub(super) fn add_to(environment: &mut Environment<'_>) {
    environment.add_filter("time", time);
    environment.add_filter("elapsed", elapsed);
    environment.add_filter("summary", summary);
    environment.add_filter("group", |group: Serde<Value>| notification::group_text(&group));
    environment.add_filter("level", |level: Serde<Value>| level_name(&level));
    environment.add_filter("cut", |text: Serde<Value>, count: usize| {
        first_characters(&notification::text(&text), count.max(1))
    });
}

/// A time in the receiver's zone, or in the one that is named.
fn time(state: &State<'_, '_>, time: Serde<Value>, zone: Option<String>) -> Result<String, Error> {
    let zone = match zone {
        Some(name) => Zone::named(&name).ok_or_else(|| {
            let problem = format!("{name:?} is not a time zone: write a name such as Europe/Berlin");
            Error::new(ErrorKind::InvalidOperation, problem)
        })?,
        None => receivers_zone(state),
    };
    Ok(zone.show(&time))
}

/// How long ago a time is, as of this attempt; nothing of what is no time.
fn elapsed(state: &State<'_, '_>, time: Serde<Value>) -> String {
    let now = state.lookup("at").and_then(|at| at.as_str().and_then(|at| at.parse().ok()));
    match (instant(&time), now) {
        (Some(time), Some(now)) => length(time, now),
        _ => String::new(),
    }
}

/// An event in one line: when, how grave, of what type, from where, and its words.
fn summary(state: &State<'_, '_>, event: Serde<Value>) -> String {
    event_line(&event, &receivers_zone(state))
}

pub(super) fn event_line(event: &Value, zone: &Zone) -> String {
    let when = zone.show(&event["event_timestamp"]);
    let level = level_name(&event["log_level"]);
    let kind = match event["event_type"].as_str() {
        None | Some("unknown" | "log") => String::new(),
        Some(kind) if kind.starts_with("log_") => String::new(),
        Some(kind) => kind.to_owned(),
    };
    let words = [when, level, kind, place(&event["source"]), message(&event["event_data"])];
    let words: Vec<&str> = words.iter().map(String::as_str).filter(|word| !word.is_empty()).collect();
    first_characters(&one_line(&words.join("  ")), SUMMARY_CHARACTERS_MAX)
}

/// Where an event comes from: the narrowest of its source's identifiers that say so.
fn place(source: &Value) -> String {
    let ids = ["node_id", "workcell_id", "manager_id"];
    ids.iter().find_map(|id| source[id].as_str()).unwrap_or_default().to_owned()
}

/// The event's own words: its message where it has one, else its data.
fn message(data: &Value) -> String {
    let keys = ["message", "msg", "error", "description"];
    let words = keys.iter().find_map(|key| data[key].as_str());
    match (words, data) {
        (Some(words), _) => words.to_owned(),
        (None, Value::Object(fields)) if fields.is_empty() => String::new(),
        (None, data) => notification::text(data),
    }
}

fn level_name(level: &Value) -> String {
    LogLevel::from_json(level).map_or_else(|| notification::text(level), |level| level.name().to_owned())
}

fn receivers_zone(state: &State<'_, '_>) -> Zone {
    state.lookup("zone").and_then(|name| Zone::named(name.as_str()?)).unwrap_or_default()
}

pub(super) fn one_line(text: &str) -> String {
    text.chars().map(|character| if character.is_control() { ' ' } else { character }).collect()
}
