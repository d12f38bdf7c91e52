//! The file source: which files to follow, when to look at them, and what to remember.
//!
//! One thread does it all, whatever the number of files. Its state is a map of streams; a stream that is idle costs a
//! few hundred bytes and no open handle. Files are found by scanning; notifications only shorten the wait. Reading
//! pauses while too much is under way: the files themselves are the buffer.

pub(crate) mod checkpoint;
mod discover;
mod folders;
mod hints;
pub(crate) mod identity;
mod places;
mod stream;
mod turns;

use std::{
    collections::{BTreeSet, HashMap},
    path::Path,
    sync::Arc,
    time::{Duration, Instant},
};

use jiff::tz::TimeZone;
use labtrail_shared::shutdown::Stop;
use tracing::{debug, info, warn};

pub(crate) use self::discover::{Exclude, Pattern};
use self::{
    checkpoint::{Checkpoint, CheckpointError},
    hints::Hints,
    identity::{GUARD_BYTES, Locator},
    stream::{READ_BYTES, State, Stream},
};
use crate::{
    delivery::{Ledger, StreamId},
    intake::{Intake, Origin},
    parse::{DateOrder, Parser},
    status::{Counters, FileProgress, Progress},
};

/// A file that did not change for so long is only looked at by scans.
const HOT_FOR: Duration = Duration::from_mins(1);
/// An idle handle is closed after so long, so that the writer's programs may rename or delete at will.
const HANDLE_IDLE_MAX: Duration = Duration::from_secs(2);
/// A renamed file is watched for so long after its last growth: writers may finish their last lines in it.
const LEAVING_FOR: Duration = Duration::from_mins(5);
/// Scanning may take one part in so many of a core.
const SCAN_SHARE: u32 = 400;
/// When something is said to have changed, scanning may take one part in so many of a core.
const HINTED_SCAN_SHARE: u32 = 50;
/// The longest pause between scans that [`SCAN_SHARE`] may ask for.
const SCAN_INTERVAL_MAX: Duration = Duration::from_secs(30);
const CHECKPOINT_INTERVAL: Duration = Duration::from_millis(500);
/// At full speed much is acknowledged in that time, all of which would be sent again after a crash: so after so many
/// batches positions are saved sooner, but not so often that the disk is all that this thread waits for.
const CHECKPOINT_BATCHES: usize = 16;
const CHECKPOINT_INTERVAL_MIN: Duration = Duration::from_millis(25);

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
    /// Inode and birth time: what stays of a locator when the device gets another number.
    by_inode: HashMap<(u64, Option<i64>), StreamId>,
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
    /// Streams that could not be read: tried again with the next scan.
    troubled: BTreeSet<StreamId>,
    /// Streams whose files are gone: forgotten once nothing of them is under way.
    gone: BTreeSet<StreamId>,
    buffer: Vec<u8>,
    is_blocked: bool,
    /// Where the next pass begins, if the last one ended for want of room.
    blocked_at: Option<StreamId>,
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
            by_inode: HashMap::new(),
            by_path: HashMap::new(),
            next_id: 0,
            ready: BTreeSet::new(),
            hot: BTreeSet::new(),
            dirty: BTreeSet::new(),
            skipped: HashMap::new(),
            first_use: Vec::new(),
            is_first_scan: true,
            troubled: BTreeSet::new(),
            gone: BTreeSet::new(),
            buffer: vec![0; READ_BYTES + GUARD_BYTES],
            is_blocked: false,
            blocked_at: None,
            checkpoint,
        };
        source.remember()?;
        Ok(source)
    }

    /// Follows the files until the stop signal, then until everything queued is acknowledged or the time is over.
    pub(crate) fn run(mut self, stop: &Stop) -> Result<(), CheckpointError> {
        let mut scan_due = Instant::now();
        let mut poll_due = Instant::now();
        let mut saved_at = Instant::now();
        let mut scan_cost = Duration::ZERO;
        while !stop.is_given() {
            let began_at = Instant::now();
            if self.take_hints() {
                scan_due = scan_due.min(began_at + scan_cost * HINTED_SCAN_SHARE);
            }
            if began_at >= scan_due {
                let cpu_before = thread_cpu_time();
                self.scan()?;
                scan_cost = thread_cpu_time().saturating_sub(cpu_before);
                let pause = (scan_cost * SCAN_SHARE).min(SCAN_INTERVAL_MAX).max(self.pace.scan_interval);
                scan_due = Instant::now() + pause;
            }
            if began_at >= poll_due {
                self.poll_hot(began_at)?;
                poll_due = began_at + self.pace.poll_interval;
            }
            let has_more = self.read_ready(stop)?;
            let unsaved_for = began_at.saturating_duration_since(saved_at);
            let is_much = unsaved_for >= CHECKPOINT_INTERVAL_MIN && self.ledger.acknowledged() >= CHECKPOINT_BATCHES;
            if is_much || unsaved_for >= CHECKPOINT_INTERVAL {
                self.save_progress()?;
                saved_at = Instant::now();
            }
            if !has_more {
                let mut due = scan_due.min(saved_at + CHECKPOINT_INTERVAL);
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
        info!("{}", self.counters.summary());
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
                None => needs_scan |= self.may_mean(&path),
            }
        }
        needs_scan
    }

    /// Whether a path that is not followed may be that of a file to follow, or of a folder with such files.
    fn may_mean(&self, path: &Path) -> bool {
        let is_meant = |section: &Section| {
            section.patterns.iter().any(|pattern| pattern.matches(path)) && !section.exclude.matches(path)
        };
        self.sections.iter().any(is_meant) || path.is_dir()
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
            if self.is_blocked
                && let Err(error) = stream.note_size()
            {
                debug!(file = %stream.path.display(), %error, "cannot look into this file now");
            }
        }
        true
    }

    /// Looks at the files that changed a short while ago, lets go of idle handles, and sends unfinished lines that
    /// nobody finished.
    fn poll_hot(&mut self, now: Instant) -> Result<(), CheckpointError> {
        let mut is_lost = false;
        let mut unfinished = Vec::new();
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
            if idle > self.sections[stream.section].partial_after && stream.unfinished_to.is_some() {
                unfinished.push(id);
            } else if idle > hot_for && !self.ready.contains(&id) && stream.unfinished_to.is_none() {
                self.hot.remove(&id);
                if stream.state == State::Leaving {
                    self.rest(id);
                }
            }
        }
        self.send_unfinished(&unfinished)?;
        if is_lost {
            self.scan()?;
        }
        Ok(())
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
        if !changed.is_empty() {
            self.checkpoint.save(changed.iter().map(|id| (*id, &self.streams[id].position)))?;
            debug!(streams = changed.len(), "positions saved");
        }
        for id in changed {
            self.show(id);
        }
        self.forget_gone()
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

/// The processor time that this thread used: unlike the time on the clock it does not grow when others are busy.
fn thread_cpu_time() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    Duration::new(time.tv_sec.unsigned_abs(), u32::try_from(time.tv_nsec).unwrap_or(0))
}

/// Logged once a start, so that a person sees what is followed.
fn log_start(files: usize, remembered: usize) {
    info!(files, remembered, "following files");
}
