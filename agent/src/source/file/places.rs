//! Where the followed files lie: looks for all of them, and knows again those that were followed before.

use std::{
    collections::HashSet,
    fs::Metadata,
    io,
    path::{Path, PathBuf},
    sync::Arc,
    time::Instant,
};

use tracing::{info, warn};

use super::{
    FileSource, Section,
    content::GZIP_MAGIC,
    discover::{self, Found, visit_files},
    folders::{Folders, find_device},
    identity::Locator,
    inherit::Kinship,
    log_start,
    stream::State,
};
use crate::{delivery::StreamId, platform, status::Reason};

/// A stream that was found elsewhere, where it lay before, and when the file was made that lay there.
type Moved = (StreamId, Arc<Path>, Option<i64>);

impl FileSource {
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
    pub(super) fn meet_again(&mut self, id: StreamId, section: usize, path: &Path, metadata: &Metadata, now: Instant) {
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
pub(super) fn place_of(sections: &[Section], pattern: &str) -> Option<(usize, usize)> {
    sections.iter().enumerate().find_map(|(index, section)| {
        section.patterns.iter().position(|known| known.text() == pattern).map(|number| (index, number))
    })
}

/// The files that a section means now.
pub(crate) fn files_of(section: &crate::config::FilesSection) -> Vec<PathBuf> {
    let mut files = Vec::new();
    let exclude = section.exclude.clone().unwrap_or_else(crate::config::default_exclude);
    visit_files(section.paths.as_deref().unwrap_or_default(), &exclude, |file| files.push(file.path));
    files
}
