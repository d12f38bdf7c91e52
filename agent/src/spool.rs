//! What sockets received, on disk until it is delivered: entries go in and come out in the same order.
//!
//! The rules that it keeps:
//!
//! - Every entry that was ever stored has a place: how many entries, records and bytes were stored before it. The place
//!   is written with the entry, so that damage is told exactly when something good follows it.
//! - All that was received is at all times either delivered, dropped, lost or pending; also after a crash, for what the
//!   crash left. What was handed out and not yet acknowledged is pending. If it is dropped meanwhile it counts as dropped,
//!   and a later acknowledgement of it changes nothing: a count of dropped records is never too small.
//! - What was synced and not acknowledged is handed out again after a crash. What was acknowledged but not saved is too.
//! - Segments are only ever appended to, by the process that began them, and are never changed after it is gone.
//!   A segment is deleted after both slots of the positions say, durably, that it is not needed.
//! - A full or failing disk is an error of one call. The spool keeps what it had, and the next call tries again.
//!
//! Nothing is mapped into memory: a disk that fails is an error, not a signal.

mod append;
mod count;
mod entry;
mod error;
mod loss;
mod positions;
mod read;
mod retire;
mod segment;
mod survey;
#[cfg(test)]
mod tests;

use std::collections::VecDeque;

use labtrail_shared::settings::ByteSize;
use serde::{Deserialize, Serialize};

use self::{
    append::Active,
    positions::Positions,
    segment::SEGMENT_HEADER_BYTES,
    survey::{Hole, Segment, survey},
};
pub(crate) use self::{
    append::{Appended, Overflow},
    count::Count,
    error::SpoolError,
    loss::{Loss, LossReason},
    read::Entry,
};
use crate::disk::{Disk, Folder};

/// A segment is read whole when the spool is opened.
const SEGMENT_BYTES_MAX: u64 = 1 << 30;

/// How large the spool may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct SpoolLimits {
    /// Bytes of all its files. Default `1GiB`. When it is full, what the policy says happens.
    pub bytes_max: ByteSize,
    /// Bytes of one file, at most `1GiB`. Default `4MiB`. Space is given back, and dropped, one file at a time; an entry must
    /// fit into one. Small files cost a few syncs each.
    pub segment_bytes: ByteSize,
    /// Bytes of the disk that stay free for others. Default `256MiB`. Below that nothing more is stored.
    pub min_free_bytes: Option<ByteSize>,
}

impl Default for SpoolLimits {
    fn default() -> Self {
        Self {
            bytes_max: ByteSize::mib(1024),
            segment_bytes: ByteSize::mib(4),
            min_free_bytes: Some(ByteSize::mib(256)),
        }
    }
}

/// Where an entry ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Position {
    end: Count,
    segment: u64,
    at_end: u64,
}

/// What was found when the spool was opened.
#[derive(Debug)]
pub(crate) struct Opened {
    /// What is still to be delivered.
    pub pending: Count,
    /// What is damaged of it. Told at each opening until what lies behind it is acknowledged and saved.
    pub losses: Vec<Loss>,
}

/// The sums since the spool was made: `received = delivered + dropped + lost + pending`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Totals {
    /// All that was stored. What was refused is not.
    pub received: Count,
    /// Acknowledged.
    pub delivered: Count,
    /// Given up for newer ones.
    pub dropped: Count,
    /// Damaged.
    pub lost: Count,
    /// Still to be acknowledged.
    pub pending: Count,
}

/// A place to read from.
#[derive(Debug, Clone, Copy)]
struct Cursor {
    place: Count,
    segment: u64,
    at: u64,
}

/// The spool in one folder, which nobody else may open.
#[derive(Debug)]
pub(crate) struct Spool<D: Disk = Folder> {
    disk: D,
    limits: SpoolLimits,
    id: u64,
    segments: VecDeque<Segment>,
    /// Ascending, none before `settled`.
    holes: VecDeque<Hole>,
    settled: Cursor,
    tail: Count,
    synced: Count,
    dropped: Count,
    lost: Count,
    positions: Positions<D::File>,
    /// Files that are settled and could not be removed yet.
    unremoved: Vec<Segment>,
    active: Option<Active<D::File>>,
    /// A name was made that is not durable yet.
    is_unnamed: bool,
    /// Bytes written since the free space was looked at.
    unchecked_bytes: u64,
    buffer: Vec<u8>,
    read: Cursor,
    reader: Option<(u64, D::File)>,
    read_failures: u32,
    losses: Vec<Loss>,
}

impl Spool {
    /// Opens the spool in this folder, or makes it.
    pub(crate) fn open(folder: std::path::PathBuf, limits: SpoolLimits) -> Result<(Self, Opened), SpoolError> {
        Self::on(Folder::at(folder).map_err(SpoolError::Open)?, limits)
    }
}

impl<D: Disk> Spool<D> {
    /// Opens the spool on this disk, or makes it. All that is there is read and checked, about a second for each GiB.
    pub(crate) fn on(disk: D, limits: SpoolLimits) -> Result<(Self, Opened), SpoolError> {
        let (segment_bytes, bytes_max) = (limits.segment_bytes.0, limits.bytes_max.0);
        if segment_bytes > bytes_max.min(SEGMENT_BYTES_MAX) || segment_bytes <= SEGMENT_HEADER_BYTES as u64 {
            return Err(SpoolError::Limits { segment_bytes, bytes_max });
        }
        let positions = Positions::open(&disk);
        let saved = positions.newest();
        let found = survey(&disk, saved).map_err(SpoolError::Open)?;
        let first = found.segments.first().map_or(0, |segment| segment.number);
        let start = Cursor { place: found.settled, segment: first, at: SEGMENT_HEADER_BYTES as u64 };
        let (dropped, lost) = saved.map_or_else(Default::default, |saved| (saved.dropped, saved.lost));
        let mut spool = Self {
            disk,
            limits,
            id: found.spool.unwrap_or_else(rand::random),
            segments: found.segments.into(),
            holes: found.holes.into(),
            settled: start,
            tail: found.tail,
            synced: found.tail,
            dropped,
            lost,
            positions,
            unremoved: Vec::new(),
            active: None,
            is_unnamed: false,
            unchecked_bytes: u64::MAX,
            buffer: Vec::new(),
            read: start,
            reader: None,
            read_failures: 0,
            losses: Vec::new(),
        };
        spool.settle_leading_holes();
        let mut losses = found.losses;
        spool.read = spool.settled;
        if saved.is_none() && !spool.segments.is_empty() {
            losses.push(Loss { segment: 0, at: 0, bytes: 0, reason: LossReason::BadPositions, lost: None });
        }
        let pending = spool.totals().pending;
        Ok((spool, Opened { pending, losses }))
    }

    /// The sums.
    pub(crate) fn totals(&self) -> Totals {
        let holes = self.holes.iter().fold(Count::default(), |sum, hole| sum + (hole.to - hole.from));
        Totals {
            received: self.tail,
            delivered: self.settled.place - self.dropped - self.lost,
            dropped: self.dropped,
            lost: self.lost + holes,
            pending: self.tail - self.settled.place - holes,
        }
    }

    /// Records that are not acknowledged.
    pub(crate) fn pending_records(&self) -> u64 {
        self.totals().pending.records
    }

    /// Bytes of payload that are not acknowledged.
    pub(crate) fn pending_bytes(&self) -> u64 {
        self.totals().pending.bytes
    }

    /// Whether all is acknowledged.
    #[cfg(test)]
    pub(crate) fn is_empty(&self) -> bool {
        self.totals().pending.entries == 0
    }

    /// Bytes of its segments on disk.
    pub(crate) fn disk_bytes(&self) -> u64 {
        self.segments.iter().chain(&self.unremoved).map(|segment| segment.length).sum()
    }

    /// Whether an entry of so many bytes can never be stored.
    pub(crate) fn is_too_large(&self, payload_bytes: usize) -> bool {
        payload_bytes as u64 > self.entry_bytes_max()
    }

    /// Damage that was met since this was last asked.
    pub(crate) fn take_losses(&mut self) -> Vec<Loss> {
        std::mem::take(&mut self.losses)
    }
}

/// The number at a place that was checked to be there.
fn u64_at(bytes: &[u8], at: usize) -> u64 {
    u64::from_le_bytes(bytes[at..at + 8].try_into().expect("eight bytes"))
}
