//! What happened to a row, for people: bounded, with the first lines and the last ones.

use serde::{Deserialize, Serialize};

use super::OutboxRow;

const LINES_MAX: usize = 20;

/// So many of the first lines stay.
const FIRST_LINES: usize = 5;

const LINE_BYTES_MAX: usize = 500;

/// Something that happened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogLine {
    /// When: microseconds since 1970 UTC.
    pub at: i64,
    /// What.
    pub what: String,
}

impl OutboxRow {
    pub(super) fn write_log(&mut self, at: i64, what: &str) {
        if self.log.len() >= LINES_MAX {
            self.log.remove(FIRST_LINES);
        }
        let end = what.floor_char_boundary(LINE_BYTES_MAX);
        self.log.push(LogLine { at, what: what[..end].to_owned() });
    }
}
