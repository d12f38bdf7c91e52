//! The forms of time that a config can name.

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::pattern::{Reading, TimePattern, WrittenDate, epoch_seconds};
use crate::parse::timestamp::{self, Stamp, WrittenTime, calendar, digits};
use crate::parse::{DateOrder, TextContext};

/// One form of time.
#[derive(Debug, Clone)]
pub(crate) enum TimeFormat {
    /// Whatever is read without a config.
    Auto,
    /// `2024-05-06T07:08:09.5+02:00` and its relatives that begin with the year.
    Iso8601,
    /// `Nov  6 01:59:14`, without a year.
    Rfc3164,
    /// ISO 8601 with `T` and an offset.
    Rfc5424,
    /// `Tue Apr 18 19:12:54 2023`
    Ctime,
    /// Seconds since 1970-01-01T00:00:00Z, with a fraction or without.
    Epoch,
    /// Milliseconds since then.
    EpochMillis,
    /// Seconds since then in eight digits of base 16.
    HexEpoch,
    /// `08/15/2025 10:59:55 PM`
    Us,
    /// `15.08.2025 22:59:55`
    Eu,
    /// `10/Oct/2000:13:55:36 -0700`
    Clf,
    /// A number: seconds after the time in the file's header.
    SecondsSinceHeader,
    /// A number: seconds since a moment that an anchor line tells.
    Uptime,
    /// In the notation of `strftime`.
    Pattern(TimePattern),
}

const NAMES: [(&str, TimeFormat); 13] = [
    ("auto", TimeFormat::Auto),
    ("iso8601", TimeFormat::Iso8601),
    ("rfc3164", TimeFormat::Rfc3164),
    ("rfc5424", TimeFormat::Rfc5424),
    ("ctime", TimeFormat::Ctime),
    ("epoch", TimeFormat::Epoch),
    ("epoch_ms", TimeFormat::EpochMillis),
    ("hex_epoch", TimeFormat::HexEpoch),
    ("us", TimeFormat::Us),
    ("eu", TimeFormat::Eu),
    ("clf", TimeFormat::Clf),
    ("seconds_since_header", TimeFormat::SecondsSinceHeader),
    ("uptime", TimeFormat::Uptime),
];

impl PartialEq for TimeFormat {
    fn eq(&self, other: &Self) -> bool {
        self.name() == other.name()
    }
}

impl TimeFormat {
    /// As it is written in the config.
    pub(crate) fn name(&self) -> &str {
        if let Self::Pattern(pattern) = self {
            return pattern.text();
        }
        let is_this = |format: &Self| std::mem::discriminant(format) == std::mem::discriminant(self);
        NAMES.iter().find(|(_, format)| is_this(format)).map_or("", |(name, _)| name)
    }

    /// Whether a time of this form may begin with `byte`, for the search anywhere in a line.
    pub(super) fn may_begin_with(&self, byte: u8) -> bool {
        match self {
            Self::Pattern(pattern) => pattern.may_begin_with(byte),
            Self::Auto => byte.is_ascii_alphanumeric(),
            Self::Rfc3164 | Self::Ctime => byte.is_ascii_alphabetic(),
            Self::HexEpoch => byte.is_ascii_hexdigit(),
            _ => byte.is_ascii_digit(),
        }
    }

    /// Reads the time at `at`.
    pub(super) fn read(&self, context: &TextContext, bytes: &[u8], at: usize) -> Option<Reading> {
        let rest = bytes.get(at..)?;
        let stamp = match self {
            Self::Pattern(pattern) => return pattern.read(bytes, at),
            Self::Auto => timestamp::read(context, rest),
            Self::Iso8601 => timestamp::read_iso(rest),
            Self::Rfc3164 => timestamp::read_syslog(context, rest),
            Self::Rfc5424 => timestamp::read_iso(rest).filter(|stamp| stamp.time.offset_seconds.is_some()),
            Self::Ctime => timestamp::read_ctime(context, rest),
            Self::Us => timestamp::read_year_last(DateOrder::MonthFirst, rest),
            Self::Eu => timestamp::read_year_last(DateOrder::DayFirst, rest),
            Self::Clf => timestamp::read_day_and_name(rest),
            Self::Epoch => {
                let (micros, end) = epoch_seconds(bytes, at)?;
                return counted(micros, end, bytes);
            }
            Self::EpochMillis => {
                let length = digits::leading(rest);
                let millis: i64 = std::str::from_utf8(&rest[..length]).ok()?.parse().ok()?;
                return counted(millis.checked_mul(1000)?, at + length, bytes);
            }
            Self::HexEpoch => {
                let text = rest.get(..8)?;
                text.iter().all(u8::is_ascii_hexdigit).then_some(())?;
                let seconds = i64::from_str_radix(std::str::from_utf8(text).ok()?, 16).ok()?;
                return counted(seconds * 1_000_000, at + 8, bytes);
            }
            Self::SecondsSinceHeader | Self::Uptime => None,
        }?;
        let Stamp { time: WrittenTime { civil_micros, offset_seconds }, length, .. } = stamp;
        Some(reading(civil_micros, offset_seconds, at + length))
    }
}

/// A time that is known whole.
pub(super) fn reading(civil_micros: i64, offset_seconds: Option<i32>, end: usize) -> Reading {
    Reading {
        date: WrittenDate::Day(civil_micros.div_euclid(calendar::DAY_MICROS)),
        clock_micros: civil_micros.rem_euclid(calendar::DAY_MICROS),
        offset_seconds,
        end,
    }
}

/// A count since 1970 that ends at `end`, if no letter and no digit follows it.
fn counted(micros: i64, end: usize, bytes: &[u8]) -> Option<Reading> {
    let goes_on = bytes.get(end).is_some_and(u8::is_ascii_alphanumeric);
    (!goes_on).then(|| reading(micros, Some(0), end))
}

impl Serialize for TimeFormat {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

impl<'de> Deserialize<'de> for TimeFormat {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        if let Some((_, format)) = NAMES.iter().find(|(name, _)| *name == text) {
            return Ok(format.clone());
        }
        if !text.contains('%') {
            let names: Vec<&str> = NAMES.iter().map(|(name, _)| *name).collect();
            return Err(serde::de::Error::custom(format!(
                "{text:?} is not a form of time: write a pattern such as \"%Y-%m-%d %H:%M:%S.%f\", or one of {}",
                names.join(", ")
            )));
        }
        let pattern = text.parse().map_err(|error: super::pattern::PatternError| {
            serde::de::Error::custom(format!("the form of time {text:?}: {error}"))
        })?;
        Ok(Self::Pattern(pattern))
    }
}
