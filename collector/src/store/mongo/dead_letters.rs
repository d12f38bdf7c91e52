//! What cannot be stored as an event: kept with its reason, so that nothing is dropped silently.
//!
//! The key of a letter is a hash of what it is, so that one that comes again, from whichever collector, is only counted.
//! Its number comes from a counter; one that is not used up because its letter was there already leaves a gap.

use mongodb::{
    bson::{Binary, Bson, Document, doc, spec::BinarySubtype},
    options::ReturnDocument,
};
use serde_json::Value;

use super::{connection::Connection, error::Trouble};
use crate::store::{DeadLetter, StoreError, StoredDeadLetter};

const ATTEMPT: &str = "store dead letters";
const COLLECTION: &str = "dead_letters";

/// A letter must fit into a document together with its reason and origin.
const BYTES_MAX: usize = 12 << 20;

/// Adds letters.
pub(super) async fn insert(connection: &Connection, letters: &[DeadLetter]) -> Result<(), StoreError> {
    let mut seq = reserve(connection, letters.len()).await?;
    let mut rest = letters;
    while !rest.is_empty() {
        let mut bytes = 0;
        let fits = |letter: &&DeadLetter| {
            bytes += letter.bytes.len().min(BYTES_MAX) + letter.detail.len() + 1024;
            bytes <= BYTES_MAX
        };
        let count = rest.iter().take(1000).take_while(fits).count().max(1);
        let (part, later) = rest.split_at(count);
        send(connection, part, seq).await?;
        seq += count as i64;
        rest = later;
    }
    Ok(())
}

/// Takes so many numbers, and gives the first of them.
async fn reserve(connection: &Connection, count: usize) -> Result<i64, StoreError> {
    let counters = connection.beside::<Document>("counters");
    let counted = connection
        .run(ATTEMPT, || {
            let update = doc! {"$inc": {"value": count as i64}};
            let step = counters.find_one_and_update(doc! {"_id": COLLECTION}, update);
            step.upsert(true).return_document(ReturnDocument::After).into_future()
        })
        .await?;
    let last = counted.and_then(|counter| counter.get_i64("value").ok());
    last.map(|last| last + 1 - count as i64).ok_or_else(|| Trouble::Odd("a counter has no value").lasting(ATTEMPT))
}

async fn send(connection: &Connection, letters: &[DeadLetter], first: i64) -> Result<(), StoreError> {
    let updates: Vec<Document> = letters.iter().zip(first..).map(|(letter, seq)| update(letter, seq)).collect();
    connection.upsert_all(ATTEMPT, COLLECTION, updates).await
}

fn update(letter: &DeadLetter, seq: i64) -> Document {
    let origin = letter.origin.to_string();
    let key = format!("{:032x}", u128::from_be_bytes(letter.key(&origin)));
    let kept = &letter.bytes[..letter.bytes.len().min(BYTES_MAX)];
    let mut detail = letter.detail.clone();
    if kept.len() < letter.bytes.len() {
        detail = format!("{detail}; only the first {} of {} bytes are kept", kept.len(), letter.bytes.len());
    }
    let fields = doc! {
        "seq": seq, "received": letter.received, "reason": &*letter.reason, "detail": detail, "origin": origin,
        "id": letter.id.clone(), "bytes": Binary { subtype: BinarySubtype::Generic, bytes: kept.to_vec() },
    };
    doc! {"q": {"_id": key}, "u": {"$inc": {"times": 1_i64}, "$setOnInsert": fields}, "upsert": true}
}

/// The latest letters before a number.
pub(super) async fn list(
    connection: &Connection,
    before: Option<i64>,
    limit: usize,
) -> Result<Vec<StoredDeadLetter>, StoreError> {
    if limit == 0 {
        return Ok(Vec::new());
    }
    let letters = connection.beside::<Document>(COLLECTION);
    let query = async || {
        let find = letters.find(doc! {"seq": {"$lt": before.unwrap_or(i64::MAX)}});
        let mut cursor = find.sort(doc! {"seq": -1}).limit(limit as i64).await?;
        let mut found = Vec::new();
        while cursor.advance().await? {
            found.push(read(cursor.deserialize_current()?));
        }
        Ok(found)
    };
    connection.run("list dead letters", query).await
}

/// One letter.
pub(super) async fn get(connection: &Connection, seq: i64) -> Result<Option<StoredDeadLetter>, StoreError> {
    let letters = connection.beside::<Document>(COLLECTION);
    let found = connection.run("read a dead letter", || letters.find_one(doc! {"seq": seq}).into_future()).await?;
    Ok(found.map(read))
}

/// Removes a letter; says whether there was one.
pub(super) async fn remove(connection: &Connection, seq: i64) -> Result<bool, StoreError> {
    let letters = connection.beside::<Document>(COLLECTION);
    let removed =
        connection.run("remove a dead letter", || letters.delete_one(doc! {"seq": seq}).into_future()).await?;
    Ok(removed.deleted_count > 0)
}

fn read(mut letter: Document) -> StoredDeadLetter {
    let text = |name: &str| letter.get_str(name).unwrap_or_default().to_owned();
    let origin = text("origin");
    StoredDeadLetter {
        seq: letter.get_i64("seq").unwrap_or_default(),
        received: letter.get_i64("received").unwrap_or_default(),
        times: letter.get_i64("times").unwrap_or(1) as u64,
        reason: text("reason"),
        detail: text("detail"),
        origin: serde_json::from_str(&origin).unwrap_or(Value::String(origin)),
        id: letter.get_str("id").ok().map(str::to_owned),
        bytes: match letter.remove("bytes") {
            Some(Bson::Binary(binary)) => binary.bytes,
            _ => Vec::new(),
        },
    }
}
