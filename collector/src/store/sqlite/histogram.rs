//! Counts events over time and levels.
//!
//! Without a filter and without text each bucket is a count on the index of levels and times. Otherwise the rows are read,
//! newest first, until time is up.

use std::time::Instant;

use labtrail_shared::level::LogLevel;
use rusqlite::{Row, params, params_from_iter, types::Value as SqlValue};

use super::{
    conditions::{Conditions, Index, order_by, prepare_along},
    pool::{Reader, is_interrupted},
    row::{self, COLUMNS},
    text, words,
};
use crate::store::{Histogram, HistogramRequest, Order, counter::Counter};

/// Rows between two looks at the clock.
const ROWS_BETWEEN_LOOKS: u64 = 256;

pub(super) fn histogram(reader: &Reader, request: &HistogramRequest) -> rusqlite::Result<Histogram> {
    let deadline = Instant::now() + request.time_max;
    let (from, to) = range(reader, request)?;
    let mut criteria = request.criteria.clone();
    (criteria.from, criteria.to) = (Some(from), Some(to));
    let request = HistogramRequest { criteria, ..request.clone() };
    let mut counter = Counter::new(from, to, request.buckets);
    let criteria = &request.criteria;
    reader.alarm.set(deadline);
    let outcome = if criteria.filter.is_none() && criteria.text.is_none() && criteria.archived.is_none() {
        by_index(reader, &request, (from, to), &mut counter)
    } else {
        by_rows(reader, &request, deadline, &mut counter)
    };
    reader.alarm.clear();
    let complete = match outcome {
        Ok(complete) => complete,
        Err(error) if is_interrupted(&error) => false,
        Err(error) => return Err(error),
    };
    Ok(counter.into_histogram(from, to, complete))
}

/// The range asked for, and where it is open that of all events.
fn range(reader: &Reader, request: &HistogramRequest) -> rusqlite::Result<(i64, i64)> {
    let end = |function: &str| {
        let sql = format!("SELECT {function}(time) FROM event");
        reader.connection.prepare_cached(&sql)?.query_row([], |row| row.get::<_, Option<i64>>(0))
    };
    let from = match request.criteria.from {
        Some(from) => from,
        None => end("min")?.unwrap_or(request.criteria.to.unwrap_or(0)),
    };
    let to = match request.criteria.to {
        Some(to) => to,
        None => end("max")?.map_or(from, |last| last.saturating_add(1)),
    };
    Ok((from, to.max(from)))
}

fn by_index(
    reader: &Reader,
    request: &HistogramRequest,
    (from, to): (i64, i64),
    counter: &mut Counter,
) -> rusqlite::Result<bool> {
    let mut count = reader.connection.prepare_cached(
        "SELECT count(*) FROM event INDEXED BY event_level_time WHERE level = ? AND time >= ? AND time < ?",
    )?;
    for level in LogLevel::ALL.iter().filter(|level| request.criteria.level_min.is_none_or(|least| **level >= least)) {
        let level = i64::from(level.number());
        let mut begin = from;
        while begin < to {
            let end = (begin.div_euclid(counter.width()) * counter.width()).saturating_add(counter.width()).min(to);
            let found: i64 = count.query_row(params![level, begin, end], |row| row.get(0))?;
            counter.add(begin, level, found as u64);
            begin = end;
        }
    }
    Ok(true)
}

fn by_rows(
    reader: &Reader,
    request: &HistogramRequest,
    deadline: Instant,
    counter: &mut Counter,
) -> rusqlite::Result<bool> {
    let criteria = &request.criteria;
    let (conditions, residual) = Conditions::of(criteria);
    let is_text_exact = criteria.text.as_ref().is_none_or(words::is_exact);
    let is_decided_by_sql = residual.is_none() && is_text_exact;
    let columns = if is_decided_by_sql { "time, level" } else { COLUMNS };
    let mut rows_read = 0_u64;
    let mut take = |row: &Row<'_>| -> rusqlite::Result<bool> {
        if is_decided_by_sql {
            counter.add(row.get(0)?, row.get(1)?, 1);
        } else {
            let event = row::read(row)?;
            if criteria.matches(&event) {
                counter.add(event.time, row.get(4)?, 1);
            }
        }
        rows_read += 1;
        Ok(!rows_read.is_multiple_of(ROWS_BETWEEN_LOOKS) || Instant::now() < deadline)
    };
    if let Some(text) = &criteria.text {
        let Some(hits) = text::hits_until(reader, text, deadline)? else { return Ok(false) };
        let sql = format!("SELECT {columns} FROM event WHERE seq = ? AND {}", conditions.sql());
        let mut statement = reader.connection.prepare_cached(&sql)?;
        let mut params = vec![SqlValue::Null];
        params.extend_from_slice(conditions.params());
        // The latest arrivals first: if time is up, the distribution is right where people look.
        for seq in hits.into_iter().rev() {
            params[0] = SqlValue::Integer(seq);
            let mut rows = statement.query(params_from_iter(&params))?;
            if let Some(row) = rows.next()?
                && !take(row)?
            {
                return Ok(false);
            }
        }
        return Ok(true);
    }
    let order = order_by(Order::Descending);
    let mut statement = prepare_along(&reader.connection, Index::of(criteria), |indexed_by| {
        format!("SELECT {columns} FROM event {indexed_by} WHERE {} {order}", conditions.sql())
    })?;
    let mut rows = statement.query(params_from_iter(conditions.params()))?;
    while let Some(row) = rows.next()? {
        if !take(row)? {
            return Ok(false);
        }
    }
    Ok(true)
}
