//! Reading: every stream with something new gets its turn, and what is odd about a file is dealt with on the spot.

use std::{io, path::Path, time::Instant};

use jiff::Timestamp;
use labtrail_shared::{shutdown::Stop, timestamp::EventTimestamp};
use tracing::{error, warn};

use super::{
    FileSource, Section,
    snapshot::Shipped,
    stream::{Beginning, Reader, State, Turn, Unfinished},
};
use crate::{
    delivery::{Ledger, StreamId},
    intake::{Intake, Report},
    status::Reason,
};

/// A stream's share of a pass: so one busy file does not keep the others waiting.
const TURN_BYTES: usize = 1 << 20;
/// Handles that stay open between turns.
const HANDLES_MAX: usize = 256;

impl FileSource {
    /// Sends the unfinished last records of these files. Where they are cut is on disk before they are sent, so that
    /// reading again cuts them there too.
    pub(super) fn send_unfinished(&mut self, ids: &[StreamId]) {
        let mut cut_streams = Vec::new();
        for id in ids {
            let Some(stream) = self.streams.get_mut(id).filter(|_| !self.ready.contains(id)) else { continue };
            // Only what a turn has seen to be the end may be cut.
            let Some(Unfinished { cut, .. }) = stream.unfinished.take() else { continue };
            if cut <= stream.read.offset {
                continue;
            }
            let section = &self.sections[stream.section];
            let beginning =
                stream.note_beginning(self.surroundings.intake.agent(), section, &self.surroundings.folder, true);
            if beginning.is_ok() && stream.position.identity.is_some() {
                if stream.position.cuts.last() != Some(&cut) {
                    stream.position.cuts.push(cut);
                }
                cut_streams.push(*id);
            }
        }
        if !cut_streams.is_empty() {
            self.save(cut_streams.iter().copied());
            self.ready.extend(cut_streams);
        }
    }

    /// Gives every ready stream its turn; says whether there is more to read at once.
    pub(super) fn read_ready(&mut self, stop: &Stop) -> bool {
        self.is_blocked = false;
        self.send_reports();
        let is_readable = |id: &StreamId| !self.ledger.is_long(*id);
        let mut turn: Vec<StreamId> = self.ready.iter().copied().filter(is_readable).collect();
        if turn.is_empty() {
            return false;
        }
        // Older files first: what was rotated away is finished before its successor. But after a pass that ended for want
        // of room, the next begins where it ended: else a large old file would keep all others waiting.
        turn.sort_by_key(|id| self.streams.get(id).map(|stream| stream.position.locator.birth_ns));
        if let Some(at) = self.blocked_at.take().and_then(|id| turn.iter().position(|ready| *ready == id)) {
            turn.rotate_left(at);
        }
        self.note_beginnings(&turn);
        for (place, id) in turn.iter().enumerate() {
            if stop.is_given() {
                return false;
            }
            let before = self.streams.get(id).map(|stream| stream.read);
            if self.read_turn(*id) == Turn::Blocked {
                self.is_blocked = true;
                // Who got something has had its turn; who got nothing is the next.
                let has_moved = self.streams.get(id).map(|stream| stream.read) != before;
                self.blocked_at = turn.get(place + usize::from(has_moved)).or(turn.first()).copied();
                return false;
            }
        }
        self.ready.iter().any(|id| !self.ledger.is_long(*id))
    }

    fn note_beginnings(&mut self, turn: &[StreamId]) {
        let mut fresh = Vec::new();
        for id in turn {
            let Some(stream) = self.streams.get_mut(id) else { continue };
            let section = &self.sections[stream.section];
            if matches!(
                stream.note_beginning(self.surroundings.intake.agent(), section, &self.surroundings.folder, false),
                Ok(Beginning::New)
            ) {
                fresh.push(*id);
            }
            if self.streams.len() > HANDLES_MAX
                && let Some(stream) = self.streams.get_mut(id)
                && stream.position.packed.is_none()
            {
                stream.content = None;
            }
        }
        for id in &fresh {
            self.note_head(*id);
        }
        self.save(fresh);
    }

    fn read_turn(&mut self, id: StreamId) -> Turn {
        let Some(stream) = self.streams.get_mut(&id) else {
            self.ready.remove(&id);
            return Turn::End;
        };
        let before = stream.read.offset;
        let share = TURN_BYTES.min(self.governor.share(Instant::now())).max(1);
        let section = &self.sections[stream.section];
        let beginning =
            stream.note_beginning(self.surroundings.intake.agent(), section, &self.surroundings.folder, false);
        if matches!(beginning, Ok(Beginning::New)) {
            self.note_head(id);
            self.save([id]);
        }
        let Some(stream) = self.streams.get_mut(&id) else { return Turn::End };
        let mut reader = reader(
            (&self.surroundings.intake, &self.ledger),
            &self.sections[stream.section],
            &mut self.buffer,
            &self.surroundings.folder,
        );
        let result = match beginning {
            Ok(Beginning::Known | Beginning::New) => match &reader.section.snapshot {
                Some(settings) => stream.read_snapshot(&mut reader, settings),
                None => stream.read_records(&mut reader, share),
            },
            Ok(Beginning::Unfinished(length)) => {
                let cut = length;
                stream.unfinished = (cut > stream.read.offset).then_some(Unfinished { cut, has_line_end: false });
                Ok(Turn::End)
            }
            Ok(Beginning::Elsewhere) => Ok(Turn::Elsewhere),
            Ok(Beginning::NotText(reason)) => {
                self.put_aside(id, reason);
                return Turn::End;
            }
            Err(error) => Err(error),
        };
        if stream.read.epoch == stream.position.mark.epoch {
            let bytes = stream.read.offset.saturating_sub(before);
            self.bytes_read += bytes;
            self.surroundings.counters.bytes_read.inc_by(bytes);
        }
        if stream.read.offset > before || stream.snapshot.as_ref().is_some_and(Shipped::is_changed) {
            self.dirty.insert(id);
        }
        let turn = match result {
            Ok(turn) => turn,
            Err(error) => {
                self.meet_trouble(id, &error);
                return Turn::End;
            }
        };
        self.end_turn(id, turn);
        self.show(id);
        turn
    }

    /// Draws the conclusions from how a turn ended.
    fn end_turn(&mut self, id: StreamId, turn: Turn) {
        let Some(stream) = self.streams.get_mut(&id) else { return };
        stream.is_troubled = false;
        stream.last_error = None;
        if turn != Turn::Rewritten {
            stream.rewritten_since = None;
        }
        match turn {
            Turn::More | Turn::Blocked => {}
            Turn::End | Turn::Waiting => {
                let seen = stream.unfinished.map_or(stream.read.offset, |unfinished| unfinished.cut);
                if stream.position.packed.is_none() {
                    stream.size = stream.size.max(seen);
                } else {
                    // Once all is acknowledged, it is remembered that the file is read.
                    self.dirty.insert(id);
                }
                if self.hot.len() > HANDLES_MAX && stream.state == State::Followed {
                    stream.content = None;
                }
                self.ready.remove(&id);
                if turn == Turn::Waiting {
                    self.hot.insert(id);
                    self.waiting.insert(id);
                }
            }
            Turn::Rewritten => {
                let settle = self.sections[stream.section].rewrite_settle;
                let since = *stream.rewritten_since.get_or_insert_with(Instant::now);
                if since.elapsed() >= settle {
                    self.begin_epoch(id);
                } else {
                    // Whoever writes the head anew may be in the middle of it: what was read may soon be there again.
                    stream.content = None;
                    self.ready.remove(&id);
                    self.hot.insert(id);
                    self.waiting.insert(id);
                }
            }
            Turn::Elsewhere => {
                // It was renamed or deleted before its turn. Where it is found again, it is looked at as if it were new.
                stream.modified = None;
                self.ready.remove(&id);
                self.hot.insert(id);
            }
        }
    }

    /// A file cannot be read now. Its position stays; the next scan tries again.
    fn meet_trouble(&mut self, id: StreamId, error: &io::Error) {
        let Some(stream) = self.streams.get_mut(&id) else { return };
        if !std::mem::replace(&mut stream.is_troubled, true) {
            warn!(file = %stream.path.display(), %error, "cannot read this file now: trying again");
        }
        stream.last_error = Some(error.to_string());
        stream.content = None;
        self.ready.remove(&id);
        self.hot.remove(&id);
        self.troubled.insert(id);
        self.show(id);
    }

    /// The file was truncated or rewritten: it is read from its beginning, under new ids. What was not read before may
    /// stand in a copy that was made of it.
    fn begin_epoch(&mut self, id: StreamId) {
        let copied = self.hand_over(id);
        let kept = self.keep_copies(id);
        self.drop_head(id);
        let Some(stream) = self.streams.get_mut(&id) else { return };
        let unread = stream.position.size_seen.saturating_sub(stream.read.offset);
        let size_seen = stream.position.size_seen;
        stream.begin_epoch();
        let bytes_lost = copied.map_or(unread, |(_, length)| size_seen.saturating_sub(length).min(unread));
        warn!(file = %stream.path.display(), bytes_lost, epoch = stream.read.epoch, "file was truncated or rewritten, reading from its beginning");
        self.dirty.remove(&id);
        // Together: else the copy would be a new file to an agent that died in between.
        self.save([id].into_iter().chain(copied.map(|(heir, _)| heir)).chain(kept));
        if bytes_lost > 0 {
            let message =
                format!("{bytes_lost} bytes were gone before they could be read: the file was truncated or rewritten");
            self.report(id, &Report { reason: "truncated", message, bytes_lost });
        }
    }

    /// Tells of a loss: in an event, in the metrics and in the log.
    pub(super) fn report(&mut self, id: StreamId, report: &Report) {
        self.surroundings
            .counters
            .bytes_lost
            .get_or_create(&Reason { reason: report.reason })
            .inc_by(report.bytes_lost);
        let Some(stream) = self.streams.get(&id) else { return };
        error!(file = %stream.path.display(), reason = report.reason, "{}", report.message);
        if !self.send_report(id, report) {
            self.reports.push((id, report.clone()));
        }
    }

    fn send_report(&self, id: StreamId, report: &Report) -> bool {
        let Some(stream) = self.streams.get(&id) else { return true };
        let facts = stream.facts(&self.sections[stream.section]);
        self.surroundings.intake.report(&facts, (&self.ledger, &stream.read), now_micros(), report)
    }

    /// Sends the reports for which there was no room before.
    pub(super) fn send_reports(&mut self) {
        let reports = std::mem::take(&mut self.reports);
        self.reports = reports.into_iter().filter(|(id, report)| !self.send_report(*id, report)).collect();
    }
}

/// What reading a stream of that section needs.
fn reader<'a>(
    (intake, ledger): (&'a Intake, &'a Ledger),
    section: &'a Section,
    buffer: &'a mut Vec<u8>,
    folder: &'a Path,
) -> Reader<'a> {
    let now_utc_micros = now_micros();
    let now_civil_micros = EventTimestamp::naive_from_utc_micros(now_utc_micros, &section.zone).civil_micros;
    Reader { intake, ledger, section, now: Instant::now(), now_utc_micros, now_civil_micros, buffer, folder }
}

pub(super) fn now_micros() -> i64 {
    Timestamp::now().as_microsecond()
}
