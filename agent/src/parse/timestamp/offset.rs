//! The offset from UTC after a time of day.

use super::digits;

/// Which offsets are believed when a blank stands before them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Spaced {
    /// Any of two digits or more: the form demands an offset, so it can be nothing else.
    Any,
    /// Those of two digits only with a leading zero. `-10` after a time is as likely a temperature as Hawaii.
    Unmistakable,
}

/// Reads the offset at `at` in seconds and where it ends; no offset ends where it began. An offset that is out of
/// range gives nothing at all.
pub(super) fn read(bytes: &[u8], at: usize, spaced: Spaced) -> Option<(Option<i32>, usize)> {
    let none = Some((None, at));
    match bytes.get(at) {
        Some(b'Z' | b'z') => Some((Some(0), at + 1)),
        Some(b'+' | b'-') => match numeric(bytes, at) {
            Some(offset) => Some((Some(offset.seconds?), offset.end)),
            None => none,
        },
        Some(b' ') => {
            let start = digits::skip_blanks(bytes, at);
            let found = match bytes.get(start) {
                Some(b'+' | b'-') => numeric(bytes, start)
                    .filter(|offset| offset.is_civil && (spaced == Spaced::Any || offset.is_unmistakable(bytes, start)))
                    .and_then(|offset| Some((offset.seconds?, offset.end))),
                Some(b'U' | b'G') => universal_time(bytes, start).map(|end| (0, end)),
                Some(b'Z') if !bytes.get(start + 1).is_some_and(u8::is_ascii_alphanumeric) => Some((0, start + 1)),
                _ => None,
            };
            found.map_or(none, |(seconds, end)| Some((Some(seconds), end)))
        }
        _ => none,
    }
}

/// Where the word `UTC` or `GMT` at `at` ends.
pub(super) fn universal_time(bytes: &[u8], at: usize) -> Option<usize> {
    let word = bytes.get(at..at + 3)?;
    let is_word = matches!(word, b"UTC" | b"GMT")
        && !bytes.get(at + 3).is_some_and(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-'));
    is_word.then_some(at + 3)
}

struct Numeric {
    /// Nothing if the hours or minutes are out of range.
    seconds: Option<i32>,
    end: usize,
    /// Whether some zone has such an offset today.
    is_civil: bool,
}

impl Numeric {
    fn is_unmistakable(&self, bytes: &[u8], at: usize) -> bool {
        self.end - at > 3 || bytes.get(at + 1) == Some(&b'0')
    }
}

/// Reads `+hh`, `+hhmm` or `+hh:mm` at `at`. Digits in any other number are not an offset.
fn numeric(bytes: &[u8], at: usize) -> Option<Numeric> {
    let hours = digits::exactly::<2>(bytes, at + 1)?;
    let (minutes, end) = match bytes.get(at + 3) {
        Some(b':') => match digits::exactly::<2>(bytes, at + 4) {
            Some(minutes) => (minutes, at + 6),
            None => (0, at + 3),
        },
        Some(byte) if byte.is_ascii_digit() => (digits::exactly::<2>(bytes, at + 3)?, at + 5),
        _ => (0, at + 3),
    };
    if bytes.get(end).is_some_and(u8::is_ascii_alphanumeric) {
        return None;
    }
    // With digits after its point it is a measured value.
    if bytes.get(end) == Some(&b'.') && bytes.get(end + 1).is_some_and(u8::is_ascii_digit) {
        return None;
    }
    let sign = if bytes.get(at) == Some(&b'-') { -1 } else { 1 };
    let quarters = sign * (hours * 4 + minutes / 15);
    Some(Numeric {
        seconds: (hours <= 23 && minutes <= 59).then_some((sign * (hours * 3600 + minutes * 60)) as i32),
        end,
        is_civil: minutes % 15 == 0 && minutes <= 45 && (-12 * 4..=14 * 4).contains(&quarters),
    })
}
