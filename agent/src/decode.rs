//! Bytes to text: UTF-8, with what is not UTF-8 kept visible.

use std::borrow::Cow;

/// The mark that some programs write at the start of a file, and some before every line.
const BYTE_ORDER_MARK: &[u8] = b"\xEF\xBB\xBF";

/// The text of a record and how many invalid sequences in it were replaced by U+FFFD.
pub(crate) fn utf8(bytes: &[u8]) -> (Cow<'_, str>, u32) {
    if let Ok(text) = std::str::from_utf8(bytes) {
        return (Cow::Borrowed(text), 0);
    }
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

/// The record without a leading byte order mark.
pub(crate) fn without_byte_order_mark(bytes: &[u8]) -> &[u8] {
    bytes.strip_prefix(BYTE_ORDER_MARK).unwrap_or(bytes)
}

/// Why a file's content is not text in UTF-8, judged by its first bytes; `None` if it may well be.
pub(crate) fn reason_not_utf8(head: &[u8]) -> Option<&'static str> {
    if head.starts_with(b"\xFF\xFE") || head.starts_with(b"\xFE\xFF") {
        Some("utf-16")
    } else if head.contains(&0) {
        Some("binary")
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::{reason_not_utf8, utf8, without_byte_order_mark};

    #[test]
    fn invalid_bytes_stay_visible() {
        let check = |bytes: &[u8], text: &str, invalid: u32| {
            let (decoded, count) = utf8(bytes);
            assert_eq!((decoded.as_ref(), count), (text, invalid));
        };
        check("21 °C".as_bytes(), "21 °C", 0);
        check(b"21 \xB0C", "21 \u{FFFD}C", 1);
        check(b"\xFF\xFEa", "\u{FFFD}\u{FFFD}a", 2);
        check(b"cut \xE2\x82", "cut \u{FFFD}", 1);
        assert_eq!(without_byte_order_mark(b"\xEF\xBB\xBFx"), b"x");
    }

    #[test]
    fn what_is_no_text_is_told_by_its_head() {
        assert_eq!(reason_not_utf8(b"\xFF\xFEL\0"), Some("utf-16"));
        assert_eq!(reason_not_utf8(b"\x7fELF\0"), Some("binary"));
        assert_eq!(reason_not_utf8("plain °".as_bytes()), None);
    }
}
