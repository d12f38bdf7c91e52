//! Times as instruments write them at the beginning of a record.
//!
//! Each form has a file of its own that reads a date, and all of them end alike: a time of day (`clock`), then an
//! offset if there is one (`offset`), then something that is neither a letter nor a digit. A field that is out of its
//! range makes the whole text no time; nothing is rounded into a valid one, but for the leap second.

mod calendar;
mod clock;
mod digits;
mod epoch;
mod named_month;
mod offset;
mod year_first;
mod year_last;

pub(super) use self::epoch::from_number as from_epoch_number;
use self::offset::Spaced;
use super::ParseContext;

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
pub(super) fn read(context: &ParseContext, bytes: &[u8]) -> Option<Stamp> {
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
pub(super) fn read_glog(context: &ParseContext, bytes: &[u8]) -> Option<Stamp> {
    match digits::leading(bytes) {
        4 => named_month::read_glog(context, bytes),
        8 => year_first::read_basic(bytes),
        _ => None,
    }
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
