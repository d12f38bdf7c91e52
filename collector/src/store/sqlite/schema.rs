//! The tables of the file, and the one place that knows their version.
//!
//! - `event`: one row an event; `seq` is its number of arrival. `source` and `event_data` are JSON text.
//! - `stretch`: for each [`STRETCH_LENGTH`] consecutive `seq` the earliest and the latest time in them. What was read
//!   in bulk from an old file has a late `seq` and early times; this table tells where to look for a time.
//! - `state`: one row with what would be dear to count, and the name by which the index of words knows its store.
//! - `row`: small rows of JSON beside the events, see `store::rows`.
//!
//! The index of words lies in a file of its own, see `words`.

use labtrail_shared::timestamp::EventTimestamp;
use rusqlite::{Connection, OptionalExtension as _, params};

use super::error::OpenError;
use crate::store::event_store::archived_instant;

/// The version this program writes. A file of a later one is refused, of an earlier one will be changed on opening.
pub(super) const VERSION: i64 = 3;

/// `LTRL`: tells a store of ours from any other `SQLite` file.
const APPLICATION_ID: i64 = 0x4C54_524C;

/// How many consecutive `seq` share a row of `stretch`: small enough to be looked through in a millisecond or two, and
/// large enough that a store of ten million events has few rows of them.
pub(super) const STRETCH_LENGTH: i64 = 4096;

/// Indexes, each for a question that must be answered at once:
/// - `event_time`: the newest events; with `level` in it, a level is refused without reading the row.
/// - `event_grave`: the newest warnings and errors, which are few among many, also of one instrument.
/// - `event_level_time`: how many events of a level lie in a range of time (the histogram).
/// - `event_node_time`, `event_type_time`: the newest events of an instrument or of a type.
/// - `event_archived`: what was put aside, by the instant of that.
const TABLES: &str = "
CREATE TABLE event(
  seq INTEGER PRIMARY KEY,
  id TEXT NOT NULL UNIQUE,
  time INTEGER NOT NULL,
  received INTEGER NOT NULL,
  level INTEGER NOT NULL,
  type TEXT NOT NULL,
  alert INTEGER NOT NULL,
  archived INTEGER NOT NULL,
  node_id TEXT,
  timestamp TEXT NOT NULL,
  source TEXT NOT NULL,
  data TEXT NOT NULL,
  trace_id TEXT,
  span_id TEXT,
  archived_at TEXT,
  hash INTEGER NOT NULL,
  archived_time INTEGER
);
CREATE INDEX event_time ON event(time, id, level);
CREATE INDEX event_grave ON event(time, id, level, node_id) WHERE level >= 30;
CREATE INDEX event_level_time ON event(level, time);
CREATE INDEX event_node_time ON event(node_id, time) WHERE node_id IS NOT NULL;
CREATE INDEX event_type_time ON event(type, time);
CREATE INDEX event_archived ON event(archived_time, id) WHERE archived_time IS NOT NULL;
CREATE TABLE stretch(number INTEGER PRIMARY KEY, time_min INTEGER NOT NULL, time_max INTEGER NOT NULL);
CREATE TABLE state(
  only INTEGER PRIMARY KEY CHECK (only = 1), events INTEGER NOT NULL, last_seq INTEGER NOT NULL, name TEXT NOT NULL
);
INSERT INTO state VALUES (1, 0, 0, lower(hex(randomblob(16))));
CREATE TABLE dead_letter(
  seq INTEGER PRIMARY KEY,
  key BLOB NOT NULL UNIQUE,
  received INTEGER NOT NULL,
  times INTEGER NOT NULL,
  reason TEXT NOT NULL,
  detail TEXT NOT NULL,
  origin TEXT NOT NULL,
  id TEXT,
  bytes BLOB NOT NULL
);
";

/// What is beside the events.
const ROWS: &str = "
CREATE TABLE row(
  kind TEXT NOT NULL, key TEXT NOT NULL, version INTEGER NOT NULL, due INTEGER, json TEXT NOT NULL, PRIMARY KEY (kind, key)
) WITHOUT ROWID;
CREATE INDEX row_due ON row(kind, due, key) WHERE due IS NOT NULL;
";

/// Sizes by which the planner chooses an index. They are written once, because what it would measure in a young file
/// is wrong in an old one, and because the same question shall be answered in the same way every day.
const SIZES: &str = "
ANALYZE;
DELETE FROM sqlite_stat1;
INSERT INTO sqlite_stat1(tbl, idx, stat) VALUES
  ('event', 'sqlite_autoindex_event_1', '1000000 1'),
  ('event', 'event_time', '1000000 2 1 1'),
  ('event', 'event_grave', '50000 2 1 1 1'),
  ('event', 'event_level_time', '1000000 250000 2'),
  ('event', 'event_node_time', '500000 20000 2'),
  ('event', 'event_type_time', '1000000 50000 2');
";

/// What the state row says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct State {
    pub(super) events: i64,
    pub(super) last_seq: i64,
}

/// From version 1 to 2: the instant at which an event was put aside.
const ARCHIVED_TIME: &str = "
ALTER TABLE event ADD COLUMN archived_time INTEGER;
CREATE INDEX event_archived ON event(archived_time, id) WHERE archived_time IS NOT NULL;
";

/// Makes the tables in a new file, or sees that those of an existing one are ours.
pub(super) fn prepare(connection: &mut Connection) -> Result<State, OpenError> {
    let number = |connection: &Connection, pragma: &str| {
        connection.query_row(&format!("PRAGMA {pragma}"), [], |row| row.get::<_, i64>(0))
    };
    let version = number(connection, "user_version").map_err(OpenError::Read)?;
    let application = number(connection, "application_id").map_err(OpenError::Read)?;
    let is_new = connection
        .query_row("SELECT 1 FROM sqlite_schema LIMIT 1", [], |_| Ok(()))
        .optional()
        .map_err(OpenError::Read)?
        .is_none();
    if is_new {
        create(connection).map_err(OpenError::Create)?;
    } else if application != APPLICATION_ID {
        return Err(OpenError::NotOurs);
    } else if version > VERSION {
        return Err(OpenError::Newer { found: version });
    } else if version < VERSION {
        update(connection, version).map_err(OpenError::Update)?;
    }
    connection
        .query_row("SELECT events, last_seq FROM state", [], |row| {
            Ok(State { events: row.get(0)?, last_seq: row.get(1)? })
        })
        .map_err(OpenError::Read)
}

fn create(connection: &mut Connection) -> rusqlite::Result<()> {
    let transaction = connection.transaction()?;
    transaction.execute_batch(TABLES)?;
    transaction.execute_batch(ROWS)?;
    transaction.execute_batch(SIZES)?;
    transaction
        .execute_batch(&format!("PRAGMA application_id = {APPLICATION_ID}; PRAGMA user_version = {VERSION};"))?;
    transaction.commit()
}

fn update(connection: &mut Connection, from: i64) -> rusqlite::Result<()> {
    let transaction = connection.transaction()?;
    if from < 2 {
        note_archived_times(&transaction)?;
    }
    transaction.execute_batch(ROWS)?;
    transaction.execute_batch(&format!("PRAGMA user_version = {VERSION};"))?;
    transaction.commit()
}

fn note_archived_times(connection: &Connection) -> rusqlite::Result<()> {
    connection.execute_batch(ARCHIVED_TIME)?;
    let mut archived = connection.prepare("SELECT seq, archived_at, received FROM event WHERE archived = 1")?;
    let mut update = connection.prepare("UPDATE event SET archived_time = ? WHERE seq = ?")?;
    let mut rows = archived.query([])?;
    while let Some(row) = rows.next()? {
        let (seq, text, received): (i64, Option<String>, i64) = (row.get(0)?, row.get(1)?, row.get(2)?);
        let at = text.and_then(|text| EventTimestamp::parse(&text).ok());
        update.execute(params![archived_instant(at.as_ref(), received), seq])?;
    }
    Ok(())
}
