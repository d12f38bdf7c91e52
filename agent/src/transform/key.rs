//! What makes two events "the same": the values at some paths.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use xxhash_rust::xxh3::xxh3_128;

use super::path::EventPath;

/// How much of a text a summary repeats.
const TEXT_BYTES_MAX: usize = 1024;

/// Paths whose values together are a key.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub(super) struct EventKey(Vec<EventPath>);

impl EventKey {
    /// The message, by which most want to count.
    pub(super) fn message() -> Self {
        Self(vec![EventPath::parse("event_data.message").expect("it is a path of an event")])
    }

    /// Whether there is no path.
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether the event has any of the values.
    pub(super) fn is_in(&self, event: &Value) -> bool {
        self.0.iter().any(|path| path.get(event).is_some())
    }

    /// A hash of the values; `room` is only there so that it need not be allocated each time.
    pub(super) fn hash(&self, event: &Value, ignore_numbers: bool, room: &mut Vec<u8>) -> u128 {
        room.clear();
        for path in &self.0 {
            match path.get(event) {
                None | Some(Value::Null) => {}
                Some(Value::String(text)) if ignore_numbers => {
                    room.push(b't');
                    without_numbers(text.as_bytes(), room);
                }
                Some(Value::String(text)) => {
                    room.push(b't');
                    room.extend_from_slice(text.as_bytes());
                }
                Some(other) => {
                    room.push(b'j');
                    serde_json::to_writer(&mut *room, other).expect("a value always prints, and memory takes it");
                }
            }
            // No text has this byte, so that no two lists of values look the same.
            room.push(0xFF);
        }
        xxh3_128(room)
    }

    /// The values in the order of the paths, long texts cut, as a summary shows them.
    pub(super) fn values(&self, event: &Value, ignore_numbers: bool) -> Value {
        let shown = |path: &EventPath| match path.get(event) {
            None => Value::Null,
            Some(Value::String(text)) if ignore_numbers => {
                let mut normal = Vec::with_capacity(text.len());
                without_numbers(text.as_bytes(), &mut normal);
                Value::from(cut(&String::from_utf8_lossy(&normal)))
            }
            Some(Value::String(text)) => Value::from(cut(text)),
            Some(scalar) if !scalar.is_array() && !scalar.is_object() => scalar.clone(),
            Some(other) => Value::from(cut(&other.to_string())),
        };
        self.0.iter().map(shown).collect()
    }
}

/// Writes the text with each run of digits as one `#`.
fn without_numbers(text: &[u8], out: &mut Vec<u8>) {
    let mut is_in_number = false;
    for byte in text {
        let is_digit = byte.is_ascii_digit();
        if !is_digit {
            out.push(*byte);
        } else if !is_in_number {
            out.push(b'#');
        }
        is_in_number = is_digit;
    }
}

/// The text, or as much of it as a summary repeats.
pub(super) fn cut(text: &str) -> String {
    if text.len() <= TEXT_BYTES_MAX {
        return text.to_owned();
    }
    format!("{}…", &text[..text.floor_char_boundary(TEXT_BYTES_MAX)])
}

/// The id of an event and the key it stands under.
pub(super) fn id(event: &Value) -> Option<(&'static str, &Value)> {
    ["_id", "event_id"].into_iter().find_map(|name| event.get(name).map(|id| (name, id)))
}
