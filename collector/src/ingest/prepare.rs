//! Makes events of a body: decoded, expanded, checked. Pure work without waiting, in chunks, so that a large body never
//! stands in memory as events all at once.

use jiff::{Timestamp, tz::TimeZone};
use labtrail_shared::{
    event::{Defaults, Event, EventProblem},
    record_hash,
    source::Source,
    timestamp::EventTimestamp,
    wire::{self, Batch, Refusal},
};
use serde_json::{Value, value::RawValue};
use ulid::Ulid;

use super::{IngestError, Origin, Refused, reason};
use crate::store::{DeadLetter, NewEvent};

/// Events that go to the store together: enough to make one commit worth its wait, few enough to stay small.
const CHUNK_EVENTS: usize = 4096;

/// In which form the events of a body are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// Batches of the agent's form.
    Batches,
    /// One MADSci event, or an array of them.
    Json,
    /// MADSci events, one a line.
    Lines,
}

/// Some of the events of a body.
#[derive(Debug, Default)]
pub(super) struct Chunk {
    pub(super) events: Vec<NewEvent>,
    /// Batch and index of each event.
    pub(super) places: Vec<(usize, usize)>,
    pub(super) letters: Vec<Letter>,
    /// How many of the events had something wrong in them.
    pub(super) normalized: u64,
}

/// Something that is no event.
#[derive(Debug)]
pub(super) struct Letter {
    pub(super) letter: DeadLetter,
    pub(super) refused: Refused,
}

/// What is known before the body is read.
#[derive(Debug, Clone)]
pub(super) struct Preparation {
    pub(super) zone: TimeZone,
    pub(super) defaults: Defaults,
    pub(super) received: i64,
    pub(super) origin: Origin,
    pub(super) batch_events_max: usize,
    /// From which the ids of events that have none follow, each by its index: the same whenever this body is read.
    pub(super) ids: Ulid,
}

impl Preparation {
    /// Gives the events in chunks to `take`, until there are no more or `take` wants none.
    pub(super) fn run(&self, form: Form, body: &[u8], mut take: impl FnMut(Chunk) -> bool) -> Result<(), IngestError> {
        match form {
            Form::Batches => self.run_batches(&self.decode(body)?, take),
            Form::Json => {
                let first = body.trim_ascii_start().first();
                if first == Some(&b'[') {
                    let values: Vec<&RawValue> = serde_json::from_slice(body).map_err(IngestError::Json)?;
                    self.run_texts(values.into_iter().map(|value| value.get().as_bytes()), take);
                } else {
                    let value: &RawValue = serde_json::from_slice(body).map_err(IngestError::Json)?;
                    self.run_texts([value.get().as_bytes()].into_iter(), take);
                }
            }
            Form::Lines => {
                let lines = body.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii);
                self.run_texts(lines.filter(|line| !line.is_empty()), &mut take);
            }
        }
        Ok(())
    }

    /// The batches of a body, none of them too long.
    pub(super) fn decode<'a>(&self, body: &'a [u8]) -> Result<Vec<Batch<'a>>, IngestError> {
        let batches = wire::decode(body)?;
        for (index, batch) in batches.iter().enumerate() {
            let (events, limit) = (batch.lines.len(), self.batch_events_max);
            if events > limit {
                return Err(IngestError::TooManyEvents { batch: index, events, limit });
            }
        }
        Ok(batches)
    }

    fn run_batches(&self, batches: &[Batch<'_>], mut take: impl FnMut(Chunk) -> bool) {
        let mut chunk = Chunk::default();
        for (number, batch) in batches.iter().enumerate() {
            let (events, refusals) = wire::expand(batch, &self.zone);
            let mut refused = refusals.iter().map(|refusal| refusal.index).peekable();
            let mut index = 0;
            for event in events {
                // The lines that were refused left gaps in the numbering.
                while refused.next_if_eq(&index).is_some() {
                    index += 1;
                }
                if Timestamp::from_microsecond(event.time).is_ok() {
                    chunk.normalized += u64::from(event.is_normalized);
                    let (event, time, hash) = (event.event, event.time, event.hash);
                    chunk.events.push(NewEvent { event, time, received: self.received, hash, kafka: None });
                    chunk.places.push((number, index));
                } else {
                    let refusal = Refusal {
                        index,
                        id: Some(event.event.id),
                        reason: "the time is beyond the year 9999".to_owned(),
                        line: batch.lines[index].to_vec(),
                    };
                    chunk.letters.push(self.line_letter(number, batch, refusal));
                }
                index += 1;
            }
            chunk.letters.extend(refusals.into_iter().map(|refusal| self.line_letter(number, batch, refusal)));
            if chunk.events.len() + chunk.letters.len() >= CHUNK_EVENTS && !take(std::mem::take(&mut chunk)) {
                return;
            }
        }
        take(chunk);
    }

    fn run_texts<'a>(&self, texts: impl Iterator<Item = &'a [u8]>, mut take: impl FnMut(Chunk) -> bool) {
        let mut chunk = Chunk::default();
        for (index, text) in texts.enumerate() {
            match self.read_text(text, index) {
                Ok(event) => {
                    chunk.events.push(event);
                    chunk.places.push((0, index));
                }
                Err((reason, detail)) => {
                    let refused = Refused { batch: 0, index, id: None, reason: detail.clone() };
                    let (received, origin, bytes) = (self.received, self.origin.clone().into_json(), text.to_vec());
                    let letter = DeadLetter { received, reason: reason.into(), detail, origin, id: None, bytes };
                    chunk.letters.push(Letter { letter, refused });
                }
            }
            if chunk.events.len() + chunk.letters.len() >= CHUNK_EVENTS && !take(std::mem::take(&mut chunk)) {
                return;
            }
        }
        take(chunk);
    }

    fn read_text(&self, text: &[u8], index: usize) -> Result<NewEvent, (&'static str, String)> {
        let mut value: Value = serde_json::from_slice(text).map_err(|error| (reason::NOT_JSON, error.to_string()))?;
        if let Value::Object(fields) = &mut value
            && !fields.contains_key("_id")
            && !fields.contains_key("event_id")
        {
            let id = Ulid(self.ids.0.wrapping_add(index as u128));
            fields.insert("_id".to_owned(), Value::from(id.to_string()));
        }
        whole_event(value, &self.defaults, &self.zone, self.received)
            .map_err(|problems| (reason::NOT_AN_EVENT, problems_text(&problems)))
    }

    fn line_letter(&self, number: usize, batch: &Batch<'_>, refusal: Refusal) -> Letter {
        let envelope = &batch.envelope;
        let origin = self.origin.clone().with([
            ("agent", Value::from(envelope.agent.as_str())),
            ("host", Value::from(envelope.host.as_str())),
            ("file", Value::from(envelope.file.as_str())),
            ("batch_offset", Value::from(envelope.offset)),
            ("line", Value::from(refusal.index)),
        ]);
        Letter {
            refused: Refused {
                batch: number,
                index: refusal.index,
                id: refusal.id.clone(),
                reason: refusal.reason.clone(),
            },
            letter: DeadLetter {
                received: self.received,
                reason: reason::UNREADABLE_LINE.into(),
                detail: refusal.reason,
                origin: origin.into_json(),
                id: refusal.id,
                bytes: refusal.line,
            },
        }
    }
}

/// Reads an event that came whole.
pub(super) fn whole_event(
    value: Value,
    defaults: &Defaults,
    zone: &TimeZone,
    received: i64,
) -> Result<NewEvent, Vec<EventProblem>> {
    let said = Said::of(&value);
    let event = Event::from_json_owned(value, defaults)?;
    let hash = said.hash(&event);
    Ok(NewEvent { time: event.event_timestamp.utc_micros(zone), event, received, hash, kafka: None })
}

/// The hash of an event that came whole. A time or a source that was filled in here may be other when the same event is
/// sent again, or to another collector: neither is content.
pub(super) fn content_hash(value: &Value, event: &Event) -> u64 {
    Said::of(value).hash(event)
}

/// What a sender said of an event himself.
struct Said {
    is_timed: bool,
    is_owned: bool,
}

impl Said {
    fn of(value: &Value) -> Self {
        Self { is_timed: value.get("event_timestamp").is_some(), is_owned: value.get("source").is_some() }
    }

    fn hash(&self, event: &Event) -> u64 {
        if self.is_timed && self.is_owned {
            return record_hash::of_event(event);
        }
        let mut said = event.clone();
        if !self.is_timed {
            said.event_timestamp = EventTimestamp { civil_micros: 0, offset_seconds: None };
        }
        if !self.is_owned {
            said.source = Source::default();
        }
        record_hash::of_event(&said)
    }
}

pub(super) fn problems_text(problems: &[EventProblem]) -> String {
    problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
}
