//! Conditions that some samples hit, and that hold for a time from each hit.

use std::collections::HashMap;

use super::{Figure, Sample, Span, runs::Runs};

/// Every sample is a hit.
pub(super) fn each(samples: &[&Sample], hold: i64, runs: &mut Runs<'_>) {
    for (place, sample) in samples.iter().enumerate() {
        runs.add(held(sample, hold), place..place + 1, Figure::None);
    }
}

/// A sample is a hit at whose time the window has so many.
pub(super) fn at_least(samples: &[&Sample], count: u32, within: i64, runs: &mut Runs<'_>) {
    let mut window = Edge::default();
    for (place, sample) in samples.iter().enumerate() {
        // Others of the same time may follow; that only adds to the count, and the last of them has it all.
        let end = place + 1;
        let start = window.first_after(samples, sample.time.saturating_sub(within));
        if end - start >= count.max(1) as usize {
            runs.add(held(sample, within), start..end, Figure::Count((end - start) as u64));
        }
    }
}

/// What a spike is.
pub(super) struct Spike {
    pub(super) ratio: f64,
    pub(super) within: i64,
    pub(super) windows: u32,
    pub(super) at_least: u32,
}

impl Spike {
    /// A sample is a hit at whose time the window has so many times the usual.
    pub(super) fn find(&self, samples: &[&Sample], runs: &mut Runs<'_>) {
        let windows = self.windows.max(1);
        let all_windows = self.within.saturating_mul(i64::from(windows) + 1);
        let (mut before, mut window) = (Edge::default(), Edge::default());
        for (place, sample) in samples.iter().enumerate() {
            let first = before.first_after(samples, sample.time.saturating_sub(all_windows));
            let start = window.first_after(samples, sample.time.saturating_sub(self.within));
            let end = place + 1;
            let count = end - start;
            let usual = (start - first) as f64 / f64::from(windows);
            if count >= self.at_least.max(1) as usize && count as f64 >= self.ratio * usual {
                let figure = Figure::Ratio { count: count as u64, usual };
                runs.add(held(sample, self.within), start..end, figure);
            }
        }
    }
}

/// A sample is a hit whose value was not seen in the time that is remembered, though another was.
pub(super) fn new_value(samples: &[&Sample], remember: i64, hold: i64, runs: &mut Runs<'_>) {
    let mut seen: HashMap<String, i64> = HashMap::new();
    let mut last = None;
    for (place, sample) in samples.iter().enumerate() {
        let (Some(key), Some(value)) = (sample.value_key(), &sample.value) else { continue };
        let is_remembered = |time: i64| time > sample.time.saturating_sub(remember);
        let was_seen = seen.insert(key, sample.time).is_some_and(is_remembered);
        if last.is_some_and(is_remembered) && !was_seen {
            runs.add(held(sample, hold), place..place + 1, Figure::New(value.clone()));
        }
        last = Some(sample.time);
    }
}

/// A sample is a hit whose value differs from the one before.
pub(super) fn change(samples: &[&Sample], hold: i64, runs: &mut Runs<'_>) {
    let mut before: Option<(String, &serde_json::Value)> = None;
    for (place, sample) in samples.iter().enumerate() {
        let (Some(key), Some(value)) = (sample.value_key(), &sample.value) else { continue };
        if let Some((old_key, old)) = &before
            && *old_key != key
        {
            let figure = Figure::Changed { from: (*old).clone(), to: value.clone() };
            runs.add(held(sample, hold), place..place + 1, figure);
        }
        before = Some((key, value));
    }
}

fn held(hit: &Sample, hold: i64) -> Span {
    Span { from: hit.time, to: hit.time.saturating_add(hold) }
}

/// The early edge of a window that only moves forward.
#[derive(Default)]
struct Edge(usize);

impl Edge {
    /// The place of the first sample later than `time`.
    fn first_after(&mut self, samples: &[&Sample], time: i64) -> usize {
        while samples.get(self.0).is_some_and(|sample| sample.time <= time) {
            self.0 += 1;
        }
        self.0
    }
}
