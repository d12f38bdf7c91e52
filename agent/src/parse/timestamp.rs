//! Times as instruments write them at the beginning of a record.
//!
//! Each form has a file of its own that reads a date, and all of them end alike: a time of day (`clock`), then an
//! offset if there is one (`offset`), then something that is neither a letter nor a digit. A field that is out of its
//! range makes the whole text no time; nothing is rounded into a valid one, but for the leap second.

pub(super) mod calendar;
pub(super) mod clock;
pub(super) mod digits;
mod epoch;
mod named_month;
mod offset;
mod year_first;
mod year_last;

use self::epoch::from_number as from_epoch_number;
use self::offset::Spaced;
use super::{DateOrder, TextContext};

/// A wall-clock time as a record states it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct WrittenTime {
    /// Microseconds from 1970-01-01T00:00:00 of the wall clock as written; digits beyond the sixth are cut.
    pub(crate) civil_micros: i64,
    /// The offset from UTC in seconds, where the record states one.
    pub(crate) offset_seconds: Option<i32>,
}

/// A time that was found at the beginning of a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Stamp {
    pub(super) time: WrittenTime,
    /// How many bytes the time takes.
    pub(super) length: usize,
    /// Whether it is the form of RFC 3164, after which a host and a program are named.
    pub(super) is_syslog: bool,
}

/// Reads the time that `bytes` begins with. The text after it does not matter.
pub(super) fn read(context: &TextContext, bytes: &[u8]) -> Option<Stamp> {
    if !bytes.first()?.is_ascii_digit() {
        return named_month::read_from_name(context, bytes);
    }
    // Most lines of most programs begin like this.
    if let Some(stamp) = year_first::read(bytes) {
        return Some(stamp);
    }
    match digits::leading(bytes) {
        1 | 2 => year_first::read_truncated(bytes)
            .or_else(|| named_month::read_from_day(bytes))
            .or_else(|| year_last::read(context.date_order?, bytes)),
        8 => year_first::read_basic(bytes),
        10 | 13 => epoch::read(bytes),
        _ => None,
    }
}

/// Reads the time of a glog line after its letter for the level: `1123 12:00:00.123456`, or with the year before it.
pub(super) fn read_glog(context: &TextContext, bytes: &[u8]) -> Option<Stamp> {
    match digits::leading(bytes) {
        4 => named_month::read_glog(context, bytes),
        8 => year_first::read_basic(bytes),
        _ => None,
    }
}

/// Reads the time that a field holds: in any form that a line may begin with, or as a number since 1970.
pub(super) fn read_field(context: &TextContext, text: &str) -> Option<WrittenTime> {
    match read(context, text.as_bytes()) {
        Some(stamp) => Some(stamp.time),
        None => from_epoch_number(text),
    }
}

/// Whether a time could be read there if somebody said whether the day or the month comes first.
pub(super) fn is_date_ambiguous(context: &TextContext, bytes: &[u8]) -> bool {
    context.date_order.is_none()
        && [DateOrder::MonthFirst, DateOrder::DayFirst]
            .into_iter()
            .any(|order| read(&TextContext { date_order: Some(order), ..*context }, bytes).is_some())
}

/// Reads a date that begins with the year, in the extended or the basic form of ISO 8601.
pub(super) fn read_iso(bytes: &[u8]) -> Option<Stamp> {
    year_first::read(bytes).or_else(|| year_first::read_basic(bytes))
}

/// Reads the form of RFC 3164: `Nov  6 01:59:14`.
pub(super) fn read_syslog(context: &TextContext, bytes: &[u8]) -> Option<Stamp> {
    read(context, bytes).filter(|stamp| stamp.is_syslog)
}

/// Reads the form of C's `ctime`: `Tue Apr 18 19:12:54 2023`.
pub(super) fn read_ctime(context: &TextContext, bytes: &[u8]) -> Option<Stamp> {
    named_month::read_from_name(context, bytes).filter(|stamp| !stamp.is_syslog)
}

/// Reads a date with the day first and the month by its name: `10/Oct/2000:13:55:36 -0700`.
pub(super) fn read_day_and_name(bytes: &[u8]) -> Option<Stamp> {
    named_month::read_from_day(bytes)
}

/// Reads a date of numbers that ends with the year.
pub(super) fn read_year_last(order: DateOrder, bytes: &[u8]) -> Option<Stamp> {
    year_last::read(order, bytes)
}

/// Puts a day and the time of day after it together, with the offset that may follow.
fn stamp(day: i64, clock: clock::Clock, bytes: &[u8], spaced: Spaced) -> Option<Stamp> {
    let (offset_seconds, length) = offset::read(bytes, clock.end, spaced)?;
    if bytes.get(length).is_some_and(u8::is_ascii_alphanumeric) {
        return None;
    }
    let civil_micros = day * calendar::DAY_MICROS + clock.micros;
    Some(Stamp { time: WrittenTime { civil_micros, offset_seconds }, length, is_syslog: false })
}

/// Where the time of day begins that follows a date ending at `at`: after one of `T`, `t` and `_`, or after blanks
/// with at most one comma before them.
fn clock_start(bytes: &[u8], at: usize) -> Option<usize> {
    match bytes.get(at)? {
        b'T' | b't' | b'_' => Some(at + 1),
        b',' | b' ' | b'\t' => Some(digits::skip_blanks(bytes, at + 1)),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
