//! Hours, days, weeks and months, as the clocks and calendars of the user's zone have them.

use jiff::{Timestamp, ToSpan, civil, tz::TimeZone};

use super::{PERIODS_MAX, Window, iso_text::naive_text};

const MICROS_PER_HOUR: i64 = 3_600_000_000;

/// What a report on periods is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Analysis {
    Hourly,
    Daily,
    Weekly,
    Monthly,
    /// Any other word: days as they are, with the sessions that start within each.
    Other,
}

/// One period of the report.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Period {
    /// Counted from 1.
    pub number: usize,
    /// From when to when.
    pub span: Window,
    /// What kind it is: `day`, `week`, `month`, or `period` for an hour.
    pub kind: &'static str,
    /// What it is called.
    pub display: String,
    /// Its day or month, where the report shows it.
    pub date: String,
    /// What the user's clock shows at its start, where the report shows it.
    pub local_start: String,
}

impl Analysis {
    pub(super) fn of(name: &str) -> Self {
        match name {
            "hourly" => Self::Hourly,
            "daily" => Self::Daily,
            "weekly" => Self::Weekly,
            "monthly" => Self::Monthly,
            _ => Self::Other,
        }
    }

    /// The periods of a window, which is not empty. None if there are more than a report can have.
    pub(super) fn periods(self, window: Window, zone: &TimeZone) -> Option<Vec<Period>> {
        let unit_hours = match self {
            Self::Hourly => 1,
            Self::Daily | Self::Other => 24,
            Self::Weekly => 24 * 7,
            Self::Monthly => 24 * 28,
        };
        let count = (window.end - window.start) / MICROS_PER_HOUR / unit_hours;
        usize::try_from(count).ok().filter(|count| *count < PERIODS_MAX)?;
        let mut periods = Vec::new();
        let mut next = self.first_start(window.start, zone);
        while next < window.end {
            let start = next;
            next = self.next_start(start, zone).unwrap_or(window.end);
            let whole = Window { start, end: next.min(window.end) };
            // Days and months show what of them lies within the window; MADSci shows weeks and other periods whole.
            let is_cut = matches!(self, Self::Daily | Self::Monthly);
            let span = if is_cut { whole.overlap(window) } else { whole };
            periods.push(self.period(periods.len() + 1, span, local(start, zone)));
        }
        Some(periods)
    }

    /// The start of the period that an instant lies in. Hours are counted from that instant itself.
    fn first_start(self, instant: i64, zone: &TimeZone) -> i64 {
        let date = local(instant, zone).date();
        let first = match self {
            Self::Hourly => return instant,
            Self::Daily | Self::Other => Some(date),
            Self::Weekly => date.checked_sub(i64::from(date.weekday().to_monday_zero_offset()).days()).ok(),
            Self::Monthly => Some(date.first_of_month()),
        };
        first.and_then(|first| midnight(first, zone)).unwrap_or(instant)
    }

    /// The start of the next period; none at the end of the calendar.
    fn next_start(self, start: i64, zone: &TimeZone) -> Option<i64> {
        let mut date = local(start, zone).date();
        loop {
            date = match self {
                Self::Hourly => return Some(start + MICROS_PER_HOUR),
                Self::Daily | Self::Other => date.tomorrow().ok()?,
                Self::Weekly => date.checked_add(1.week()).ok()?,
                Self::Monthly => date.checked_add(1.month()).ok()?.first_of_month(),
            };
            // Where the clocks skipped a whole day, the next midnight is the same as that of the day after it.
            let next = midnight(date, zone)?;
            if next > start {
                return Some(next);
            }
        }
    }

    fn period(self, number: usize, span: Window, local: civil::DateTime) -> Period {
        let (year, month, day) = (local.year(), local.month(), local.day());
        let day_text = format!("{year:04}-{month:02}-{day:02}");
        let (kind, display) = match self {
            Self::Hourly => ("period", format!("{day_text} {:02}:{:02}", local.hour(), local.minute())),
            Self::Daily | Self::Other => ("day", day_text.clone()),
            Self::Weekly => ("week", format!("Week of {day_text}")),
            Self::Monthly => ("month", local.strftime("%B %Y").to_string()),
        };
        let (date, local_start) = match self {
            Self::Daily => (day_text, local.strftime("%Y-%m-%dT%H:%M:%S").to_string()),
            Self::Monthly => (format!("{year:04}-{month:02}"), local.strftime("%Y-%m-%dT%H:%M:%S").to_string()),
            _ => (String::new(), String::new()),
        };
        Period { number, span, kind, display, date, local_start }
    }

    /// What is said of the period in which something was used most.
    pub(super) fn peak_context(self, display: &str) -> String {
        let preposition = match self {
            Self::Daily => "on",
            Self::Weekly => "during",
            Self::Monthly | Self::Hourly | Self::Other => "in",
        };
        format!("Peak utilization {preposition} {display}")
    }
}

impl Period {
    /// Its start in UTC.
    pub(super) fn start_text(&self) -> String {
        naive_text(self.span.start)
    }
}

fn local(instant: i64, zone: &TimeZone) -> civil::DateTime {
    zone.to_datetime(Timestamp::from_microsecond(instant).unwrap_or_default())
}

/// The instant at which a day begins: where clocks are set forward at midnight, the first one there is.
fn midnight(date: civil::Date, zone: &TimeZone) -> Option<i64> {
    let midnight = zone.to_ambiguous_timestamp(date.to_datetime(civil::Time::midnight())).compatible().ok()?;
    Some(midnight.as_microsecond())
}

#[cfg(test)]
mod tests {
    use jiff::tz::TimeZone;

    use super::{Analysis, Window};
    use crate::utilization::iso_text::{naive_text, parse};

    fn check(analysis: &str, zone: &str, window: [&str; 2], expected: &[(&str, &str, &str)]) {
        let zone = TimeZone::get(zone).expect("the zone database is bundled");
        let [start, end] = window.map(|text| parse(text, &TimeZone::UTC).expect("a time"));
        let periods = Analysis::of(analysis).periods(Window { start, end }, &zone).expect("a few");
        let found: Vec<_> = periods
            .iter()
            .map(|period| (period.display.clone(), naive_text(period.span.start), naive_text(period.span.end)))
            .collect();
        let expected: Vec<_> = expected
            .iter()
            .map(|(display, start, end)| ((*display).to_owned(), format!("{start}:00"), format!("{end}:00")))
            .collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn days_and_months_are_cut_to_the_window_and_weeks_begin_before_it() {
        let window = ["2026-06-30T12:00", "2026-07-01T12:00"];
        check(
            "daily",
            "Asia/Kolkata",
            window,
            &[
                ("2026-06-30", "2026-06-30T12:00", "2026-06-30T18:30"),
                ("2026-07-01", "2026-06-30T18:30", "2026-07-01T12:00"),
            ],
        );
        check(
            "monthly",
            "UTC",
            window,
            &[
                ("June 2026", "2026-06-30T12:00", "2026-07-01T00:00"),
                ("July 2026", "2026-07-01T00:00", "2026-07-01T12:00"),
            ],
        );
        check("weekly", "UTC", window, &[("Week of 2026-06-29", "2026-06-29T00:00", "2026-07-01T12:00")]);
        check(
            "odd",
            "UTC",
            window,
            &[
                ("2026-06-30", "2026-06-30T00:00", "2026-07-01T00:00"),
                ("2026-07-01", "2026-07-01T00:00", "2026-07-01T12:00"),
            ],
        );
        check(
            "hourly",
            "UTC",
            ["2026-06-30T12:34", "2026-06-30T14:00"],
            &[
                ("2026-06-30 12:34", "2026-06-30T12:34", "2026-06-30T13:34"),
                ("2026-06-30 13:34", "2026-06-30T13:34", "2026-06-30T14:00"),
            ],
        );
    }

    #[test]
    fn a_day_is_as_long_as_the_clocks_make_it() {
        check(
            "daily",
            "Europe/Zurich",
            ["2026-03-28T23:00", "2026-03-30T22:00"],
            &[
                ("2026-03-29", "2026-03-28T23:00", "2026-03-29T22:00"),
                ("2026-03-30", "2026-03-29T22:00", "2026-03-30T22:00"),
            ],
        );
        check(
            "monthly",
            "America/Chicago",
            ["2026-11-01T05:00", "2026-12-01T07:00"],
            &[
                ("November 2026", "2026-11-01T05:00", "2026-12-01T06:00"),
                ("December 2026", "2026-12-01T06:00", "2026-12-01T07:00"),
            ],
        );
        // An hour that comes twice is two hours.
        check(
            "hourly",
            "Europe/Zurich",
            ["2026-10-25T00:00", "2026-10-25T02:00"],
            &[
                ("2026-10-25 02:00", "2026-10-25T00:00", "2026-10-25T01:00"),
                ("2026-10-25 02:00", "2026-10-25T01:00", "2026-10-25T02:00"),
            ],
        );
        // Beirut sets its clocks forward at midnight; Apia skipped a whole day.
        check(
            "daily",
            "Asia/Beirut",
            ["2026-03-28T20:00", "2026-03-29T20:00"],
            &[
                ("2026-03-28", "2026-03-28T20:00", "2026-03-28T22:00"),
                ("2026-03-29", "2026-03-28T22:00", "2026-03-29T20:00"),
            ],
        );
        check(
            "daily",
            "Pacific/Apia",
            ["2011-12-30T09:00", "2011-12-30T11:00"],
            &[
                ("2011-12-29", "2011-12-30T09:00", "2011-12-30T10:00"),
                ("2011-12-31", "2011-12-30T10:00", "2011-12-30T11:00"),
            ],
        );
    }

    #[test]
    fn there_is_a_limit() {
        let window = Window { start: 0, end: 20_000 * 3_600_000_000 };
        assert_eq!(Analysis::Hourly.periods(window, &TimeZone::UTC), None);
        assert_eq!(Analysis::Daily.periods(window, &TimeZone::UTC).map(|periods| periods.len()), Some(834));
        let end = i64::from(i32::MAX) * 100_000_000;
        assert_eq!(
            Analysis::Monthly.periods(Window { start: end - 1, end }, &TimeZone::UTC).map(|list| list.len()),
            Some(1)
        );
    }
}
