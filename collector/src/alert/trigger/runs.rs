//! The episodes of a verdict while they are being built, from spans that come in order.

use std::ops::Range;

use super::{Episode, Figure, Grounds, Sample, Span};

/// Episodes in order, grown span by span.
pub(super) struct Runs<'a> {
    samples: &'a [&'a Sample],
    judged: Span,
    episodes: Vec<Episode>,
    /// The place after the last sample that is evidence, so that each counts once.
    taken: usize,
}

impl<'a> Runs<'a> {
    pub(super) fn new(samples: &'a [&'a Sample], judged: Span) -> Self {
        Self { samples, judged, episodes: Vec::new(), taken: 0 }
    }

    /// The condition holds over the span, because of the samples at these places.
    pub(super) fn add(&mut self, span: Span, places: Range<usize>, figure: Figure) {
        let span = span.within(self.judged);
        if span.is_empty() {
            return;
        }
        let goes_on = self.episodes.last().is_some_and(|last| last.span.to >= span.from);
        if !goes_on {
            self.episodes.push(Episode { span, grounds: Grounds::default() });
            self.taken = 0;
        }
        let last = self.episodes.last_mut().expect("one was pushed where there was none");
        last.span.to = last.span.to.max(span.to);
        let start = places.start.max(self.taken).min(places.end);
        last.grounds.add(self.samples, start..places.end, figure);
        self.taken = self.taken.max(places.end);
    }

    /// The condition holds on over the span, and there is nothing new to show for it.
    pub(super) fn lengthen(&mut self, span: Span) {
        let span = span.within(self.judged);
        if let Some(last) = self.episodes.last_mut()
            && !span.is_empty()
        {
            last.span.to = last.span.to.max(span.to);
        }
    }

    /// Whether the condition was found to hold right before that moment.
    pub(super) fn is_held_to(&self, moment: i64) -> bool {
        self.episodes.last().is_some_and(|last| last.span.to >= moment)
    }

    pub(super) fn into_episodes(self) -> Vec<Episode> {
        self.episodes
    }
}
