//! The time of day after a date.

use super::digits;

/// A time of day, and where it ends in the text.
#[derive(Debug, Clone, Copy)]
pub(in crate::parse) struct Clock {
    /// Microseconds since midnight.
    pub(in crate::parse) micros: i64,
    pub(in crate::parse) end: usize,
}

/// Reads `HH:MM`, `HH:MM:SS`, `HH:MM :SS` or `HH:MM:SS.fff` at `at`, each with `AM` or `PM` after it on a clock of twelve hours.
///
/// A leap second (`:60`) becomes the last microsecond of its minute, which keeps it in the right minute and in order.
pub(in crate::parse) fn read(bytes: &[u8], at: usize) -> Option<Clock> {
    let (hour, hour_end) = digits::one_or_two(bytes, at)?;
    let minute = digits::exactly::<2>(bytes, hour_end + 1)?;
    if bytes.get(hour_end) != Some(&b':') || hour > 23 || minute > 59 {
        return None;
    }
    let minute_end = hour_end + 3;
    // FANUC's controllers write `HH:MM :SS`.
    let colon = if bytes.get(minute_end..minute_end + 2) == Some(b" :") { minute_end + 1 } else { minute_end };
    let has_seconds = bytes.get(colon) == Some(&b':') && bytes.get(colon + 1).is_some_and(u8::is_ascii_digit);
    let (within_minute, end) = if has_seconds { seconds(bytes, colon + 1)? } else { (0, minute_end) };
    let half = half_of_day(bytes, end).filter(|_| (1..=12).contains(&hour));
    // `1:20` is a ratio or a dilution rather than a time; with seconds or a half of the day it is not.
    if !has_seconds && half.is_none() && hour_end - at == 1 {
        return None;
    }
    let (hour, end) = match half {
        Some((first_hour, end)) => (first_hour + hour % 12, end),
        None => (hour, end),
    };
    Some(Clock { micros: (hour * 60 + minute) * 60_000_000 + within_minute, end })
}

/// Reads `HHMMSS`, with a fraction or without, at `at`.
pub(in crate::parse) fn read_basic(bytes: &[u8], at: usize) -> Option<Clock> {
    let (hour, minute) = (digits::exactly::<2>(bytes, at)?, digits::exactly::<2>(bytes, at + 2)?);
    let (within_minute, end) = seconds(bytes, at + 4)?;
    let in_range = hour <= 23 && minute <= 59;
    in_range.then_some(Clock { micros: (hour * 60 + minute) * 60_000_000 + within_minute, end })
}

/// Reads the seconds with their fraction at `at`, in microseconds.
fn seconds(bytes: &[u8], at: usize) -> Option<(i64, usize)> {
    let second = digits::exactly::<2>(bytes, at)?;
    let (fraction, end) = fraction(bytes, at + 2);
    match second {
        0..=59 => Some((second * 1_000_000 + fraction, end)),
        60 => Some((59_999_999, end)),
        _ => None,
    }
}

/// Reads a fraction with its point or comma, as microseconds; without digits there is none.
fn fraction(bytes: &[u8], at: usize) -> (i64, usize) {
    let Some(mark @ (b'.' | b',' | b':')) = bytes.get(at) else { return (0, at) };
    let (micros, end) = digits::fraction_micros(bytes, at + 1);
    let is_fraction = match mark {
        b'.' => end > at + 1,
        // Some Windows programs put their milliseconds behind a third colon.
        b':' => end == at + 4,
        // In a table with commas the digits may be the next column instead: it has a decimal point of its own, or
        // more columns of digits after it.
        _ => end > at + 1 && !column_follows(bytes, end),
    };
    if is_fraction { (micros, end) } else { (0, at) }
}

fn column_follows(bytes: &[u8], at: usize) -> bool {
    matches!(bytes.get(at), Some(b'.' | b',')) && bytes.get(at + 1).is_some_and(u8::is_ascii_digit)
}

/// Reads `AM` or `PM` at `at` or after one blank: the first hour of that half, and where the word ends.
fn half_of_day(bytes: &[u8], at: usize) -> Option<(i64, usize)> {
    let at = if bytes.get(at) == Some(&b' ') { at + 1 } else { at };
    let first_hour = match bytes.get(at)? {
        b'A' | b'a' => 0,
        b'P' | b'p' => 12,
        _ => return None,
    };
    let is_word =
        matches!(bytes.get(at + 1), Some(b'M' | b'm')) && !bytes.get(at + 2).is_some_and(u8::is_ascii_alphanumeric);
    is_word.then_some((first_hour, at + 2))
}
