//! The time of an event as its sender wrote it: a wall-clock time, with or without a UTC offset.
//!
//! MADSci keeps times as ISO 8601 text and its clients send local time without a zone. So the text is kept as it
//! was meant, and the instant is worked out beside it, in the zone that is configured for the sender.

use std::fmt::{self, Write as _};

use jiff::{Timestamp, civil, tz::TimeZone};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;
use speedate::{Date, DateTime, DateTimeConfig, MicrosecondsPrecisionOverflowBehavior, Time, TimeConfig};
use strum::EnumMessage as _;
use thiserror::Error;

const MICROS_PER_SECOND: i64 = 1_000_000;

/// A time that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error(
    "{text} is not a time ({}): write ISO 8601 such as 2026-11-23T09:18:44.331566 (with an offset such as +01:00 or Z), or \
     Unix seconds", kind.reason()
)]
pub struct TimestampError {
    /// What was given, as JSON.
    pub text: String,
    /// What is wrong with it.
    pub kind: TimestampErrorKind,
}

/// What is wrong with a time, in the words of pydantic.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TimestampErrorKind {
    /// A text that is neither a time nor a date.
    Text(&'static str),
    /// A number or a text that is beyond the calendar.
    Number(&'static str),
    /// Neither a text nor a number.
    Other,
}

impl TimestampErrorKind {
    /// The reason in words.
    pub fn reason(self) -> &'static str {
        match self {
            Self::Text(reason) | Self::Number(reason) => reason,
            Self::Other => "neither a text nor a number",
        }
    }
}

/// A wall-clock time in microseconds, and the UTC offset if the sender stated one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct EventTimestamp {
    /// Microseconds from 1970-01-01T00:00:00 on the sender's clock face.
    pub civil_micros: i64,
    /// Seconds east of UTC, when stated.
    pub offset_seconds: Option<i32>,
}

impl EventTimestamp {
    /// That instant, written in UTC.
    pub fn from_utc_micros(micros: i64) -> Self {
        Self { civil_micros: micros, offset_seconds: Some(0) }
    }

    /// That instant as a clock in `zone` shows it, without an offset: how MADSci writes its own times.
    pub fn naive_from_utc_micros(micros: i64, zone: &TimeZone) -> Self {
        let offset = Timestamp::from_microsecond(micros).map_or(0, |at| zone.to_offset(at).seconds());
        Self { civil_micros: micros + i64::from(offset) * MICROS_PER_SECOND, offset_seconds: None }
    }

    /// The instant in microseconds UTC. A time without an offset is read in `zone`; where the clock was set back the
    /// earlier of two instants is taken, where it was set forward the time after the gap.
    pub fn utc_micros(&self, zone: &TimeZone) -> i64 {
        if let Some(offset) = self.offset_seconds {
            return self.civil_micros.saturating_sub(i64::from(offset) * MICROS_PER_SECOND);
        }
        let micros = self.civil_micros.rem_euclid(MICROS_PER_SECOND);
        civil_from_seconds(self.civil_micros.div_euclid(MICROS_PER_SECOND))
            .and_then(|civil| zone.to_ambiguous_timestamp(civil).compatible().ok())
            .map_or(self.civil_micros, |instant| instant.as_microsecond() + micros)
    }

    /// Reads a text as MADSci does: ISO 8601 with `T`, `t`, blank or `_`, seconds and zone optional, date alone, `,` or
    /// `.` before the fraction (digits beyond microseconds are cut), or Unix seconds (milliseconds above 2e10).
    pub fn parse(text: &str) -> Result<Self, TimestampError> {
        let error = |kind| TimestampError { text: format!("{text:?}"), kind };
        match DateTime::parse_str_with_config(text, &config()) {
            Ok(read) => Self::of(read).map_err(|reason| error(TimestampErrorKind::Number(reason))),
            // A date alone is its midnight. Where it is none either, that is what pydantic tells of.
            Err(_) => match Date::parse_str(text) {
                Ok(date) => Self::of(DateTime { date, time: MIDNIGHT })
                    .map_err(|reason| error(TimestampErrorKind::Text(reason))),
                Err(reason) => Err(error(TimestampErrorKind::Text(reason.get_documentation().unwrap_or_default()))),
            },
        }
    }

    /// Reads a JSON value: a text as [`EventTimestamp::parse`] does, or a number as Unix time: seconds, or milliseconds
    /// where the number is too large to be seconds before the year 2603.
    pub fn from_json(value: &Value) -> Result<Self, TimestampError> {
        let error = |kind| TimestampError { text: value.to_string(), kind };
        let read = match value {
            Value::String(text) => return Self::parse(text),
            Value::Number(number) => match number.as_i64() {
                Some(integer) => DateTime::from_timestamp_with_config(integer, 0, &config()),
                None => DateTime::from_float_with_config(number.as_f64().unwrap_or(f64::MAX), &config()),
            },
            _ => return Err(error(TimestampErrorKind::Other)),
        };
        let read = read.map_err(|reason| reason.get_documentation().unwrap_or_default()).and_then(Self::of);
        read.map_err(|reason| error(TimestampErrorKind::Number(reason)))
    }

    fn of(read: DateTime) -> Result<Self, &'static str> {
        let (date, time) = (&read.date, &read.time);
        if date.year == 0 {
            return Err("year 0 is out of range");
        }
        let seconds = date.timestamp() + i64::from(time.total_seconds());
        let civil_micros = seconds * MICROS_PER_SECOND + i64::from(time.microsecond);
        Ok(Self { civil_micros, offset_seconds: time.tz_offset })
    }
}

const MIDNIGHT: Time = Time { hour: 0, minute: 0, second: 0, microsecond: 0, tz_offset: None };

/// As pydantic has it: a number is in UTC, and digits beyond microseconds are cut.
fn config() -> DateTimeConfig {
    let time_config = TimeConfig {
        unix_timestamp_offset: Some(0),
        microseconds_precision_overflow_behavior: MicrosecondsPrecisionOverflowBehavior::Truncate,
    };
    DateTimeConfig { time_config, ..DateTimeConfig::default() }
}

/// The library's instants end a day before its calendar does, so this does not go through one.
fn civil_from_seconds(seconds: i64) -> Option<civil::DateTime> {
    let (day, second) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
    let days = jiff::Span::new().try_days(day).ok()?;
    let date = civil::date(1970, 1, 1).checked_add(days).ok()?;
    Some(date.at((second / 3600) as i8, (second / 60 % 60) as i8, (second % 60) as i8, 0))
}

impl fmt::Display for EventTimestamp {
    /// As pydantic prints it: six digits of fraction only if it is not zero, `Z` for UTC, else `+05:30`, nothing if naive.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = String::with_capacity(32);
        let micros = self.civil_micros.rem_euclid(MICROS_PER_SECOND);
        let civil = civil_from_seconds(self.civil_micros.div_euclid(MICROS_PER_SECOND)).unwrap_or(civil::DateTime::MIN);
        write!(
            text,
            "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}",
            civil.year(),
            civil.month(),
            civil.day(),
            civil.hour(),
            civil.minute(),
            civil.second()
        )?;
        if micros != 0 {
            write!(text, ".{micros:06}")?;
        }
        match self.offset_seconds {
            None => {}
            Some(0) => text.push('Z'),
            Some(seconds) => {
                let sign = if seconds < 0 { '-' } else { '+' };
                write!(text, "{sign}{:02}:{:02}", seconds.abs() / 3600, seconds.abs() / 60 % 60)?;
            }
        }
        formatter.pad(&text)
    }
}

impl Serialize for EventTimestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for EventTimestamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::from_json(&Value::deserialize(deserializer)?).map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use jiff::tz::TimeZone;

    use super::EventTimestamp;

    fn check(input: &str, expected: &str) {
        let printed = EventTimestamp::parse(input).map_or_else(|error| error.to_string(), |time| time.to_string());
        assert_eq!(printed, expected, "{input}");
    }

    #[test]
    fn times_are_read_and_printed_as_madsci_does() {
        check("2026-11-23T09:18:44.331566", "2026-11-23T09:18:44.331566");
        check("2026-11-23 09:18:44,5", "2026-11-23T09:18:44.500000");
        check("2026-11-23t09:18", "2026-11-23T09:18:00");
        check("2026-11-23_09:18:44.1234567890", "2026-11-23T09:18:44.123456");
        check("2026-11-23", "2026-11-23T00:00:00");
        check("2026-11-23T09:18:44+00:00", "2026-11-23T09:18:44Z");
        check("2026-11-23T09:18:44+0530", "2026-11-23T09:18:44+05:30");
        check("2026-11-23T09:18:44-03:00", "2026-11-23T09:18:44-03:00");
        check("9999-12-31T23:59:59.999999", "9999-12-31T23:59:59.999999");
        check("9999-12-31T23:59:59-02:00", "9999-12-31T23:59:59-02:00");
        check("0001-01-01", "0001-01-01T00:00:00");
        check("1700000000", "2023-11-14T22:13:20Z");
        check("1700000000000", "2023-11-14T22:13:20Z");
        check("1700000000.25", "2023-11-14T22:13:20.250000Z");
        for bad in [
            "",
            "yesterday",
            "2026-13-01",
            "2026-02-30",
            "2026-11-23T25:00",
            "2026-11-23T09:18:44+99:00",
            "nan",
            " 2026-11-23",
        ] {
            assert!(EventTimestamp::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_naive_time_is_read_in_the_zone_of_its_sender() {
        let zurich = TimeZone::get("Europe/Zurich").expect("the zone database is bundled");
        let at = |text: &str| {
            let micros = EventTimestamp::parse(text).expect("a valid time").utc_micros(&zurich);
            EventTimestamp::from_utc_micros(micros).to_string()
        };
        assert_eq!(at("2026-01-15T12:00:00"), "2026-01-15T11:00:00Z");
        assert_eq!(at("2026-07-15T12:00:00"), "2026-07-15T10:00:00Z");
        assert_eq!(at("2026-07-15T12:00:00-05:00"), "2026-07-15T17:00:00Z");
        // The hour that comes twice, and the hour that does not come.
        assert_eq!(at("2026-10-25T02:30:00"), "2026-10-25T00:30:00Z");
        assert_eq!(at("2026-03-29T02:30:00"), "2026-03-29T01:30:00Z");
    }
}
