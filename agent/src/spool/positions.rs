//! How far the spool was delivered, in a file of two slots that are written in turn: whatever a crash does to one, the
//! other is whole.

use std::io;

use xxhash_rust::xxh3::xxh3_64;

use super::{Count, u64_at};
use crate::disk::{Disk, DiskFile, read_rest};

/// The file's name.
pub(super) const FILE_NAME: &str = "positions";

const MAGIC_AND_VERSION: [u8; 8] = *b"LTSPOSN\x01";
/// Bytes of a slot: magic 7, version 1, spool 8, sequence 8, four counts of 24, checksum 8; little-endian.
const SLOT_BYTES: usize = 128;
/// The slots lie in different blocks of the disk.
const SLOT_AT: [u64; 2] = [0, 4096];

/// What is saved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Saved {
    /// The random id of the spool.
    pub spool: u64,
    /// All before this place is delivered, dropped or lost.
    pub settled: Count,
    /// All before this place was synced.
    pub synced: Count,
    /// What was dropped because the spool was full.
    pub dropped: Count,
    /// What was damaged.
    pub lost: Count,
}

impl Saved {
    fn to_bytes(self, sequence: u64) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(SLOT_BYTES);
        bytes.extend_from_slice(&MAGIC_AND_VERSION);
        bytes.extend_from_slice(&self.spool.to_le_bytes());
        bytes.extend_from_slice(&sequence.to_le_bytes());
        for count in [self.settled, self.synced, self.dropped, self.lost] {
            bytes.extend_from_slice(&count.to_bytes());
        }
        let hash = xxh3_64(&bytes);
        bytes.extend_from_slice(&hash.to_le_bytes());
        bytes
    }

    fn read(bytes: &[u8]) -> Option<(u64, Self)> {
        let slot = bytes.get(..SLOT_BYTES)?;
        if slot[..8] != MAGIC_AND_VERSION || u64_at(slot, 120) != xxh3_64(&slot[..120]) {
            return None;
        }
        let [settled, synced, dropped, lost] = [24, 48, 72, 96].map(|at| Count::from_bytes(&slot[at..at + 24]));
        Some((u64_at(slot, 16), Self { spool: u64_at(slot, 8), settled, synced, dropped, lost }))
    }
}

/// The file.
#[derive(Debug)]
pub(super) struct Positions<F> {
    /// `None` until it is first written.
    file: Option<F>,
    slots: [Option<(u64, Saved)>; 2],
    is_named: bool,
}

impl<F: DiskFile> Positions<F> {
    /// Opens the file if it is there.
    pub(super) fn open(disk: &impl Disk<File = F>) -> Self {
        let mut positions = Self { file: None, slots: [None; 2], is_named: true };
        if let Ok(file) = disk.open(FILE_NAME) {
            let (bytes, _) = read_rest(&file, 0, file.length().unwrap_or(0).min(2 * SLOT_AT[1]));
            positions.slots = SLOT_AT.map(|at| Saved::read(bytes.get(at as usize..)?));
            positions.file = Some(file);
        }
        positions
    }

    /// What was saved last.
    pub(super) fn newest(&self) -> Option<Saved> {
        self.slots.iter().flatten().max_by_key(|(sequence, _)| sequence).map(|(_, saved)| *saved)
    }

    /// The place that each of the slots says is settled: what lies before it is needed no more, even if one is damaged.
    pub(super) fn settled_by_both(&self) -> Count {
        let [first, second] = self.slots.map(|slot| slot.map_or(Count::default(), |(_, saved)| saved.settled));
        if first.is_before(second) { first } else { second }
    }

    /// Saves durably, over the older slot.
    pub(super) fn write(&mut self, disk: &impl Disk<File = F>, saved: Saved) -> io::Result<()> {
        let sequences = self.slots.map(|slot| slot.map_or(0, |(sequence, _)| sequence));
        let slot = usize::from(sequences[1] < sequences[0]);
        let sequence = sequences[0].max(sequences[1]) + 1;
        if self.file.is_none() {
            let file = disk.create(FILE_NAME)?;
            // Takes its room now: later it is written when the disk may be full, to make room.
            file.write_at(&[0; SLOT_AT[1] as usize + SLOT_BYTES], 0)?;
            self.file = Some(file);
            self.is_named = false;
        }
        let file = self.file.as_ref().expect("was just made");
        // The slot is not whole while it is written; a failure leaves it to be written again.
        self.slots[slot] = None;
        file.write_at(&saved.to_bytes(sequence), SLOT_AT[slot])?;
        file.sync()?;
        if !self.is_named {
            disk.sync()?;
            self.is_named = true;
        }
        self.slots[slot] = Some((sequence, saved));
        Ok(())
    }

    /// Whether it was ever saved.
    pub(super) fn is_written(&self) -> bool {
        self.newest().is_some() && self.is_named
    }
}
