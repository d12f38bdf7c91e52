//! The lines of a record, joined. As long as the text is nothing but the bytes it is borrowed.

use std::borrow::Cow;

use super::{Record, clean::CleanLine, lines::RawLine};

/// A record that takes lines.
#[derive(Debug)]
pub(super) struct Joined<'a> {
    bytes: &'a [u8],
    start: usize,
    text: Text<'a>,
    lines: u32,
    invalid_sequences: u32,
    nuls: u32,
    is_cut: bool,
    /// Where its last line ends.
    end: usize,
    /// Where its last line that is not blank ends: what is kept of it, and the whole of it.
    visible: (usize, usize),
    /// Where its last line ends, with its line end.
    next: usize,
}

#[derive(Debug)]
enum Text<'a> {
    /// That of its only line, which is not blank.
    One { text: Cow<'a, str>, is_verbatim: bool },
    /// The bytes of all its lines.
    Verbatim,
    /// Put together; `visible` is its length up to the last line that is not blank.
    Own { text: String, visible: usize },
}

impl<'a> Joined<'a> {
    /// Begins with a line that is not blank and counts for so many lines.
    #[inline]
    pub(super) fn new(bytes: &'a [u8], line: &RawLine, clean: CleanLine<'a>, lines: u32) -> Self {
        Self {
            bytes,
            start: line.start,
            text: Text::One { text: clean.text, is_verbatim: clean.is_verbatim },
            lines,
            invalid_sequences: clean.invalid_sequences,
            nuls: clean.nuls,
            is_cut: clean.is_cut,
            end: line.end,
            visible: (clean.kept_end, line.end),
            next: line.next,
        }
    }

    /// Where it begins.
    pub(super) fn start(&self) -> usize {
        self.start
    }

    /// Where what follows it begins.
    pub(super) fn next(&self) -> usize {
        self.next
    }

    /// How many lines it has.
    pub(super) fn lines(&self) -> u32 {
        self.lines
    }

    /// Adds a line. Of the `skipped` lines before it only the bytes belong to the record.
    pub(super) fn push(&mut self, line: &RawLine, clean: &CleanLine<'_>, is_blank: bool, skipped: u32) {
        self.lines += 1 + skipped;
        self.invalid_sequences += clean.invalid_sequences;
        self.nuls += clean.nuls;
        self.is_cut |= clean.is_cut;
        let is_adjacent = clean.is_verbatim && line.start == self.end + 1;
        match &mut self.text {
            Text::One { is_verbatim: true, .. } | Text::Verbatim if is_adjacent => self.text = Text::Verbatim,
            Text::One { text, .. } => self.text = Text::own(text, text.len(), &clean.text, is_blank),
            Text::Verbatim => {
                let text = verbatim(&self.bytes[self.start..self.end]);
                self.text = Text::own(text, self.visible.1 - self.start, &clean.text, is_blank);
            }
            Text::Own { text, visible } => push_line(text, visible, &clean.text, is_blank),
        }
        (self.end, self.next) = (line.end, line.next);
        if !is_blank {
            self.visible = (clean.kept_end, line.end);
        }
    }

    /// The record, as it is now.
    #[inline]
    pub(super) fn finish(self) -> Record<'a> {
        let (kept_end, whole_end) = self.visible;
        let text = match self.text {
            Text::One { text, .. } => text,
            Text::Verbatim => Cow::Borrowed(verbatim(&self.bytes[self.start..whole_end])),
            Text::Own { mut text, visible } => {
                text.truncate(visible);
                Cow::Owned(text)
            }
        };
        Record {
            start: self.start,
            next: self.next,
            raw: &self.bytes[self.start..kept_end],
            text,
            lines: self.lines,
            invalid_sequences: self.invalid_sequences,
            nuls: self.nuls,
            cut_from: self.is_cut.then_some((whole_end - self.start) as u64),
            is_partial: false,
            is_split: false,
            is_continuation: false,
        }
    }
}

impl Text<'_> {
    fn own(first: &str, visible: usize, line: &str, is_blank: bool) -> Self {
        let mut text = String::with_capacity((first.len() + line.len()) * 2);
        text.push_str(first);
        let mut visible = visible;
        push_line(&mut text, &mut visible, line, is_blank);
        Self::Own { text, visible }
    }
}

fn push_line(text: &mut String, visible: &mut usize, line: &str, is_blank: bool) {
    text.push('\n');
    text.push_str(line);
    if !is_blank {
        *visible = text.len();
    }
}

fn verbatim(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).expect("each of its lines was valid, and line feeds are")
}
