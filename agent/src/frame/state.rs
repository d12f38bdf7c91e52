//! Where in a file framing is: what a place alone does not tell.

use serde::{Deserialize, Serialize};

use super::{AsideKind, group::Kind, object::Scan};

/// What framing remembers from one record to the next. It belongs into a mark, beside the offset; the default is right for
/// the beginning of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
// Each is a fact of its own; no two make a choice.
#[expect(clippy::struct_excessive_bools)]
pub(crate) struct FrameState {
    /// File offset up to which NULs may be skipped.
    #[serde(skip_serializing_if = "is_default")]
    pub(super) skips_nuls_to: u64,
    /// Lines of the header so far, or those that its pattern matched.
    #[serde(skip_serializing_if = "is_default")]
    pub(super) header_seen: u32,
    /// The header is over, whatever was seen of it.
    #[serde(skip_serializing_if = "is_default")]
    pub(super) is_beyond_header: bool,
    /// The line with the names of the columns was given out.
    #[serde(skip_serializing_if = "is_default")]
    pub(super) has_columns: bool,
    /// A record has begun as the config says: the preamble is over.
    #[serde(skip_serializing_if = "is_default")]
    pub(super) has_started: bool,
    /// The next line that is not NUL is known to begin a record.
    #[serde(skip_serializing_if = "is_default")]
    pub(super) is_start_next: bool,
    /// The place lies within a line, or directly behind a carriage return that ended one.
    #[serde(skip_serializing_if = "is_default")]
    pub(super) within: Within,
    /// The last record was ended by a limit or a cut, and what follows may belong to it.
    #[serde(skip_serializing_if = "is_default")]
    pub(super) open: Option<OpenGroup>,
}

/// What was cut just before the place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Within {
    /// Nothing: a line begins.
    #[default]
    NoLine,
    /// A line of a record.
    Record,
    /// A line that made no record.
    Aside(AsideKind),
    /// A carriage return ended a line at a cut; a line feed behind it belongs to that end.
    CarriageReturn,
}

/// What is known of a record of which only the beginning was given out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct OpenGroup {
    pub kind: Kind,
    /// Lines of it so far.
    pub lines: u32,
    /// Its last line ended in a backslash.
    pub is_to_be_continued: bool,
    /// How far its value is read.
    pub scan: Scan,
    /// A limit ended it: its value may never end, so one that clearly begins is taken as such.
    pub is_split: bool,
}

impl FrameState {
    /// The state for a place far within a file of which nothing was read: header, columns and preamble lie behind.
    pub(crate) fn within_file() -> Self {
        Self { is_beyond_header: true, has_columns: true, has_started: true, ..Self::default() }
    }

    /// Allows NULs before this file offset to be skipped: nothing will be written there any more.
    pub(crate) fn skip_nuls(&mut self, to: u64) {
        self.skips_nuls_to = self.skips_nuls_to.max(to);
    }
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}
