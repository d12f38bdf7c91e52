//! Handing entries out, in order. Damage is stepped over and told.

use std::io;

use super::{
    Count, Loss, LossReason, Position, Spool, SpoolError,
    entry::{ENTRY_HEADER_BYTES, EntryHeader, Key},
    segment::{Piece, Pieces, SEGMENT_HEADER_BYTES, file_name},
    survey::Hole,
};
use crate::disk::{Disk, DiskFile, read_rest};

/// How often an entry is tried that the disk does not give back, before it is stepped over.
const READ_TRIES: u32 = 3;

/// An entry that was handed out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Entry {
    /// What to acknowledge.
    pub position: Position,
    /// How many records it holds.
    pub records: u32,
    /// As it was stored.
    pub payload: Vec<u8>,
}

impl<D: Disk> Spool<D> {
    /// The next entry that was not handed out; `None` when there is none now.
    pub(crate) fn next(&mut self) -> Result<Option<Entry>, SpoolError> {
        while let Some((number, length)) = self.segment_to_read() {
            match self.read_entry(number, length) {
                Ok(Some((header, payload))) => {
                    self.read_failures = 0;
                    let at = self.read.at;
                    self.read.at += header.entry_bytes() as u64;
                    if header.place.is_before(self.read.place) {
                        continue;
                    }
                    self.miss(self.read.place, header.place, at);
                    self.read.place = header.end();
                    let position = Position { end: header.end(), segment: number, at_end: self.read.at };
                    return Ok(Some(Entry { position, records: header.records, payload }));
                }
                Ok(None) => self.step_over_damage(number, length),
                Err(source) if self.read_failures + 1 < READ_TRIES => {
                    self.read_failures += 1;
                    return Err(SpoolError::Read { segment: number, source });
                }
                Err(_) => {
                    self.read_failures = 0;
                    self.step_over_damage(number, length);
                }
            }
        }
        self.miss(self.read.place, self.tail, self.read.at);
        self.read.place = self.tail;
        Ok(None)
    }

    /// Hands out again what was not acknowledged.
    #[cfg(test)]
    pub(crate) fn rewind(&mut self) {
        self.read = self.settled;
    }

    /// The segment of the cursor and its length; moves on from one that is finished.
    fn segment_to_read(&mut self) -> Option<(u64, u64)> {
        let mut index = self.segments.partition_point(|segment| segment.number < self.read.segment);
        loop {
            let segment = *self.segments.get(index)?;
            if segment.number != self.read.segment {
                self.read.segment = segment.number;
                self.read.at = SEGMENT_HEADER_BYTES as u64;
            }
            if self.read.at < segment.length && self.read.place.is_before(segment.end) {
                return Some((segment.number, segment.length));
            }
            if index + 1 == self.segments.len() {
                return None;
            }
            index += 1;
        }
    }

    /// The entry at the cursor; `None` if it is damaged.
    fn read_entry(&mut self, number: u64, length: u64) -> io::Result<Option<(EntryHeader, Vec<u8>)>> {
        let (key, at) = (Key { spool: self.id, segment: number }, self.read.at);
        let file = self.file(number)?;
        let end = |bytes: usize| at + bytes as u64;
        if end(ENTRY_HEADER_BYTES) > length {
            return Ok(None);
        }
        let mut header = [0; ENTRY_HEADER_BYTES];
        file.read_at(&mut header, at)?;
        let Some(header) = EntryHeader::read(&header, key, at).filter(|header| end(header.entry_bytes()) <= length)
        else {
            return Ok(None);
        };
        let mut payload = vec![0; header.payload_bytes];
        file.read_at(&mut payload, end(ENTRY_HEADER_BYTES))?;
        Ok(header.fits(&payload).then_some((header, payload)))
    }

    fn file(&mut self, number: u64) -> io::Result<&D::File> {
        if let Some(active) = &self.active
            && active.number == number
        {
            return Ok(&active.file);
        }
        if self.reader.as_ref().is_none_or(|(open, _)| *open != number) {
            self.reader = Some((number, self.disk.open(&file_name(number))?));
        }
        Ok(&self.reader.as_ref().expect("was just opened").1)
    }

    /// Moves the cursor to the next good entry of the segment, or its end.
    fn step_over_damage(&mut self, number: u64, length: u64) {
        let (key, at) = (Key { spool: self.id, segment: number }, self.read.at);
        let bytes = self.file(number).map(|file| read_rest(file, at, length).0).unwrap_or_default();
        let good = Pieces::new(key, &bytes, at).find_map(|piece| match piece {
            Piece::Entry { at: good, .. } if good > at => Some(good),
            _ => None,
        });
        self.read.at = good.unwrap_or(length);
    }

    /// Counts what is missing between two places as lost, unless that is known.
    pub(super) fn miss(&mut self, from: Count, to: Count, at: u64) {
        let from = from.later(self.settled.place);
        if !from.is_before(to) {
            return;
        }
        let (mut union, mut known) = (Hole { from, to }, Count::default());
        self.holes.retain(|hole| {
            let is_apart = !hole.from.is_before(to) || !from.is_before(hole.to);
            if !is_apart {
                known += hole.to - hole.from;
                union.to = union.to.later(hole.to);
                union.from = if hole.from.is_before(union.from) { hole.from } else { union.from };
            }
            is_apart
        });
        let index = self.holes.partition_point(|hole| hole.from.is_before(union.from));
        self.holes.insert(index, union);
        let lost = (union.to - union.from) - known;
        if lost.entries > 0 {
            let (segment, reason) = (self.read.segment, LossReason::BadChecksum);
            self.losses.push(Loss { segment, at, bytes: 0, reason, lost: Some(lost) });
        }
        self.settle_leading_holes();
        self.read.place = self.read.place.later(self.settled.place);
    }

    /// The cursor never stands before what is settled.
    pub(super) fn read_from_settled(&mut self) {
        if self.read.place.is_before(self.settled.place) {
            self.read = self.settled;
        }
    }
}
