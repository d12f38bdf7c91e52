//! One step: what begins at a place of a window, from its first line to where it ends.

use std::{borrow::Cow, mem};

use super::{
    Aside, AsideKind, FrameState, Framing, Header, Needs, Open, Orphans, Record, Step, Window,
    clean::is_blank,
    group::{Follows, Group, Kind, Role},
    join::Joined,
    lines::{Ending, Found, Lines, RawLine},
    state::Within,
};
use crate::decode::Charset;

/// What a first line makes.
enum First<'a> {
    Aside(Aside<'a>),
    Group(Joined<'a>, Group),
}

/// Why a record ends.
#[derive(Clone, Copy)]
enum End {
    /// By what the config says.
    Complete { is_start_next: bool },
    /// By a limit.
    Limit,
    /// At a cut, after a line that ends so.
    Cut(Ending),
}

impl Framing {
    /// What lies at index `at` of the window. `cuts` are the file offsets, sorted, at which unfinished records were given
    /// out before: there a record that is still open ends, in all times to come.
    ///
    /// The state is changed only when a record or an aside is given out; it is then the state at `next`. With UTF-16 the
    /// file offset of `at` is even, as that of every `next` is. `cuts` within a unit count for the unit's beginning.
    pub(crate) fn step<'a>(
        &self,
        charset: Charset,
        window: &Window<'a>,
        at: usize,
        cuts: &[u64],
        state: &mut FrameState,
    ) -> Step<'a> {
        if self.is_plain
            && state.within == Within::NoLine
            && charset.is_utf8()
            && cuts.last().is_none_or(|cut| *cut <= window.base + at as u64)
            && let Some(record) = self.plain_line(window.bytes, at)
        {
            return Step::Record(record);
        }
        let lines = Lines::new(self, charset, window, at, cuts, state.skips_nuls_to);
        let mut after = *state;
        let step = self.step_of(charset, window, &lines, at, &mut after);
        if !matches!(step, Step::Open(_)) {
            *state = after;
        }
        step
    }

    /// The record, or aside, that an endless line makes, which has no end in a whole window. `beginning` holds its first
    /// `line_bytes_max` + 8 bytes or more, but no line end; `content_bytes` is its whole length, without its line end, and
    /// `ending` is as `find_line_end` found it. The places in the record are indices into `beginning`; the caller knows
    /// where the next line begins.
    pub(crate) fn line_of_beginning<'a>(
        &self,
        charset: Charset,
        beginning: &'a [u8],
        content_bytes: u64,
        ending: Ending,
        state: &mut FrameState,
    ) -> Step<'a> {
        let end = beginning.len();
        let line = RawLine { start: 0, end, next: end, has_nuls: true, ending, is_endless: true };
        match self.first(charset, beginning, &line, state) {
            First::Aside(aside) => Step::Aside(aside),
            First::Group(joined, group) => {
                let end = self.end_after_first(&line, &group).unwrap_or(End::Limit);
                let mut record = finish(joined, &group, end, state);
                record.cut_from = Some(content_bytes);
                Step::Record(record)
            }
        }
    }

    /// The file offset at which a record that is open should be cut, so that no character is: the end of the window, or
    /// where NULs begin. `None` when there is nothing to give out.
    pub(crate) fn cut_place(&self, charset: Charset, window: &Window<'_>, open: &Open) -> Option<u64> {
        let end = if let Needs::NulRun { at, .. } = open.needs { at } else { window.bytes.len() };
        let end = end - (end - open.from) % charset.unit();
        let mut line_start = open.from;
        let before = Window { bytes: &window.bytes[..end], ..*window };
        while let Some(line_end) = self.find_line_end(charset, &before, line_start, &[]) {
            line_start = line_end.next;
        }
        let line = &window.bytes[line_start..end];
        // Half a character alone is given out all the same: it may be all there ever is.
        let whole = line_start + charset.cut_between_characters(line, line.len());
        let cut = if whole > open.from { whole } else { end };
        (cut > open.from).then_some(window.base + cut as u64)
    }

    /// The short way for nearly every line: visible from its first byte on, valid, and with an end. It leaves the state as
    /// it is, and gives what the long way gives.
    #[inline]
    fn plain_line<'a>(&self, bytes: &'a [u8], at: usize) -> Option<Record<'a>> {
        let rest = &bytes[at..];
        let length = memchr::memchr2(b'\n', 0, rest)?;
        let line = rest[..length].strip_suffix(b"\r").unwrap_or(&rest[..length]);
        if rest[length] == 0 || line.len() > self.line_bytes_max || !line.first()?.is_ascii_graphic() {
            return None;
        }
        let text = std::str::from_utf8(line).ok()?;
        Some(Record {
            start: at,
            next: at + length + 1,
            raw: line,
            text: Cow::Borrowed(text),
            lines: 1,
            invalid_sequences: 0,
            nuls: 0,
            cut_from: None,
            is_partial: false,
            is_split: false,
            is_continuation: false,
        })
    }

    #[inline]
    fn step_of<'a>(
        &self,
        charset: Charset,
        window: &Window<'a>,
        lines: &Lines<'a>,
        at: usize,
        after: &mut FrameState,
    ) -> Step<'a> {
        let open = |needs| Step::Open(Open { from: at, needs });
        if after.within != Within::NoLine {
            match lines.rest_of_line_end(at, after.within == Within::CarriageReturn) {
                Err(()) => return open(Needs::MoreBytes),
                Ok(Some(next)) => {
                    after.within = Within::NoLine;
                    return Step::Aside(aside(AsideKind::Blank, at, next, "".into(), 0));
                }
                Ok(None) => {}
            }
        }
        if let Some(next) = lines.skippable_nuls(at) {
            after.within = Within::NoLine;
            return Step::Aside(aside(AsideKind::Nul, at, next, "".into(), 0));
        }
        let line = match lines.line(at) {
            Found::Line(line) => line,
            Found::Nuls { at, end, is_tail } => return open(Needs::NulRun { at, end, is_tail }),
            Found::Cut | Found::Unfinished => return open(Needs::MoreBytes),
        };
        match self.first(charset, lines.bytes, &line, after) {
            First::Aside(aside) => Step::Aside(aside),
            First::Group(joined, group) => match self.end_after_first(&line, &group) {
                Some(end) => Step::Record(finish(joined, &group, end, after)),
                None => match self.following(charset, lines, joined, group) {
                    Ok((joined, group, end)) => Step::Record(finish(joined, &group, end, after)),
                    Err(Needs::RecordEnd) if !window.is_end => open(Needs::MoreBytes),
                    Err(needs) => open(needs),
                },
            },
        }
    }

    /// Whether the record ends with its first line.
    fn end_after_first(&self, line: &RawLine, group: &Group) -> Option<End> {
        if line.ending != Ending::Whole {
            Some(End::Cut(line.ending))
        } else if group.is_closed {
            Some(End::Complete { is_start_next: false })
        } else {
            // Whatever followed would exceed the limit.
            (line.end - line.start > self.bytes_max).then_some(End::Limit)
        }
    }

    /// Takes the lines that follow the first, to where the record ends.
    fn following<'a>(
        &self,
        charset: Charset,
        lines: &Lines<'a>,
        mut joined: Joined<'a>,
        mut group: Group,
    ) -> Result<(Joined<'a>, Group, End), Needs> {
        let start = joined.start();
        let mut at = joined.next();
        // Lines that are skipped, and blank ones behind them: they are the record's only if more of it follows.
        let mut pending = 0;
        let mut ahead = group;
        loop {
            let line = match lines.line(at) {
                Found::Line(line) => line,
                Found::Cut => return Ok((joined, group, End::Cut(Ending::Whole))),
                // NULs so far behind a line's beginning need not be seen to know that the record ends before it.
                Found::Nuls { at: nuls, .. } if nuls - at > self.whole_line_bytes_max() => lines.beginning(at),
                Found::Nuls { at, end, is_tail } => return Err(Needs::NulRun { at, end, is_tail }),
                Found::Unfinished if lines.bytes.len() - at > self.whole_line_bytes_max() + 1 => lines.beginning(at),
                Found::Unfinished if at == lines.bytes.len() => return Err(Needs::RecordEnd),
                Found::Unfinished => return Err(Needs::MoreBytes),
            };
            let clean = self.clean(charset, lines.bytes, &line);
            let is_partial = line.ending == Ending::Cut;
            let is_blank = is_blank(&clean.text);
            let is_skipped = self.skips(&clean.text);
            if !is_skipped
                && let Follows::Ended { is_start } = self.grouping.follow(&mut ahead, &clean.text, is_blank, is_partial)
            {
                let is_start_next = is_start && pending == 0;
                return Ok((joined, group, End::Complete { is_start_next }));
            }
            if joined.lines() + pending >= self.lines_max || line.end - start > self.bytes_max {
                return Ok((joined, group, End::Limit));
            }
            if is_skipped || (is_blank && pending > 0 && !ahead.is_closed) {
                if line.ending != Ending::Whole {
                    return Ok((joined, group, End::Cut(Ending::Whole)));
                }
                pending += 1;
                at = line.next;
                continue;
            }
            if clean.is_cut {
                self.grouping.close_if_unreadable(&mut ahead);
            }
            joined.push(&line, &clean, is_blank, mem::take(&mut pending));
            group = ahead;
            at = line.next;
            if line.ending != Ending::Whole {
                return Ok((joined, group, End::Cut(line.ending)));
            }
            if group.is_closed {
                return Ok((joined, group, End::Complete { is_start_next: false }));
            }
        }
    }

    fn first<'a>(&self, charset: Charset, bytes: &'a [u8], line: &RawLine, after: &mut FrameState) -> First<'a> {
        let clean = self.clean(charset, bytes, line);
        let is_partial = line.ending == Ending::Cut;
        let is_blank = is_blank(&clean.text);
        let within = mem::take(&mut after.within);
        if line.ending == Ending::CarriageReturn {
            after.within = Within::CarriageReturn;
        }
        let (kind, lines) = match within {
            Within::Aside(kind) => (kind, 0),
            Within::Record if is_blank => {
                if is_partial {
                    after.within = Within::Record;
                }
                (AsideKind::Blank, 0)
            }
            Within::Record => {
                let group = self.grouping.resume(&clean.text, is_partial, after);
                return First::Group(Joined::new(bytes, line, clean, 0), group);
            }
            Within::NoLine | Within::CarriageReturn => match self.classify(&clean.text, is_blank, is_partial, after) {
                Ok(mut group) => {
                    if clean.is_cut {
                        self.grouping.close_if_unreadable(&mut group);
                    }
                    return First::Group(Joined::new(bytes, line, clean, 1), group);
                }
                Err(kind) => (kind, 1),
            },
        };
        // What goes on behind a cut is of the same kind; only blanks say nothing of what follows them.
        if is_partial && kind != AsideKind::Blank {
            after.within = Within::Aside(kind);
        }
        let text = if kind == AsideKind::Blank { "".into() } else { clean.text };
        First::Aside(aside(kind, line.start, line.next, text, lines))
    }

    /// What a whole line, or the beginning of one, makes where no record is open.
    #[inline]
    fn classify(
        &self,
        text: &str,
        is_blank: bool,
        is_partial: bool,
        after: &mut FrameState,
    ) -> Result<Group, AsideKind> {
        let is_start_known = mem::take(&mut after.is_start_next);
        if self.takes_header(text, after) {
            return Err(AsideKind::Header);
        }
        if self.skips(text) {
            return Err(AsideKind::Skipped);
        }
        if self.has_columns && !after.has_columns && !is_blank {
            after.has_columns = true;
            return Err(AsideKind::Columns);
        }
        let is_preamble_skipped = self.preamble == Orphans::Skip && !after.has_started;
        if is_blank {
            let is_separator = self.grouping.pass_blank(text, is_start_known, after);
            return Err(match (is_separator, is_preamble_skipped && !after.has_started) {
                (true, _) => AsideKind::Separator,
                (_, true) => AsideKind::Preamble,
                _ => AsideKind::Blank,
            });
        }
        match self.grouping.begin(text, is_partial, is_start_known, after) {
            Role::Separates => Err(AsideKind::Separator),
            Role::Begins(group) if group.kind == Kind::Value || group.is_continuation => Ok(group),
            Role::Begins(_) if is_preamble_skipped => Err(AsideKind::Preamble),
            Role::Begins(_) if after.has_started && self.between == Orphans::Skip => Err(AsideKind::Skipped),
            Role::Begins(group) => Ok(group),
        }
    }

    #[inline]
    fn takes_header(&self, text: &str, after: &mut FrameState) -> bool {
        if after.is_beyond_header {
            return false;
        }
        let (is_counted, count) = match &self.header {
            Header::None => return false,
            Header::Lines(count) => (true, *count),
            Header::Until { pattern, count } => (pattern.matches(text), *count),
        };
        after.header_seen += u32::from(is_counted);
        after.is_beyond_header = after.header_seen >= count;
        true
    }

    #[inline]
    fn skips(&self, text: &str) -> bool {
        self.skip.iter().any(|pattern| pattern.matches(text))
    }
}

fn finish<'a>(joined: Joined<'a>, group: &Group, end: End, after: &mut FrameState) -> Record<'a> {
    let mut record = joined.finish();
    record.is_continuation = group.is_continuation;
    match end {
        End::Complete { is_start_next } => {
            after.is_start_next = is_start_next;
            after.open = None;
        }
        End::Limit => {
            record.is_split = true;
            after.open = group.remembered(true);
        }
        End::Cut(ending) => {
            record.is_partial = ending == Ending::Cut;
            after.open = group.remembered(false);
            after.within = match ending {
                Ending::Whole => Within::NoLine,
                Ending::CarriageReturn => Within::CarriageReturn,
                Ending::Cut => Within::Record,
            };
        }
    }
    record
}

fn aside(kind: AsideKind, start: usize, next: usize, text: Cow<'_, str>, lines: u32) -> Aside<'_> {
    Aside { start, next, kind, text, lines }
}
