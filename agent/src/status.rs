//! What the agent says of itself: counters for Prometheus, how far each file is delivered, and what hinders it.

mod answer;
mod health;
pub mod local_door;
mod page;

use std::{
    collections::BTreeMap,
    path::Path,
    sync::{Arc, Mutex, PoisonError},
    time::SystemTime,
};

pub use answer::{FileStatus, Status};
pub use health::{Health, Problem};
use labtrail_shared::telemetry::Metrics;
pub(crate) use page::Page;
pub use page::StatusSection;
use std::sync::atomic::AtomicU64;

use prometheus_client::{
    encoding::EncodeLabelSet,
    metrics::{counter::Counter, family::Family, gauge::Gauge},
};

/// Why something was lost or left out.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(crate) struct Reason {
    pub reason: &'static str,
}

/// Which transform of a section did something.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(crate) struct Step {
    pub transform: String,
}

/// Counters of the agent. Each stage counts what goes in and what goes out, so that the sums can be compared.
#[derive(Debug, Clone, Default)]
pub(crate) struct Counters {
    pub bytes_read: Counter,
    pub records_read: Counter,
    pub blank_lines: Counter,
    pub invalid_sequences: Counter,
    pub ambiguous_dates: Counter,
    pub truncated_lines: Counter,
    pub bytes_lost: Family<Reason, Counter>,
    pub files_followed: Gauge,
    pub files_skipped: Family<Reason, Gauge>,
    pub records_delivered: Counter,
    pub records_repeated: Counter,
    pub records_refused: Counter,
    pub records_known: Counter,
    pub records_dropped: Family<Step, Counter>,
    pub records_lost: Family<Reason, Counter>,
    pub lines_aside: Family<Reason, Counter>,
    pub parse_failures: Counter,
    pub checkpoint_damage: Counter,
    pub files_retired: Family<Reason, Counter>,
    pub clock_skew_seconds: Gauge<f64, AtomicU64>,
    pub requests: Counter,
    pub retries: Counter,
}

impl Counters {
    /// Counters that are shown among `metrics`.
    pub(crate) fn register(metrics: &Metrics) -> Self {
        let counters = Self::default();
        let Self {
            bytes_read,
            records_read,
            blank_lines,
            invalid_sequences,
            ambiguous_dates,
            truncated_lines,
            bytes_lost,
            files_followed,
            files_skipped,
            records_delivered,
            records_repeated,
            records_refused,
            records_known,
            records_dropped,
            records_lost,
            lines_aside,
            parse_failures,
            checkpoint_damage,
            files_retired,
            clock_skew_seconds,
            requests,
            retries,
        } = &counters;
        metrics.register(|registry| {
            let mut counter = |name: &str, help: &str, counter: &Counter| {
                registry.register(format!("agent_{name}"), help, counter.clone());
            };
            counter("bytes_read", "Bytes read from files", bytes_read);
            counter("records_read", "Records read and packed into batches", records_read);
            counter("blank_lines", "Blank lines left out", blank_lines);
            counter(
                "invalid_sequences",
                "Byte sequences that are not text in the file's encoding, shown as U+FFFD",
                invalid_sequences,
            );
            counter("ambiguous_dates", "Records whose date is not read for want of date_order", ambiguous_dates);
            counter("truncated_lines", "Lines longer than the limit, cut and marked", truncated_lines);
            counter("records_delivered", "Records the collector or the brokers have", records_delivered);
            counter("records_repeated", "Delivered records that the collector already had", records_repeated);
            counter("records_refused", "Delivered records that went to the dead letters", records_refused);
            counter("records_known", "Records of rewritten files that were sent before", records_known);
            counter("checkpoint_damage", "Damaged parts of the checkpoint, found at the start", checkpoint_damage);
            counter("parse_failures", "Records that none of the section's parsers could read", parse_failures);
            counter("requests", "Requests sent to the collector (over HTTP)", requests);
            counter("retries", "Deliveries tried again after a failure", retries);
            registry.register("agent_bytes_lost", "Bytes gone before they could be read", bytes_lost.clone());
            let help = "Records that a transform dropped";
            registry.register("agent_records_dropped", help, records_dropped.clone());
            let help = "Records from sockets that are lost: the spool was full, damaged, or could not be written";
            registry.register("agent_records_lost", help, records_lost.clone());
            let help = "Lines that make no record: headers, separators and what the config says to skip";
            registry.register("agent_lines_aside", help, lines_aside.clone());
            let help = "Delivered files that were deleted or moved";
            registry.register("agent_files_retired", help, files_retired.clone());
            let help = "How far this machine's clock is ahead of the collector's";
            registry.register("agent_clock_skew_seconds", help, clock_skew_seconds.clone());
            registry.register("agent_files_followed", "Files followed now", files_followed.clone());
            registry.register("agent_files_skipped", "Files found but not read", files_skipped.clone());
        });
        counters
    }
}

impl Counters {
    /// The counters in one line, for the log of an agent that nobody scrapes.
    pub(crate) fn summary(&self) -> String {
        format!(
            "{} records read, {} delivered ({} of them were there already, {} refused), {} blank lines left out, {} lines cut, \
             {} invalid sequences, {} dates not read, {} retries",
            self.records_read.get(),
            self.records_delivered.get(),
            self.records_repeated.get(),
            self.records_refused.get(),
            self.blank_lines.get(),
            self.truncated_lines.get(),
            self.invalid_sequences.get(),
            self.ambiguous_dates.get(),
            self.retries.get(),
        )
    }
}

/// How far one file is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileProgress {
    /// Bytes in the file, as last seen.
    pub size: u64,
    /// Bytes read.
    pub read: u64,
    /// Bytes whose records the collector has on disk.
    pub delivered: u64,
    /// Records read since the start of the process.
    pub records: u64,
    /// Everything that the file holds in complete records is delivered.
    pub is_caught_up: bool,
    /// Since when something of it waits to be delivered.
    pub behind_since: Option<SystemTime>,
    /// Why it could not be read when that last failed.
    pub last_error: Option<String>,
}

/// How far every file is, for whoever wants to show it.
#[derive(Debug, Clone, Default)]
pub struct Progress(Arc<Mutex<Shown>>);

#[derive(Debug, Default)]
struct Shown {
    files: BTreeMap<Arc<Path>, FileProgress>,
    not_followed: BTreeMap<(usize, String), &'static str>,
    /// Sources that have not looked for their files yet.
    unscanned: usize,
    was_begun: bool,
}

impl Progress {
    /// The files and how far they are, by path.
    pub fn files(&self) -> Vec<(Arc<Path>, FileProgress)> {
        let files = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        files.files.iter().map(|(path, progress)| (Arc::clone(path), progress.clone())).collect()
    }

    /// Whether all files were looked for once and everything in them is delivered.
    pub fn is_caught_up(&self) -> bool {
        let files = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        files.was_begun && files.unscanned == 0 && files.files.values().all(|file| file.is_caught_up)
    }

    pub(crate) fn set(&self, path: &Arc<Path>, progress: FileProgress) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).files.insert(Arc::clone(path), progress);
    }

    /// Files that were found and are not followed, with the reason.
    pub fn not_followed(&self) -> Vec<(String, String)> {
        let files = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        files.not_followed.iter().map(|((_, path), reason)| (path.clone(), (*reason).to_owned())).collect()
    }

    pub(crate) fn set_not_followed(&self, source: usize, skipped: impl Iterator<Item = (String, &'static str)>) {
        let mut files = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        files.not_followed.retain(|(known, _), _| *known != source);
        files.not_followed.extend(skipped.map(|(path, reason)| ((source, path), reason)));
    }

    pub(crate) fn remove(&self, path: &Arc<Path>) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).files.remove(path);
    }

    /// A source is about to look for its files.
    pub(crate) fn begin(&self) {
        let mut files = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        files.unscanned += 1;
        files.was_begun = true;
    }

    /// How many files are followed.
    pub(crate) fn count(&self) -> usize {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).files.len()
    }

    /// A source has looked for its files for the first time.
    pub(crate) fn scanned(&self) {
        let mut files = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        files.unscanned = files.unscanned.saturating_sub(1);
    }
}
