//! When backups are made: a pattern of cron.

use std::{fmt, str::FromStr, time::Duration};

use chrono::{DateTime, Utc};
use croner::Cron;
use jiff::{Timestamp, civil, tz::TimeZone};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// Minute, hour, day, month and weekday.
#[derive(Debug, Clone)]
pub struct Schedule {
    text: String,
    cron: Cron,
}

impl Default for Schedule {
    fn default() -> Self {
        "0 2 * * *".parse().expect("the pattern is right")
    }
}

impl Schedule {
    /// How long it is to the next time, by the clock on the wall of that zone. None if there is no next time.
    pub(super) fn pause(&self, now: Timestamp, zone: &TimeZone) -> Option<Duration> {
        // The pattern is looked up on a calendar without changes of the clock, and the zone says when that moment is.
        let wall = zone.to_datetime(now);
        let wall = zoneless(wall)?;
        let next = self.cron.find_next_occurrence(&wall, false).ok()?;
        let next = TimeZone::UTC.to_datetime(Timestamp::from_second(next.timestamp()).ok()?);
        let next = zone.to_ambiguous_timestamp(next).compatible().ok()?;
        // Where the clock was set back the moment may seem to be over; then it is a second from now at least.
        Some(Duration::try_from(next.duration_since(now)).unwrap_or_default().max(Duration::from_secs(1)))
    }
}

fn zoneless(wall: civil::DateTime) -> Option<DateTime<Utc>> {
    let seconds = TimeZone::UTC.to_timestamp(wall).ok()?.as_second();
    DateTime::from_timestamp(seconds, 0)
}

impl FromStr for Schedule {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let cron = Cron::from_str(text).map_err(|error| {
            format!("{text:?} is not a pattern of cron ({error}): write minute, hour, day, month and weekday, such as 0 2 * * *")
        })?;
        Ok(Self { text: text.to_owned(), cron })
    }
}

impl fmt::Display for Schedule {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.text)
    }
}

impl Serialize for Schedule {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.text)
    }
}

impl<'de> Deserialize<'de> for Schedule {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use jiff::{Timestamp, tz::TimeZone};

    use super::Schedule;

    #[test]
    fn the_next_time_is_found_on_the_wall() {
        let zurich = TimeZone::get("Europe/Zurich").expect("the zone database is bundled");
        let check = |pattern: &str, now: &str, expected: &str| {
            let schedule: Schedule = pattern.parse().expect("a pattern");
            let now: Timestamp = now.parse().expect("a time");
            let next = now + schedule.pause(now, &zurich).expect("there is a next time");
            assert_eq!(next.to_string(), expected, "{pattern} after {now}");
        };
        check("0 2 * * *", "2026-01-10T00:30:00Z", "2026-01-10T01:00:00Z");
        check("0 2 * * *", "2026-01-10T01:00:00Z", "2026-01-11T01:00:00Z");
        check("*/15 * * * *", "2026-07-10T10:01:30Z", "2026-07-10T10:15:00Z");
        check("30 6 * * 1", "2026-11-25T12:00:00Z", "2026-11-30T05:30:00Z");
        // The night in which there is no half past two, and the one in which there are two.
        check("30 2 * * *", "2026-03-28T12:00:00Z", "2026-03-29T01:30:00Z");
        check("30 2 * * *", "2026-10-24T12:00:00Z", "2026-10-25T00:30:00Z");
        assert!("every day".parse::<Schedule>().is_err());
        assert!("61 * * * *".parse::<Schedule>().is_err());
    }
}
