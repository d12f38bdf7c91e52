//! Days of the Gregorian calendar, counted from 1970-01-01.

pub(in crate::parse) const DAY_MICROS: i64 = 86_400_000_000;

/// The number of a day, or nothing if the calendar has no such day.
pub(in crate::parse) fn day_number(year: i64, month: i64, day: i64) -> Option<i64> {
    let in_range = (0..=9999).contains(&year) && (1..=12).contains(&month) && day >= 1;
    if !in_range || day > days_in_month(year, month) {
        return None;
    }
    // Counting the year from March puts the leap day at its end, so that it disturbs no month.
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let leap_days = year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400);
    let day_of_year = (153 * month + 2) / 5 + day - 1;
    Some(year * 365 + leap_days + day_of_year - DAYS_FROM_YEAR_0_TO_1970)
}

/// From 0000-03-01 to 1970-01-01.
const DAYS_FROM_YEAR_0_TO_1970: i64 = 719_468;

/// Two-digit years are those from 1970 to 2069, as no log is older than its computer's calendar.
pub(in crate::parse) fn year_of_two_digits(year: i64) -> i64 {
    if year < 70 { 2000 + year } else { 1900 + year }
}

/// The day of a date without a year: in the latest year that puts it no more than a day after `now`, because a
/// clock may be ahead or in another zone, while a log tells of the past. Eight years back is far enough for any
/// 29 February.
pub(in crate::parse) fn day_without_year(
    month: i64,
    day: i64,
    clock_micros: i64,
    now_civil_micros: i64,
) -> Option<i64> {
    let latest = now_civil_micros.saturating_add(DAY_MICROS);
    let year = year_of(latest.div_euclid(DAY_MICROS)).clamp(8, 9999);
    (year - 8..=year)
        .rev()
        .filter_map(|year| day_number(year, month, day))
        .find(|number| number * DAY_MICROS + clock_micros <= latest)
}

fn days_in_month(year: i64, month: i64) -> i64 {
    match month {
        4 | 6 | 9 | 11 => 30,
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        _ => 31,
    }
}

/// The year in which a day lies.
fn year_of(day_number: i64) -> i64 {
    let day = day_number + DAYS_FROM_YEAR_0_TO_1970;
    let era = day.div_euclid(146_097);
    let day_of_era = day.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    // The counted year begins in March: its last two months, from day 306 on, are those of the next one.
    era * 400 + year_of_era + i64::from(day_of_year >= 306)
}

#[cfg(test)]
mod tests {
    use jiff::civil;

    use super::{DAY_MICROS, day_number, day_without_year, year_of};

    fn micros(text: &str) -> i64 {
        let datetime: civil::DateTime = text.parse().unwrap();
        jiff::tz::TimeZone::UTC.to_timestamp(datetime).unwrap().as_microsecond()
    }

    #[test]
    fn a_date_without_a_year_is_of_the_latest_year_not_in_the_future() {
        let check = |now, (month, day), clock_micros, expected| {
            let found = day_without_year(month, day, clock_micros, micros(now)).unwrap();
            assert_eq!(found * DAY_MICROS, micros(expected), "{month}-{day} seen at {now}");
        };
        check("2024-11-06T12:00", (11, 6), 0, "2024-11-06");
        check("2024-11-06T12:00", (11, 7), 12 * 3_600_000_000, "2024-11-07");
        check("2024-11-06T12:00", (11, 7), 12 * 3_600_000_000 + 1, "2023-11-07");
        check("2025-01-02T00:00", (12, 31), 0, "2024-12-31");
        check("2024-12-31T23:00", (1, 1), 0, "2025-01-01");
        check("2023-06-01T00:00", (2, 29), 0, "2020-02-29");
        check("1903-06-01T00:00", (2, 29), 0, "1896-02-29");
        assert_eq!(day_without_year(2, 30, 0, 0), None);
    }

    /// Day by day where months and years end, over more than the 400 years after which the calendar repeats.
    #[test]
    fn days_are_those_of_the_calendar() {
        let epoch = civil::date(1970, 1, 1);
        for year in (0..=9).chain(1590..=2110).chain(9990..=10_000) {
            for (month, day) in (0..=13).flat_map(|month| [0, 1, 15, 28, 29, 30, 31, 32].map(|day| (month, day))) {
                let date = civil::Date::new(year, month, day).ok();
                let expected = date.map(|date| i64::from(epoch.until(date).unwrap().get_days()));
                let found = day_number(i64::from(year), i64::from(month), i64::from(day));
                assert_eq!(found, expected, "{year}-{month}-{day}");
                assert_eq!(found.map(year_of), date.map(|_| i64::from(year)), "{year}-{month}-{day}");
            }
        }
    }
}
