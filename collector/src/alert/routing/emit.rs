//! Makes one notification of steps that wait.

use std::collections::BTreeSet;

use super::{
    notification::{Notification, NotificationKind},
    record::{StepFate, StepRecord},
    state::{ReceiverState, Told, Waiting, note},
};

/// Takes the steps that are chosen and puts a notification of them with those that go to the outbox.
pub(super) fn emit(
    state: &mut ReceiverState,
    kind: NotificationKind,
    is_chosen: impl Fn(&Waiting) -> bool,
    now: i64,
    records: &mut Vec<StepRecord>,
) {
    let (chosen, rest): (Vec<_>, Vec<_>) = std::mem::take(&mut state.waiting).into_iter().partition(is_chosen);
    state.waiting = rest;
    if chosen.is_empty() {
        return;
    }
    state.sequence += 1;
    let after: BTreeSet<String> =
        chosen.iter().filter_map(|waiting| Some(state.told.get(&waiting.alert)?.notification.clone())).collect();
    let key = Notification::key_for(&state.receiver, chosen.iter().map(|waiting| waiting.step.key.as_str()));
    let mut steps = Vec::with_capacity(chosen.len());
    for Waiting { step, alert, .. } in chosen {
        note(records, &step, now, StepFate::Told { notification: key.clone() });
        let told = Told { notification: key.clone(), at: now, is_open: step.kind.is_firing() };
        state.told.insert(alert, told);
        steps.push(step);
    }
    let receiver = state.receiver.clone();
    let after = after.into_iter().collect();
    state.outgoing.push(Notification::new(key, receiver, state.sequence, kind, after, steps, now));
    state.recent.push(now);
}
