//! What is too large for the brokers: a batch is cut until its parts fit; one event that does not fit by itself becomes
//! a dead letter of its beginning, with its full size and its place.

use jiff::tz::TimeZone;
use labtrail_shared::{kafka::header, wire};
use rdkafka::message::{Header, OwnedHeaders};
use serde_json::{Value, json};

use super::parcel::{Form, Outgoing, Parcel};

/// The reason of a dead letter whose record no broker takes.
const RECORD_TOO_LARGE: &str = "record_too_large";

/// Where an event comes from, as far as that is known.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Origin {
    pub host: String,
    pub file: String,
    pub offset: Option<u64>,
    pub id: Option<String>,
}

/// What is to be sent in the place of a record that is too large.
#[derive(Debug)]
pub(super) enum Smaller {
    /// Its two halves.
    Halves(Outgoing, Outgoing),
    /// Its beginning, to the dead letters.
    DeadLetter(Outgoing, Origin),
    /// The same, as it cannot be made smaller.
    Same(Outgoing),
}

/// Two halves of a batch, if it can be cut.
pub(super) fn halves(whole: Outgoing) -> Result<(Outgoing, Outgoing), Outgoing> {
    if !matches!(whole.parcel.form, Form::Batch) {
        return Err(whole);
    }
    let Some((first, second)) = wire::split(&whole.payload) else { return Err(whole) };
    let half = |part: wire::Part| {
        let (consignment, key) = (whole.parcel.consignment.clone(), whole.parcel.key.clone());
        let parcel = Parcel { consignment, key, count: part.count, form: Form::Batch, is_alone: false };
        Outgoing { parcel: Box::new(parcel), payload: part.body }
    };
    whole.parcel.consignment.add_parcel();
    Ok((half(first), half(second)))
}

/// What takes the place of a record that is too large even by itself.
pub(super) fn smaller(agent: &str, whole: Outgoing) -> Smaller {
    let whole = match halves(whole) {
        Ok((first, second)) => return Smaller::Halves(first, second),
        Err(whole) => whole,
    };
    let Outgoing { mut parcel, mut payload } = whole;
    if let Form::DeadLetter(_) = parcel.form {
        if payload.is_empty() {
            return Smaller::Same(Outgoing { parcel, payload });
        }
        truncate(&mut payload);
        parcel.is_alone = false;
        return Smaller::DeadLetter(Outgoing { parcel, payload }, Origin::default());
    }
    let origin = origin(&parcel, &payload);
    let detail = "the event is larger than what the brokers take; only the beginning of its record is kept";
    let headers = headers(agent, RECORD_TOO_LARGE, detail, &origin, Some(payload.len()));
    truncate(&mut payload);
    parcel.form = Form::DeadLetter(headers);
    parcel.is_alone = false;
    Smaller::DeadLetter(Outgoing { parcel, payload }, origin)
}

/// Halves a text, between two characters.
fn truncate(payload: &mut Vec<u8>) {
    let mut end = payload.len() / 2;
    while end > 0 && payload[end] & 0xC0 == 0x80 {
        end -= 1;
    }
    payload.truncate(end);
    payload.shrink_to_fit();
}

/// The headers of a dead letter.
pub(super) fn headers(
    agent: &str,
    reason: &str,
    detail: &str,
    origin: &Origin,
    full_size: Option<usize>,
) -> OwnedHeaders {
    let mut place = json!({ "door": "agent", "agent": agent, "host": origin.host, "file": origin.file });
    if let Some(offset) = origin.offset {
        place["offset"] = Value::from(offset);
    }
    let mut headers = OwnedHeaders::new_with_capacity(7);
    let mut put = |key, value: &str| {
        headers = std::mem::take(&mut headers).insert(Header { key, value: Some(value) });
    };
    put(header::VERSION, &wire::VERSION.to_string());
    put(header::AGENT, agent);
    put(header::REASON, reason);
    put(header::DETAIL, detail);
    put(header::ORIGIN, &place.to_string());
    if let Some(id) = &origin.id {
        put(header::ID, id);
    }
    if let Some(size) = full_size {
        put(header::FULL_SIZE, &size.to_string());
    }
    headers
}

/// Where the one event of a record comes from.
fn origin(parcel: &Parcel, payload: &[u8]) -> Origin {
    // The key is the agent and the file.
    let file = parcel.key.split(|byte| *byte == 0).nth(1).unwrap_or_default();
    let file = String::from_utf8_lossy(file).into_owned();
    let event = match parcel.form {
        Form::Batch => wire::decode(payload).ok().and_then(|batches| {
            let batch = batches.first()?;
            let (events, _) = wire::expand(batch, &TimeZone::UTC);
            let host = batch.envelope.host.clone();
            let line = events.first().map(|event| event.event.to_json()).unwrap_or_default();
            // A whole event that was read from a file says nothing of that file; its line is found by the envelope.
            let offset =
                line.pointer("/event_data/log/offset").and_then(Value::as_u64).or_else(|| batch.first_offset());
            Some((line, host, offset))
        }),
        Form::Single { .. } | Form::DeadLetter(_) => serde_json::from_slice::<Value>(payload).ok().map(|event| {
            let host = event.pointer("/event_data/host/name").and_then(Value::as_str).unwrap_or_default().to_owned();
            let offset = event.pointer("/event_data/log/offset").and_then(Value::as_u64);
            (event, host, offset)
        }),
    };
    let Some((event, host, offset)) = event else { return Origin { file, ..Origin::default() } };
    let id = event.get("_id").and_then(Value::as_str).map(str::to_owned);
    Origin { host, file, offset, id }
}
