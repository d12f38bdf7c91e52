//! Lists events in the order of time.
//!
//! A plain search follows an index until the page is full. A question that finds little in much would keep a reader for
//! minutes, so it is interrupted after a while and asked again in windows of time, each of which surely ends; whatever
//! happens, a place is known from which the next page can go on. Free text is looked for in the newest rows first, because
//! a frequent word is soon found there, and then through the index of words (see `text`).

use std::time::{Duration, Instant};

use labtrail_shared::filter::Filter;
use rusqlite::{OptionalExtension as _, Statement, params_from_iter};

use super::{
    conditions::{Conditions, Index, order_by, prepare_along},
    pool::{Reader, is_interrupted},
    row::{self, COLUMNS, DATA_COLUMN},
    text,
};
use crate::store::{Order, Page, Position, Search, StoredEvent, event_store::PAGE_BYTES_MAX};

/// The part of the time that the plain question may take before windows are used.
const PLAIN_PART: u32 = 4;

/// Windows begin with so many events, and grow while they are quick.
const WINDOW_EVENTS: u64 = 10_000;
const WINDOW_TIME: Duration = Duration::from_millis(50);

/// Rows between two thoughts on whether it is worth going on.
const ROWS_BETWEEN_THOUGHTS: u64 = 256;

/// Why reading rows ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    /// There are no more.
    Exhausted,
    /// The page is full.
    Full,
    /// Time is up.
    Interrupted,
    /// There is a better way.
    Abandoned,
}

/// A search under way.
pub(super) struct Walk<'a> {
    pub(super) reader: &'a Reader,
    pub(super) search: &'a Search,
    pub(super) conditions: Conditions,
    pub(super) residual: Option<&'a Filter>,
    /// All that lies before is settled.
    pub(super) position: Option<Position>,
    /// One more than the page holds, to know whether another follows.
    pub(super) wanted: usize,
    pub(super) found: Vec<StoredEvent>,
    /// About how many bytes they have, as text.
    pub(super) bytes: usize,
    pub(super) skipped: usize,
    pub(super) scanned: u64,
    pub(super) deadline: Instant,
}

/// Answers a search in a store of so many events.
pub(super) fn search(reader: &Reader, search: &Search, events: u64) -> rusqlite::Result<Page> {
    let start = Instant::now();
    let (conditions, residual) = Conditions::of(&search.criteria);
    let mut walk = Walk {
        reader,
        search,
        conditions,
        residual,
        position: search.after.clone(),
        wanted: search.limit.saturating_add(1),
        found: Vec::new(),
        bytes: 0,
        skipped: 0,
        scanned: 0,
        deadline: start + search.time_max,
    };
    if search.limit == 0 {
        return Ok(Page { items: Vec::new(), next: None, complete: true, scanned: 0 });
    }
    let end = match walk.skip_offset()? {
        Some(end) => end,
        None if search.criteria.text.is_some() => text::search(&mut walk, events)?,
        None => walk.plain(start + search.time_max / PLAIN_PART)?,
    };
    Ok(walk.into_page(end))
}

impl Walk<'_> {
    fn order(&self) -> Order {
        self.search.order
    }

    /// Rows that are only counted need not be read, if SQL alone decides.
    fn skip_offset(&mut self) -> rusqlite::Result<Option<End>> {
        if self.search.offset == 0 || self.residual.is_some() || self.search.criteria.text.is_some() {
            return Ok(None);
        }
        let conditions = self.conditions.clone().after(self.position.as_ref(), self.order());
        let (index, last) = (Index::of(&self.search.criteria), self.search.offset as u64 - 1);
        self.reader.alarm.set(self.deadline);
        let last_skipped = position_at(self.reader, self.order(), index, &conditions, last);
        self.reader.alarm.clear();
        match last_skipped {
            Ok(Some(position)) => {
                self.position = Some(position);
                self.skipped = self.search.offset;
                Ok(None)
            }
            Ok(None) => Ok(Some(End::Exhausted)),
            Err(error) if is_interrupted(&error) => Ok(Some(End::Interrupted)),
            Err(error) => Err(error),
        }
    }

    fn plain(&mut self, plain_end: Instant) -> rusqlite::Result<End> {
        match self.walk(None, Some(plain_end), |_| true)? {
            End::Interrupted => self.windows(),
            end => Ok(end),
        }
    }

    /// Goes on in windows of time until the deadline, but through one at least: an answer must be able to say where to
    /// go on, however slow the machine is.
    pub(super) fn windows(&mut self) -> rusqlite::Result<End> {
        let mut length = WINDOW_EVENTS;
        loop {
            let start = Instant::now();
            let all = Conditions::default().after(self.position.as_ref(), self.order());
            let window_end = position_at(self.reader, self.order(), Index::Time, &all, length)?;
            match self.walk(window_end.as_ref(), None, |_| true)? {
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

    /// Reads rows from the position on: to a place or to the end, until an instant, as long as `is_worth_it`.
    pub(super) fn walk(
        &mut self,
        up_to: Option<&Position>,
        until: Option<Instant>,
        is_worth_it: impl Fn(&Self) -> bool,
    ) -> rusqlite::Result<End> {
        let order = self.order();
        let conditions = self.conditions.clone().after(self.position.as_ref(), order).up_to(up_to, order);
        let index = Index::of(&self.search.criteria);
        let mut statement = prepare_along(&self.reader.connection, index, |indexed_by| {
            format!("SELECT {COLUMNS} FROM event {indexed_by} WHERE {} {}", conditions.sql(), order_by(order))
        })?;
        match until {
            Some(until) => self.reader.alarm.set(until),
            None => self.reader.alarm.clear(),
        }
        let end = self.read(&mut statement, &conditions, is_worth_it);
        self.reader.alarm.clear();
        match end {
            Err(error) if is_interrupted(&error) => Ok(End::Interrupted),
            end => end,
        }
    }

    fn read(
        &mut self,
        statement: &mut Statement<'_>,
        conditions: &Conditions,
        is_worth_it: impl Fn(&Self) -> bool,
    ) -> rusqlite::Result<End> {
        let mut rows = statement.query(params_from_iter(conditions.params()))?;
        let mut last: Option<Position> = None;
        let end = loop {
            let row = match rows.next() {
                Ok(Some(row)) => row,
                Ok(None) => break Ok(End::Exhausted),
                Err(error) => break Err(error),
            };
            self.scanned += 1;
            if let Some(event) = self.accept(row)? {
                if self.skipped < self.search.offset {
                    self.skipped += 1;
                } else {
                    self.bytes += row.get_ref(DATA_COLUMN)?.as_bytes().map_or(0, <[u8]>::len);
                    self.found.push(event);
                }
                if self.found.len() >= self.wanted || self.bytes > PAGE_BYTES_MAX {
                    return Ok(End::Full);
                }
            }
            if self.scanned.is_multiple_of(ROWS_BETWEEN_THOUGHTS) {
                last = Some(Position { time: row.get(2)?, id: row.get(1)? });
                if !is_worth_it(self) {
                    break Ok(End::Abandoned);
                }
                // The machine's own clock is looked at too seldom if every row is worked on here.
                if self.reader.alarm.rings() {
                    break Ok(End::Interrupted);
                }
            }
        };
        if matches!(end, Ok(End::Interrupted | End::Abandoned) | Err(_)) {
            self.settle(last);
        }
        end
    }

    /// All rows read so far lie before the latest of the places known: where this began, a row noted, the last find.
    fn settle(&mut self, noted: Option<Position>) {
        let places = [self.position.take(), noted, self.found.last().map(StoredEvent::position)];
        let places = places.into_iter().flatten();
        self.position = match self.order() {
            Order::Descending => places.min(),
            Order::Ascending => places.max(),
        };
    }

    /// The event of a row, if it is one of those asked for. SQL has checked what it can.
    fn accept(&self, row: &rusqlite::Row<'_>) -> rusqlite::Result<Option<StoredEvent>> {
        let data = row::read_data(row)?;
        if self.search.criteria.text.as_ref().is_some_and(|text| !text.matches(&data)) {
            return Ok(None);
        }
        let event = row::read_with_data(row, data)?;
        Ok(self.residual.is_none_or(|filter| filter.matches(&event.event)).then_some(event))
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

/// The place of the row that so many precede; none if there are fewer.
fn position_at(
    reader: &Reader,
    order: Order,
    index: Index,
    conditions: &Conditions,
    offset: u64,
) -> rusqlite::Result<Option<Position>> {
    let mut statement = prepare_along(&reader.connection, index, |indexed_by| {
        let (conditions, order) = (conditions.sql(), order_by(order));
        format!("SELECT time, id FROM event {indexed_by} WHERE {conditions} {order} LIMIT 1 OFFSET {offset}")
    })?;
    statement
        .query_row(params_from_iter(conditions.params()), |row| Ok(Position { time: row.get(0)?, id: row.get(1)? }))
        .optional()
}
