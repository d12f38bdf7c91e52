//! Where the followed files lie: new ones, renamed ones, and those that went away.

use std::{
    collections::{BTreeMap, BTreeSet, HashSet},
    fs::Metadata,
    io,
    path::{Path, PathBuf},
    sync::{Arc, LazyLock},
    time::Instant,
};

use jiff::Timestamp;
use memchr::memmem;
use tracing::{info, warn};

use super::{
    FileSource, LEAVING_FOR, Section,
    chain::Chain,
    checkpoint::{Packed, Position},
    content::{Content, GZIP_MAGIC, read_full_at},
    continuation,
    discover::{self, Found, visit_files},
    folders::{Folders, find_device},
    identity::{GUARD_BYTES, Guard, HEAD_BYTES, Locator},
    inherit::Kinship,
    log_start,
    snapshot::{Shipped, identity_of},
    stream::{State, Stream},
};
use crate::{
    decode::{Charset, Encoding, NotText, Unit},
    delivery::{Mark, StreamId},
    frame::FrameState,
    intake::Report,
    platform,
    status::Reason,
};

/// A stream that was found elsewhere, where it lay before, and when the file was made that lay there.
type Moved = (StreamId, Arc<Path>, Option<i64>);

impl FileSource {
    /// Takes over what the checkpoint remembers of the files of its sections; with `rest` also of all others,
    /// but for those that these patterns of other threads mean.
    pub(super) fn remember(&mut self, rest: Option<&BTreeSet<String>>) {
        let remembered = self.surroundings.checkpoint().load();
        for (id, position) in remembered {
            self.surroundings.next_id.fetch_max(id + 1, std::sync::atomic::Ordering::Relaxed);
            let place = place_of(&self.sections, &position.pattern);
            if place.is_some() || rest.is_some_and(|others| !others.contains(&position.pattern)) {
                self.remember_one(id, position, place.map(|(section, _)| section));
            }
        }
        self.first_use = self.sections.iter().map(|section| self.is_first_use(section)).collect();
    }

    /// Takes over what the checkpoint remembers of files that one of these sections means and none of the `old` ones did:
    /// another thread may have followed them.
    pub(super) fn remember_more(&mut self, old: &[Section]) {
        let patterns = self.sections.iter().flat_map(|section| &section.patterns);
        let is_new = |pattern: &str| place_of(&self.sections, pattern).is_some() && place_of(old, pattern).is_none();
        if !patterns.map(discover::Pattern::text).any(is_new) {
            return;
        }
        let mut remembered = self.surroundings.checkpoint().load();
        // What is under way here is known better here.
        remembered.retain(|id, position| {
            let is_at_work = self.ledger.is_under_way(*id) || self.dirty.contains(id) || self.unsaved.contains(id);
            is_new(&position.pattern) && !is_at_work
        });
        for (id, position) in remembered {
            let section = place_of(&self.sections, &position.pattern).map(|(section, _)| section);
            if self.streams.contains_key(&id) {
                self.drop_head(id);
            }
            self.remember_one(id, position, section);
        }
    }

    fn remember_one(&mut self, id: StreamId, position: Position, section: Option<usize>) {
        self.by_locator.insert(position.locator, id);
        self.by_inode.insert(position.locator.inode_and_birth(), id);
        if position.gone_since.is_some() {
            self.gone.insert(id);
        }
        let mut stream = new_stream(id, position, State::Resting);
        if let Some(section) = section {
            stream.section = section;
            if self.sections[section].snapshot.is_some() {
                stream.snapshot = Some(Shipped::of_numbers(self.surroundings.checkpoint().shipped(id)));
                self.by_path.insert(Arc::clone(&stream.path), id);
            }
        }
        self.streams.insert(id, Box::new(stream));
        self.note_head(id);
    }

    /// Whether none of a section's patterns was followed before.
    pub(super) fn is_first_use(&self, section: &Section) -> bool {
        let checkpoint = self.surroundings.checkpoint();
        section.patterns.iter().all(|pattern| checkpoint.is_first_use(pattern.text()))
    }

    /// Looks for all files that the patterns mean, takes in new ones, and finds out what became of missing ones.
    pub(super) fn scan(&mut self) {
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
        let mut folders = Folders::default();
        self.ready.append(&mut self.troubled);
        let mut moved = Vec::new();
        for (section, file) in found {
            let locator = Locator::of(&file.metadata);
            match self.meet((section, &file), locator, (&mut seen, &mut folders), now) {
                Ok(from) => moved.extend(from),
                Err(reason) => {
                    still_skipped.insert(locator);
                    self.skipped.insert(locator, Skipped { size: file.metadata.len(), reason, path: file.path });
                }
            }
        }
        for (id, old_path, born) in moved {
            self.adopt_generations(id, &old_path, born);
        }
        self.skipped.retain(|locator, _| still_skipped.contains(locator));
        self.copies.retain(|locator, _| still_skipped.contains(locator));
        self.find_missing(&seen, now);
        self.save_new();
        self.retire();
        self.count();
        self.is_first_scan = false;
    }

    /// Takes note of a file that was found, and gives its stream and where that lay before, if elsewhere; an error is the reason
    /// why it is not read.
    fn meet(
        &mut self,
        (section, file): (usize, &Found),
        locator: Locator,
        (seen, folders): (&mut HashSet<StreamId>, &mut Folders),
        now: Instant,
    ) -> Result<Option<Moved>, &'static str> {
        if let Some(id) = self.known(&locator, (section, file)) {
            if !seen.insert(id) {
                return Ok(None);
            }
            let before = self.place_before(id);
            self.remember_pattern(id, section, file.pattern);
            self.meet_again(id, section, &file.path, &file.metadata, now);
            return Ok(before.filter(|(_, old_path, _)| **old_path != *file.path));
        }
        let is_packed = self.look_into(section, file, locator)?;
        let may_be_packed = file.path.extension().is_some_and(|extension| extension == "gz");
        let is_copy_begun = file.metadata.len() == 0 && self.is_generation_of_known(&file.path);
        if is_copy_begun || may_be_packed && file.metadata.len() < GZIP_MAGIC.len() as u64 {
            // What it holds, and what it is a copy of, shows when it is written.
            return Err("gone");
        }
        match self.kinship((section, file), locator, folders) {
            Ok(Kinship::None) => {}
            Ok(Kinship::Copies(_)) => return Err("copy"),
            Ok(Kinship::Continues(id)) => {
                seen.insert(id);
                let before = self.place_before(id);
                self.go_on_in(id, &file.path, &file.metadata);
                self.remember_pattern(id, section, file.pattern);
                self.meet_again(id, section, &file.path, &file.metadata, now);
                return Ok(before.filter(|(_, old_path, _)| **old_path != *file.path));
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Err("gone"),
            Err(error) => {
                if self.skipped.get(&locator).is_none_or(|skipped| skipped.reason != "unreadable") {
                    warn!(file = %file.path.display(), %error, "cannot compare this file with others: trying again");
                }
                return Err("unreadable");
            }
        }
        let reads_existing = self.sections[section].reads_existing || !self.first_use[section];
        seen.insert(self.take_in((section, file.pattern), &file.path, &file.metadata, (reads_existing, is_packed)));
        Ok(None)
    }

    fn place_before(&self, id: StreamId) -> Option<Moved> {
        self.streams.get(&id).map(|stream| (id, Arc::clone(&stream.path), stream.position.locator.birth_ns))
    }

    /// New streams, and with the first of them that their patterns were followed, are on disk before anything of them
    /// is sent: what existed at the first start and was to be left unread stays so.
    fn save_new(&mut self) {
        let new: Vec<StreamId> = self.streams.values().filter(|stream| stream.is_new).map(|stream| stream.id).collect();
        self.save(new);
        if self.is_first_scan {
            let patterns = self.sections.iter().flat_map(|section| &section.patterns);
            let saved = self.surroundings.checkpoint().remember_patterns(patterns.map(discover::Pattern::text));
            self.is_written(saved);
            self.first_use.fill(false);
        }
    }

    /// The stream of the file at that place, also when its device got another number: machines that restart and shares
    /// that are mounted again do that. Then the content must still be what was read.
    fn known(&mut self, locator: &Locator, (section, file): (usize, &Found)) -> Option<StreamId> {
        let path = &file.path;
        if self.sections[section].snapshot.is_some() {
            return self.known_by_path(locator, path);
        }
        if let Some(id) = self.by_locator.get(locator) {
            return Some(*id);
        }
        let id = *self.by_inode.get(&locator.inode_and_birth()).filter(|_| locator.birth_ns.is_some())?;
        let stream = self.streams.get_mut(&id)?;
        let guard = stream.read.guard;
        let holds = platform::open_shared(path).and_then(|file| guard.holds(&file));
        if guard.length == 0
            || !holds.unwrap_or(false)
            || find_device(&stream.path) == Some(stream.position.locator.device)
        {
            return None;
        }
        info!(file = %path.display(), "the file system of this file got another device number");
        stream.content = None;
        self.by_locator.remove(&stream.position.locator);
        stream.position.locator = *locator;
        self.by_locator.insert(*locator, id);
        self.dirty.insert(id);
        Some(id)
    }

    /// The stream of a file that is written anew as a whole: it is known by its path, whatever file lies there.
    fn known_by_path(&mut self, locator: &Locator, path: &Path) -> Option<StreamId> {
        let id = *self.by_path.get(path)?;
        let stream = self.streams.get_mut(&id).filter(|stream| stream.snapshot.is_some())?;
        if stream.position.locator != *locator {
            self.by_locator.remove(&stream.position.locator);
            stream.position.locator = *locator;
            stream.content = None;
            stream.modified = None;
            self.by_locator.insert(*locator, id);
            self.dirty.insert(id);
        }
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
        let is_other_section = std::mem::replace(&mut stream.section, section) != section;
        let was_resting = stream.state == State::Resting;
        stream.state = State::Followed;
        if stream.position.gone_since.take().is_some() {
            self.gone.remove(&id);
            self.dirty.insert(id);
        }
        let is_moved = *stream.path != *path;
        if is_moved || was_resting || is_other_section {
            let section = &self.sections[section];
            stream.settle_in(section, path);
        }
        if is_moved {
            if !was_resting {
                info!(from = %stream.path.display(), to = %path.display(), "file was renamed");
            }
            self.surroundings.progress.remove(&stream.path);
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
        (reads_existing, is_packed): (bool, bool),
    ) -> StreamId {
        let locator = Locator::of(metadata);
        let settings = &self.sections[section];
        let is_snapshot = settings.snapshot.is_some();
        let mark = match reads_existing || is_snapshot {
            true => Mark { chain: Some(Chain::START), ..Mark::default() },
            false if is_packed => Mark::default(),
            false => mark_at_end(path, settings.encoding),
        };
        let position = Position {
            path: path.to_owned(),
            pattern: settings.patterns[pattern].text().to_owned(),
            mark,
            packed: is_packed.then(|| Packed { read_size: (!reads_existing).then_some(metadata.len()) }),
            identity: is_snapshot.then(|| identity_of(self.surroundings.intake.agent(), path)),
            framing: settings.framing_key,
            ..Position::of(locator)
        };
        let id = self.next_id();
        let mut stream = new_stream(id, position, State::Followed);
        stream.section = section;
        stream.is_new = true;
        stream.snapshot = is_snapshot.then(Shipped::default);
        stream.settle_in(&self.sections[section], path);
        stream.observe(metadata, Instant::now());
        self.by_locator.insert(locator, id);
        self.by_inode.insert(locator.inode_and_birth(), id);
        self.by_path.insert(Arc::clone(&stream.path), id);
        self.streams.insert(id, Box::new(stream));
        if reads_existing || !is_packed {
            self.ready.insert(id);
            self.hot.insert(id);
        }
        id
    }

    /// Followed files that the scan did not find: renamed to where no pattern reaches, or gone. At the start also
    /// those that are only remembered: they may have been rotated while nobody looked.
    fn find_missing(&mut self, seen: &HashSet<StreamId>, now: Instant) {
        let is_missing =
            |stream: &Stream| !seen.contains(&stream.id) && (stream.state != State::Resting || self.is_first_scan);
        let streams = self.streams.values().filter(|stream| is_missing(stream));
        let missing: Vec<StreamId> = streams.map(|stream| stream.id).collect();
        let mut folders = Folders::default();
        for id in missing {
            self.find_one_missing(id, &mut folders, now);
        }
    }

    fn find_one_missing(&mut self, id: StreamId, folders: &mut Folders, now: Instant) {
        let Some(stream) = self.streams.get_mut(&id) else { return };
        if place_of(&self.sections, &stream.position.pattern).is_none() {
            // No section means it any more: nobody asks what became of it.
            return;
        }
        let old_path = Arc::clone(&stream.path);
        let born = stream.position.locator.birth_ns;
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
            let is_read = match &stream.position.packed {
                Some(packed) => packed.read_size == Some(metadata.len()),
                None => metadata.len() == stream.read.offset,
            };
            if stream.state == State::Resting && path == *old_path && is_read && is_old {
                return;
            }
            let was_leaving = stream.state == State::Leaving;
            let Some((section, _)) = place_of(&self.sections, &stream.position.pattern) else { return };
            if stream.state == State::Resting && is_read && stream.position.gone_since.is_some() {
                return;
            }
            let exclude = &self.sections[section].exclude;
            // A packed one is what became of a file that was followed.
            if stream.position.packed.is_none() && exclude.matches(&path) && exclude.matches(&old_path) {
                return;
            }
            self.meet_again(id, section, &path, &metadata, now);
            if let Some(stream) = self.streams.get_mut(&id) {
                stream.state = State::Leaving;
            }
            if !was_leaving && path != *old_path {
                self.adopt_generations(id, &old_path, born);
            }
            return;
        }
        if let Some(Content::Plain(file)) = &stream.content
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
        if stream.position.gone_since.is_some() {
            return;
        }
        if stream.snapshot.is_none()
            && let Some((path, metadata)) = self.find_copy(id)
        {
            let Some(section) = self.streams.get(&id).map(|stream| stream.section) else { return };
            self.go_on_in(id, &path, &metadata);
            self.meet_again(id, section, &path, &metadata, now);
            if let Some(stream) = self.streams.get_mut(&id) {
                stream.state = State::Leaving;
            }
            self.adopt_generations(id, &old_path, born);
            return;
        }
        let Some(stream) = self.streams.get_mut(&id) else { return };
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
        self.adopt_generations(id, &old_path, born);
        self.rest(id);
        if let Some(stream) = self.streams.get_mut(&id) {
            stream.position.gone_since = Some(Timestamp::now().as_second());
            if stream.snapshot.is_some() {
                self.by_path.insert(Arc::clone(&stream.path), id);
            }
        }
        self.gone.insert(id);
        self.dirty.insert(id);
    }

    /// A file was rotated away. Other generations between it and its successor may have come and gone while nobody
    /// looked: files beside it whose name goes on from its old name, and that are younger.
    fn adopt_generations(&mut self, id: StreamId, old_path: &Path, born: Option<i64>) {
        let (Some(folder), Some(name)) = (old_path.parent(), old_path.file_name()) else { return };
        let Some(stream) = self.streams.get(&id) else { return };
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
            let Ok(is_packed) = self.look_into(section, &file, locator) else { continue };
            if !is_packed && self.sections[section].exclude.matches(&file.path) {
                continue;
            }
            if !matches!(self.kinship((section, &file), locator, &mut Folders::default()), Ok(Kinship::None)) {
                continue;
            }
            // A copy that somebody made of what was read is no generation of its own.
            let is_copy = continuation::open(&file.path, &self.surroundings.folder)
                .and_then(|mut content| self.is_copy_of(&mut content, id));
            if is_copy.unwrap_or(false) {
                continue;
            }
            info!(file = %file.path.display(), "found a rotated file that was never read");
            let id = self.take_in((section, pattern), &file.path, &file.metadata, (true, is_packed));
            if let Some(stream) = self.streams.get_mut(&id) {
                stream.state = State::Leaving;
            }
        }
    }

    /// No longer looks at a stream; its position is kept.
    pub(super) fn rest(&mut self, id: StreamId) {
        let Some(stream) = self.streams.get_mut(&id) else { return };
        stream.state = State::Resting;
        stream.content = None;
        // A file that is written anew as a whole is known by its path, also when it returns.
        if stream.snapshot.is_none() && self.by_path.get(&stream.path) == Some(&id) {
            self.by_path.remove(&stream.path);
        }
        self.surroundings.progress.remove(&stream.path);
        self.ready.remove(&id);
        self.hot.remove(&id);
        self.waiting.remove(&id);
        self.troubled.remove(&id);
    }

    /// Whether a new file is packed, or why it is not read. Found by a wider pattern, a file may be anything; named
    /// outright, it is read whatever it holds.
    fn look_into(&self, section: usize, file: &Found, locator: Locator) -> Result<bool, &'static str> {
        let settings = &self.sections[section];
        let before = self.skipped.get(&locator);
        if let Some(skipped) = before
            && skipped.size == file.metadata.len()
            && !matches!(skipped.reason, "unreadable" | "copy" | "gone" | "older")
        {
            return Err(skipped.reason);
        }
        if self.surroundings.own_outputs.contains(&(locator.device, locator.inode)) {
            warn!(file = %file.path.display(), "not following this file: the agent itself writes to it");
            return Err("own_log");
        }
        if let Some(age_max) = settings.ignore_older
            && file.metadata.modified().is_ok_and(|at| at.elapsed().is_ok_and(|age| age > age_max))
        {
            return Err("older");
        }
        let look = || -> io::Result<(bool, Result<(), NotText>)> {
            let mut content = continuation::open(&file.path, &self.surroundings.folder)?;
            content.reach(HEAD_BYTES as u64)?;
            let mut head = [0; HEAD_BYTES];
            let length = content.read_full_at(&mut head, 0)?;
            let charset = settings.encoding.charset_of(&head[..length], false);
            Ok((matches!(content, Content::Packed(_)), charset.map(|_| ())))
        };
        match look() {
            Ok((is_packed, Err(NotText::Binary(reason)))) if !file.is_named || is_packed => {
                warn!(file = %file.path.display(), reason, "not following this file: it holds no text");
                Err("binary")
            }
            Ok((is_packed, _)) => Ok(is_packed),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Err("gone"),
            Err(error) => {
                if before.is_none_or(|skipped| skipped.reason != "unreadable") {
                    warn!(file = %file.path.display(), %error, "cannot read this file: give the agent the right to");
                }
                Err("unreadable")
            }
        }
    }

    fn count(&mut self) {
        for reason in ["binary", "copy", "older", "own_log", "unreadable"] {
            let count = self.skipped.values().filter(|skipped| skipped.reason == reason).count();
            if count > 0 || !self.is_first_scan {
                self.surroundings.counters.files_skipped.get_or_create(&Reason { reason }).set(count as i64);
            }
        }
        if self.is_first_scan {
            log_start(self.by_path.len(), self.streams.len());
        }
        let unshown: Vec<StreamId> = self.ready.iter().copied().collect();
        for id in unshown {
            self.show(id);
        }
        self.surroundings.counters.files_followed.set(self.surroundings.progress.count() as i64);
        let skipped = self.skipped.values().map(|skipped| (skipped.path.display().to_string(), skipped.reason));
        self.surroundings.progress.set_not_followed(self.ledger.number(), skipped);
        if !std::mem::replace(&mut self.was_scanned, true) {
            self.surroundings.progress.scanned();
        }
    }
}

/// A file that is found again and again but not read.
#[derive(Debug)]
pub(super) struct Skipped {
    pub size: u64,
    pub reason: &'static str,
    pub path: PathBuf,
}

/// The section of a pattern and its number there, if the config still has it.
fn place_of(sections: &[Section], pattern: &str) -> Option<(usize, usize)> {
    sections.iter().enumerate().find_map(|(index, section)| {
        section.patterns.iter().position(|known| known.text() == pattern).map(|number| (index, number))
    })
}

/// The labels of a stream before it has settled in: the same for all.
fn no_labels() -> Arc<BTreeMap<String, String>> {
    static NONE: LazyLock<Arc<BTreeMap<String, String>>> = LazyLock::new(Arc::default);
    Arc::clone(&NONE)
}

pub(super) fn new_stream(id: StreamId, position: Position, state: State) -> Stream {
    Stream {
        id,
        read: position.mark,
        recent: std::collections::VecDeque::new(),
        path: Arc::from(position.path.as_path()),
        position,
        section: 0,
        content: None,
        size: 0,
        modified: None,
        changed_at: Instant::now(),
        records: 0,
        unfinished: None,
        nuls_since: None,
        rewritten_since: None,
        labels: no_labels(),
        day: None,
        snapshot: None,
        searched_to: 0,
        state,
        size_saved: 0,
        is_troubled: false,
        is_retired: false,
        behind_since: None,
        last_error: None,
        is_new: false,
    }
}

/// The stream of a file that nobody follows.
pub(crate) fn stream_of(section: &Section, path: &Path, metadata: &Metadata) -> io::Result<Stream> {
    let is_packed = platform::open_shared(path).and_then(|file| continuation::is_packed(&file))?;
    let position = Position {
        path: path.to_owned(),
        mark: Mark { chain: Some(Chain::START), ..Mark::default() },
        packed: is_packed.then(Packed::default),
        framing: section.framing_key,
        ..Position::of(Locator::of(metadata))
    };
    let mut stream = new_stream(0, position, State::Followed);
    stream.settle_in(section, path);
    stream.observe(metadata, Instant::now());
    Ok(stream)
}

/// The files that a section means now.
pub(crate) fn files_of(section: &crate::config::FilesSection) -> Vec<PathBuf> {
    let mut files = Vec::new();
    let exclude = section.exclude.clone().unwrap_or_else(crate::config::default_exclude);
    visit_files(section.paths.as_deref().unwrap_or_default(), &exclude, |file| files.push(file.path));
    files
}

/// The place behind the last complete line: an unfinished one is read when it is finished.
fn mark_at_end(path: &Path, encoding: Encoding) -> Mark {
    const TAIL_BYTES: u64 = 64 << 10;
    let read = || -> io::Result<Mark> {
        let file = platform::open_shared(path)?;
        let size = file.metadata()?.len();
        let from = size.saturating_sub(TAIL_BYTES);
        let mut tail = vec![0; (size - from) as usize];
        let length = read_full_at(&file, &mut tail, from)?;
        let mut head = [0; HEAD_BYTES];
        let head_length = read_full_at(&file, &mut head, 0)?;
        let charset = encoding.charset_of(&head[..head_length], true).map(|detected| detected.charset).ok();
        let line_feed: &[u8] = match charset.map(Charset::units) {
            Some(Unit::Little) => b"\n\0",
            Some(Unit::Big) => b"\0\n",
            _ => b"\n",
        };
        // What is reserved and not written yet is no text to be left out.
        let written = tail[..length].iter().rposition(|byte| *byte != 0).map_or(0, |at| at + line_feed.len());
        let length = length.min(written);
        let is_aligned = |at: &usize| (from + *at as u64).is_multiple_of(line_feed.len() as u64);
        let last = memmem::rfind_iter(&tail[..length], line_feed).find(is_aligned);
        let end = last.map_or(0, |at| at + line_feed.len());
        let end = if end == 0 && from > 0 { length } else { end };
        let offset = from + end as u64;
        let guard = Guard::of(offset, &tail[end.saturating_sub(GUARD_BYTES)..end]);
        // What came before was not read, and is no header of what comes.
        let frame = if offset > 0 { FrameState::within_file() } else { FrameState::default() };
        Ok(Mark { offset, guard, frame, ..Mark::default() })
    };
    read().unwrap_or_default()
}
