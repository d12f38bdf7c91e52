//! Decides which groups are told now, and when the next ones are.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, HashSet},
};

use super::{
    cap,
    config::{DIGEST, GroupingConfig},
    emit::emit,
    notification::NotificationKind,
    record::StepRecord,
    state::{GroupClock, ReceiverState, WAITING_MAX},
};
use crate::alert::rule::Severity;

/// Tells what is due, and when to be asked again.
pub(super) fn flush(
    state: &mut ReceiverState,
    config: &GroupingConfig,
    now: i64,
    records: &mut Vec<StepRecord>,
) -> Option<i64> {
    if state.waiting.len() > WAITING_MAX {
        emit(state, NotificationKind::Overflow, |_| true, now, records);
    }
    let severities = audible(state);
    set_clocks(state, &severities, config, now);
    let room = cap::room(&mut state.recent, config.cap_per_minute, now);
    let mut due: Vec<(Reverse<Severity>, i64, String)> = Vec::new();
    for (group, severity) in severities {
        if let Some(due_at) = state.clocks.get(&group).and_then(|clock| clock.due_at).filter(|due_at| *due_at <= now) {
            due.push((Reverse(severity), due_at, group));
        }
    }
    due.sort_unstable();
    let mut due: Vec<String> = due.into_iter().map(|(_, _, group)| group).collect();
    if room > 0 {
        let alone = if due.len() <= room { due.len() } else { room - 1 };
        let folded: HashSet<String> = due.split_off(alone).into_iter().collect();
        for group in &due {
            let kind = if group == DIGEST { NotificationKind::Digest } else { NotificationKind::Alerts };
            emit(state, kind, |waiting| waiting.muted.is_none() && waiting.group == *group, now, records);
        }
        let is_folded = |group: &String| folded.contains(group);
        if !folded.is_empty() {
            let kind = NotificationKind::Overflow;
            emit(state, kind, |waiting| waiting.muted.is_none() && is_folded(&waiting.group), now, records);
        }
        for group in due.iter().chain(&folded) {
            state.clocks.insert(group.clone(), GroupClock { due_at: None, last_at: Some(now) });
        }
    }
    next_at(state, config, now)
}

/// The groups that have steps to be told, and their highest severities.
fn audible(state: &ReceiverState) -> BTreeMap<String, Severity> {
    let mut groups: BTreeMap<String, Severity> = BTreeMap::new();
    for waiting in state.waiting.iter().filter(|waiting| waiting.muted.is_none()) {
        let severity = waiting.step.alert.severity;
        match groups.get_mut(&waiting.group) {
            Some(highest) => *highest = severity.max(*highest),
            None => drop(groups.insert(waiting.group.clone(), severity)),
        }
    }
    groups
}

fn set_clocks(state: &mut ReceiverState, groups: &BTreeMap<String, Severity>, config: &GroupingConfig, now: i64) {
    for (group, clock) in &mut state.clocks {
        if !groups.contains_key(group) {
            clock.due_at = None;
        }
    }
    for group in groups.keys() {
        let (wait, interval) = config.pauses(group);
        let clock = state.clocks.entry(group.clone()).or_default();
        let after_last = clock.last_at.map(|last_at| last_at.saturating_add(interval));
        clock.due_at.get_or_insert(now.saturating_add(wait).max(after_last.unwrap_or(i64::MIN)));
    }
}

fn next_at(state: &ReceiverState, config: &GroupingConfig, now: i64) -> Option<i64> {
    let room_at = cap::next_room_at(&state.recent, config.cap_per_minute).unwrap_or(i64::MIN);
    let groups = state.clocks.values().filter_map(|clock| clock.due_at).map(|due_at| due_at.max(room_at));
    let reasons = state.waiting.iter().filter_map(|waiting| waiting.muted.as_ref()?.until());
    groups.chain(reasons).min().map(|next_at| next_at.max(now + 1))
}
