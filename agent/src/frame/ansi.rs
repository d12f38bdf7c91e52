//! Escape sequences of terminals (ECMA-48), which programs write into logs when they believe to talk to a screen.

use std::borrow::Cow;

const ESCAPE: u8 = 0x1B;

/// The text without colours, cursor moves (`ESC [ ... letter`), titles and links (`ESC ] ... BEL` or `ESC ] ... ESC \`) and
/// character set switches (`ESC ( B`). What only begins like one is kept.
pub(super) fn strip(text: Cow<'_, str>) -> Cow<'_, str> {
    let Some(first) = memchr::memchr(ESCAPE, text.as_bytes()) else { return text };
    let mut stripped = String::with_capacity(text.len());
    stripped.push_str(&text[..first]);
    let mut rest = &text[first..];
    while !rest.is_empty() {
        let length = sequence(rest.as_bytes());
        let kept = if length > 0 { length } else { 1 };
        if length == 0 {
            stripped.push_str(&rest[..1]);
        }
        rest = &rest[kept..];
        let next = memchr::memchr(ESCAPE, rest.as_bytes()).unwrap_or(rest.len());
        stripped.push_str(&rest[..next]);
        rest = &rest[next..];
    }
    Cow::Owned(stripped)
}

/// The length of the sequence that these bytes begin with, 0 if it is none. They begin with ESC; sequences end in ASCII.
fn sequence(bytes: &[u8]) -> usize {
    let count = |from: usize, range: std::ops::RangeInclusive<u8>| {
        bytes[from..].iter().take_while(|byte| range.contains(byte)).count()
    };
    let is_final =
        |at: usize, range: std::ops::RangeInclusive<u8>| bytes.get(at).is_some_and(|byte| range.contains(byte));
    match bytes.get(1) {
        Some(b'[') => {
            let parameters = 2 + count(2, 0x30..=0x3F);
            let end = parameters + count(parameters, 0x20..=0x2F);
            if is_final(end, 0x40..=0x7E) { end + 1 } else { 0 }
        }
        Some(b']') => match memchr::memchr2(0x07, ESCAPE, &bytes[2..]) {
            Some(at) if bytes[2 + at] == 0x07 => at + 3,
            Some(at) if bytes.get(3 + at) == Some(&b'\\') => at + 4,
            _ => 0,
        },
        Some(0x20..=0x2F) => {
            let end = 1 + count(1, 0x20..=0x2F);
            if is_final(end, 0x30..=0x7E) { end + 1 } else { 0 }
        }
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::strip;

    #[test]
    fn escapes_are_removed() {
        let check = |text: &str, expected: &str| assert_eq!(strip(text.into()), expected);
        check("plain °", "plain °");
        check("dis\x1b[41mconnect\x1b[0m", "disconnect");
        check("\x1b[1;31m°\x1b[m\x1b[K", "°");
        check("\x1b]0;title\x07text", "text");
        check("\x1b]8;;http://x\x1b\\link\x1b]8;;\x1b\\", "link");
        check("\x1b(Btext", "text");
        check("cut \x1b[1;", "cut \x1b[1;");
        check("\x1b\x1b[0mé\x1b]open", "\x1bé\x1b]open");
        check("\x1b[°", "\x1b[°");
    }
}
