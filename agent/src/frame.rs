//! Bytes to records: the lines of a window of a file, grouped as the config says.
//!
//! Framing is a pure function of the bytes from a place on, the config, the charset, the cuts and a small state. Any cut of
//! the bytes into windows gives the same records, and so does beginning again at an earlier place with the state of then.
//! What is given out covers the bytes without gap or overlap.

mod ansi;
mod clean;
mod compile;
mod group;
mod join;
mod lines;
mod object;
mod pattern;
mod section;
mod state;
mod step;

use std::{borrow::Cow, time::Duration};

pub(crate) use compile::FrameConfigError;
pub(crate) use lines::Ending;
#[cfg(test)]
use lines::LineEnd;
pub(crate) use section::RecordSection;
pub(crate) use state::FrameState;

use self::{
    group::Grouping,
    pattern::LinePattern,
    section::{Ansi, CarriageReturn, Orphans},
};

/// A piece of a file.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Window<'a> {
    /// The bytes.
    pub bytes: &'a [u8],
    /// The offset in the file of the first of them.
    pub base: u64,
    /// The file ends here, as far as is known.
    pub is_end: bool,
}

/// What lies at a place of a window.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Step<'a> {
    /// A record.
    Record(Record<'a>),
    /// Bytes that make no record.
    Aside(Aside<'a>),
    /// Nothing that could be given out yet.
    Open(Open),
}

/// One record. Places are indices into the window.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Record<'a> {
    /// Where its first line begins.
    pub start: usize,
    /// Where what follows it begins.
    pub next: usize,
    /// Its bytes, from the first of its first line to the last of its last line that is not blank, without that one's line
    /// end. Of a line that is cut, what is kept.
    pub raw: &'a [u8],
    /// Its text, its lines joined by line feeds.
    pub text: Cow<'a, str>,
    /// How many lines it has; 0 for the rest of a line whose beginning was given out before.
    pub lines: u32,
    /// Invalid sequences that were replaced by U+FFFD.
    pub invalid_sequences: u32,
    /// NUL characters that were left out.
    pub nuls: u32,
    /// Its whole length in bytes, where only the beginning of a line was kept.
    pub cut_from: Option<u64>,
    /// It ends within a line, at a cut.
    pub is_partial: bool,
    /// It was ended by a limit; more of it may follow.
    pub is_split: bool,
    /// It goes on with the record before it, which was ended by a limit or a cut.
    pub is_continuation: bool,
}

/// Bytes that make no record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Aside<'a> {
    /// Where they begin.
    pub start: usize,
    /// Where what follows them begins.
    pub next: usize,
    /// Why they make no record.
    pub kind: AsideKind,
    /// Their text; empty for blank lines and NULs.
    pub text: Cow<'a, str>,
    /// How many lines they are: 0 for NULs and for the rest of a line whose beginning was given out before, also if that
    /// is only its line end; else 1.
    pub lines: u32,
}

/// Why bytes make no record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum AsideKind {
    /// A line without text, outside of a record.
    Blank,
    /// A line of the file's header.
    Header,
    /// The line that names the columns of a table.
    Columns,
    /// A line before the first record, where `preamble = "skip"`.
    Preamble,
    /// A line that only separates records.
    Separator,
    /// A line that `skip` matches, or between records where `between = "skip"`.
    Skipped,
    /// NULs between lines. A run may be given out in pieces.
    Nul,
}

/// An unfinished record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Open {
    /// Where it begins in the window; bytes before it are done with.
    pub from: usize,
    /// What would finish it.
    pub needs: Needs,
}

/// What would finish a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Needs {
    /// More of the file.
    MoreBytes,
    /// Its lines are complete and the file ends behind them; only whether there are more of them is not known.
    RecordEnd,
    /// A run of NULs, in which something may still be written.
    NulRun {
        /// Where in the window it begins.
        at: usize,
        /// Where in the window it ends.
        end: usize,
        /// Nothing lies behind it in the window.
        is_tail: bool,
    },
}

/// How the lines of a file make records: a `[files.record]` section, checked and compiled.
#[derive(Debug, Clone)]
pub(crate) struct Framing {
    carriage_return: CarriageReturn,
    ansi: Ansi,
    grouping: Grouping,
    header: Header,
    has_columns: bool,
    preamble: Orphans,
    between: Orphans,
    skip: Vec<LinePattern>,
    lines_max: u32,
    bytes_max: usize,
    line_bytes_max: usize,
    flush_after: Duration,
    /// Each line is a record, and none is treated in a special way.
    is_plain: bool,
}

/// Where a file's header ends.
#[derive(Debug, Clone)]
enum Header {
    None,
    Lines(u32),
    Until { pattern: LinePattern, count: u32 },
}

impl Framing {
    /// Whether each line is a record, and none is treated in a special way.
    pub(crate) fn is_plain(&self) -> bool {
        self.is_plain
    }

    /// How long a record whose lines are complete waits for more of them.
    pub(crate) fn flush_after(&self) -> Duration {
        self.flush_after
    }

    /// The smallest window, in bytes, in which only a single endless line can fail to end.
    pub(crate) fn window_bytes_min(&self) -> usize {
        2 * (self.bytes_max + self.line_bytes_max) + 8
    }

    /// A line that is longer is judged by its beginning only, whether or not its end is in the window.
    fn whole_line_bytes_max(&self) -> usize {
        self.bytes_max + self.line_bytes_max
    }
}

#[cfg(test)]
mod tests;
