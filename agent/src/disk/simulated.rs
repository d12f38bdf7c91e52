//! A disk in memory that can be full, fail to sync, and crash: then it forgets any part of what was not synced.

use std::{cell::RefCell, collections::BTreeMap, io, rc::Rc};

use super::{Disk, DiskFile};

/// Crashes may keep one of these and lose the next.
const SECTOR: usize = 16;

#[derive(Debug, Clone)]
enum Change {
    Write { at: usize, bytes: Vec<u8> },
    Length(usize),
}

#[derive(Debug, Clone)]
enum Naming {
    Set(String, usize),
    Remove(String),
    Move(String, String, usize),
}

#[derive(Debug, Default, Clone)]
struct Content {
    now: Vec<u8>,
    durable: Vec<u8>,
    unsynced: Vec<Change>,
}

#[derive(Debug, Default)]
struct Inner {
    contents: Vec<Content>,
    now: BTreeMap<String, usize>,
    durable: BTreeMap<String, usize>,
    unsynced: Vec<Naming>,
    /// Bytes that can still be written.
    room: Option<usize>,
    failing_syncs: u32,
    failing_reads: u32,
    random: u64,
}

/// What a crash leaves of the writes that were not synced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Crash {
    /// The first ones, the last of them in part.
    Prefix,
    /// Any of them, each in any parts.
    Any,
}

/// The disk; clones are the same.
#[derive(Debug, Default, Clone)]
pub(crate) struct Simulated(Rc<RefCell<Inner>>);

/// A file on it.
#[derive(Debug)]
pub(crate) struct SimulatedFile(Rc<RefCell<Inner>>, usize);

impl Simulated {
    /// So many bytes can still be written; `None` for any number.
    pub(crate) fn set_room(&self, room: Option<usize>) {
        self.0.borrow_mut().room = room;
    }

    /// So many syncs fail; what they should have made durable is not written later either, as on Linux.
    pub(crate) fn fail_syncs(&self, count: u32) {
        self.0.borrow_mut().failing_syncs = count;
    }

    /// So many reads fail.
    pub(crate) fn fail_reads(&self, count: u32) {
        self.0.borrow_mut().failing_reads = count;
    }

    /// Its files now.
    pub(crate) fn files(&self) -> BTreeMap<String, Vec<u8>> {
        let inner = self.0.borrow();
        inner.now.iter().map(|(name, id)| (name.clone(), inner.contents[*id].now.clone())).collect()
    }

    /// A disk that holds these files, durably.
    pub(crate) fn holding(files: &BTreeMap<String, Vec<u8>>) -> Self {
        let mut inner = Inner::default();
        for (name, bytes) in files {
            inner.now.insert(name.clone(), inner.contents.len());
            inner.contents.push(Content { now: bytes.clone(), durable: bytes.clone(), unsynced: Vec::new() });
        }
        inner.durable = inner.now.clone();
        Self(Rc::new(RefCell::new(inner)))
    }

    /// What is on the disk after the power was cut.
    pub(crate) fn crash(&self, how: Crash, seed: u64) -> Self {
        let mut inner = self.0.borrow_mut();
        inner.random = seed | 1;
        let mut names = inner.durable.clone();
        let namings = std::mem::take(&mut inner.unsynced);
        let kept = inner.below(namings.len() + 1);
        for (index, naming) in namings.into_iter().enumerate() {
            let keep = if how == Crash::Prefix { index < kept } else { inner.below(2) == 0 };
            if keep {
                naming.apply(&mut names);
            }
        }
        let mut files = BTreeMap::new();
        for (name, id) in names {
            let content = inner.contents[id].clone();
            let mut bytes = content.durable;
            let kept = inner.below(content.unsynced.len() + 1);
            for (index, change) in content.unsynced.iter().enumerate() {
                match how {
                    Crash::Prefix if index < kept => change.apply(&mut bytes),
                    Crash::Prefix if index == kept => {
                        if let Change::Write { at, bytes: written } = change {
                            let part = inner.below(written.len() + 1);
                            Change::Write { at: *at, bytes: written[..part].to_vec() }.apply(&mut bytes);
                        }
                    }
                    Crash::Prefix => {}
                    Crash::Any => match change {
                        Change::Write { at, bytes: written } => {
                            for (index, part) in written.chunks(SECTOR).enumerate() {
                                if inner.below(4) != 0 {
                                    Change::Write { at: at + index * SECTOR, bytes: part.to_vec() }.apply(&mut bytes);
                                }
                            }
                        }
                        length @ Change::Length(_) if inner.below(2) == 0 => length.apply(&mut bytes),
                        Change::Length(_) => {}
                    },
                }
            }
            files.insert(name, bytes);
        }
        Self::holding(&files)
    }
}

impl Inner {
    /// A number below the bound (xorshift).
    fn below(&mut self, bound: usize) -> usize {
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        (self.random >> 11) as usize % bound
    }

    fn name(&mut self, naming: Naming) {
        naming.apply(&mut self.now);
        self.unsynced.push(naming);
    }

    fn take_failure(count: &mut u32) -> io::Result<()> {
        if *count == 0 {
            return Ok(());
        }
        *count -= 1;
        Err(io::Error::other("the disk fails"))
    }
}

impl Naming {
    fn apply(&self, names: &mut BTreeMap<String, usize>) {
        match self {
            Self::Set(name, id) => {
                names.insert(name.clone(), *id);
            }
            Self::Remove(name) => {
                names.remove(name);
            }
            Self::Move(from, to, id) => {
                names.remove(from);
                names.insert(to.clone(), *id);
            }
        }
    }
}

impl Change {
    fn apply(&self, content: &mut Vec<u8>) {
        match self {
            Self::Write { at, bytes } => {
                let end = at + bytes.len();
                if content.len() < end && !bytes.is_empty() {
                    content.resize(end, 0);
                }
                if !bytes.is_empty() {
                    content[*at..end].copy_from_slice(bytes);
                }
            }
            Self::Length(length) => content.resize(*length, 0),
        }
    }
}

impl Disk for Simulated {
    type File = SimulatedFile;

    fn names(&self) -> io::Result<Vec<String>> {
        Ok(self.0.borrow().now.keys().cloned().collect())
    }

    fn create(&self, name: &str) -> io::Result<SimulatedFile> {
        if let Ok(file) = self.open(name) {
            file.set_length(0)?;
            return Ok(file);
        }
        let mut inner = self.0.borrow_mut();
        let id = inner.contents.len();
        inner.contents.push(Content::default());
        inner.name(Naming::Set(name.to_owned(), id));
        Ok(SimulatedFile(Rc::clone(&self.0), id))
    }

    fn open(&self, name: &str) -> io::Result<SimulatedFile> {
        let id = self.0.borrow().now.get(name).copied().ok_or(io::ErrorKind::NotFound)?;
        Ok(SimulatedFile(Rc::clone(&self.0), id))
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        self.open(name)?;
        self.0.borrow_mut().name(Naming::Remove(name.to_owned()));
        Ok(())
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        let id = self.open(from)?.1;
        self.0.borrow_mut().name(Naming::Move(from.to_owned(), to.to_owned(), id));
        Ok(())
    }

    fn sync(&self) -> io::Result<()> {
        let mut inner = self.0.borrow_mut();
        Inner::take_failure(&mut inner.failing_syncs)?;
        inner.unsynced.clear();
        inner.durable = inner.now.clone();
        Ok(())
    }

    fn free_bytes(&self) -> io::Result<Option<u64>> {
        Ok(self.0.borrow().room.map(|room| room as u64))
    }
}

impl DiskFile for SimulatedFile {
    fn length(&self) -> io::Result<u64> {
        Ok(self.0.borrow().contents[self.1].now.len() as u64)
    }

    fn read_at(&self, buffer: &mut [u8], at: u64) -> io::Result<()> {
        let mut inner = self.0.borrow_mut();
        Inner::take_failure(&mut inner.failing_reads)?;
        let content = &inner.contents[self.1].now;
        let bytes = content.get(at as usize..at as usize + buffer.len()).ok_or(io::ErrorKind::UnexpectedEof)?;
        buffer.copy_from_slice(bytes);
        Ok(())
    }

    fn write_at(&self, bytes: &[u8], at: u64) -> io::Result<()> {
        let mut inner = self.0.borrow_mut();
        let at = at as usize;
        // Only what makes the file longer needs room.
        let in_place = inner.contents[self.1].now.len().saturating_sub(at);
        let fits = inner.room.map_or(bytes.len(), |room| bytes.len().min(in_place + room));
        let grows = fits.saturating_sub(in_place);
        inner.room = inner.room.map(|room| room - grows);
        let content = &mut inner.contents[self.1];
        let change = Change::Write { at, bytes: bytes[..fits].to_vec() };
        change.apply(&mut content.now);
        content.unsynced.push(change);
        if fits < bytes.len() { Err(io::ErrorKind::StorageFull.into()) } else { Ok(()) }
    }

    fn set_length(&self, length: u64) -> io::Result<()> {
        let content = &mut self.0.borrow_mut().contents[self.1];
        let change = Change::Length(length as usize);
        change.apply(&mut content.now);
        content.unsynced.push(change);
        Ok(())
    }

    fn sync(&self) -> io::Result<()> {
        let mut inner = self.0.borrow_mut();
        if let Err(error) = Inner::take_failure(&mut inner.failing_syncs) {
            inner.contents[self.1].unsynced.clear();
            return Err(error);
        }
        let content = &mut inner.contents[self.1];
        for change in std::mem::take(&mut content.unsynced) {
            change.apply(&mut content.durable);
        }
        Ok(())
    }
}
