//! Takes over the steps that concern a receiver and were not dealt with before.

use std::collections::HashMap;

use super::{
    config::{DIGEST, GroupingConfig},
    muting::Muting,
    record::{StepFate, StepRecord},
    settle,
    state::{ReceiverState, note},
};
use crate::alert::step::{AlertStep, StepKind};

/// Puts new steps with those that wait, in their groups.
pub(super) fn accept(
    state: &mut ReceiverState,
    steps: &[AlertStep],
    muting: &Muting<'_>,
    config: &GroupingConfig,
    now: i64,
    records: &mut Vec<StepRecord>,
) {
    // Steps of one alert keep together, so that their order stays.
    let waiting = state.waiting.iter().map(|waiting| (waiting.alert.clone(), waiting.group.clone()));
    let mut groups: HashMap<String, String> = waiting.collect();
    for step in steps {
        let alert = step.alert.id();
        let is_end = step.kind == StepKind::Resolved;
        let is_named = step.receivers.contains(&state.receiver);
        // An end that is of no interest now must not be of interest when it is offered once more, after the alert has
        // fired again.
        if !(is_named || is_end) || !state.handle(&step.key, now) {
            continue;
        }
        let group = groups.get(&alert);
        if !is_end {
            let own = group_of(step, config, now);
            let group = match group {
                // What fires now does not wait for a digest; what is old of the same alert comes with it.
                Some(group) if group == DIGEST && own != DIGEST => {
                    regroup(state, &alert, &own);
                    own
                }
                Some(group) => group.clone(),
                None => own,
            };
            let muted = muting.reason(&step.alert, step.at);
            if let Some(reason) = muted.clone() {
                note(records, step, now, StepFate::Muted { reason });
            }
            groups.insert(alert.clone(), group.clone());
            state.wait(step, alert, group, muted);
        } else if let Some(group) = group.cloned() {
            state.wait(step, alert.clone(), group, None);
            if unmute_before(state, &alert, step.at, muting) {
                settle::settle_alerts(state, Some(&alert), now, records);
            }
            if !state.waiting.iter().any(|waiting| waiting.alert == alert) {
                groups.remove(&alert);
            }
        } else if state.is_open(&alert) {
            let group = group_of(step, config, now);
            groups.insert(alert.clone(), group.clone());
            state.wait(step, alert, group, None);
        } else if is_named {
            note(records, step, now, StepFate::NeverTold);
        }
    }
    state.forget_handled(steps, now);
}

/// Puts what waits of an alert into another group.
fn regroup(state: &mut ReceiverState, alert: &str, group: &str) {
    for waiting in state.waiting.iter_mut().filter(|waiting| waiting.alert == alert) {
        group.clone_into(&mut waiting.group);
    }
}

/// The group in which the first step of an alert is told.
fn group_of(step: &AlertStep, config: &GroupingConfig, now: i64) -> String {
    if now.saturating_sub(step.at) > config.age_max() {
        return DIGEST.to_owned();
    }
    config.group(&step.alert.document())
}

/// What was muted until the alert ended and was so no more then would have been told in time by somebody who was never
/// late. Tells whether anything was muted.
fn unmute_before(state: &mut ReceiverState, alert: &str, end: i64, muting: &Muting<'_>) -> bool {
    let mut has_muted = false;
    for waiting in state.waiting.iter_mut().filter(|waiting| waiting.alert == alert && waiting.muted.is_some()) {
        waiting.muted = muting.reason(&waiting.step.alert, end);
        has_muted = true;
    }
    has_muted
}
