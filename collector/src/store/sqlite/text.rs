//! Free text: which of two ways is quicker, and the way through the index of words.
//!
//! A frequent word is soon found among the newest rows; a rare one only through the index. The index lists arrivals
//! (`seq`), and the order asked for is that of time. Mostly they agree, but what was read in bulk from an old file came
//! late. So the hits are sorted by the stretch of arrivals that they lie in, and stretches are looked through in the order
//! of the latest time in them, until the page is full and no stretch that is left can hold anything later.

use std::time::Instant;

use labtrail_shared::text_query::TextQuery;
use rusqlite::{OptionalExtension as _, params_from_iter, types::Value as SqlValue};

use super::{
    pool::{Reader, is_interrupted},
    row::{self, COLUMNS},
    schema::STRETCH_LENGTH,
    search::{End, Walk},
    words::{hits, is_exact},
};
use crate::store::{Order, Position};

/// What reading a row and cutting its text costs, and what a hit of the index costs. Only their relation matters.
const ROW_MICROS: f64 = 3.0;
const HIT_MICROS: f64 = 0.3;
const INDEX_MICROS: f64 = 500.0;

/// How many quarters of the time the index may take; the rest is for going on without it, should it find too much.
const INDEX_QUARTERS: u32 = 3;

/// Fills the page by whichever way is quicker.
pub(super) fn search(walk: &mut Walk<'_>, events: u64) -> rusqlite::Result<End> {
    let deadline = walk.deadline;
    let end = walk.walk(None, Some(deadline), |walk| is_walking_quicker(walk, events))?;
    if end != End::Abandoned {
        return Ok(end);
    }
    let Some(text) = &walk.search.criteria.text else { return Ok(end) };
    let rest = deadline.saturating_duration_since(Instant::now());
    walk.reader.alarm.set(Instant::now() + rest / 4 * INDEX_QUARTERS);
    let hits = hits(walk.reader, text);
    walk.reader.alarm.clear();
    match hits {
        Ok(hits) => through_hits(walk, &hits),
        Err(error) if is_interrupted(&error) => walk.windows(),
        Err(error) => Err(error),
    }
}

/// Guesses from what was found so far.
fn is_walking_quicker(walk: &Walk<'_>, events: u64) -> bool {
    let (scanned, found) = (walk.scanned as f64, walk.found.len() as f64);
    let missing = walk.wanted as f64 - found;
    let walking = missing * scanned / found.max(0.5) * ROW_MICROS;
    let index = INDEX_MICROS + events as f64 * (found + 1.0) / scanned * HIT_MICROS;
    walking <= index
}

/// Hits that lie in one stretch of arrivals.
struct Stretch<'a> {
    hits: &'a [i64],
    /// Nothing in it comes before this time, in the order asked for.
    bound: i64,
}

/// An event found, not yet read.
type Candidate = (i64, String, i64);

fn through_hits(walk: &mut Walk<'_>, hits: &[i64]) -> rusqlite::Result<End> {
    let order = walk.search.order;
    let conditions = walk.conditions.clone().after(walk.position.as_ref(), order);
    let sql = format!("SELECT {COLUMNS} FROM event WHERE seq = ? AND {}", conditions.sql());
    let mut lookup = walk.reader.connection.prepare_cached(&sql)?;
    let mut params = vec![SqlValue::Null];
    params.extend_from_slice(conditions.params());
    let text = walk.search.criteria.text.as_ref().filter(|text| !is_exact(text));
    let is_decided_by_sql = walk.residual.is_none() && text.is_none();
    let missing = walk.wanted - walk.found.len() + (walk.search.offset - walk.skipped);
    let mut best: Vec<Candidate> = Vec::new();
    let mut open_bound = None;
    for stretch in stretches(walk, hits)? {
        let is_settled = best.len() >= missing
            && best.last().is_some_and(|(time, ..)| match order {
                Order::Descending => *time > stretch.bound,
                Order::Ascending => *time < stretch.bound,
            });
        if is_settled {
            break;
        }
        if Instant::now() >= walk.deadline {
            open_bound = Some(stretch.bound);
            break;
        }
        for seq in stretch.hits {
            params[0] = SqlValue::Integer(*seq);
            walk.scanned += 1;
            let candidate = lookup
                .query_row(params_from_iter(&params), |row| {
                    let is_meant = is_decided_by_sql || {
                        let event = row::read(row)?;
                        walk.residual.is_none_or(|filter| filter.matches(&event.event))
                            && text.is_none_or(|text| text.matches(&event.event["event_data"]))
                    };
                    is_meant.then(|| Ok((row.get(2)?, row.get(1)?, *seq))).transpose()
                })
                .optional()?;
            best.extend(candidate.flatten());
        }
        best.sort_unstable();
        if order == Order::Descending {
            best.reverse();
        }
        best.truncate(missing);
    }
    if let Some(bound) = open_bound {
        // What lies before the bound is certain; the rest may have others before it.
        best.retain(|(time, ..)| match order {
            Order::Descending => *time > bound,
            Order::Ascending => *time < bound,
        });
    }
    let is_full = open_bound.is_none() && best.len() >= missing;
    let skip = walk.search.offset - walk.skipped;
    for (.., seq) in best.into_iter().skip(skip) {
        let sql = format!("SELECT {COLUMNS} FROM event WHERE seq = ?");
        walk.found.push(walk.reader.connection.prepare_cached(&sql)?.query_row([seq], row::read)?);
    }
    Ok(match open_bound {
        Some(bound) => {
            walk.position = Some(match order {
                Order::Descending => Position { time: bound.saturating_add(1), id: String::new() },
                Order::Ascending => Position { time: bound.saturating_sub(1), id: GREATEST_ID.to_owned() },
            });
            End::Interrupted
        }
        None if is_full => End::Full,
        None => End::Exhausted,
    })
}

/// Comes after every id: no other text begins with this character.
const GREATEST_ID: &str = "\u{10FFFF}";

/// The stretches that the hits lie in and that reach into the range asked for, the one with the latest time first (or
/// earliest, if that is the order).
fn stretches<'h>(walk: &Walk<'_>, hits: &'h [i64]) -> rusqlite::Result<Vec<Stretch<'h>>> {
    let mut bounds =
        walk.reader.connection.prepare_cached("SELECT time_min, time_max FROM stretch WHERE number = ?")?;
    let criteria = &walk.search.criteria;
    let order = walk.search.order;
    let mut stretches = Vec::new();
    for hits in hits.chunk_by(|a, b| a / STRETCH_LENGTH == b / STRETCH_LENGTH) {
        let number = hits[0] / STRETCH_LENGTH;
        let (earliest, latest): (i64, i64) = bounds.query_row([number], |row| Ok((row.get(0)?, row.get(1)?)))?;
        let is_before = criteria.from.is_some_and(|from| latest < from)
            || order == Order::Ascending && walk.position.as_ref().is_some_and(|position| latest < position.time);
        let is_behind = criteria.to.is_some_and(|to| earliest >= to)
            || order == Order::Descending && walk.position.as_ref().is_some_and(|position| earliest > position.time);
        if is_before || is_behind {
            continue;
        }
        let bound = if order == Order::Descending { latest } else { earliest };
        stretches.push(Stretch { hits, bound });
    }
    stretches.sort_by_key(|stretch| stretch.bound);
    if order == Order::Descending {
        stretches.reverse();
    }
    Ok(stretches)
}

/// The hits, unless they cannot be read in time.
pub(super) fn hits_until(reader: &Reader, text: &TextQuery, deadline: Instant) -> rusqlite::Result<Option<Vec<i64>>> {
    reader.alarm.set(deadline);
    let hits = hits(reader, text);
    reader.alarm.clear();
    match hits {
        Ok(hits) => Ok(Some(hits)),
        Err(error) if is_interrupted(&error) => Ok(None),
        Err(error) => Err(error),
    }
}
