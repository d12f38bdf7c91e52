//! What an evaluation says: over which span it speaks, the episodes in it, and what they rest on.

use std::ops::Range;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Sample, Settled, Timeline, Trigger};

/// The end of what has no end: a silence after which nothing came.
pub const END_OF_TIME: i64 = i64::MAX;

/// So many ids are kept as evidence; the rest is a number.
const EVIDENCE_KEPT: usize = 20;

/// A span of time in microseconds since 1970 UTC, from `from` up to but not including `to`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Span {
    /// The first moment of it.
    pub from: i64,
    /// The first moment after it; [`END_OF_TIME`] where no end is in sight.
    pub to: i64,
}

impl Span {
    /// Whether there is no moment in it.
    pub fn is_empty(self) -> bool {
        self.from >= self.to
    }

    /// What lies in both.
    #[must_use]
    pub fn within(self, other: Self) -> Self {
        Self { from: self.from.max(other.from), to: self.to.min(other.to) }
    }

    /// Whether the two overlap or follow each other without a gap.
    pub fn touches(self, other: Self) -> bool {
        self.from <= other.to && other.from <= self.to
    }
}

/// What an alert shows for a number.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Figure {
    /// Nothing is known.
    #[default]
    None,
    /// So many events in the window.
    Count(u64),
    /// So many events in the window, where so many were usual.
    Ratio {
        /// The count in the window.
        count: u64,
        /// The mean count of the windows before; 0 has no ratio.
        usual: f64,
    },
    /// The statistic.
    Value(f64),
    /// A value that was not seen before.
    New(Value),
    /// A value that is another than before.
    Changed {
        /// The value before.
        from: Value,
        /// The value now.
        to: Value,
    },
    /// When the last event was seen, in microseconds since 1970 UTC.
    LastSeen(i64),
}

/// What an episode rests on, in the range that was read last.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Grounds {
    /// The ids of the newest events, oldest first, at most 20.
    pub ids: Vec<String>,
    /// How many events there are in all.
    pub count: u64,
    /// A number for people, as it was at the newest event.
    pub figure: Figure,
}

impl Grounds {
    /// What the episode rests on by now, given what it rested on before: an evaluation reads only where something came. How
    /// many events it was in all is not known then, only how many at least.
    #[must_use]
    pub fn after(&self, before: &Self) -> Self {
        let earlier = before.ids.iter().filter(|id| !self.ids.contains(id));
        let mut ids: Vec<String> = earlier.chain(&self.ids).cloned().collect();
        let count = before.count.max(self.count).max(ids.len() as u64);
        ids.drain(..ids.len().saturating_sub(EVIDENCE_KEPT));
        Self { ids, count, figure: self.figure.clone() }
    }

    /// Adds samples by their place, in order, and takes the newer figure.
    pub(super) fn add(&mut self, samples: &[&Sample], places: Range<usize>, figure: Figure) {
        self.count += places.len() as u64;
        let newest = places.end.saturating_sub(EVIDENCE_KEPT).max(places.start);
        self.ids.extend(samples[newest..places.end].iter().map(|sample| sample.id.clone()));
        self.ids.drain(..self.ids.len().saturating_sub(EVIDENCE_KEPT));
        self.figure = figure;
    }
}

/// A longest span over which the condition holds, as far as it lies in the judged span.
#[derive(Debug, Clone, PartialEq)]
pub struct Episode {
    /// When it began and ended, or will end if nothing more comes.
    pub span: Span,
    /// What it rests on.
    pub grounds: Grounds,
}

/// What an evaluation says.
#[derive(Debug, Clone, PartialEq)]
pub struct Verdict {
    /// The span that it speaks of: there the episodes are the whole truth, of the rest nothing is said.
    pub judged: Span,
    /// The episodes in that span, in order, none touching another. They may lie in the future.
    pub episodes: Vec<Episode>,
    /// Up to this time everything is known to be stored.
    pub known_to: i64,
    /// Whether a beginning is told before that time has come ([`Trigger::is_told_at_sight`]).
    pub at_sight: bool,
}

impl Verdict {
    /// A verdict of no news but that time has passed. Every mark that was made before `known_to` was read must have been
    /// judged and taken into the row before; then nothing needs to be read from the store.
    pub fn nothing_new(trigger: &Trigger, known_to: i64) -> Self {
        let judged = Span { from: known_to, to: known_to };
        Self { judged, episodes: Vec::new(), known_to, at_sight: trigger.is_told_at_sight() }
    }

    /// The same, but saying nothing of what comes from an instant on.
    #[must_use]
    pub fn up_to(mut self, to: i64) -> Self {
        self.judged.to = self.judged.to.min(to);
        for episode in &mut self.episodes {
            episode.span = episode.span.within(self.judged);
        }
        self.episodes.retain(|episode| !episode.span.is_empty());
        self
    }

    /// What may be told of the judged span alone.
    pub fn settled(&self) -> Vec<Settled> {
        self.timeline().settled(self.known_to, self.at_sight)
    }

    /// Whether the condition holds now, as far as it is known.
    pub fn holds(&self) -> bool {
        self.settled().last().is_some_and(|newest| newest.ended.is_none())
    }

    /// When time alone changes what may be told, if nothing comes: look again once `known_to` has reached it.
    pub fn look_again_at(&self) -> Option<i64> {
        self.timeline().look_again_at(self.known_to, self.at_sight)
    }

    /// What the newest episode that touches a span rests on.
    pub fn grounds_of(&self, span: Span) -> Option<&Grounds> {
        self.episodes.iter().rev().find(|episode| episode.span.touches(span)).map(|episode| &episode.grounds)
    }

    fn timeline(&self) -> Timeline {
        let mut timeline = Timeline::default();
        timeline.accept(self);
        timeline
    }
}
