//! The file source: which files to follow, when to look at them, and what to remember.
//!
//! One thread does it all, whatever the number of files. Its state is a map of streams; a stream that is idle costs a
//! few hundred bytes and no open handle. Files are found by scanning; notifications only shorten the wait. Reading
//! pauses while too much is under way: the files themselves are the buffer.

pub(crate) mod chain;
pub(crate) mod checkpoint;
mod content;
mod continuation;
mod discover;
mod folders;
mod following;
mod hints;
pub(crate) mod identity;
mod inherit;
mod long_line;
mod missing;
mod nuls;
mod places;
mod reading;
mod remembering;
pub(crate) mod retire;
mod saving;
mod section;
pub(crate) mod snapshot;
mod stream;
mod summaries;
mod taking_in;
mod turns;

use std::{
    collections::{BTreeSet, HashMap},
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError, atomic::AtomicU64},
    time::Duration,
};

use labtrail_shared::service::{Pulse, Watchdog};
use serde_json::Value;
use tracing::info;

pub(crate) use self::{
    checkpoint::{Checkpoint, CheckpointError},
    discover::{Exclude, Pattern, escaped},
    identity::Locator,
    places::files_of,
    retire::AfterDelivery,
    section::Section,
    snapshot::SnapshotSection,
    stream::{Beginning, Reader, Stream, Turn},
    taking_in::stream_of,
};
use self::{hints::Hints, identity::GUARD_BYTES, inherit::Copy, places::Skipped};
use crate::{
    delivery::{Ledger, StreamId},
    intake::{Intake, Report},
    limits::{Governor, LimitsSection},
    status::{Counters, Health, Progress},
};

/// A file that did not change for so long is only looked at by scans.
const HOT_FOR: Duration = Duration::from_mins(1);
/// A renamed file is watched for so long after its last growth: writers may finish their last lines in it.
const LEAVING_FOR: Duration = Duration::from_mins(5);

/// The thread that follows this machine's files hangs if it is not heard of for so long: a first look at hundreds of thousands
/// of them on an old disk takes minutes.
const SILENCE_MAX: Duration = Duration::from_mins(10);

/// How much is read of a file at a time.
const READ_BYTES: usize = 256 << 10;

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
    orders: Orders,
    surroundings: Surroundings,
    ledger: Ledger,
    governor: Governor,
    /// Bytes read that the limits were not told of.
    bytes_read: u64,
    /// Absent for a share: that it does not answer is no reason to start the agent anew.
    pulse: Option<Pulse>,
    hints: Hints,
    /// Boxed, because a map keeps room for up to twice as many as it holds.
    streams: HashMap<StreamId, Box<Stream>>,
    by_locator: HashMap<Locator, StreamId>,
    /// Inode and birth time: what stays of a locator when the device gets another number.
    by_inode: HashMap<(u64, Option<i64>), StreamId>,
    by_path: HashMap<Arc<Path>, StreamId>,
    /// Streams by how their files begin.
    heads: HashMap<u64, Vec<StreamId>>,
    /// Files that are copies of followed ones, and are left alone as long as these are there.
    copies: HashMap<Locator, Copy>,
    /// Streams with something to read.
    ready: BTreeSet<StreamId>,
    /// Streams that changed a short while ago, or that wait for something.
    hot: BTreeSet<StreamId>,
    /// Streams whose position is to be saved.
    dirty: BTreeSet<StreamId>,
    /// Streams whose position could not be saved.
    unsaved: BTreeSet<StreamId>,
    /// Streams that can be read on only when some time has passed.
    waiting: BTreeSet<StreamId>,
    /// Files that are found again and again but not read, with the reason.
    skipped: HashMap<Locator, Skipped>,
    /// Sections that are followed for the first time: what exists now may be left unread.
    first_use: Vec<bool>,
    is_first_scan: bool,
    was_scanned: bool,
    /// Streams that could not be read: tried again with the next scan.
    troubled: BTreeSet<StreamId>,
    /// Streams whose files are gone: forgotten once nothing of them is under way.
    gone: BTreeSet<StreamId>,
    /// Losses that could not be reported yet, because too much was under way.
    reports: Vec<(StreamId, Report)>,
    /// Events of transforms that wait to be sent, with their sections.
    summaries: Vec<(usize, Value)>,
    buffer: Vec<u8>,
    is_blocked: bool,
    /// Where the next pass begins, if the last one ended for want of room.
    blocked_at: Option<StreamId>,
}

/// What all file sources of an agent share.
#[derive(Debug, Clone)]
pub(crate) struct Surroundings {
    pub intake: Arc<Intake>,
    pub checkpoint: Arc<Mutex<Checkpoint>>,
    pub counters: Counters,
    pub progress: Progress,
    pub health: Health,
    /// The agent's own folder, where packed files are unpacked.
    pub folder: PathBuf,
    /// The number of the next stream.
    pub next_id: Arc<AtomicU64>,
    /// What the agent itself writes to: reading it would make it grow for ever.
    pub own_outputs: Arc<[(u64, u64)]>,
    pub limits: LimitsSection,
    pub watchdog: Watchdog,
    pub pace: Pace,
}

impl Surroundings {
    /// The checkpoint, for one call.
    fn checkpoint(&self) -> MutexGuard<'_, Checkpoint> {
        self.checkpoint.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Sections that take the place of those that a source has.
pub(crate) type Orders = Arc<Mutex<Option<Vec<Section>>>>;

impl FileSource {
    /// Loads what the checkpoint remembers of the files of these sections; with `rest` also of all others, but for those
    /// that these patterns of other threads mean. Whoever holds the orders may give other sections later.
    pub(crate) fn new(
        sections: Vec<Section>,
        surroundings: Surroundings,
        ledger: Ledger,
        rest: Option<&BTreeSet<String>>,
    ) -> (Self, Orders) {
        let orders = Orders::default();
        let mut source = Self {
            buffer: vec![0; window_bytes(&sections)],
            sections,
            orders: Arc::clone(&orders),
            hints: Hints::new(ledger.clone()),
            governor: Governor::new(&surroundings.limits),
            bytes_read: 0,
            pulse: rest.is_some().then(|| surroundings.watchdog.register("files", SILENCE_MAX)),
            surroundings,
            ledger,
            streams: HashMap::new(),
            by_locator: HashMap::new(),
            by_inode: HashMap::new(),
            by_path: HashMap::new(),
            heads: HashMap::new(),
            copies: HashMap::new(),
            ready: BTreeSet::new(),
            hot: BTreeSet::new(),
            dirty: BTreeSet::new(),
            unsaved: BTreeSet::new(),
            waiting: BTreeSet::new(),
            skipped: HashMap::new(),
            first_use: Vec::new(),
            is_first_scan: true,
            was_scanned: false,
            troubled: BTreeSet::new(),
            gone: BTreeSet::new(),
            reports: Vec::new(),
            summaries: Vec::new(),
            is_blocked: false,
            blocked_at: None,
        };
        source.surroundings.progress.begin();
        source.remember(rest);
        (source, orders)
    }
}

/// How much of a file must be in memory at once, so that every record of these sections fits.
pub(crate) fn window_bytes(sections: &[Section]) -> usize {
    let needed = |section: &Section| if section.framing.is_plain() { 0 } else { section.framing.window_bytes_min() };
    let needed = sections.iter().map(needed).max().unwrap_or(0);
    READ_BYTES.max(needed) + GUARD_BYTES
}

/// Logged once a start, so that a person sees what is followed.
fn log_start(files: usize, remembered: usize) {
    info!(files, remembered, "following files");
}
