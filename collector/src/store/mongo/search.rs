//! Lists events in the order of time.
//!
//! A plain search follows an index until the page is full. A question that finds little in much would keep the server for
//! minutes, so it has half of the time, and then the question is asked again in windows of so many events, each of which
//! surely ends; whatever happens, a place is known from which the next page can go on. What the server cannot decide (free
//! text, some rare parts of filters) is decided here, over the events as they come, newest first.

use std::time::{Duration, Instant};

use mongodb::{
    Cursor,
    bson::{Document, RawDocument, RawDocumentBuf, doc},
    error::Error,
};
use tracing::debug;

use super::{
    connection::Connection,
    document::{self, Clock},
    error::{Trouble, is_time_up, store_error},
    query::{AT, Query, Range},
};
use crate::store::{Page, Position, Search, StoreError, StoredEvent, event_store::PAGE_BYTES_MAX};

const ATTEMPT: &str = "search events";

/// The part of the time that the plain question may take before windows are used.
const PLAIN_PART: u32 = 2;

/// Windows begin with so many events, and grow while they are quick.
const WINDOW_EVENTS: u64 = 2000;
const WINDOW_TIME: Duration = Duration::from_millis(50);

/// Events between two looks at the clock.
const EVENTS_BETWEEN_LOOKS: u64 = 64;

/// Events that come in one message.
const BATCH_EVENTS: usize = 1000;

/// What a window may take at most; it is short, unless the server is in trouble.
const WINDOW_TIME_MAX: Duration = Duration::from_secs(20);

/// The next events of a cursor take no longer, unless the server is frozen.
const ADVANCE_TIME_MAX: Duration = Duration::from_secs(30);

/// Why reading ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    /// There are no more.
    Exhausted,
    /// The page is full.
    Full,
    /// Time is up.
    Interrupted,
}

/// Answers a search among the events that have a place in the order.
pub(super) async fn search(connection: &Connection, clock: &Clock, search: &Search) -> Result<Page, StoreError> {
    if search.limit == 0 {
        return Ok(Page { items: Vec::new(), next: None, complete: true, scanned: 0 });
    }
    let start = Instant::now();
    let mut walk = Walk {
        connection,
        clock,
        search,
        query: Query::of(&search.criteria),
        position: search.after.clone(),
        wanted: search.limit.saturating_add(1),
        found: Vec::new(),
        bytes: 0,
        skipped: 0,
        scanned: 0,
        deadline: start + search.time_max,
    };
    let end = walk.run(start).await?;
    Ok(walk.into_page(end))
}

/// A search under way.
struct Walk<'a> {
    connection: &'a Connection,
    clock: &'a Clock,
    search: &'a Search,
    query: Query,
    /// All that lies before is settled.
    position: Option<Position>,
    /// One more than the page holds, to know whether another follows.
    wanted: usize,
    found: Vec<StoredEvent>,
    /// How many bytes they have, as documents.
    bytes: usize,
    skipped: usize,
    scanned: u64,
    deadline: Instant,
}

impl Walk<'_> {
    async fn run(&mut self, start: Instant) -> Result<End, StoreError> {
        if self.skip_offset().await? {
            return Ok(End::Exhausted);
        }
        // Free text asks so little of the server that the windows would not be quicker.
        let part = if self.search.criteria.text.is_some() { 1 } else { PLAIN_PART };
        let begin = self.position.clone();
        match self.read(None, Some(start + self.search.time_max / part)).await? {
            End::Interrupted if self.position != begin && Instant::now() >= self.deadline => Ok(End::Interrupted),
            End::Interrupted => self.windows().await,
            end => Ok(end),
        }
    }

    /// Leaves out what is only counted, if the server alone decides. Says whether nothing is left.
    async fn skip_offset(&mut self) -> Result<bool, StoreError> {
        if self.search.offset == 0 || !self.query.exact || self.position.is_some() {
            return Ok(false);
        }
        let range = self.range(None);
        let [stretch] = &range.stretches()[..] else { return Ok(false) };
        let query = self.query.within(stretch.clone());
        match self.position_at(&query, &range, self.search.offset as u64 - 1, Some(self.deadline)).await {
            Ok(Ok(Some(position))) => {
                self.position = Some(position);
                self.skipped = self.search.offset;
                Ok(false)
            }
            Ok(Ok(None)) => Ok(true),
            // Then each event is read; the time decides how far.
            Ok(Err(_)) => Ok(false),
            Err(error) => Err(error),
        }
    }

    fn range(&self, up_to: Option<&Position>) -> Range {
        Range::new(&self.search.criteria, self.search.order, self.position.as_ref(), up_to)
    }

    /// Goes on in windows until the deadline, but through one at least: an answer must be able to say where to go on,
    /// however slow the machine is.
    async fn windows(&mut self) -> Result<End, StoreError> {
        let mut length = WINDOW_EVENTS;
        loop {
            let start = Instant::now();
            let window_end = self.window_end(length).await?;
            match self.read(window_end.as_ref(), None).await? {
                End::Exhausted if window_end.is_some() => {
                    self.position = window_end;
                    self.scanned += length;
                }
                end => return Ok(end),
            }
            if Instant::now() >= self.deadline {
                return Ok(End::Interrupted);
            }
            if start.elapsed() < WINDOW_TIME {
                length *= 2;
            }
        }
    }

    /// The place of the event that so many precede; none if there are fewer. The index alone answers.
    async fn window_end(&self, length: u64) -> Result<Option<Position>, StoreError> {
        let range = self.range(None);
        for stretch in range.stretches() {
            let position = self.position_at(&stretch, &range, length, None).await?;
            let position = position.map_err(|error| store_error(ATTEMPT, error))?;
            if position.is_some() {
                return Ok(position);
            }
        }
        Ok(None)
    }

    async fn position_at(
        &self,
        query: &Document,
        range: &Range,
        offset: u64,
        until: Option<Instant>,
    ) -> Result<Result<Option<Position>, Error>, StoreError> {
        let events = self.connection.events();
        let found = self.connection.raw(ATTEMPT, WINDOW_TIME_MAX, || {
            let find = events.find_one(query.clone()).sort(range.sort()).skip(offset);
            find.projection(doc! {"_id": 1, AT: 1}).max_time(time_left(until)).into_future()
        });
        Ok(found.await?.map(|found| found.as_deref().map(position)))
    }

    /// Reads events from the position on: to a place or to the end, until an instant.
    async fn read(&mut self, up_to: Option<&Position>, until: Option<Instant>) -> Result<End, StoreError> {
        let range = self.range(up_to);
        for stretch in range.stretches() {
            let mut cursor = match self.open(&range, &stretch, until).await? {
                Ok(cursor) => cursor,
                Err(error) if is_time_up(&error) => return Ok(End::Interrupted),
                Err(error) if Connection::is_refusal(&error) && self.query.filters() => {
                    debug!(
                        error = &error as &dyn std::error::Error,
                        "the database refuses a filter; looking without it"
                    );
                    self.query = Query::without_filter(&self.search.criteria);
                    let cursor = self.open(&range, &stretch, until).await?;
                    match cursor {
                        Ok(cursor) => cursor,
                        Err(error) if is_time_up(&error) => return Ok(End::Interrupted),
                        Err(error) => return Err(store_error(ATTEMPT, error)),
                    }
                }
                Err(error) => return Err(store_error(ATTEMPT, error)),
            };
            let mut last = None;
            loop {
                let Ok(advanced) = tokio::time::timeout(ADVANCE_TIME_MAX, cursor.advance()).await else {
                    return Err(Trouble::Silent(ADVANCE_TIME_MAX.as_secs()).passing(ATTEMPT));
                };
                match advanced {
                    Ok(true) => {}
                    Ok(false) => break,
                    Err(error) if is_time_up(&error) => {
                        self.position = last.or_else(|| self.position.take());
                        return Ok(End::Interrupted);
                    }
                    Err(error) => return Err(store_error(ATTEMPT, error)),
                }
                let bytes = cursor.current().as_bytes().len();
                let event = document::read(cursor.current(), self.clock);
                last = Some(event.position());
                self.scanned += 1;
                if self.search.criteria.matches(&event) {
                    if self.skipped < self.search.offset {
                        self.skipped += 1;
                    } else {
                        self.bytes += bytes;
                        self.found.push(event);
                    }
                    if self.found.len() >= self.wanted || self.bytes > PAGE_BYTES_MAX {
                        return Ok(End::Full);
                    }
                }
                if self.scanned.is_multiple_of(EVENTS_BETWEEN_LOOKS) {
                    // Each takes some microseconds, and others wait for this thread.
                    tokio::task::yield_now().await;
                    if until.is_some_and(|until| Instant::now() >= until) {
                        self.position = last;
                        return Ok(End::Interrupted);
                    }
                }
            }
            self.position = last.or_else(|| self.position.take());
        }
        Ok(End::Exhausted)
    }

    async fn open(
        &self,
        range: &Range,
        stretch: &Document,
        until: Option<Instant>,
    ) -> Result<Result<Cursor<RawDocumentBuf>, Error>, StoreError> {
        let events = self.connection.events();
        let query = self.query.within(stretch.clone());
        let wanted = self.wanted - self.found.len() + self.search.offset - self.skipped;
        let open = || {
            let mut find = events.find(query.clone()).sort(range.sort()).max_time(time_left(until));
            if self.query.exact {
                find = find.limit(wanted as i64);
            }
            find.batch_size(wanted.clamp(1, BATCH_EVENTS) as u32).into_future()
        };
        self.connection.raw(ATTEMPT, self.search.time_max + WINDOW_TIME_MAX, open).await
    }

    fn into_page(mut self, end: End) -> Page {
        let complete = matches!(end, End::Exhausted | End::Full);
        let is_cut = self.found.len() > self.search.limit || self.bytes > PAGE_BYTES_MAX;
        let next = if is_cut {
            self.found.truncate(self.search.limit);
            self.found.last().map(StoredEvent::position)
        } else if complete {
            None
        } else {
            self.position
        };
        Page { items: self.found, next, complete, scanned: self.scanned }
    }
}

/// What the server is told. It takes 0 for "as long as it takes".
fn time_left(until: Option<Instant>) -> Duration {
    let left = until.map_or(WINDOW_TIME_MAX, |until| until.saturating_duration_since(Instant::now()));
    left.max(Duration::from_millis(1))
}

/// The place of a document that has one.
pub(super) fn position(document: &RawDocument) -> Position {
    let ours = document.get_document("_labtrail");
    Position {
        time: ours.and_then(|ours| ours.get_i64("at")).unwrap_or_default(),
        id: document.get_str("_id").unwrap_or_default().to_owned(),
    }
}
