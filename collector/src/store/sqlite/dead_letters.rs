//! What cannot be stored as an event: kept with its reason, so that nothing is dropped silently.

use rusqlite::{Connection, Row, params};
use serde_json::Value;
use xxhash_rust::xxh3::Xxh3;

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
            key(letter, &origin),
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

fn key(letter: &DeadLetter, origin: &str) -> [u8; 16] {
    let mut hash = Xxh3::new();
    for part in [letter.reason.as_bytes(), origin.as_bytes(), &letter.bytes] {
        hash.update(&(part.len() as u64).to_le_bytes());
        hash.update(part);
    }
    hash.digest128().to_le_bytes()
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
