//! The condition of one rule in one group, judged from events alone: no clock, no memory, no store.
//!
//! A condition is a function of time that holds or does not, at each microsecond, and that is given by the samples (the
//! events that match the rule in this group) with their own times. An *episode* is a longest span over which it
//! holds, from the moment it began up to, but not including, the moment it ended. Nothing else enters: not when the
//! evaluation ran, nor in which order the samples came. So a live run, a run after a crash and a run over history agree.
//!
//! What holds when, with windows half-open, `(t - within, t]`:
//! - `Each`, `NewValue` and `Change` have *hits* (every sample; a sample whose value was not seen in the time that is
//!   remembered, though others were; a sample whose value differs from the one before) and hold for `resolve_after` from
//!   each hit. The first value of a group is neither new nor a change: there is nothing to compare it with.
//! - `AtLeast` and `Spike` have hits too (samples at whose time the window is full; is `ratio` times the usual) and
//!   hold for `within` from each hit. Where nothing was usual, any count from `at_least` on is a spike.
//! - `FewerThan` and `Silence` hold at each moment whose window has too few samples, if a sample lies before that window:
//!   a group that never was there is not missed, and one that has just come is given one window.
//! - `Value` holds at each moment whose window has `at_least` numbers and whose statistic is beyond a bound.
//!
//! A condition looks back a bounded time, or to the last sample before. So a sample that comes changes a
//! bounded span ([`Trigger::needed_range`] says what to read for it), and [`evaluate`] gives the truth of that span, which a
//! [`Timeline`] takes in place of what it held there. Late samples change the past in the same way. Once every sample
//! had its turn after it was stored, the timeline is the one that an evaluation of all history gives.
//!
//! The timeline runs ahead of the clock: "if nothing comes, silence from 10:05 on". What of it may be told is
//! decided against `known_to`, the time up to which everything is known to be stored: ends are told when they are known,
//! beginnings too, save those of `Each` and `AtLeast`, which more samples can only confirm. They are told at sight.

mod evaluate;
mod exact_sum;
mod hits;
mod range;
mod runs;
mod sample;
mod statistic;
#[cfg(test)]
pub mod tests;
mod timeline;
mod verdict;
mod windows;

pub use evaluate::evaluate;
pub use range::{Mark, NeededRange};
pub use sample::Sample;
pub use statistic::Statistic;
pub use timeline::{Settled, Timeline};
pub use verdict::{END_OF_TIME, Episode, Figure, Grounds, Span, Verdict};

/// For how long `Each`, `NewValue` and `Change` hold after a hit, unless the rule says otherwise: five minutes, in microseconds.
pub const RESOLVE_AFTER: i64 = 5 * 60 * 1_000_000;

/// What about the events that match a rule raises its alert. Every period is in microseconds.
#[derive(Debug, Clone, PartialEq)]
pub enum Trigger {
    /// Every event.
    Each,
    /// So many events in a window.
    AtLeast {
        /// How many; 0 counts as 1.
        count: u32,
        /// The length of the window, and for how long the alert outlives the last event that filled one.
        within: i64,
    },
    /// Fewer events than that in a window, where there were events before.
    FewerThan {
        /// How many would be enough.
        count: u32,
        /// The length of the window.
        within: i64,
    },
    /// No event for a time, where there was one before.
    Silence {
        /// For how long.
        after: i64,
    },
    /// More events in a window than in those before it.
    Spike {
        /// How many times the usual count.
        ratio: f64,
        /// The length of a window, and for how long the alert outlives the last event that made a spike.
        within: i64,
        /// The usual count is the mean of so many windows before; 0 counts as 1.
        windows: u32,
        /// Fewer events than that are no spike; 0 counts as 1.
        at_least: u32,
    },
    /// A value of a field that was not seen for a time.
    NewValue {
        /// The field, in the words of the filter language.
        field: String,
        /// How long a value is known after it was seen. The events of so long a time are read to judge one.
        remember: i64,
    },
    /// A value of a field that differs from that of the event before.
    Change {
        /// The field, in the words of the filter language.
        field: String,
    },
    /// A statistic of a numeric field over a window, beyond a bound.
    Value {
        /// Which statistic.
        statistic: Statistic,
        /// The length of the window.
        within: i64,
        /// It holds where the statistic is greater than this.
        above: Option<f64>,
        /// It holds where the statistic is less than this.
        below: Option<f64>,
        /// With fewer numbers than that in the window nothing is said; 0 counts as 1.
        at_least: u32,
    },
}

impl Trigger {
    /// Whether more samples can only make it hold at more times. Such a condition is told as soon as it is seen; of any
    /// other, a sample that is still under way might take it back.
    pub fn is_told_at_sight(&self) -> bool {
        matches!(self, Self::Each | Self::AtLeast { .. })
    }
}
