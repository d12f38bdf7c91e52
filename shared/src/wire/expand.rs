//! Makes whole events of the lines of a batch: ids, offsets, times and the shared words are filled in here.

use std::borrow::Cow;

use jiff::tz::TimeZone;
use serde_json::{Map, Value, json};

use super::{Batch, Envelope, Refusal, decode::Line};
use crate::{
    event::{Defaults, Event},
    event_id::{OFFSET_LIMIT, derive},
    event_type::EventType,
    level::LogLevel,
    record_hash,
    timestamp::EventTimestamp,
};

/// An event that an agent sent, and what a store keeps beside it.
#[derive(Debug, Clone, PartialEq)]
pub struct AgentEvent {
    /// The event.
    pub event: Event,
    /// The instant of its time in microseconds UTC.
    pub time: i64,
    /// What tells a repeat from a conflict.
    pub hash: u64,
    /// Whether something in it was wrong and is kept in `event_data.original`.
    pub is_normalized: bool,
}

/// Expands a batch. `zone` is the collector's, for times without an offset where the envelope names no zone.
///
/// Lines that are no events come back as refusals; as offsets are differences, a line that cannot be read takes the
/// rest of its batch along.
pub fn expand(batch: &Batch<'_>, zone: &TimeZone) -> (Vec<AgentEvent>, Vec<Refusal>) {
    expand_unknown(batch, zone, |_| false)
}

/// What is told of an event before it is made: to tell it costs a small part of making the event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Outline<'a> {
    /// The event's id.
    pub id: &'a str,
    /// The hash of its record.
    pub hash: u64,
    /// Its level.
    pub level: LogLevel,
    /// Whether somebody is to be alerted.
    pub alert: bool,
}

impl<'a> Outline<'a> {
    /// What is told of an event that was made already.
    pub fn of(event: &'a Event, hash: u64) -> Self {
        Self { id: &event.id, hash, level: event.log_level, alert: event.alert }
    }
}

/// Like [`expand`], without the events of which `is_known` says so by their outlines.
pub fn expand_unknown(
    batch: &Batch<'_>,
    zone: &TimeZone,
    mut is_known: impl FnMut(Outline<'_>) -> bool,
) -> (Vec<AgentEvent>, Vec<Refusal>) {
    let mut events = Vec::new();
    let mut refusals = Vec::new();
    let mut state = match State::new(&batch.envelope, zone) {
        Ok(state) => state,
        Err(reason) => {
            refusals.extend(refuse_all(&batch.lines, 0, &reason));
            return (events, refusals);
        }
    };
    for (index, line) in batch.lines.iter().enumerate() {
        let parsed = serde_json::from_slice::<Line<'_>>(line).map_err(|error| error.to_string());
        let next = parsed.and_then(|parsed| state.advance(&parsed).map(|place| (parsed, place)));
        let (parsed, place) = match next {
            Ok(next) => next,
            Err(reason) => {
                let reason =
                    format!("line {index} of the batch cannot be read, and the offsets after it are unknown: {reason}");
                refusals.extend(refuse_all(&batch.lines, index, &reason));
                break;
            }
        };
        match state.event(&parsed, place, &mut is_known) {
            Ok(None) => {}
            Ok(Some(event)) => {
                if events.is_empty() {
                    events.reserve(batch.lines.len() - index);
                }
                events.push(event);
            }
            Err(reason) => {
                let id = Some(state.id(&parsed, place.offset));
                refusals.push(Refusal { index, id, reason, line: line.to_vec() });
            }
        }
    }
    (events, refusals)
}

fn refuse_all(lines: &[&[u8]], from: usize, reason: &str) -> Vec<Refusal> {
    let refuse =
        |(index, line): (usize, &&[u8])| Refusal { index, id: None, reason: reason.to_owned(), line: line.to_vec() };
    lines.iter().enumerate().skip(from).map(refuse).collect()
}

/// Where in the file a record stands, and how its time is known.
#[derive(Debug, Clone, Copy)]
struct Place {
    offset: u64,
    is_time_own: bool,
}

/// What the lines so far said.
struct State<'a> {
    envelope: &'a Envelope,
    zone: TimeZone,
    offset: u64,
    time: Option<i64>,
    zone_offset: Option<i32>,
    /// The last naive time's hour and its distance to UTC: zones change on the hour at the earliest.
    hour_offset: Option<(i64, i64)>,
}

impl<'a> State<'a> {
    fn new(envelope: &'a Envelope, collector_zone: &TimeZone) -> Result<Self, String> {
        let zone = match &envelope.zone {
            None => collector_zone.clone(),
            Some(name) => {
                TimeZone::get(name).map_err(|_| format!("the envelope's zone {name:?} is not an IANA zone"))?
            }
        };
        let (offset, time, zone_offset) = (envelope.offset, envelope.time, envelope.zone_offset);
        Ok(Self { envelope, zone, offset, time, zone_offset, hour_offset: None })
    }

    /// Moves on by one line.
    fn advance(&mut self, line: &Line<'_>) -> Result<Place, String> {
        let offset = self.offset.checked_add(line.o).filter(|offset| *offset < OFFSET_LIMIT);
        self.offset = offset.ok_or_else(|| format!("offset beyond {OFFSET_LIMIT}"))?;
        if let Some(difference) = line.t {
            self.time = Some(self.time.unwrap_or(0).wrapping_add(difference));
        }
        if let Some(zone_offset) = line.z {
            self.zone_offset = zone_offset;
        }
        Ok(Place { offset: self.offset, is_time_own: line.t.is_some() })
    }

    /// The id of a record: of its place in the file, and where that says nothing also of the number that tells it from others.
    fn id(&self, line: &Line<'_>, offset: u64) -> String {
        let identity = self.envelope.identity;
        match line.n {
            None => derive(identity, offset),
            Some(number) => derive(identity.of_number(number), number % OFFSET_LIMIT),
        }
    }

    /// The event of a line, unless it is known.
    fn event(
        &mut self,
        line: &Line<'_>,
        place: Place,
        is_known: &mut impl FnMut(Outline<'_>) -> bool,
    ) -> Result<Option<AgentEvent>, String> {
        if let Some(event) = line.e {
            let event = self.madsci_event(event.get(), line.h)?;
            return Ok((!is_known(Outline::of(&event.event, event.hash))).then_some(event));
        }
        let level = line
            .l
            .map(|number| LogLevel::from_number(i64::from(number)).ok_or_else(|| format!("{number} is not a level")));
        let level = level.transpose()?;
        let text = match (&line.m, line.j) {
            (Some(text), None) => text.as_bytes(),
            (None, Some(object)) => object.get().as_bytes(),
            _ => return Err("a line has either m, j or e".to_owned()),
        };
        let id = self.id(line, place.offset);
        let hash = line.h.unwrap_or_else(|| record_hash::of_raw_record(text));
        if is_known(Outline { id: &id, hash, level: level.unwrap_or_default(), alert: false }) {
            return Ok(None);
        }
        let fields =
            line.j.or(line.f).map(|object| serde_json::from_str::<Map<String, Value>>(object.get())).transpose();
        let fields = fields.map_err(|error| format!("the record's JSON: {error}"))?;
        // What came in through a socket stands for itself: the message before may be another sender's.
        let is_alone = self.envelope.input.is_some() && !place.is_time_own;
        let (event_timestamp, timestamp_source) = match self.time.filter(|_| !is_alone) {
            Some(time) => {
                let written = EventTimestamp { civil_micros: time, offset_seconds: self.zone_offset };
                (written, (!place.is_time_own).then_some("inherited"))
            }
            None => (EventTimestamp::from_utc_micros(self.envelope.observed), Some("observed")),
        };
        let event = Event {
            id,
            event_type: EventType::of_log_record(level),
            log_level: level.unwrap_or_default(),
            alert: false,
            event_timestamp,
            source: self.envelope.source.clone().unwrap_or_default(),
            event_data: self.event_data(line, place.offset, level, timestamp_source, fields),
            trace_id: None,
            span_id: None,
            archived: false,
            archived_at: None,
        };
        Ok(Some(AgentEvent { time: self.utc_micros(&event_timestamp), event, hash, is_normalized: false }))
    }

    fn event_data(
        &self,
        line: &Line<'_>,
        offset: u64,
        level: Option<LogLevel>,
        timestamp_source: Option<&str>,
        fields: Option<Map<String, Value>>,
    ) -> Value {
        let mut data = Map::with_capacity(5);
        let message = match (&line.m, &fields, &line.k) {
            (Some(text), ..) => Value::from(text.as_ref()),
            (None, Some(fields), Some(key)) => match fields.get(key.as_ref()) {
                Some(Value::String(text)) => Value::from(text.as_str()),
                Some(other) => Value::from(other.to_string()),
                None => Value::Null,
            },
            _ => Value::Null,
        };
        if !message.is_null() {
            data.insert("message".to_owned(), message);
        }
        let mut host = Map::with_capacity(1 + self.envelope.host_facts.len());
        host.insert("name".to_owned(), Value::from(self.envelope.host.as_str()));
        host.extend(self.envelope.host_facts.iter().map(|(key, value)| (key.clone(), value.clone())));
        data.insert("host".to_owned(), Value::Object(host));
        let mut log = Map::with_capacity(4);
        if let Some(input) = &self.envelope.input {
            data.insert("input".to_owned(), Value::from(&**input));
        } else {
            log.insert("file".to_owned(), json!({ "path": self.envelope.file }));
            log.insert("offset".to_owned(), Value::from(offset));
        }
        if let Some(address) = &line.a {
            log.insert("source".to_owned(), json!({ "address": address }));
        }
        if let Some(level) = level {
            log.insert("level".to_owned(), Value::from(line.v.as_ref().map_or(level.name(), Cow::as_ref)));
        }
        if let Some(source) = timestamp_source {
            log.insert("timestamp_source".to_owned(), Value::from(source));
        }
        if line.p.is_some() {
            log.insert("partial".to_owned(), Value::from(true));
        }
        if let Some(length) = line.c {
            log.insert("truncated".to_owned(), Value::from(true));
            log.insert("original_length".to_owned(), Value::from(length));
        }
        if let Some(count) = line.i {
            log.insert("invalid_sequences".to_owned(), Value::from(count));
        }
        data.insert("log".to_owned(), Value::Object(log));
        if !self.envelope.labels.is_empty() {
            let labels = self.envelope.labels.iter().map(|(key, value)| (key.clone(), Value::from(value.as_str())));
            data.insert("labels".to_owned(), Value::Object(labels.collect()));
        }
        let mut shared = Map::clone(&self.envelope.fields);
        match fields {
            Some(fields) if shared.is_empty() => shared = fields,
            Some(fields) => shared.extend(fields),
            None => {}
        }
        if line.j.is_some() || !shared.is_empty() {
            data.insert("fields".to_owned(), Value::Object(shared));
        }
        if let Some(tags) = &line.g {
            data.insert("tags".to_owned(), tags.iter().map(Cow::as_ref).collect());
        }
        Value::Object(data)
    }

    /// A line that MADSci's client wrote is the very event that it also posts: same id, same content, same hash.
    fn madsci_event(&mut self, text: &str, hash: Option<u64>) -> Result<AgentEvent, String> {
        let value: Value = serde_json::from_str(text).map_err(|error| format!("the record's JSON: {error}"))?;
        let defaults = Defaults {
            now: EventTimestamp::from_utc_micros(self.envelope.observed),
            source: self.envelope.source.clone().unwrap_or_default(),
        };
        let read = Event::from_json_normalized(&value, &defaults);
        let (event, is_normalized) = read.map_err(|problem| problem.to_string())?;
        let hash = hash.unwrap_or_else(|| record_hash::of_whole_event(&event.to_json()));
        Ok(AgentEvent { time: self.utc_micros(&event.event_timestamp), event, hash, is_normalized })
    }

    fn utc_micros(&mut self, time: &EventTimestamp) -> i64 {
        const MICROS_PER_HOUR: i64 = 3_600_000_000;
        if time.offset_seconds.is_some() {
            return time.utc_micros(&self.zone);
        }
        let hour = time.civil_micros.div_euclid(MICROS_PER_HOUR);
        match self.hour_offset {
            Some((known_hour, distance)) if known_hour == hour => time.civil_micros - distance,
            _ => {
                let utc = time.utc_micros(&self.zone);
                self.hour_offset = Some((hour, time.civil_micros - utc));
                utc
            }
        }
    }
}
