//! Counts events over time and levels.
//!
//! What the server can decide it also counts; otherwise events are read and counted here. The newest come first: if time is
//! up, the distribution is right where people look.

use std::time::{Duration, Instant};

use mongodb::{
    bson::{Bson, Document, RawDocumentBuf, doc},
    error::Error,
};

use super::{
    connection::Connection,
    document::{self, Clock},
    error::{is_time_up, store_error},
    query::{AT, Query, Range},
};
use crate::store::{Criteria, HistogramRequest, Order, StoreError, counter::Counter};

const ATTEMPT: &str = "count events";

/// When the whole cannot be counted in half of the time, so many parts of it are counted one after another.
const PARTS: i64 = 24;

/// Events between two looks at the clock.
const EVENTS_BETWEEN_LOOKS: u64 = 64;

/// More than any question takes that has a time of its own.
const ANSWER_TIME_MAX: Duration = Duration::from_secs(30);

/// Why the server did not count.
enum NotCounted {
    TimeUp,
    Refused(Error),
}

/// A histogram under way.
pub(super) struct Counting<'a> {
    pub(super) connection: &'a Connection,
    pub(super) clock: &'a Clock,
    pub(super) request: &'a HistogramRequest,
    pub(super) deadline: Instant,
}

impl Counting<'_> {
    /// Counts the events that have a place in the order, and gives the range with it. `others` are the first and the last
    /// instant of those that have none yet.
    pub(super) async fn run(&self, others: Option<(i64, i64)>) -> Result<(Counter, (i64, i64), bool), StoreError> {
        let (from, to) = self.range(others).await?;
        let mut counter = Counter::new(from, to, self.request.buckets);
        let mut criteria = self.request.criteria.clone();
        (criteria.from, criteria.to) = (Some(from), Some(to));
        let query = Query::of(&criteria);
        let complete = if query.exact {
            self.by_server(&query, &criteria, &mut counter).await?
        } else {
            self.by_reading(&query, &criteria, &mut counter).await?
        };
        Ok((counter, (from, to), complete))
    }

    /// The range asked for, and where it is open that of all events.
    async fn range(&self, others: Option<(i64, i64)>) -> Result<(i64, i64), StoreError> {
        let criteria = &self.request.criteria;
        let from = if let Some(from) = criteria.from {
            from
        } else {
            let first = [self.end(1).await?, others.map(|(first, _)| first)].into_iter().flatten().min();
            first.unwrap_or(criteria.to.unwrap_or(0))
        };
        let to = if let Some(to) = criteria.to {
            to
        } else {
            let last = [self.end(-1).await?, others.map(|(_, last)| last)].into_iter().flatten().max();
            last.map_or(from, |last| last.saturating_add(1))
        };
        Ok((from, to.max(from)))
    }

    async fn end(&self, direction: i32) -> Result<Option<i64>, StoreError> {
        let events = self.connection.events();
        let found = self
            .connection
            .run(ATTEMPT, || {
                let find = events.find_one(doc! {AT: {"$gte": i64::MIN}}).sort(doc! {AT: direction, "_id": direction});
                find.projection(doc! {"_id": 1, AT: 1}).into_future()
            })
            .await?;
        Ok(found.map(|found| super::search::position(&found).time))
    }

    async fn by_server(&self, query: &Query, criteria: &Criteria, counter: &mut Counter) -> Result<bool, StoreError> {
        let half = Instant::now() + self.deadline.saturating_duration_since(Instant::now()) / 2;
        match self.count(query, criteria, counter, half).await? {
            Ok(()) => return Ok(true),
            Err(NotCounted::TimeUp) => {}
            Err(NotCounted::Refused(_)) if query.filters() => {
                return self.by_reading(&Query::without_filter(criteria), criteria, counter).await;
            }
            Err(NotCounted::Refused(error)) => return Err(store_error(ATTEMPT, error)),
        }
        let (from, to) = (criteria.from.unwrap_or(i64::MIN), criteria.to.unwrap_or(i64::MAX));
        // Parts are of whole buckets, so that a bucket is counted or it is not.
        let width = counter.width();
        let part = (to.saturating_sub(from) / PARTS / width + 1).saturating_mul(width);
        let mut end = to;
        while end > from {
            let begin = ((end - 1).div_euclid(width) * width).saturating_sub(part - width).max(from);
            let part = Criteria { from: Some(begin), to: Some(end), ..criteria.clone() };
            match self.count(query, &part, counter, self.deadline).await? {
                Ok(()) => end = begin,
                Err(NotCounted::TimeUp) => return Ok(false),
                Err(NotCounted::Refused(error)) => return Err(store_error(ATTEMPT, error)),
            }
        }
        Ok(true)
    }

    async fn count(
        &self,
        query: &Query,
        criteria: &Criteria,
        counter: &mut Counter,
        until: Instant,
    ) -> Result<Result<(), NotCounted>, StoreError> {
        let range = Range::new(criteria, Order::Descending, None, None);
        let mut found = Vec::new();
        for stretch in range.stretches() {
            let time_left = until.saturating_duration_since(Instant::now());
            if time_left.is_zero() {
                return Ok(Err(NotCounted::TimeUp));
            }
            let bucket = doc! {"$floor": {"$divide": [format!("${AT}"), counter.width()]}};
            let pipeline = [
                doc! {"$match": query.within(stretch)},
                doc! {"$group": {"_id": {"bucket": bucket, "level": "$log_level"}, "count": {"$sum": 1_i64}}},
            ];
            let events = self.connection.events();
            let answer = self.connection.raw(ATTEMPT, time_left + ANSWER_TIME_MAX, || async {
                let mut cursor = events.aggregate(pipeline.clone()).max_time(time_left.max(ONE_MILLISECOND)).await?;
                let mut counts = Vec::new();
                while cursor.advance().await? {
                    let group: Document = cursor.deserialize_current()?;
                    counts.push(group);
                }
                Ok(counts)
            });
            match answer.await? {
                Ok(counts) => found.extend(counts),
                Err(error) if is_time_up(&error) => return Ok(Err(NotCounted::TimeUp)),
                Err(error) if Connection::is_refusal(&error) => return Ok(Err(NotCounted::Refused(error))),
                Err(error) => return Err(store_error(ATTEMPT, error)),
            }
        }
        for group in found {
            let Ok(key) = group.get_document("_id") else { continue };
            let number = |value: Option<&Bson>| match value {
                Some(Bson::Int32(value)) => i64::from(*value),
                Some(Bson::Int64(value)) => *value,
                Some(Bson::Double(value)) => *value as i64,
                _ => -1,
            };
            let time = number(key.get("bucket")).saturating_mul(counter.width());
            counter.add(time, number(key.get("level")), number(group.get("count")) as u64);
        }
        Ok(Ok(()))
    }

    async fn by_reading(&self, query: &Query, criteria: &Criteria, counter: &mut Counter) -> Result<bool, StoreError> {
        let range = Range::new(criteria, Order::Descending, None, None);
        let mut seen = 0_u64;
        for stretch in range.stretches() {
            let time_left = self.deadline.saturating_duration_since(Instant::now()).max(ONE_MILLISECOND);
            let events = self.connection.events();
            let open = || {
                let find = events.find(query.within(stretch.clone())).sort(range.sort());
                find.max_time(time_left).into_future()
            };
            let mut cursor: mongodb::Cursor<RawDocumentBuf> =
                match self.connection.raw(ATTEMPT, time_left + ANSWER_TIME_MAX, open).await? {
                    Ok(cursor) => cursor,
                    Err(error) if is_time_up(&error) => return Ok(false),
                    Err(error) => return Err(store_error(ATTEMPT, error)),
                };
            loop {
                match cursor.advance().await {
                    Ok(true) => {}
                    Ok(false) => break,
                    Err(error) if is_time_up(&error) => return Ok(false),
                    Err(error) => return Err(store_error(ATTEMPT, error)),
                }
                let event = document::read(cursor.current(), self.clock);
                if criteria.matches(&event) {
                    counter.add(event.time, event.event["log_level"].as_i64().unwrap_or(-1), 1);
                }
                seen += 1;
                if seen.is_multiple_of(EVENTS_BETWEEN_LOOKS) {
                    tokio::task::consume_budget().await;
                    if Instant::now() >= self.deadline {
                        return Ok(false);
                    }
                }
            }
        }
        Ok(true)
    }
}

const ONE_MILLISECOND: Duration = Duration::from_millis(1);
