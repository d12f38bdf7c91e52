//! What is put aside, and what is deleted for good.

use rusqlite::{Connection, params};

use super::row::{self, COLUMNS};
use crate::store::{Position, StoredEvent, event_store::archived_text};

/// Puts events aside; says how many were not before.
pub(super) fn archive(connection: &Connection, ids: &[String], at: i64) -> rusqlite::Result<u64> {
    let text = archived_text(at);
    let sql = "UPDATE event SET archived = 1, archived_at = ?, archived_time = ? WHERE id = ? AND archived = 0";
    let mut update = connection.prepare_cached(sql)?;
    let mut count = 0;
    for id in ids {
        count += update.execute(params![text, at, id])? as u64;
    }
    Ok(count)
}

/// Deletes events; says which arrivals they were.
pub(super) fn purge(connection: &Connection, before: i64, limit: usize) -> rusqlite::Result<Vec<i64>> {
    let sql = "DELETE FROM event WHERE seq IN (SELECT seq FROM event INDEXED BY event_archived \
               WHERE archived_time < ? ORDER BY archived_time, id LIMIT ?) RETURNING seq";
    let mut delete = connection.prepare_cached(sql)?;
    let seqs = delete.query_map(params![before, limit as i64], |row| row.get(0))?;
    seqs.collect::<Result<_, _>>()
}

/// Events that were put aside, the latest first.
pub(super) fn list(
    connection: &Connection,
    after: Option<&Position>,
    limit: usize,
) -> rusqlite::Result<Vec<(Position, StoredEvent)>> {
    // No text is greater than this one; see `words`.
    let (time, id) = after.map_or((i64::MAX, "\u{10FFFF}"), |after| (after.time, after.id.as_str()));
    let sql = format!(
        "SELECT {COLUMNS}, archived_time FROM event INDEXED BY event_archived WHERE archived_time IS NOT NULL AND \
         (archived_time, id) < (?, ?) ORDER BY archived_time DESC, id DESC LIMIT ?"
    );
    let mut statement = connection.prepare_cached(&sql)?;
    let rows = statement.query_map(params![time, id, limit as i64], |row| {
        Ok((Position { time: row.get("archived_time")?, id: row.get(1)? }, row::read(row)?))
    })?;
    rows.collect()
}

/// The instants of the first and the last event.
pub(super) fn extent(connection: &Connection) -> rusqlite::Result<Option<(i64, i64)>> {
    let end = |direction: &str| {
        let sql = format!("SELECT time FROM event INDEXED BY event_time ORDER BY time {direction} LIMIT 1");
        let mut statement = connection.prepare_cached(&sql)?;
        let mut times = statement.query_map([], |row| row.get::<_, i64>(0))?;
        times.next().transpose()
    };
    Ok(end("ASC")?.zip(end("DESC")?))
}
