//! Where the followed files lie: new ones, renamed ones, and those that went away.

use std::{
    collections::HashSet,
    fs::Metadata,
    io::{self, Read},
    path::Path,
    sync::Arc,
    time::Instant,
};

use tracing::{info, warn};

use super::{
    FileSource, LEAVING_FOR, Section, State, Stream,
    checkpoint::{CheckpointError, Position},
    discover::{self, Found, visit_files},
    folders::{Folders, find_device},
    identity::{GUARD_BYTES, Guard, Locator},
    log_start,
    stream::read_full_at,
};
use crate::{
    decode::reason_not_utf8,
    delivery::{Mark, StreamId},
    intake::Report,
    status::Reason,
};

impl FileSource {
    /// Takes over what the checkpoint remembers.
    pub(super) fn remember(&mut self) -> Result<(), CheckpointError> {
        for (id, position) in self.checkpoint.load()? {
            self.next_id = self.next_id.max(id + 1);
            self.by_locator.insert(position.locator, id);
            self.by_inode.insert(position.locator.inode_and_birth(), id);
            self.streams.insert(id, new_stream(id, position, State::Resting));
        }
        for section in &self.sections {
            let mut is_first = true;
            for pattern in &section.patterns {
                is_first &= self.checkpoint.is_first_use(pattern.text())?;
            }
            self.first_use.push(is_first);
        }
        Ok(())
    }

    /// Looks for all files that the patterns mean, takes in new ones, and finds out what became of missing ones.
    pub(super) fn scan(&mut self) -> Result<(), CheckpointError> {
        let mut seen = HashSet::new();
        let mut found = Vec::new();
        for index in 0..self.sections.len() {
            for pattern in &self.sections[index].patterns {
                let (folder, is_deep) = pattern.watched_folder();
                self.hints.watch(folder, is_deep);
            }
            let section = &self.sections[index];
            visit_files(&section.patterns, &section.exclude, |file| found.push((index, file)));
        }
        if self.is_first_scan {
            for (index, section) in self.sections.iter().enumerate() {
                for (number, pattern) in section.patterns.iter().enumerate() {
                    if !found.iter().any(|(section, file)| (*section, file.pattern) == (index, number)) {
                        warn!(pattern = pattern.text(), "no file matches this yet: waiting for one to appear");
                    }
                }
            }
        }
        let now = Instant::now();
        let mut still_skipped = HashSet::new();
        self.ready.append(&mut self.troubled);
        for (section, file) in found {
            let locator = Locator::of(&file.metadata);
            if let Some(id) = self.known(&locator, &file.path) {
                if seen.insert(id) {
                    self.remember_pattern(id, section, file.pattern);
                    self.meet_again(id, section, &file.path, &file.metadata, now);
                }
            } else if let Some(reason) = self.reason_to_skip(&file, locator) {
                still_skipped.insert(locator);
                self.skipped.insert(locator, (file.metadata.len(), reason));
            } else {
                let reads_existing = self.sections[section].reads_existing || !self.first_use[section];
                seen.insert(self.take_in((section, file.pattern), &file.path, &file.metadata, reads_existing));
            }
        }
        self.skipped.retain(|locator, _| still_skipped.contains(locator));
        self.find_missing(&seen, now);
        self.save_new()?;
        self.count();
        self.is_first_scan = false;
        Ok(())
    }

    /// New streams, and with the first of them that their patterns were followed, are on disk before anything of them
    /// is sent: what existed at the first start and was to be left unread stays so.
    fn save_new(&mut self) -> Result<(), CheckpointError> {
        let new: Vec<StreamId> = self.streams.values().filter(|stream| stream.is_new).map(|stream| stream.id).collect();
        if !new.is_empty() {
            self.checkpoint.save(new.iter().map(|id| (*id, &self.streams[id].position)))?;
        }
        for id in new {
            if let Some(stream) = self.streams.get_mut(&id) {
                stream.is_new = false;
            }
        }
        if self.is_first_scan {
            let patterns = self.sections.iter().flat_map(|section| &section.patterns);
            self.checkpoint.remember_patterns(patterns.map(discover::Pattern::text))?;
            self.first_use.fill(false);
        }
        Ok(())
    }

    /// The stream of the file at that place, also when its device got another number: machines that restart and shares
    /// that are mounted again do that. Then the content must still be what was read.
    fn known(&mut self, locator: &Locator, path: &Path) -> Option<StreamId> {
        if let Some(id) = self.by_locator.get(locator) {
            return Some(*id);
        }
        let id = *self.by_inode.get(&locator.inode_and_birth()).filter(|_| locator.birth_ns.is_some())?;
        let stream = self.streams.get_mut(&id)?;
        let guard = stream.read.guard;
        let holds = std::fs::File::open(path).and_then(|file| guard.holds(&file));
        if guard.length == 0
            || !holds.unwrap_or(false)
            || find_device(&stream.path) == Some(stream.position.locator.device)
        {
            return None;
        }
        info!(file = %path.display(), "the file system of this file got another device number");
        stream.file = None;
        self.by_locator.remove(&stream.position.locator);
        stream.position.locator = *locator;
        self.by_locator.insert(*locator, id);
        self.dirty.insert(id);
        Some(id)
    }

    /// Remembers by which pattern a file was found: what is found no more has the settings of that one's section.
    fn remember_pattern(&mut self, id: StreamId, section: usize, pattern: usize) {
        let text = self.sections[section].patterns[pattern].text();
        if let Some(stream) = self.streams.get_mut(&id)
            && stream.position.pattern != text
        {
            text.clone_into(&mut stream.position.pattern);
            self.dirty.insert(id);
        }
    }

    /// A followed or remembered file was found, perhaps under another name.
    fn meet_again(&mut self, id: StreamId, section: usize, path: &Path, metadata: &Metadata, now: Instant) {
        let Some(stream) = self.streams.get_mut(&id) else { return };
        stream.section = section;
        let was_resting = stream.state == State::Resting;
        stream.state = State::Followed;
        if *stream.path != *path {
            if !was_resting {
                info!(from = %stream.path.display(), to = %path.display(), "file was renamed");
            }
            self.progress.remove(&stream.path);
            if self.by_path.get(&stream.path) == Some(&id) {
                self.by_path.remove(&stream.path);
            }
            stream.path = Arc::from(path);
            path.clone_into(&mut stream.position.path);
            self.dirty.insert(id);
            self.ready.insert(id);
        }
        if self.by_path.get(path) != Some(&id) {
            self.by_path.insert(Arc::clone(&stream.path), id);
        }
        if stream.observe(metadata, now) || was_resting {
            self.ready.insert(id);
            self.hot.insert(id);
        }
    }

    /// A new file: it is read from its beginning, or from the end of its last complete line.
    fn take_in(
        &mut self,
        (section, pattern): (usize, usize),
        path: &Path,
        metadata: &Metadata,
        reads_existing: bool,
    ) -> StreamId {
        let locator = Locator::of(metadata);
        let mark = if reads_existing {
            Mark { epoch: 0, offset: 0, guard: Guard::default(), time: None }
        } else {
            mark_at_end(path)
        };
        let position = Position {
            locator,
            path: path.to_owned(),
            pattern: self.sections[section].patterns[pattern].text().to_owned(),
            head: None,
            identity: None,
            mark,
            cuts: Vec::new(),
            size_seen: 0,
        };
        let id = self.next_id;
        self.next_id += 1;
        let mut stream = new_stream(id, position, State::Followed);
        stream.section = section;
        stream.is_new = true;
        stream.observe(metadata, Instant::now());
        self.by_locator.insert(locator, id);
        self.by_inode.insert(locator.inode_and_birth(), id);
        self.by_path.insert(Arc::clone(&stream.path), id);
        self.streams.insert(id, stream);
        self.ready.insert(id);
        self.hot.insert(id);
        id
    }

    /// Followed files that the scan did not find: renamed to where no pattern reaches, or gone. At the start also
    /// those that are only remembered: they may have been rotated while nobody looked.
    fn find_missing(&mut self, seen: &HashSet<StreamId>, now: Instant) {
        let is_missing =
            |stream: &&Stream| !seen.contains(&stream.id) && (stream.state != State::Resting || self.is_first_scan);
        let missing: Vec<StreamId> = self.streams.values().filter(is_missing).map(|stream| stream.id).collect();
        let mut folders = Folders::default();
        for id in missing {
            self.find_one_missing(id, &mut folders, now);
        }
    }

    fn find_one_missing(&mut self, id: StreamId, folders: &mut Folders, now: Instant) {
        let Some(stream) = self.streams.get_mut(&id) else { return };
        let old_path = Arc::clone(&stream.path);
        let place = match folders.find(&old_path, &stream.position.locator) {
            Ok(place) => place,
            Err(error) => {
                // The folder cannot be listed: a share may be away. Nothing is known, so nothing is decided.
                if !std::mem::replace(&mut stream.is_troubled, true) {
                    warn!(file = %old_path.display(), %error, "cannot look for this file; its position is kept");
                }
                return;
            }
        };
        stream.is_troubled = false;
        if let Some((path, metadata)) = place {
            let is_old = metadata.modified().is_ok_and(|at| at.elapsed().is_ok_and(|age| age > LEAVING_FOR));
            let is_read = metadata.len() == stream.read.offset;
            if stream.state == State::Resting && path == *old_path && is_read && is_old {
                return;
            }
            let was_leaving = stream.state == State::Leaving;
            let Some((section, _)) = place_of(&self.sections, &stream.position.pattern) else { return };
            if self.sections[section].exclude.matches(&path) && self.sections[section].exclude.matches(&old_path) {
                return;
            }
            self.meet_again(id, section, &path, &metadata, now);
            if let Some(stream) = self.streams.get_mut(&id) {
                stream.state = State::Leaving;
            }
            if !was_leaving && path != *old_path {
                self.adopt_generations(id, &old_path);
            }
            return;
        }
        if let Some(file) = &stream.file
            && let Ok(metadata) = file.metadata()
            && metadata.len() > stream.read.offset
        {
            // Deleted while open: what is left of it is read from the handle.
            stream.state = State::Leaving;
            if stream.observe(&metadata, now) {
                self.ready.insert(id);
            }
            self.hot.insert(id);
            return;
        }
        let bytes_lost = stream.position.size_seen.saturating_sub(stream.read.offset);
        if bytes_lost > 0 {
            let message = format!("{bytes_lost} bytes were gone before they could be read: the file was deleted");
            self.report(id, &Report { reason: "deleted", message, bytes_lost });
            if let Some(stream) = self.streams.get_mut(&id) {
                // Only in memory: an agent that ends before this is delivered tells of it again.
                stream.position.size_seen = stream.read.offset;
            }
        }
        info!(file = %old_path.display(), "file is gone");
        self.adopt_generations(id, &old_path);
        self.rest(id);
        self.gone.insert(id);
    }

    /// A file was rotated away. Other generations between it and its successor may have come and gone while nobody
    /// looked: files beside it whose name goes on from its old name, and that are younger.
    fn adopt_generations(&mut self, id: StreamId, old_path: &Path) {
        let (Some(folder), Some(name)) = (old_path.parent(), old_path.file_name()) else { return };
        let Some(stream) = self.streams.get(&id) else { return };
        let born = stream.position.locator.birth_ns;
        let Some((section, pattern)) = place_of(&self.sections, &stream.position.pattern) else { return };
        let Ok(entries) = std::fs::read_dir(folder) else { return };
        for entry in entries.flatten() {
            let path = entry.path();
            let is_next = entry.file_name().as_encoded_bytes().starts_with(name.as_encoded_bytes()) && path != old_path;
            let Ok(metadata) = entry.metadata() else { continue };
            let locator = Locator::of(&metadata);
            if !is_next || !metadata.is_file() || self.by_locator.contains_key(&locator) || locator.birth_ns <= born {
                continue;
            }
            let file = Found { path, metadata, pattern, is_named: false };
            if self.sections[section].exclude.matches(&file.path) || self.reason_to_skip(&file, locator).is_some() {
                continue;
            }
            info!(file = %file.path.display(), "found a rotated file that was never read");
            let id = self.take_in((section, pattern), &file.path, &file.metadata, true);
            if let Some(stream) = self.streams.get_mut(&id) {
                stream.state = State::Leaving;
            }
        }
    }

    /// No longer looks at a stream; its position is kept.
    pub(super) fn rest(&mut self, id: StreamId) {
        let Some(stream) = self.streams.get_mut(&id) else { return };
        stream.state = State::Resting;
        stream.file = None;
        if self.by_path.get(&stream.path) == Some(&id) {
            self.by_path.remove(&stream.path);
        }
        self.progress.remove(&stream.path);
        self.ready.remove(&id);
        self.hot.remove(&id);
    }

    /// Forgets files that are gone, once everything of them is acknowledged: nothing can be read from them again. Should
    /// one come back from another folder, it has the same ids.
    pub(super) fn forget_gone(&mut self) -> Result<(), CheckpointError> {
        let settled: Vec<StreamId> = self.gone.iter().copied().filter(|id| !self.ledger.is_under_way(*id)).collect();
        let mut forgotten = Vec::new();
        for id in &settled {
            self.gone.remove(id);
            // It may have been found again meanwhile.
            if self.streams.get(id).is_none_or(|stream| stream.state != State::Resting) {
                continue;
            }
            forgotten.push(*id);
            if let Some(stream) = self.streams.remove(id) {
                let locator = stream.position.locator;
                self.by_locator.remove(&locator);
                self.by_inode.remove(&locator.inode_and_birth());
                self.dirty.remove(id);
            }
        }
        if forgotten.is_empty() { Ok(()) } else { self.checkpoint.remove(&forgotten) }
    }

    /// Why a new file is not read, if so. Found by a wider pattern, a file may be anything; named outright, it is
    /// read unless this version cannot.
    fn reason_to_skip(&self, file: &Found, locator: Locator) -> Option<&'static str> {
        let before = self.skipped.get(&locator).copied();
        if let Some((size, reason @ ("utf-16" | "binary"))) = before
            && size == file.metadata.len()
        {
            return Some(reason);
        }
        let mut head = [0; 512];
        let length = match std::fs::File::open(&file.path).and_then(|mut file| file.read(&mut head)) {
            Ok(length) => length,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Some("gone"),
            Err(error) => {
                if before.is_none_or(|(_, reason)| reason != "unreadable") {
                    warn!(file = %file.path.display(), %error, "cannot read this file: give the agent the right to");
                }
                return Some("unreadable");
            }
        };
        let reason = reason_not_utf8(&head[..length]).filter(|reason| !file.is_named || *reason == "utf-16")?;
        warn!(file = %file.path.display(), reason, "not following this file: only text in UTF-8 is read");
        Some(reason)
    }

    fn count(&mut self) {
        self.counters.files_followed.set(self.by_path.len() as i64);
        for reason in ["utf-16", "binary", "unreadable"] {
            let count = self.skipped.values().filter(|(_, found)| *found == reason).count();
            if count > 0 || !self.is_first_scan {
                self.counters.files_skipped.get_or_create(&Reason { reason }).set(count as i64);
            }
        }
        if self.is_first_scan {
            log_start(self.by_path.len(), self.streams.len());
        }
        let unshown: Vec<StreamId> = self.ready.iter().copied().collect();
        for id in unshown {
            self.show(id);
        }
        self.progress.scanned();
    }
}

/// The section of a pattern and its number there, if the config still has it.
fn place_of(sections: &[Section], pattern: &str) -> Option<(usize, usize)> {
    sections.iter().enumerate().find_map(|(index, section)| {
        section.patterns.iter().position(|known| known.text() == pattern).map(|number| (index, number))
    })
}

fn new_stream(id: StreamId, position: Position, state: State) -> Stream {
    Stream {
        id,
        read: position.mark,
        path: Arc::from(position.path.as_path()),
        position,
        section: 0,
        file: None,
        size: 0,
        modified: None,
        changed_at: Instant::now(),
        records: 0,
        unfinished_to: None,
        searched_to: 0,
        state,
        size_saved: 0,
        is_troubled: false,
        is_new: false,
    }
}

/// The place behind the last complete line: an unfinished one is read when it is finished.
fn mark_at_end(path: &Path) -> Mark {
    const TAIL_BYTES: u64 = 64 << 10;
    let read = || -> io::Result<Mark> {
        let file = std::fs::File::open(path)?;
        let size = file.metadata()?.len();
        let from = size.saturating_sub(TAIL_BYTES);
        let mut tail = vec![0; (size - from) as usize];
        let length = read_full_at(&file, &mut tail, from)?;
        let end = memchr::memrchr(b'\n', &tail[..length]).map_or(0, |at| at + 1);
        let end = if end == 0 && from > 0 { length } else { end };
        let offset = from + end as u64;
        Ok(Mark { epoch: 0, offset, guard: Guard::of(offset, &tail[end.saturating_sub(GUARD_BYTES)..end]), time: None })
    };
    read().unwrap_or(Mark { epoch: 0, offset: 0, guard: Guard::default(), time: None })
}
