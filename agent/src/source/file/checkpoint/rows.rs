//! Rows in a file of the checkpoint: each with a checksum, each found again behind damage. Bytes in, rows out.

use std::{
    collections::{BTreeMap, BTreeSet},
    io,
};

use memchr::memmem;
use xxhash_rust::xxh3::xxh3_64_with_seed;

use super::{Damage, DamageReason};
use crate::{delivery::StreamId, disk::DiskFile};

/// Bytes before a row's content: mark 4, kind 4, length 4, number in the file 4, key 8, checksum 8; little-endian.
const ROW_HEADER_BYTES: usize = 32;
const MARK: [u8; 4] = *b"\xF1LTr";
/// Begins each file; the last byte is the version. The row that follows it is an ordinary one.
const MAGIC_AND_VERSION: [u8; 8] = *b"LTCHKPT\x01";

/// Bytes of an empty file.
pub(super) const FILE_HEADER_BYTES: usize = MAGIC_AND_VERSION.len();

const POSITION: u32 = 1;
const REMOVED: u32 = 2;
const PATTERN: u32 = 3;
/// Ends what a file began with: all that was remembered then. Its key is the number of rows.
const COMPLETE: u32 = 4;
/// Numbers of records that were sent of a stream, in the place of those before.
const SHIPPED: u32 = 5;

/// What is remembered: positions as JSON by stream, and the patterns that were followed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Rows {
    pub positions: BTreeMap<StreamId, Box<[u8]>>,
    pub patterns: BTreeSet<String>,
    /// What was sent of files that are written anew as a whole.
    pub shipped: BTreeMap<StreamId, Vec<u64>>,
}

/// What is to be remembered; `None` for what is to be forgotten.
#[derive(Debug, Clone, Default)]
pub(super) struct Changes {
    pub positions: BTreeMap<StreamId, Option<Box<[u8]>>>,
    pub patterns: BTreeSet<String>,
    /// What was sent of files that are written anew as a whole, where that changed.
    pub shipped: BTreeMap<StreamId, Vec<u64>>,
}

impl Changes {
    pub(super) fn is_empty(&self) -> bool {
        self.positions.is_empty() && self.patterns.is_empty() && self.shipped.is_empty()
    }
}

impl Rows {
    pub(super) fn apply(&mut self, changes: Changes) {
        for (id, position) in changes.positions {
            if let Some(position) = position {
                self.positions.insert(id, position);
            } else {
                self.positions.remove(&id);
                self.shipped.remove(&id);
            }
        }
        self.patterns.extend(changes.patterns);
        self.shipped.extend(changes.shipped);
    }
}

/// How much of a whole file is written at a time.
const CHUNK_BYTES: usize = 64 << 10;

/// A whole file that was written.
#[derive(Debug, Clone, Copy)]
pub(super) struct Written {
    pub bytes: u64,
    pub rows: u32,
}

/// Builds the bytes of a file, or of what is added to it.
#[derive(Debug)]
pub(super) struct Writer {
    generation: u64,
    /// Where in the file the bytes will lie.
    at: u64,
    number: u32,
    pub bytes: Vec<u8>,
}

impl Writer {
    pub(super) fn new(generation: u64, at: u64, number: u32) -> Self {
        Self { generation, at, number, bytes: Vec::new() }
    }

    /// Writes a whole file: all that is remembered, and what changed since. Nothing of it is held in memory a second time.
    pub(super) fn snapshot(
        generation: u64,
        (rows, changes): (&Rows, &Changes),
        file: &impl DiskFile,
    ) -> io::Result<Written> {
        let mut writer = Self::new(generation, 0, 0);
        writer.bytes.extend_from_slice(&MAGIC_AND_VERSION);
        for pattern in rows.patterns.union(&changes.patterns) {
            writer.row(PATTERN, 0, pattern.as_bytes());
        }
        let is_kept = |id: &StreamId| !changes.positions.contains_key(id);
        let kept = rows.positions.iter().filter(|(id, _)| is_kept(id));
        let others = changes.positions.iter().filter_map(|(id, position)| Some((id, position.as_ref()?)));
        for (id, position) in kept.chain(others) {
            writer.row(POSITION, *id, position);
            writer.pass_on(file, CHUNK_BYTES)?;
        }
        let is_removed = |id: &StreamId| changes.positions.get(id).is_some_and(Option::is_none);
        let is_same = |id: &StreamId| !is_removed(id) && !changes.shipped.contains_key(id);
        for (id, numbers) in rows.shipped.iter().filter(|(id, _)| is_same(id)).chain(&changes.shipped) {
            writer.row(SHIPPED, *id, &bytes_of(numbers));
            writer.pass_on(file, CHUNK_BYTES)?;
        }
        writer.row(COMPLETE, writer.number.into(), b"");
        writer.pass_on(file, 0)?;
        Ok(Written { bytes: writer.at, rows: writer.number })
    }

    /// Writes what there is, if it is more than that.
    fn pass_on(&mut self, file: &impl DiskFile, bytes_min: usize) -> io::Result<()> {
        if self.bytes.len() > bytes_min {
            file.write_at(&self.bytes, self.at)?;
            self.at += self.bytes.len() as u64;
            self.bytes.clear();
        }
        Ok(())
    }

    pub(super) fn changes(mut self, changes: &Changes) -> Self {
        changes.patterns.iter().for_each(|pattern| self.row(PATTERN, 0, pattern.as_bytes()));
        for (id, position) in &changes.positions {
            match position {
                Some(position) => self.row(POSITION, *id, position),
                None => self.row(REMOVED, *id, b""),
            }
        }
        changes.shipped.iter().for_each(|(id, numbers)| self.row(SHIPPED, *id, &bytes_of(numbers)));
        self
    }

    /// How many rows the file has with these.
    pub(super) fn rows(&self) -> u32 {
        self.number
    }

    fn row(&mut self, kind: u32, key: u64, content: &[u8]) {
        let start = self.bytes.len();
        self.bytes.extend_from_slice(&MARK);
        for field in [kind, content.len() as u32, self.number] {
            self.bytes.extend_from_slice(&field.to_le_bytes());
        }
        self.bytes.extend_from_slice(&key.to_le_bytes());
        let hash = hash(&self.bytes[start..], content, self.generation, self.at + start as u64);
        self.bytes.extend_from_slice(&hash.to_le_bytes());
        self.bytes.extend_from_slice(content);
        self.number += 1;
    }
}

/// What a file holds.
#[derive(Debug, Default)]
pub(super) struct Found {
    pub changes: Changes,
    /// How many rows it has, good or not.
    pub rows: u32,
    /// How long it was when it was begun; 0 if that cannot be told.
    pub began_bytes: u64,
    /// Empty if the file is as it was written.
    pub damage: Vec<Damage>,
}

/// Reads a file.
pub(super) fn read(bytes: &[u8], generation: u64) -> Found {
    let mut found = Found::default();
    if bytes.get(..FILE_HEADER_BYTES) != Some(&MAGIC_AND_VERSION[..]) {
        found.damaged(0, FILE_HEADER_BYTES.min(bytes.len()), DamageReason::Checksum);
    }
    let mut at = FILE_HEADER_BYTES;
    while at < bytes.len() {
        if let Some(row) = Row::read(bytes, at, generation) {
            at += ROW_HEADER_BYTES + row.content.len();
            found.row(&row, at);
            continue;
        }
        let mut marks = memmem::find_iter(&bytes[at + 1..], &MARK).map(|place| at + 1 + place);
        let next = marks.find(|place| Row::read(bytes, *place, generation).is_some());
        let end = next.unwrap_or(bytes.len());
        let is_tail = next.is_none() && found.began_bytes > 0;
        found.damaged(at, end - at, if is_tail { DamageReason::Tail } else { DamageReason::Checksum });
        at = end;
    }
    if found.began_bytes == 0 && found.damage.is_empty() {
        found.damaged(at, 0, DamageReason::Checksum);
    }
    found
}

impl Found {
    fn damaged(&mut self, at: usize, bytes: usize, reason: DamageReason) {
        let (at, bytes) = (at as u64, bytes as u64);
        self.damage.push(Damage { file: String::new(), at, bytes, reason, rows: None });
    }

    fn row(&mut self, row: &Row<'_>, end: usize) {
        if let Some(damage) = self.damage.last_mut()
            && row.number > self.rows
        {
            damage.rows = Some(row.number - self.rows);
        }
        self.rows = row.number.saturating_add(1);
        match row.kind {
            POSITION => drop(self.changes.positions.insert(row.key, Some(row.content.into()))),
            REMOVED => {
                self.changes.positions.insert(row.key, None);
                self.changes.shipped.remove(&row.key);
            }
            SHIPPED => drop(self.changes.shipped.insert(row.key, numbers_of(row.content).collect())),
            PATTERN => drop(self.changes.patterns.insert(String::from_utf8_lossy(row.content).into_owned())),
            COMPLETE => self.began_bytes = end as u64,
            // A later version's: not understood, not wrong.
            _ => {}
        }
    }
}

fn bytes_of(numbers: &[u64]) -> Vec<u8> {
    numbers.iter().flat_map(|number| number.to_le_bytes()).collect()
}

fn numbers_of(bytes: &[u8]) -> impl Iterator<Item = u64> {
    let number = |bytes: &[u8]| u64::from_le_bytes(bytes.try_into().expect("eight bytes"));
    bytes.chunks_exact(8).map(number)
}

struct Row<'a> {
    kind: u32,
    number: u32,
    key: u64,
    content: &'a [u8],
}

impl<'a> Row<'a> {
    fn read(bytes: &'a [u8], at: usize, generation: u64) -> Option<Self> {
        let header = bytes.get(at..at + ROW_HEADER_BYTES)?;
        let word = |at: usize| u32::from_le_bytes(header[at..at + 4].try_into().expect("four bytes"));
        let long = |at: usize| u64::from_le_bytes(header[at..at + 8].try_into().expect("eight bytes"));
        let content = bytes[at + ROW_HEADER_BYTES..].get(..word(8) as usize)?;
        let is_good = header[..4] == MARK && long(24) == hash(&header[..24], content, generation, at as u64);
        is_good.then(|| Self { kind: word(4), number: word(12), key: long(16), content })
    }
}

/// Also of where the row lies, so that the rest of an older file is not taken for a row of this one.
fn hash(header: &[u8], content: &[u8], generation: u64, at: u64) -> u64 {
    let seed = xxh3_64_with_seed(content, generation);
    xxh3_64_with_seed(&header[..24], seed ^ at)
}
