//! The loop of a file source: scan, poll, read, save, wait.

use std::{
    path::Path,
    sync::{Arc, PoisonError},
    time::{Duration, Instant},
};

use labtrail_shared::shutdown::Stop;
use tracing::{debug, info, warn};

use super::{
    FileSource, HOT_FOR, LEAVING_FOR,
    identity::Locator,
    places::Skipped,
    stream::{State, Unfinished},
    window_bytes,
};
use crate::delivery::StreamId;

/// An idle handle is closed after so long, so that the writer's programs may rename or delete at will.
const HANDLE_IDLE_MAX: Duration = Duration::from_secs(2);
/// Scanning may take one part in so many of a core.
const SCAN_SHARE: u32 = 500;
/// When something is said to have changed, scanning may take one part in so many of a core.
const HINTED_SCAN_SHARE: u32 = 50;
/// The longest pause between scans that [`SCAN_SHARE`] may ask for.
const SCAN_INTERVAL_MAX: Duration = Duration::from_secs(30);
const CHECKPOINT_INTERVAL: Duration = Duration::from_millis(500);
/// At full speed much is acknowledged in that time, all of which would be sent again after a crash: so after so many
/// batches positions are saved sooner, but not so often that the disk is all that this thread waits for.
const CHECKPOINT_BATCHES: usize = 16;
const CHECKPOINT_INTERVAL_MIN: Duration = Duration::from_millis(25);

impl FileSource {
    /// Follows the files until the stop signal, then until everything queued is acknowledged or the time is over.
    pub(crate) fn run(mut self, stop: &Stop) {
        let pace = self.surroundings.pace;
        let mut scan_due = Instant::now();
        let mut poll_due = Instant::now();
        let mut saved_at = Instant::now();
        let mut scan_cost = Duration::ZERO;
        let mut charged = thread_cpu_time();
        while !stop.is_given() {
            let began_at = Instant::now();
            self.beat();
            if self.take_orders() {
                scan_due = began_at;
            }
            if self.take_hints() {
                scan_due = scan_due.min(began_at + scan_cost * HINTED_SCAN_SHARE);
            }
            if began_at >= scan_due {
                let cpu_before = thread_cpu_time();
                self.scan();
                scan_cost = thread_cpu_time().saturating_sub(cpu_before);
                let pause = (scan_cost * SCAN_SHARE).min(SCAN_INTERVAL_MAX).max(pace.scan_interval);
                scan_due = Instant::now() + pause;
            }
            if began_at >= poll_due {
                self.poll_hot(began_at);
                poll_due = began_at + pace.poll_interval;
            }
            let has_more = self.read_ready(stop);
            let unsaved_for = began_at.saturating_duration_since(saved_at);
            let is_much = unsaved_for >= CHECKPOINT_INTERVAL_MIN && self.ledger.acknowledged() >= CHECKPOINT_BATCHES;
            if is_much || unsaved_for >= CHECKPOINT_INTERVAL {
                self.save_progress();
                self.send_summaries();
                saved_at = Instant::now();
            }
            if self.governor.limits_anything() {
                self.hold_back(&mut charged, stop);
            }
            if !has_more {
                let mut due = scan_due.min(saved_at + CHECKPOINT_INTERVAL);
                if !self.hot.is_empty() {
                    due = due.min(poll_due);
                }
                self.ledger.wait(due.saturating_duration_since(Instant::now()));
                // A busy writer makes many small changes: they are read in batches of some age.
                if !self.is_blocked && !stop.is_given() {
                    std::thread::sleep(pace.batch_age.saturating_sub(began_at.elapsed()));
                }
            }
        }
        self.finish();
    }

    /// Tells the watchdog that this thread is alive.
    fn beat(&self) {
        if let Some(pulse) = &self.pulse {
            pulse.beat();
        }
    }

    /// Pauses for as long as the limits ask for.
    fn hold_back(&mut self, charged: &mut Duration, stop: &Stop) {
        let mut bytes_read = std::mem::take(&mut self.bytes_read);
        loop {
            let used = thread_cpu_time();
            let now = Instant::now();
            let pause = self.governor.after(bytes_read, used.saturating_sub(*charged), now);
            (*charged, bytes_read) = (used, 0);
            std::thread::sleep(pause);
            self.beat();
            if stop.is_given() || self.governor.share(Instant::now()) > 0 {
                return;
            }
        }
    }

    /// Waits for what is under way, and saves how far everything is.
    fn finish(mut self) {
        self.flush_summaries();
        let deadline = Instant::now() + self.surroundings.pace.drain_max;
        while !self.ledger.is_settled() && Instant::now() < deadline {
            self.ledger.wait(Duration::from_millis(100));
            self.beat();
        }
        info!("{}", self.surroundings.counters.summary());
        if !self.ledger.is_settled() {
            warn!("the collector did not take everything in time; the next start sends the rest");
        }
        self.save_progress();
    }

    /// Takes over other sections, if there are orders to. What both have in common goes on as it is.
    fn take_orders(&mut self) -> bool {
        let Some(sections) = self.orders.lock().unwrap_or_else(PoisonError::into_inner).take() else { return false };
        self.flush_summaries();
        if !self.summaries.is_empty() {
            warn!(
                count = self.summaries.len(),
                "summaries of suppressed events could not be sent before the config changed"
            );
            self.summaries.clear();
        }
        self.buffer = vec![0; window_bytes(&sections)];
        let old = std::mem::replace(&mut self.sections, sections);
        for id in self.streams.keys().copied().collect::<Vec<_>>() {
            let Some(stream) = self.streams.get_mut(&id) else { continue };
            let key = old.get(stream.section).map(|section| &section.key);
            match self.sections.iter().position(|section| Some(&section.key) == key) {
                Some(section) => stream.section = section,
                // The next scan finds out whether another section means it.
                None if stream.state == State::Resting => stream.section = 0,
                None => {
                    stream.section = 0;
                    self.rest(id);
                }
            }
        }
        if self.sections.is_empty() {
            for id in self.streams.keys().copied().collect::<Vec<_>>() {
                self.rest(id);
            }
        }
        self.remember_more(&old);
        self.copies.clear();
        self.skipped.clear();
        self.first_use = self.sections.iter().map(|section| self.is_first_use(section)).collect();
        self.is_first_scan = true;
        true
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
        self.sections.iter().any(|section| section.means(path)) || path.is_dir()
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

    /// Looks at the files that changed a short while ago, lets go of idle handles, and sends unfinished records that
    /// nobody finished.
    fn poll_hot(&mut self, now: Instant) {
        let mut is_lost = false;
        let mut unfinished = Vec::new();
        self.ready.append(&mut self.waiting);
        for id in self.hot.iter().copied().collect::<Vec<_>>() {
            is_lost |= !self.look_at(id, now);
            let Some(stream) = self.streams.get_mut(&id) else {
                self.hot.remove(&id);
                continue;
            };
            let idle = now.saturating_duration_since(stream.changed_at);
            if idle > HANDLE_IDLE_MAX && !self.ready.contains(&id) && stream.state == State::Followed {
                stream.content = None;
            }
            let section = &self.sections[stream.section];
            let hot_for = if stream.state == State::Leaving { LEAVING_FOR } else { HOT_FOR };
            let sent_after =
                stream.unfinished.map(
                    |Unfinished { has_line_end, .. }| {
                        if has_line_end { section.flush_after } else { section.partial_after }
                    },
                );
            match sent_after {
                Some(sent_after) if idle > sent_after => unfinished.push(id),
                None if idle > hot_for && !self.ready.contains(&id) => {
                    self.hot.remove(&id);
                    if stream.state == State::Leaving {
                        self.rest(id);
                    }
                }
                _ => {}
            }
        }
        self.send_unfinished(&unfinished);
        if is_lost {
            self.scan();
        }
    }

    /// The number of a new stream.
    pub(super) fn next_id(&self) -> StreamId {
        self.surroundings.next_id.fetch_add(1, std::sync::atomic::Ordering::Relaxed)
    }

    /// A file that turned out to hold no text.
    pub(super) fn put_aside(&mut self, id: StreamId, reason: &'static str) {
        let Some(stream) = self.streams.get(&id) else { return };
        let (locator, size, path) = (stream.position.locator, stream.size, Arc::clone(&stream.path));
        warn!(file = %path.display(), reason, "not following this file: it holds no text");
        self.skipped.insert(locator, Skipped { size, reason, path: path.to_path_buf() });
        self.rest(id);
        self.gone.remove(&id);
        self.forget(&[id]);
    }
}

/// The processor time that this thread used: unlike the time on the clock it does not grow when others are busy.
fn thread_cpu_time() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    Duration::new(time.tv_sec.unsigned_abs(), u32::try_from(time.tv_nsec).unwrap_or(0))
}
