//! Finds the level between the time of a line and its message.
//!
//! Programs put a few fields there: thread, logger, process, level. The search goes through them one by one and ends
//! where prose begins, which is at two plain words in a row with no separator after them. A level in upper case is
//! taken when it stands alone as a field; in another case only in brackets or after a key, because "error" is also a
//! word. `no ERROR found` is a message and not a level, and so is anything after the first words.

mod bracket;
mod key_value;

use labtrail_shared::level::LogLevel;

use self::bracket::Bracket;
use super::level::{self, WrittenLevel};

pub(super) use self::bracket::end_of as bracket_end;

/// A header is short. What lies beyond these is message, and looking there would cost time on every line.
const HEADER_BYTES_MAX: usize = 96;
const FIELDS_MAX: usize = 6;

/// The level in the header of `text`, which begins at `from`. With `is_syslog` a host and the tag of a program come
/// first.
pub(super) fn find_level(text: &str, from: usize, is_syslog: bool) -> Option<WrittenLevel<'_>> {
    let bytes = text.as_bytes();
    let mut at = if is_syslog { skip_host_and_tag(bytes, from) } else { from };
    let limit = bytes.len().min(at + HEADER_BYTES_MAX);
    let mut words = 0;
    let mut words_in_a_row = 0;
    let mut goes_on = false;
    for _ in 0..FIELDS_MAX {
        let gap = Gap::read(bytes, at);
        at = gap.end;
        if at >= limit {
            return None;
        }
        if gap.has_separator {
            words_in_a_row = 0;
        } else if words_in_a_row == 2 {
            return None;
        }
        match bracket::read(text, at) {
            Some(Bracket::Level(level)) => return (words <= 1).then_some(level),
            Some(Bracket::StructuredLevel(level)) => return Some(level),
            Some(Bracket::Other(end)) => {
                at = end;
                words_in_a_row = 0;
                continue;
            }
            Some(Bracket::Open) => at += 1,
            None => {}
        }
        let field = Field::read(bytes, at);
        if let Some(level) = field.level {
            let is_first = words == 0 || (words == 1 && !goes_on);
            if is_first && field.is_whole(bytes, &gap) || field.is_between_separators(bytes, &gap) {
                return Some(WrittenLevel { text: &text[at..field.letters_end], level });
            }
        } else if let Some((level, _)) = key_value::read(text, at) {
            return Some(level);
        }
        if field.is_word {
            words += 1;
            words_in_a_row += 1;
            goes_on = is_function_word(&bytes[at..field.end]);
        } else {
            words_in_a_row = 0;
        }
        at = field.end;
    }
    None
}

/// A level that stands before everything else of a line, as `INFO`, `[INFO]` or `level=info`.
pub(super) struct LeadingLevel<'a> {
    pub(super) level: WrittenLevel<'a>,
    pub(super) end: usize,
    /// Whether more than its place marks it as a level, so that it counts even where no time follows.
    pub(super) is_marked: bool,
}

/// The level that stands at `at`, where a line begins.
pub(super) fn leading_level(text: &str, at: usize) -> Option<LeadingLevel<'_>> {
    let bytes = text.as_bytes();
    if bytes.get(at) == Some(&b'[') {
        let Some(Bracket::Level(level)) = bracket::read(text, at) else { return None };
        let end = bracket::end_of(bytes, at)?;
        // A bracket alone on its line is the head of a section in a configuration.
        let is_marked = !bytes[end..].trim_ascii().is_empty();
        return Some(LeadingLevel { level, end, is_marked });
    }
    if let Some((level, end)) = key_value::read(text, at) {
        return Some(LeadingLevel { level, end, is_marked: true });
    }
    let field = Field::read(bytes, at);
    let end = field.letters_end;
    let level = WrittenLevel { text: &text[at..end], level: field.level? };
    let is_marked = bytes.get(end) == Some(&b':') || separator_follows(bytes, end);
    Some(LeadingLevel { level, end, is_marked })
}

/// What lies between two fields.
pub(super) struct Gap {
    pub(super) end: usize,
    /// Whether it has a dash, a bar or a colon.
    has_separator: bool,
    last: u8,
}

impl Gap {
    pub(super) fn read(bytes: &[u8], from: usize) -> Self {
        let mut gap = Self { end: from, has_separator: false, last: b' ' };
        while let Some(byte) = bytes.get(gap.end) {
            match byte {
                b' ' | b'\t' | b']' | b')' | b'>' | b'"' | b',' | b';' => {}
                b'-' | b'|' | b':' => gap.has_separator = true,
                _ => break,
            }
            gap.last = *byte;
            gap.end += 1;
        }
        gap
    }
}

/// One field, up to a blank, a comma or a bar.
struct Field {
    start: usize,
    end: usize,
    /// Where the letters end that it begins with.
    letters_end: usize,
    /// The level that these letters name in upper case.
    level: Option<LogLevel>,
    /// Whether it is a word of prose: letters, and at most one mark after them.
    is_word: bool,
}

impl Field {
    fn read(bytes: &[u8], at: usize) -> Self {
        let rest = &bytes[at..];
        let letters = rest.iter().take_while(|byte| byte.is_ascii_alphabetic()).count();
        let is_delimited = match rest.get(letters) {
            None => true,
            Some(byte) => {
                matches!(byte, b' ' | b'\t' | b'\r' | b'\n' | b':' | b'-' | b'|' | b',' | b'[' | b']' | b')' | b'>')
            }
        };
        let level = if is_delimited { level::of_upper_case(&rest[..letters]) } else { None };
        // Bytes beyond ASCII are letters of some script here.
        let is_letter = |byte: &u8| byte.is_ascii_alphabetic() || !byte.is_ascii() || *byte == b'\'';
        let word = letters + rest[letters..].iter().take_while(|byte| is_letter(byte)).count();
        let is_inside = |byte: &u8| !matches!(byte, b' ' | b'\t' | b'\r' | b'\n' | b',' | b'|');
        let length = word + rest[word..].iter().take_while(|byte| is_inside(byte)).count();
        let is_word = word > 0 && matches!(rest[word..length], [] | [b'.' | b':' | b';' | b'!' | b'?']);
        Self { start: at, end: at + length, letters_end: at + letters, level, is_word }
    }

    /// Whether nothing but a delimiter comes before and after the letters. Between commas only a whole word is a
    /// level, because a column of a table may hold `INF` or `ERR` for a value.
    fn is_whole(&self, bytes: &[u8], gap: &Gap) -> bool {
        match bytes.get(self.letters_end) {
            Some(b',') => gap.last == b',' && self.letters_end - self.start > 3,
            Some(b'-') => gap.last == b'-',
            _ => gap.last != b',',
        }
    }

    /// Whether a separator stands on both sides of the letters.
    fn is_between_separators(&self, bytes: &[u8], gap: &Gap) -> bool {
        gap.has_separator && separator_follows(bytes, self.letters_end)
    }
}

/// Whether a bar, or a dash with blanks around it, comes at `at`.
fn separator_follows(bytes: &[u8], at: usize) -> bool {
    let blanks = bytes[at..].iter().take_while(|byte| **byte == b' ').count();
    match bytes[at + blanks..] {
        [b'|', ..] => true,
        [b'-', b' ' | b'-', ..] => blanks > 0,
        _ => false,
    }
}

/// Words that make the next one part of a sentence rather than a field. No logger is named so.
fn is_function_word(word: &[u8]) -> bool {
    const WORDS: [&[u8]; 14] =
        [b"a", b"an", b"and", b"any", b"for", b"in", b"no", b"not", b"of", b"or", b"the", b"to", b"with", b"without"];
    WORDS.iter().any(|function_word| function_word.eq_ignore_ascii_case(word))
}

/// Skips `host program[pid]:` after a syslog time; where there is no such tag, only the host.
fn skip_host_and_tag(bytes: &[u8], from: usize) -> usize {
    let blanks = |at: usize| bytes[at..].iter().take_while(|byte| **byte == b' ').count();
    let word = |at: usize| bytes[at..].iter().take_while(|byte| !byte.is_ascii_whitespace()).count();
    let host_start = from + blanks(from);
    let host_end = host_start + word(host_start);
    let tag_start = host_end + blanks(host_end);
    let tag_end = tag_start + word(tag_start);
    if bytes[..tag_end].ends_with(b":") { tag_end } else { host_end }
}
