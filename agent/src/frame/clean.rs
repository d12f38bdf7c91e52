//! The text of one line: decoded, without NULs, overwritten parts and escape sequences, and cut to the limit.

use std::borrow::Cow;

use super::{
    Framing, ansi,
    lines::RawLine,
    section::{Ansi, CarriageReturn},
};
use crate::decode::{Charset, Unit};

/// One line's text.
#[derive(Debug)]
pub(super) struct CleanLine<'a> {
    pub text: Cow<'a, str>,
    /// Where in the window what is kept of its bytes ends.
    pub kept_end: usize,
    pub invalid_sequences: u32,
    pub nuls: u32,
    /// Only its beginning is kept.
    pub is_cut: bool,
    /// The text is nothing but the bytes.
    pub is_verbatim: bool,
}

impl Framing {
    /// Cleans a line of the window. Of a very long one only the beginning is looked at, so that the end need not be there.
    #[inline]
    pub(super) fn clean<'a>(&self, charset: Charset, bytes: &'a [u8], line: &RawLine) -> CleanLine<'a> {
        let (mut start, mut end) = (line.start, line.end);
        let is_endless = line.is_endless || end - start > self.whole_line_bytes_max();
        if self.carriage_return == CarriageReturn::Overwrite && !is_endless {
            (start, end) = last_written(charset, bytes, start, end);
        }
        let is_cut = end - start > self.line_bytes_max;
        if is_cut {
            // Some bytes behind the limit tell whether a character ends there.
            let behind = (self.line_bytes_max + 8).min(end - start);
            end = start + charset.cut_between_characters(&bytes[start..start + behind], self.line_bytes_max);
        }
        let (mut text, invalid_sequences) = charset.decode(&bytes[start..end]);
        let mut nuls = 0;
        if line.has_nuls || is_cut {
            (text, nuls) = without_nuls(text);
        }
        if self.ansi == Ansi::Strip {
            text = ansi::strip(text);
        }
        let is_verbatim =
            charset.unit() == 1 && matches!(text, Cow::Borrowed(_)) && text.len() == line.end - line.start;
        CleanLine { text, kept_end: end, invalid_sequences, nuls, is_cut, is_verbatim }
    }
}

/// What is seen of a line whose beginning was overwritten: what follows the last carriage return that something follows.
fn last_written(charset: Charset, bytes: &[u8], start: usize, end: usize) -> (usize, usize) {
    let unit: &[u8] = match charset.units() {
        Unit::Byte => b"\r",
        Unit::Little => b"\r\0",
        Unit::Big => b"\0\r",
    };
    let mut end = end;
    while bytes[start..end].ends_with(unit) && (end - start).is_multiple_of(unit.len()) {
        end -= unit.len();
    }
    let line = &bytes[start..end];
    let last = match charset.units() {
        Unit::Byte => memchr::memrchr(b'\r', line),
        _ => line.chunks_exact(2).rposition(|found| found == unit).map(|at| at * 2),
    };
    (last.map_or(start, |at| start + at + unit.len()), end)
}

fn without_nuls(text: Cow<'_, str>) -> (Cow<'_, str>, u32) {
    let nuls = memchr::memchr_iter(0, text.as_bytes()).count() as u32;
    if nuls == 0 {
        return (text, 0);
    }
    // A mark may have stood behind NULs at the line's beginning.
    let text: String = text.chars().filter(|character| *character != '\0').collect();
    (Cow::Owned(text.trim_start_matches('\u{FEFF}').to_owned()), nuls)
}

/// Whether a text shows nothing.
#[inline]
pub(super) fn is_blank(text: &str) -> bool {
    // Nearly every line begins with something visible, or with a few blanks before it.
    !text.bytes().next().is_some_and(|byte| byte.is_ascii_graphic()) && text.chars().all(char::is_whitespace)
}
