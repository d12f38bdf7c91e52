//! Fields in brackets.

use super::super::level::{self, WrittenLevel};
use super::key_value;

/// A thread or a logger may have a long name; what does not close within this is not a field.
const BRACKET_BYTES_MAX: usize = 64;
/// The structured data of RFC 5424 is a list of keys and values, in which a level may stand far back.
const STRUCTURED_DATA_BYTES_MAX: usize = 512;

/// What a bracket holds.
pub(super) enum Bracket<'a> {
    /// A level, perhaps with a name beside it.
    Level(WrittenLevel<'a>),
    /// Structured data with a level among its values.
    StructuredLevel(WrittenLevel<'a>),
    /// Something else, which ends here.
    Other(usize),
    /// It does not close within reach.
    Open,
}

/// Looks into the bracket that opens at `at`, if one does. A square one may hold a level in any case, for programs
/// write `[info]`; others hold remarks as well, so in them it must be in upper case.
pub(super) fn read(text: &str, at: usize) -> Option<Bracket<'_>> {
    let bytes = text.as_bytes();
    let opening = bytes.get(at).filter(|byte| matches!(byte, b'[' | b'(' | b'<'))?;
    let end = end_of(bytes, at);
    let inside_end = end.map_or(bytes.len().min(at + BRACKET_BYTES_MAX), |end| end - 1);
    let is_structured = || bytes[at + 1..inside_end].windows(2).any(|pair| pair == b"=\"");
    if *opening == b'[' && is_structured() {
        return Some(structured_data(text, at));
    }
    let Some(end) = end else { return Some(Bracket::Open) };
    let inside = text.get(at + 1..end - 1)?.trim_ascii();
    let level = if *opening == b'[' {
        level_with_name(inside)
    } else {
        level::of_upper_case(inside.as_bytes()).map(|level| WrittenLevel { text: inside, level })
    };
    Some(level.map_or(Bracket::Other(end), Bracket::Level))
}

/// The end of the bracket that opens at `at`, if one does and closes soon.
pub(in crate::parse) fn end_of(bytes: &[u8], at: usize) -> Option<usize> {
    let close = match bytes.get(at)? {
        b'[' => b']',
        b'(' => b')',
        b'<' => b'>',
        _ => return None,
    };
    let inside = &bytes[at + 1..bytes.len().min(at + BRACKET_BYTES_MAX)];
    let length = inside.iter().position(|byte| *byte == close || *byte == b'\n')?;
    (inside[length] == close).then_some(at + 1 + length + 1)
}

/// Reads `INFO`, or a level beside the name of what it is about: `IFO,Core`, `WARNING/MainProcess`, `core:error`.
fn level_with_name(inside: &str) -> Option<WrittenLevel<'_>> {
    let first = inside.split([',', '/', ':', '|']).next()?;
    let last = inside.rsplit(':').next()?;
    [first, last].into_iter().find_map(|text| {
        let level = level::of_any_case(text.as_bytes())?;
        Some(WrittenLevel { text, level })
    })
}

/// Looks for a level among the values of `[id key="value" ...]`, which begins at `at`.
fn structured_data(text: &str, at: usize) -> Bracket<'_> {
    let bytes = text.as_bytes();
    let limit = bytes.len().min(at + STRUCTURED_DATA_BYTES_MAX);
    let mut is_quoted = false;
    let mut place = at + 1;
    while place < limit {
        match bytes[place] {
            b'\n' => return Bracket::Open,
            b'\\' if is_quoted => place += 1,
            b'"' => is_quoted = !is_quoted,
            b']' if !is_quoted => return Bracket::Other(place + 1),
            b' ' if !is_quoted => {
                if let Some((level, _)) = key_value::read(text, place + 1) {
                    return Bracket::StructuredLevel(level);
                }
            }
            _ => {}
        }
        place += 1;
    }
    Bracket::Open
}
