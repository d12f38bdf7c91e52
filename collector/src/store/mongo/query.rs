//! What is asked of the server: which events, and which stretch of their order.

use labtrail_shared::filter::Filter;
use mongodb::bson::{Bson, Document, doc};

use super::filter_bson::BsonFilter;
use crate::store::{Criteria, Order, Position};

/// The key of the order of events; with `_id` it is total.
pub(super) const AT: &str = "_labtrail.at";

/// Which events are looked at, whenever they happened. What it finds is checked by `Criteria::matches`.
#[derive(Debug, Clone)]
pub(super) struct Query {
    conditions: Vec<Document>,
    has_filter: bool,
    /// Whether it finds only events that match.
    pub(super) exact: bool,
}

impl Query {
    /// What the server can say of criteria.
    pub(super) fn of(criteria: &Criteria) -> Self {
        let filter = criteria.filter.as_ref().map_or_else(|| BsonFilter::new(&Filter::all()), BsonFilter::new);
        Self::with(criteria, filter)
    }

    /// Without the filter, for a server that refuses it.
    pub(super) fn without_filter(criteria: &Criteria) -> Self {
        Self::with(criteria, BsonFilter::anything())
    }

    fn with(criteria: &Criteria, filter: BsonFilter) -> Self {
        let mut conditions = Vec::new();
        if let Some(least) = criteria.level_min {
            conditions.push(doc! {"log_level": {"$gte": i32::from(least.number())}});
        }
        if let Some(archived) = criteria.archived {
            let wanted = if archived {
                doc! {"archived": true}
            } else {
                doc! {"archived": {"$ne": true}}
            };
            conditions.push(wanted);
        }
        let has_filter = !filter.query.is_empty();
        if has_filter {
            conditions.push(filter.query);
        }
        // Free text has no index here: it is looked for in what is read.
        Self { conditions, has_filter, exact: filter.exact && criteria.text.is_none() }
    }

    /// Whether the filter has a part in it.
    pub(super) fn filters(&self) -> bool {
        self.has_filter
    }

    /// The query for a stretch.
    pub(super) fn within(&self, stretch: Document) -> Document {
        if self.conditions.is_empty() {
            return stretch;
        }
        let mut all = vec![stretch];
        all.extend(self.conditions.iter().cloned());
        doc! {"$and": all}
    }
}

/// One end of a range in the order of events.
#[derive(Debug, Clone)]
struct End {
    at: i64,
    /// Where in that instant; absent: the whole instant is within.
    id: Option<(&'static str, String)>,
}

/// A range in the order of events.
#[derive(Debug, Clone)]
pub(super) struct Range {
    low: End,
    high: End,
    order: Order,
}

impl Range {
    /// What criteria leave, after a place and up to another one, which is within.
    pub(super) fn new(criteria: &Criteria, order: Order, after: Option<&Position>, up_to: Option<&Position>) -> Self {
        let (above, below) = match order {
            Order::Ascending => (after.map(|position| ("$gt", position)), up_to.map(|position| ("$lte", position))),
            Order::Descending => (up_to.map(|position| ("$gte", position)), after.map(|position| ("$lt", position))),
        };
        let end = |(operator, position): (&'static str, &Position)| End {
            at: position.time,
            id: Some((operator, position.id.clone())),
        };
        let from = criteria.from.unwrap_or(i64::MIN);
        let to = criteria.to.map_or(i64::MAX, |to| to.saturating_sub(1));
        let low = above.filter(|(_, position)| position.time >= from).map_or(End { at: from, id: None }, end);
        let high = below.filter(|(_, position)| position.time <= to).map_or(End { at: to, id: None }, end);
        // Nothing lies before the first instant.
        let high =
            if criteria.to == Some(i64::MIN) { End { at: i64::MIN, id: Some(("$lt", String::new())) } } else { high };
        Self { low, high, order }
    }

    /// Whether an event at that place lies within.
    pub(super) fn contains(&self, position: &Position) -> bool {
        let is_beyond = |end: &End| match &end.id {
            Some(("$gt", id)) => position.id > *id,
            Some(("$gte", id)) => position.id >= *id,
            Some(("$lt", id)) => position.id < *id,
            Some((_, id)) => position.id <= *id,
            None => true,
        };
        (position.time > self.low.at || (position.time == self.low.at && is_beyond(&self.low)))
            && (position.time < self.high.at || (position.time == self.high.at && is_beyond(&self.high)))
    }

    /// The instants between which it lies, both within.
    pub(super) fn instants(&self) -> (i64, i64) {
        (self.low.at, self.high.at)
    }

    /// The range as stretches that follow one another, each a plain interval of the index, which a condition with `$or`
    /// on time and id would not be on every server.
    pub(super) fn stretches(&self) -> Vec<Document> {
        let Self { low, high, order } = self;
        if low.at > high.at {
            return Vec::new();
        }
        let mut stretches = Vec::with_capacity(3);
        let ids = |ends: &[&End]| -> Document {
            let ends = ends.iter().filter_map(|end| end.id.as_ref());
            ends.map(|(operator, id)| ((*operator).to_owned(), Bson::from(id.as_str()))).collect()
        };
        if low.at == high.at {
            let ids = ids(&[low, high]);
            stretches.push(if ids.is_empty() {
                doc! {AT: low.at}
            } else {
                doc! {AT: low.at, "_id": ids}
            });
            return stretches;
        }
        if low.id.is_some() {
            stretches.push(doc! {AT: low.at, "_id": ids(&[low])});
        }
        let begin = if low.id.is_some() { low.at + 1 } else { low.at };
        let end = if high.id.is_some() { high.at - 1 } else { high.at };
        if begin <= end {
            stretches.push(doc! {AT: {"$gte": begin, "$lte": end}});
        }
        if high.id.is_some() {
            stretches.push(doc! {AT: high.at, "_id": ids(&[high])});
        }
        if *order == Order::Descending {
            stretches.reverse();
        }
        stretches
    }

    /// How the server sorts.
    pub(super) fn sort(&self) -> Document {
        let direction = if self.order == Order::Ascending { 1 } else { -1 };
        doc! {AT: direction, "_id": direction}
    }
}
