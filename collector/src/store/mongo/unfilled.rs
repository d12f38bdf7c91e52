//! Events that MADSci wrote, and that have nothing of ours yet.
//!
//! They are there from the first moment in a database of MADSci, and later whenever MADSci's own server goes on writing
//! beside us. In the background they are given what they lack, newest first (see `backfill`); the documents themselves say which
//! ones these are, so that it can be interrupted at any time and done by several collectors at once. Until then every
//! answer is put together of those that have their place in the order and those whose place is worked out from MADSci's
//! text of the time, which the server does roughly, to the millisecond, and we exactly.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use mongodb::{
    Cursor,
    bson::{Bson, DateTime, Document, RawDocumentBuf, doc},
};
use tracing::debug;

use super::{
    connection::Connection,
    document::{self, Clock},
    error::{is_time_up, store_error},
    histogram::Counting,
    metrics::StoreMetrics,
    query::{AT, Query, Range},
    search,
};
use crate::store::{Histogram, Order, Page, Position, Search, StoreError, StoredEvent};

const ATTEMPT: &str = "look for events of MADSci";

/// Events that come in one message.
const BATCH_EVENTS: u32 = 500;

/// More than is asked for, because the server's order is only right to the millisecond.
const TIES: usize = 100;

/// What the server takes for a limit.
const LIMIT_MAX: usize = i32::MAX as usize;

/// Events whose time the server cannot read.
const ODD_EVENTS_MAX: i64 = 10_000;

/// The events without a place in the order.
#[derive(Debug)]
pub(super) struct Unfilled {
    pub(super) connection: Arc<Connection>,
    pub(super) clock: Clock,
    pub(super) metrics: Arc<StoreMetrics>,
    /// Whether there may be some.
    some: AtomicBool,
}

/// Those that a search finds.
struct Found {
    items: Vec<StoredEvent>,
    /// Up to where these are all.
    up_to: Option<Position>,
    complete: bool,
}

impl Unfilled {
    pub(super) fn new(connection: Arc<Connection>, clock: Clock, metrics: Arc<StoreMetrics>) -> Self {
        Self { connection, clock, metrics, some: AtomicBool::new(true) }
    }

    /// Whether there may be some, as far as was looked.
    pub(super) fn has_some(&self) -> bool {
        self.some.load(Ordering::Relaxed)
    }

    /// Looks whether there are any.
    pub(super) async fn look(&self) -> Result<bool, StoreError> {
        let events = self.connection.events();
        let query = doc! {AT: Bson::Null};
        let found = self
            .connection
            .run(ATTEMPT, || events.find_one(query.clone()).projection(doc! {"_id": 1}).into_future())
            .await?;
        self.some.store(found.is_some(), Ordering::Relaxed);
        Ok(found.is_some())
    }

    /// Answers a search among all events.
    pub(super) async fn search(&self, asked: &Search) -> Result<Page, StoreError> {
        if !self.has_some() || asked.limit == 0 {
            return search::search(&self.connection, &self.clock, asked).await;
        }
        let start = Instant::now();
        // These come first: one that gets its place in between is seen twice then, and not never.
        let others = self.find(asked).await?;
        let rest = asked.time_max.saturating_sub(start.elapsed()).max(asked.time_max / 2);
        let all =
            Search { offset: 0, limit: asked.limit.saturating_add(asked.offset), time_max: rest, ..asked.clone() };
        let page = search::search(&self.connection, &self.clock, &all).await?;
        Ok(merge(asked, page, others))
    }

    async fn find(&self, asked: &Search) -> Result<Found, StoreError> {
        let mut wanted = asked.limit.saturating_add(asked.offset).saturating_add(1 + TIES);
        let range = Range::new(&asked.criteria, asked.order, asked.after.as_ref(), None);
        let until = Instant::now() + asked.time_max;
        let Some(mut items) = self.aggregate(asked, &range, doc! {"$eq": Bson::Null}, ODD_EVENTS_MAX, until).await?
        else {
            return Ok(Found { items: Vec::new(), up_to: None, complete: false });
        };
        loop {
            let (low, high) = range.instants();
            let mut within = doc! {"$ne": Bson::Null};
            if low != i64::MIN {
                within.insert("$gte", DateTime::from_millis(low.div_euclid(1000)));
            }
            if high != i64::MAX {
                within.insert("$lte", DateTime::from_millis(high.div_euclid(1000)));
            }
            let Some(timed) = self.aggregate(asked, &range, within, wanted.min(LIMIT_MAX) as i64, until).await? else {
                return Ok(Found { items: Vec::new(), up_to: None, complete: false });
            };
            let is_cut = timed.len() >= wanted;
            let millis = |event: &StoredEvent| event.time.div_euclid(1000);
            let last = timed.last().map(millis);
            let first = timed.first().map(millis);
            if is_cut && first == last {
                // More events in one millisecond than were asked for.
                wanted = wanted.saturating_mul(4);
                continue;
            }
            items.extend(timed);
            let up_to = last.filter(|_| is_cut).map(|last| match asked.order {
                Order::Descending => Position { time: (last + 1) * 1000, id: String::new() },
                Order::Ascending => Position { time: last * 1000 - 1, id: char::MAX.to_string() },
            });
            items.retain(|event| asked.criteria.matches(event) && range.contains(&event.position()));
            return Ok(Found { items, up_to, complete: true });
        }
    }

    /// Events in the order of their time as the server reads it; nothing if the time was not enough.
    async fn aggregate(
        &self,
        asked: &Search,
        range: &Range,
        time: Document,
        limit: i64,
        until: Instant,
    ) -> Result<Option<Vec<StoredEvent>>, StoreError> {
        let attempt = "search events of MADSci";
        let mut query = Query::of(&asked.criteria);
        let zone = zone_name(&self.clock);
        loop {
            let direction = if asked.order == Order::Ascending { 1 } else { -1 };
            let read = |zone: Option<&str>| {
                let mut read = doc! {"dateString": "$event_timestamp", "onError": Bson::Null, "onNull": Bson::Null};
                if let Some(zone) = zone {
                    read.insert("timezone", zone);
                }
                doc! {"$dateFromString": read}
            };
            // The server refuses a zone where the text has an offset; then it is the text that counts.
            let pipeline = [
                doc! {"$match": query.within(doc! {AT: Bson::Null})},
                doc! {"$set": {"_labtrail_time": {"$ifNull": [read(Some(&zone)), read(None)]}}},
                doc! {"$match": {"_labtrail_time": time.clone()}},
                doc! {"$sort": {"_labtrail_time": direction, "_id": direction}},
                doc! {"$limit": limit},
            ];
            let events = self.connection.events();
            let time_max = until.saturating_duration_since(Instant::now()).max(Duration::from_millis(1));
            let found = self.connection.raw(attempt, time_max + Duration::from_secs(20), || async {
                let aggregate = events.aggregate(pipeline.clone()).allow_disk_use(true).max_time(time_max);
                let mut cursor = aggregate.await?;
                let mut found = Vec::new();
                while cursor.advance().await? {
                    found.push(document::read(cursor.current(), &self.clock));
                }
                Ok(found)
            });
            match found.await? {
                Ok(found) => return Ok(Some(found)),
                Err(error) if is_time_up(&error) => return Ok(None),
                Err(error) if Connection::is_refusal(&error) && asked.criteria.filter.is_some() && query.filters() => {
                    debug!(error = &error as &dyn std::error::Error, ?range, "the database refuses a filter");
                    query = Query::without_filter(&asked.criteria);
                }
                Err(error) => return Err(store_error(attempt, error)),
            }
        }
    }

    /// Counts all events.
    pub(super) async fn histogram(&self, counting: &Counting<'_>) -> Result<Histogram, StoreError> {
        let (mut times, mut all) = (Vec::new(), true);
        if self.has_some() {
            let cursor = self.open("count events of MADSci", Query::of(&counting.request.criteria)).await?;
            (times, all) = self.times(cursor, counting).await?;
        }
        let first = times.iter().map(|(time, _)| *time).min();
        let last = times.iter().map(|(time, _)| *time).max();
        let (mut counter, (from, to), complete) = counting.run(first.zip(last)).await?;
        for (time, level) in times {
            if (from..to).contains(&time) {
                counter.add(time, level, 1);
            }
        }
        Ok(counter.into_histogram(from, to, complete && all))
    }

    async fn times(
        &self,
        mut cursor: Cursor<RawDocumentBuf>,
        counting: &Counting<'_>,
    ) -> Result<(Vec<(i64, i64)>, bool), StoreError> {
        let mut times = Vec::new();
        while Connection::advance("count events of MADSci", &mut cursor).await? {
            let event = document::read(cursor.current(), &self.clock);
            if counting.request.criteria.matches(&event) {
                times.push((event.time, event.event["log_level"].as_i64().unwrap_or(-1)));
            }
            if Instant::now() >= counting.deadline {
                return Ok((times, false));
            }
        }
        Ok((times, true))
    }

    pub(super) async fn open(&self, attempt: &'static str, query: Query) -> Result<Cursor<RawDocumentBuf>, StoreError> {
        let events = self.connection.events();
        let query = query.within(doc! {AT: Bson::Null});
        // Along the index of time, in which these stand together, by their ids, which tell when they were made.
        let open = || events.find(query.clone()).sort(doc! {"_id": -1}).batch_size(BATCH_EVENTS).into_future();
        self.connection.run(attempt, open).await
    }
}

/// Puts together what has its place and what has none yet.
fn merge(asked: &Search, page: Page, others: Found) -> Page {
    let is_before = |a: &Position, b: &Position| match asked.order {
        Order::Descending => a > b,
        Order::Ascending => a < b,
    };
    // Up to here both are complete.
    let cut = match (page.next, others.up_to) {
        (Some(a), Some(b)) => Some(if is_before(&a, &b) { a } else { b }),
        (a, b) => a.or(b),
    };
    let scanned = page.scanned + others.items.len() as u64;
    if !others.complete {
        // Any of them may come before what was found.
        let next = asked.after.clone().unwrap_or_else(|| Position::before_all(asked.order));
        return Page { items: Vec::new(), next: Some(next), complete: false, scanned };
    }
    let mut items = others.items;
    items.extend(page.items);
    items.sort_by_cached_key(StoredEvent::position);
    items.dedup_by(|a, b| a.id() == b.id());
    if asked.order == Order::Descending {
        items.reverse();
    }
    items.retain(|event| cut.as_ref().is_none_or(|cut| !is_before(cut, &event.position())));
    let mut items = items.split_off(asked.offset.min(items.len()));
    let next = if items.len() > asked.limit {
        items.truncate(asked.limit);
        items.last().map(StoredEvent::position)
    } else {
        cut
    };
    Page { items, next, complete: page.complete, scanned }
}

/// The zone as the server knows it.
fn zone_name(clock: &Clock) -> String {
    if let Some(name) = clock.zone.iana_name() {
        return name.to_owned();
    }
    let now = jiff::Timestamp::from_microsecond(clock.opened).unwrap_or_default();
    let seconds = clock.zone.to_offset(now).seconds();
    let sign = if seconds < 0 { '-' } else { '+' };
    format!("{sign}{:02}:{:02}", seconds.abs() / 3600, seconds.abs() / 60 % 60)
}
