//! One entry as it lies in a segment: a header with its place in the spool, then the payload.
//!
//! The header has a checksum of its own, so that a damaged payload can be stepped over exactly. The checksum also covers
//! where the entry lies and the random id of the spool: neither the rest of an older file nor bytes that a sender chose
//! are ever taken for an entry.

use xxhash_rust::xxh3::{xxh3_64, xxh3_64_with_seed};

use super::{Count, u64_at};

/// Bytes of an entry's header: mark 8, length 4, records 4, place 24, checksum of the payload 8, of the header 8; little-endian.
pub(super) const ENTRY_HEADER_BYTES: usize = 56;

/// Begins each entry: what is searched for behind damage.
pub(super) const MARK: [u8; 8] = *b"\xF1LTe\x9Dy\x01\xEE";

/// Which segment of which spool.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Key {
    pub spool: u64,
    pub segment: u64,
}

/// What an entry's header says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct EntryHeader {
    pub records: u32,
    pub payload_bytes: usize,
    /// All that was stored before it.
    pub place: Count,
    payload_hash: u64,
}

impl EntryHeader {
    /// The place behind it.
    pub(super) fn end(&self) -> Count {
        self.place + Count::entry(self.records, self.payload_bytes)
    }

    /// Bytes of the whole entry.
    pub(super) fn entry_bytes(&self) -> usize {
        ENTRY_HEADER_BYTES + self.payload_bytes
    }

    /// Reads the header at the beginning of `bytes`, which lies at `at` in the segment; `None` if it is damaged or none.
    pub(super) fn read(bytes: &[u8], key: Key, at: u64) -> Option<Self> {
        let header = bytes.get(..ENTRY_HEADER_BYTES)?;
        if header[..8] != MARK || u64_at(header, 48) != header_hash(header, key, at) {
            return None;
        }
        let word = |at: usize| u32::from_le_bytes(header[at..at + 4].try_into().expect("four bytes"));
        Some(Self {
            payload_bytes: word(8) as usize,
            records: word(12),
            place: Count::from_bytes(&header[16..40]),
            payload_hash: u64_at(header, 40),
        })
    }

    /// Whether this is the payload that was stored.
    pub(super) fn fits(&self, payload: &[u8]) -> bool {
        payload.len() == self.payload_bytes && xxh3_64(payload) == self.payload_hash
    }
}

/// Adds an entry to `buffer`.
pub(super) fn write(buffer: &mut Vec<u8>, payload: &[u8], records: u32, place: Count, key: Key, at: u64) {
    let start = buffer.len();
    buffer.extend_from_slice(&MARK);
    buffer.extend_from_slice(&(payload.len() as u32).to_le_bytes());
    buffer.extend_from_slice(&records.to_le_bytes());
    buffer.extend_from_slice(&place.to_bytes());
    buffer.extend_from_slice(&xxh3_64(payload).to_le_bytes());
    let hash = header_hash(&buffer[start..], key, at);
    buffer.extend_from_slice(&hash.to_le_bytes());
    buffer.extend_from_slice(payload);
}

fn header_hash(header: &[u8], key: Key, at: u64) -> u64 {
    let mut bytes = [0; 64];
    bytes[..48].copy_from_slice(&header[..48]);
    bytes[48..56].copy_from_slice(&key.segment.to_le_bytes());
    bytes[56..].copy_from_slice(&at.to_le_bytes());
    xxh3_64_with_seed(&bytes, key.spool)
}
