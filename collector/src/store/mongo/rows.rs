//! Rows beside the events, in a collection of their own. Content is kept as text: nothing in the database asks what is in it.

use mongodb::{
    bson::{Document, doc},
    options::WriteConcern,
};

use super::{
    connection::Connection,
    error::{DUPLICATE_KEY, code, store_error},
};
use crate::store::{Row, RowChange, RowContent, RowExpect, StoreError};

const ATTEMPT: &str = "change rows";
pub(super) const COLLECTION: &str = "rows";

/// So many changes that expect nothing go to the server together.
const TOGETHER_MAX: usize = 1000;

/// Makes changes; says of each whether it was made.
pub(super) async fn change(connection: &Connection, changes: &[RowChange]) -> Result<Vec<bool>, StoreError> {
    let mut made = Vec::with_capacity(changes.len());
    let mut rest = changes;
    while let Some(first) = rest.first() {
        let together = rest.iter().take(TOGETHER_MAX).take_while(|change| is_plain_put(change)).count();
        let (now, later) = rest.split_at(together.max(1));
        if together > 0 {
            put_all(connection, now).await?;
            made.extend(now.iter().map(|_| true));
        } else {
            made.push(change_one(connection, first).await?);
        }
        rest = later;
    }
    Ok(made)
}

fn is_plain_put(change: &RowChange) -> bool {
    change.expect == RowExpect::Anything && change.put.is_some()
}

/// Changes that are made whatever is there, in one request.
async fn put_all(connection: &Connection, changes: &[RowChange]) -> Result<(), StoreError> {
    let updates: Vec<Document> = changes
        .iter()
        .filter_map(|change| {
            let put = change.put.as_ref()?;
            Some(doc! {"q": {"_id": id(change.kind, &change.key)}, "u": update(change, put), "upsert": true})
        })
        .collect();
    connection.upsert_all(ATTEMPT, COLLECTION, updates).await
}

async fn change_one(connection: &Connection, change: &RowChange) -> Result<bool, StoreError> {
    let rows = connection.beside::<Document>(COLLECTION);
    let mut query = doc! {"_id": id(change.kind, &change.key)};
    if let RowExpect::Version(version) = change.expect {
        query.insert("version", version);
    }
    let concern = || WriteConcern::builder().w(mongodb::options::Acknowledgment::Majority).journal(true).build();
    let Some(put) = &change.put else {
        let delete = || rows.delete_one(query.clone()).write_concern(concern()).into_future();
        return Ok(connection.run(ATTEMPT, delete).await?.deleted_count > 0);
    };
    if change.expect == RowExpect::Nothing {
        let row = doc! {
            "_id": id(change.kind, &change.key), "kind": change.kind, "key": &change.key, "version": 1_i64,
            "due": put.due, "json": &put.json,
        };
        let insert = || rows.insert_one(row.clone()).write_concern(concern()).into_future();
        let inserted = connection.raw(ATTEMPT, super::connection::ANSWER_TIME_MAX, insert).await?;
        return match inserted {
            Ok(_) => Ok(true),
            Err(error) if code(&error) == Some(DUPLICATE_KEY) => Ok(false),
            Err(error) => Err(store_error(ATTEMPT, error)),
        };
    }
    let write = || rows.update_one(query.clone(), update(change, put)).write_concern(concern()).into_future();
    Ok(connection.run(ATTEMPT, write).await?.matched_count > 0)
}

fn update(change: &RowChange, put: &RowContent) -> Document {
    doc! {
        "$set": {"kind": change.kind, "key": &change.key, "due": put.due, "json": &put.json},
        "$inc": {"version": 1_i64},
    }
}

/// Kinds are words without a slash.
fn id(kind: &str, key: &str) -> String {
    format!("{kind}/{key}")
}

/// The row of a key.
pub(super) async fn get(connection: &Connection, kind: &str, key: &str) -> Result<Option<Row>, StoreError> {
    let rows = connection.beside::<Document>(COLLECTION);
    let query = doc! {"_id": id(kind, key)};
    let found = connection.run("read a row", || rows.find_one(query.clone()).into_future()).await?;
    Ok(found.map(|row| read(&row)))
}

/// Rows in the order of their keys.
pub(super) async fn list(
    connection: &Connection,
    kind: &str,
    after: Option<&str>,
    limit: usize,
) -> Result<Vec<Row>, StoreError> {
    let query = doc! {"kind": kind, "key": {"$gt": after.unwrap_or_default()}};
    find(connection, query, doc! {"key": 1}, limit).await
}

/// Rows that are due.
pub(super) async fn due(connection: &Connection, kind: &str, at: i64, limit: usize) -> Result<Vec<Row>, StoreError> {
    find(connection, doc! {"kind": kind, "due": {"$lte": at}}, doc! {"due": 1, "key": 1}, limit).await
}

async fn find(connection: &Connection, query: Document, sort: Document, limit: usize) -> Result<Vec<Row>, StoreError> {
    if limit == 0 {
        return Ok(Vec::new());
    }
    let rows = connection.beside::<Document>(COLLECTION);
    let look = async || {
        let mut cursor = rows.find(query.clone()).sort(sort.clone()).limit(limit as i64).await?;
        let mut found = Vec::new();
        while cursor.advance().await? {
            found.push(read(&cursor.deserialize_current()?));
        }
        Ok(found)
    };
    connection.run("list rows", look).await
}

fn read(row: &Document) -> Row {
    let text = |name: &str| row.get_str(name).unwrap_or_default().to_owned();
    Row {
        key: text("key"),
        version: row.get_i64("version").unwrap_or_default(),
        due: row.get_i64("due").ok(),
        json: text("json"),
    }
}
