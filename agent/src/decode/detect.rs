//! Which encoding a file is in, judged by its first bytes: a byte order mark, else where zeros lie, else valid UTF-8, else
//! Windows-1252, in which everything is valid.

use encoding_rs::{UTF_8, UTF_16BE, UTF_16LE, WINDOWS_1252};
use thiserror::Error;

use super::{Charset, encoding::MARKS, magic};

/// A run of zeros at the beginning that is at least so long is a hole, as a truncated file has whose writer goes on at its
/// old place. A single zero may be half of a UTF-16 character.
const HOLE_BYTES_MIN: usize = 4;

/// Where zeros lie says nothing of fewer bytes than these.
const FEW_BYTES: usize = 8;

/// How a file is read, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Detected {
    /// The encoding.
    pub charset: Charset,
    /// What it was judged by, for people.
    pub evidence: &'static str,
    /// Something that is probably not as it was meant, for people.
    pub warning: Option<String>,
}

/// Why a file is not read as text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub(crate) enum NotText {
    /// There is nothing yet but zeros, or nothing at all: ask again when there is more.
    #[error("nothing is written yet")]
    Unknown,
    /// It is something else.
    #[error("{0}")]
    Binary(&'static str),
}

/// Judges a file by its beginning. With `is_whole` the head is all there is, and a character that is cut at its end is an
/// error of the encoding; else it is only cut.
pub(crate) fn detect(head: &[u8], is_whole: bool) -> Result<Detected, NotText> {
    if head.iter().all(|byte| *byte == 0) {
        return Err(NotText::Unknown);
    }
    if let Some(reason) = utf32(head) {
        return Err(NotText::Binary(reason));
    }
    if let Some((encoding, mark_bytes)) = mark_of(head) {
        return Ok(found(encoding, mark_bytes, "a byte order mark"));
    }
    if !is_whole && MARKS.iter().any(|(mark, _)| mark.starts_with(head)) {
        return Err(NotText::Unknown);
    }
    if let Some(kind) = magic::kind_of(head) {
        return Err(NotText::Binary(kind));
    }
    if !is_whole && head.len() < FEW_BYTES && head.contains(&0) {
        return Err(NotText::Unknown);
    }
    let data = without_holes(head);
    if memchr::memchr(0, data).is_some() {
        return utf16(head);
    }
    let is_cut = |error: std::str::Utf8Error| error.error_len().is_none() && (!is_whole || data.len() < head.len());
    match std::str::from_utf8(data) {
        Ok(_) if data.is_ascii() => Ok(found(UTF_8, 0, "only ASCII so far")),
        Ok(_) => Ok(found(UTF_8, 0, "valid UTF-8")),
        Err(error) if is_cut(error) => Ok(found(UTF_8, 0, "valid UTF-8")),
        Err(_) => Ok(found(WINDOWS_1252, 0, "bytes that are not UTF-8")),
    }
}

/// The encoding whose byte order mark the head begins with, and the mark's length.
pub(super) fn mark_of(head: &[u8]) -> Option<(&'static encoding_rs::Encoding, u8)> {
    MARKS.iter().find(|(mark, _)| head.starts_with(mark)).map(|(mark, encoding)| (*encoding, mark.len() as u8))
}

fn found(encoding: &'static encoding_rs::Encoding, mark_bytes: u8, evidence: &'static str) -> Detected {
    Detected { charset: Charset { encoding, is_guessed: true, mark_bytes }, evidence, warning: None }
}

/// UTF-32 is known by its mark; no program was seen that logs in it.
fn utf32(head: &[u8]) -> Option<&'static str> {
    let is_little = head.starts_with(b"\xFF\xFE\0\0") && matches!(head.get(4..8), Some([low, _, 0, 0]) if *low != 0);
    (is_little || head.starts_with(b"\0\0\xFE\xFF")).then_some("UTF-32, which is not supported: let it write UTF-8")
}

/// What is written, of a file with room reserved behind it or a hole before it.
fn without_holes(head: &[u8]) -> &[u8] {
    let end = head.iter().rposition(|byte| *byte != 0).map_or(0, |at| at + 1);
    let start = head.iter().position(|byte| *byte != 0).unwrap_or(0);
    &head[if start < HOLE_BYTES_MIN { 0 } else { start }..end]
}

/// UTF-16 without a mark: zeros lie almost only at odd places (low byte first) or only at even ones, and what is read so
/// looks like text.
fn utf16(head: &[u8]) -> Result<Detected, NotText> {
    let binary =
        Err(NotText::Binary("binary: it has zero bytes where text has none; if it is text, name its encoding"));
    let end = head.iter().rposition(|byte| *byte != 0).map_or(0, |at| at + 1);
    let start = head.iter().position(|byte| *byte != 0).map_or(0, |at| if at < HOLE_BYTES_MIN { 0 } else { at & !1 });
    let units: Vec<[u8; 2]> = head[start..end].chunks_exact(2).map(|unit| [unit[0], unit[1]]).collect();
    let first = units.iter().filter(|unit| unit[0] == 0).count();
    let second = units.iter().filter(|unit| unit[1] == 0).count();
    // A quarter: also a Chinese log has digits, blanks and line ends. A fifth: also U+4E00, a frequent character there,
    // has a zero in its other half.
    let is_pattern = |often: usize, seldom: usize| often * 4 >= units.len().max(1) && seldom * 5 <= often;
    let (encoding, read): (_, fn([u8; 2]) -> u16) = if is_pattern(second, first) {
        (UTF_16LE, u16::from_le_bytes)
    } else if is_pattern(first, second) {
        (UTF_16BE, u16::from_be_bytes)
    } else {
        return binary;
    };
    // The head may begin or end within a pair, which is one odd character; more than a fiftieth is no text.
    let odd = char::decode_utf16(units.iter().map(|unit| read(*unit)))
        .filter(|found| !found.as_ref().is_ok_and(|found| is_texty(*found)));
    if odd.count() > 1 + units.len() / 50 {
        return binary;
    }
    Ok(found(encoding, 0, "a zero in every second byte"))
}

fn is_texty(character: char) -> bool {
    !character.is_control() || matches!(character, '\t' | '\n' | '\r' | '\u{C}' | '\u{1B}')
}

#[cfg(test)]
mod tests {
    use super::{NotText, detect};

    fn utf16(text: &str, is_little: bool) -> Vec<u8> {
        text.encode_utf16().flat_map(|unit| if is_little { unit.to_le_bytes() } else { unit.to_be_bytes() }).collect()
    }

    #[test]
    fn the_head_tells_the_encoding() {
        let check = |head: &[u8], is_whole: bool, expected: &str| {
            let found = match detect(head, is_whole) {
                Ok(found) => format!("{} {}: {}", found.charset.name(), found.charset.mark_bytes, found.evidence),
                Err(NotText::Unknown) => "unknown".to_owned(),
                Err(NotText::Binary(reason)) => reason.to_owned(),
            };
            assert!(found.starts_with(expected), "{head:?}: {found}");
        };
        check(b"\xEF\xBB\xBFa", false, "UTF-8 3: a byte order mark");
        check(b"\xFF\xFEa\0", false, "UTF-16LE 2: a byte order mark");
        check(b"\xFE\xFF\0a", false, "UTF-16BE 2: a byte order mark");
        check(b"\xFF\xFE\0\0\0\0", false, "UTF-16LE 2");
        check(b"\xFF\xFE\0\0a\0\0\0", false, "UTF-32, which is not supported");
        check(&utf16("12:00 start\r\n", true), false, "UTF-16LE 0: a zero in every second byte");
        check(&utf16("12:00 start\r\n", false), false, "UTF-16BE 0: a zero in every second byte");
        check(&utf16("2026-01-01 12:00:00 一二一三 開始一\r\n", true), false, "UTF-16LE 0");
        let mut reserved = utf16("12:00\r\n", true);
        reserved.extend([0; 500]);
        check(&reserved, false, "UTF-16LE 0");
        check(b"plain\n", true, "UTF-8 0: only ASCII so far");
        check("21 °C\n".as_bytes(), true, "UTF-8 0: valid UTF-8");
        check(b"cut \xE2\x82", false, "UTF-8 0: valid UTF-8");
        check(b"cut \xE2\x82", true, "windows-1252 0: bytes that are not UTF-8");
        check(b"21 \xB0C\n", false, "windows-1252 0");
        check(b"written\n\0\0\0\0\0", true, "UTF-8 0: only ASCII so far");
        check(b"\0\0\0\0\0\0\0after a hole\n", true, "UTF-8 0: only ASCII so far");
        check(b"", true, "unknown");
        check(&[0; 4096], false, "unknown");
        check(b"\xFF", false, "unknown");
        check(b"a\0b\n", false, "unknown");
        check(b"a\0b\nand plain text\n", false, "binary");
        check(b"a\0", false, "unknown");
        check(b"\x01\0\x02\0\x03\0\x04\0", false, "binary");
        check(b"\x7fELF\x02\x01", false, "a program");
        check(b"PK\x03\x04\x14\0", false, "a zip archive");
        check(b"\x1F\x8B\x08\0", false, "packed by gzip");
        check(b"\x89PNG\r\n\x1A\n", false, "a picture");
        check(b"%PDF-1.7\n", false, "a PDF document");
    }
}
