//! The lines of a window: where they end, where a cut or a run of NULs stands in the way.

use super::{Framing, Window, section::CarriageReturn};
use crate::decode::{Charset, Unit};

const LINE_FEED: u8 = b'\n';
const CARRIAGE_RETURN: u8 = b'\r';

/// Finds lines in a window.
#[derive(Debug, Clone, Copy)]
pub(super) struct Lines<'a> {
    pub bytes: &'a [u8],
    base: u64,
    unit: Unit,
    /// Carriage returns end lines, too.
    is_split_at_returns: bool,
    skips_nuls_to: u64,
    /// The next cut, where it lies in the window.
    cut: Option<usize>,
}

/// One line in a window.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct RawLine {
    pub start: usize,
    /// Where its content ends, before its line end.
    pub end: usize,
    pub next: usize,
    /// NULs were skipped in it.
    pub has_nuls: bool,
    /// How it ends.
    pub ending: Ending,
    /// Only its beginning is there, and it is longer than any line that is looked at as a whole.
    pub is_endless: bool,
}

/// How a line ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ending {
    /// With a line end.
    Whole,
    /// At a cut, directly behind a carriage return that ends it; the other half of that end may follow.
    CarriageReturn,
    /// At a cut, within the line.
    Cut,
}

/// What is found where a line should begin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Found {
    Line(RawLine),
    /// A cut lies exactly here.
    Cut,
    /// NULs that may not be skipped yet.
    Nuls {
        at: usize,
        end: usize,
        is_tail: bool,
    },
    /// The line has no end in the window.
    Unfinished,
}

impl<'a> Lines<'a> {
    pub(super) fn new(
        framing: &Framing,
        charset: Charset,
        window: &Window<'a>,
        at: usize,
        cuts: &[u64],
        skips_nuls_to: u64,
    ) -> Self {
        let unit = charset.units();
        let place = window.base + at as u64;
        // A cut within a unit counts for the unit's beginning.
        let whole = |cut: u64| cut - (cut - place) % unit.bytes() as u64;
        let behind = &cuts[cuts.partition_point(|cut| *cut <= place)..];
        let cut = behind.iter().map(|cut| whole(*cut)).find(|cut| *cut > place);
        let cut = cut.map(|cut| cut - window.base).filter(|cut| *cut <= window.bytes.len() as u64);
        Self {
            bytes: window.bytes,
            base: window.base,
            unit,
            is_split_at_returns: framing.carriage_return == CarriageReturn::Newline,
            skips_nuls_to,
            cut: cut.map(|cut| cut as usize),
        }
    }

    /// The line that begins at `start`.
    #[inline]
    pub(super) fn line(&self, start: usize) -> Found {
        let limit = self.cut.unwrap_or(self.bytes.len());
        if self.cut == Some(start) {
            return Found::Cut;
        }
        let width = self.unit.bytes();
        let mut has_nuls = false;
        let mut from = start;
        let line = |end, next, has_nuls, ending| {
            Found::Line(RawLine { start, end, next, has_nuls, ending, is_endless: false })
        };
        while let Some(at) = self.find_special(from, limit) {
            if self.is(at, LINE_FEED) {
                let end = if at >= start + width && self.is(at - width, CARRIAGE_RETURN) { at - width } else { at };
                return line(end, at + width, has_nuls, Ending::Whole);
            }
            if self.is(at, CARRIAGE_RETURN) {
                let next = at + width;
                if next + width <= limit {
                    let is_pair = self.is(next, LINE_FEED);
                    return line(at, if is_pair { next + width } else { next }, has_nuls, Ending::Whole);
                }
                if self.cut == Some(next) {
                    return line(at, next, has_nuls, Ending::CarriageReturn);
                }
                return Found::Unfinished;
            }
            let end = self.nuls_end(at);
            let is_tail = end + width > self.bytes.len();
            // Who cuts behind NULs has given up waiting for what might be written there.
            let is_skipped = self.cut.is_some() || (!is_tail && self.base + end as u64 <= self.skips_nuls_to);
            if !is_skipped {
                return Found::Nuls { at, end, is_tail };
            }
            has_nuls = true;
            from = end.min(limit);
        }
        if self.cut.is_none() {
            return Found::Unfinished;
        }
        let is_pair_cut = limit >= start + width && self.is(limit - width, CARRIAGE_RETURN);
        line(if is_pair_cut { limit - width } else { limit }, limit, has_nuls, Ending::Cut)
    }

    /// Where the NULs that begin at `at` and may be skipped end, if any do.
    pub(super) fn skippable_nuls(&self, at: usize) -> Option<usize> {
        let width = self.unit.bytes();
        if at + width > self.bytes.len() || !self.is(at, 0) {
            return None;
        }
        let end = self.nuls_end(at);
        let allowed = self.skips_nuls_to.saturating_sub(self.base + at as u64) as usize / width * width;
        let end = self.cut.map_or(end.min(at.saturating_add(allowed)), |cut| end.min(cut));
        (end > at).then_some(end)
    }

    /// The line end that a line which was cut just before `at` still has, or the other half of one; `Err` while a
    /// carriage return waits for what follows it.
    pub(super) fn rest_of_line_end(&self, at: usize, is_half: bool) -> Result<Option<usize>, ()> {
        let width = self.unit.bytes();
        let has = |at: usize, byte: u8| at + width <= self.bytes.len() && self.is(at, byte);
        if has(at, LINE_FEED) {
            return Ok(Some(at + width));
        }
        if is_half || !has(at, CARRIAGE_RETURN) || self.cut == Some(at + width) {
            return Ok(None);
        }
        if at + 2 * width > self.bytes.len() {
            return Err(());
        }
        Ok(has(at + width, LINE_FEED).then_some(at + 2 * width))
    }

    /// What is there of a line that is longer than any that is looked at as a whole.
    pub(super) fn beginning(&self, start: usize) -> RawLine {
        let end = self.bytes.len() - (self.bytes.len() - start) % self.unit.bytes();
        RawLine { start, end, next: end, has_nuls: true, ending: Ending::Whole, is_endless: true }
    }

    fn is(&self, at: usize, byte: u8) -> bool {
        match self.unit {
            Unit::Byte => self.bytes[at] == byte,
            Unit::Little => self.bytes[at] == byte && self.bytes[at + 1] == 0,
            Unit::Big => self.bytes[at] == 0 && self.bytes[at + 1] == byte,
        }
    }

    #[inline]
    fn find_special(&self, from: usize, limit: usize) -> Option<usize> {
        let bytes = &self.bytes[from..limit];
        let found = match self.unit {
            Unit::Byte if self.is_split_at_returns => memchr::memchr3(LINE_FEED, CARRIAGE_RETURN, 0, bytes),
            Unit::Byte => memchr::memchr2(LINE_FEED, 0, bytes),
            Unit::Little => find_unit(bytes, u16::from_le_bytes, self.is_split_at_returns),
            Unit::Big => find_unit(bytes, u16::from_be_bytes, self.is_split_at_returns),
        };
        found.map(|at| from + at)
    }

    fn nuls_end(&self, at: usize) -> usize {
        let width = self.unit.bytes();
        let is_nul = |unit: &&[u8]| unit.iter().all(|byte| *byte == 0);
        at + width * self.bytes[at..].chunks_exact(width).take_while(is_nul).count()
    }
}

/// The index of the first unit that is a line feed, a NUL or, if asked for, a carriage return.
#[inline]
fn find_unit(bytes: &[u8], read: impl Fn([u8; 2]) -> u16, is_return_special: bool) -> Option<usize> {
    // Sixteen units at a time without a branch between them: the compiler compares them at once.
    const BLOCK: usize = 32;
    let other = if is_return_special { u16::from(CARRIAGE_RETURN) } else { 0 };
    let is_special = |unit: &[u8]| {
        let unit = read([unit[0], unit[1]]);
        unit == u16::from(LINE_FEED) || unit == 0 || unit == other
    };
    let blocks = bytes.chunks_exact(BLOCK);
    let quiet =
        blocks.take_while(|block| !block.chunks_exact(2).fold(false, |any, unit| any | is_special(unit))).count();
    let from = quiet * BLOCK;
    bytes[from..].chunks_exact(2).position(is_special).map(|at| from + at * 2)
}

/// Where an endless line ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct LineEnd {
    /// Where in the window its content ends.
    pub content_end: usize,
    /// Where in the window what follows it begins.
    pub next: usize,
    /// How it ends.
    pub ending: Ending,
}

impl Framing {
    /// Searches the end of an endless line, or a cut in it, from index `from` of the window on, which lies at a unit's
    /// beginning. Where this window does not hold it, search on in the next one from one unit before this one's end,
    /// because a line end may lie across.
    pub(crate) fn find_line_end(
        &self,
        charset: Charset,
        window: &Window<'_>,
        from: usize,
        cuts: &[u64],
    ) -> Option<LineEnd> {
        match Lines::new(self, charset, window, from, cuts, u64::MAX).line(from) {
            Found::Line(line) => Some(LineEnd { content_end: line.end, next: line.next, ending: line.ending }),
            Found::Cut | Found::Nuls { .. } | Found::Unfinished => None,
        }
    }
}
