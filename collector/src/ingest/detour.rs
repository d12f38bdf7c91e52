//! The way of what came over HTTP while the store is away: through Kafka, from which it is stored later.
//!
//! Whole events go with all that was filled in here, with their hash and their instant, so that an event that comes twice
//! on both ways is a repeat. Batches go as they are.

use std::time::Duration;

use bytes::Bytes;
use labtrail_shared::wire::{self, Part};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};

use super::{Form, IngestError, Receipt, prepare::Preparation};
use crate::kafka::{
    producer::{Outgoing, Producer, SendError},
    record::BATCH_BEGINS,
};

/// How long one event may take. With the wait for the store before it this is less than the ten seconds that MADSci's client
/// has, and the client library notices its own limit only now and then.
const ONE_TIME_MAX: Duration = Duration::from_secs(6);

/// The client's queue takes ten times as many; a body may hold more than that.
const RECORDS_AT_ONCE: usize = 10_000;

/// What a body becomes on its way to Kafka.
#[derive(Debug, Default)]
pub(super) struct Parcel {
    pub(super) records: Vec<Outgoing>,
    /// What the sender is told; it counts what the records hold.
    pub(super) receipt: Receipt,
    /// The kinds of reason of what was refused.
    pub(super) reasons: Vec<std::borrow::Cow<'static, str>>,
}

/// Packs a body. Pure; what cannot be read at all is refused as it is on the other way.
pub(super) fn pack(preparation: &Preparation, form: Form, body: &Bytes) -> Result<Parcel, IngestError> {
    let mut parcel = Parcel::default();
    if form == Form::Batches {
        let batches = preparation.decode(body)?;
        let mut begins: Vec<usize> = batch_begins(body).collect();
        begins.push(body.len());
        for (batch, range) in batches.iter().zip(begins.windows(2)) {
            let (agent, file, events) = (&batch.envelope.agent, &batch.envelope.file, batch.lines.len());
            parcel.records.push(Outgoing::batch(agent, file, events, body.slice(range[0]..range[1])));
            parcel.receipt.queued += events as u64;
        }
    } else {
        preparation.run(form, body, |chunk| {
            parcel.receipt.queued += chunk.events.len() as u64;
            parcel.records.extend(chunk.events.iter().map(Outgoing::event));
            for letter in chunk.letters {
                parcel.reasons.push(letter.letter.reason.clone());
                parcel.receipt.refused.push(letter.refused);
                parcel.records.push(Outgoing::letter(letter.letter));
            }
            true
        })?;
    }
    parcel.receipt.accepted = parcel.receipt.queued;
    Ok(parcel)
}

/// Where batches begin: at each line that is an envelope.
fn batch_begins(body: &[u8]) -> impl Iterator<Item = usize> {
    let places = memchr::memmem::find_iter(body, BATCH_BEGINS);
    places.filter(|place| *place == 0 || body[place - 1] == b'\n')
}

/// Sends all records; a batch that is too large for the topic is cut in two as often as needed. The first failure is
/// that of all: who sent the body sends it again, and what of it was sent is then a repeat.
pub(super) async fn send(producer: &Producer, mut records: Vec<Outgoing>) -> Result<(), SendError> {
    while !records.is_empty() {
        let mut smaller = Vec::new();
        for part in records.chunks(RECORDS_AT_ONCE) {
            for (record, result) in part.iter().zip(producer.send_all(part).await) {
                match result {
                    Ok(()) => {}
                    Err(error @ SendError::TooLarge { .. }) => smaller.extend(halves(record).ok_or(error)?),
                    Err(error) => return Err(error),
                }
            }
        }
        records = smaller;
    }
    Ok(())
}

/// Sends one record, for whose sender it must not take long.
pub(super) async fn send_one(producer: &Producer, record: Outgoing) -> Result<(), SendError> {
    let topic = producer.topic_of(&record).to_owned();
    tokio::time::timeout(ONE_TIME_MAX, send(producer, vec![record])).await.unwrap_or_else(|_| {
        let source = KafkaError::MessageProduction(RDKafkaErrorCode::MessageTimedOut);
        Err(SendError::Failed { topic, source })
    })
}

fn halves(record: &Outgoing) -> Option<[Outgoing; 2]> {
    let (first, second) = wire::split(record.value())?;
    let half = |Part { body, count }| record.part(Bytes::from(body), count);
    Some([half(first), half(second)])
}
