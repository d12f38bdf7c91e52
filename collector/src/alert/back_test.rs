//! A back-test: what a rule would have told of over stored history, by the very evaluator that judges what comes.

use std::{collections::BTreeMap, time::Duration};

use super::{
    judging::{life_settings, sample_of, trigger_of},
    life::{AlertRow, Step, replay},
    rule::{GroupKey, Rule},
    trigger::{Mark, RESOLVE_AFTER, Sample, evaluate},
};
use crate::store::{Criteria, EventStore, Order, Search, StoreError};

/// So many events are read at a time, and as long may the store look for them.
const PAGE: usize = 5000;
const PAGE_TIME_MAX: Duration = Duration::from_secs(10);

/// What is to be tried.
#[derive(Debug, Clone, Copy)]
pub struct Range {
    /// From this instant on, in microseconds UTC.
    pub from: i64,
    /// Up to this one: it is the time that the back-test takes for now.
    pub to: i64,
    /// No more matching events than that are read.
    pub events_max: usize,
}

/// What the rule would have told of.
#[derive(Debug, Clone)]
pub struct BackTest {
    /// By group, those without any left out.
    pub groups: Vec<GroupHistory>,
    /// How many events matched, those before the range among them that its beginning depends on.
    pub events: u64,
    /// `false` if there were more events than were to be read: the range ends with the last one that was.
    pub is_complete: bool,
    /// Up to when it was tried.
    pub known_to: i64,
}

/// What would have been told of one group.
#[derive(Debug, Clone)]
pub struct GroupHistory {
    /// The group.
    pub group: GroupKey,
    /// What would have been told, in its order.
    pub steps: Vec<Step>,
}

/// Tries a rule over a range of what is stored.
///
/// What a group did before the range counts as far as the rule looks back; a source that was last heard of earlier than
/// that is not missed.
pub async fn back_test(store: &dyn EventStore, rule: &Rule, range: Range) -> Result<BackTest, StoreError> {
    let trigger = trigger_of(rule);
    let mark = Mark { from: range.from, to: range.to };
    let from = trigger.needed_range(RESOLVE_AFTER, mark).from.max(0);
    let mut groups: BTreeMap<String, (GroupKey, Vec<Sample>)> = BTreeMap::new();
    let (mut events, mut known_to, mut after) = (0, range.to, None);
    let is_complete = loop {
        let criteria = Criteria {
            filter: Some(rule.filter().clone()),
            from: Some(from),
            to: Some(range.to.saturating_add(1)),
            ..Criteria::default()
        };
        let (order, limit) = (Order::Ascending, PAGE);
        let search = Search { criteria, order, after: after.take(), offset: 0, limit, time_max: PAGE_TIME_MAX };
        let page = store.search(search).await?;
        events += page.items.len();
        for stored in &page.items {
            let group = rule.group_of(&stored.event);
            let samples = groups.entry(group.text().to_owned()).or_insert_with(|| (group, Vec::new()));
            samples.1.push(sample_of(rule, stored));
        }
        if events >= range.events_max && page.next.is_some() {
            known_to = page.items.last().map_or(known_to, |last| last.time);
            break false;
        }
        match page.next {
            Some(next) => after = Some(next),
            None => break true,
        }
    };
    let settings = life_settings(rule);
    let histories = groups.into_values().map(|(group, mut samples)| {
        samples.sort_by(|a, b| (a.time, &a.id).cmp(&(b.time, &b.id)));
        let verdict = evaluate(&trigger, RESOLVE_AFTER, mark, &samples, known_to);
        let row = AlertRow::new(rule.name(), &settings.revision, group.text(), rule.section().labels.clone());
        GroupHistory { steps: replay(row, &settings, &verdict).1, group }
    });
    let groups = histories.filter(|history| !history.steps.is_empty()).collect();
    Ok(BackTest { groups, events: events as u64, is_complete, known_to })
}
