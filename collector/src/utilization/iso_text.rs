//! Times as texts, as MADSci reads and writes them: Python's `fromisoformat` and `isoformat`, and their messages.

use jiff::{civil, tz::TimeZone};
use labtrail_shared::timestamp::EventTimestamp;

use super::python::quoted;

const MICROS_PER_SECOND: i64 = 1_000_000;

/// Reads a time: a date by month or by week, then any one character and a clock time, then an offset, each with or
/// without separators. The result is in microseconds UTC; where no offset is stated the time is one of the `naive`
/// zone.
pub(super) fn parse(text: &str, naive: &TimeZone) -> Result<i64, String> {
    // MADSci does so, and its messages show it.
    let text = text.replace('Z', "+00:00");
    let invalid = || format!("Invalid isoformat string: {}", quoted(&text));
    let split = date_length(text.as_bytes()).filter(|split| text.is_char_boundary(*split)).ok_or_else(invalid)?;
    let (date, rest) = text.split_at(split);
    let date = parse_date(date).ok_or_else(invalid)?;
    let mut rest = rest.chars();
    let (mut clock, mut offset) = ([0; 4], None);
    if rest.next().is_some() {
        let rest = rest.as_str();
        let (time, zone) = rest.split_at(rest.find(['+', '-']).unwrap_or(rest.len()));
        clock = parse_clock(time).ok_or_else(invalid)?;
        if let Some(zone) = zone.get(1..) {
            offset = Some(micros_of_day(parse_clock(zone).ok_or_else(invalid)?));
        }
        if zone.starts_with('-') {
            offset = offset.map(|offset| -offset);
        }
    }
    // The text is one of a time; now for what it says.
    if offset.is_some_and(|offset| offset.abs() >= 86_400 * MICROS_PER_SECOND) {
        let limit = "strictly between -timedelta(hours=24) and timedelta(hours=24)";
        return Err(format!("offset must be a timedelta {limit}"));
    }
    let civil_micros = date? * 86_400 * MICROS_PER_SECOND + micros_of_day(checked(clock)?);
    in_range(match offset {
        Some(offset) => civil_micros - offset,
        None => EventTimestamp { civil_micros, offset_seconds: None }.utc_micros(naive),
    })
}

/// The first instant of the calendar, that of the year 1, in microseconds UTC.
pub(super) const FIRST_INSTANT: i64 = -62_135_596_800 * MICROS_PER_SECOND;

/// The last instant that can be told in any zone: two days before the end of the year 9999.
pub(super) const LAST_INSTANT: i64 = 253_402_128_000 * MICROS_PER_SECOND;

/// An instant, if it is one of the calendar.
pub(super) fn in_range(micros: i64) -> Result<i64, String> {
    let is_within = (FIRST_INSTANT..=LAST_INSTANT).contains(&micros);
    is_within.then_some(micros).ok_or_else(|| "date value out of range".to_owned())
}

/// An instant as MADSci writes it: in UTC and without saying so, the fraction only if it is not zero.
pub(super) fn naive_text(micros: i64) -> String {
    EventTimestamp { civil_micros: micros, offset_seconds: None }.to_string()
}

/// An instant with its offset: `2026-11-23T09:18:44.331566+00:00`.
pub(super) fn utc_text(micros: i64) -> String {
    naive_text(micros) + "+00:00"
}

/// An instant in UTC, for people: a blank instead of the `T`.
pub(super) fn spaced_text(micros: i64) -> String {
    naive_text(micros).replacen('T', " ", 1)
}

/// Where the date ends: `YYYY-MM-DD`, `YYYYMMDD`, `YYYY-Www`, `YYYYWww`, `YYYY-Www-d` or `YYYYWwwd`.
fn date_length(text: &[u8]) -> Option<usize> {
    let (fourth, fifth) = (text.get(4)?, text.get(5)?);
    let length = match (fourth, fifth) {
        (b'-', b'W') => {
            let has_day = text.get(8) == Some(&b'-') && !text.get(10).is_some_and(u8::is_ascii_digit);
            if has_day { 10 } else { 8 }
        }
        (b'-', _) => 10,
        (b'W', _) => {
            let digits = text.get(5..)?.iter().take_while(|byte| byte.is_ascii_digit()).count();
            // After the week: nothing, a day, or (of an even number of digits) a clock time right away.
            if digits == 3 || digits % 2 == 0 && digits > 3 { 8 } else { 7 }
        }
        _ => 8,
    };
    (length <= text.len()).then_some(length)
}

/// Days from 1970-01-01. The outer `None` means that this is no date; the inner error, that there is no such day.
fn parse_date(text: &str) -> Option<Result<i64, String>> {
    let bytes = text.as_bytes();
    let year = digits(bytes, 0, 4)?;
    let is_separated = bytes.get(4) == Some(&b'-');
    let at = if is_separated { 5 } else { 4 };
    if bytes.get(at) == Some(&b'W') {
        let week = digits(bytes, at + 1, 2)?;
        let day = match bytes.get(at + 3..)? {
            [] => 1,
            [day] if !is_separated => i64::from(day.checked_sub(b'0')?),
            [b'-', day] if is_separated => i64::from(day.checked_sub(b'0')?),
            _ => return None,
        };
        let weekday = civil::Weekday::from_monday_one_offset(i8::try_from(day).ok()?).ok()?;
        let date = civil::ISOWeekDate::new(i16::try_from(year).ok()?, i8::try_from(week).ok()?, weekday).ok()?;
        return Some(Ok(days(date.date())));
    }
    let month = digits(bytes, at, 2)?;
    let day = if is_separated { digits(bytes, 8, 2).filter(|_| bytes[7] == b'-') } else { digits(bytes, 6, 2) }?;
    let date = civil::Date::new(year as i16, month as i8, day as i8);
    Some(match date {
        _ if year == 0 => Err("year 0 is out of range".to_owned()),
        _ if !(1..=12).contains(&month) => Err("month must be in 1..12".to_owned()),
        Err(_) => Err("day is out of range for month".to_owned()),
        Ok(date) => Ok(days(date)),
    })
}

fn days(date: civil::Date) -> i64 {
    let epoch = civil::Date::constant(1970, 1, 1);
    i64::from((date - epoch).get_days())
}

/// Hour, minute, second and microsecond: `10`, `10:30`, `10:30:05.5`, `103005,5`. Digits beyond microseconds are cut.
fn parse_clock(text: &str) -> Option<[i64; 4]> {
    let bytes = text.as_bytes();
    let mut clock = [0; 4];
    let mut at = 0;
    let is_separated = bytes.get(2) == Some(&b':');
    for (index, field) in clock[..3].iter_mut().enumerate() {
        if index > 0 && is_separated {
            at += usize::from(bytes[at] == b':');
        }
        *field = digits(bytes, at, 2)?;
        at += 2;
        match bytes.get(at) {
            None => return Some(clock),
            Some(b'.' | b',') => break,
            Some(b':') if is_separated && index < 2 => {}
            Some(_) if !is_separated && index < 2 => {}
            Some(_) => return None,
        }
    }
    let fraction = bytes.get(at + 1..).filter(|digits| !digits.is_empty() && digits.iter().all(u8::is_ascii_digit))?;
    for place in 0..6 {
        clock[3] = clock[3] * 10 + fraction.get(place).map_or(0, |digit| i64::from(digit - b'0'));
    }
    Some(clock)
}

fn checked(clock: [i64; 4]) -> Result<[i64; 4], String> {
    let [hour, minute, second, _] = clock;
    match (hour, minute, second) {
        (24.., _, _) => Err("hour must be in 0..23".to_owned()),
        (_, 60.., _) => Err("minute must be in 0..59".to_owned()),
        (_, _, 60..) => Err("second must be in 0..59".to_owned()),
        _ => Ok(clock),
    }
}

fn micros_of_day([hour, minute, second, micros]: [i64; 4]) -> i64 {
    (hour * 3600 + minute * 60 + second) * MICROS_PER_SECOND + micros
}

fn digits(bytes: &[u8], from: usize, count: usize) -> Option<i64> {
    let digits = bytes.get(from..from + count)?;
    digits.iter().try_fold(0, |number, byte| byte.is_ascii_digit().then(|| number * 10 + i64::from(byte - b'0')))
}

#[cfg(test)]
mod tests {
    use jiff::tz::TimeZone;

    use super::{FIRST_INSTANT, LAST_INSTANT, naive_text, parse, spaced_text, utc_text};

    fn check(text: &str, expected: &str) {
        assert_eq!(parse(text, &TimeZone::UTC).map_or_else(|error| error, naive_text), expected, "{text}");
    }

    #[test]
    fn times_are_read_as_python_reads_them() {
        check("2026-01-01", "2026-01-01T00:00:00");
        check("2026-01-01T10:30:05.5", "2026-01-01T10:30:05.500000");
        check("2026-01-01 10:30:05,1234567", "2026-01-01T10:30:05.123456");
        check("2026-01-01é10:30", "2026-01-01T10:30:00");
        check("20260101T1030", "2026-01-01T10:30:00");
        check("2026-01-01T103005.5", "2026-01-01T10:30:05.500000");
        check("2026-01-01T10.5", "2026-01-01T10:00:00.500000");
        check("2026-01-01T10", "2026-01-01T10:00:00");
        check("2026-W01-1", "2025-12-29T00:00:00");
        check("2026-W53-7T10", "2027-01-03T10:00:00");
        check("2026-W01", "2025-12-29T00:00:00");
        check("2026W011", "2025-12-29T00:00:00");
        check("2026-01-01T10:30:00Z", "2026-01-01T10:30:00");
        check("2026-01-01T10:30:00+05:30", "2026-01-01T05:00:00");
        check("2026-01-01T10:30:00-05", "2026-01-01T15:30:00");
        check("2026-01-01T10:30:00+00:00:30.5", "2026-01-01T10:29:29.500000");
    }

    #[test]
    fn messages_are_pythons() {
        for text in ["abc", "", "it's", "2026-1-1", "2026-01-01T", "2026-01-01T1", "2026-01-01T1030:00", "2026-W54-1"] {
            check(text, &format!("Invalid isoformat string: {}", super::quoted(text)));
        }
        for text in
            ["2026-01-01T10:30:00 00:00", "2026-01-01T10:30:00.", "2026-01-01 ", "２０２６-01-01", "2026-01-01Tß"]
        {
            check(text, &format!("Invalid isoformat string: '{text}'"));
        }
        check("2026-01-01T10:30:00Z5", "Invalid isoformat string: '2026-01-01T10:30:00+00:005'");
        check("2026-13-01", "month must be in 1..12");
        check("2026-02-30", "day is out of range for month");
        check("0000-01-01", "year 0 is out of range");
        check("2026-01-01T24:00", "hour must be in 0..23");
        check("2026-01-01T10:60", "minute must be in 0..59");
        check("2026-01-01T10:30:60", "second must be in 0..59");
        check("0001-01-01T00:00+01", "date value out of range");
    }

    #[test]
    fn a_time_without_offset_is_one_of_the_zone_given() {
        let zurich = TimeZone::get("Europe/Zurich").expect("the zone database is bundled");
        assert_eq!(parse("2026-07-01T10:00", &zurich).map(naive_text), Ok("2026-07-01T08:00:00".to_owned()));
        assert_eq!(parse("2026-07-01T10:00Z", &zurich).map(naive_text), Ok("2026-07-01T10:00:00".to_owned()));
    }

    #[test]
    fn an_instant_has_three_texts() {
        assert_eq!(naive_text(FIRST_INSTANT), "0001-01-01T00:00:00");
        assert_eq!(naive_text(LAST_INSTANT), "9999-12-30T00:00:00");
        assert_eq!(utc_text(1), "1970-01-01T00:00:00.000001+00:00");
        assert_eq!(spaced_text(0), "1970-01-01 00:00:00");
    }
}
