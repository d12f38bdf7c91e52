//! One segment file: a header, then entries. Named by the number of its first entry.

use memchr::memmem;
use xxhash_rust::xxh3::xxh3_64;

use super::{
    Count,
    entry::{ENTRY_HEADER_BYTES, EntryHeader, Key, MARK},
    u64_at,
};

/// Bytes of a segment's header: magic 7, version 1, spool 8, number 8, time 8, place 24, checksum 8; little-endian.
pub(super) const SEGMENT_HEADER_BYTES: usize = 64;

const MAGIC_AND_VERSION: [u8; 8] = *b"LTSPOOL\x01";
const ENDING: &str = ".seg";

/// What a segment's header says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct SegmentHeader {
    pub key: Key,
    /// When it was begun, in milliseconds since 1970.
    pub begun_ms: u64,
    /// All that was stored before it.
    pub place: Count,
}

impl SegmentHeader {
    pub(super) fn to_bytes(self) -> [u8; SEGMENT_HEADER_BYTES] {
        let mut bytes = [0; SEGMENT_HEADER_BYTES];
        bytes[..8].copy_from_slice(&MAGIC_AND_VERSION);
        bytes[8..16].copy_from_slice(&self.key.spool.to_le_bytes());
        bytes[16..24].copy_from_slice(&self.key.segment.to_le_bytes());
        bytes[24..32].copy_from_slice(&self.begun_ms.to_le_bytes());
        bytes[32..56].copy_from_slice(&self.place.to_bytes());
        let hash = xxh3_64(&bytes[..56]);
        bytes[56..].copy_from_slice(&hash.to_le_bytes());
        bytes
    }

    /// Reads the header of the segment of this number; `None` if it is damaged.
    pub(super) fn read(bytes: &[u8], number: u64) -> Option<Self> {
        let header = bytes.get(..SEGMENT_HEADER_BYTES)?;
        let is_good = header[..8] == MAGIC_AND_VERSION && u64_at(header, 56) == xxh3_64(&header[..56]);
        let segment = u64_at(header, 16);
        (is_good && segment == number).then(|| Self {
            key: Key { spool: u64_at(header, 8), segment },
            begun_ms: u64_at(header, 24),
            place: Count::from_bytes(&header[32..56]),
        })
    }
}

/// The name of the segment that begins with this entry.
pub(super) fn file_name(number: u64) -> String {
    format!("{number:020}{ENDING}")
}

/// The number in a segment's name; `None` for any other name.
pub(super) fn number_of(name: &str) -> Option<u64> {
    let number = name.strip_suffix(ENDING)?.parse().ok()?;
    (file_name(number) == name).then_some(number)
}

/// What lies at a place in a segment, up to `end`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Piece {
    /// An entry as it was stored.
    Entry { header: EntryHeader, at: u64, end: u64 },
    /// An entry whose payload is damaged or not all there.
    BadPayload { header: EntryHeader, at: u64, end: u64 },
    /// No entry begins here; where the next does, or the end.
    Rubbish { at: u64, end: u64 },
}

/// Goes through the bytes of a segment from the place `at`, where `bytes` begin.
#[derive(Debug, Clone)]
pub(super) struct Pieces<'a> {
    key: Key,
    bytes: &'a [u8],
    at: u64,
}

impl<'a> Pieces<'a> {
    pub(super) fn new(key: Key, bytes: &'a [u8], at: u64) -> Self {
        Self { key, bytes, at }
    }

    fn step(&mut self, bytes: usize) -> (u64, u64) {
        let at = self.at;
        self.bytes = &self.bytes[bytes..];
        self.at += bytes as u64;
        (at, self.at)
    }
}

impl Iterator for Pieces<'_> {
    type Item = Piece;

    fn next(&mut self) -> Option<Piece> {
        if self.bytes.is_empty() {
            return None;
        }
        if let Some(header) = EntryHeader::read(self.bytes, self.key, self.at) {
            let bytes = header.entry_bytes().min(self.bytes.len());
            let is_good = header.fits(&self.bytes[ENTRY_HEADER_BYTES..bytes]);
            let (at, end) = self.step(bytes);
            return Some(if is_good {
                Piece::Entry { header, at, end }
            } else {
                Piece::BadPayload { header, at, end }
            });
        }
        let mut next = memmem::find_iter(&self.bytes[1..], &MARK).map(|place| place + 1);
        let is_entry =
            |place: &usize| EntryHeader::read(&self.bytes[*place..], self.key, self.at + *place as u64).is_some();
        let length = next.find(is_entry).unwrap_or(self.bytes.len());
        let (at, end) = self.step(length);
        Some(Piece::Rubbish { at, end })
    }
}
