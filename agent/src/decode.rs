//! Bytes to text: one line at a time, in the encoding that the config names or that the file's beginning shows.
//!
//! A line is decoded for itself, without memory of the lines before it, so that any line can be read again alone. What is
//! not valid stays visible as U+FFFD and is counted; nothing here fails.

mod detect;
mod encoding;
mod magic;

use std::borrow::Cow;

pub(crate) use detect::{Detected, NotText, detect};
pub(crate) use encoding::Encoding;
use encoding_rs::{DecoderResult, UTF_8, UTF_16BE, UTF_16LE, WINDOWS_1252};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

/// The mark that some programs write at the start of a file, and some before every line.
const UTF8_MARK: &[u8] = b"\xEF\xBB\xBF";
/// The same mark as a character.
const MARK: char = '\u{FEFF}';

/// How the bytes of one file are read as text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Charset {
    #[serde(serialize_with = "write_encoding", deserialize_with = "read_encoding")]
    encoding: &'static encoding_rs::Encoding,
    /// It was found by looking at the bytes, not named in the config.
    pub is_guessed: bool,
    /// The length in bytes of the byte order mark at offset 0; 0 where there is none.
    pub mark_bytes: u8,
}

/// How wide the units are in which line ends are searched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unit {
    /// A line feed is the byte 0x0A, which is no part of any other character.
    Byte,
    /// UTF-16 with the low byte first.
    Little,
    /// UTF-16 with the high byte first.
    Big,
}

impl Unit {
    /// Its length in bytes.
    pub(crate) fn bytes(self) -> usize {
        if self == Self::Byte { 1 } else { 2 }
    }
}

impl Charset {
    /// UTF-8 as the config names it: nothing is guessed, line by line or otherwise.
    pub(crate) const UTF_8: Self = Self { encoding: UTF_8, is_guessed: false, mark_bytes: 0 };

    /// The WHATWG name of the encoding, such as `UTF-8` or `windows-1252`.
    pub(crate) fn name(self) -> &'static str {
        self.encoding.name()
    }

    /// The length in bytes of the units in which line ends are searched: 2 for UTF-16, else 1.
    pub(crate) fn unit(self) -> usize {
        self.units().bytes()
    }

    /// The units in which line ends are searched.
    pub(crate) fn units(self) -> Unit {
        if self.encoding == UTF_16LE {
            Unit::Little
        } else if self.encoding == UTF_16BE {
            Unit::Big
        } else {
            Unit::Byte
        }
    }

    /// The text of one line and how many invalid sequences in it were replaced by U+FFFD. Byte order marks at its start
    /// are removed, however many; others are kept.
    ///
    /// Where UTF-8 was guessed and the file has no byte order mark, a line whose bytes beyond ASCII are nowhere valid
    /// UTF-8 is read as Windows-1252, in which no byte is invalid: old programs write `°C` so, and the head of the file
    /// may not have shown it. A line with at least one valid sequence of several bytes stays UTF-8.
    pub(crate) fn decode(self, line: &[u8]) -> (Cow<'_, str>, u32) {
        if self.encoding != UTF_8 {
            let (text, invalid_sequences) = decode_other(self.encoding, line);
            return (without_marks(text), invalid_sequences);
        }
        let mut line = line;
        while let Some(rest) = line.strip_prefix(UTF8_MARK) {
            line = rest;
        }
        match std::str::from_utf8(line) {
            Ok(text) => (Cow::Borrowed(text), 0),
            Err(_) if self.is_guessed && self.mark_bytes == 0 && !has_long_utf8(line) => {
                (WINDOWS_1252.decode_without_bom_handling(line).0, 0)
            }
            Err(_) => decode_broken_utf8(line),
        }
    }

    /// Whether bytes that are valid UTF-8 and begin with no byte order mark are their own text.
    pub(crate) fn is_utf8(self) -> bool {
        self.encoding == UTF_8
    }

    /// The largest length up to `limit` that does not cut a character of this line in two.
    pub(crate) fn cut_between_characters(self, line: &[u8], limit: usize) -> usize {
        let limit = limit.min(line.len());
        match self.units() {
            Unit::Byte if self.encoding == UTF_8 => whole_utf8(&line[..limit], line.get(limit)),
            Unit::Byte if self.encoding.is_single_byte() => limit,
            // Which bytes begin a character follows only from all before them: the cut with the fewest broken ones is
            // the right one. Characters have at most four bytes.
            Unit::Byte => (0..4.min(limit))
                .map(|back| limit - back)
                .min_by_key(|cut| (decode_other(self.encoding, &line[..*cut]).1, limit - cut))
                .unwrap_or(limit),
            units => {
                let cut = limit & !1;
                let is_high = |bytes: &[u8]| {
                    let byte = if units == Unit::Little { bytes[1] } else { bytes[0] };
                    byte & 0b1111_1100 == 0b1101_1000
                };
                if cut >= 2 && is_high(&line[cut - 2..cut]) { cut - 2 } else { cut }
            }
        }
    }
}

/// The largest part that does not end within a character, given the byte behind it.
fn whole_utf8(bytes: &[u8], behind: Option<&u8>) -> usize {
    let is_continuation = |byte: &u8| byte & 0b1100_0000 == 0b1000_0000;
    if behind.is_some_and(|byte| !is_continuation(byte)) {
        return bytes.len();
    }
    let tail = bytes.iter().rev().take(3).take_while(|byte| is_continuation(byte)).count();
    let Some(lead) = bytes.len().checked_sub(tail + 1).map(|at| bytes[at]) else { return bytes.len() };
    let wanted = match lead {
        0xC2..=0xDF => 2,
        0xE0..=0xEF => 3,
        0xF0..=0xF4 => 4,
        _ => return bytes.len(),
    };
    if tail + 1 < wanted { bytes.len() - tail - 1 } else { bytes.len() }
}

fn has_long_utf8(bytes: &[u8]) -> bool {
    bytes.utf8_chunks().any(|chunk| !chunk.valid().is_ascii())
}

fn decode_broken_utf8(bytes: &[u8]) -> (Cow<'_, str>, u32) {
    let mut text = String::with_capacity(bytes.len() + 8);
    let mut invalid_sequences = 0;
    for chunk in bytes.utf8_chunks() {
        text.push_str(chunk.valid());
        if !chunk.invalid().is_empty() {
            text.push(char::REPLACEMENT_CHARACTER);
            invalid_sequences += 1;
        }
    }
    (Cow::Owned(text), invalid_sequences)
}

fn decode_other<'a>(encoding: &'static encoding_rs::Encoding, bytes: &'a [u8]) -> (Cow<'a, str>, u32) {
    if let Some(text) = encoding.decode_without_bom_handling_and_without_replacement(bytes) {
        return (text, 0);
    }
    let mut decoder = encoding.new_decoder_without_bom_handling();
    let room = decoder.max_utf8_buffer_length(bytes.len()).unwrap_or(bytes.len() * 3 + 16);
    let mut text = String::with_capacity(room);
    let mut invalid_sequences = 0;
    let mut rest = bytes;
    loop {
        let (result, read) = decoder.decode_to_string_without_replacement(rest, &mut text, true);
        rest = &rest[read..];
        match result {
            DecoderResult::InputEmpty => return (Cow::Owned(text), invalid_sequences),
            DecoderResult::OutputFull => text.reserve(rest.len() + 16),
            DecoderResult::Malformed(..) => {
                text.push(char::REPLACEMENT_CHARACTER);
                invalid_sequences += 1;
            }
        }
    }
}

fn without_marks(text: Cow<'_, str>) -> Cow<'_, str> {
    if !text.starts_with(MARK) {
        return text;
    }
    match text {
        Cow::Borrowed(text) => Cow::Borrowed(text.trim_start_matches(MARK)),
        Cow::Owned(mut text) => {
            let marks = text.len() - text.trim_start_matches(MARK).len();
            text.drain(..marks);
            Cow::Owned(text)
        }
    }
}

// The signature is serde's.
#[expect(clippy::trivially_copy_pass_by_ref)]
fn write_encoding<S: Serializer>(encoding: &&'static encoding_rs::Encoding, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(encoding.name())
}

fn read_encoding<'de, D: Deserializer<'de>>(deserializer: D) -> Result<&'static encoding_rs::Encoding, D::Error> {
    let name = String::deserialize(deserializer)?;
    encoding_rs::Encoding::for_label(name.as_bytes())
        .ok_or_else(|| D::Error::custom(format!("{name:?} is not an encoding")))
}

#[cfg(test)]
mod tests;
