//! Times that count from 1970-01-01T00:00:00Z.

use super::{Stamp, WrittenTime, digits};

/// Counts are believed for the years 2001 to 2049. Earlier and later ones are counters, serial numbers and bar codes,
/// which have as many digits.
const MICROS_MIN: i64 = 1_000_000_000_000_000;
const MICROS_MAX: i64 = 2_500_000_000_000_000;

/// Reads seconds of ten digits with a fraction, or milliseconds of thirteen digits.
pub(super) fn read(bytes: &[u8]) -> Option<Stamp> {
    let count = digits::leading(bytes);
    let (micros, length) = match count {
        10 if bytes.get(10) == Some(&b'.') => {
            let (fraction, end) = digits::fraction_micros(bytes, 11);
            (digits::exactly::<10>(bytes, 0)? * 1_000_000 + fraction, end)
        }
        13 => (digits::exactly::<13>(bytes, 0)? * 1000, 13),
        _ => return None,
    };
    // More points and digits make it an address or a version, letters a name.
    let ends = match bytes.get(length) {
        None => true,
        Some(b'.') => !bytes.get(length + 1).is_some_and(u8::is_ascii_digit),
        Some(byte) => !byte.is_ascii_alphanumeric(),
    };
    (length > 11 && ends).then_some(Stamp { time: time(micros)?, length, is_syslog: false })
}

/// The time in a number that is known to be one: seconds, milliseconds, microseconds or nanoseconds, told apart by
/// their magnitude.
pub(in crate::parse) fn from_number(text: &str) -> Option<WrittenTime> {
    let bytes = text.as_bytes();
    let whole = digits::leading(bytes);
    let (fraction, end) = match bytes.get(whole) {
        Some(b'.') => digits::fraction_micros(bytes, whole + 1),
        _ => (0, whole),
    };
    if whole == 0 || end < bytes.len() {
        // A number with an exponent is rare enough to go the slow way; with 15 digits it is right to the microsecond.
        let seconds = text.parse::<f64>().ok().filter(|seconds| (1e9..2.5e9).contains(seconds))?;
        return time((seconds * 1e6).round() as i64);
    }
    let number: i64 = text[..whole].parse().ok()?;
    let micros = match whole {
        ..=11 => number * 1_000_000 + fraction,
        12..=14 => number * 1000 + fraction / 1000,
        15..=17 => number,
        _ => number / 1000,
    };
    time(micros)
}

fn time(micros: i64) -> Option<WrittenTime> {
    (MICROS_MIN..MICROS_MAX).contains(&micros).then_some(WrittenTime { civil_micros: micros, offset_seconds: Some(0) })
}
