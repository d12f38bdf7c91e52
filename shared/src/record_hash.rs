//! The hash by which a store tells a repeat (same id, same content) from a conflict (same id, other content).
//!
//! It covers what was read, never what was made of it: parsed fields and observed times may differ when the same
//! bytes are read again later or under another configuration.

use serde_json::Value;
use xxhash_rust::xxh3::xxh3_64;

/// The hash of a record that an agent read: XXH3 (64 bit) over its raw bytes without the line end.
pub fn of_raw_record(bytes: &[u8]) -> u64 {
    xxh3_64(bytes)
}

/// The hash of an event that came whole over HTTP: XXH3 (64 bit) over its compact JSON with sorted keys.
pub fn of_whole_event(event: &Value) -> u64 {
    let mut text = String::with_capacity(256);
    write_canonical(event, &mut text);
    xxh3_64(text.as_bytes())
}

/// Key order is no content: a client that is asked twice may write it differently.
fn write_canonical(value: &Value, out: &mut String) {
    match value {
        Value::Object(map) => {
            let mut keys: Vec<&String> = map.keys().collect();
            keys.sort_unstable();
            out.push('{');
            for (index, key) in keys.into_iter().enumerate() {
                if index > 0 {
                    out.push(',');
                }
                out.push_str(&Value::from(key.as_str()).to_string());
                out.push(':');
                write_canonical(&map[key], out);
            }
            out.push('}');
        }
        Value::Array(items) => {
            out.push('[');
            for (index, item) in items.iter().enumerate() {
                if index > 0 {
                    out.push(',');
                }
                write_canonical(item, out);
            }
            out.push(']');
        }
        scalar => out.push_str(&scalar.to_string()),
    }
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
