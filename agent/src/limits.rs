//! How much of the machine following files may take, and for how long the file thread pauses to keep to it.
//!
//! Two token buckets, one for bytes read and one for processor time. Over any length of time no more is used than that
//! time allows, plus what one idle second leaves. Free of clock and I/O.

mod bucket;
mod percent;

use std::time::{Duration, Instant};

use labtrail_shared::settings::ByteSize;
use serde::{Deserialize, Serialize};

use self::bucket::Bucket;
pub use self::percent::Percent;

/// The longest pause that is asked for at once, so that a loop that pauses still hears a stop and gives signs of life.
const PAUSE_MAX: Duration = Duration::from_millis(500);
/// With a limit of processor time so much is read at most before the time is measured again: a few milliseconds' work.
const CPU_SHARE_BYTES: usize = 256 << 10;

/// `[limits]`
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LimitsSection {
    /// How many bytes of files are read in a second, on average. Default: as many as the collector takes. A file that
    /// grows faster is followed ever later, and what it loses by rotation meanwhile is lost.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub read_rate: Option<ByteSize>,
    /// How much of one core finding, reading and parsing files takes, on average, such as `5%`. Default: what is needed. The
    /// price is the same as that of `read_rate`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cpu: Option<Percent>,
    /// Whether the agent uses processor and disk only after all other programs. Default: no. On a machine that is never
    /// idle everything then arrives later.
    pub background: bool,
}

/// Keeps the file thread within `[limits]`.
#[derive(Debug)]
pub(crate) struct Governor {
    bytes: Option<Bucket>,
    cpu: Option<Bucket>,
}

impl Governor {
    /// A governor without any credit: the first second counts like every other.
    pub(crate) fn new(limits: &LimitsSection) -> Self {
        Self {
            bytes: limits.read_rate.map(|rate| Bucket::new(rate.0 as f64, 1.0)),
            cpu: limits.cpu.map(|percent| Bucket::new(percent.fraction(), 0.0)),
        }
    }

    /// How many bytes may be read now. None: pause as [`Self::after`] says, asked with nothing used.
    pub(crate) fn share(&self, now: Instant) -> usize {
        let bytes = self.bytes.as_ref().map_or(usize::MAX, |bucket| bucket.credit(now).max(0.0) as usize);
        match &self.cpu {
            None => bytes,
            Some(cpu) if cpu.credit(now) < 0.0 => 0,
            Some(_) => bytes.min(CPU_SHARE_BYTES),
        }
    }

    /// Accounts for what was used since the last call, and says how long to pause: at most half a second, after which it
    /// is asked again with nothing used if [`Self::share`] still gives none.
    pub(crate) fn after(&mut self, bytes_read: u64, cpu_used: Duration, now: Instant) -> Duration {
        let for_bytes = self.bytes.as_mut().map(|bucket| bucket.take(bytes_read as f64, now));
        let for_cpu = self.cpu.as_mut().map(|bucket| bucket.take(cpu_used.as_secs_f64(), now));
        let pause = for_bytes.unwrap_or_default().max(for_cpu.unwrap_or_default());
        pause.min(PAUSE_MAX)
    }

    /// Whether there is any limit: without one, nothing need be measured.
    pub(crate) fn limits_anything(&self) -> bool {
        self.bytes.is_some() || self.cpu.is_some()
    }
}

#[cfg(test)]
mod tests;
