//! A length of time in the config: `250ms`, `5s`, `1h 30m`, `30d`.

use std::{fmt, str::FromStr, time::Duration};

use jiff::SignedDuration;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A length of time that is more than nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Period(pub Duration);

impl Period {
    /// So many milliseconds.
    pub const fn millis(count: u64) -> Self {
        Self(Duration::from_millis(count))
    }

    /// So many seconds.
    pub const fn secs(count: u64) -> Self {
        Self(Duration::from_secs(count))
    }
}

impl fmt::Display for Period {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let duration = SignedDuration::try_from(self.0).unwrap_or(SignedDuration::MAX);
        write!(formatter, "{duration:#}")
    }
}

impl Serialize for Period {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl FromStr for Period {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let parsed = match text.strip_suffix('d').map(str::trim_end).and_then(|days| days.parse::<u32>().ok()) {
            // A day of 24 hours, which jiff leaves to calendars.
            Some(days) => Some(Duration::from_hours(24 * u64::from(days))),
            None => text.parse::<SignedDuration>().ok().and_then(|duration| Duration::try_from(duration).ok()),
        };
        match parsed {
            Some(duration) if !duration.is_zero() => Ok(Self(duration)),
            _ => Err(format!(
                "{text:?} is not a length of time: write a number with a unit, such as 250ms, 5s, 1h 30m or 30d"
            )),
        }
    }
}

impl<'de> Deserialize<'de> for Period {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}
