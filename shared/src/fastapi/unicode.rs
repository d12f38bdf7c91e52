//! The text of a body. Python's `json` finds out by itself in which of Unicode's forms a body is, as RFC 4627 has it.

use std::borrow::Cow;

/// Reads UTF-8, or UTF-16 or UTF-32 of either order, with or without a mark; nothing if the bytes are not valid.
pub(super) fn decode(bytes: &[u8]) -> Option<Cow<'_, str>> {
    let (unit, is_big, mark) = form(bytes);
    let bytes = &bytes[mark..];
    if unit == 1 {
        return std::str::from_utf8(bytes).ok().map(Cow::Borrowed);
    }
    let units = bytes.chunks_exact(unit);
    if !units.remainder().is_empty() {
        return None;
    }
    let number = |unit: &[u8]| {
        let mut digits: Vec<u8> = unit.to_vec();
        if !is_big {
            digits.reverse();
        }
        digits.into_iter().fold(0_u32, |number, digit| number << 8 | u32::from(digit))
    };
    let text: Option<String> = match unit {
        2 => char::decode_utf16(units.map(|unit| number(unit) as u16)).map(Result::ok).collect(),
        _ => units.map(|unit| char::from_u32(number(unit))).collect(),
    };
    text.map(Cow::Owned)
}

/// Bytes of a unit, whether the first of them is the greatest, and the length of the mark.
fn form(bytes: &[u8]) -> (usize, bool, usize) {
    match bytes {
        [0x00, 0x00, 0xFE, 0xFF, ..] => (4, true, 4),
        [0xFF, 0xFE, 0x00, 0x00, ..] => (4, false, 4),
        [0xFE, 0xFF, ..] => (2, true, 2),
        [0xFF, 0xFE, ..] => (2, false, 2),
        [0xEF, 0xBB, 0xBF, ..] => (1, true, 3),
        // The first letter of JSON is of one byte: the others of its unit are zero.
        [0, 0, _, _, ..] => (4, true, 0),
        [0, _, ..] => (2, true, 0),
        [_, 0, 0, 0, ..] => (4, false, 0),
        [_, 0, ..] => (2, false, 0),
        _ => (1, true, 0),
    }
}

#[cfg(test)]
mod tests {
    use super::decode;

    #[test]
    fn every_form_is_known_by_its_first_bytes() {
        let text = "{\"ä\": \"🦀\"}";
        let utf16 = |big: bool| -> Vec<u8> {
            let unit = |unit: u16| if big { unit.to_be_bytes() } else { unit.to_le_bytes() };
            text.encode_utf16().flat_map(unit).collect()
        };
        let utf32 = |big: bool| -> Vec<u8> {
            let unit = |unit: char| if big { u32::from(unit).to_be_bytes() } else { u32::from(unit).to_le_bytes() };
            text.chars().flat_map(unit).collect()
        };
        let check = |bytes: &[u8], mark: &[u8]| {
            assert_eq!(decode(bytes).as_deref(), Some(text));
            assert_eq!(decode(&[mark, bytes].concat()).as_deref(), Some(text));
        };
        check(text.as_bytes(), b"\xEF\xBB\xBF");
        check(&utf16(true), b"\xFE\xFF");
        check(&utf16(false), b"\xFF\xFE");
        check(&utf32(true), b"\x00\x00\xFE\xFF");
        check(&utf32(false), b"\xFF\xFE\x00\x00");
        assert_eq!(decode(b"\xFF"), None);
        assert_eq!(decode(b"\xFF\xFE{"), None);
        assert_eq!(decode(b"\xFF\xFE\x00\xD8"), None);
        assert_eq!(decode(b"1").as_deref(), Some("1"));
    }
}
