//! What is told, by the clock, of an alert that nobody attends to.

use super::{AlertRow, LifeSettings, Step, StepKind};

/// The repeat and the escalations that are due. Of repeats that were missed, one is told; of levels, each.
pub(super) fn nag(row: &mut AlertRow, settings: &LifeSettings, now: i64) -> Vec<Step> {
    let mut steps = Vec::new();
    while next_level_at(row, settings).is_some_and(|at| at <= now) {
        row.escalated += 1;
        steps.extend(told(row, StepKind::Escalated(row.escalated), now));
    }
    if next_repeat_at(row, settings).is_some_and(|at| at <= now) {
        row.repeated += 1;
        steps.extend(told(row, StepKind::Repeated(row.repeated), now));
    }
    steps
}

fn told(row: &mut AlertRow, kind: StepKind, now: i64) -> Option<Step> {
    let told = row.told[row.firing()?];
    row.notified += 1;
    row.last_notified_at = Some(now);
    Some(row.step(told, kind, now, row.grounds.clone()))
}

/// When the next of them is due, if nobody attends to the alert until then.
pub(super) fn next_at(row: &AlertRow, settings: &LifeSettings) -> Option<i64> {
    next_level_at(row, settings).into_iter().chain(next_repeat_at(row, settings)).min()
}

fn next_level_at(row: &AlertRow, settings: &LifeSettings) -> Option<i64> {
    let after = settings.escalate_after.get(row.escalated as usize)?;
    Some(row.unattended_since?.saturating_add(*after))
}

fn next_repeat_at(row: &AlertRow, settings: &LifeSettings) -> Option<i64> {
    let pause = settings.repeat.as_ref()?.pause(row.repeated + 1);
    let since = row.unattended_since?;
    Some(row.last_notified_at.map_or(since, |at| at.max(since)).saturating_add(pause))
}
