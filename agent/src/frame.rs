//! Bytes to records: lines that end in LF or CRLF.
//!
//! Framing is a pure function of the bytes and the limit: any cut of the bytes into reads gives the same lines.

/// One line, as it lies in a buffer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Line<'a> {
    /// Where it begins in the buffer.
    pub start: usize,
    /// Its bytes, without the line end; only the beginning where it is longer than the limit.
    pub bytes: &'a [u8],
    /// Its whole length in bytes, where that is more than the limit.
    pub cut_from: Option<u64>,
}

/// Takes the complete line that begins at `start`; also says where the next one begins. `None`: it has no end yet.
pub(crate) fn next_line(buffer: &[u8], start: usize, line_bytes_max: usize) -> Option<(Line<'_>, usize)> {
    let length = memchr::memchr(b'\n', buffer.get(start..)?)?;
    Some((line(&buffer[start..start + length], start, line_bytes_max), start + length + 1))
}

/// The line that these bytes are, without its carriage return and cut to the limit.
pub(crate) fn line(bytes: &[u8], start: usize, line_bytes_max: usize) -> Line<'_> {
    let bytes = bytes.strip_suffix(b"\r").unwrap_or(bytes);
    if bytes.len() <= line_bytes_max {
        return Line { start, bytes, cut_from: None };
    }
    Line { start, bytes: &bytes[..cut_at_character(bytes, line_bytes_max)], cut_from: Some(bytes.len() as u64) }
}

/// The largest length up to `limit` that does not cut a UTF-8 character in two.
fn cut_at_character(bytes: &[u8], limit: usize) -> usize {
    let is_continuation = |byte: u8| byte & 0b1100_0000 == 0b1000_0000;
    let mut cut = limit;
    while cut > 0 && limit - cut < 3 && is_continuation(bytes[cut]) {
        cut -= 1;
    }
    cut
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{line, next_line};

    fn frame(buffer: &[u8], limit: usize) -> Vec<(usize, Vec<u8>, Option<u64>)> {
        let mut lines = Vec::new();
        let mut at = 0;
        while let Some((line, next)) = next_line(buffer, at, limit) {
            lines.push((line.start, line.bytes.to_vec(), line.cut_from));
            at = next;
        }
        lines
    }

    #[test]
    fn lines_end_in_lf_or_crlf() {
        let check = |bytes: &str, expected: &[(usize, &str)]| {
            let expected: Vec<_> = expected.iter().map(|(at, text)| (*at, text.as_bytes().to_vec(), None)).collect();
            assert_eq!(frame(bytes.as_bytes(), 100), expected, "{bytes:?}");
        };
        check("a\nbc\r\n\nd", &[(0, "a"), (2, "bc"), (6, "")]);
        check("a\rb\r\r\n", &[(0, "a\rb\r")]);
        check("", &[]);
    }

    #[test]
    fn a_long_line_is_cut_between_characters_and_says_so() {
        assert_eq!(frame(b"abcdef\n", 4), [(0, b"abcd".to_vec(), Some(6))]);
        assert_eq!(line("aa€".as_bytes(), 0, 4).bytes, b"aa");
        assert_eq!(line("a€".as_bytes(), 0, 4).bytes, "a€".as_bytes());
    }

    proptest! {
        #[test]
        fn any_cut_gives_the_same_lines(bytes in prop::collection::vec(prop_oneof![Just(b'\n'), Just(b'\r'), any::<u8>()], 0..200), cut in 0_usize..200) {
            let whole = frame(&bytes, 20);
            let cut = cut.min(bytes.len());
            let mut lines = frame(&bytes[..cut], 20);
            let rest = bytes[..cut].iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
            lines.extend(frame(&bytes[rest..], 20).into_iter().map(|(at, bytes, from)| (at + rest, bytes, from)));
            prop_assert_eq!(lines, whole);
        }
    }
}
