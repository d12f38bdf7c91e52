//! The hash by which a store tells a repeat (same id, same content) from a conflict (same id, other content).
//!
//! It covers what was read, never what was made of it: parsed fields and observed times may differ when the same
//! bytes are read again later or under another configuration.

use serde::Serialize;
use serde_json::{Map, Value};
use xxhash_rust::xxh3::xxh3_64;

use crate::event::Event;

/// The hash of a record that an agent read: XXH3 (64 bit) over its raw bytes without the line end.
pub fn of_raw_record(bytes: &[u8]) -> u64 {
    xxh3_64(bytes)
}

/// The hash of an event that came whole over HTTP: XXH3 (64 bit) over its compact JSON with sorted keys.
pub fn of_whole_event(event: &Value) -> u64 {
    let mut text = Vec::with_capacity(512);
    write_canonical(event, &mut text);
    xxh3_64(&text)
}

/// The same hash as [`of_whole_event`] has of the event's JSON.
pub fn of_event(event: &Event) -> u64 {
    let mut out = Vec::with_capacity(512);
    out.extend_from_slice(b"{\"_id\":");
    write_scalar(&event.id, &mut out);
    out.extend_from_slice(b",\"alert\":");
    write_scalar(&event.alert, &mut out);
    out.extend_from_slice(b",\"archived\":");
    write_scalar(&event.archived, &mut out);
    out.extend_from_slice(b",\"archived_at\":");
    write_scalar(&event.archived_at, &mut out);
    out.extend_from_slice(b",\"event_data\":");
    write_canonical(&event.event_data, &mut out);
    out.extend_from_slice(b",\"event_timestamp\":");
    write_scalar(&event.event_timestamp, &mut out);
    out.extend_from_slice(b",\"event_type\":");
    write_scalar(&event.event_type, &mut out);
    out.extend_from_slice(b",\"log_level\":");
    write_scalar(&event.log_level, &mut out);
    out.extend_from_slice(b",\"source\":");
    write_canonical_object(event.source.as_object(), &mut out);
    out.extend_from_slice(b",\"span_id\":");
    write_scalar(&event.span_id, &mut out);
    out.extend_from_slice(b",\"trace_id\":");
    write_scalar(&event.trace_id, &mut out);
    out.push(b'}');
    xxh3_64(&out)
}

/// Key order is no content: a client that is asked twice may write it differently.
fn write_canonical(value: &Value, out: &mut Vec<u8>) {
    match value {
        Value::Object(map) => write_canonical_object(map, out),
        Value::Array(items) => {
            out.push(b'[');
            for (index, item) in items.iter().enumerate() {
                if index > 0 {
                    out.push(b',');
                }
                write_canonical(item, out);
            }
            out.push(b']');
        }
        scalar => write_scalar(scalar, out),
    }
}

fn write_canonical_object(map: &Map<String, Value>, out: &mut Vec<u8>) {
    let mut fields: Vec<(&String, &Value)> = map.iter().collect();
    fields.sort_unstable_by_key(|(key, _)| *key);
    out.push(b'{');
    for (index, (key, value)) in fields.into_iter().enumerate() {
        if index > 0 {
            out.push(b',');
        }
        write_scalar(key, out);
        out.push(b':');
        write_canonical(value, out);
    }
    out.push(b'}');
}

fn write_scalar(scalar: &impl Serialize, out: &mut Vec<u8>) {
    serde_json::to_writer(out, scalar).expect("a scalar always prints, and memory takes it");
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::of_whole_event;

    #[test]
    fn key_order_is_no_content() {
        assert_eq!(of_whole_event(&json!({"a": 1, "b": [2]})), of_whole_event(&json!({"b": [2], "a": 1})));
        assert_ne!(of_whole_event(&json!({"a": 1})), of_whole_event(&json!({"a": 1.5})));
        assert_ne!(of_whole_event(&json!({"a": [1, 2]})), of_whole_event(&json!({"a": [2, 1]})));
    }
}
