//! What a round takes: marks and rows that are due, by rule and group.

use std::collections::{BTreeMap, HashMap};

use super::{Leader, judge::Task};
use crate::{
    alert::{
        key::key_of,
        rule::{KnownGroups, Rule},
    },
    alerting::{marks::MarkContent, rows, rulebook::Rulebook, stored_alert::StoredAlert},
    store::{Row, RowChange, RowExpect, StoreError},
};

/// So many marks and rows are taken at a time.
const TAKEN_MAX: usize = 4000;

/// A mark that was judged stays so long, in microseconds, so that its versions go on: whoever judged it before and comes late
/// must not take one that was written since for his own.
const DONE_KEEP: i64 = 600_000_000;

/// A mark of a rule that is not known here is looked at again after so long: others know it, and this collector will.
const UNKNOWN_PAUSE: i64 = 60_000_000;

/// So long such a mark is kept.
const UNKNOWN_KEEP: i64 = 24 * 3_600_000_000;

/// What was taken.
#[derive(Debug)]
pub(super) struct Taken {
    /// One for each rule and group of which something is to be done.
    pub(super) tasks: Vec<Task>,
    /// Whether these are all marks there are.
    pub(super) has_all_marks: bool,
    /// Whether there may be more to take.
    pub(super) is_full: bool,
}

impl Leader {
    pub(super) async fn take(&mut self, rulebook: &Rulebook, now: i64) -> Result<Taken, StoreError> {
        let marks = self.store.rows_due(rows::MARK, now, TAKEN_MAX).await?;
        let due = self.store.rows_due(rows::ALERT, now, TAKEN_MAX).await?;
        let has_all_marks = marks.len() < TAKEN_MAX;
        let is_full = !has_all_marks || due.len() == TAKEN_MAX;
        self.resting.retain(|_, until| *until > now);
        let (mut tasks, mut aside) = (BTreeMap::<String, Task>::new(), Vec::new());
        for row in marks {
            let Some(mark) = rows::read::<MarkContent>(rows::MARK, &row) else { continue };
            if mark.done {
                aside.push(rows::remove(rows::MARK, &row));
                continue;
            }
            let Some(rule) = rulebook.rules.get(&mark.rule) else {
                let is_old = mark.to < now.saturating_sub(UNKNOWN_KEEP);
                let later = || postponed(&row, &mark, now.saturating_add(UNKNOWN_PAUSE));
                aside.push(if is_old { rows::remove(rows::MARK, &row) } else { later() });
                continue;
            };
            let group = admitted(&mut self.groups, rule, &mark);
            let id = key_of([mark.rule.as_str(), group.as_str()]);
            if let Some(until) = self.resting.get(&id) {
                // It must not stand in the way of the others meanwhile.
                aside.push(postponed(&row, &mark, *until));
                continue;
            }
            let task = tasks.entry(id.clone()).or_insert_with(|| Task::new(id, mark.rule.clone(), group));
            task.marks.push((row, mark));
        }
        for row in due {
            let Some(stored) = rows::read::<StoredAlert>(rows::ALERT, &row) else { continue };
            let id = stored.id();
            if self.resting.contains_key(&id) {
                continue;
            }
            let (rule, group) = (stored.alert.rule.clone(), stored.alert.group.clone());
            let task = tasks.entry(id.clone()).or_insert_with(|| Task::new(id, rule, group));
            task.before = Some((row, stored));
        }
        self.store.change_rows(aside).await?;
        Ok(Taken { tasks: tasks.into_values().collect(), has_all_marks, is_full })
    }
}

/// The change that says of a mark that it was judged, unless it was written again since.
pub(super) fn done(row: &Row, mark: &MarkContent, now: i64) -> RowChange {
    let done = MarkContent { done: true, ..mark.clone() };
    let until = Some(now.saturating_add(DONE_KEEP));
    rows::put(rows::MARK, row.key.as_str(), RowExpect::Version(row.version), until, &done)
}

fn postponed(row: &Row, mark: &MarkContent, until: i64) -> RowChange {
    rows::put(rows::MARK, row.key.as_str(), RowExpect::Version(row.version), Some(until), mark)
}

/// The group of a mark, or the one for all groups that find no place.
fn admitted(groups: &mut HashMap<String, KnownGroups>, rule: &Rule, mark: &MarkContent) -> String {
    if rule.section().notify_each_event {
        return mark.group.clone();
    }
    let Some(group) = rule.group_from_text(&mark.group) else { return mark.group.clone() };
    let known = groups.entry(mark.rule.clone());
    let known = known.or_insert_with(|| KnownGroups::new(rule.section().groups_max, []));
    known.admit(group).text().to_owned()
}
