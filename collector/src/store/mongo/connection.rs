//! The way to the server: one client of the driver, and what happens when nobody answers.
//!
//! Every operation ends: the driver waits at most `server_selection_timeout` for a server that can answer, and the answer
//! itself may take [`ANSWER_TIME_MAX`]. Once no server was found, operations fail at once for a moment instead of waiting
//! one after another, and then a single one tries for all.
//!
//! The driver's own repetition of writes is off: it needs sessions, which servers that stand alone or are only alike do
//! not have. Each operation here may be done twice without harm, so one that met a change of primary is simply repeated.

use std::{
    future::Future,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use mongodb::{
    Client, Collection, Cursor, Database,
    bson::{Bson, Document, RawDocumentBuf, doc},
    error::{Error, Result as DriverResult},
    options::{ClientOptions, ReadPreference, SelectionCriteria},
};

use super::error::{DUPLICATE_KEY, MongoOpenError, Trouble, is_away, is_worth_repeating, store_error};
use crate::store::{MongoConfig, StoreError};

/// No operation takes this long, unless the server is frozen or the network swallows what is sent.
pub(super) const ANSWER_TIME_MAX: Duration = Duration::from_secs(30);

/// How long the driver tries to reach a server, and how often it looks whether servers are well.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
const HEARTBEAT: Duration = Duration::from_secs(2);

/// How long operations fail at once after no server was found.
const AWAY_PAUSE: Duration = Duration::from_millis(500);

/// The client, and the names of what is ours.
#[derive(Debug)]
pub(super) struct Connection {
    database: Database,
    collection: String,
    circuit: Circuit,
}

impl Connection {
    /// Makes a client. It connects by and by, so this fails only if the connection string is wrong.
    pub(super) async fn new(config: &MongoConfig) -> Result<Self, MongoOpenError> {
        let open_error = |source| MongoOpenError { url: config.url.to_string(), source };
        let mut options = ClientOptions::parse(config.url.reveal()).await.map_err(open_error)?;
        options.app_name.get_or_insert_with(|| "labtrail-collector".to_owned());
        options.server_selection_timeout = Some(config.server_selection_timeout.0);
        options.connect_timeout.get_or_insert(CONNECT_TIMEOUT);
        options.heartbeat_freq.get_or_insert(HEARTBEAT);
        options.retry_writes = Some(false);
        // What was written must be seen by who reads next, above all by the look for repeats.
        options.selection_criteria = Some(SelectionCriteria::ReadPreference(ReadPreference::Primary));
        options.read_concern = None;
        // Operations say themselves how durable they are; see `insert`.
        options.write_concern = None;
        let client = Client::with_options(options).map_err(open_error)?;
        let database = client.database(&config.database);
        Ok(Self { database, collection: config.collection.clone(), circuit: Circuit::default() })
    }

    /// The database.
    pub(super) fn database(&self) -> &Database {
        &self.database
    }

    /// The name of the collection of events.
    pub(super) fn events_name(&self) -> &str {
        &self.collection
    }

    /// The collection of events.
    pub(super) fn events(&self) -> Collection<RawDocumentBuf> {
        self.database.collection(&self.collection)
    }

    /// A collection of ours beside it.
    pub(super) fn beside<T: Send + Sync>(&self, name: &str) -> Collection<T> {
        self.database.collection(&format!("{}_labtrail_{name}", self.collection))
    }

    /// Does something with the server.
    pub(super) async fn run<T, F>(&self, attempt: &'static str, operation: impl Fn() -> F) -> Result<T, StoreError>
    where
        F: Future<Output = DriverResult<T>> + Send,
    {
        self.raw(attempt, ANSWER_TIME_MAX, operation).await?.map_err(|error| store_error(attempt, error))
    }

    /// Does something with the server, for whom its own words matter. The outer error is that nothing was heard of it.
    pub(super) async fn raw<T, F>(
        &self,
        attempt: &'static str,
        time_max: Duration,
        operation: impl Fn() -> F,
    ) -> Result<DriverResult<T>, StoreError>
    where
        F: Future<Output = DriverResult<T>> + Send,
    {
        if let Some(reason) = self.circuit.refuses() {
            return Err(Trouble::AwayBefore(reason).passing(attempt));
        }
        let mut is_first = true;
        loop {
            let Ok(result) = tokio::time::timeout(time_max, operation()).await else {
                self.circuit.opened_by("it does not answer");
                return Err(Trouble::Silent(time_max.as_secs()).passing(attempt));
            };
            match result {
                Err(error) if is_first && is_worth_repeating(&error) => is_first = false,
                Err(error) => {
                    if is_away(&error) {
                        self.circuit.opened_by(&error);
                    } else {
                        self.circuit.closed();
                    }
                    return Ok(Err(error));
                }
                Ok(value) => {
                    self.circuit.closed();
                    return Ok(Ok(value));
                }
            }
        }
    }

    /// Makes updates in a collection of ours, one after the other, of which each also makes its document. What is reported is
    /// durable.
    pub(super) async fn upsert_all(
        &self,
        attempt: &'static str,
        collection: &str,
        updates: Vec<Document>,
    ) -> Result<(), StoreError> {
        let command = doc! {
            "update": self.beside::<Document>(collection).name(), "updates": updates, "ordered": true,
            "writeConcern": {"w": "majority", "j": true, "wtimeout": 10_000},
        };
        // Two collectors that make one document at once: for one of them it is there already when it tries again.
        for is_last in [false, true] {
            let reply = self.run(attempt, || self.database.run_command(command.clone()).into_future()).await?;
            if let Ok(concern) = reply.get_document("writeConcernError") {
                let message = concern.get_str("errmsg").unwrap_or_default().to_owned();
                return Err(Trouble::NotConfirmed(message).passing(attempt));
            }
            let errors = reply.get_array("writeErrors").ok();
            let Some(error) = errors.and_then(|errors| errors.first()).and_then(Bson::as_document) else {
                return Ok(());
            };
            let code = error.get_i32("code").unwrap_or_default();
            if is_last || code != DUPLICATE_KEY {
                let message = error.get_str("errmsg").unwrap_or_default().to_owned();
                return Err(Trouble::Refused { code, message }.of_code(code, attempt));
            }
        }
        Ok(())
    }

    /// Goes on to the next document of a cursor; says whether there is one.
    pub(super) async fn advance<T>(attempt: &'static str, cursor: &mut Cursor<T>) -> Result<bool, StoreError> {
        match tokio::time::timeout(ANSWER_TIME_MAX, cursor.advance()).await {
            Ok(advanced) => advanced.map_err(|error| store_error(attempt, error)),
            Err(_) => Err(Trouble::Silent(ANSWER_TIME_MAX.as_secs()).passing(attempt)),
        }
    }

    /// Whether the error of a search means that the server will not answer this question, though it might another.
    pub(super) fn is_refusal(error: &Error) -> bool {
        matches!(store_error("ask", error.clone()), StoreError::Failed { .. })
    }
}

/// Remembers for a moment that nobody was there.
#[derive(Debug, Default)]
struct Circuit(Mutex<Option<Away>>);

#[derive(Debug)]
struct Away {
    until: Instant,
    reason: String,
}

impl Circuit {
    fn away(&self) -> std::sync::MutexGuard<'_, Option<Away>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Why nothing shall be tried now. After a pause one caller is let through, and the others wait for what it finds.
    fn refuses(&self) -> Option<String> {
        let mut away = self.away();
        let away = away.as_mut()?;
        if Instant::now() < away.until {
            return Some(away.reason.clone());
        }
        away.until = Instant::now() + ANSWER_TIME_MAX.min(AWAY_PAUSE * 8);
        None
    }

    fn opened_by(&self, reason: impl std::fmt::Display) {
        *self.away() = Some(Away { until: Instant::now() + AWAY_PAUSE, reason: reason.to_string() });
    }

    fn closed(&self) {
        let mut away = self.away();
        if away.is_some() {
            *away = None;
        }
    }
}
