//! `records = "single"`: a batch as one record for each of its events, as a collector would expand it.

use jiff::tz::TimeZone;
use labtrail_shared::wire::{self, Refusal};

use super::{
    dead_letter::{self, Origin},
    parcel::{Consignment, Form, Outgoing, Parcel, key},
};
use crate::delivery::Batch;

/// The reason of a line that is no event, as the collector calls it.
const NOT_AN_EVENT: &str = "not_an_event";

/// The events of a batch. What is no event goes to the dead letters, as a collector would put it there.
pub(super) fn of_batch(agent: &str, batch: Batch) -> Vec<Outgoing> {
    let batches = wire::decode(&batch.body).expect("a body from the intake is a batch");
    let [content] = &batches[..] else { unreachable!("a body from the intake is one batch") };
    let (events, refusals) = wire::expand(content, &TimeZone::system());
    let consignment = Consignment::new(batch.receipt, batch.room, (events.len() + refusals.len()) as u32);
    let key = key(agent, &batch.file);
    let outgoing = |form, payload| {
        let (consignment, key) = (consignment.clone(), key.clone());
        Outgoing { parcel: Box::new(Parcel { consignment, key, count: 1, form, is_alone: false }), payload }
    };
    let event = |event: wire::AgentEvent| {
        let payload = event.event.to_json().to_string().into_bytes();
        outgoing(Form::Single { hash: event.hash, time: event.time }, payload)
    };
    let refused = |Refusal { id, reason, line, .. }: Refusal| {
        let origin = Origin { host: content.envelope.host.clone(), file: batch.file.clone(), offset: None, id };
        outgoing(Form::DeadLetter(dead_letter::headers(agent, NOT_AN_EVENT, &reason, &origin, None)), line)
    };
    events.into_iter().map(event).chain(refusals.into_iter().map(refused)).collect()
}
