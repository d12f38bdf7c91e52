//! From the clock on the wall to moments, also in the nights in which clocks are changed.

use jiff::{
    ToSpan,
    civil::{DateTime, Time},
    tz::{AmbiguousOffset, TimeZone},
};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use serde_json::Value;

/// The key by which the TOML reader marks a date or a time that was written without quotes.
const DATETIME_KEY: &str = "$__toml_private_datetime";

/// A time of the day, in the config as `22:00` or `22:00:30`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct WallTime(pub(super) Time);

impl Serialize for WallTime {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let format = if self.0.second() == 0 { "%H:%M" } else { "%H:%M:%S" };
        serializer.collect_str(&self.0.strftime(format))
    }
}

impl<'de> Deserialize<'de> for WallTime {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = match Value::deserialize(deserializer)? {
            Value::String(text) => text,
            // Without quotes.
            Value::Object(mut time) => match time.remove(DATETIME_KEY) {
                Some(Value::String(text)) => text,
                _ => Value::Object(time).to_string(),
            },
            other => other.to_string(),
        };
        let time = Time::strptime("%H:%M", &text).or_else(|_| Time::strptime("%H:%M:%S", &text));
        time.map(Self).map_err(|_| {
            de::Error::custom(format!(
                "{text:?} is not a time of the day: write hours and minutes, such as 06:00 or 22:30"
            ))
        })
    }
}

/// The first moment at which the clock shows that time or a later one of that day: microseconds since 1970 UTC.
pub(super) fn first_moment(zone: &TimeZone, wall: DateTime) -> Option<i64> {
    let moment = zone.to_ambiguous_timestamp(wall);
    match moment.offset() {
        AmbiguousOffset::Gap { .. } => change_over(zone, wall),
        _ => Some(moment.earlier().ok()?.as_microsecond()),
    }
}

/// The moment from which on the clock never shows an earlier time of that day: microseconds since 1970 UTC.
pub(super) fn last_moment(zone: &TimeZone, wall: DateTime) -> Option<i64> {
    // A time that is the very first to come twice is not yet reached before it comes for the first time.
    let before = wall.checked_sub(1.microsecond()).ok()?;
    let moment = zone.to_ambiguous_timestamp(before);
    match moment.offset() {
        AmbiguousOffset::Gap { .. } => change_over(zone, before),
        _ => Some(moment.later().ok()?.as_microsecond() + 1),
    }
}

/// The moment at which clocks are set forward over a time.
fn change_over(zone: &TimeZone, skipped: DateTime) -> Option<i64> {
    let before = zone.to_ambiguous_timestamp(skipped).earlier().ok()?;
    Some(zone.following(before).next()?.timestamp().as_microsecond())
}
