//! Stores events, each once.
//!
//! A document is inserted plainly; that its id is unique is the server's promise. What the server refuses because its id is
//! there is looked up, and the hash tells a repeat from a conflict. For the server such a refusal is dear (36 times an
//! insert, as measured), so where repeats are expected the ids are looked for first. Yet a document that is only seen may
//! still be lost with its server, until a majority has it on disk. So only what a majority has counts as seen (read concern
//! "majority"). And because a server that stands alone, or is only like MongoDB, may know nothing of majorities, one of
//! those that were seen is inserted all the same: it is refused, and the refusal waits, like any answer to a write, until
//! all that came before is durable. If it is not refused, what was seen is gone, and all is to be done again.

use std::{collections::HashMap, time::Duration};

use labtrail_shared::event_id::is_ulid;
use mongodb::{
    bson::{Document, RawDocument, RawDocumentBuf, doc},
    error::Result as DriverResult,
    options::ReadConcern,
};

use super::{
    bson_writer::BsonWriter,
    connection::Connection,
    document::{self, Clock, DOCUMENT_BYTES_MAX, Documents},
    error::{DUPLICATE_KEY, Trouble, is_about_the_document, store_error},
};
use crate::store::{NewEvent, Outcome, StoreError};

const ATTEMPT: &str = "store events";

/// What one command may hold. It travels as one document, which the server lets be a little larger than what it stores.
const COMMAND_BYTES_MAX: usize = 12 << 20;
const COMMAND_DOCUMENTS_MAX: usize = 10_000;

/// How long the server may wait for the majority to write it to disk before it says that it does not know.
const CONFIRMATION_TIME_MAX: i32 = 10_000;

/// Ids in one question for hashes.
const IDS_MAX: usize = 5000;

/// From so many ids on it is worth while to see whether they are of one file.
const RUN_MIN: usize = 64;
/// Between the first and the last of them may lie so many times as many.
const RUN_SURPLUS_MAX: usize = 2;
/// What comes before the offset in the id of a record of a file; see [`labtrail_shared::event_id`].
const FILE_CHARACTERS: usize = 18;

/// What is in the way of a new document may be deleted while it is looked at; then the new one is tried again.
const TRIES: usize = 5;

/// What the server said of a document.
enum Refusal {
    IdTaken,
    Unstorable(String),
}

/// Stores documents; the outcomes are in their order.
pub(super) async fn insert(
    connection: &Connection,
    documents: &Documents,
    clock: &Clock,
) -> Result<Vec<Outcome>, StoreError> {
    let mut outcomes: Vec<Option<Outcome>> = vec![None; documents.len()];
    let mut open: Vec<usize> = Vec::with_capacity(documents.len());
    for (index, outcome) in outcomes.iter_mut().enumerate() {
        let bytes = documents.bytes(index).len();
        if bytes <= DOCUMENT_BYTES_MAX {
            open.push(index);
        } else {
            let reason =
                format!("as a document of MongoDB it has {bytes} bytes, and {DOCUMENT_BYTES_MAX} are possible");
            *outcome = Some(Outcome::Unstorable { reason, event: Box::new(documents.event(index)) });
        }
    }
    for _ in 0..TRIES {
        let mut taken = Vec::new();
        for part in parts(documents, &open) {
            let refusals = send(connection, documents, part).await?;
            for index in part {
                outcomes[*index] = Some(Outcome::Stored);
            }
            for (place, refusal) in refusals {
                let index = part[place];
                match refusal {
                    Refusal::IdTaken => taken.push(index),
                    Refusal::Unstorable(reason) => {
                        outcomes[index] = Some(Outcome::Unstorable { reason, event: Box::new(documents.event(index)) });
                    }
                }
            }
        }
        let hashes = hashes_of(connection, documents, &taken, clock).await?;
        open.clear();
        for index in taken {
            let known = documents.get(index);
            match hashes.get(&known.id) {
                Some(hash) => outcomes[index] = Some(verdict(documents, index, *hash)),
                None => open.push(index),
            }
        }
        if open.is_empty() {
            return Ok(outcomes.into_iter().map(|outcome| outcome.expect("each document was dealt with")).collect());
        }
    }
    Err(Trouble::Unsteady.passing(ATTEMPT))
}

fn verdict(documents: &Documents, index: usize, stored_hash: u64) -> Outcome {
    if stored_hash == documents.get(index).hash {
        Outcome::Duplicate
    } else {
        Outcome::Conflict(Box::new(documents.event(index)))
    }
}

/// What is left of an insert without what is stored already.
pub(super) struct Rest {
    /// The outcomes of the events that were left out; none of the others.
    pub(super) outcomes: Vec<Option<Outcome>>,
    /// The others.
    pub(super) events: Vec<NewEvent>,
    /// Which of the others is stored, too, and must be found to be so.
    pub(super) witness: Option<usize>,
}

impl Rest {
    /// Fails if the witness could be stored.
    pub(super) fn check(&self, outcomes: &[Outcome]) -> Result<(), StoreError> {
        match self.witness {
            Some(witness) if outcomes[witness] == Outcome::Stored => Err(Trouble::Gone.passing(ATTEMPT)),
            _ => Ok(()),
        }
    }
}

/// Leaves out of an insert what is stored already. One that is stored stays in, as a witness.
pub(super) async fn without_repeats(
    connection: &Connection,
    events: Vec<NewEvent>,
    clock: &Clock,
) -> Result<Rest, StoreError> {
    let ids: Vec<&str> = events.iter().map(|new| new.event.id.as_str()).collect();
    let hashes = hashes(connection, ATTEMPT, &ids, clock, ReadConcern::majority()).await?;
    let mut rest = Rest { outcomes: Vec::with_capacity(events.len()), events: Vec::new(), witness: None };
    for new in events {
        let is_repeat = hashes.get(&new.event.id) == Some(&new.hash);
        if is_repeat && rest.witness.is_some() {
            rest.outcomes.push(Some(Outcome::Duplicate));
        } else {
            if is_repeat {
                rest.witness = Some(rest.events.len());
            }
            rest.outcomes.push(None);
            rest.events.push(new);
        }
    }
    Ok(rest)
}

async fn hashes_of(
    connection: &Connection,
    documents: &Documents,
    indexes: &[usize],
    clock: &Clock,
) -> Result<HashMap<String, u64>, StoreError> {
    let ids: Vec<&str> = indexes.iter().map(|index| documents.get(*index).id.as_str()).collect();
    // They were refused, and that was confirmed; so what is in their way is there.
    hashes(connection, ATTEMPT, &ids, clock, ReadConcern::local()).await
}

/// The hashes of those ids that are stored.
pub(super) async fn hashes(
    connection: &Connection,
    attempt: &'static str,
    ids: &[&str],
    clock: &Clock,
    concern: ReadConcern,
) -> Result<HashMap<String, u64>, StoreError> {
    let mut hashes = HashMap::with_capacity(ids.len());
    let events = connection.events();
    for ids in ids.chunks(IDS_MAX) {
        let mut found = None;
        if let Some(run) = run(ids) {
            found = ask(connection, attempt, run, ids.len() * RUN_SURPLUS_MAX, &concern).await?;
        }
        let found = match found {
            Some(found) => found,
            None => {
                ask(connection, attempt, doc! {"_id": {"$in": ids}}, usize::MAX, &concern).await?.unwrap_or_default()
            }
        };
        let mut of_others = Vec::new();
        for (id, hash) in found {
            match hash {
                Some(hash) => drop(hashes.insert(id, hash.cast_unsigned())),
                None => of_others.push(id),
            }
        }
        // Events of MADSci that were not back-filled yet.
        for id in of_others {
            let found = connection.run(attempt, || events.find_one(doc! {"_id": &id}).into_future()).await?;
            if let Some(found) = found {
                hashes.insert(id, document::hash(&document::read(&found, clock).event));
            }
        }
    }
    Ok(hashes)
}

/// The ids of one file's records follow each other, and to walk along them costs the server less than to look for each.
fn run(ids: &[&str]) -> Option<Document> {
    let (first, last) = (ids.iter().min()?, ids.iter().max()?);
    let is_one_file = is_ulid(first) && is_ulid(last) && first[..FILE_CHARACTERS] == last[..FILE_CHARACTERS];
    (ids.len() >= RUN_MIN && is_one_file).then(|| doc! {"_id": {"$gte": *first, "$lte": *last}})
}

/// Ids and hashes of what is found; `None` where it is more than that, as where a file was read again from its beginning.
async fn ask(
    connection: &Connection,
    attempt: &'static str,
    filter: Document,
    count_max: usize,
    concern: &ReadConcern,
) -> Result<Option<Vec<(String, Option<i64>)>>, StoreError> {
    let events = connection.events();
    let query = || async {
        let cursor = events.find(filter.clone()).projection(doc! {"_id": 1, "_labtrail.hash": 1});
        let cursor = cursor.read_concern(concern.clone()).batch_size(2 * IDS_MAX as u32 + 1);
        let mut cursor = cursor.await?;
        let mut found = Vec::new();
        while cursor.advance().await? {
            if found.len() == count_max {
                return Ok(None);
            }
            let document = cursor.current();
            let id = document.get_str("_id").unwrap_or_default().to_owned();
            found.push((id, document.get_document("_labtrail").and_then(|ours| ours.get_i64("hash")).ok()));
        }
        Ok(Some(found))
    };
    connection.run(attempt, query).await
}

/// Cuts what is to be sent into commands.
fn parts<'i>(documents: &Documents, mut indexes: &'i [usize]) -> Vec<&'i [usize]> {
    let mut parts = Vec::with_capacity(1);
    while !indexes.is_empty() {
        let mut bytes = 0;
        let fits = |index: &&usize| {
            bytes += documents.bytes(**index).len() + 16;
            bytes <= COMMAND_BYTES_MAX
        };
        let count = indexes.iter().take(COMMAND_DOCUMENTS_MAX).take_while(fits).count().max(1);
        let (part, rest) = indexes.split_at(count);
        parts.push(part);
        indexes = rest;
    }
    parts
}

/// Sends one command, and says which documents the server refused for good. They are inserted in their order, so that of
/// two with one id the first is stored.
async fn send(
    connection: &Connection,
    documents: &Documents,
    part: &[usize],
) -> Result<Vec<(usize, Refusal)>, StoreError> {
    let mut writer =
        BsonWriter::with_capacity(part.iter().map(|index| documents.bytes(*index).len() + 16).sum::<usize>() + 256);
    let command = writer.begin();
    writer.string("insert", connection.events_name());
    writer.boolean("ordered", false);
    let concern = writer.begin_document("writeConcern");
    writer.string("w", "majority");
    writer.boolean("j", true);
    writer.int32("wtimeout", CONFIRMATION_TIME_MAX);
    writer.end(concern);
    let array = writer.begin_array("documents");
    for (place, index) in part.iter().enumerate() {
        writer.element(place, documents.bytes(*index));
    }
    writer.end(array);
    writer.end(command);
    let command = RawDocumentBuf::from_bytes(writer.into_bytes()).expect("a document was written");
    let reply = connection.raw(ATTEMPT, ANSWER_TIME_MAX, || run_command(connection, &command)).await?;
    let reply = reply.map_err(|error| store_error(ATTEMPT, error))?;
    understand(&reply)
}

/// More than the server may wait for confirmation.
const ANSWER_TIME_MAX: Duration = Duration::from_secs(30);

async fn run_command(connection: &Connection, command: &RawDocument) -> DriverResult<Document> {
    connection.database().run_raw_command(command.to_owned()).await
}

fn understand(reply: &Document) -> Result<Vec<(usize, Refusal)>, StoreError> {
    if let Ok(concern) = reply.get_document("writeConcernError") {
        let message = concern.get_str("errmsg").unwrap_or_default().to_owned();
        return Err(Trouble::NotConfirmed(message).passing(ATTEMPT));
    }
    let Ok(errors) = reply.get_array("writeErrors") else { return Ok(Vec::new()) };
    let odd = || Trouble::Odd("a write error is not as expected").lasting(ATTEMPT);
    let mut refusals = Vec::with_capacity(errors.len());
    for error in errors {
        let error = error.as_document().ok_or_else(odd)?;
        let code = error.get_i32("code").map_err(|_| odd())?;
        let place = error.get_i32("index").map_err(|_| odd())? as usize;
        let message = || error.get_str("errmsg").unwrap_or_default().to_owned();
        refusals.push((
            place,
            match code {
                DUPLICATE_KEY if is_about_the_id(error) => Refusal::IdTaken,
                DUPLICATE_KEY => {
                    Refusal::Unstorable(format!("a unique index of the collection refuses it: {}", message()))
                }
                code if is_about_the_document(code) => {
                    Refusal::Unstorable(format!("MongoDB refuses it: {}", message()))
                }
                code => return Err(Trouble::Refused { code, message: message() }.of_code(code, ATTEMPT)),
            },
        ));
    }
    Ok(refusals)
}

/// Whether a duplicate key is that of the id; the owner of the database may have made other indexes that are unique. What
/// is only like MongoDB may not say, and has none.
fn is_about_the_id(error: &Document) -> bool {
    error.get_document("keyPattern").map_or(true, |pattern| pattern.keys().eq(["_id"]))
}
