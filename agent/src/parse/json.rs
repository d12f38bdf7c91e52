//! Records that are one JSON object.
//!
//! The object is walked once and no tree is built: values of no interest are skipped, and the few that matter are
//! looked at in the text of the record itself.

mod fields;

use labtrail_shared::level::LogLevel;

use self::fields::Fields;
use super::level::{self, WrittenLevel};
use super::timestamp::{self, WrittenTime};
use super::{Body, ParseContext, Parsed, text_start};

/// Reads a record that is one JSON object; anything else gives nothing.
pub(super) fn parse<'a>(context: &ParseContext, text: &'a str) -> Option<Parsed<'a>> {
    let text = text[text_start(text)..].trim_ascii();
    if !text.starts_with('{') || !text.ends_with('}') {
        return None;
    }
    let fields: Fields<'a> = serde_json::from_str(text).ok()?;
    let time = fields.times().find_map(|value| time_of(context, value));
    let is_of_pino = fields.is_of_pino();
    let level = fields.levels().find_map(|value| level_of(value, is_of_pino));
    let body =
        if fields.is_madsci_event() { Body::MadsciEvent } else { Body::Json { message_key: fields.message_key() } };
    Some(Parsed { time, level, body, is_date_ambiguous: false })
}

/// The time in a value: a number, a text that holds one, or a text in any form that a line may begin with.
fn time_of(context: &ParseContext, value: &str) -> Option<WrittenTime> {
    match text_of(value) {
        None => timestamp::from_epoch_number(value),
        Some(text) => match timestamp::read(context, text.as_bytes()) {
            Some(stamp) => Some(stamp.time),
            None => timestamp::from_epoch_number(text),
        },
    }
}

/// The level in a value: a name in any case, with the prefix of `MADSci` or without, or a number.
fn level_of(value: &str, is_of_pino: bool) -> Option<WrittenLevel<'_>> {
    let Some(text) = text_of(value) else {
        let level = level_of_number(value.parse().ok()?, is_of_pino)?;
        return Some(WrittenLevel { text: value, level });
    };
    let level = level::of_any_case(text.as_bytes()).or_else(|| LogLevel::from_text(text))?;
    Some(WrittenLevel { text, level })
}

/// The level of a number from 10 on. Smaller ones are left alone: in syslog 0 is the gravest, elsewhere the mildest.
/// The same number means less with pino and bunyan (30 is `info`) than with Python (30 is `WARNING`).
fn level_of_number(number: f64, is_of_pino: bool) -> Option<LogLevel> {
    if !(10.0..=60.0).contains(&number) {
        return None;
    }
    let number = if is_of_pino { (number - 10.0).max(10.0) } else { number };
    let level = match number as u8 {
        ..20 => LogLevel::Debug,
        20..30 => LogLevel::Info,
        30..40 => LogLevel::Warning,
        40..50 => LogLevel::Error,
        50.. => LogLevel::Critical,
    };
    Some(level)
}

/// What stands between the quotes of a text, without the blanks around it. Times and levels need no escapes.
fn text_of(value: &str) -> Option<&str> {
    Some(value.strip_prefix('"')?.strip_suffix('"')?.trim_ascii())
}

#[cfg(test)]
mod tests;
