//! What is handed to the client library, and what of it must be known when it comes back.

use std::sync::{
    Arc, Mutex, PoisonError,
    atomic::{AtomicU32, Ordering},
};

use labtrail_shared::{kafka::header, wire};
use rdkafka::message::{Header, OwnedHeaders};
use tokio::sync::OwnedSemaphorePermit;

use crate::delivery::{Batch, Ledger, Receipt};

/// A batch on its way, in as many parcels as it takes. It is acknowledged when all of them are delivered; one that is
/// dropped before that acknowledges nothing.
#[derive(Debug)]
pub(super) struct Consignment {
    receipt: Receipt,
    parcels_left: AtomicU32,
    room: Mutex<Option<OwnedSemaphorePermit>>,
}

/// One Kafka record on its way; its payload is kept beside it only while the client library does not hold it.
#[derive(Debug)]
pub(super) struct Parcel {
    pub consignment: Arc<Consignment>,
    /// Agent and source: what keeps a source on one partition.
    pub key: Arc<[u8]>,
    /// How many events it holds.
    pub count: u32,
    pub form: Form,
    /// It is sent with nothing beside it, so that a refusal for its size means itself.
    pub is_alone: bool,
}

/// What a Kafka record is.
#[derive(Debug)]
pub(super) enum Form {
    /// A batch of events.
    Batch,
    /// One event, with what a collector could not tell from it.
    Single {
        /// What tells a repeat from a conflict.
        hash: u64,
        /// The instant of its time, in microseconds UTC.
        time: i64,
    },
    /// What is too large or is no event; the headers say what it was.
    DeadLetter(OwnedHeaders),
}

/// Where a record goes; each has a lane of its own, so that one that is shut does not hold up the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Route {
    Events,
    DeadLetters,
}

impl Route {
    pub(super) const ALL: [Self; 2] = [Self::Events, Self::DeadLetters];
}

/// A parcel with its payload.
#[derive(Debug)]
pub(super) struct Outgoing {
    pub parcel: Box<Parcel>,
    pub payload: Vec<u8>,
}

impl Consignment {
    pub(super) fn new(receipt: Receipt, room: OwnedSemaphorePermit, parcels: u32) -> Arc<Self> {
        Arc::new(Self { receipt, parcels_left: AtomicU32::new(parcels), room: Mutex::new(Some(room)) })
    }

    /// A parcel became two.
    pub(super) fn add_parcel(&self) {
        self.parcels_left.fetch_add(1, Ordering::AcqRel);
    }

    /// A parcel is delivered.
    pub(super) fn delivered(&self, ledger: &Ledger) {
        if self.parcels_left.fetch_sub(1, Ordering::AcqRel) == 1 {
            // Room first: the source that the acknowledgement wakes can then go on at once.
            drop(self.room.lock().unwrap_or_else(PoisonError::into_inner).take());
            ledger.acknowledge([self.receipt]);
        }
    }
}

impl Parcel {
    pub(super) fn route(&self) -> Route {
        match self.form {
            Form::Batch | Form::Single { .. } => Route::Events,
            Form::DeadLetter(_) => Route::DeadLetters,
        }
    }

    /// The headers of its record.
    pub(super) fn headers(&self, agent: &str) -> OwnedHeaders {
        let number = |value: i128| value.to_string();
        let mut headers = match &self.form {
            Form::DeadLetter(headers) => return headers.clone(),
            Form::Batch | Form::Single { .. } => OwnedHeaders::new_with_capacity(5),
        };
        let mut put = |key, value: &str| {
            headers = std::mem::take(&mut headers).insert(Header { key, value: Some(value) });
        };
        put(header::VERSION, &number(i128::from(wire::VERSION)));
        put(header::AGENT, agent);
        put(header::COUNT, &number(i128::from(self.count)));
        if let Form::Single { hash, time } = self.form {
            put(header::HASH, &number(i128::from(hash)));
            put(header::TIME, &number(i128::from(time)));
        }
        headers
    }
}

/// A batch as one record.
pub(super) fn of_batch(agent: &str, batch: Batch) -> Outgoing {
    let Batch { body, count, file, receipt, room } = batch;
    let consignment = Consignment::new(receipt, room, 1);
    let parcel = Parcel { consignment, key: key(agent, &file), count, form: Form::Batch, is_alone: false };
    Outgoing { parcel: Box::new(parcel), payload: body }
}

/// The key of the records of a file.
pub(super) fn key(agent: &str, file: &str) -> Arc<[u8]> {
    [agent.as_bytes(), b"\0", file.as_bytes()].concat().into()
}
