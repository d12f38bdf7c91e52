//! Gives the events that MADSci wrote what they lack, newest first, in the background.
//!
//! The documents themselves say which ones these are, so this can be interrupted at any time, and done by several
//! collectors at once: each statement changes only what nobody else has changed yet. MADSci's own server may go on
//! writing, so it is looked for more again and again.

use std::time::{Duration, Instant};

use labtrail_shared::event::FIELDS;
use mongodb::bson::{Bson, DateTime, Document, RawDocument, doc};
use tracing::{debug, info, warn};

use super::{
    connection::Connection,
    document::{self, Clock, default_of},
    error::Trouble,
    filter_bson::bson,
    query::{AT, Query},
    unfilled::Unfilled,
};
use crate::store::{Criteria, StoreError};

const FILL: &str = "complete the events of MADSci";

/// Events that are completed by one command.
const FILL_EVENTS: usize = 500;

/// How often it is looked whether MADSci wrote more, and how soon after a failure.
const LOOK_PAUSE: Duration = Duration::from_secs(5);
const RETRY_PAUSE: Duration = Duration::from_secs(1);

/// When some cannot be completed at all.
const HOPELESS_PAUSE: Duration = Duration::from_mins(1);

/// Between two lines in the log.
const PROGRESS_PAUSE: Duration = Duration::from_secs(10);

impl Unfilled {
    /// Gives the events what they lack, again and again, for as long as it is polled.
    pub(super) async fn fill(&self) {
        let mut was_counted = false;
        loop {
            let pause = match self.pass(&mut was_counted).await {
                Ok(0) => LOOK_PAUSE,
                Ok(hopeless) => {
                    warn!(events = hopeless, "events of MADSci cannot be completed; they stay slower to find");
                    HOPELESS_PAUSE
                }
                Err(error) => {
                    debug!(error = &error as &dyn std::error::Error, "completing MADSci's events was interrupted");
                    RETRY_PAUSE
                }
            };
            tokio::time::sleep(pause).await;
        }
    }

    /// Once through all that are there now; says how many could not be completed.
    async fn pass(&self, was_counted: &mut bool) -> Result<u64, StoreError> {
        if !self.look().await? {
            self.metrics.backfill_missing.set(0);
            return Ok(0);
        }
        let events = self.connection.events();
        let missing = doc! {AT: Bson::Null};
        let count = self.connection.run(FILL, || events.count_documents(missing.clone()).into_future()).await?;
        self.metrics.backfill_missing.set(count as i64);
        if !*was_counted {
            info!(
                events = count,
                "completing the events that MADSci wrote, in the background; they can be read already"
            );
            *was_counted = true;
        }
        let (mut filled, mut hopeless) = (0, 0);
        let mut told = Instant::now();
        let mut cursor = self.open(FILL, Query::of(&Criteria::default())).await?;
        let mut statements = Vec::with_capacity(FILL_EVENTS);
        loop {
            let is_more = Connection::advance(FILL, &mut cursor).await?;
            if is_more {
                statements.extend(statement(cursor.current(), &self.clock));
            }
            if statements.len() >= FILL_EVENTS || (!is_more && !statements.is_empty()) {
                let count = statements.len() as u64;
                let failed = self.update(std::mem::take(&mut statements)).await?;
                filled += count - failed;
                hopeless += failed;
                self.metrics.backfilled.inc_by(count - failed);
                self.metrics.backfill_missing.dec_by((count - failed) as i64);
            }
            if told.elapsed() > PROGRESS_PAUSE {
                told = Instant::now();
                info!(events = filled, "completing MADSci's events");
            }
            if !is_more {
                break;
            }
        }
        debug!(events = filled, "MADSci's events are complete");
        self.look().await?;
        Ok(hopeless)
    }

    async fn update(&self, statements: Vec<Document>) -> Result<u64, StoreError> {
        let command = doc! {"update": self.connection.events_name(), "updates": statements, "ordered": false};
        let database = self.connection.database();
        let reply = self.connection.run(FILL, || database.run_command(command.clone()).into_future()).await?;
        let errors = reply.get_array("writeErrors").map_or(&[][..], Vec::as_slice);
        for error in errors.iter().filter_map(|error| error.as_document()) {
            let code = error.get_i32("code").unwrap_or_default();
            let message = error.get_str("errmsg").unwrap_or_default().to_owned();
            debug!(code, message, "an event of MADSci cannot be completed");
            if let error @ StoreError::Unavailable { .. } = (Trouble::Refused { code, message }).of_code(code, FILL) {
                return Err(error);
            }
        }
        Ok(errors.len() as u64)
    }
}

/// What completes an event; nothing if it has no id, which cannot be.
fn statement(event: &RawDocument, clock: &Clock) -> Option<Document> {
    let id = Bson::try_from(event.get("_id").ok()??).ok()?;
    let read = document::read(event, clock);
    let mut only = doc! {"_id": id, "_labtrail": {"$exists": false}};
    let mut set = doc! {"_labtrail": {
        "time": DateTime::from_millis(read.time.div_euclid(1000)),
        "at": read.time,
        "received": DateTime::from_millis(read.received.div_euclid(1000)),
        "hash": document::hash(&read.event).cast_signed(),
    }};
    // Filters ask the server; what we read where a field is missing must stand there.
    for field in FIELDS {
        if matches!(event.get(field), Ok(None)) {
            set.insert(field, bson(&default_of(field))?);
            // MADSci's server may set it meanwhile; then the next pass sees that.
            only.insert(field, doc! {"$exists": false});
        }
    }
    Some(doc! {"q": only, "u": {"$set": set}})
}
