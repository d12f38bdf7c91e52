//! Storing entries: what is appended is durable after [`Spool::sync`], and what fails leaves nothing behind.

use std::io;

use labtrail_shared::settings::ByteSize;

use super::{
    Count, Position, SEGMENT_BYTES_MAX, Spool, SpoolError,
    entry::{self, ENTRY_HEADER_BYTES, Key},
    segment::{Piece, Pieces, SEGMENT_HEADER_BYTES, SegmentHeader, file_name},
    survey::Segment,
};
use crate::disk::{Disk, DiskFile, read_rest};

/// Bytes between two looks at the free space of the disk.
const CHECK_FREE_BYTES: u64 = 1 << 20;

/// What happens to an entry when the spool is full.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Overflow {
    /// It is refused, and the caller counts it as dropped.
    DropNewest,
    /// The oldest segment makes way for it.
    #[default]
    DropOldest,
    /// It is refused, and the caller waits and offers it again.
    Block,
}

/// What happened to an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Appended {
    /// It is stored.
    Stored(Position),
    /// The spool is full.
    Refused,
    /// It is stored in place of older ones.
    StoredAfterDropping {
        /// Where.
        position: Position,
        /// What was given up of what was never handed out: the rest may yet be delivered.
        dropped: Count,
    },
}

/// The segment that is appended to: the last one.
#[derive(Debug)]
pub(super) struct Active<F> {
    pub number: u64,
    pub file: F,
    length: u64,
    /// How much of it, up to which place, was synced.
    synced_length: u64,
    /// A sync failed: the system may have forgotten what it had not written, and would not say so again.
    must_rewrite: bool,
}

impl<D: Disk> Spool<D> {
    /// Stores an entry of so many records. A segment that is begun for it is dated `now_ms`, milliseconds since 1970.
    ///
    /// When this fails with [`SpoolError::Full`], older entries may have been dropped in vain: [`Spool::totals`] has the sum.
    pub(crate) fn append(
        &mut self,
        payload: &[u8],
        records: u32,
        policy: Overflow,
        now_ms: u64,
    ) -> Result<Appended, SpoolError> {
        let bytes_max = self.entry_bytes_max();
        if payload.len() as u64 > bytes_max {
            return Err(SpoolError::TooLarge { bytes: payload.len(), bytes_max });
        }
        let (dropped_before, mut unread) = (self.dropped, Count::default());
        loop {
            let may_drop = policy == Overflow::DropOldest;
            match self.try_append(payload, records, now_ms) {
                Ok(Some(position)) if self.dropped == dropped_before => return Ok(Appended::Stored(position)),
                Ok(Some(position)) => {
                    return Ok(Appended::StoredAfterDropping { position, dropped: unread });
                }
                Ok(None) if may_drop || self.is_front_settled() => {
                    unread += self.drop_front().map_err(SpoolError::Full)?;
                }
                Ok(None) => return Ok(Appended::Refused),
                Err(error) => {
                    let is_full = matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded);
                    let gives_room = may_drop && self.segments.len() > 1 || self.is_front_settled();
                    match (is_full && gives_room).then(|| self.drop_front()) {
                        Some(Ok(count)) => unread += count,
                        _ => return Err(SpoolError::Full(error)),
                    }
                }
            }
        }
    }

    /// The largest payload. One that is larger than a segment has a segment of its own.
    pub(super) fn entry_bytes_max(&self) -> u64 {
        let overhead = (SEGMENT_HEADER_BYTES + ENTRY_HEADER_BYTES) as u64;
        self.limits.bytes_max.0.min(SEGMENT_BYTES_MAX).saturating_sub(overhead)
    }

    /// Makes all that was appended durable. Costs nothing if nothing was.
    pub(crate) fn sync(&mut self) -> Result<(), SpoolError> {
        self.sync_active().map_err(SpoolError::Sync)
    }

    fn try_append(&mut self, payload: &[u8], records: u32, now_ms: u64) -> io::Result<Option<Position>> {
        let entry_bytes = (ENTRY_HEADER_BYTES + payload.len()) as u64;
        let fits = |active: &Active<_>| active.length + entry_bytes <= self.limits.segment_bytes.0;
        let is_new = !self.active.as_ref().is_some_and(fits);
        let bytes = if is_new { SEGMENT_HEADER_BYTES as u64 + entry_bytes } else { entry_bytes };
        if self.disk_bytes() + bytes > self.limits.bytes_max.0 {
            return Ok(None);
        }
        self.check_free_space(bytes)?;
        if is_new {
            self.begin_segment(payload, records, now_ms)?;
        } else {
            self.write_entry(payload, records)?;
        }
        let number = self.active.as_ref().expect("it was written to").number;
        self.tail += Count::entry(records, payload.len());
        self.unchecked_bytes = self.unchecked_bytes.saturating_add(bytes);
        let segment = self.segments.back_mut().expect("it is the last one");
        segment.length += bytes;
        segment.end = self.tail;
        Ok(Some(Position { end: self.tail, segment: number, at_end: segment.length }))
    }

    fn check_free_space(&mut self, bytes: u64) -> io::Result<()> {
        let Some(ByteSize(min_free)) = self.limits.min_free_bytes else { return Ok(()) };
        if self.unchecked_bytes < CHECK_FREE_BYTES {
            return Ok(());
        }
        if let Some(free) = self.disk.free_bytes()?
            && free < min_free.saturating_add(bytes)
        {
            let text = format!("{free} bytes of the disk are free, and min_free_bytes is {min_free}: make room");
            return Err(io::Error::new(io::ErrorKind::StorageFull, text));
        }
        self.unchecked_bytes = 0;
        Ok(())
    }

    /// Begins a segment with this entry.
    fn begin_segment(&mut self, payload: &[u8], records: u32, now_ms: u64) -> io::Result<()> {
        // One segment at a time is not synced.
        self.sync_active()?;
        if !self.positions.is_written() {
            let saved = self.saved();
            self.positions.write(&self.disk, saved)?;
        }
        let number = self.tail.entries;
        let key = Key { spool: self.id, segment: number };
        let header = SegmentHeader { key, begun_ms: now_ms, place: self.tail };
        self.buffer.clear();
        self.buffer.extend_from_slice(&header.to_bytes());
        entry::write(&mut self.buffer, payload, records, self.tail, key, SEGMENT_HEADER_BYTES as u64);
        let name = file_name(number);
        let file = self.disk.create(&name)?;
        if let Err(error) = file.write_at(&self.buffer, 0) {
            let _ = file.set_length(0);
            let _ = self.disk.remove(&name);
            return Err(error);
        }
        let length = self.buffer.len() as u64;
        self.active = Some(Active { number, file, length, synced_length: 0, must_rewrite: false });
        self.segments.push_back(Segment { number, end: self.tail, length: 0 });
        self.is_unnamed = true;
        Ok(())
    }

    /// Adds this entry to the active segment.
    fn write_entry(&mut self, payload: &[u8], records: u32) -> io::Result<()> {
        let active = self.active.as_mut().expect("the entry fits into it");
        self.buffer.clear();
        let key = Key { spool: self.id, segment: active.number };
        entry::write(&mut self.buffer, payload, records, self.tail, key, active.length);
        if let Err(error) = active.file.write_at(&self.buffer, active.length) {
            // If this fails too, the next entry is written over what is left.
            let _ = active.file.set_length(active.length);
            return Err(error);
        }
        active.length += self.buffer.len() as u64;
        Ok(())
    }

    fn sync_active(&mut self) -> io::Result<()> {
        if let Some(active) = &mut self.active
            && active.synced_length < active.length
        {
            if active.must_rewrite {
                let (bytes, _) = read_rest(&active.file, active.synced_length, active.length);
                active.file.write_at(&bytes, active.synced_length)?;
                active.file.sync()?;
                let key = Key { spool: self.id, segment: active.number };
                let (at, skip) = match active.synced_length {
                    0 => (SEGMENT_HEADER_BYTES as u64, SEGMENT_HEADER_BYTES),
                    length => (length, 0),
                };
                let pieces: Vec<_> = Pieces::new(key, &bytes[skip..], at).collect();
                self.verify(&pieces);
            } else if let Err(error) = active.file.sync() {
                active.must_rewrite = true;
                return Err(error);
            }
            let active = self.active.as_mut().expect("it was there above");
            active.must_rewrite = false;
            active.synced_length = active.length;
        }
        if self.is_unnamed {
            self.disk.sync()?;
            self.is_unnamed = false;
        }
        self.synced = self.tail;
        Ok(())
    }

    /// Finds out which of the entries after `synced` the system forgot after a sync that failed.
    fn verify(&mut self, pieces: &[Piece]) {
        let mut expected = self.synced;
        for piece in pieces {
            if let Piece::Entry { header, at, .. } = piece {
                self.miss(expected, header.place, *at);
                expected = expected.later(header.end());
            }
        }
        self.miss(expected, self.tail, 0);
    }
}
