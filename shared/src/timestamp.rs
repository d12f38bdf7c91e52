//! The time of an event as its sender wrote it: a wall-clock time, with or without a UTC offset.
//!
//! MADSci keeps times as ISO 8601 text and its clients send local time without a zone. So the text is kept as it
//! was meant, and the instant is worked out beside it, in the zone that is configured for the sender.

use std::fmt::{self, Write as _};

use jiff::{Timestamp, civil::DateTime, tz::Offset, tz::TimeZone};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;
use thiserror::Error;

const MICROS_PER_SECOND: i64 = 1_000_000;

/// A time that cannot be read; its text is what MADSci's users see.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error(
    "{0} is not a time: write ISO 8601 such as 2026-11-23T09:18:44.331566 (with an offset such as +01:00 or Z), or Unix seconds"
)]
pub struct TimestampError(String);

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
        civil_from_micros(self.civil_micros - micros)
            .and_then(|civil| zone.to_ambiguous_timestamp(civil).compatible().ok())
            .map_or(self.civil_micros, |instant| instant.as_microsecond() + micros)
    }

    /// Reads a text as MADSci does: ISO 8601 with `T`, `t`, blank or `_`, seconds and zone optional, date alone, `,` or
    /// `.` before the fraction (digits beyond microseconds are cut), or Unix seconds (milliseconds above 2e10).
    pub fn parse(text: &str) -> Result<Self, TimestampError> {
        let trimmed = text.trim();
        if let Ok(number) = trimmed.parse::<f64>() {
            return Self::from_epoch(number).ok_or_else(|| TimestampError(format!("{text:?}")));
        }
        parse_iso(trimmed.as_bytes()).ok_or_else(|| TimestampError(format!("{text:?}")))
    }

    /// Reads a JSON value: a text as [`EventTimestamp::parse`] does, or a number as Unix time.
    pub fn from_json(value: &Value) -> Result<Self, TimestampError> {
        match value {
            Value::String(text) => Self::parse(text),
            Value::Number(number) => {
                number.as_f64().and_then(Self::from_epoch).ok_or_else(|| TimestampError(value.to_string()))
            }
            _ => Err(TimestampError(value.to_string())),
        }
    }

    /// Seconds, or milliseconds where the number is too large to be seconds before the year 2603 (as pydantic has it).
    fn from_epoch(number: f64) -> Option<Self> {
        const SECONDS_MAX: f64 = 2e10;
        if !number.is_finite() {
            return None;
        }
        let seconds = if number.abs() > SECONDS_MAX { number / 1000.0 } else { number };
        let micros = (seconds * 1e6).round();
        let micros = (micros.abs() < 9e17).then_some(micros as i64)?;
        civil_from_micros(micros)?;
        Some(Self::from_utc_micros(micros))
    }
}

fn civil_from_micros(micros: i64) -> Option<DateTime> {
    let at = Timestamp::from_microsecond(micros).ok()?;
    Some(Offset::UTC.to_datetime(at))
}

fn digits(bytes: &[u8], from: usize, count: usize) -> Option<i32> {
    let digits = bytes.get(from..from + count)?;
    digits.iter().try_fold(0, |number, byte| byte.is_ascii_digit().then(|| number * 10 + i32::from(byte - b'0')))
}

fn parse_iso(bytes: &[u8]) -> Option<EventTimestamp> {
    if bytes.get(4) != Some(&b'-') || bytes.get(7) != Some(&b'-') {
        return None;
    }
    let (year, month, day) = (digits(bytes, 0, 4)?, digits(bytes, 5, 2)?, digits(bytes, 8, 2)?);
    let mut at = 10;
    let (mut hour, mut minute, mut second, mut micros) = (0, 0, 0, 0);
    let mut offset_seconds = None;
    if at < bytes.len() {
        if !matches!(bytes[at], b'T' | b't' | b' ' | b'_') || bytes.get(13) != Some(&b':') {
            return None;
        }
        (hour, minute) = (digits(bytes, 11, 2)?, digits(bytes, 14, 2)?);
        at = 16;
        if bytes.get(at) == Some(&b':') {
            second = digits(bytes, 17, 2)?;
            at = 19;
            if matches!(bytes.get(at), Some(b'.' | b',')) {
                at += 1;
                let fraction = bytes[at..].iter().take_while(|byte| byte.is_ascii_digit()).count();
                if fraction == 0 {
                    return None;
                }
                for place in 0..6 {
                    let digit = if place < fraction { i64::from(bytes[at + place] - b'0') } else { 0 };
                    micros = micros * 10 + digit;
                }
                at += fraction;
            }
        }
        offset_seconds = parse_offset(bytes.get(at..)?.trim_ascii())?;
    }
    let civil =
        DateTime::new(year.try_into().ok()?, month as i8, day as i8, hour as i8, minute as i8, second as i8, 0).ok()?;
    let seconds = Offset::UTC.to_timestamp(civil).ok()?.as_second();
    Some(EventTimestamp { civil_micros: seconds * MICROS_PER_SECOND + micros, offset_seconds })
}

/// Reads nothing, `Z`, `+01`, `+0100` or `+01:00`; the outer `None` means that it is none of these.
#[expect(clippy::option_option, reason = "no offset is an answer, and not the same as a wrong one")]
fn parse_offset(bytes: &[u8]) -> Option<Option<i32>> {
    let sign = match bytes {
        [] => return Some(None),
        [b'Z' | b'z'] => return Some(Some(0)),
        [b'+', ..] => 1,
        [b'-', ..] => -1,
        _ => return None,
    };
    let hours = digits(bytes, 1, 2)?;
    let minutes = match bytes.len() {
        3 => 0,
        5 => digits(bytes, 3, 2)?,
        6 if bytes[3] == b':' => digits(bytes, 4, 2)?,
        _ => return None,
    };
    (hours < 24 && minutes < 60).then_some(Some(sign * (hours * 3600 + minutes * 60)))
}

impl fmt::Display for EventTimestamp {
    /// As pydantic prints it: six digits of fraction only if it is not zero, `Z` for UTC, else `+05:30`, nothing if naive.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = String::with_capacity(32);
        let micros = self.civil_micros.rem_euclid(MICROS_PER_SECOND);
        let civil = civil_from_micros(self.civil_micros - micros).unwrap_or(DateTime::MIN);
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
        check("2026-11-23T09:18:44-03", "2026-11-23T09:18:44-03:00");
        check("1700000000", "2023-11-14T22:13:20Z");
        check("1700000000000", "2023-11-14T22:13:20Z");
        check("1700000000.25", "2023-11-14T22:13:20.250000Z");
        for bad in ["", "yesterday", "2026-13-01", "2026-02-30", "2026-11-23T25:00", "2026-11-23T09:18:44+99:00", "nan"]
        {
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
