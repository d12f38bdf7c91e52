//! How far everything is goes to the checkpoint, and what the checkpoint cannot take waits.

use std::{collections::BTreeSet, time::SystemTime};

use jiff::Timestamp;
use tracing::{debug, error, info};

use super::{FileSource, stream::State};
use crate::{delivery::StreamId, status::FileProgress};

/// Who reports what hinders it.
const ROOM: &str = "checkpoint";

/// What is known of a file that is gone is kept for so long: a share may come back, or a copy may turn up.
const GONE_KEPT_SECONDS: i64 = 30 * 24 * 3600;

impl FileSource {
    /// Writes the positions of these streams, of new ones and of those that could not be written before, and waits until
    /// they are on disk. If they cannot be written, the agent goes on: it remembers in memory, says that it is not well,
    /// and tries again. Only a crash before then would make it read something again, under the same ids.
    pub(super) fn save(&mut self, ids: impl IntoIterator<Item = StreamId>) {
        let mut ids: BTreeSet<StreamId> = ids.into_iter().collect();
        ids.append(&mut self.unsaved);
        ids.retain(|id| self.streams.contains_key(id));
        if ids.is_empty() {
            return;
        }
        let saved = self.surroundings.checkpoint().save(ids.iter().map(|id| (*id, &self.streams[id].position)));
        if self.is_written(saved) {
            for id in &ids {
                if let Some(stream) = self.streams.get_mut(id) {
                    stream.is_new = false;
                }
            }
            debug!(streams = ids.len(), "positions saved");
        } else {
            self.unsaved = ids;
        }
    }

    /// Whether the checkpoint took what it was given; tells of it when that changes.
    pub(super) fn is_written(&self, result: Result<(), super::checkpoint::CheckpointError>) -> bool {
        let health = &self.surroundings.health;
        match result {
            Ok(()) => {
                if let Some(lasted) = health.clear(ROOM) {
                    info!(seconds = lasted.as_secs(), "positions can be saved again");
                }
                true
            }
            Err(error) => {
                let reason = labtrail_shared::telemetry::with_causes(&error);
                if !health.has(ROOM) {
                    error!(%reason, "cannot save how far files are read: going on without, and trying again");
                }
                health.report(ROOM, format!("cannot save how far files are read: {reason}"));
                false
            }
        }
    }

    /// Moves positions to what was acknowledged and saves them.
    pub(super) fn save_progress(&mut self) {
        // First ask what is settled, then what advanced: the other way round an acknowledgement between the two
        // questions would be overlooked, which costs only a little reading, but needlessly.
        let settled: Vec<StreamId> = self.dirty.iter().copied().filter(|id| !self.ledger.is_under_way(*id)).collect();
        let mut changed: BTreeSet<StreamId> = BTreeSet::new();
        for (id, mark) in self.ledger.take_advanced() {
            if let Some(stream) = self.streams.get_mut(&id)
                && mark.epoch == stream.position.mark.epoch
                && mark.offset > stream.position.mark.offset
                && stream.snapshot.is_none()
            {
                stream.position.mark = mark;
                changed.insert(id);
            }
        }
        for id in settled {
            self.dirty.remove(&id);
            if let Some(stream) = self.streams.get_mut(&id) {
                stream.position.mark = stream.read;
                if let Some(packed) = stream.position.packed.as_mut().filter(|_| !self.ready.contains(&id)) {
                    packed.read_size = Some(stream.size);
                }
                changed.insert(id);
                self.save_shipped(id);
            }
        }
        for id in &changed {
            if let Some(stream) = self.streams.get_mut(id) {
                let acknowledged = stream.position.mark.offset;
                stream.position.cuts.retain(|cut| *cut > acknowledged);
            }
        }
        if self.is_blocked {
            // How much could be lost is remembered too, for nobody knows how long nothing can be sent.
            let waiting = self.ready.iter().filter_map(|id| self.streams.get(id));
            changed.extend(
                waiting.filter(|stream| stream.size_saved != stream.position.size_seen).map(|stream| stream.id),
            );
        }
        for id in &changed {
            if let Some(stream) = self.streams.get_mut(id) {
                stream.size_saved = stream.position.size_seen;
            }
        }
        if !changed.is_empty() || !self.unsaved.is_empty() {
            self.save(changed.iter().copied());
        }
        for id in changed {
            self.show(id);
        }
        self.forget_gone();
    }

    /// Forgets files that are gone, once everything of them is acknowledged and nobody can expect them back. Should one
    /// come back all the same, it has the same ids.
    fn forget_gone(&mut self) {
        let now = Timestamp::now().as_second();
        let mut forgotten = Vec::new();
        for id in &self.gone {
            let is_old = |since: i64| now.saturating_sub(since) > GONE_KEPT_SECONDS;
            let Some(stream) = self.streams.get(id) else { continue };
            if stream.position.gone_since.is_some_and(is_old) && !self.ledger.is_under_way(*id) {
                forgotten.push(*id);
            }
        }
        self.forget(&forgotten);
    }

    /// Forgets streams.
    pub(super) fn forget(&mut self, ids: &[StreamId]) {
        for id in ids {
            self.drop_head(*id);
            self.gone.remove(id);
            self.dirty.remove(id);
            self.unsaved.remove(id);
            if let Some(stream) = self.streams.remove(id) {
                let locator = stream.position.locator;
                if self.by_locator.get(&locator) == Some(id) {
                    self.by_locator.remove(&locator);
                    self.by_inode.remove(&locator.inode_and_birth());
                }
            }
        }
        if !ids.is_empty() {
            let removed = self.surroundings.checkpoint().remove(ids);
            self.is_written(removed);
        }
    }

    /// Tells whoever looks how far a file is.
    pub(super) fn show(&mut self, id: StreamId) {
        let Some(stream) = self.streams.get_mut(&id).filter(|stream| stream.state != State::Resting) else { return };
        let is_read = !self.ready.contains(&id);
        let size = match &stream.content {
            Some(content) if stream.position.packed.is_some() => content.length().unwrap_or(stream.read.offset),
            None if stream.position.packed.is_some() => stream.read.offset,
            _ => stream.size,
        };
        // What the file held at some moment waits since then at the latest, until all of it is delivered.
        let delivered = stream.position.mark.offset;
        if size <= delivered {
            stream.behind_since = None;
        } else if stream.behind_since.is_none_or(|(seen, _)| delivered >= seen) {
            stream.behind_since = Some((size, SystemTime::now()));
        }
        let progress = FileProgress {
            size,
            read: stream.read.offset,
            delivered: stream.position.mark.offset,
            records: stream.records,
            is_caught_up: is_read && !self.ledger.is_under_way(id),
            last_error: stream.last_error.clone(),
            behind_since: stream.behind_since.map(|(_, since)| since),
        };
        self.surroundings.progress.set(&stream.path, progress);
    }
}
