//! The members of a JSON object that say when, how grave and what, found in one walk.

use std::fmt;

use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_json::value::RawValue;

/// The keys that programs use, the surest first: where an object has several, the first one that can be read counts.
const TIME_KEYS: [&str; 8] = ["@timestamp", "timestamp", "time", "ts", "asctime", EVENT_TIMESTAMP, "datetime", "date"];
const LEVEL_KEYS: [&str; 7] = ["level", LOG_LEVEL, "severity", "levelname", "lvl", "loglevel", "log.level"];
const MESSAGE_KEYS: [&str; 5] = ["message", "msg", "event", "text", "body"];
/// What the JavaScript loggers pino and bunyan put on every line.
const PINO_KEYS: [&str; 2] = ["pid", "hostname"];
const EVENT_TIMESTAMP: &str = "event_timestamp";
const LOG_LEVEL: &str = "log_level";

/// The members of interest, as they stand in the text.
#[derive(Default)]
pub(super) struct Fields<'a> {
    times: [Option<&'a RawValue>; TIME_KEYS.len()],
    levels: [Option<&'a RawValue>; LEVEL_KEYS.len()],
    messages: [bool; MESSAGE_KEYS.len()],
    /// The member `log`, in which the Elastic Common Schema keeps the level when its names are not flat.
    log: Option<&'a RawValue>,
    has_ulid: bool,
    has_event_type: bool,
    pino: [bool; PINO_KEYS.len()],
}

impl<'a> Fields<'a> {
    /// What may be the time, the surest first.
    pub(super) fn times(&self) -> impl Iterator<Item = &'a str> {
        self.times.iter().flatten().map(|value| value.get())
    }

    /// What may be the level, the surest first.
    pub(super) fn levels(&self) -> impl Iterator<Item = &'a str> {
        #[derive(Deserialize)]
        struct Log<'a> {
            #[serde(borrow)]
            level: &'a RawValue,
        }
        let nested = self.log.map(RawValue::get).filter(|log| log.starts_with('{'));
        let nested = nested.and_then(|log| serde_json::from_str::<Log<'a>>(log).ok());
        self.levels.iter().flatten().copied().chain(nested.map(|log| log.level)).map(RawValue::get)
    }

    /// The key of the message for people.
    pub(super) fn message_key(&self) -> Option<&'static str> {
        let first = self.messages.iter().position(|is_text| *is_text)?;
        Some(MESSAGE_KEYS[first])
    }

    /// Whether this is a whole event of `MADSci` that its writer has given an id.
    pub(super) fn is_madsci_event(&self) -> bool {
        let has = |keys: &[&str], values: &[Option<&RawValue>], wanted| {
            keys.iter()
                .zip(values)
                .any(|(key, value)| *key == wanted && value.is_some_and(|value| value.get() != "null"))
        };
        self.has_ulid
            && self.has_event_type
            && has(&TIME_KEYS, &self.times, EVENT_TIMESTAMP)
            && has(&LEVEL_KEYS, &self.levels, LOG_LEVEL)
    }

    /// Whether pino or bunyan wrote the object.
    pub(super) fn is_of_pino(&self) -> bool {
        self.pino == [true; PINO_KEYS.len()]
    }
}

/// What a key means.
enum Key {
    Time(usize),
    Level(usize),
    Message(usize),
    Log,
    Id,
    EventType,
    Pino(usize),
    Other,
}

impl Key {
    fn of(name: &str) -> Self {
        let place = |keys: &[&str]| keys.iter().position(|key| *key == name);
        match name {
            "log" => Self::Log,
            "_id" | "event_id" => Self::Id,
            "event_type" => Self::EventType,
            _ => place(&TIME_KEYS)
                .map(Self::Time)
                .or_else(|| place(&LEVEL_KEYS).map(Self::Level))
                .or_else(|| place(&MESSAGE_KEYS).map(Self::Message))
                .or_else(|| place(&PINO_KEYS).map(Self::Pino))
                .unwrap_or(Self::Other),
        }
    }
}

/// Reads a key without keeping its text.
struct KeySeed;

impl<'de> DeserializeSeed<'de> for KeySeed {
    type Value = Key;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Key, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for KeySeed {
    type Value = Key;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a key")
    }

    fn visit_str<E>(self, name: &str) -> Result<Key, E> {
        Ok(Key::of(name))
    }
}

struct FieldsVisitor;

impl<'de> Visitor<'de> for FieldsVisitor {
    type Value = Fields<'de>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Fields<'de>, A::Error> {
        let mut fields = Fields::default();
        while let Some(key) = map.next_key_seed(KeySeed)? {
            if let Key::Other = key {
                map.next_value::<IgnoredAny>()?;
                continue;
            }
            let value: &'de RawValue = map.next_value()?;
            let is_text = value.get().starts_with('"');
            match key {
                Key::Time(place) => fields.times[place] = Some(value),
                Key::Level(place) => fields.levels[place] = Some(value),
                Key::Message(place) => fields.messages[place] = is_text,
                Key::Log => fields.log = Some(value),
                Key::Id => fields.has_ulid |= is_ulid(value.get()),
                Key::EventType => fields.has_event_type = is_text,
                Key::Pino(place) => fields.pino[place] = true,
                Key::Other => {}
            }
        }
        Ok(fields)
    }
}

impl<'de> Deserialize<'de> for Fields<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(FieldsVisitor)
    }
}

/// Whether a value is a ULID as `MADSci` writes it: 26 characters of Crockford's alphabet in upper case, of which the
/// first carries three bits.
fn is_ulid(value: &str) -> bool {
    let Some(id) = value.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')) else { return false };
    let is_in_alphabet =
        |byte: u8| matches!(byte, b'0'..=b'9' | b'A'..=b'H' | b'J' | b'K' | b'M' | b'N' | b'P'..=b'T' | b'V'..=b'Z');
    id.len() == 26 && matches!(id.as_bytes()[0], b'0'..=b'7') && id.bytes().all(is_in_alphabet)
}
