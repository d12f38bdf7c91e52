//! What a spool lost, for the status page and the log.

use super::Count;

/// Why entries are missing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LossReason {
    /// A segment ends in the middle of an entry, as after a power cut: what was there was not synced, unless the file was
    /// cut later.
    TornTail,
    /// Bytes were changed.
    BadChecksum,
    /// The header of a segment was changed. Its entries may all be there.
    BadHeader,
    /// A segment is gone.
    Gap,
    /// The disk does not give the bytes back.
    Unreadable,
    /// The file that says what was delivered was changed: all that is there is delivered again.
    BadPositions,
    /// A segment of another spool was put in the folder. It was renamed.
    Foreign,
}

/// A damaged stretch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Loss {
    /// The number of the segment: that of its first entry, and its file's name.
    pub segment: u64,
    /// Where in it the damage begins.
    pub at: u64,
    /// How many bytes are damaged.
    pub bytes: u64,
    /// Why.
    pub reason: LossReason,
    /// What is missing of what was stored; `None` where nothing good follows that would tell. Where the end of the spool is
    /// missing, at least so much.
    pub lost: Option<Count>,
}
