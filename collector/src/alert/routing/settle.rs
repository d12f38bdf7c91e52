//! Decides which of the steps that wait are muted, and which never will be told.

use std::collections::HashMap;

use super::{
    muting::Muting,
    record::{StepFate, StepRecord},
    state::{ReceiverState, Waiting, note},
};
use crate::alert::step::StepKind;

/// Looks anew at what is muted, and leaves out what need not be told any more.
pub(super) fn settle(state: &mut ReceiverState, muting: &Muting<'_>, now: i64, records: &mut Vec<StepRecord>) {
    for waiting in &mut state.waiting {
        if waiting.step.kind == StepKind::Resolved {
            continue;
        }
        let reason = muting.reason(&waiting.step.alert, now);
        if let Some(reason) = reason.clone().filter(|reason| Some(reason) != waiting.muted.as_ref()) {
            note(records, &waiting.step, now, StepFate::Muted { reason });
        }
        waiting.muted = reason;
    }
    settle_alerts(state, None, now, records);
}

/// What is known of an alert on the way through the steps that wait.
struct Alert {
    /// Whether the receiver was told, or will be by one of the steps before, that the alert fires.
    is_open: bool,
    /// The places of its muted steps since it last ended; one, if they were settled.
    muted: Vec<usize>,
}

/// Leaves out, of one alert or of all:
///
/// - an end of which the beginning was not told and is muted, together with what is muted;
/// - of several muted steps all but one, which is the first if it tells that the alert fires, and else the last;
/// - a muted step before one that is not.
pub(super) fn settle_alerts(state: &mut ReceiverState, only: Option<&str>, now: i64, records: &mut Vec<StepRecord>) {
    let mut alerts: HashMap<&str, Alert> = HashMap::new();
    let mut fates: Vec<Option<StepFate>> = vec![None; state.waiting.len()];
    for (place, waiting) in state.waiting.iter().enumerate() {
        if only.is_some_and(|only| only != waiting.alert) {
            continue;
        }
        let alert = alerts
            .entry(&waiting.alert)
            .or_insert_with(|| Alert { is_open: state.is_open(&waiting.alert), muted: Vec::new() });
        match (&waiting.muted, waiting.step.kind) {
            (_, StepKind::Resolved) => {
                let mut reason = None;
                for muted in alert.muted.drain(..) {
                    fates[muted] = muted_to_the_end(&state.waiting[muted]);
                    reason.clone_from(&fates[muted]);
                }
                if !alert.is_open {
                    fates[place] = Some(reason.unwrap_or(StepFate::NeverTold));
                }
                alert.is_open = false;
            }
            (None, _) => {
                for muted in alert.muted.drain(..) {
                    fates[muted] = Some(StepFate::Superseded { by: waiting.step.key.clone() });
                }
                alert.is_open = true;
            }
            (Some(_), kind) => {
                let Some(first) = alert.muted.pop() else {
                    alert.muted.push(place);
                    continue;
                };
                let is_repetition = matches!(state.waiting[first].step.kind, StepKind::Repeated(_));
                // An alert that fires newly though no end came between is told as it is now.
                let (kept, left_out) =
                    if is_repetition || kind == StepKind::Fired { (place, first) } else { (first, place) };
                fates[left_out] = Some(StepFate::Superseded { by: state.waiting[kept].step.key.clone() });
                alert.muted.push(kept);
            }
        }
    }
    let mut fates = fates.into_iter();
    state.waiting.retain(|waiting| match fates.next().flatten() {
        Some(fate) => {
            note(records, &waiting.step, now, fate);
            false
        }
        None => true,
    });
}

fn muted_to_the_end(waiting: &Waiting) -> Option<StepFate> {
    waiting.muted.clone().map(|reason| StepFate::MutedToTheEnd { reason })
}
