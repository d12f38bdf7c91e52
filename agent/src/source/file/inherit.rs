//! Files that go on where others ended: copies that rotation leaves, packed or not, and files that came back under
//! another number.

use std::{
    fs::Metadata,
    io,
    path::{Path, PathBuf},
    sync::Arc,
    time::{Instant, SystemTime},
};

use tracing::{debug, info, warn};

use super::{
    FileSource,
    checkpoint::{Packed, Position},
    content::Content,
    continuation::{self, holds, is_beginning_of, is_generation_of},
    discover::Found,
    folders::Folders,
    identity::{HEAD_BYTES, Head, Locator, head_start},
    stream::{Beginning, State},
    taking_in::new_stream,
};
use crate::{delivery::StreamId, platform};

/// What a file that nobody knows has to do with those that are known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kinship {
    /// Nothing.
    None,
    /// Its original is gone: what was not read of that is read from this one.
    Continues(StreamId),
    /// Its original is still there and holds all that this one does.
    Copies(StreamId),
}

/// A file that is left alone as long as its original is there.
#[derive(Debug, Clone, Copy)]
pub(super) struct Copy {
    original: StreamId,
    size: u64,
    modified: Option<SystemTime>,
}

impl FileSource {
    /// What a file that nobody knows has to do with those that are known.
    pub(super) fn kinship(
        &mut self,
        (section, file): (usize, &Found),
        locator: Locator,
        folders: &mut Folders,
    ) -> io::Result<Kinship> {
        if let Some(copy) = self.copies.get(&locator)
            && copy.size == file.metadata.len()
            && copy.modified == file.metadata.modified().ok()
            && self.is_in_place(copy.original)
        {
            return Ok(Kinship::Copies(copy.original));
        }
        self.copies.remove(&locator);
        self.note_originals(&file.path);
        if self.heads.is_empty() {
            return Ok(Kinship::None);
        }
        let mut content = continuation::open(&file.path, &self.surroundings.folder)?;
        let candidates = self.relatives(section, &mut content)?;
        for id in candidates {
            let Some(stream) = self.streams.get(&id) else { continue };
            let path = Arc::clone(&stream.path);
            // While it is read to its end from the handle, nothing of it is missing.
            let is_there = self.is_in_place(id) || stream.state == State::Leaving && stream.content.is_some();
            let mut is_renamed = || folders.find(&path, &stream.position.locator).map(|place| place.is_some());
            if is_there || is_renamed()? {
                if is_generation(&file.path, &path) && self.is_copy_of(&mut content, id)? {
                    let modified = file.metadata.modified().ok();
                    debug!(file = %file.path.display(), of = %path.display(), "this is a copy of a file that is followed");
                    self.copies.insert(locator, Copy { original: id, size: file.metadata.len(), modified });
                    return Ok(Kinship::Copies(id));
                }
                // Its original was truncated or replaced a moment ago, and its stream has not noticed: when it does, it takes this over.
                if is_generation(&file.path, &path) && self.holds_recent(&mut content, id)? && !self.is_in_place(id) {
                    return Err(io::ErrorKind::NotFound.into());
                }
            } else if (stream.read.chain.is_some() || *path == *file.path || is_generation(&file.path, &path))
                && holds(&mut content, &stream.read)?
            {
                return Ok(Kinship::Continues(id));
            }
        }
        Ok(Kinship::None)
    }

    /// Whether a path is that of a generation of a file that is followed.
    pub(super) fn is_generation_of_known(&self, path: &Path) -> bool {
        !self.originals(path).is_empty()
    }

    /// The followed files whose generation a path may be by its name.
    fn originals(&self, path: &Path) -> Vec<StreamId> {
        let Some(name) = path.file_name().and_then(|name| name.to_str()) else { return Vec::new() };
        let ends = name.match_indices(['.', '-', '_']).map(|(at, _)| at);
        ends.filter_map(|at| self.by_path.get(&*path.with_file_name(&name[..at])).copied()).collect()
    }

    /// How the originals of a file begin may not be known yet, because their first lines were just ended.
    fn note_originals(&mut self, path: &Path) {
        let mut originals = self.originals(path);
        // One that another file has taken the place of is still read from its handle.
        // Nothing is when the agent has just started, with perhaps many thousands of files to be met.
        if !self.is_first_scan {
            let is_original =
                |id: &StreamId| self.streams.get(id).is_some_and(|stream| is_generation(path, &stream.path));
            originals.extend(self.hot.iter().copied().filter(is_original));
        }
        for id in originals {
            let Some(stream) = self.streams.get_mut(&id).filter(|stream| stream.position.identity.is_none()) else {
                continue;
            };
            let section = &self.sections[stream.section];
            let (agent, folder) = (self.surroundings.intake.agent(), &self.surroundings.folder);
            if matches!(stream.note_beginning(agent, section, folder, false), Ok(Beginning::New)) {
                self.note_head(id);
                self.save([id]);
            }
        }
    }

    /// The streams whose content began as this one does.
    fn relatives(&self, section: usize, content: &mut Content) -> io::Result<Vec<StreamId>> {
        let mut bytes = [0; HEAD_BYTES];
        content.reach(HEAD_BYTES as u64)?;
        let length = content.read_full_at(&mut bytes, 0)?;
        let bytes = &bytes[..length];
        let start = head_start(bytes, self.sections[section].rewritten_head_lines);
        let head = start.and_then(|start| Head::of(&bytes[start..], false, None));
        Ok(head.and_then(|head| self.heads.get(&head.hash)).cloned().unwrap_or_default())
    }

    /// Whether the stream's path still leads to its file, and this still holds what was read of it.
    fn is_in_place(&self, id: StreamId) -> bool {
        let Some(stream) = self.streams.get(&id).filter(|stream| stream.state != State::Resting) else { return false };
        let Ok(file) = platform::open_shared(&stream.path) else { return false };
        let is_same = file.metadata().is_ok_and(|metadata| Locator::of(&metadata) == stream.position.locator);
        is_same && (stream.position.packed.is_some() || stream.read.guard.holds(&file).unwrap_or(false))
    }

    /// Whether all that was read of a stream, or had been read of it a short while ago, stands in this content too.
    fn holds_recent(&self, content: &mut Content, id: StreamId) -> io::Result<bool> {
        let Some(stream) = self.streams.get(&id) else { return Ok(false) };
        for mark in std::iter::once(&stream.read).chain(stream.recent.iter().rev()) {
            content.reach(mark.offset)?;
            if mark.offset <= content.length()? {
                return holds(content, mark);
            }
        }
        Ok(false)
    }

    /// Whether a content is a beginning of what a stream's path leads to.
    pub(super) fn is_copy_of(&self, content: &mut Content, id: StreamId) -> io::Result<bool> {
        let Some(stream) = self.streams.get(&id) else { return Ok(false) };
        let mut original = match continuation::open(&stream.path, &self.surroundings.folder) {
            Ok(original) => original,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return holds(content, &stream.read),
            Err(error) => return Err(error),
        };
        is_beginning_of(content, &mut original)
    }

    /// A stream goes on in another file.
    pub(super) fn go_on_in(&mut self, id: StreamId, path: &Path, metadata: &Metadata) {
        let is_packed = platform::open_shared(path).and_then(|file| continuation::is_packed(&file)).unwrap_or(false);
        let Some(stream) = self.streams.get_mut(&id) else { return };
        info!(from = %stream.path.display(), to = %path.display(), offset = stream.read.offset, "file goes on in a copy of it");
        let locator = Locator::of(metadata);
        self.by_locator.remove(&stream.position.locator);
        self.by_inode.remove(&stream.position.locator.inode_and_birth());
        stream.content = None;
        stream.modified = None;
        stream.position.locator = locator;
        stream.position.packed = is_packed.then(Packed::default);
        stream.position.gone_since = None;
        self.by_locator.insert(locator, id);
        self.by_inode.insert(locator.inode_and_birth(), id);
        self.gone.remove(&id);
        self.dirty.insert(id);
    }

    /// A file is no longer where it was, nor anywhere in its folder under another name: looks for a copy of it there.
    pub(super) fn find_copy(&mut self, id: StreamId) -> Option<(PathBuf, Metadata)> {
        let stream = self.streams.get(&id)?;
        let old_path = Arc::clone(&stream.path);
        let mark = stream.read;
        self.copies_beside(&old_path, &mark).into_iter().next()
    }

    /// The files beside a path that hold all that was read up to a mark, and that no other stream reads.
    fn copies_beside(&self, path: &Path, mark: &crate::delivery::Mark) -> Vec<(PathBuf, Metadata)> {
        let Some(folder) = path.parent() else { return Vec::new() };
        let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
        let mut copies = Vec::new();
        for entry in entries.flatten() {
            let candidate = entry.path();
            let Ok(metadata) = entry.metadata() else { continue };
            if !metadata.is_file()
                || !is_generation(&candidate, path)
                || self.by_locator.contains_key(&Locator::of(&metadata))
            {
                continue;
            }
            match continuation::open(&candidate, &self.surroundings.folder)
                .and_then(|mut content| holds(&mut content, mark))
            {
                Ok(true) => copies.push((candidate, metadata)),
                Ok(false) => {}
                Err(error) => debug!(file = %candidate.display(), %error, "cannot look whether this is a copy"),
            }
        }
        copies
    }

    /// A file is about to begin anew: what was not read of its old content is read from the copy that was made of it,
    /// if there is one. Gives the stream of the copy, and how much that holds.
    pub(super) fn hand_over(&mut self, id: StreamId) -> Option<(StreamId, u64)> {
        let stream = self.streams.get(&id)?;
        let (path, old) = (Arc::clone(&stream.path), stream.position.clone());
        let (copy, metadata) = self.copies_beside(&path, &stream.read).into_iter().next()?;
        let length = match continuation::open(&copy, &self.surroundings.folder).and_then(|mut content| {
            content.reach(u64::MAX)?;
            content.length()
        }) {
            Ok(length) => length,
            Err(error) => {
                warn!(file = %copy.display(), %error, "cannot read the copy of a file that was truncated");
                return None;
            }
        };
        let position = Position { path: copy.clone(), gone_since: None, ..old };
        let heir = self.next_id();
        let mut stream = new_stream(heir, position, State::Leaving);
        (stream.section, stream.labels, stream.day) = {
            let old = &self.streams[&id];
            (old.section, Arc::clone(&old.labels), old.day)
        };
        stream.is_new = true;
        self.streams.insert(heir, Box::new(stream));
        // It must not take the place of the file that goes on.
        self.go_on_in(heir, &copy, &metadata);
        let original = self.streams[&id].position.locator;
        self.by_locator.insert(original, id);
        self.by_inode.insert(original.inode_and_birth(), id);
        self.note_head(heir);
        if let Some(stream) = self.streams.get_mut(&heir) {
            stream.observe(&metadata, Instant::now());
        }
        self.ready.insert(heir);
        self.hot.insert(heir);
        Some((heir, length))
    }

    /// A file is about to begin anew: the copies that were made of it before hold only what was read, or the copy that was
    /// handed over does. From now on they are files of their own, of which nothing is to be read.
    pub(super) fn keep_copies(&mut self, id: StreamId) -> Vec<StreamId> {
        let Some(old) = self.streams.get(&id) else { return Vec::new() };
        let Some(entries) = old.path.parent().and_then(|folder| std::fs::read_dir(folder).ok()) else {
            return Vec::new();
        };
        let mut kept = Vec::new();
        for path in entries.flatten().map(|entry| entry.path()) {
            let Some(old) = self.streams.get(&id).filter(|old| is_generation(&path, &old.path)) else { continue };
            let Ok(metadata) = std::fs::metadata(&path) else { continue };
            let locator = Locator::of(&metadata);
            if !metadata.is_file() || self.by_locator.contains_key(&locator) {
                continue;
            }
            let was_copy = self.copies.get(&locator).is_some_and(|copy| copy.original == id);
            let look = || -> io::Result<_> {
                let mut content = continuation::open(&path, &self.surroundings.folder)?;
                let mark = continuation::mark_at_end(&mut content, &old.read)?;
                let is_copy = was_copy || self.holds_recent(&mut content, id)?;
                let is_packed = matches!(content, Content::Packed(_));
                Ok((is_copy && mark.offset <= old.read.offset).then_some((mark, is_packed)))
            };
            let (mark, is_packed) = match look() {
                Ok(Some(found)) => found,
                Ok(None) => continue,
                Err(error) => {
                    debug!(file = %path.display(), %error, "cannot look into this copy");
                    continue;
                }
            };
            let packed = is_packed.then_some(Packed { read_size: Some(metadata.len()) });
            let position = Position {
                path,
                mark,
                locator,
                packed,
                gone_since: None,
                size_seen: mark.offset,
                ..old.position.clone()
            };
            let (section, labels, day) = (old.section, Arc::clone(&old.labels), old.day);
            let copy = self.next_id();
            let mut stream = new_stream(copy, position, State::Resting);
            (stream.section, stream.labels, stream.day) = (section, labels, day);
            stream.is_new = true;
            self.by_locator.insert(locator, copy);
            self.by_inode.insert(locator.inode_and_birth(), copy);
            self.streams.insert(copy, Box::new(stream));
            self.note_head(copy);
            kept.push(copy);
        }
        kept
    }

    /// Lists a stream under how it begins, so that its copies are found.
    pub(super) fn note_head(&mut self, id: StreamId) {
        let Some(stream) = self.streams.get(&id) else { return };
        if let Some(head) = stream.position.head
            && stream.position.identity.is_some()
        {
            let ids = self.heads.entry(head.hash).or_default();
            if !ids.contains(&id) {
                ids.push(id);
            }
        }
    }

    /// Takes a stream out of the list of those that begin alike.
    pub(super) fn drop_head(&mut self, id: StreamId) {
        let head = self.streams.get(&id).and_then(|stream| stream.position.head);
        if let Some(head) = head
            && let Some(ids) = self.heads.get_mut(&head.hash)
        {
            ids.retain(|known| *known != id);
            if ids.is_empty() {
                self.heads.remove(&head.hash);
            }
        }
    }
}

/// Whether a path is that of a generation of another, in the same folder.
fn is_generation(path: &Path, original: &Path) -> bool {
    let names = path.file_name().zip(original.file_name());
    path.parent() == original.parent() && names.is_some_and(|(name, original)| is_generation_of(name, original))
}
