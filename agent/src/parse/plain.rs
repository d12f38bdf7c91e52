//! Plain text: a time at the beginning of the line, and a level near it.

use labtrail_shared::level::LogLevel;

use super::header::{self, Gap};
use super::level::{self, WrittenLevel};
use super::timestamp::{self, Stamp};
use super::{DateOrder, Parsed, TextContext, text_start};

/// A line that is indented further goes on with the one before it, whatever it begins with.
const INDENT_MAX: usize = 32;
/// How many fields may stand before the time: `[logger][LEVEL] 2024-..` has two.
const FIELDS_BEFORE_TIME_MAX: usize = 2;

/// Reads one record of plain text.
pub(super) fn parse<'a>(context: &TextContext, text: &'a str) -> Parsed<'a> {
    let bytes = text.as_bytes();
    let line_start = text_start(text);
    let indent = bytes[line_start..].iter().take_while(|byte| matches!(byte, b' ' | b'\t')).count();
    if indent > INDENT_MAX {
        return Parsed::default();
    }
    let start = line_start + indent;
    if let Some(stamp) = timestamp::read(context, &bytes[start..]) {
        return dated(stamp, header::find_level(text, start + stamp.length, stamp.is_syslog));
    }
    if let Some(parsed) = syslog(context, bytes, start).or_else(|| glog(context, text, start)) {
        return parsed;
    }
    let mut at = start;
    let mut leading: Option<WrittenLevel<'a>> = None;
    // What a line without a time states: an indented one goes on with the line before it, and its first word is no
    // level.
    let mut without_time = None;
    for fields in 0..=FIELDS_BEFORE_TIME_MAX {
        let time_start = after_opening(bytes, at);
        if let Some(stamp) = timestamp::read(context, &bytes[time_start..]) {
            let header_start = time_start + stamp.length;
            return dated(stamp, leading.or_else(|| header::find_level(text, header_start, stamp.is_syslog)));
        }
        if fields == FIELDS_BEFORE_TIME_MAX {
            break;
        }
        let end = if let Some(found) = header::leading_level(text, at) {
            leading = leading.or(Some(found.level));
            without_time = without_time.or((found.is_marked && at == line_start).then_some(found.level));
            found.end
        } else if bytes.get(at) == Some(&b'[')
            && let Some(end) = header::bracket_end(bytes, at)
        {
            end
        } else {
            break;
        };
        at = Gap::read(bytes, end).end;
    }
    ambiguous(context, text, line_start).unwrap_or(Parsed { level: without_time, ..Parsed::default() })
}

/// A record whose date could be read if somebody said whether the day or the month comes first: its level stands where
/// it stands all the same.
fn ambiguous<'a>(context: &TextContext, text: &'a str, line_start: usize) -> Option<Parsed<'a>> {
    let may_be = context.date_order.is_none() && text.as_bytes()[line_start..].iter().take(3).any(u8::is_ascii_digit);
    if !may_be {
        return None;
    }
    [DateOrder::MonthFirst, DateOrder::DayFirst].into_iter().find_map(|order| {
        let parsed = parse(&TextContext { date_order: Some(order), ..*context }, text);
        parsed.time.map(|_| Parsed { time: None, is_date_ambiguous: true, ..parsed })
    })
}

fn dated(stamp: Stamp, level: Option<WrittenLevel<'_>>) -> Parsed<'_> {
    Parsed { time: Some(stamp.time), level, ..Parsed::default() }
}

/// Where a time begins that stands in quotes or brackets, behind a key, or in Micro-Manager's `LOG(`.
fn after_opening(bytes: &[u8], at: usize) -> usize {
    let rest = &bytes[at..];
    for opening in [&b"LOG("[..], b"time=\"", b"time=", b"ts=", b"timestamp=\"", b"timestamp="] {
        if rest.starts_with(opening) {
            return at + opening.len();
        }
    }
    match rest {
        [b'[' | b'(' | b'<' | b'"', inside @ ..] => {
            at + 1 + inside.iter().take_while(|byte| matches!(byte, b' ' | b'\t')).count()
        }
        _ => at,
    }
}

/// Reads `<PRI>` with a time after it, as RFC 3164 and RFC 5424 have it. Without a time it is too likely something
/// else in angle brackets, unless the version and the dash of RFC 5424 say that the time is unknown.
fn syslog<'a>(context: &TextContext, bytes: &[u8], at: usize) -> Option<Parsed<'a>> {
    let rest = bytes[at..].strip_prefix(b"<")?;
    let length = rest.iter().take(4).position(|byte| *byte == b'>')?;
    let (priority, message) = (&rest[..length], &rest[length + 1..]);
    let priority = priority.iter().try_fold(0, |number, byte| {
        byte.is_ascii_digit().then_some(number * 10 + u32::from(byte.wrapping_sub(b'0')))
    })?;
    if length == 0 || priority > 191 {
        return None;
    }
    let level = Some(level::of_syslog_priority(priority));
    let message = message.strip_prefix(b"1 ").unwrap_or(message);
    if message.starts_with(b"- ") {
        return Some(Parsed { level, ..Parsed::default() });
    }
    Some(dated(timestamp::read(context, message)?, level))
}

/// Reads `I1123 12:00:00.123456`, as Google's logging library writes.
fn glog<'a>(context: &TextContext, text: &'a str, at: usize) -> Option<Parsed<'a>> {
    let (letter, rest) = text.as_bytes()[at..].split_first()?;
    let level = match letter {
        b'I' => LogLevel::Info,
        b'W' => LogLevel::Warning,
        b'E' => LogLevel::Error,
        b'F' => LogLevel::Critical,
        _ => return None,
    };
    let stamp = timestamp::read_glog(context, rest)?;
    Some(dated(stamp, Some(WrittenLevel { text: &text[at..=at], level })))
}

#[cfg(test)]
mod tests;
