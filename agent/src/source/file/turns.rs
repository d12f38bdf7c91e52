//! Reading: every stream with something new gets its turn, and what is odd about a file is dealt with on the spot.

use jiff::Timestamp;
use labtrail_shared::{shutdown::Stop, timestamp::EventTimestamp};
use tracing::{error, warn};

use super::{
    FileSource, Section,
    checkpoint::CheckpointError,
    stream::{Beginning, Reader, State, Turn},
};
use crate::{
    delivery::StreamId,
    intake::{Intake, Report},
    parse::ParseContext,
    status::Reason,
};

/// A stream's share of a pass: so one busy file does not keep the others waiting.
const TURN_BYTES: usize = 1 << 20;
/// Handles that stay open between turns.
const HANDLES_MAX: usize = 256;

impl FileSource {
    /// Sends the unfinished last lines of these files. Where they are cut is on disk before they are sent, so that
    /// reading again cuts them there too.
    pub(super) fn send_unfinished(&mut self, ids: &[StreamId]) -> Result<(), CheckpointError> {
        let mut cut = Vec::new();
        for id in ids {
            let Some(stream) = self.streams.get_mut(id).filter(|_| !self.ready.contains(id)) else { continue };
            // Only what a turn has seen to have no line end may be sent as it is.
            let Some(end) = stream.unfinished_to.filter(|end| *end == stream.size && *end > stream.read.offset) else {
                stream.unfinished_to = None;
                continue;
            };
            if stream.note_beginning(self.intake.agent(), true).is_ok() && stream.position.identity.is_some() {
                if stream.position.cuts.last() != Some(&end) {
                    stream.position.cuts.push(end);
                }
                cut.push((*id, end));
            }
        }
        if cut.is_empty() {
            return Ok(());
        }
        self.checkpoint.save(cut.iter().map(|(id, _)| (*id, &self.streams[id].position)))?;
        for (id, end) in cut {
            let Some(stream) = self.streams.get_mut(&id) else { continue };
            let mut reader = reader(&self.intake, &self.sections[stream.section], &mut self.buffer);
            match stream.queue_unfinished(&mut reader, end) {
                // Without room for it, it is tried again.
                Ok(is_queued) => stream.unfinished_to = (!is_queued).then_some(end),
                Err(error) => {
                    warn!(file = %stream.path.display(), %error, "cannot read the unfinished last line");
                    stream.unfinished_to = None;
                }
            }
            self.dirty.insert(id);
            self.show(id);
        }
        Ok(())
    }

    /// Gives every ready stream its turn; says whether there is more to read at once.
    pub(super) fn read_ready(&mut self, stop: &Stop) -> Result<bool, CheckpointError> {
        self.is_blocked = false;
        let is_readable = |id: &StreamId| !self.ledger.is_long(*id);
        let mut turn: Vec<StreamId> = self.ready.iter().copied().filter(is_readable).collect();
        if turn.is_empty() {
            return Ok(false);
        }
        // Older files first: what was rotated away is finished before its successor. But after a pass that ended for want
        // of room, the next begins where it ended: else a large old file would keep all others waiting.
        turn.sort_by_key(|id| self.streams.get(id).map(|stream| stream.position.locator.birth_ns));
        if let Some(at) = self.blocked_at.take().and_then(|id| turn.iter().position(|ready| *ready == id)) {
            turn.rotate_left(at);
        }
        self.note_beginnings(&turn)?;
        for (place, id) in turn.iter().enumerate() {
            if stop.is_given() {
                return Ok(false);
            }
            let before = self.streams.get(id).map(|stream| stream.read);
            if self.read_turn(*id)? == Turn::Blocked {
                self.is_blocked = true;
                // Who got something has had its turn; who got nothing is the next.
                let has_moved = self.streams.get(id).map(|stream| stream.read) != before;
                self.blocked_at = turn.get(place + usize::from(has_moved)).or(turn.first()).copied();
                return Ok(false);
            }
        }
        Ok(self.ready.iter().any(|id| !self.ledger.is_long(*id)))
    }

    fn note_beginnings(&mut self, turn: &[StreamId]) -> Result<(), CheckpointError> {
        let mut fresh = Vec::new();
        for id in turn {
            let Some(stream) = self.streams.get_mut(id) else { continue };
            if matches!(stream.note_beginning(self.intake.agent(), false), Ok(Beginning::New)) {
                fresh.push(*id);
            }
            if self.streams.len() > HANDLES_MAX
                && let Some(stream) = self.streams.get_mut(id)
            {
                stream.file = None;
            }
        }
        if fresh.is_empty() {
            return Ok(());
        }
        self.checkpoint.save(fresh.iter().map(|id| (*id, &self.streams[id].position)))
    }

    fn read_turn(&mut self, id: StreamId) -> Result<Turn, CheckpointError> {
        let Some(stream) = self.streams.get_mut(&id) else {
            self.ready.remove(&id);
            return Ok(Turn::End { unfinished: 0 });
        };
        let before = stream.read.offset;
        let beginning = stream.note_beginning(self.intake.agent(), false);
        if matches!(beginning, Ok(Beginning::New)) {
            self.checkpoint.save([(id, &stream.position)])?;
        }
        let mut reader = reader(&self.intake, &self.sections[stream.section], &mut self.buffer);
        let result = match beginning {
            Ok(Beginning::Known | Beginning::New) => stream.read_lines(&mut reader, TURN_BYTES),
            Ok(Beginning::Unfinished(unfinished)) => Ok(Turn::End { unfinished }),
            Ok(Beginning::Elsewhere) => Ok(Turn::Elsewhere),
            Err(error) => Err(error),
        };
        if stream.read.epoch == stream.position.mark.epoch {
            self.counters.bytes_read.inc_by(stream.read.offset.saturating_sub(before));
        }
        if stream.read.offset > before {
            self.dirty.insert(id);
        }
        let turn = match result {
            Ok(turn) => turn,
            Err(error) => {
                // The position stays; the next scan tries again.
                if !std::mem::replace(&mut stream.is_troubled, true) {
                    warn!(file = %stream.path.display(), %error, "cannot read this file now: trying again");
                }
                stream.file = None;
                self.ready.remove(&id);
                self.hot.remove(&id);
                self.troubled.insert(id);
                return Ok(Turn::End { unfinished: 0 });
            }
        };
        stream.is_troubled = false;
        match turn {
            Turn::More | Turn::Blocked => {}
            Turn::End { unfinished } => {
                let seen = stream.read.offset + unfinished;
                stream.size = stream.size.max(seen);
                stream.unfinished_to = (unfinished > 0).then_some(seen);
                if self.hot.len() > HANDLES_MAX && stream.state == State::Followed {
                    stream.file = None;
                }
                self.ready.remove(&id);
            }
            Turn::Rewritten => self.begin_epoch(id)?,
            Turn::Elsewhere => {
                // It was renamed or deleted before its turn. Where it is found again, it is looked at as if it were new.
                stream.modified = None;
                self.ready.remove(&id);
                self.hot.insert(id);
            }
        }
        self.show(id);
        Ok(turn)
    }

    /// The file was truncated or rewritten: it is read from its beginning, under new ids.
    fn begin_epoch(&mut self, id: StreamId) -> Result<(), CheckpointError> {
        let Some(stream) = self.streams.get_mut(&id) else { return Ok(()) };
        let bytes_lost = stream.begin_epoch();
        warn!(file = %stream.path.display(), bytes_lost, epoch = stream.read.epoch, "file was truncated or rewritten, reading from its beginning");
        self.checkpoint.save([(id, &stream.position)])?;
        self.dirty.remove(&id);
        if bytes_lost > 0 {
            let message =
                format!("{bytes_lost} bytes were gone before they could be read: the file was truncated or rewritten");
            self.report(id, &Report { reason: "truncated", message, bytes_lost });
        }
        Ok(())
    }

    /// Tells of a loss: in an event, in the metrics and in the log.
    pub(super) fn report(&mut self, id: StreamId, report: &Report) {
        self.counters.bytes_lost.get_or_create(&Reason { reason: report.reason }).inc_by(report.bytes_lost);
        let Some(stream) = self.streams.get(&id) else { return };
        error!(file = %stream.path.display(), reason = report.reason, "{}", report.message);
        let section = &self.sections[stream.section];
        let facts = stream.facts(&section.origin);
        if !self.intake.report(&facts, &stream.read, now_micros(), report) {
            warn!("too much is under way to send an event about it");
        }
    }
}

/// What reading a stream of that section needs.
fn reader<'a>(intake: &'a Intake, section: &'a Section, buffer: &'a mut Vec<u8>) -> Reader<'a> {
    let now_utc_micros = now_micros();
    let now_civil_micros = EventTimestamp::naive_from_utc_micros(now_utc_micros, &section.zone).civil_micros;
    Reader {
        intake,
        origin: &section.origin,
        context: ParseContext { parser: section.parser, date_order: section.date_order, now_civil_micros },
        line_bytes_max: section.line_bytes_max,
        now_utc_micros,
        buffer,
    }
}

fn now_micros() -> i64 {
    Timestamp::now().as_microsecond()
}
