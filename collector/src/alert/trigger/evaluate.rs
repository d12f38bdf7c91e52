//! The evaluation of a mark: samples in, verdict out.

use super::{
    Mark, Sample, Span, Trigger, Verdict, hits,
    range::Reach,
    runs::Runs,
    sample::in_order,
    windows::{self, TooFew},
};

/// Judges a condition where the mark says that samples have come.
///
/// `samples` are those that [`Trigger::needed_range`] asks for, from the store as it is now; more do no harm. `known_to`
/// is the time up to which everything is known to be stored; it has no part in the episodes, only in what may be told
/// of them. It must have been read before the mark was taken and the samples were read.
pub fn evaluate(trigger: &Trigger, resolve_after: i64, mark: Mark, samples: &[Sample], known_to: i64) -> Verdict {
    let mut samples = in_order(samples);
    match trigger {
        Trigger::NewValue { .. } | Trigger::Change { .. } => {
            samples.retain(|sample| sample.value.as_ref().is_some_and(|value| !value.is_null()));
        }
        Trigger::Value { .. } => samples.retain(|sample| sample.number().is_some()),
        _ => {}
    }
    let judged = judged_span(trigger, resolve_after, mark, &samples);
    let mut runs = Runs::new(&samples, judged);
    match trigger {
        Trigger::Each => hits::each(&samples, resolve_after, &mut runs),
        Trigger::AtLeast { count, within } => hits::at_least(&samples, *count, *within, &mut runs),
        Trigger::Spike { ratio, within, windows, at_least } => {
            let spike = hits::Spike { ratio: *ratio, within: *within, windows: *windows, at_least: *at_least };
            spike.find(&samples, &mut runs);
        }
        Trigger::NewValue { remember, .. } => hits::new_value(&samples, *remember, resolve_after, &mut runs),
        Trigger::Change { .. } => hits::change(&samples, resolve_after, &mut runs),
        Trigger::FewerThan { count, within } => {
            windows::sweep(
                &samples,
                *within,
                judged,
                &mut runs,
                &mut TooFew { count: *count as usize, is_silence: false },
            );
        }
        Trigger::Silence { after } => {
            windows::sweep(&samples, *after, judged, &mut runs, &mut TooFew { count: 1, is_silence: true });
        }
        Trigger::Value { statistic, within, above, below, at_least } => {
            let mut beyond = windows::Beyond::new(*statistic, *above, *below, *at_least);
            windows::sweep(&samples, *within, judged, &mut runs, &mut beyond);
        }
    }
    let episodes = runs.into_episodes();
    Verdict { judged, episodes, known_to, at_sight: trigger.is_told_at_sight() }
}

/// What can be judged: for `Each`, which reads nothing around the mark, only what lies between its samples and after them.
fn judged_span(trigger: &Trigger, resolve_after: i64, mark: Mark, samples: &[&Sample]) -> Span {
    let judged = trigger.judged_span(resolve_after, mark);
    let Reach::Itself(reach) = trigger.reach(resolve_after) else {
        return judged;
    };
    let mut marked = samples.iter().map(|sample| sample.time).filter(|time| (mark.from..=mark.to).contains(time));
    let Some(first) = marked.next() else {
        return Span { from: mark.from, to: mark.from };
    };
    let last = marked.next_back().unwrap_or(first);
    Span { from: first, to: last.saturating_add(reach) }
}
