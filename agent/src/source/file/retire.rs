//! What becomes of a file once everything in it is delivered: nothing, unless the config says so.
//!
//! A file is deleted or moved only when its last byte is acknowledged, it did not change for the time of grace, and it still
//! is the file that was read. Just before, it gets another name, under which it is looked at once more: whoever opened
//! it by its own name in between has written into it by then, and it gets its name back.

use std::{
    ffi::OsString,
    fs, io,
    path::{Path, PathBuf},
    time::SystemTime,
};

use labtrail_shared::settings::Period;
use serde::{Deserialize, Serialize};
use tracing::{info, warn};

use super::{FileSource, identity::Locator, stream::State};
use crate::{delivery::StreamId, status::Reason};

/// `after_delivery = { ... }`: what becomes of files that are delivered.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct AfterDelivery {
    /// `delete`, or `move`.
    pub action: Action,
    /// Where files are moved to: a folder on the same file system, made if need be.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<PathBuf>,
    /// Only files that did not change for so long.
    #[serde(default = "default_grace")]
    pub grace: Period,
    /// Only say what would be done.
    #[serde(default)]
    pub dry_run: bool,
}

/// What is done with a delivered file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Action {
    /// It is deleted.
    Delete,
    /// It is moved to another folder.
    Move,
}

fn default_grace() -> Period {
    Period::secs(3600)
}

impl AfterDelivery {
    /// What is wrong with these settings.
    pub(crate) fn problem(&self) -> Option<&'static str> {
        match (self.action, &self.to) {
            (Action::Move, None) => Some("after_delivery.to is missing: name the folder to move files to"),
            (Action::Delete, Some(_)) => {
                Some("after_delivery.to is set, but action is \"delete\": write action = \"move\"")
            }
            _ => None,
        }
    }
}

/// How it went.
enum Retired {
    Done,
    /// It changed meanwhile, and has its name again.
    Changed,
}

impl FileSource {
    /// Deletes or moves the files whose sections say so and that are delivered.
    pub(super) fn retire(&mut self) {
        if self.sections.iter().all(|section| section.after_delivery.is_none()) {
            return;
        }
        let candidates: Vec<StreamId> = self.streams.keys().copied().filter(|id| self.may_retire(*id)).collect();
        for id in candidates {
            self.retire_one(id);
        }
    }

    fn may_retire(&self, id: StreamId) -> bool {
        let Some(stream) = self.streams.get(&id) else { return false };
        let Some(after) = self.sections.get(stream.section).and_then(|section| section.after_delivery.as_ref()) else {
            return false;
        };
        let is_old = |modified: SystemTime| modified.elapsed().is_ok_and(|age| age >= after.grace.0);
        let is_read = match &stream.position.packed {
            Some(packed) => packed.read_size == Some(stream.size),
            None => stream.read.offset == stream.size,
        };
        stream.state == State::Followed
            && is_read
            && stream.position.mark == stream.read
            && stream.unfinished.is_none()
            && stream.modified.is_some_and(is_old)
            && !self.ready.contains(&id)
            && !self.waiting.contains(&id)
            && !self.dirty.contains(&id)
            && !self.unsaved.contains(&id)
            && !self.ledger.is_under_way(id)
    }

    fn retire_one(&mut self, id: StreamId) {
        let Some(stream) = self.streams.get_mut(&id) else { return };
        let Some(after) = &self.sections[stream.section].after_delivery else { return };
        let path = stream.path.to_path_buf();
        if after.dry_run {
            if !std::mem::replace(&mut stream.is_retired, true) {
                info!(file = %path.display(), action = ?after.action, "this file is delivered; without dry_run it would go now");
            }
            return;
        }
        if let Some(to) = &after.to
            && self.sections.iter().any(|section| section.means(&to.join(path.file_name().unwrap_or_default())))
        {
            if !std::mem::replace(&mut stream.is_retired, true) {
                warn!(file = %path.display(), to = %to.display(), "not moving this file: there it would be followed again; exclude that folder");
            }
            return;
        }
        stream.content = None;
        match retire(&path, stream.position.locator, stream.size, after) {
            Ok(Retired::Done) => {
                info!(file = %path.display(), action = ?after.action, "delivered file is put away");
                let reason = match after.action {
                    Action::Delete => "delete",
                    Action::Move => "move",
                };
                self.surroundings.counters.files_retired.get_or_create(&Reason { reason }).inc();
                self.rest(id);
                self.forget(&[id]);
            }
            Ok(Retired::Changed) => {
                info!(file = %path.display(), "this file was written to after all: it stays");
                stream.modified = None;
            }
            Err(error) => {
                if !std::mem::replace(&mut stream.is_retired, true) {
                    warn!(file = %path.display(), %error, "cannot put away this delivered file");
                }
                stream.last_error = Some(format!("cannot put it away: {error}"));
            }
        }
    }
}

fn retire(path: &Path, locator: Locator, size: u64, after: &AfterDelivery) -> io::Result<Retired> {
    let name = path.file_name().ok_or(io::ErrorKind::InvalidInput)?;
    let mut hidden = OsString::from(".labtrail-");
    hidden.push(name);
    let hidden = free_name(path.parent().unwrap_or(Path::new(".")), &hidden);
    fs::rename(path, &hidden)?;
    let is_same = |metadata: fs::Metadata| Locator::of(&metadata) == locator && metadata.len() == size;
    if !fs::metadata(&hidden).is_ok_and(is_same) {
        if path.exists() {
            return Err(io::Error::other(format!("another file has its name now: it lies in {}", hidden.display())));
        }
        fs::rename(&hidden, path)?;
        return Ok(Retired::Changed);
    }
    match (after.action, &after.to) {
        (Action::Move, Some(folder)) => {
            let moved = fs::create_dir_all(folder).and_then(|()| fs::rename(&hidden, free_name(folder, name)));
            if let Err(error) = moved {
                fs::rename(&hidden, path)?;
                return Err(error);
            }
        }
        _ => fs::remove_file(&hidden)?,
    }
    Ok(Retired::Done)
}

/// A path in the folder that no file has yet.
fn free_name(folder: &Path, name: &std::ffi::OsStr) -> PathBuf {
    let mut path = folder.join(name);
    let mut number = 1;
    while path.exists() {
        let mut other = name.to_owned();
        other.push(format!(".{number}"));
        path = folder.join(other);
        number += 1;
    }
    path
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::{Action, AfterDelivery, Locator, Retired, default_grace, retire};

    fn after(action: Action, to: Option<&std::path::Path>) -> AfterDelivery {
        AfterDelivery { action, to: to.map(Into::into), grace: default_grace(), dry_run: false }
    }

    #[test]
    fn a_file_that_changed_keeps_its_name_and_its_content() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("run.log");
        fs::write(&path, "one\ntwo\n").expect("written");
        let locator = Locator::of(&fs::metadata(&path).expect("it is there"));
        let retired = retire(&path, locator, 4, &after(Action::Delete, None)).expect("tried");
        assert!(matches!(retired, Retired::Changed));
        assert_eq!(fs::read_to_string(&path).expect("it is there"), "one\ntwo\n");
        let retired = retire(&path, locator, 8, &after(Action::Delete, None)).expect("tried");
        assert!(matches!(retired, Retired::Done));
        assert_eq!(fs::read_dir(folder.path()).expect("listed").count(), 0);
    }

    #[test]
    fn a_moved_file_takes_no_other_ones_place() {
        let folder = tempfile::tempdir().expect("a folder");
        let (path, to) = (folder.path().join("run.log"), folder.path().join("done"));
        for text in ["first", "second"] {
            fs::write(&path, text).expect("written");
            let locator = Locator::of(&fs::metadata(&path).expect("it is there"));
            retire(&path, locator, text.len() as u64, &after(Action::Move, Some(&to))).expect("moved");
        }
        assert_eq!(fs::read_to_string(to.join("run.log")).expect("moved"), "first");
        assert_eq!(fs::read_to_string(to.join("run.log.1")).expect("moved"), "second");
        assert!(after(Action::Move, None).problem().is_some() && after(Action::Delete, Some(&to)).problem().is_some());
    }
}
