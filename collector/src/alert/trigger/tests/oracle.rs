//! Each condition by its definition, moment by moment over the whole history: slow, and plain to see.

use crate::alert::trigger::{END_OF_TIME, Sample, Span, Statistic, Trigger, tests::generate::LAST};

/// After so long a time without a sample nothing changes any more.
const HORIZON: i64 = LAST + 100;

/// The episodes of a history.
pub(super) fn episodes(trigger: &Trigger, resolve_after: i64, history: &[Sample]) -> Vec<Span> {
    let mut spans: Vec<Span> = Vec::new();
    for moment in -1..=HORIZON {
        if holds(trigger, resolve_after, history, moment) {
            let to = if moment == HORIZON { END_OF_TIME } else { moment + 1 };
            match spans.last_mut().filter(|span| span.to == moment) {
                Some(span) => span.to = to,
                None => spans.push(Span { from: moment, to }),
            }
        }
    }
    spans
}

fn holds(trigger: &Trigger, resolve_after: i64, history: &[Sample], moment: i64) -> bool {
    let count = |moment: i64, within: i64| in_window(history, moment, within).count() as f64;
    let was_there = |before: i64| history.iter().any(|sample| sample.time <= before);
    let hit_within = |hold: i64, is_hit: &dyn Fn(&Sample) -> bool| in_window(history, moment, hold).any(is_hit);
    match trigger {
        Trigger::Each => hit_within(resolve_after, &|_| true),
        Trigger::AtLeast { count: enough, within } => {
            hit_within(*within, &|hit| count(hit.time, *within) >= f64::from(*enough))
        }
        Trigger::FewerThan { count: enough, within } => {
            count(moment, *within) < f64::from(*enough) && was_there(moment - within)
        }
        Trigger::Silence { after } => count(moment, *after) < 1.0 && was_there(moment - after),
        Trigger::Spike { ratio, within, windows, at_least } => hit_within(*within, &|hit| {
            let now = count(hit.time, *within);
            let usual: f64 = (1..=*windows).map(|n| count(hit.time - i64::from(n) * within, *within)).sum();
            now >= f64::from(*at_least) && now >= ratio * (usual / f64::from(*windows))
        }),
        Trigger::NewValue { remember, .. } => hit_within(resolve_after, &|hit| {
            let earlier: Vec<&Sample> = in_window(history, hit.time, *remember)
                .filter(|other| has_value(other) && is_before(other, hit))
                .collect();
            has_value(hit) && !earlier.is_empty() && !earlier.iter().any(|other| other.value_key() == hit.value_key())
        }),
        Trigger::Change { .. } => hit_within(resolve_after, &|hit| {
            let earlier = history.iter().filter(|other| has_value(other) && is_before(other, hit));
            let last = earlier.max_by_key(|other| (other.time, other.id.clone()));
            has_value(hit) && last.is_some_and(|last| last.value_key() != hit.value_key())
        }),
        Trigger::Value { statistic, within, above, below, at_least } => {
            let mut window: Vec<&Sample> =
                in_window(history, moment, *within).filter(|one| one.number().is_some()).collect();
            window.sort_by_key(|sample| (sample.time, sample.id.clone()));
            let numbers: Vec<f64> = window.iter().filter_map(|sample| sample.number()).collect();
            if numbers.len() < (*at_least).max(1) as usize {
                return false;
            }
            let value = value_of(*statistic, &numbers);
            above.is_some_and(|bound| value > bound) || below.is_some_and(|bound| value < bound)
        }
    }
}

fn value_of(statistic: Statistic, numbers: &[f64]) -> f64 {
    let mut sorted = numbers.to_vec();
    sorted.sort_by(f64::total_cmp);
    // The least number that so many of a hundred do not exceed.
    let percentile = |percent: usize| {
        let not_exceeding = |bound: f64| sorted.iter().filter(|number| **number <= bound).count();
        *sorted.iter().find(|bound| not_exceeding(**bound) * 100 >= percent * sorted.len()).unwrap()
    };
    match statistic {
        Statistic::Avg => numbers.iter().sum::<f64>() / numbers.len() as f64,
        Statistic::Min => sorted[0],
        Statistic::Max => sorted[sorted.len() - 1],
        Statistic::Sum => numbers.iter().sum(),
        Statistic::Last => numbers[numbers.len() - 1],
        Statistic::P50 => percentile(50),
        Statistic::P90 => percentile(90),
        Statistic::P95 => percentile(95),
        Statistic::P99 => percentile(99),
    }
}

fn in_window(history: &[Sample], moment: i64, within: i64) -> impl Iterator<Item = &Sample> {
    history.iter().filter(move |sample| moment - within < sample.time && sample.time <= moment)
}

fn has_value(sample: &Sample) -> bool {
    sample.value_key().is_some()
}

fn is_before(one: &Sample, other: &Sample) -> bool {
    (one.time, &one.id) < (other.time, &other.id)
}
