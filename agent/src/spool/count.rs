//! How much: entries, the records in them, the bytes of them. Also a place in the spool, as all that was ever stored
//! before it.

use std::ops::{Add, AddAssign, Sub};

/// So many entries, records and bytes of payload.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Count {
    pub entries: u64,
    pub records: u64,
    pub bytes: u64,
}

impl Count {
    /// One entry.
    pub(crate) fn entry(records: u32, bytes: usize) -> Self {
        Self { entries: 1, records: records.into(), bytes: bytes as u64 }
    }

    /// The later of two places.
    pub(super) fn later(self, other: Self) -> Self {
        if other.entries > self.entries { other } else { self }
    }

    pub(super) fn is_before(self, other: Self) -> bool {
        self.entries < other.entries
    }

    pub(super) fn to_bytes(self) -> [u8; 24] {
        let mut bytes = [0; 24];
        for (place, value) in bytes.chunks_exact_mut(8).zip([self.entries, self.records, self.bytes]) {
            place.copy_from_slice(&value.to_le_bytes());
        }
        bytes
    }

    pub(super) fn from_bytes(bytes: &[u8]) -> Self {
        let [entries, records, bytes] = [0, 8, 16].map(|at| super::u64_at(bytes, at));
        Self { entries, records, bytes }
    }
}

impl Add for Count {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self {
            entries: self.entries.saturating_add(other.entries),
            records: self.records.saturating_add(other.records),
            bytes: self.bytes.saturating_add(other.bytes),
        }
    }
}

impl AddAssign for Count {
    fn add_assign(&mut self, other: Self) {
        *self = *self + other;
    }
}

/// Never below nothing: places of a damaged spool need not fit together.
impl Sub for Count {
    type Output = Self;

    fn sub(self, other: Self) -> Self {
        Self {
            entries: self.entries.saturating_sub(other.entries),
            records: self.records.saturating_sub(other.records),
            bytes: self.bytes.saturating_sub(other.bytes),
        }
    }
}
