//! Reads from the store the events by which a rule is judged in a group.

use std::time::Duration;

use labtrail_shared::filter::Filter;
use serde_json::json;

use crate::{
    alert::{
        judging::{sample_of, trigger_of},
        rule::{self, GroupKey, KnownGroups, Rule},
        trigger::{END_OF_TIME, Mark, NeededRange, RESOLVE_AFTER, Sample},
    },
    store::{Criteria, EventStore, Order, Pages, Search, StoreError, StoredEvent},
};

/// So many events are read at a time.
pub(super) const PAGE: usize = 2000;

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
    /// Nothing is to be said of what comes from then on.
    pub(super) judged_to: Option<i64>,
}

/// Reads the events of a rule and group.
#[derive(Debug, Clone, Copy)]
pub(super) struct Reader<'a> {
    pub(super) store: &'a dyn EventStore,
    pub(super) rule: &'a Rule,
    pub(super) group: &'a GroupKey,
    /// The groups of the rule that are told apart.
    pub(super) room: Option<&'a KnownGroups>,
}

impl Reader<'_> {
    /// Reads all that is needed to judge a mark.
    pub(super) async fn whole(&self, mut mark: Mark) -> Result<Reading, StoreError> {
        let NeededRange { from, to, last_before } = trigger_of(self.rule).needed_range(RESOLVE_AFTER, mark);
        let mut samples = self.all(from, to).await?;
        if samples.len() >= SAMPLES_MAX {
            // The newest came first: what they are enough for is judged.
            let oldest = samples.last().map_or(mark.to, |sample| sample.time);
            mark.from = oldest.saturating_add(mark.from.saturating_sub(from)).clamp(mark.from, mark.to);
            let (rule, group) = (self.rule.name(), self.group);
            tracing::warn!(rule, %group, events = SAMPLES_MAX, "too many events concern a rule; only the newest are judged");
            return Ok(Reading { samples, mark, judged_to: None });
        }
        if last_before {
            let needs_value = matches!(self.rule.section().trigger, rule::Trigger::Change(_));
            let before = Some(from.saturating_sub(1));
            samples.extend(self.one(&self.filter(), Order::Descending, None, before, needs_value).await?);
        }
        Ok(Reading { samples, mark, judged_to: None })
    }

    /// The samples from an instant to another, both included, the newest first; at most so many as memory allows.
    pub(super) async fn all(&self, from: i64, to: i64) -> Result<Vec<Sample>, StoreError> {
        let mut samples = Vec::new();
        self.each(from, to, |stored| samples.push(sample_of(self.rule, stored))).await?;
        Ok(samples)
    }

    /// Shows the events from an instant to another, both included, the newest first; some more than as many as memory allows.
    pub(super) async fn each(&self, from: i64, to: i64, mut show: impl FnMut(&StoredEvent)) -> Result<(), StoreError> {
        let mut pages = pages(self.filter(), Order::Descending, Some(from), Some(to));
        let mut shown = 0;
        while let Some(page) = pages.next(self.store, PAGE).await? {
            for stored in page.iter().filter(|stored| self.belongs(stored)) {
                show(stored);
                shown += 1;
            }
            if shown >= SAMPLES_MAX {
                break;
            }
        }
        Ok(())
    }

    /// The first sample of an order, from an instant to another, both included; one with a value, if that is needed.
    pub(super) async fn one(
        &self,
        filter: &Filter,
        order: Order,
        from: Option<i64>,
        to: Option<i64>,
        needs_value: bool,
    ) -> Result<Option<Sample>, StoreError> {
        let mut pages = pages(filter.clone(), order, from, to);
        let is_one = |sample: &Sample| !needs_value || sample.value.as_ref().is_some_and(|value| !value.is_null());
        let mut limit = 1;
        while let Some(page) = pages.next(self.store, limit).await? {
            let samples = page.iter().filter(|stored| self.belongs(stored)).map(|stored| sample_of(self.rule, stored));
            if let Some(sample) = samples.into_iter().find(is_one) {
                return Ok(Some(sample));
            }
            limit = (limit * 10).min(PAGE);
        }
        Ok(None)
    }

    /// The events of the rule that may be of the group.
    pub(super) fn filter(&self) -> Filter {
        let selector = self.group.selector();
        if self.group.is_overflow() || selector.as_object().is_some_and(serde_json::Map::is_empty) {
            return self.rule.filter().clone();
        }
        let both = json!({"$and": [self.rule.filter().to_json(), selector]});
        Filter::parse(&both).unwrap_or_else(|_| self.rule.filter().clone())
    }

    fn belongs(&self, stored: &StoredEvent) -> bool {
        let own = self.rule.group_of(&stored.event);
        if self.group.is_overflow() { self.room.is_none_or(|room| !room.has(&own)) } else { own == *self.group }
    }
}

/// The events that pass a filter, from an instant to another, both included, page by page.
pub(super) fn pages(filter: Filter, order: Order, from: Option<i64>, to: Option<i64>) -> Pages {
    let to = to.filter(|to| *to < END_OF_TIME).map(|to| to.saturating_add(1));
    let criteria = Criteria { filter: Some(filter), from, to, ..Criteria::default() };
    Pages::new(Search { criteria, order, after: None, offset: 0, limit: PAGE, time_max: PAGE_TIME_MAX })
}
