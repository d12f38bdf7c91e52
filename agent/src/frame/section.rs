//! `[files.record]`: how the lines of files make records.

use labtrail_shared::settings::{ByteSize, Period};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::pattern::LinePattern;

/// What carriage returns mean that stand alone. One before a line feed always belongs to the line end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum CarriageReturn {
    /// They are characters like others.
    #[default]
    Keep,
    /// They end a line.
    Newline,
    /// What follows is written over the line: of a line, what follows the last one is kept.
    Overwrite,
}

/// What becomes of escape sequences of terminals.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Ansi {
    /// They stay in the text.
    #[default]
    Keep,
    /// They are removed, before anything is matched.
    Strip,
}

/// What becomes of lines that belong to no record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Orphans {
    /// They make a record of their own.
    #[default]
    Record,
    /// They are left out, and counted.
    Skip,
}

/// Which values are spread over lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum ObjectForm {
    /// JSON objects and arrays.
    Json,
    /// XML elements or documents.
    Xml,
}

/// Which lines go on with the one before: `indent`, `backslash`, or a regular expression.
#[derive(Debug, Clone)]
pub(crate) enum Continuation {
    /// Those that begin with a blank or a tab.
    Indent,
    /// Those behind a line that ends in a backslash.
    Backslash,
    /// Those that match.
    Matching(LinePattern),
}

impl Serialize for Continuation {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(match self {
            Self::Indent => "indent",
            Self::Backslash => "backslash",
            Self::Matching(pattern) => pattern.text(),
        })
    }
}

impl<'de> Deserialize<'de> for Continuation {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match String::deserialize(deserializer)?.as_str() {
            "indent" => Ok(Self::Indent),
            "backslash" => Ok(Self::Backslash),
            text => LinePattern::compile(text).map(Self::Matching).map_err(serde::de::Error::custom),
        }
    }
}

/// `[files.record]`: how lines make records. Default: each line is one.
///
/// A regular expression is matched with one line, decoded and without its line end; it matches anywhere in it, so write
/// `^` for its beginning.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct RecordSection {
    /// What a carriage return without line feed means: `keep` it (default), `newline`: it ends a line, or `overwrite`: of a
    /// line, what follows its last one is kept, as progress bars are seen on a screen.
    pub carriage_return: CarriageReturn,
    /// `strip` removes colours and other escape sequences of terminals before matching and from the text. Default: `keep`.
    pub ansi: Ansi,
    /// A line that matches begins a record, and what follows belongs to it, up to the next such line. Default: none. The
    /// last record waits for `flush_after`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub start: Option<LinePattern>,
    /// Lines that go on with the one before: `indent` (they begin with a blank or a tab), `backslash` (the one before ends
    /// in one), or a regular expression. With `start`, other lines lie between records.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub continuation: Option<Continuation>,
    /// A line that matches is the last one of its record. With `start`, what follows lies between records.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub end: Option<LinePattern>,
    /// Every record has so many lines; with `start`, at most so many.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lines: Option<u32>,
    /// Lines that match only separate records, such as `^={40}$`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub separator: Option<LinePattern>,
    /// A record is a value spread over lines: `json` (an object or array) or `xml`. It ends with the line that ends it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub object: Option<ObjectForm>,
    /// With `object = "xml"`: the element that makes a record. Default: the whole document is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub element: Option<String>,
    /// The file's header ends with a line that matches; it makes no records. A file without such a line is all header.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub header_until: Option<LinePattern>,
    /// With `header_until`: how many lines must match. Default: 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub header_count: Option<u32>,
    /// So many lines at the file's beginning are its header.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub header_lines: Option<u32>,
    /// The first line with text behind the header names the columns of a table. Default: false.
    pub header_row: bool,
    /// Lines before the first record that `start`, `separator` or `object` finds: they make a `record` of their own
    /// (default), or `skip` leaves them out.
    pub preamble: Orphans,
    /// The same for lines between records, where `start` comes with `end`, `lines` or `continuation`, and with `object`.
    pub between: Orphans,
    /// Lines that match one of these are left out wherever they stand, such as trailers.
    pub skip: Vec<LinePattern>,
    /// A record with more lines is split. Default: 1000.
    pub lines_max: u32,
    /// A record with more bytes is split between lines. Default: 256KiB, at most 1MiB; each file that is being read takes
    /// more than twice that in memory.
    pub bytes_max: ByteSize,
    /// A record that may still go on is sent when the file did not grow for so long; what comes later makes a record of
    /// its own. Default: 5s.
    pub flush_after: Period,
}

impl Default for RecordSection {
    fn default() -> Self {
        Self {
            carriage_return: CarriageReturn::default(),
            ansi: Ansi::default(),
            start: None,
            continuation: None,
            end: None,
            lines: None,
            separator: None,
            object: None,
            element: None,
            header_until: None,
            header_count: None,
            header_lines: None,
            header_row: false,
            preamble: Orphans::default(),
            between: Orphans::default(),
            skip: Vec::new(),
            lines_max: 1000,
            bytes_max: ByteSize::kib(256),
            flush_after: Period::secs(5),
        }
    }
}
