//! Reads a database and leaves it as it is: to copy what MADSci stored, while its server may go on with it.

use jiff::{Timestamp, tz::TimeZone};
use mongodb::{
    Cursor,
    bson::{RawDocument, RawDocumentBuf, doc},
};

use super::{
    connection::Connection,
    document::{self, Clock},
    error::MongoOpenError,
};
use crate::store::{MongoConfig, StoreError, StoredEvent};

const ATTEMPT: &str = "read the events of a database";

/// Events that come in one message.
const BATCH_EVENTS: u32 = 1000;

/// The events of a database, in the order of their ids.
#[derive(Debug)]
pub struct MongoReader {
    connection: Connection,
    clock: Clock,
    cursor: Option<Cursor<RawDocumentBuf>>,
}

impl MongoReader {
    /// Makes a client; it connects by and by. Times without an offset, in events that MADSci wrote, are read in `zone`.
    pub async fn new(config: &MongoConfig, zone: TimeZone) -> Result<Self, MongoOpenError> {
        let connection = Connection::new(config).await?;
        Ok(Self { connection, clock: Clock { zone, opened: Timestamp::now().as_microsecond() }, cursor: None })
    }

    /// About how many events there are.
    pub async fn count(&self) -> Result<u64, StoreError> {
        let events = self.connection.events();
        self.connection.run(ATTEMPT, || events.estimated_document_count().into_future()).await
    }

    /// Begins.
    pub async fn begin(&mut self) -> Result<(), StoreError> {
        let events = self.connection.events();
        let query = doc! {};
        let find = || events.find(query.clone()).sort(doc! {"_id": 1}).batch_size(BATCH_EVENTS).into_future();
        self.cursor = Some(self.connection.run(ATTEMPT, find).await?);
        Ok(())
    }

    /// The next events with their content hashes, so many at most; none at the end.
    pub async fn next(&mut self, limit: usize) -> Result<Vec<(StoredEvent, u64)>, StoreError> {
        let mut events = Vec::with_capacity(limit);
        let Some(cursor) = &mut self.cursor else { return Ok(events) };
        while events.len() < limit && Connection::advance(ATTEMPT, cursor).await? {
            let raw: &RawDocument = cursor.current();
            let event = document::read(raw, &self.clock);
            let known = raw.get_document("_labtrail").and_then(|ours| ours.get_i64("hash"));
            let hash = known.map_or_else(|_| document::hash(&event.event), i64::cast_unsigned);
            events.push((event, hash));
        }
        Ok(events)
    }
}
