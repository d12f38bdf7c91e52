//! The end of what fired: because it is over, or because its rule is.

use super::{AlertRow, AlertState, Step, StepKind, WhyResolved};

/// Resolves the episode that fires; there must be one. `ended` is when it ended by its events.
pub(super) fn resolve(row: &mut AlertRow, why: WhyResolved, ended: Option<i64>, now: i64) -> Option<Step> {
    let place = row.firing()?;
    row.told[place].is_resolved = true;
    let mut step = row.step(row.told[place], StepKind::Resolved(why), now, row.grounds.clone());
    step.ended = ended;
    row.state = AlertState::Resolved;
    row.ended = ended;
    row.resolved_at = Some(now);
    row.last_notified_at = Some(now);
    row.notified += 1;
    row.acknowledged = None;
    row.unattended_since = None;
    row.act_at = None;
    Some(step)
}

/// Makes the row one of that revision of its rule. What fires under another revision is resolved with its key, and
/// nothing of it is kept but the number of the episode; the new rule has yet to say whether its condition holds.
pub fn begin_anew(mut row: AlertRow, revision: &str, now: i64) -> (AlertRow, Vec<Step>) {
    if row.revision == revision {
        return (row, Vec::new());
    }
    let step = resolve(&mut row, WhyResolved::RuleChanged, None, now);
    (emptied(row, revision), step.into_iter().collect())
}

/// Ends the row of a rule that is no more. The row is kept for a while: should the rule come back, the number of the episode
/// goes on.
pub fn delete(mut row: AlertRow, now: i64) -> (AlertRow, Vec<Step>) {
    let step = resolve(&mut row, WhyResolved::RuleDeleted, None, now);
    let revision = row.revision.clone();
    (emptied(row, &revision), step.into_iter().collect())
}

/// The row with nothing but what keeps its keys apart, and when it was resolved.
fn emptied(row: AlertRow, revision: &str) -> AlertRow {
    let AlertRow { rule, group, labels, made_at, episode, episodes, resolved_at, .. } = row;
    AlertRow { made_at, episode, episodes, resolved_at, ..AlertRow::new(&rule, revision, &group, labels) }
}
