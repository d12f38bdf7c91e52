//! Transforms work on whole events, as a collector would make them of a batch: the batch is expanded, each event goes
//! through the list, and what is left is packed again. A section without transforms pays nothing for this.

use std::sync::{Mutex, MutexGuard, PoisonError};

use jiff::{Timestamp, tz::TimeZone};
use labtrail_shared::{
    event_id, record_hash,
    timestamp::EventTimestamp,
    wire::{self, BatchEncoder, RecordBody, Refusal, WireRecord},
};
use serde_json::{Value, json};

use super::ClosedBatch;
use crate::{
    delivery::StreamId,
    status::{Counters, Step},
    transform::{TransformState, Transforms, Verdict},
};

/// The transforms of one section, and what they remember.
#[derive(Debug)]
pub(crate) struct Transforming {
    transforms: Transforms,
    names: Vec<String>,
    state: Mutex<TransformState>,
    zone: TimeZone,
    counters: Counters,
}

impl Transforming {
    /// The transforms of a section whose times without an offset are in `zone`.
    pub(crate) fn new(transforms: Transforms, zone: TimeZone, counters: Counters) -> Self {
        let state = Mutex::new(transforms.state());
        Self { names: transforms.names(), transforms, state, zone, counters }
    }

    /// Whether there are none.
    pub(super) fn is_empty(&self) -> bool {
        self.transforms.is_empty()
    }

    /// What the transforms leave of a batch.
    pub(super) fn apply(&self, batch: ClosedBatch, stream: StreamId) -> ClosedBatch {
        if self.transforms.is_empty() {
            return batch;
        }
        let batches = wire::decode(&batch.body).expect("a body from the intake is a batch");
        let [content] = &batches[..] else { unreachable!("a body from the intake is one batch") };
        let (events, refusals) = wire::expand(content, &self.zone);
        let mut packed = Packed::begin(&content.envelope, batch.body.len());
        let now = Timestamp::now().as_microsecond();
        let mut state = self.lock();
        let mut summaries = Vec::new();
        for event in events {
            let mut value = event.event.to_json();
            let verdict = self.transforms.apply(&mut state, &mut value, stream, now, &mut summaries);
            self.counters.records_read.inc_by(summaries.len() as u64);
            for summary in summaries.drain(..) {
                packed.push(&summary, None);
            }
            match verdict {
                Verdict::Keep => packed.push(&value, Some(event.hash)),
                Verdict::Dropped { by } => self.count_dropped(by),
            }
        }
        for refusal in refusals {
            // It is no event, and goes on as a text: what is to be hidden in events is hidden in it, too.
            let mut value = event_of_text(&refusal, now);
            let verdict = self.transforms.apply(&mut state, &mut value, stream, now, &mut summaries);
            match verdict {
                Verdict::Keep => packed.push(&value, Some(record_hash::of_raw_record(&refusal.line))),
                Verdict::Dropped { by } => self.count_dropped(by),
            }
        }
        drop(state);
        packed.close()
    }

    /// The summaries whose time has come; with `is_last` all that are owed.
    pub(crate) fn summaries(&self, is_last: bool) -> Vec<Value> {
        let mut summaries = Vec::new();
        if !self.transforms.is_empty() {
            let mut state = self.lock();
            if is_last {
                self.transforms.flush(&mut state, &mut summaries);
            } else {
                self.transforms.due(&mut state, Timestamp::now().as_microsecond(), &mut summaries);
            }
        }
        summaries
    }

    fn count_dropped(&self, by: usize) {
        let name = self.names.get(by).cloned().unwrap_or_default();
        self.counters.records_dropped.get_or_create(&Step { transform: name }).inc();
    }

    fn lock(&self) -> MutexGuard<'_, TransformState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A batch of whole events.
struct Packed {
    encoder: BatchEncoder,
    body: Vec<u8>,
    offset: u64,
}

impl Packed {
    fn begin(envelope: &wire::Envelope, bytes_expected: usize) -> Self {
        let mut body = Vec::with_capacity(bytes_expected * 2);
        let encoder = BatchEncoder::begin(envelope, &mut body);
        Self { encoder, body, offset: envelope.offset }
    }

    fn push(&mut self, event: &Value, hash: Option<u64>) {
        let text = event.to_string();
        let record =
            WireRecord { body: RecordBody::MadsciEvent(&text), raw_hash: hash, ..WireRecord::of_text(self.offset, "") };
        self.encoder.push(&record, &mut self.body);
    }

    fn close(self) -> ClosedBatch {
        ClosedBatch { count: self.encoder.count(), body: self.body }
    }
}

/// A line that is no event, as an event that holds its text.
fn event_of_text(refusal: &Refusal, now_micros: i64) -> Value {
    json!({
        "event_id": refusal.id.clone().unwrap_or_else(event_id::mint),
        "event_type": "log",
        "log_level": 20,
        "event_timestamp": EventTimestamp::from_utc_micros(now_micros).to_string(),
        "event_data": {
            "message": String::from_utf8_lossy(&refusal.line),
            "tags": ["parse_failure"],
        },
    })
}
