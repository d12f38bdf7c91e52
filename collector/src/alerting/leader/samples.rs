//! Reads from the store the events by which a rule is judged in a group.

use std::time::Duration;

use labtrail_shared::filter::Filter;
use serde_json::json;

use crate::{
    alert::{
        judging::sample_of,
        rule::{GroupKey, KnownGroups, Rule},
        trigger::{END_OF_TIME, Mark, NeededRange, RESOLVE_AFTER, Sample, Trigger},
    },
    store::{Criteria, EventStore, Order, Pages, Search, StoreError, StoredEvent},
};

/// So many events are read at a time.
const PAGE: usize = 2000;

/// How long the store may look for a page.
const PAGE_TIME_MAX: Duration = Duration::from_secs(10);

/// Of more events only the newest count: each takes some hundred bytes of memory.
const SAMPLES_MAX: usize = 500_000;

/// What was read.
#[derive(Debug)]
pub(super) struct Reading {
    pub(super) samples: Vec<Sample>,
    /// The mark, or what of it can be judged by them.
    pub(super) mark: Mark,
}

/// Reads what is needed to judge a mark.
pub(super) async fn read(
    store: &dyn EventStore,
    rule: &Rule,
    group: &GroupKey,
    room: Option<&KnownGroups>,
    trigger: &Trigger,
    mut mark: Mark,
) -> Result<Reading, StoreError> {
    let needed = trigger.needed_range(RESOLVE_AFTER, mark);
    let belongs = |stored: &StoredEvent| {
        let own = rule.group_of(&stored.event);
        if group.is_overflow() { room.is_none_or(|room| !room.has(&own)) } else { own == *group }
    };
    let filter = filter(rule, group);
    let mut samples = Vec::new();
    let NeededRange { from, to, last_before } = needed;
    let range = Criteria {
        filter: Some(filter.clone()),
        from: Some(from),
        to: Some(to).filter(|to| *to < END_OF_TIME).map(|to| to.saturating_add(1)),
        ..Criteria::default()
    };
    let mut pages = pages(range);
    while let Some(page) = pages.next(store, PAGE).await? {
        samples.extend(page.iter().filter(|stored| belongs(stored)).map(|stored| sample_of(rule, stored)));
        if samples.len() >= SAMPLES_MAX {
            // The newest came first: what they are enough for is judged.
            let oldest = samples.last().map_or(mark.to, |sample| sample.time);
            mark.from = oldest.saturating_add(mark.from.saturating_sub(from)).clamp(mark.from, mark.to);
            tracing::warn!(rule = rule.name(), %group, events = SAMPLES_MAX, "too many events concern a rule in a short time; only the newest are judged");
            return Ok(Reading { samples, mark });
        }
    }
    if last_before {
        samples.extend(last(store, rule, filter, from, belongs).await?);
    }
    Ok(Reading { samples, mark })
}

/// The newest sample before a time; for a trigger about a field, the newest that has it.
async fn last(
    store: &dyn EventStore,
    rule: &Rule,
    filter: Filter,
    before: i64,
    belongs: impl Fn(&StoredEvent) -> bool,
) -> Result<Option<Sample>, StoreError> {
    let needs_value = matches!(rule.section().trigger, crate::alert::rule::Trigger::Change(_));
    let mut pages = pages(Criteria { filter: Some(filter), to: Some(before), ..Criteria::default() });
    let mut limit = 1;
    while let Some(page) = pages.next(store, limit).await? {
        let samples = page.iter().filter(|stored| belongs(stored)).map(|stored| sample_of(rule, stored));
        let is_one = |sample: &Sample| !needs_value || sample.value.as_ref().is_some_and(|value| !value.is_null());
        if let Some(sample) = samples.into_iter().find(is_one) {
            return Ok(Some(sample));
        }
        limit = (limit * 10).min(PAGE);
    }
    Ok(None)
}

/// The events of the rule that may be of the group.
fn filter(rule: &Rule, group: &GroupKey) -> Filter {
    let selector = group.selector();
    if group.is_overflow() || selector.as_object().is_some_and(serde_json::Map::is_empty) {
        return rule.filter().clone();
    }
    let both = json!({"$and": [rule.filter().to_json(), selector]});
    Filter::parse(&both).unwrap_or_else(|_| rule.filter().clone())
}

fn pages(criteria: Criteria) -> Pages {
    let (order, limit, time_max) = (Order::Descending, PAGE, PAGE_TIME_MAX);
    Pages::new(Search { criteria, order, after: None, offset: 0, limit, time_max })
}
