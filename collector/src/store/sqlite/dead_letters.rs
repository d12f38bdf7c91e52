//! What cannot be stored as an event: kept with its reason, so that nothing is dropped silently.

use rusqlite::{Connection, OptionalExtension as _, Row, params};
use serde_json::Value;

use crate::store::{DeadLetter, StoredDeadLetter};

/// Inserts letters. A letter that comes again, because its batch was sent again, is only counted.
pub(super) fn insert(connection: &Connection, letters: &[DeadLetter]) -> rusqlite::Result<()> {
    let mut statement = connection.prepare_cached(
        "INSERT INTO dead_letter(key, received, times, reason, detail, origin, id, bytes) VALUES (?, ?, 1, ?, ?, ?, ?, ?) \
         ON CONFLICT(key) DO UPDATE SET times = times + 1",
    )?;
    for letter in letters {
        let origin = letter.origin.to_string();
        statement.execute(params![
            letter.key(&origin),
            letter.received,
            letter.reason,
            letter.detail,
            origin,
            letter.id,
            letter.bytes,
        ])?;
    }
    Ok(())
}

/// The latest letters before a number of arrival.
pub(super) fn list(
    connection: &Connection,
    before: Option<i64>,
    limit: usize,
) -> rusqlite::Result<Vec<StoredDeadLetter>> {
    let mut statement = connection.prepare_cached(
        "SELECT seq, received, times, reason, detail, origin, id, bytes FROM dead_letter WHERE seq < ? \
         ORDER BY seq DESC LIMIT ?",
    )?;
    let rows = statement.query_map(params![before.unwrap_or(i64::MAX), limit as i64], read)?;
    rows.collect()
}

/// One letter.
pub(super) fn get(connection: &Connection, seq: i64) -> rusqlite::Result<Option<StoredDeadLetter>> {
    let sql = "SELECT seq, received, times, reason, detail, origin, id, bytes FROM dead_letter WHERE seq = ?";
    connection.prepare_cached(sql)?.query_row([seq], read).optional()
}

/// Removes a letter; says whether there was one.
pub(super) fn remove(connection: &Connection, seq: i64) -> rusqlite::Result<bool> {
    Ok(connection.prepare_cached("DELETE FROM dead_letter WHERE seq = ?")?.execute([seq])? > 0)
}

fn read(row: &Row<'_>) -> rusqlite::Result<StoredDeadLetter> {
    let origin: String = row.get(5)?;
    Ok(StoredDeadLetter {
        seq: row.get(0)?,
        received: row.get(1)?,
        times: row.get::<_, i64>(2)? as u64,
        reason: row.get(3)?,
        detail: row.get(4)?,
        origin: serde_json::from_str(&origin).unwrap_or(Value::String(origin)),
        id: row.get(6)?,
        bytes: row.get(7)?,
    })
}
