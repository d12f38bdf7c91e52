//! Followed files that are not where they were: renamed to where no pattern reaches, rotated while nobody looked, or gone.

use std::{collections::HashSet, path::Path, sync::Arc, time::Instant};

use jiff::Timestamp;
use tracing::{info, warn};

use super::{
    FileSource, LEAVING_FOR,
    content::Content,
    continuation,
    discover::Found,
    folders::Folders,
    identity::Locator,
    inherit::Kinship,
    places::place_of,
    stream::{State, Stream},
};
use crate::{delivery::StreamId, intake::Report};

impl FileSource {
    /// Followed files that the scan did not find: renamed to where no pattern reaches, or gone. At the start also
    /// those that are only remembered: they may have been rotated while nobody looked.
    pub(super) fn find_missing(&mut self, seen: &HashSet<StreamId>, now: Instant) {
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
            let message = if self.was_scanned {
                format!("{bytes_lost} bytes were gone before they could be read: the file was deleted")
            } else {
                format!(
                    "the file was deleted while the agent did not run; of {bytes_lost} bytes it is not known that they were \
                     delivered before it ended"
                )
            };
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
    pub(super) fn adopt_generations(&mut self, id: StreamId, old_path: &Path, born: Option<i64>) {
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
}
