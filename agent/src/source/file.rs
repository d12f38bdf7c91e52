//! The file source: which files to follow, when to look at them, and what to remember.
//!
//! One thread does it all, whatever the number of files. Its state is a map of streams; a stream that is idle costs a
//! few hundred bytes and no open handle. Files are found by scanning; notifications only shorten the wait. Reading
//! pauses while too much is under way: the files themselves are the buffer.

pub(crate) mod checkpoint;
mod discover;
mod hints;
pub(crate) mod identity;
mod places;
mod stream;

use std::{
    collections::{BTreeSet, HashMap},
    path::Path,
    sync::Arc,
    time::{Duration, Instant},
};

use jiff::{Timestamp, tz::TimeZone};
use labtrail_shared::{shutdown::Stop, timestamp::EventTimestamp};
use tracing::{debug, error, info, warn};

pub(crate) use self::discover::{Exclude, Pattern};
use self::{
    checkpoint::{Checkpoint, CheckpointError},
    hints::Hints,
    identity::{GUARD_BYTES, Locator},
    stream::{READ_BYTES, Reader, State, Stream, Turn},
};
use crate::{
    delivery::{Ledger, StreamId},
    intake::{Intake, Origin, Report},
    parse::{DateOrder, ParseContext, Parser},
    status::{Counters, FileProgress, Progress, Reason},
};

/// A stream's share of a pass: so one busy file does not keep the others waiting.
const TURN_BYTES: usize = 1 << 20;
/// Handles that stay open between turns.
const HANDLES_MAX: usize = 256;
/// A file that did not change for so long is only looked at by scans.
const HOT_FOR: Duration = Duration::from_secs(60);
/// An idle handle is closed after so long, so that the writer's programs may rename or delete at will.
const HANDLE_IDLE_MAX: Duration = Duration::from_secs(2);
/// A renamed file is watched for so long after its last growth: writers may finish their last lines in it.
const LEAVING_FOR: Duration = Duration::from_secs(300);
/// Scanning may take one part in so many of a core.
const SCAN_SHARE: u32 = 250;
/// The longest pause between scans that [`SCAN_SHARE`] may ask for.
const SCAN_INTERVAL_MAX: Duration = Duration::from_secs(30);
const CHECKPOINT_INTERVAL: Duration = Duration::from_millis(500);

/// One `[[files]]` section, compiled.
#[derive(Debug)]
pub(crate) struct Section {
    pub patterns: Vec<Pattern>,
    pub exclude: Exclude,
    pub reads_existing: bool,
    pub origin: Origin,
    pub zone: TimeZone,
    pub parser: Parser,
    pub date_order: Option<DateOrder>,
    pub line_bytes_max: usize,
    pub partial_after: Duration,
}

/// How often to look.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Pace {
    pub scan_interval: Duration,
    pub poll_interval: Duration,
    pub batch_age: Duration,
    pub drain_max: Duration,
}

/// The file source.
#[derive(Debug)]
pub(crate) struct FileSource {
    sections: Vec<Section>,
    pace: Pace,
    intake: Intake,
    ledger: Ledger,
    checkpoint: Checkpoint,
    counters: Counters,
    progress: Progress,
    hints: Hints,
    streams: HashMap<StreamId, Stream>,
    by_locator: HashMap<Locator, StreamId>,
    by_path: HashMap<Arc<Path>, StreamId>,
    next_id: StreamId,
    /// Streams with something to read.
    ready: BTreeSet<StreamId>,
    /// Streams that changed a short while ago, or that wait for something.
    hot: BTreeSet<StreamId>,
    /// Streams whose position is to be saved.
    dirty: BTreeSet<StreamId>,
    /// Files that are found again and again but not read, with the reason.
    skipped: HashMap<Locator, (u64, &'static str)>,
    /// Sections that are followed for the first time: what exists now may be left unread.
    first_use: Vec<bool>,
    is_first_scan: bool,
    buffer: Vec<u8>,
    is_blocked: bool,
}

impl FileSource {
    /// Loads what the checkpoint remembers.
    pub(crate) fn new(
        sections: Vec<Section>,
        pace: Pace,
        (intake, ledger): (Intake, Ledger),
        checkpoint: Checkpoint,
        (counters, progress): (Counters, Progress),
    ) -> Result<Self, CheckpointError> {
        let mut source = Self {
            sections,
            pace,
            hints: Hints::new(ledger.clone()),
            intake,
            ledger,
            counters,
            progress,
            streams: HashMap::new(),
            by_locator: HashMap::new(),
            by_path: HashMap::new(),
            next_id: 0,
            ready: BTreeSet::new(),
            hot: BTreeSet::new(),
            dirty: BTreeSet::new(),
            skipped: HashMap::new(),
            first_use: Vec::new(),
            is_first_scan: true,
            buffer: vec![0; READ_BYTES + GUARD_BYTES],
            is_blocked: false,
            checkpoint,
        };
        source.remember()?;
        Ok(source)
    }

    /// Follows the files until the stop signal, then until everything queued is acknowledged or the time is over.
    pub(crate) fn run(mut self, stop: &Stop) -> Result<(), CheckpointError> {
        let mut scan_due = Instant::now();
        let mut poll_due = Instant::now();
        let mut checkpoint_due = Instant::now() + CHECKPOINT_INTERVAL;
        let mut scan_cost = Duration::ZERO;
        while !stop.is_given() {
            let began_at = Instant::now();
            if self.take_hints() {
                scan_due = scan_due.min(began_at + scan_cost * 10);
            }
            if began_at >= scan_due {
                self.scan()?;
                scan_cost = began_at.elapsed();
                let pause = (scan_cost * SCAN_SHARE).min(SCAN_INTERVAL_MAX).max(self.pace.scan_interval);
                scan_due = Instant::now() + pause;
            }
            if began_at >= poll_due {
                self.poll_hot(began_at)?;
                poll_due = began_at + self.pace.poll_interval;
            }
            let has_more = self.read_ready(stop)?;
            if began_at >= checkpoint_due {
                self.save_progress()?;
                checkpoint_due = Instant::now() + CHECKPOINT_INTERVAL;
            }
            if !has_more {
                let mut due = scan_due.min(checkpoint_due);
                if !self.hot.is_empty() {
                    due = due.min(poll_due);
                }
                self.ledger.wait(due.saturating_duration_since(Instant::now()));
                // A busy writer makes many small changes: they are read in batches of some age.
                if !self.is_blocked && !stop.is_given() {
                    std::thread::sleep(self.pace.batch_age.saturating_sub(began_at.elapsed()));
                }
            }
        }
        self.finish()
    }

    /// Waits for what is under way, and saves how far everything is.
    fn finish(mut self) -> Result<(), CheckpointError> {
        let deadline = Instant::now() + self.pace.drain_max;
        while !self.ledger.is_settled() && Instant::now() < deadline {
            self.ledger.wait(Duration::from_millis(100));
        }
        if !self.ledger.is_settled() {
            warn!("the collector did not take everything in time; the next start sends the rest");
        }
        self.save_progress()
    }

    /// Looks at what is said to have changed; says whether a scan is needed.
    fn take_hints(&mut self) -> bool {
        let changed = self.hints.take();
        let mut needs_scan = changed.needs_scan;
        let now = Instant::now();
        for path in changed.paths {
            match self.by_path.get(path.as_path()).copied() {
                Some(id) => needs_scan |= !self.look_at(id, now),
                None => needs_scan = true,
            }
        }
        needs_scan
    }

    /// Looks whether a file changed; false when its path leads elsewhere.
    fn look_at(&mut self, id: StreamId, now: Instant) -> bool {
        let Some(stream) = self.streams.get_mut(&id) else { return true };
        let Ok(metadata) = std::fs::metadata(&stream.path) else { return false };
        if Locator::of(&metadata) != stream.position.locator {
            return false;
        }
        if stream.observe(&metadata, now) {
            self.ready.insert(id);
            self.hot.insert(id);
        }
        true
    }

    /// Looks at the files that changed a short while ago, lets go of idle handles, and sends unfinished lines that
    /// nobody finished.
    fn poll_hot(&mut self, now: Instant) -> Result<(), CheckpointError> {
        let mut is_lost = false;
        for id in self.hot.iter().copied().collect::<Vec<_>>() {
            is_lost |= !self.look_at(id, now);
            let Some(stream) = self.streams.get_mut(&id) else {
                self.hot.remove(&id);
                continue;
            };
            let idle = now.saturating_duration_since(stream.changed_at);
            if idle > HANDLE_IDLE_MAX && !self.ready.contains(&id) && stream.state == State::Followed {
                stream.file = None;
            }
            let hot_for = if stream.state == State::Leaving { LEAVING_FOR } else { HOT_FOR };
            if idle > hot_for && !self.ready.contains(&id) {
                self.hot.remove(&id);
                if stream.state == State::Leaving {
                    self.rest(id);
                }
                continue;
            }
            if idle > self.sections[stream.section].partial_after {
                self.send_unfinished(id)?;
            }
        }
        if is_lost {
            self.scan()?;
        }
        Ok(())
    }

    /// Sends the unfinished last line of a file. Where it is cut is on disk before it is sent, so that reading again
    /// cuts it there too.
    fn send_unfinished(&mut self, id: StreamId) -> Result<(), CheckpointError> {
        let Some(stream) = self.streams.get_mut(&id) else { return Ok(()) };
        if self.ready.contains(&id) || stream.size <= stream.read.offset {
            return Ok(());
        }
        let end = stream.size;
        stream.position.cut = Some(end);
        self.checkpoint.save([(id, &stream.position)])?;
        let section = &self.sections[stream.section];
        let mut reader = reader(&self.intake, section, &mut self.buffer);
        match stream.queue_unfinished(&mut reader, end) {
            Ok(_) => self.show(id),
            Err(error) => warn!(file = %stream.path.display(), %error, "cannot read the unfinished last line"),
        }
        Ok(())
    }

    /// Gives every ready stream its turn; says whether there is more to read at once.
    fn read_ready(&mut self, stop: &Stop) -> Result<bool, CheckpointError> {
        self.is_blocked = false;
        if self.ready.is_empty() {
            return Ok(false);
        }
        let mut turn: Vec<StreamId> = self.ready.iter().copied().collect();
        // Older files first: what was rotated away is finished before its successor.
        turn.sort_by_key(|id| self.streams.get(id).map(|stream| stream.position.identity.birth_ms));
        self.note_beginnings(&turn)?;
        for id in turn {
            if stop.is_given() {
                return Ok(false);
            }
            if self.read_turn(id)? == Turn::Blocked {
                self.is_blocked = true;
                return Ok(false);
            }
        }
        Ok(!self.ready.is_empty())
    }

    fn note_beginnings(&mut self, turn: &[StreamId]) -> Result<(), CheckpointError> {
        let mut fresh = Vec::new();
        for id in turn {
            let Some(stream) = self.streams.get_mut(id) else { continue };
            if stream.note_beginning().unwrap_or(false) {
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
        let mut reader = reader(&self.intake, &self.sections[stream.section], &mut self.buffer);
        let result = stream.read_lines(&mut reader, TURN_BYTES);
        if stream.read.epoch == stream.position.mark.epoch {
            self.counters.bytes_read.inc_by(stream.read.offset.saturating_sub(before));
        }
        if stream.read.offset > before {
            self.dirty.insert(id);
        }
        let turn = match result {
            Ok(turn) => turn,
            Err(error) => {
                // The position stays; the next change or scan tries again.
                warn!(file = %stream.path.display(), %error, "cannot read this file now");
                stream.file = None;
                stream.modified = None;
                Turn::End { unfinished: 0 }
            }
        };
        match turn {
            Turn::More | Turn::Blocked => {}
            Turn::End { unfinished } => {
                let seen = stream.read.offset + unfinished;
                stream.size = stream.size.max(seen);
                stream.position.size_seen = stream.position.size_seen.max(seen);
                if self.hot.len() > HANDLES_MAX && stream.state == State::Followed {
                    stream.file = None;
                }
                self.ready.remove(&id);
            }
            Turn::Rewritten => self.begin_epoch(id)?,
            Turn::Elsewhere => {
                self.ready.remove(&id);
                self.hot.insert(id);
            }
        }
        self.show(id);
        Ok(turn)
    }

    /// The file was truncated or rewritten: it is read from its beginning, under new ids.
    fn begin_epoch(&mut self, id: StreamId) -> Result<(), CheckpointError> {
        let agent = self.intake.agent().to_owned();
        let Some(stream) = self.streams.get_mut(&id) else { return Ok(()) };
        let bytes_lost = stream.begin_epoch(&agent);
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
    fn report(&mut self, id: StreamId, report: &Report) {
        self.counters.bytes_lost.get_or_create(&Reason { reason: report.reason }).inc_by(report.bytes_lost);
        let Some(stream) = self.streams.get(&id) else { return };
        error!(file = %stream.path.display(), reason = report.reason, "{}", report.message);
        let section = &self.sections[stream.section];
        let facts = stream.facts(&section.origin);
        if !self.intake.report(&facts, &stream.read, now_micros(), report) {
            warn!("too much is under way to send an event about it");
        }
    }

    /// Moves positions to what was acknowledged and saves them.
    fn save_progress(&mut self) -> Result<(), CheckpointError> {
        // First ask what is settled, then what advanced: the other way round an acknowledgement between the two
        // questions would be overlooked, which costs only a little reading, but needlessly.
        let settled: Vec<StreamId> = self.dirty.iter().copied().filter(|id| !self.ledger.is_under_way(*id)).collect();
        let mut changed: BTreeSet<StreamId> = BTreeSet::new();
        for (id, mark) in self.ledger.take_advanced() {
            if let Some(stream) = self.streams.get_mut(&id)
                && mark.epoch == stream.position.mark.epoch
                && mark.offset > stream.position.mark.offset
            {
                stream.position.mark = mark;
                changed.insert(id);
            }
        }
        for id in settled {
            self.dirty.remove(&id);
            if let Some(stream) = self.streams.get_mut(&id)
                && stream.position.mark != stream.read
            {
                stream.position.mark = stream.read;
                changed.insert(id);
            }
        }
        for id in &changed {
            if let Some(stream) = self.streams.get_mut(id)
                && stream.position.cut.is_some_and(|cut| cut <= stream.position.mark.offset)
            {
                stream.position.cut = None;
            }
        }
        if !changed.is_empty() {
            self.checkpoint.save(changed.iter().map(|id| (*id, &self.streams[id].position)))?;
            debug!(streams = changed.len(), "positions saved");
        }
        for id in changed {
            self.show(id);
        }
        Ok(())
    }

    /// Tells whoever looks how far a file is.
    fn show(&self, id: StreamId) {
        let Some(stream) = self.streams.get(&id) else { return };
        let is_read = !self.ready.contains(&id);
        self.progress.set(
            &stream.path,
            FileProgress {
                size: stream.size,
                read: stream.read.offset,
                delivered: stream.position.mark.offset,
                records: stream.records,
                is_caught_up: is_read && !self.ledger.is_under_way(id),
            },
        );
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

/// Logged once a start, so that a person sees what is followed.
fn log_start(files: usize, remembered: usize) {
    info!(files, remembered, "following files");
}
