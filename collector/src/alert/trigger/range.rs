//! Which samples must be read when something came, and the span of time that can be judged from them.

use super::{END_OF_TIME, Span, Trigger};

/// Where samples of one rule and group have come: from the earliest to the latest of them, both included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mark {
    /// The time of the earliest, in microseconds.
    pub from: i64,
    /// The time of the latest, in microseconds.
    pub to: i64,
}

/// What to read from the store to judge a mark.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NeededRange {
    /// The first microsecond, included.
    pub from: i64,
    /// The last microsecond, included; [`END_OF_TIME`] for all there is. Only samples that came late have others after them.
    pub to: i64,
    /// Whether the newest sample before `from` is needed too, however old it is (with a value, for `Change`).
    pub last_before: bool,
}

/// How far a sample is felt, and how far one must look back.
pub(super) enum Reach {
    /// It is felt, and one looks back, for so long.
    Bounded(i64),
    /// It is felt as far as the next sample and beyond, and one looks back for so long and for one sample more.
    Open(i64),
    /// It speaks for itself for so long.
    Itself(i64),
}

impl Trigger {
    pub(super) fn reach(&self, resolve_after: i64) -> Reach {
        match self {
            Self::Each => Reach::Itself(resolve_after),
            Self::AtLeast { within, .. } => Reach::Bounded(within.saturating_mul(2)),
            Self::Spike { within, windows, .. } => {
                let windows = i64::from((*windows).max(1)).saturating_add(2);
                Reach::Bounded(within.saturating_mul(windows))
            }
            Self::NewValue { remember, .. } => Reach::Bounded(remember.saturating_add(resolve_after)),
            Self::Value { within, .. } => Reach::Bounded(*within),
            Self::FewerThan { within, .. } => Reach::Open(*within),
            Self::Silence { after } => Reach::Open(*after),
            Self::Change { .. } => Reach::Open(resolve_after),
        }
    }

    /// Which samples must be read to judge a mark. Those that lack the field of `NewValue`, `Change` and `Value` may be left
    /// out.
    pub fn needed_range(&self, resolve_after: i64, mark: Mark) -> NeededRange {
        match self.reach(resolve_after) {
            Reach::Itself(_) => NeededRange { from: mark.from, to: mark.to, last_before: false },
            Reach::Bounded(reach) => NeededRange {
                from: mark.from.saturating_sub(reach),
                to: mark.to.saturating_add(reach),
                last_before: false,
            },
            Reach::Open(reach) => {
                NeededRange { from: mark.from.saturating_sub(reach), to: END_OF_TIME, last_before: true }
            }
        }
    }

    /// The span that a mark's samples can have changed, and that the needed range is enough to judge.
    pub(super) fn judged_span(&self, resolve_after: i64, mark: Mark) -> Span {
        let to = match self.reach(resolve_after) {
            Reach::Itself(reach) | Reach::Bounded(reach) => mark.to.saturating_add(reach),
            Reach::Open(_) => END_OF_TIME,
        };
        Span { from: mark.from, to }
    }
}
