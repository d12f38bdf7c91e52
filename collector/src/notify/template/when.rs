//! Times as people read them, in a named zone.

use std::fmt;

use jiff::{Timestamp, civil, tz::TimeZone};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;

/// A zone by its IANA name, such as `Europe/Berlin`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Zone(TimeZone);

impl Zone {
    /// The zone of this name.
    pub(super) fn named(name: &str) -> Option<Self> {
        TimeZone::get(name).ok().map(Self)
    }

    /// A time in microseconds since 1970 or as ISO 8601 text, such as `2026-03-01 14:03:22 CET`. A text without an
    /// offset stays in the zone that it was written in, which nobody knows; what is no time stays as it is.
    pub(super) fn show(&self, time: &Value) -> String {
        if let Some(instant) = instant(time) {
            return instant.to_zoned_datetime(self.0.clone()).strftime("%Y-%m-%d %H:%M:%S %Z").to_string();
        }
        match time {
            Value::String(text) => match text.parse::<civil::DateTime>() {
                Ok(local) => local.strftime("%Y-%m-%d %H:%M:%S").to_string(),
                Err(_) => text.clone(),
            },
            other => super::super::notification::text(other),
        }
    }
}

impl Default for Zone {
    fn default() -> Self {
        Self(TimeZone::UTC)
    }
}

impl fmt::Display for Zone {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.0.iana_name().unwrap_or("UTC"))
    }
}

impl Serialize for Zone {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Zone {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let name = String::deserialize(deserializer)?;
        Self::named(&name).ok_or_else(|| {
            serde::de::Error::custom(format!(
                "{name:?} is not a time zone: write a name of the IANA database, such as Europe/Berlin or UTC"
            ))
        })
    }
}

/// The instant that a JSON value states: microseconds since 1970, or text with an offset.
pub(super) fn instant(time: &Value) -> Option<Timestamp> {
    match time {
        Value::Number(micros) => {
            let micros = micros.as_i64().or_else(|| micros.as_f64().map(|micros| micros as i64))?;
            Timestamp::from_microsecond(micros).ok()
        }
        Value::String(text) => text.parse().ok(),
        _ => None,
    }
}

/// A length of time in its two largest units: `2 d 3 h`, `4 min 10 s`, `3 s`. None of less than nothing.
pub(super) fn length(from: Timestamp, to: Timestamp) -> String {
    let seconds = to.duration_since(from).as_secs().max(0);
    let (days, hours, minutes) = (seconds / 86_400, seconds / 3600 % 24, seconds / 60 % 60);
    let pair = |first: i64, first_unit: &str, second: i64, second_unit: &str| match second {
        0 => format!("{first} {first_unit}"),
        _ => format!("{first} {first_unit} {second} {second_unit}"),
    };
    match (days, hours, minutes) {
        (0, 0, 0) => format!("{seconds} s"),
        (0, 0, _) => pair(minutes, "min", seconds % 60, "s"),
        (0, ..) => pair(hours, "h", minutes, "min"),
        _ => pair(days, "d", hours, "h"),
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use serde_json::json;

    use super::{Zone, length};

    #[test]
    fn a_time_is_shown_in_its_zone() {
        let check = |zone: &str, time: serde_json::Value, expected: &str| {
            assert_eq!(Zone::named(zone).expect("a zone").show(&time), expected, "{time}");
        };
        check("UTC", json!(1_772_370_202_000_000_i64), "2026-03-01 13:03:22 UTC");
        check("Europe/Berlin", json!(1_772_370_202_000_000_i64), "2026-03-01 14:03:22 CET");
        check("Europe/Berlin", json!("2026-07-01T12:00:00.25Z"), "2026-07-01 14:00:00 CEST");
        check("Europe/Berlin", json!("2026-07-01T12:00:00+05:30"), "2026-07-01 08:30:00 CEST");
        // On the two sides of the hour that the clock goes through twice.
        check("Europe/Berlin", json!("2026-10-25T00:30:00Z"), "2026-10-25 02:30:00 CEST");
        check("Europe/Berlin", json!("2026-10-25T01:30:00Z"), "2026-10-25 02:30:00 CET");
        check("Europe/Berlin", json!("2026-07-01T12:00:00.123"), "2026-07-01 12:00:00");
        check("UTC", json!("yesterday"), "yesterday");
        check("UTC", json!(null), "");
        check("UTC", json!(i64::MAX), &i64::MAX.to_string());
    }

    #[test]
    fn a_length_has_two_units() {
        let check = |seconds: i64, expected: &str| {
            let from = Timestamp::UNIX_EPOCH;
            assert_eq!(length(from, Timestamp::from_second(seconds).expect("a time")), expected);
        };
        check(-5, "0 s");
        check(59, "59 s");
        check(250, "4 min 10 s");
        check(7200, "2 h");
        check(2 * 86_400 + 3 * 3600 + 59, "2 d 3 h");
    }
}
