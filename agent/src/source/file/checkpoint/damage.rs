//! What of the checkpoint could not be used, for the log and the status page.

use std::fmt;

/// Why a part of the checkpoint cannot be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum DamageReason {
    /// Bytes were changed or are missing.
    Checksum,
    /// The file ends in the middle of a row, as when the power was cut while saving.
    Tail,
    /// The disk does not give the bytes back.
    Unreadable,
    /// The row is whole and is none that this version understands.
    Row,
    /// The database of an older version.
    Database,
}

/// A part of the checkpoint that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Damage {
    /// The file's name when it was read.
    pub file: String,
    /// Where it begins.
    pub at: u64,
    /// How long it is.
    pub bytes: u64,
    /// Why.
    pub reason: DamageReason,
    /// How many rows it hit, where that is known. Each is a file, or a change of what is known of it.
    pub rows: Option<u32>,
}

impl fmt::Display for Damage {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let why = match self.reason {
            DamageReason::Checksum => "damaged",
            DamageReason::Tail => "an unfinished save",
            DamageReason::Unreadable => "unreadable",
            DamageReason::Row => "not understood",
            DamageReason::Database => "a damaged database",
        };
        write!(out, "{}: {why}, {} bytes at {}", self.file, self.bytes, self.at)
    }
}
