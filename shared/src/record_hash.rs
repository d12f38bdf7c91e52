//! The hash by which a store tells a repeat (same id, same content) from a conflict (same id, other content).
//!
//! It covers what was read, never what was made of it: parsed fields and observed times may differ when the same
//! bytes are read again later or under another configuration.

use serde::Serialize;
use serde_json::Value;
use xxhash_rust::xxh3::xxh3_64;

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

/// Key order is no content: a client that is asked twice may write it differently.
fn write_canonical(value: &Value, out: &mut Vec<u8>) {
    match value {
        Value::Object(map) => {
            let mut keys: Vec<&String> = map.keys().collect();
            keys.sort_unstable();
            out.push(b'{');
            for (index, key) in keys.into_iter().enumerate() {
                if index > 0 {
                    out.push(b',');
                }
                write_scalar(key, out);
                out.push(b':');
                write_canonical(&map[key], out);
            }
            out.push(b'}');
        }
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
