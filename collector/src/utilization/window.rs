//! The stretch of time that a report is about.

use std::fmt::Display;

use jiff::tz::TimeZone;
use serde_json::{Value, json};

use super::iso_text::{FIRST_INSTANT, LAST_INSTANT, in_range, parse};

const MICROS_PER_DAY: i64 = 86_400 * 1_000_000;

/// The first and the last event are to lie within a window made of them, whatever was cut from their times.
const MARGIN: i64 = 60 * 1_000_000;

/// From an instant to an instant, both belonging to it, in microseconds UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Window {
    /// From this instant on.
    pub start: i64,
    /// Up to this instant.
    pub end: i64,
}

/// The times that a request gives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Times {
    /// From when on, in microseconds UTC.
    pub start: Option<i64>,
    /// Up to when, in microseconds UTC.
    pub end: Option<i64>,
}

impl Window {
    /// Its length, negative if it ends before it starts.
    pub(super) fn seconds(self) -> f64 {
        (self.end - self.start) as f64 / 1e6
    }

    /// Its length in hours.
    pub(super) fn hours(self) -> f64 {
        self.seconds() / 3600.0
    }

    /// What both have in common: nothing, if it ends before it starts.
    pub(super) fn overlap(self, other: Self) -> Self {
        Self { start: self.start.max(other.start), end: self.end.min(other.end) }
    }
}

impl Times {
    /// Reads the parameters `start_time` and `end_time` of the reports on sessions and on users; empty ones count as
    /// absent. A time without an offset is one of the zone given. The error is the answer.
    pub(crate) fn read(start: Option<&str>, end: Option<&str>, naive: &TimeZone) -> Result<Self, Value> {
        Self::parse(start, end, naive).map_err(failed)
    }

    pub(super) fn parse(start: Option<&str>, end: Option<&str>, naive: &TimeZone) -> Result<Self, String> {
        let parse =
            |text: Option<&str>| text.filter(|text| !text.is_empty()).map(|text| parse(text, naive)).transpose();
        Ok(Self { start: parse(start)?, end: parse(end)? })
    }

    /// Whether neither is given, so that the window depends on what is stored.
    pub(crate) fn are_absent(&self) -> bool {
        self.start.is_none() && self.end.is_none()
    }

    /// The window that is meant: of one time, the day from it or to it; of none, all that is stored (`extent` is the
    /// time of the first event and of the last), or the last day if that is nothing. The error is the answer.
    pub(crate) fn window(&self, extent: Option<(i64, i64)>, now: i64) -> Result<Window, Value> {
        let (start, end) = match (self.start, self.end) {
            (Some(start), Some(end)) => (start, end),
            (Some(start), None) => (start, start + MICROS_PER_DAY),
            (None, Some(end)) => (end - MICROS_PER_DAY, end),
            (None, None) => extent.map_or((now - MICROS_PER_DAY, now), |(first, last)| {
                // The clock of one sender does not spoil the report.
                let within = |time: i64| time.clamp(FIRST_INSTANT, LAST_INSTANT);
                (within(first.saturating_sub(MARGIN)), within(last.saturating_add(MARGIN)))
            }),
        };
        Ok(Window { start: in_range(start).map_err(failed)?, end: in_range(end).map_err(failed)? })
    }
}

fn failed(problem: impl Display) -> Value {
    json!({"error": format!("Failed to generate report: {problem}")})
}

#[cfg(test)]
mod tests {
    use jiff::tz::TimeZone;

    use super::Times;
    use crate::utilization::iso_text::naive_text;

    fn check(start: &str, end: &str, extent: Option<(i64, i64)>, expected: &str) {
        let times = Times::read(Some(start), Some(end), &TimeZone::UTC);
        let window = times.and_then(|times| times.window(extent, 86_400 * 1_000_000));
        let text = window.map_or_else(
            |answer| answer["error"].as_str().unwrap().to_owned(),
            |window| format!("{} {}", naive_text(window.start), naive_text(window.end)),
        );
        assert_eq!(text, expected);
    }

    #[test]
    fn what_is_not_given_is_found() {
        check("2026-01-01", "2026-01-01T10:00Z", None, "2026-01-01T00:00:00 2026-01-01T10:00:00");
        check("2026-01-02", "2026-01-01", None, "2026-01-02T00:00:00 2026-01-01T00:00:00");
        check("2026-01-01", "", None, "2026-01-01T00:00:00 2026-01-02T00:00:00");
        check("", "2026-01-01", None, "2025-12-31T00:00:00 2026-01-01T00:00:00");
        check("", "", Some((0, 1)), "1969-12-31T23:59:00 1970-01-01T00:01:00.000001");
        check("", "", Some((i64::MIN, i64::MAX)), "0001-01-01T00:00:00 9999-12-30T00:00:00");
        check("", "", None, "1970-01-01T00:00:00 1970-01-02T00:00:00");
    }

    #[test]
    fn what_is_no_time_is_answered_so() {
        let check =
            |start, end, expected: &str| check(start, end, None, &format!("Failed to generate report: {expected}"));
        check("today", "", "Invalid isoformat string: 'today'");
        check("", "2026-02-30", "day is out of range for month");
        check("", "0001-01-01", "date value out of range");
    }
}
