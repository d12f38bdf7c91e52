//! The files of the checkpoint. Each begins with all that was remembered when it was made, and grows by what changes. The
//! newest and the one before it are kept; a new one is made beside them and takes its name when it is durable.
//!
//! After an error nothing durable is touched: what could not be written is kept and written by the next call that can.

use std::io;

use tracing::{error, warn};

use super::{
    Damage, DamageReason,
    rows::{Changes, Rows, Writer, read},
};
use crate::disk::{Disk, DiskFile, read_rest};

/// A file that is more than twice as long as it began, and this, is made anew.
const SLACK_BYTES: u64 = 256 << 10;
/// How many damaged files are kept to be looked at.
const DAMAGED_KEPT: usize = 3;

/// The files, and what they hold.
#[derive(Debug)]
pub(super) struct Generations<D: Disk> {
    disk: D,
    stem: String,
    pub rows: Rows,
    /// What is not durable yet.
    unsaved: Changes,
    newest: Option<Newest<D::File>>,
    /// The number of the newest file, whether it can be used or not.
    number: u64,
    /// Files that were damaged: put aside when a new one is durable.
    damaged: Vec<String>,
}

/// The file that is added to.
#[derive(Debug)]
struct Newest<F> {
    file: F,
    began_bytes: u64,
    bytes: u64,
    rows: u32,
}

impl<D: Disk> Generations<D> {
    /// Reads what is there. Nothing is written yet.
    pub(super) fn open(disk: D, stem: String) -> io::Result<(Self, Vec<Damage>)> {
        let names = disk.names()?;
        let mut numbers: Vec<u64> = names.iter().filter_map(|name| number_of(name, &stem)).collect();
        numbers.sort_unstable();
        let number = numbers.last().copied().unwrap_or(0);
        let (rows, unsaved) = Default::default();
        let mut generations = Self { disk, stem, rows, unsaved, newest: None, number, damaged: Vec::new() };
        let mut all_damage = Vec::new();
        // An older file only fills what damage took from a newer one.
        for number in numbers.into_iter().rev() {
            let name = generations.file_name(number);
            let (bytes, is_readable) = generations.read_file(&name);
            let found = read(&bytes, number);
            for (id, position) in found.changes.positions {
                if all_damage.is_empty() {
                    position.map(|position| generations.rows.positions.insert(id, position));
                } else if let Some(position) = position {
                    generations.rows.positions.entry(id).or_insert(position);
                }
            }
            generations.rows.patterns.extend(found.changes.patterns);
            for (id, numbers) in found.changes.shipped {
                generations.rows.shipped.entry(id).or_insert(numbers);
            }
            let is_worse = !is_readable || found.damage.iter().any(|damage| damage.reason != DamageReason::Tail);
            if is_worse {
                generations.damaged.push(name.clone());
            } else if found.damage.is_empty() && all_damage.is_empty() {
                let file = generations.disk.open(&name).ok();
                let bytes = bytes.len() as u64;
                generations.newest =
                    file.map(|file| Newest { file, began_bytes: found.began_bytes, bytes, rows: found.rows });
            }
            for damage in found.damage {
                let reason = if is_readable { damage.reason } else { DamageReason::Unreadable };
                let damage = Damage { file: name.clone(), reason, ..damage };
                warn!(%damage, "checkpoint: part of it cannot be used, what it said is read again");
                all_damage.push(damage);
            }
            if !is_worse {
                break;
            }
        }
        Ok((generations, all_damage))
    }

    /// Whether there is any file.
    pub(super) fn is_new(&self) -> bool {
        self.number == 0
    }

    /// Adds to what is to be saved.
    pub(super) fn change(&mut self, change: impl FnOnce(&mut Changes)) {
        change(&mut self.unsaved);
    }

    /// Makes all changes durable, those too whose saving failed before.
    pub(super) fn save(&mut self) -> io::Result<()> {
        if self.unsaved.is_empty() && self.damaged.is_empty() {
            return Ok(());
        }
        let is_due = |newest: &Newest<_>| newest.bytes > 2 * newest.began_bytes + SLACK_BYTES;
        if self.newest.as_ref().is_none_or(is_due) {
            match self.begin_file() {
                // A disk that has no room for a whole file may still have some for what changed.
                Err(_) if self.newest.is_some() => {}
                result => return result,
            }
        }
        let newest = self.newest.as_mut().expect("without one a file was begun");
        let writer = Writer::new(self.number, newest.bytes, newest.rows).changes(&self.unsaved);
        if let Err(error) = newest.file.write_at(&writer.bytes, newest.bytes) {
            // If this fails too, the next rows are written over what is left.
            let _ = newest.file.set_length(newest.bytes);
            return Err(error);
        }
        if let Err(error) = newest.file.sync() {
            // The rows are written again by the next call; a new file may lie where the disk is better.
            self.newest = None;
            return Err(error);
        }
        newest.bytes += writer.bytes.len() as u64;
        newest.rows = writer.rows();
        self.rows.apply(std::mem::take(&mut self.unsaved));
        Ok(())
    }

    /// Writes all that is remembered into a new file.
    pub(super) fn begin_file(&mut self) -> io::Result<()> {
        let number = self.number + 1;
        let (temporary, name) = (format!("{}.new", self.stem), self.file_name(number));
        let file = self.disk.create(&temporary)?;
        let written = Writer::snapshot(number, (&self.rows, &self.unsaved), &file);
        let written = match written.and_then(|written| file.sync().map(|()| written)) {
            Ok(written) => written,
            Err(error) => {
                let _ = file.set_length(0);
                let _ = self.disk.remove(&temporary);
                return Err(error);
            }
        };
        self.disk.rename(&temporary, &name)?;
        // From here on the older file is not the newest, whether the new name is durable or not.
        self.newest = None;
        self.number = number;
        self.disk.sync()?;
        let (bytes, rows) = (written.bytes, written.rows);
        self.newest = Some(Newest { file, began_bytes: bytes, bytes, rows });
        self.rows.apply(std::mem::take(&mut self.unsaved));
        self.tidy_up();
        Ok(())
    }

    /// Puts damaged files aside and removes those that are older than the one before the newest.
    fn tidy_up(&mut self) {
        for name in std::mem::take(&mut self.damaged) {
            self.put_aside(&name);
        }
        let mut numbers: Vec<u64> =
            self.disk.names().unwrap_or_default().iter().filter_map(|name| number_of(name, &self.stem)).collect();
        numbers.sort_unstable();
        numbers.iter().rev().skip(2).for_each(|number| {
            let _ = self.disk.remove(&self.file_name(*number));
        });
    }

    /// Keeps a damaged file under another name. When there are enough of them, the last makes way.
    pub(super) fn put_aside(&self, name: &str) {
        let names = self.disk.names().unwrap_or_default();
        let asides = (1..=DAMAGED_KEPT).map(|number| match number {
            1 => format!("{}.damaged", self.stem),
            number => format!("{}.damaged-{number}", self.stem),
        });
        let asides: Vec<String> = asides.collect();
        let aside = asides.iter().find(|aside| !names.contains(aside)).unwrap_or(&asides[DAMAGED_KEPT - 1]);
        match self.disk.rename(name, aside) {
            Ok(()) => error!(file = name, aside, "checkpoint is damaged: put aside"),
            Err(error) => error!(file = name, %error, "checkpoint is damaged and cannot be put aside"),
        }
    }

    /// What is remembered, durable or not.
    pub(super) fn remembered(&self) -> Rows {
        let mut rows = self.rows.clone();
        rows.apply(self.unsaved.clone());
        rows
    }

    /// Whether this pattern is remembered, durably or not.
    pub(super) fn has_pattern(&self, pattern: &str) -> bool {
        self.rows.patterns.contains(pattern) || self.unsaved.patterns.contains(pattern)
    }

    fn read_file(&self, name: &str) -> (Vec<u8>, bool) {
        let length = |file: &D::File| file.length();
        match self.disk.open(name).and_then(|file| Ok((length(&file)?, file))) {
            Ok((length, file)) => read_rest(&file, 0, length),
            Err(_) => (Vec::new(), false),
        }
    }

    fn file_name(&self, number: u64) -> String {
        format!("{}.{number}.rows", self.stem)
    }
}

fn number_of(name: &str, stem: &str) -> Option<u64> {
    let number = name.strip_prefix(stem)?.strip_prefix('.')?.strip_suffix(".rows")?;
    number.parse().ok().filter(|parsed: &u64| *parsed > 0 && parsed.to_string() == number)
}
