//! Settling what is delivered or dropped, and giving back its space.

use std::io;

use super::{Count, Cursor, Position, Spool, SpoolError, positions::Saved, segment::file_name, survey::Segment};
use crate::disk::Disk;

impl<D: Disk> Spool<D> {
    /// All entries up to and including this one are delivered. Call [`Spool::save`] now and then, to make that durable and
    /// give back the space.
    pub(crate) fn acknowledge(&mut self, up_to: Position) {
        if !self.settled.place.is_before(up_to.end) || self.tail.is_before(up_to.end) {
            return;
        }
        self.pass_holes(up_to.end);
        self.settled = Cursor { place: up_to.end, segment: up_to.segment, at: up_to.at_end };
        self.settle_leading_holes();
        self.read_from_settled();
    }

    /// Makes durable what was acknowledged, then deletes the segments that are not needed any more. Costs nothing if nothing
    /// was acknowledged.
    pub(crate) fn save(&mut self) -> Result<(), SpoolError> {
        let saved = self.saved();
        let is_settled =
            self.segments.front().is_some_and(|segment| self.is_retired(segment)) || !self.unremoved.is_empty();
        // `synced`, too: it tells how much is missing if the end of the spool is damaged.
        let is_as_saved =
            |newest: Saved| (newest.settled, newest.lost, newest.synced) == (saved.settled, saved.lost, saved.synced);
        if !self.positions.newest().is_some_and(is_as_saved) {
            if saved.settled == Count::default() && self.segments.is_empty() {
                return Ok(());
            }
            self.positions.write(&self.disk, saved).map_err(SpoolError::Save)?;
        }
        if is_settled {
            if self.positions.settled_by_both().is_before(saved.settled) {
                self.positions.write(&self.disk, saved).map_err(SpoolError::Save)?;
            }
            while let Some(segment) = self.segments.pop_front_if(|front| {
                !self.settled.place.is_before(front.end)
                    && self.active.as_ref().is_none_or(|active| active.number != front.number)
            }) {
                self.unremoved.push(segment);
            }
            self.remove_files();
        }
        Ok(())
    }

    /// Gives up the oldest segment. What of it is not acknowledged counts as dropped, once that is durable. Says how much
    /// of it was never handed out.
    pub(super) fn drop_front(&mut self) -> io::Result<Count> {
        let front = *self.segments.front().ok_or(io::ErrorKind::StorageFull)?;
        let before = (self.settled, self.dropped, self.lost, self.holes.clone());
        let first = self.settled.place.later(self.read.place);
        let missing = self.holes.iter().filter(|hole| !hole.from.is_before(first) && hole.from.is_before(front.end));
        let missing = missing.fold(Count::default(), |sum, hole| sum + (hole.to - hole.from));
        let unread = if first.is_before(front.end) { front.end - first - missing } else { Count::default() };
        if self.settled.place.is_before(front.end) {
            let lost = self.lost;
            self.pass_holes(front.end);
            self.dropped += front.end - self.settled.place - (self.lost - lost);
            self.settled = Cursor { place: front.end, segment: front.number, at: front.length };
        }
        self.settle_leading_holes();
        let saved = self.saved();
        while self.positions.newest() != Some(saved) || self.positions.settled_by_both().is_before(saved.settled) {
            if let Err(error) = self.positions.write(&self.disk, saved) {
                (self.settled, self.dropped, self.lost, self.holes) = before;
                return Err(error);
            }
        }
        self.segments.pop_front();
        self.active.take_if(|active| active.number == front.number);
        self.unremoved.push(front);
        self.remove_files();
        self.read_from_settled();
        Ok(unread)
    }

    /// Whether the oldest segment can go without losing anything.
    pub(super) fn is_front_settled(&self) -> bool {
        self.segments.front().is_some_and(|front| !self.settled.place.is_before(front.end))
    }

    pub(super) fn saved(&self) -> Saved {
        let synced = self.synced.later(self.settled.place);
        Saved { spool: self.id, settled: self.settled.place, synced, dropped: self.dropped, lost: self.lost }
    }

    /// Holes at the place up to which all is settled are settled too.
    pub(super) fn settle_leading_holes(&mut self) {
        while let Some(hole) = self.holes.pop_front_if(|hole| !self.settled.place.is_before(hole.from)) {
            self.lost += hole.to - hole.from.later(self.settled.place);
            self.settled.place = self.settled.place.later(hole.to);
        }
    }

    /// What is missing before this place is lost for good.
    fn pass_holes(&mut self, place: Count) {
        while let Some(hole) = self.holes.pop_front_if(|hole| !place.is_before(hole.to)) {
            self.lost += hole.to - hole.from;
        }
    }

    fn is_retired(&self, segment: &Segment) -> bool {
        let is_active = self.active.as_ref().is_some_and(|active| active.number == segment.number);
        !is_active && !self.settled.place.is_before(segment.end)
    }

    /// Removes files that are not needed; one that cannot be removed is tried again later.
    fn remove_files(&mut self) {
        let disk = &self.disk;
        self.unremoved.retain(|segment| {
            let removed = disk.remove(&file_name(segment.number));
            removed.is_err_and(|error| error.kind() != io::ErrorKind::NotFound)
        });
        let kept = &self.segments;
        self.reader.take_if(|(open, _)| kept.iter().all(|segment| segment.number != *open));
    }
}
