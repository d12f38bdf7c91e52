//! Maintenance windows: times of the week in which nothing is told of certain alerts.
//!
//! A window is what the clock on the wall of its zone shows, and it is one piece, also in the nights in which clocks are
//! changed. Where `from` or `to` does not exist (clocks are set forward over it) the moment of the change stands for
//! it; a window that lies in the skipped hour as a whole is not there that night. Where a time comes twice (clocks are set
//! back) the window begins at its first `from` and ends at its last `to`: it is longer by the hour that comes twice, so
//! that nobody is called while the clock says that there is maintenance.

mod wall;

use std::fmt;

use jiff::{
    Timestamp, ToSpan,
    civil::{Date, Weekday},
    tz::TimeZone,
};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use self::wall::{WallTime, first_moment, last_moment};
use super::selector::AlertSelector;

/// `[[maintenance]]`: alerts that are meant are not told from one time of a day to another. What still fires at the
/// window's end is told then.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MaintenanceWindow {
    /// What it is called where it is the reason why nothing was told. Default: nothing.
    #[serde(default)]
    pub name: String,
    /// The days on which it begins: `mon`, `tue`, `wed`, `thu`, `fri`, `sat`, `sun`. Required.
    days: Days,
    /// When it begins, such as `22:00`. Required.
    from: WallTime,
    /// When it ends. Not after `from`: it ends on the day after. Required.
    to: WallTime,
    /// The zone whose clock is meant, by its IANA name such as `Europe/Zurich`. Required.
    zone: Zone,
    /// The alerts that are meant: a selector; `{}` means all. Required.
    pub matcher: AlertSelector,
}

impl MaintenanceWindow {
    /// If the moment lies in the window: the first moment after it. Both in microseconds since 1970 UTC.
    pub fn end(&self, at: i64) -> Option<i64> {
        self.around(at).find(|(start, end)| *start <= at && at < *end).map(|(_, end)| end)
    }

    /// The next window that has not ended: its first moment and the first moment after it, in microseconds since 1970
    /// UTC.
    pub fn next(&self, at: i64) -> Option<(i64, i64)> {
        self.around(at).find(|(_, end)| at < *end)
    }

    /// The windows from two days before to nine days after, without those that a change of clocks left nothing of.
    fn around(&self, at: i64) -> impl Iterator<Item = (i64, i64)> {
        let today = Timestamp::from_microsecond(at).ok().map(|at| self.zone.zone.to_datetime(at).date());
        let dates = (-2..=9).filter_map(move |days: i32| today?.checked_add(days.days()).ok());
        let dates = dates.filter(|date| self.days.0.contains(&Day::of(date.weekday())));
        dates.filter_map(|date| self.on(date)).filter(|(start, end)| start < end)
    }

    fn on(&self, date: Date) -> Option<(i64, i64)> {
        let last = if self.to.0 > self.from.0 { date } else { date.tomorrow().ok()? };
        let start = first_moment(&self.zone.zone, date.to_datetime(self.from.0))?;
        let end = last_moment(&self.zone.zone, last.to_datetime(self.to.0))?;
        Some((start, end))
    }
}

/// At least one day of the week.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
struct Days(Vec<Day>);

/// A day of the week.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Day {
    Mon,
    Tue,
    Wed,
    Thu,
    Fri,
    Sat,
    Sun,
}

impl Day {
    fn of(weekday: Weekday) -> Self {
        match weekday {
            Weekday::Monday => Self::Mon,
            Weekday::Tuesday => Self::Tue,
            Weekday::Wednesday => Self::Wed,
            Weekday::Thursday => Self::Thu,
            Weekday::Friday => Self::Fri,
            Weekday::Saturday => Self::Sat,
            Weekday::Sunday => Self::Sun,
        }
    }
}

impl<'de> Deserialize<'de> for Days {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let days = Vec::deserialize(deserializer)?;
        if days.is_empty() {
            return Err(de::Error::custom(
                "maintenance on no day would never be: write days such as [\"sat\", \"sun\"]",
            ));
        }
        Ok(Self(days))
    }
}

/// A zone that the database has, and its name.
#[derive(Clone, PartialEq)]
struct Zone {
    name: String,
    zone: TimeZone,
}

impl fmt::Debug for Zone {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.name)
    }
}

impl Serialize for Zone {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.name)
    }
}

impl<'de> Deserialize<'de> for Zone {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let name = String::deserialize(deserializer)?;
        let zone = TimeZone::get(&name).map_err(|_| {
            de::Error::custom(format!(
                "{name:?} is not an IANA time zone: write one such as Europe/Zurich or America/Chicago"
            ))
        })?;
        Ok(Self { name, zone })
    }
}

#[cfg(test)]
mod tests;
