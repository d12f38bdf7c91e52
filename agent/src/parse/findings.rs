//! What goes into the reading of a record besides its text, and what comes out.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::clock_changes::ClockChanges;
use super::{Body, Tags, WrittenLevel, WrittenTime};

/// What the parsers know besides the text of a record.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ParseContext<'a> {
    /// The wall-clock time at the source, in microseconds since 1970-01-01T00:00:00 of that wall clock: from it comes
    /// the year that a time may leave out.
    pub(crate) now_civil_micros: i64,
    /// The day for times without a date, in days since 1970-01-01: from the path, the header or the file. It must
    /// stay the same while a file is read, or the days that have passed in it are lost count of.
    pub(crate) day: Option<i64>,
    /// What the last record of this stream that had a time left behind: [`Findings::last_time`].
    pub(crate) last: Option<LastTime>,
    /// Keys and values of the file's header.
    pub(crate) header: Option<&'a Map<String, Value>>,
    /// The names in the header row of a table.
    pub(crate) columns: Option<&'a [String]>,
    /// When the clocks of the source are set forward and back.
    pub(crate) clock_changes: &'a ClockChanges,
}

/// What one record leaves behind for the next ones of its stream. It belongs into the checkpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(crate) struct LastTime {
    /// Microseconds since 1970-01-01T00:00:00 of the wall clock.
    pub(crate) civil_micros: i64,
    /// The offset from UTC in seconds that was stated or worked out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) offset_seconds: Option<i32>,
    /// The clocks were set back, and the hour that came twice is in its second pass.
    #[serde(default)]
    pub(crate) is_second_pass: bool,
    /// Microseconds from 1970-01-01T00:00:00Z to the moment at which the writer's clock of running time began.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) anchor: Option<i64>,
}

/// What was found in one record.
#[derive(Debug, Default)]
pub(crate) struct Findings<'a> {
    /// When the record says it was written.
    pub(crate) time: Option<WrittenTime>,
    /// The level the record states, or that its section gives it.
    pub(crate) level: Option<WrittenLevel<'a>>,
    /// What the text is.
    pub(crate) body: Body<'a>,
    /// The message for people, where it is not the whole text.
    pub(crate) message: Option<Cow<'a, str>>,
    /// The members of a JSON object without its braces: `"a":1,"b":"x"`. Empty: none.
    pub(crate) fields: String,
    /// What is odd about the record.
    pub(crate) tags: Tags,
    /// Which parser of the chain read it, from 0; without meaning if none did.
    pub(crate) parser: u8,
    /// It has a date of which only the config can say whether the day or the month comes first.
    pub(crate) is_date_ambiguous: bool,
    /// Whether the time is of the second pass of an hour that comes twice.
    pub(super) is_second_pass: bool,
    /// Set by a record that tells when the clock of running time began.
    pub(super) anchor: Option<i64>,
}

impl Findings<'_> {
    /// Empties it for a record of another lifetime and keeps its buffer, so that a record costs no allocation.
    pub(crate) fn recycled<'b>(mut self) -> Findings<'b> {
        self.fields.clear();
        Findings { fields: self.fields, ..Findings::default() }
    }

    /// What the next record of the stream is to be told, given what this one was told.
    pub(crate) fn last_time(&self, previous: Option<LastTime>) -> Option<LastTime> {
        let anchor = self.anchor.or(previous.and_then(|last| last.anchor));
        let Some(time) = self.time else {
            return previous.map(|last| LastTime { anchor, ..last });
        };
        Some(LastTime {
            civil_micros: time.civil_micros,
            offset_seconds: time.offset_seconds,
            is_second_pass: self.is_second_pass,
            anchor,
        })
    }

    pub(super) fn clear(&mut self) {
        self.fields.clear();
        self.message = None;
        self.time = None;
        self.level = None;
        self.body = Body::Text;
        self.tags = Tags::default();
        self.parser = 0;
        self.is_date_ambiguous = false;
        self.is_second_pass = false;
        self.anchor = None;
    }
}
