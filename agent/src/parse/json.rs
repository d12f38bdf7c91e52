//! Records that are one JSON object.
//!
//! The object is walked once and no tree is built: values of no interest are skipped, and the few that matter are
//! looked at in the text of the record itself.

mod fields;

use labtrail_shared::level::LogLevel;
use serde::de::DeserializeSeed as _;

pub(super) use self::fields::OwnKeys;
use self::fields::{Fields, FieldsSeed};
use super::level::{self, WrittenLevel};
use super::timestamp;
use super::{Body, Parsed, TextContext, text_start};

/// An object that was read.
pub(super) struct Object<'a> {
    pub(super) parsed: Parsed<'a>,
    /// The text of the surest value under a key for times.
    pub(super) time_text: Option<&'a str>,
    /// The text of the surest value under a key for levels.
    pub(super) level_text: Option<&'a str>,
}

/// Reads a record that is one JSON object; anything else gives nothing.
#[cfg(test)]
pub(super) fn parse<'a>(context: &TextContext, text: &'a str) -> Option<Parsed<'a>> {
    read(context, OwnKeys::default(), text).map(|object| object.parsed)
}

/// Reads a record that is one JSON object, with the keys of its section for time and level before the usual ones.
pub(super) fn read<'a>(context: &TextContext, keys: OwnKeys<'_>, text: &'a str) -> Option<Object<'a>> {
    let text = text[text_start(text)..].trim_ascii();
    if !text.starts_with('{') || !text.ends_with('}') {
        return None;
    }
    let mut deserializer = serde_json::Deserializer::from_str(text);
    let mut fields = Fields::default();
    FieldsSeed { keys, fields: &mut fields }.deserialize(&mut deserializer).ok()?;
    deserializer.end().ok()?;
    let time = fields.times().find_map(|value| timestamp::read_field(context, text_of(value).unwrap_or(value)));
    let is_of_pino = fields.is_of_pino();
    let level = fields.levels().find_map(|value| level_of(value, is_of_pino));
    let body =
        if fields.is_madsci_event() { Body::MadsciEvent } else { Body::Json { message_key: fields.message_key() } };
    let word = |value: &'a str| text_of(value).unwrap_or(value);
    Some(Object {
        parsed: Parsed { time, level, body, is_date_ambiguous: false },
        time_text: fields.time(keys.time.is_some()).map(word),
        level_text: fields.level(keys.level.is_some()).map(word),
    })
}

/// The level in a value: a name in any case, with the prefix of `MADSci` or without, or a number.
fn level_of(value: &str, is_of_pino: bool) -> Option<WrittenLevel<'_>> {
    let Some(text) = text_of(value) else {
        let level = level_of_number(value.parse().ok()?, is_of_pino)?;
        return Some(WrittenLevel { text: value, level });
    };
    let level = level::of_field(text).or_else(|| LogLevel::from_text(text))?;
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
