//! What the checkpoint remembers of files, at the start and when another thread followed them before.

use std::{collections::BTreeSet, sync::Arc};

use super::{
    FileSource, Section, checkpoint::Position, discover, places::place_of, snapshot::Shipped, stream::State,
    taking_in::new_stream,
};
use crate::delivery::StreamId;

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
}
