//! What a folder of segments holds: read once, when the spool is opened.
//!
//! Every entry says its place in the spool, so what is missing before it is known exactly. Only what was damaged behind
//! the last good entry cannot be told, beyond what was saved as synced.

use std::{io, mem};

use super::{
    Count,
    entry::Key,
    loss::{Loss, LossReason},
    positions::Saved,
    segment::{Piece, Pieces, SEGMENT_HEADER_BYTES, SegmentHeader, file_name, number_of},
};
use crate::disk::{Disk, DiskFile, read_rest};

/// A segment on disk.
#[derive(Debug, Clone, Copy)]
pub(super) struct Segment {
    pub number: u64,
    /// The place behind its last entry.
    pub end: Count,
    /// Bytes of the file.
    pub length: u64,
}

/// Entries that are missing: all between two places.
#[derive(Debug, Clone, Copy)]
pub(super) struct Hole {
    pub from: Count,
    pub to: Count,
}

/// What was found.
#[derive(Debug)]
pub(super) struct Survey {
    pub spool: Option<u64>,
    pub segments: Vec<Segment>,
    pub holes: Vec<Hole>,
    pub losses: Vec<Loss>,
    pub settled: Count,
    pub tail: Count,
}

/// Reads all segments.
pub(super) fn survey(disk: &impl Disk, saved: Option<Saved>) -> io::Result<Survey> {
    let mut numbers: Vec<u64> = disk.names()?.iter().filter_map(|name| number_of(name)).collect();
    numbers.sort_unstable();
    let spool = saved.map(|saved| saved.spool).or_else(|| numbers.iter().find_map(|number| spool_of(disk, *number)));
    let mut walk = Walk {
        expected: saved.map(|saved| saved.settled),
        settled: saved.map(|saved| saved.settled),
        damage: None,
        holes: Vec::new(),
        losses: Vec::new(),
        entries_min: 0,
    };
    let mut segments = Vec::new();
    for number in numbers {
        if let Some(length) = walk.segment(disk, spool.unwrap_or(0), number) {
            segments.push(Segment { number, end: walk.expected.unwrap_or_default(), length });
        }
    }
    let settled = walk.settled.unwrap_or_default();
    let tail = walk.finish(saved.map_or(settled, |saved| saved.synced));
    Ok(Survey { spool, segments, holes: walk.holes, losses: walk.losses, settled, tail })
}

fn spool_of(disk: &impl Disk, number: u64) -> Option<u64> {
    let mut bytes = [0; SEGMENT_HEADER_BYTES];
    disk.open(&file_name(number)).ok()?.read_at(&mut bytes, 0).ok()?;
    SegmentHeader::read(&bytes, number).map(|header| header.key.spool)
}

struct Walk {
    /// The place that should come next; `None` while nothing is known of any.
    expected: Option<Count>,
    settled: Option<Count>,
    /// What was damaged since the last known place.
    damage: Option<Loss>,
    holes: Vec<Hole>,
    losses: Vec<Loss>,
    /// So many entries were stored, to judge by the names of the segments.
    entries_min: u64,
}

impl Walk {
    /// Goes through a segment; its length, or `None` if it is not of this spool.
    fn segment(&mut self, disk: &impl Disk, spool: u64, number: u64) -> Option<u64> {
        let key = Key { spool, segment: number };
        let Ok((file, length)) =
            disk.open(&file_name(number)).and_then(|file| Ok((file.length()?, file)).map(|(l, f)| (f, l)))
        else {
            self.damaged(number, 0, 0, LossReason::Unreadable);
            return Some(0);
        };
        let (bytes, is_whole) = read_rest(&file, 0, length);
        let why = |reason| if is_whole { reason } else { LossReason::Unreadable };
        let header = SegmentHeader::read(&bytes, number);
        if let Some(header) = header
            && header.key.spool != spool
        {
            // Somebody put it there. It is not ours to remove, but must not be in the way.
            self.losses.push(Loss { segment: number, at: 0, bytes: length, reason: LossReason::Foreign, lost: None });
            let _ = disk.rename(&file_name(number), &format!("{}.foreign", file_name(number)));
            return None;
        }
        match header {
            Some(header) => self.meet(number, 0, header.place),
            None => self.damaged(number, 0, length.min(SEGMENT_HEADER_BYTES as u64), why(LossReason::BadHeader)),
        }
        let entries = bytes.get(SEGMENT_HEADER_BYTES..).unwrap_or_default();
        for piece in Pieces::new(key, entries, SEGMENT_HEADER_BYTES as u64) {
            match piece {
                Piece::Entry { header, at, .. } => {
                    self.meet(number, at, header.place);
                    self.pass(header.end());
                }
                Piece::BadPayload { header, at, end } => {
                    self.meet(number, at, header.place);
                    let reason = if end == length { LossReason::TornTail } else { LossReason::BadChecksum };
                    self.damaged(number, at, end - at, why(reason));
                    self.meet(number, at, header.end());
                }
                Piece::Rubbish { at, end } => {
                    let reason = if end == length { LossReason::TornTail } else { LossReason::BadChecksum };
                    self.damaged(number, at, end - at, why(reason));
                }
            }
        }
        // A segment is written with its first entry. If not even that can be read, its name still says the number.
        self.entries_min = number.saturating_add(1);
        Some(length)
    }

    fn damaged(&mut self, segment: u64, at: u64, bytes: u64, reason: LossReason) {
        match &mut self.damage {
            Some(damage) => damage.bytes += bytes,
            None => self.damage = Some(Loss { segment, at, bytes, reason, lost: None }),
        }
    }

    /// All before this place is there or missing.
    fn meet(&mut self, segment: u64, at: u64, place: Count) {
        let expected = *self.expected.get_or_insert(place);
        self.settled.get_or_insert(place);
        if place.is_before(expected) {
            return;
        }
        let lost = place - expected;
        let damage = mem::take(&mut self.damage);
        if lost.entries > 0 {
            let gap = Loss { segment, at, bytes: 0, reason: LossReason::Gap, lost: None };
            self.losses.push(Loss { lost: Some(lost), ..damage.unwrap_or(gap) });
            self.hole(expected, place);
        } else if let Some(damage) = damage.filter(|damage| damage.reason != LossReason::TornTail) {
            self.losses.push(Loss { lost: Some(Count::default()), ..damage });
        }
        self.expected = Some(place);
    }

    fn pass(&mut self, end: Count) {
        self.expected = Some(self.expected.unwrap_or_default().later(end));
    }

    fn hole(&mut self, from: Count, to: Count) {
        self.holes.push(Hole { from, to });
    }

    /// Where the spool ends.
    fn finish(&mut self, synced: Count) -> Count {
        let expected = self.expected.unwrap_or_default();
        if expected.is_before(synced) {
            self.meet(0, 0, synced);
        } else if let Some(damage) = self.damage.take() {
            self.losses.push(damage);
        }
        let known = self.expected.unwrap_or_default();
        let tail = Count { entries: known.entries.max(self.entries_min), ..known };
        if known.is_before(tail) {
            self.hole(known, tail);
        }
        tail
    }
}
