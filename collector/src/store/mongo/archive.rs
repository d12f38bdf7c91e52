//! What is put aside, and what is deleted for good.
//!
//! MADSci writes the moment of archiving as a date, and so do we: its own server then deletes what we archived, and the
//! other way round. Events that came archived have the text that their sender wrote, or nothing; these are few, and their
//! instant is worked out here.

use std::time::Duration;

use labtrail_shared::timestamp::EventTimestamp;
use mongodb::{
    Cursor,
    bson::{Bson, DateTime, Document, RawDocument, RawDocumentBuf, doc},
};

use super::{
    connection::Connection,
    document::{self, Clock},
    query::{AT, Query},
    search,
    unfilled::Unfilled,
};
use crate::store::{Archive, Archived, Criteria, Position, StoreError, StoredEvent, event_store::archived_instant};

const ARCHIVE: &str = "archive events";
const LIST: &str = "list archived events";
const PURGE: &str = "purge archived events";
const EXTENT: &str = "find the first and the last event";

/// Ids in one command.
const IDS_MAX: usize = 10_000;

/// Sorting all that was put aside may take a while, and nobody else waits for it.
const SORT_TIME_MAX: Duration = Duration::from_mins(1);

/// Puts events aside.
pub(super) async fn archive(unfilled: &Unfilled, which: Archive, at: i64) -> Result<Archived, StoreError> {
    let connection = &*unfilled.connection;
    match which {
        Archive::Ids(ids) => {
            let mut count = 0;
            for ids in ids.chunks(IDS_MAX) {
                count += mark(connection, ids, at).await?;
            }
            Ok(Archived { count, next: None })
        }
        Archive::Before { instant, after, limit } => {
            // Those that MADSci wrote and that have no place in the order yet.
            let (mut count, mut left) = (0, limit);
            if unfilled.has_some() {
                let ids = ids_before(unfilled, instant, limit).await?;
                left -= ids.len();
                count += mark(connection, &ids, at).await?;
            }
            if left == 0 {
                let next = after.unwrap_or(Position { time: i64::MIN, id: String::new() });
                return Ok(Archived { count, next: Some(next) });
            }
            let mut within = doc! {"$lt": instant};
            if let Some(after) = &after {
                within.insert("$gte", after.time);
            }
            let mut conditions = vec![doc! {AT: within}, doc! {"archived": {"$ne": true}}];
            if let Some(after) = &after {
                conditions.push(doc! {"$or": [{AT: {"$gt": after.time}}, {AT: after.time, "_id": {"$gt": &after.id}}]});
            }
            let events = connection.events();
            let find = || async {
                let find = events.find(doc! {"$and": conditions.clone()}).sort(doc! {AT: 1, "_id": 1});
                let mut cursor = find.limit(left as i64).projection(doc! {"_id": 1, AT: 1}).await?;
                let mut found = Vec::new();
                while cursor.advance().await? {
                    found.push(search::position(cursor.current()));
                }
                Ok(found)
            };
            let found = connection.run(ARCHIVE, find).await?;
            let ids: Vec<String> = found.iter().map(|position| position.id.clone()).collect();
            for ids in ids.chunks(IDS_MAX) {
                count += mark(connection, ids, at).await?;
            }
            let next = if found.len() >= left { found.into_iter().next_back() } else { None };
            Ok(Archived { count, next })
        }
    }
}

async fn ids_before(unfilled: &Unfilled, instant: i64, limit: usize) -> Result<Vec<String>, StoreError> {
    let criteria = Criteria { archived: Some(false), ..Criteria::default() };
    let mut cursor = unfilled.open(ARCHIVE, Query::of(&criteria)).await?;
    let mut ids = Vec::new();
    while ids.len() < limit && Connection::advance(ARCHIVE, &mut cursor).await? {
        let event = document::read(cursor.current(), &unfilled.clock);
        if event.time < instant {
            ids.push(event.id().to_owned());
        }
    }
    Ok(ids)
}

async fn mark(connection: &Connection, ids: &[String], at: i64) -> Result<u64, StoreError> {
    let query = doc! {"_id": {"$in": ids}, "archived": {"$ne": true}};
    let set = doc! {"$set": {"archived": true, "archived_at": DateTime::from_millis(at.div_euclid(1000))}};
    let command = doc! {
        "update": connection.events_name(), "updates": [{"q": query, "u": set, "multi": true}],
        "writeConcern": durable(),
    };
    count_of(connection, ARCHIVE, &command, "nModified").await
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
    if let Ok(concern) = reply.get_document("writeConcernError") {
        let message = concern.get_str("errmsg").unwrap_or_default().to_owned();
        return Err(super::error::Trouble::NotConfirmed(message).passing(attempt));
    }
    Ok(reply.get_i32(field).unwrap_or_default().unsigned_abs().into())
}

/// Events that were put aside, the latest first.
pub(super) async fn list(
    connection: &Connection,
    clock: &Clock,
    after: Option<&Position>,
    limit: usize,
) -> Result<Vec<(Position, StoredEvent)>, StoreError> {
    let read = doc! {"$dateFromString": {"dateString": "$archived_at", "onError": Bson::Null, "onNull": Bson::Null}};
    let instant = doc! {"$switch": {
        "branches": [
            {"case": {"$eq": [{"$type": "$archived_at"}, "date"]}, "then": "$archived_at"},
            {"case": {"$eq": [{"$type": "$archived_at"}, "string"]}, "then": {"$ifNull": [read, "$_labtrail.received"]}},
        ],
        "default": "$_labtrail.received",
    }};
    // Text is read to the millisecond here, so that pages follow one another in one order.
    let mut pipeline = vec![
        doc! {"$match": {"archived": true}},
        doc! {"$set": {"_labtrail_archived": {"$ifNull": [instant, DateTime::from_millis(0)]}}},
    ];
    if let Some(after) = after {
        let at = DateTime::from_millis(after.time.div_euclid(1000));
        pipeline.push(doc! {"$match": {"$or": [
            {"_labtrail_archived": {"$lt": at}}, {"_labtrail_archived": at, "_id": {"$lt": &after.id}},
        ]}});
    }
    pipeline.push(doc! {"$sort": {"_labtrail_archived": -1, "_id": -1}});
    pipeline.push(doc! {"$limit": limit as i64});
    let events = connection.events();
    let read = || async {
        let mut cursor = events.aggregate(pipeline.clone()).allow_disk_use(true).max_time(SORT_TIME_MAX).await?;
        let mut found = Vec::new();
        while cursor.advance().await? {
            let raw: &RawDocument = cursor.current();
            let event = document::read(raw, clock);
            let millis = raw.get_datetime("_labtrail_archived").map_or(0, DateTime::timestamp_millis);
            found.push((Position { time: millis * 1000, id: event.id().to_owned() }, event));
        }
        Ok(found)
    };
    let found = connection.raw(LIST, SORT_TIME_MAX + Duration::from_secs(1), read).await?;
    found.map_err(|error| super::error::store_error(LIST, error))
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
        ids.extend(of_senders(connection, clock, before, limit - ids.len()).await?);
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

/// Those among the events that came archived.
async fn of_senders(
    connection: &Connection,
    clock: &Clock,
    before: i64,
    limit: usize,
) -> Result<Vec<Bson>, StoreError> {
    let query = doc! {"archived": true, "archived_at": {"$not": {"$type": "date"}}};
    let events = connection.events();
    let mut cursor: Cursor<RawDocumentBuf> = connection.run(PURGE, || events.find(query.clone()).into_future()).await?;
    let mut ids = Vec::new();
    while ids.len() < limit && Connection::advance(PURGE, &mut cursor).await? {
        let event = document::read(cursor.current(), clock);
        let at = EventTimestamp::from_json(&event.event["archived_at"]).ok();
        if archived_instant(at.as_ref(), event.received) < before {
            ids.extend(id(cursor.current()));
        }
    }
    Ok(ids)
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
