//! What is put aside, and what is deleted for good.
//!
//! MADSci writes the moment of archiving as a date, and so do we: its own server then deletes what we archived, and the
//! other way round. Events that came archived may have a text that their sender wrote, or nothing; these are few, and their
//! instant is worked out here.

use labtrail_shared::timestamp::EventTimestamp;
use mongodb::{
    Cursor,
    bson::{Bson, DateTime, Document, RawDocument, RawDocumentBuf, doc},
};

use super::{
    connection::Connection,
    document::{self, Clock},
    error::Trouble,
    query::{AT, Query},
    search,
    unfilled::Unfilled,
};
use crate::store::{Criteria, Position, StoreError, StoredEvent, event_store::archived_instant};

const ARCHIVE: &str = "archive events";
const LIST: &str = "list archived events";
const PURGE: &str = "purge archived events";
const EXTENT: &str = "find the first and the last event";

/// Ids in one command.
const IDS_MAX: usize = 10_000;

/// Puts events aside; says how many were not before.
pub(super) async fn archive(connection: &Connection, ids: &[String], at: i64) -> Result<u64, StoreError> {
    let mut count = 0;
    for ids in ids.chunks(IDS_MAX) {
        let query = doc! {"_id": {"$in": ids}, "archived": {"$ne": true}};
        let set = doc! {"$set": {"archived": true, "archived_at": DateTime::from_millis(at.div_euclid(1000))}};
        let command = doc! {
            "update": connection.events_name(), "updates": [{"q": query, "u": set, "multi": true}],
            "writeConcern": durable(),
        };
        count += count_of(connection, ARCHIVE, &command, "nModified").await?;
    }
    Ok(count)
}

/// As for events: a majority has it on disk before it is reported.
fn durable() -> Document {
    doc! {"w": "majority", "j": true}
}

async fn count_of(
    connection: &Connection,
    attempt: &'static str,
    command: &Document,
    field: &str,
) -> Result<u64, StoreError> {
    let database = connection.database();
    let reply = connection.run(attempt, || database.run_command(command.clone()).into_future()).await?;
    let message = |error: &Document| error.get_str("errmsg").unwrap_or_default().to_owned();
    if let Ok(concern) = reply.get_document("writeConcernError") {
        return Err(Trouble::NotConfirmed(message(concern)).passing(attempt));
    }
    let errors = reply.get_array("writeErrors").map_or(&[][..], Vec::as_slice);
    if let Some(error) = errors.iter().find_map(Bson::as_document) {
        let code = error.get_i32("code").unwrap_or_default();
        return Err(Trouble::Refused { code, message: message(error) }.of_code(code, attempt));
    }
    Ok(reply.get_i32(field).unwrap_or_default().unsigned_abs().into())
}

/// Events that were put aside, the latest first: those with a date along their index, and among them the few others.
pub(super) async fn list(
    connection: &Connection,
    clock: &Clock,
    after: Option<&Position>,
    limit: usize,
) -> Result<Vec<(Position, StoredEvent)>, StoreError> {
    let mut query = doc! {"archived": true, "archived_at": {"$type": "date"}};
    if let Some(after) = after {
        // A date knows milliseconds, and so do these places.
        let date = DateTime::from_millis(after.time.div_euclid(1000));
        query = doc! {"archived": true, "$or": [
            {"archived_at": {"$lt": date}}, {"archived_at": date, "_id": {"$lt": &after.id}},
        ]};
    }
    let events = connection.events();
    let find = || {
        let find = events.find(query.clone()).sort(doc! {"archived": -1, "archived_at": -1, "_id": -1});
        find.limit(limit as i64).into_future()
    };
    let mut cursor = connection.run(LIST, find).await?;
    let mut found = Vec::new();
    while Connection::advance(LIST, &mut cursor).await? {
        let raw: &RawDocument = cursor.current();
        let event = document::read(raw, clock);
        let millis = raw.get_datetime("archived_at").map_or(0, DateTime::timestamp_millis);
        found.push((Position { time: millis * 1000, id: event.id().to_owned() }, event));
    }
    let mut cursor = of_senders(connection, LIST).await?;
    while Connection::advance(LIST, &mut cursor).await? {
        let event = document::read(cursor.current(), clock);
        let position = Position { time: instant(&event).div_euclid(1000) * 1000, id: event.id().to_owned() };
        if after.is_none_or(|after| position < *after) {
            found.push((position, event));
        }
        if found.len() > limit.saturating_mul(4).saturating_add(1000) {
            cut(&mut found, limit);
        }
    }
    cut(&mut found, limit);
    Ok(found)
}

fn cut(found: &mut Vec<(Position, StoredEvent)>, limit: usize) {
    found.sort_by(|(a, _), (b, _)| b.cmp(a));
    found.truncate(limit);
}

/// Events that came archived, and of whose archiving there is no date.
async fn of_senders(connection: &Connection, attempt: &'static str) -> Result<Cursor<RawDocumentBuf>, StoreError> {
    let query = doc! {"archived": true, "$or": [{"archived_at": Bson::Null}, {"archived_at": {"$type": "string"}}]};
    let events = connection.events();
    connection.run(attempt, || events.find(query.clone()).into_future()).await
}

fn instant(event: &StoredEvent) -> i64 {
    archived_instant(EventTimestamp::from_json(&event.event["archived_at"]).ok().as_ref(), event.received)
}

/// Deletes events for good.
pub(super) async fn purge(
    connection: &Connection,
    clock: &Clock,
    before: i64,
    limit: usize,
) -> Result<u64, StoreError> {
    let date = DateTime::from_millis(before.div_euclid(1000));
    let of_servers = doc! {"archived": true, "archived_at": {"$lt": date}};
    let events = connection.events();
    let find = || events.find(of_servers.clone()).limit(limit as i64).projection(doc! {"_id": 1}).into_future();
    let mut cursor = connection.run(PURGE, find).await?;
    let mut ids = Vec::new();
    while Connection::advance(PURGE, &mut cursor).await? {
        ids.extend(id(cursor.current()));
    }
    if ids.len() < limit {
        let mut cursor = of_senders(connection, PURGE).await?;
        while ids.len() < limit && Connection::advance(PURGE, &mut cursor).await? {
            if instant(&document::read(cursor.current(), clock)) < before {
                ids.extend(id(cursor.current()));
            }
        }
    }
    let mut count = 0;
    for ids in ids.chunks(IDS_MAX) {
        let delete = doc! {"q": {"_id": {"$in": ids}, "archived": true}, "limit": 0};
        let command = doc! {"delete": connection.events_name(), "deletes": [delete], "writeConcern": durable()};
        count += count_of(connection, PURGE, &command, "n").await?;
    }
    Ok(count)
}

fn id(document: &RawDocument) -> Option<Bson> {
    Bson::try_from(document.get("_id").ok()??).ok()
}

/// The instants of the first and the last event.
pub(super) async fn extent(unfilled: &Unfilled) -> Result<Option<(i64, i64)>, StoreError> {
    let connection = &*unfilled.connection;
    let mut times = Vec::new();
    if unfilled.has_some() {
        let mut cursor = unfilled.open(EXTENT, Query::of(&Criteria::default())).await?;
        while Connection::advance(EXTENT, &mut cursor).await? {
            let time = document::read(cursor.current(), &unfilled.clock).time;
            times = [times.first(), times.last(), Some(&time)].into_iter().flatten().copied().collect();
            times.sort_unstable();
        }
    }
    let end = async |direction: i32| {
        let events = connection.events();
        let find = || {
            let find = events.find_one(doc! {AT: {"$type": "long"}}).sort(doc! {AT: direction, "_id": direction});
            find.projection(doc! {"_id": 1, AT: 1}).into_future()
        };
        let found = connection.run(EXTENT, find).await?;
        Ok::<_, StoreError>(found.map(|found| search::position(&found).time))
    };
    times.extend([end(1).await?, end(-1).await?].into_iter().flatten());
    Ok(times.iter().min().copied().zip(times.iter().max().copied()))
}
