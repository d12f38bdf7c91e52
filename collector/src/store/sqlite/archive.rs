//! What is put aside, and what is deleted for good.

use rusqlite::{Connection, params};

use super::row::{self, COLUMNS};
use crate::store::{Archive, Archived, Position, StoredEvent, event_store::archived_text};

/// Puts events aside.
pub(super) fn archive(connection: &Connection, which: &Archive, at: i64) -> rusqlite::Result<Archived> {
    let text = archived_text(at);
    let mut archived = Archived::default();
    match which {
        Archive::Ids(ids) => {
            let sql = "UPDATE event SET archived = 1, archived_at = ?, archived_time = ? WHERE id = ? AND archived = 0";
            let mut update = connection.prepare_cached(sql)?;
            for id in ids {
                archived.count += update.execute(params![text, at, id])? as u64;
            }
        }
        Archive::Before { instant, after, limit } => {
            let (time, id) = after.as_ref().map_or((i64::MIN, ""), |after| (after.time, after.id.as_str()));
            let sql = "SELECT seq, time, id FROM event INDEXED BY event_time WHERE time < ? AND (time, id) > (?, ?) \
                       AND archived = 0 ORDER BY time, id LIMIT ?";
            let mut select = connection.prepare_cached(sql)?;
            let sql = "UPDATE event SET archived = 1, archived_at = ?, archived_time = ? WHERE seq = ?";
            let mut update = connection.prepare_cached(sql)?;
            let found = select.query_map(params![instant, time, id, *limit as i64], |row| {
                Ok((row.get::<_, i64>(0)?, Position { time: row.get(1)?, id: row.get(2)? }))
            })?;
            let found: Vec<(i64, Position)> = found.collect::<Result<_, _>>()?;
            for (seq, _) in &found {
                archived.count += update.execute(params![text, at, seq])? as u64;
            }
            if found.len() >= *limit {
                archived.next = found.into_iter().next_back().map(|(_, position)| position);
            }
        }
    }
    Ok(archived)
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
