//! One `[[files]]` section, compiled.

use std::{path::Path, sync::Arc, time::Duration};

use jiff::tz::TimeZone;

use super::{
    discover::{Exclude, Pattern},
    retire::AfterDelivery,
    snapshot::SnapshotSection,
};
use crate::{
    decode::Encoding,
    frame::Framing,
    intake::{Origin, Treatment},
    parse::PathPattern,
};

/// Files that are read in the same way.
#[derive(Debug)]
pub(crate) struct Section {
    /// The section as it was written: tells whether another config changes it.
    pub key: String,
    pub patterns: Vec<Pattern>,
    pub exclude: Exclude,
    pub reads_existing: bool,
    pub ignore_older: Option<Duration>,
    pub encoding: Encoding,
    pub framing: Framing,
    /// What the framing was compiled from, as a number: a file that was read by another one is not in its header.
    pub framing_key: u64,
    pub line_bytes_max: usize,
    pub partial_after: Duration,
    pub flush_after: Duration,
    /// So many lines at the beginning are written anew whenever something is added.
    pub rewritten_head_lines: usize,
    /// How long it may take until a file that is written anew holds again what it held before.
    pub rewrite_settle: Duration,
    pub snapshot: Option<SnapshotSection>,
    pub after_delivery: Option<AfterDelivery>,
    pub path_pattern: Option<PathPattern>,
    pub zone: TimeZone,
    pub origin: Arc<Origin>,
    pub treatment: Treatment,
}

impl Section {
    /// Whether a path is that of a file of this section, were there one.
    pub(super) fn means(&self, path: &Path) -> bool {
        self.patterns.iter().any(|pattern| pattern.matches(path) && !self.exclude.matches_for(path, pattern))
    }
}
