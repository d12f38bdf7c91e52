//! Rows beside the events.

use rusqlite::{Connection, OptionalExtension as _, params};

use crate::store::{Row, RowChange, RowContent, RowExpect};

const COLUMNS: &str = "key, version, due, json";

/// Makes changes; says of each whether it was made.
pub(super) fn change(connection: &Connection, changes: &[RowChange]) -> rusqlite::Result<Vec<bool>> {
    changes.iter().map(|change| change_one(connection, change)).collect()
}

fn change_one(connection: &Connection, change: &RowChange) -> rusqlite::Result<bool> {
    let RowChange { kind, key, expect, put } = change;
    let changed = match (put, expect) {
        (Some(RowContent { due, json }), RowExpect::Anything) => {
            let sql = "INSERT INTO row(kind, key, version, due, json) VALUES (?, ?, 1, ?, ?) ON CONFLICT(kind, key) \
                       DO UPDATE SET version = version + 1, due = excluded.due, json = excluded.json";
            connection.prepare_cached(sql)?.execute(params![kind, key, due, json])?
        }
        (Some(RowContent { due, json }), RowExpect::Nothing) => {
            let sql = "INSERT INTO row(kind, key, version, due, json) VALUES (?, ?, 1, ?, ?) ON CONFLICT DO NOTHING";
            connection.prepare_cached(sql)?.execute(params![kind, key, due, json])?
        }
        (Some(RowContent { due, json }), RowExpect::Version(version)) => {
            let sql =
                "UPDATE row SET version = version + 1, due = ?, json = ? WHERE kind = ? AND key = ? AND version = ?";
            connection.prepare_cached(sql)?.execute(params![due, json, kind, key, version])?
        }
        (None, RowExpect::Version(version)) => {
            let sql = "DELETE FROM row WHERE kind = ? AND key = ? AND version = ?";
            connection.prepare_cached(sql)?.execute(params![kind, key, version])?
        }
        (None, _) => {
            connection.prepare_cached("DELETE FROM row WHERE kind = ? AND key = ?")?.execute(params![kind, key])?
        }
    };
    Ok(changed > 0)
}

/// The row of a key.
pub(super) fn get(connection: &Connection, kind: &str, key: &str) -> rusqlite::Result<Option<Row>> {
    let sql = format!("SELECT {COLUMNS} FROM row WHERE kind = ? AND key = ?");
    connection.prepare_cached(&sql)?.query_row([kind, key], read).optional()
}

/// Rows in the order of their keys.
pub(super) fn list(
    connection: &Connection,
    kind: &str,
    after: Option<&str>,
    limit: usize,
) -> rusqlite::Result<Vec<Row>> {
    // No key is empty, so all follow it.
    let sql = format!("SELECT {COLUMNS} FROM row WHERE kind = ? AND key > ? ORDER BY key LIMIT ?");
    let mut statement = connection.prepare_cached(&sql)?;
    let rows = statement.query_map(params![kind, after.unwrap_or_default(), limit as i64], read)?;
    rows.collect()
}

/// Rows that are due.
pub(super) fn due(connection: &Connection, kind: &str, at: i64, limit: usize) -> rusqlite::Result<Vec<Row>> {
    let sql = format!("SELECT {COLUMNS} FROM row WHERE kind = ? AND due <= ? ORDER BY due, key LIMIT ?");
    let mut statement = connection.prepare_cached(&sql)?;
    let rows = statement.query_map(params![kind, at, limit as i64], read)?;
    rows.collect()
}

fn read(row: &rusqlite::Row<'_>) -> rusqlite::Result<Row> {
    Ok(Row { key: row.get(0)?, version: row.get(1)?, due: row.get(2)?, json: row.get(3)? })
}
