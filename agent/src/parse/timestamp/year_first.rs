//! Dates that begin with the year: ISO 8601 and its relatives.

use super::offset::Spaced;
use super::{Stamp, calendar, clock, clock_start, digits, stamp};

/// Reads `2024-05-06T07:08:09.123+02:00`, and the same with slashes or points between the numbers of the date.
pub(super) fn read(bytes: &[u8]) -> Option<Stamp> {
    let year = digits::exactly::<4>(bytes, 0)?;
    let (month, month_end) = digits::one_or_two(bytes, 5)?;
    if bytes.get(4) != bytes.get(month_end) {
        return None;
    }
    let (day, date_end) = digits::one_or_two(bytes, month_end + 1)?;
    let day = calendar::day_number(year, month, day)?;
    let clock = clock::read(bytes, clock_start(bytes, date_end)?)?;
    stamp(day, clock, bytes, Spaced::Unmistakable)
}

/// Reads the basic form `20240506T070809`, whose time may also have its colons.
pub(super) fn read_basic(bytes: &[u8]) -> Option<Stamp> {
    let day = calendar::day_number(
        digits::exactly::<4>(bytes, 0)?,
        digits::exactly::<2>(bytes, 4)?,
        digits::exactly::<2>(bytes, 6)?,
    )?;
    let start = clock_start(bytes, 8)?;
    let clock = match digits::leading(&bytes[start..]) {
        6 if matches!(bytes[8], b'T' | b't') => clock::read_basic(bytes, start)?,
        _ => clock::read(bytes, start)?,
    };
    stamp(day, clock, bytes, Spaced::Unmistakable)
}

/// Reads `15-09-09 15:35:30.466 +01`, as Illumina's `HiSeq` writes: the form of ISO 8601:1988 with a truncated year.
/// Only with a numeric offset after it, which no one writes after `dd-mm-yy`; otherwise such a date means nothing
/// certain.
pub(super) fn read_truncated(bytes: &[u8]) -> Option<Stamp> {
    if bytes.get(2) != Some(&b'-') || bytes.get(5) != Some(&b'-') {
        return None;
    }
    let year = calendar::year_of_two_digits(digits::exactly::<2>(bytes, 0)?);
    let day = calendar::day_number(year, digits::exactly::<2>(bytes, 3)?, digits::exactly::<2>(bytes, 6)?)?;
    let clock = clock::read(bytes, clock_start(bytes, 8)?)?;
    let clock_end = clock.end;
    let stamp = stamp(day, clock, bytes, Spaced::Any)?;
    let is_numeric = bytes[clock_end..stamp.length].iter().any(u8::is_ascii_digit);
    is_numeric.then_some(stamp)
}
