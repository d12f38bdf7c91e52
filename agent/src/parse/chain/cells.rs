//! The cells of one row of a table, quoted as RFC 4180 has it.

use std::borrow::Cow;

/// Walks through the cells of a row. A quote that does not close makes the row none.
#[derive(Debug, Clone)]
pub(super) struct Cells<'a> {
    text: &'a str,
    separator: u8,
    at: usize,
    has_ended: bool,
    /// A quote was opened and not closed.
    pub(super) is_torn: bool,
}

impl<'a> Cells<'a> {
    pub(super) fn of(text: &'a str, separator: u8) -> Self {
        let text = text.strip_suffix('\n').unwrap_or(text);
        let text = text.strip_suffix('\r').unwrap_or(text);
        Self { text, separator, at: 0, has_ended: false, is_torn: false }
    }

    /// A cell that begins with a quote. What stands between the closing quote and the separator is kept, as other
    /// readers do.
    fn quoted(&mut self, open: usize) -> Cow<'a, str> {
        let bytes = self.text.as_bytes();
        let mut owned: Option<String> = None;
        let mut from = open + 1;
        let mut at = from;
        loop {
            let Some(length) = memchr::memchr(b'"', &bytes[at..]) else {
                self.is_torn = true;
                self.has_ended = true;
                return Cow::Borrowed("");
            };
            let quote = at + length;
            if bytes.get(quote + 1) == Some(&b'"') {
                owned.get_or_insert_default().push_str(&self.text[from..=quote]);
                from = quote + 2;
                at = from;
                continue;
            }
            let end = self.end_of_plain(quote + 1);
            self.leave(end);
            let inside = &self.text[from..quote];
            let after = self.text[quote + 1..end].trim_end();
            return match owned {
                None if after.is_empty() => Cow::Borrowed(inside),
                owned => Cow::Owned(owned.unwrap_or_default() + inside + after),
            };
        }
    }

    fn end_of_plain(&self, from: usize) -> usize {
        let rest = &self.text.as_bytes()[from..];
        memchr::memchr2(self.separator, b'\n', rest).map_or(self.text.len(), |length| from + length)
    }

    fn leave(&mut self, end: usize) {
        self.has_ended = self.text.as_bytes().get(end) != Some(&self.separator);
        self.at = end + 1;
    }
}

impl<'a> Iterator for Cells<'a> {
    type Item = Cow<'a, str>;

    fn next(&mut self) -> Option<Cow<'a, str>> {
        if self.has_ended {
            return None;
        }
        let blanks = |byte: &&u8| **byte == b' ' && self.separator != b' ';
        let open = self.at + self.text.as_bytes()[self.at..].iter().take_while(blanks).count();
        if self.text.as_bytes().get(open) == Some(&b'"') {
            let cell = self.quoted(open);
            return (!self.is_torn).then_some(cell);
        }
        let end = self.end_of_plain(self.at);
        let cell = self.text[self.at..end].trim();
        self.leave(end);
        Some(Cow::Borrowed(cell))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{prop_assert_eq, proptest};

    use super::Cells;

    #[track_caller]
    fn check(row: &str, separator: char, expected: &[&str]) {
        let mut cells = Cells::of(row, separator as u8);
        let found: Vec<String> = cells.by_ref().map(std::borrow::Cow::into_owned).collect();
        assert_eq!(found, expected, "{row}");
    }

    #[test]
    fn cells_with_quotes_and_without() {
        check("a,b,,d", ',', &["a", "b", "", "d"]);
        check("a,b,\r\n", ',', &["a", "b", ""]);
        check("", ',', &[""]);
        check("\"a,b\",\"say \"\"no\"\"\",c", ',', &["a,b", "say \"no\"", "c"]);
        check("1,5; \"x\" ; y", ';', &["1,5", "x", "y"]);
        check("a\t\tc", '\t', &["a", "", "c"]);
        check("5\" pipe,b", ',', &["5\" pipe", "b"]);
        check("\"two\nlines\",b", ',', &["two\nlines", "b"]);
        let mut torn = Cells::of("a,\"b", b',');
        assert_eq!(torn.by_ref().count(), 1);
        assert!(torn.is_torn);
    }

    proptest! {
        /// Against another reader, for rows as RFC 4180 has them.
        #[test]
        fn cells_are_those_of_csv_core(cells in proptest::collection::vec("[a-z\",; é\n]{0,6}", 1..5)) {
            let cells: Vec<&str> = cells.iter().map(|cell| cell.trim()).collect();
            let quoted: Vec<String> = cells.iter().map(|cell| format!("\"{}\"", cell.replace('"', "\"\""))).collect();
            let row = quoted.join(",");
            let (mut output, mut ends) = ([0; 512], [0; 16]);
            let mut reader = csv_core::Reader::new();
            let (_, _, _, _) = reader.read_record(row.as_bytes(), &mut output, &mut ends);
            let (_, _, _, count) = reader.read_record(&[], &mut output[400..], &mut ends[cells.len() - 1..]);
            prop_assert_eq!(count, 1);
            let found: Vec<_> = Cells::of(&row, b',').map(std::borrow::Cow::into_owned).collect();
            prop_assert_eq!(&found, &cells);
            let mut from = 0;
            for (cell, end) in cells.iter().zip(ends).take(cells.len() - 1) {
                prop_assert_eq!(cell.as_bytes(), &output[from..end]);
                from = end;
            }
        }
    }
}
