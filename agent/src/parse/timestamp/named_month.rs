//! Dates with the name of a month: those of syslog, of ctime, of Apache and of robots.

use super::offset::{self, Spaced};
use super::{Stamp, calendar, clock, clock_start, digits, stamp, year_last};
use crate::parse::TextContext;

/// Reads what begins with the name of a month (syslog) or of a weekday (ctime, or a date with its day before it).
pub(super) fn read_from_name(context: &TextContext, bytes: &[u8]) -> Option<Stamp> {
    if let Some(month) = month(bytes, 0) {
        return read_syslog(context, month, bytes);
    }
    if !is_weekday(bytes) {
        return None;
    }
    let start = match bytes.get(3)? {
        b',' => digits::skip_blanks(bytes, 4),
        b' ' => digits::skip_blanks(bytes, 3),
        _ => return None,
    };
    let date = &bytes[start..];
    let stamp = if date.first()?.is_ascii_digit() {
        read_from_day(date).or_else(|| year_last::read(context.date_order?, date))
    } else {
        read_ctime(date)
    }?;
    Some(Stamp { length: start + stamp.length, ..stamp })
}

/// Reads `28-AUG-21 20:46:00`, `10/Oct/2000:13:55:36 -0700` and `15 Aug 2005 15:52:01`.
pub(super) fn read_from_day(bytes: &[u8]) -> Option<Stamp> {
    let (day, day_end) = digits::one_or_two(bytes, 0)?;
    let mark = bytes.get(day_end).filter(|mark| matches!(mark, b'-' | b'/' | b' '))?;
    let month = month(bytes, day_end + 1)?;
    let month_end = day_end + 4;
    if bytes.get(month_end) != Some(mark) {
        return None;
    }
    let year_start = month_end + 1;
    let (year, date_end) = match digits::exactly::<4>(bytes, year_start) {
        Some(year) => (year, year_start + 4),
        None => (calendar::year_of_two_digits(digits::exactly::<2>(bytes, year_start)?), year_start + 2),
    };
    let day = calendar::day_number(year, month, day)?;
    let start = match bytes.get(date_end)? {
        b':' => date_end + 1,
        _ => clock_start(bytes, date_end)?,
    };
    stamp(day, clock::read(bytes, start)?, bytes, Spaced::Unmistakable)
}

/// Reads the month, day and time of a glog line, `1123 12:00:00.123456`.
pub(super) fn read_glog(context: &TextContext, bytes: &[u8]) -> Option<Stamp> {
    let (month, day) = (digits::exactly::<2>(bytes, 0)?, digits::exactly::<2>(bytes, 2)?);
    if bytes.get(4) != Some(&b' ') {
        return None;
    }
    let clock = clock::read(bytes, 5)?;
    let day = calendar::day_without_year(month, day, clock.micros, context.now_civil_micros)?;
    stamp(day, clock, bytes, Spaced::Unmistakable)
}

/// Reads `Nov  6 01:59:14`, the form of RFC 3164, whose year is left out.
fn read_syslog(context: &TextContext, month: i64, bytes: &[u8]) -> Option<Stamp> {
    let (day, clock) = day_and_clock(bytes)?;
    let day = calendar::day_without_year(month, day, clock.micros, context.now_civil_micros)?;
    let stamp = stamp(day, clock, bytes, Spaced::Unmistakable)?;
    Some(Stamp { is_syslog: true, ..stamp })
}

/// Reads `Apr 18 19:12:54 2023`, with the abbreviation of a zone before the year or without. Only `UTC` and `GMT` say
/// what the offset is; others are used for several zones.
fn read_ctime(bytes: &[u8]) -> Option<Stamp> {
    let month = month(bytes, 0)?;
    let (day, clock) = day_and_clock(bytes)?;
    let mut year_start = digits::skip_blanks(bytes, clock.end);
    let mut offset_seconds = None;
    let zone_length = bytes[year_start..].iter().take_while(|byte| byte.is_ascii_uppercase()).count();
    if (3..=5).contains(&zone_length) {
        offset_seconds = offset::universal_time(bytes, year_start).map(|_| 0);
        year_start = digits::skip_blanks(bytes, year_start + zone_length);
    }
    let day = calendar::day_number(digits::exactly::<4>(bytes, year_start)?, month, day)?;
    let end = year_start + 4;
    let mut stamp = stamp(day, clock::Clock { end, ..clock }, bytes, Spaced::Unmistakable)?;
    stamp.time.offset_seconds = stamp.time.offset_seconds.or(offset_seconds);
    Some(stamp)
}

/// Reads the day and the time of day after the name of a month.
fn day_and_clock(bytes: &[u8]) -> Option<(i64, clock::Clock)> {
    if bytes.get(3) != Some(&b' ') {
        return None;
    }
    let (day, day_end) = digits::one_or_two(bytes, digits::skip_blanks(bytes, 3))?;
    if bytes.get(day_end) != Some(&b' ') {
        return None;
    }
    Some((day, clock::read(bytes, digits::skip_blanks(bytes, day_end))?))
}

/// The month that is named at `at` in three letters of any case.
fn month(bytes: &[u8], at: usize) -> Option<i64> {
    let name: &[u8; 3] = bytes.get(at..)?.first_chunk()?;
    let month = match &name.map(|byte| byte.to_ascii_lowercase()) {
        b"jan" => 1,
        b"feb" => 2,
        b"mar" => 3,
        b"apr" => 4,
        b"may" => 5,
        b"jun" => 6,
        b"jul" => 7,
        b"aug" => 8,
        b"sep" => 9,
        b"oct" => 10,
        b"nov" => 11,
        b"dec" => 12,
        _ => return None,
    };
    Some(month)
}

fn is_weekday(bytes: &[u8]) -> bool {
    matches!(bytes.first_chunk(), Some(b"Mon" | b"Tue" | b"Wed" | b"Thu" | b"Fri" | b"Sat" | b"Sun"))
}
