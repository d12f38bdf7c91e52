//! The event that says how many others were suppressed.

use labtrail_shared::{
    event_id::{FileIdentity, OFFSET_LIMIT, derive, is_ulid},
    timestamp::EventTimestamp,
};
use serde_json::{Map, Value, json};
use xxhash_rust::xxh3::xxh3_128;

use super::key::{cut, id};

/// What is kept of suppressed events: a little of the first and of the last.
#[derive(Debug)]
pub(super) struct Suppressed {
    count: u64,
    id_name: &'static str,
    id: String,
    text: Option<String>,
    first_time: Value,
    key: Value,
    last: Last,
}

/// What a summary has from the last event that it stands for.
#[derive(Debug)]
struct Last {
    event_type: Value,
    log_level: Value,
    event_timestamp: Value,
    source: Value,
    host: Value,
    log_file: Value,
    labels: Value,
}

impl Suppressed {
    /// The first suppressed event, with the values of its key. Parts are taken out of the event, its id is left.
    pub(super) fn first(event: &mut Value, key: Value) -> Self {
        let id_name = id(event).map_or("_id", |(name, _)| name);
        let text = event.get("event_data").and_then(|data| data.get("message")).and_then(Value::as_str).map(cut);
        let id = derived_id(event);
        let last = Last::taken_from(event);
        Self { count: 1, id_name, id, text, first_time: last.event_timestamp.clone(), key, last }
    }

    /// One more.
    pub(super) fn add(&mut self, event: &mut Value) {
        self.count += 1;
        self.last = Last::taken_from(event);
    }

    /// How many there were.
    pub(super) fn count(&self) -> u64 {
        self.count
    }

    /// The text of the first of them, after a colon.
    pub(super) fn text(&self) -> String {
        self.text.as_ref().map(|text| format!(": {text}")).unwrap_or_default()
    }

    /// The event that stands for them all.
    pub(super) fn into_event(self, message: String) -> Value {
        let last = self.last;
        let mut data = Map::new();
        data.insert("message".to_owned(), Value::from(message));
        insert(&mut data, "host", last.host);
        if !last.log_file.is_null() {
            data.insert("log".to_owned(), json!({ "file": last.log_file }));
        }
        insert(&mut data, "labels", last.labels);
        data.insert(
            "suppressed".to_owned(),
            json!({
                "count": self.count,
                "first_time": self.first_time,
                "last_time": last.event_timestamp,
                "key": self.key,
            }),
        );
        let mut event = Map::new();
        event.insert(self.id_name.to_owned(), Value::from(self.id));
        insert(&mut event, "event_type", last.event_type);
        insert(&mut event, "log_level", last.log_level);
        insert(&mut event, "event_timestamp", last.event_timestamp);
        insert(&mut event, "source", last.source);
        event.insert("event_data".to_owned(), Value::Object(data));
        Value::Object(event)
    }
}

fn insert(fields: &mut Map<String, Value>, name: &str, value: Value) {
    if !value.is_null() {
        fields.insert(name.to_owned(), value);
    }
}

impl Last {
    fn taken_from(event: &mut Value) -> Self {
        let [event_type, log_level, event_timestamp, source] =
            ["event_type", "log_level", "event_timestamp", "source"].map(|name| take(event, name));
        let mut nothing = Value::Null;
        let data = event.get_mut("event_data").unwrap_or(&mut nothing);
        let [host, labels] = ["host", "labels"].map(|name| take(data, name));
        let log_file = data.get_mut("log").map(|log| take(log, "file")).unwrap_or_default();
        Self { event_type, log_level, event_timestamp, source, host, log_file, labels }
    }
}

fn take(container: &mut Value, name: &str) -> Value {
    container.get_mut(name).map(Value::take).unwrap_or_default()
}

/// An id that is made of the event's: the same 48 bits of time, and 80 bits of hash.
fn derived_id(event: &Value) -> String {
    let id = match id(event) {
        Some((_, Value::String(id))) => id.clone(),
        Some((_, other)) => other.to_string(),
        None => event.to_string(),
    };
    let birth_ms = if is_ulid(&id) { ulid_ms(&id) } else { event_ms(event) };
    let hash = xxh3_128(format!("suppressed from {id}").as_bytes());
    derive(FileIdentity { birth_ms, hash: (hash >> 64) as u64 }, hash as u64 % OFFSET_LIMIT)
}

/// The time in a ULID: its first ten characters, five bits each.
fn ulid_ms(id: &str) -> u64 {
    const DIGITS: &[u8] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
    let digit = |byte: u8| DIGITS.iter().position(|digit| *digit == byte).unwrap_or_default() as u64;
    id.bytes().take(10).fold(0, |time, byte| time << 5 | digit(byte))
}

/// The time of an event whose id has none.
fn event_ms(event: &Value) -> u64 {
    let time = event.get("event_timestamp").and_then(|time| EventTimestamp::from_json(time).ok());
    time.map_or(0, |time| u64::try_from(time.civil_micros / 1000).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::derived_id;

    #[test]
    fn a_derived_id_has_the_time_of_the_first_and_is_another() {
        let id = "01KAGC9X2WFV4RRFFQ69G5FAVZ";
        let derived = derived_id(&json!({ "_id": id }));
        assert_eq!(derived[..10], id[..10]);
        assert_ne!(derived, id);
        assert_eq!(derived, derived_id(&json!({"event_id": id, "log_level": 10})));
        assert_eq!(derived_id(&json!({"_id": 7, "event_timestamp": "1970-01-01T00:00:00.033"}))[..10], *"0000000011");
    }
}
