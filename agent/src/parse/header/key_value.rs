//! Levels after a key: `level=info`, `severity="ERROR"`.

use super::super::level::{self, WrittenLevel};

const KEYS: [&[u8]; 6] = [b"level=", b"lvl=", b"loglevel=", b"log_level=", b"log.level=", b"severity="];

/// The level after a key for levels at `at`, in quotes or without, and where it ends. The key says that it is one, so
/// it may be in any case.
pub(super) fn read(text: &str, at: usize) -> Option<(WrittenLevel<'_>, usize)> {
    let rest = &text.as_bytes()[at..];
    if !matches!(rest.first()?, b'l' | b's') {
        return None;
    }
    let key = KEYS.into_iter().find(|key| rest.starts_with(key))?;
    let quote = rest.get(key.len()).copied().filter(|byte| matches!(byte, b'"' | b'\''));
    let start = key.len() + usize::from(quote.is_some());
    let length = rest[start..].iter().take_while(|byte| byte.is_ascii_alphabetic()).count();
    let end = start + length;
    let is_whole = match (quote, rest.get(end)) {
        (Some(quote), next) => next == Some(&quote),
        (None, Some(next)) => b" \t\r\n,;|])}".contains(next),
        (None, None) => true,
    };
    let level = level::of_any_case(&rest[start..end]).filter(|_| is_whole)?;
    Some((WrittenLevel { text: &text[at + start..at + end], level }, at + end + usize::from(quote.is_some())))
}
