//! Files that are written anew as a whole: newest first, with a trailer, or as a status. Such a file is read from its
//! beginning whenever it changed, and only records that were not sent before are sent.
//!
//! A record has no place that stays, so its id follows from the path of its file, its text, and which of the records with
//! that text it is. What was sent is remembered as one number a record.

use std::{collections::HashSet, io, time::Instant};

use labtrail_shared::{
    event_id::FileIdentity,
    record_hash,
    settings::{ByteSize, Period},
};
use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::{xxh3_64, xxh3_64_with_seed};

use super::{
    FileSource,
    checkpoint::no_header,
    stream::{Reader, Stream, Turn},
};
use crate::{
    delivery::{Mark, StreamId},
    frame::{FrameState, Step, Window},
    intake::Place,
    parse::ParseContext,
};

/// `snapshot = { ... }`: the files are written anew as a whole.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct SnapshotSection {
    /// A file is read when it did not change for so long, so that it is not read half-written. Records come later by that.
    pub settle: Period,
    /// The largest file that is read; it is held in memory as a whole meanwhile.
    pub bytes_max: ByteSize,
}

impl Default for SnapshotSection {
    fn default() -> Self {
        Self { settle: Period::secs(2), bytes_max: ByteSize::mib(16) }
    }
}

/// What was sent of a file.
#[derive(Debug, Default)]
pub(crate) struct Shipped {
    /// Sent, and perhaps under way. Also what the checkpoint holds, once nothing is under way.
    numbers: HashSet<u64>,
    /// Those of the last reading: a record that is gone for one reading may be back with the next.
    earlier: HashSet<u64>,
    /// The checkpoint does not know them all, or knows too many.
    is_changed: bool,
}

impl Shipped {
    /// What the checkpoint remembers.
    pub(super) fn of_numbers(numbers: impl IntoIterator<Item = u64>) -> Self {
        let numbers: HashSet<u64> = numbers.into_iter().collect();
        Self { earlier: numbers.clone(), numbers, is_changed: false }
    }

    /// Whether the checkpoint is to be told of it.
    pub(super) fn is_changed(&self) -> bool {
        self.is_changed
    }

    /// Forgets what neither this reading nor the one before held: should it ever come back, it has the same id.
    fn forget_all_but(&mut self, seen: HashSet<u64>) {
        let before = self.numbers.len();
        self.numbers.retain(|number| seen.contains(number) || self.earlier.contains(number));
        self.is_changed |= self.numbers.len() != before;
        self.earlier = seen;
    }
}

/// What the ids of such a file's records are derived from: they stay when the file is replaced by another of its name.
pub(super) fn identity_of(agent: &str, path: &std::path::Path) -> FileIdentity {
    let text = format!("{agent}\0{}", path.display());
    let hash = xxh3_64(text.as_bytes());
    FileIdentity { birth_ms: hash >> 16, hash: xxh3_64_with_seed(text.as_bytes(), 1) & 0xFF_FFFF_FFFF }
}

/// What tells a record from the others of its file: its content, and how many with the same stand before it.
fn number_of(raw: &[u8], repeats: u32) -> u64 {
    xxh3_64_with_seed(&repeats.to_le_bytes(), record_hash::of_raw_record(raw))
}

impl Stream {
    /// Reads the whole file and queues the records that were not sent before.
    pub(crate) fn read_snapshot(&mut self, reader: &mut Reader<'_>, settings: &SnapshotSection) -> io::Result<Turn> {
        if reader.now.saturating_duration_since(self.changed_at) < settings.settle.0 {
            return Ok(Turn::Waiting);
        }
        let Some(charset) = self.position.charset else { return Ok(Turn::Elsewhere) };
        // Always the file that the path leads to now.
        self.content = None;
        if !self.open(reader.folder)? {
            return Ok(Turn::Elsewhere);
        }
        let content = self.content.take().expect("it was just opened");
        let length = content.length()?;
        if length > settings.bytes_max.as_usize() as u64 {
            return Err(io::Error::other(format!(
                "the file is larger than snapshot.bytes_max = {:?}: raise it, or follow the file as one that grows",
                settings.bytes_max.to_string()
            )));
        }
        let mut bytes = vec![0; length as usize + 1];
        let read = content.read_full_at(&mut bytes, 0)?;
        bytes.truncate(read);
        if read as u64 != length || content.length()? != length {
            self.changed_at = Instant::now();
            return Ok(Turn::Waiting);
        }
        Ok(self.queue_snapshot(&bytes, charset, reader))
    }

    fn queue_snapshot(&mut self, bytes: &[u8], charset: crate::decode::Charset, reader: &mut Reader<'_>) -> Turn {
        let section = reader.section;
        let window = Window { bytes, base: 0, is_end: true };
        let cuts = [bytes.len() as u64];
        let mut mark = Mark { offset: bytes.len() as u64, epoch: self.read.epoch, ..Mark::default() };
        self.position.header = no_header();
        let mut state = FrameState::default();
        let mut repeats = std::collections::HashMap::new();
        let mut batch = None;
        let mut seen = HashSet::new();
        let mut at = 0;
        let turn = loop {
            match section.framing.step(charset, &window, at, &cuts, &mut state) {
                Step::Open(_) => break Turn::End,
                Step::Aside(aside) => {
                    at = aside.next;
                    self.note_aside(&aside, reader);
                }
                Step::Record(mut record) => {
                    at = record.next;
                    let count = repeats.entry(record_hash::of_raw_record(record.raw)).or_insert(0_u32);
                    let number = number_of(record.raw, *count);
                    *count += 1;
                    seen.insert(number);
                    let is_known = self.snapshot.as_ref().is_some_and(|shipped| shipped.numbers.contains(&number));
                    if is_known {
                        reader.intake.count_known();
                        continue;
                    }
                    let open = if let Some(batch) = &mut batch {
                        batch
                    } else {
                        let facts = self.facts(section);
                        match reader.intake.begin(
                            &facts,
                            &Mark::default(),
                            reader.now_utc_micros,
                            bytes.len() - record.start,
                        ) {
                            Some(begun) => batch.insert(begun),
                            None => break Turn::Blocked,
                        }
                    };
                    // The file is written as a whole: that its last line has no end says nothing.
                    record.is_partial = false;
                    let context = ParseContext { last: mark.last, ..self.parse_context(reader) };
                    let place = Place { number: Some(number), ..Place::at(record.start as u64) };
                    reader.intake.push(open, &section.treatment, &context, &record, place, &mut mark.last);
                    self.records += 1;
                    let shipped = self.snapshot.get_or_insert_default();
                    shipped.numbers.insert(number);
                    shipped.is_changed = true;
                    if reader.intake.is_full(open, &section.treatment) {
                        let full = batch.take().expect("a record was just added to it");
                        reader.intake.close(full, &section.treatment, reader.ledger, (self.id, mark));
                    }
                }
            }
        };
        if let Some(batch) = batch {
            reader.intake.close(batch, &section.treatment, reader.ledger, (self.id, mark));
        }
        if turn == Turn::End {
            self.read = mark;
            self.snapshot.get_or_insert_default().forget_all_but(seen);
        }
        self.unfinished = None;
        turn
    }
}

impl FileSource {
    /// Everything of a stream is acknowledged: what was sent of it is remembered.
    pub(super) fn save_shipped(&mut self, id: StreamId) {
        let Some(shipped) = self.streams.get_mut(&id).and_then(|stream| stream.snapshot.as_mut()) else { return };
        if !std::mem::take(&mut shipped.is_changed) {
            return;
        }
        let numbers: Vec<u64> = shipped.numbers.iter().copied().collect();
        let saved = self.surroundings.checkpoint().save_shipped(id, &numbers);
        if !self.is_written(saved)
            && let Some(shipped) = self.streams.get_mut(&id).and_then(|stream| stream.snapshot.as_mut())
        {
            shipped.is_changed = true;
            self.dirty.insert(id);
        }
    }
}
