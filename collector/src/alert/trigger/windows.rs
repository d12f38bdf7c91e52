//! Conditions that are asked at every moment: the window of that moment, `(t - within, t]`, decides.

use std::ops::Range;

use super::{Figure, Sample, Span, Statistic, runs::Runs, statistic::Numbers};

/// A question to the window of each moment.
pub(super) trait Question {
    /// The figure, where the condition holds. Windows come in order: neither edge ever goes back.
    fn ask(&mut self, samples: &[&Sample], window: Range<usize>) -> Option<Figure>;

    /// The samples that speak for it.
    fn evidence(&self, window: Range<usize>) -> Range<usize>;
}

/// Asks at every moment of the judged span. The answer can change only where a sample enters the window or leaves it.
pub(super) fn sweep(samples: &[&Sample], within: i64, judged: Span, runs: &mut Runs<'_>, question: &mut impl Question) {
    let (mut start, mut end) = (0, 0);
    let mut moment = judged.from;
    let mut held_before = false;
    while moment < judged.to {
        let entered = end;
        while samples.get(end).is_some_and(|sample| sample.time <= moment) {
            end += 1;
        }
        while start < end && samples[start].time.saturating_add(within) <= moment {
            start += 1;
        }
        let enters = samples.get(end).map_or(judged.to, |sample| sample.time);
        let leaves = if start < end { samples[start].time.saturating_add(within) } else { judged.to };
        let until = Span { from: moment, to: enters.min(leaves).min(judged.to) };
        match question.ask(samples, start..end) {
            // A figure is one at a sample: those in between are the same news grown old.
            Some(figure) if !held_before || end > entered => runs.add(until, question.evidence(start..end), figure),
            Some(_) => runs.lengthen(until),
            None => {}
        }
        held_before = runs.is_held_to(until.to);
        moment = until.to;
    }
}

/// Too few samples in the window, where there was one before it.
pub(super) struct TooFew {
    pub(super) count: usize,
    pub(super) is_silence: bool,
}

impl Question for TooFew {
    fn ask(&mut self, samples: &[&Sample], window: Range<usize>) -> Option<Figure> {
        let last_before = samples[..window.start].last()?;
        let count = window.len();
        if count >= self.count {
            return None;
        }
        Some(if self.is_silence { Figure::LastSeen(last_before.time) } else { Figure::Count(count as u64) })
    }

    fn evidence(&self, window: Range<usize>) -> Range<usize> {
        window.start - 1..window.end
    }
}

/// A statistic of the window beyond a bound.
pub(super) struct Beyond {
    numbers: Numbers,
    above: Option<f64>,
    below: Option<f64>,
    at_least: usize,
    /// The window as it is in `numbers`.
    held: Range<usize>,
}

impl Beyond {
    pub(super) fn new(statistic: Statistic, above: Option<f64>, below: Option<f64>, at_least: u32) -> Self {
        Self { numbers: Numbers::new(statistic), above, below, at_least: at_least.max(1) as usize, held: 0..0 }
    }
}

impl Question for Beyond {
    fn ask(&mut self, samples: &[&Sample], window: Range<usize>) -> Option<Figure> {
        let number = |place: usize| samples[place].number().expect("samples without a number were left out");
        (self.held.end..window.end).for_each(|place| self.numbers.add(number(place)));
        (self.held.start..window.start).for_each(|place| self.numbers.remove(number(place)));
        self.held = window.clone();
        if window.len() < self.at_least {
            return None;
        }
        let value = self.numbers.value(number(window.end - 1));
        let is_beyond = self.above.is_some_and(|bound| value > bound) || self.below.is_some_and(|bound| value < bound);
        is_beyond.then_some(Figure::Value(value))
    }

    fn evidence(&self, window: Range<usize>) -> Range<usize> {
        window
    }
}
