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

/// The keys that a section names for time and level. They come before the usual ones.
#[derive(Debug, Clone, Copy, Default)]
pub(in crate::parse) struct OwnKeys<'k> {
    pub(in crate::parse) time: Option<&'k str>,
    pub(in crate::parse) level: Option<&'k str>,
}

/// The members of interest, as they stand in the text.
#[derive(Default)]
pub(super) struct Fields<'a> {
    /// Under the section's own key, then under each of `TIME_KEYS`.
    times: [Option<&'a RawValue>; 1 + TIME_KEYS.len()],
    /// Under the section's own key, then under each of `LEVEL_KEYS`.
    levels: [Option<&'a RawValue>; 1 + LEVEL_KEYS.len()],
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

    /// The time under the section's own key if it has one, else the surest.
    pub(super) fn time(&self, has_own_key: bool) -> Option<&'a str> {
        if has_own_key { self.times[0].map(RawValue::get) } else { self.times().next() }
    }

    /// The level under the section's own key if it has one, else the surest.
    pub(super) fn level(&self, has_own_key: bool) -> Option<&'a str> {
        if has_own_key { self.levels[0].map(RawValue::get) } else { self.levels().next() }
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
            && has(&TIME_KEYS, &self.times[1..], EVENT_TIMESTAMP)
            && has(&LEVEL_KEYS, &self.levels[1..], LOG_LEVEL)
    }

    /// Whether pino or bunyan wrote the object.
    pub(super) fn is_of_pino(&self) -> bool {
        self.pino == [true; PINO_KEYS.len()]
    }
}

/// What a key means.
enum Key {
    OwnTime,
    OwnLevel,
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
    fn of(own: OwnKeys<'_>, name: &str) -> Self {
        // The keys of a MADSci event keep their meaning, or its id would be lost.
        if own.time == Some(name) && name != EVENT_TIMESTAMP {
            return Self::OwnTime;
        }
        if own.level == Some(name) && name != LOG_LEVEL {
            return Self::OwnLevel;
        }
        // One comparison by length and bytes: most keys of most records are none of these.
        match name {
            "@timestamp" => Self::Time(0),
            "timestamp" => Self::Time(1),
            "time" => Self::Time(2),
            "ts" => Self::Time(3),
            "asctime" => Self::Time(4),
            EVENT_TIMESTAMP => Self::Time(5),
            "datetime" => Self::Time(6),
            "date" => Self::Time(7),
            "level" => Self::Level(0),
            LOG_LEVEL => Self::Level(1),
            "severity" => Self::Level(2),
            "levelname" => Self::Level(3),
            "lvl" => Self::Level(4),
            "loglevel" => Self::Level(5),
            "log.level" => Self::Level(6),
            "message" => Self::Message(0),
            "msg" => Self::Message(1),
            "event" => Self::Message(2),
            "text" => Self::Message(3),
            "body" => Self::Message(4),
            "pid" => Self::Pino(0),
            "hostname" => Self::Pino(1),
            "log" => Self::Log,
            "_id" | "event_id" => Self::Id,
            "event_type" => Self::EventType,
            _ => Self::Other,
        }
    }
}

/// Reads a key without keeping its text.
struct KeySeed<'k>(OwnKeys<'k>);

impl<'de> DeserializeSeed<'de> for KeySeed<'_> {
    type Value = Key;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Key, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for KeySeed<'_> {
    type Value = Key;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a key")
    }

    fn visit_str<E>(self, name: &str) -> Result<Key, E> {
        Ok(Key::of(self.0, name))
    }
}

/// Walks an object and fills `fields`, which is too large to be handed from call to call.
pub(super) struct FieldsSeed<'k, 'f, 'de> {
    pub(super) keys: OwnKeys<'k>,
    pub(super) fields: &'f mut Fields<'de>,
}

impl<'de> Visitor<'de> for FieldsSeed<'_, '_, 'de> {
    type Value = ();

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let fields = self.fields;
        while let Some(key) = map.next_key_seed(KeySeed(self.keys))? {
            if let Key::Other = key {
                map.next_value::<IgnoredAny>()?;
                continue;
            }
            let value: &'de RawValue = map.next_value()?;
            let is_text = value.get().starts_with('"');
            match key {
                Key::OwnTime => fields.times[0] = Some(value),
                Key::OwnLevel => fields.levels[0] = Some(value),
                Key::Time(place) => fields.times[1 + place] = Some(value),
                Key::Level(place) => fields.levels[1 + place] = Some(value),
                Key::Message(place) => fields.messages[place] = is_text,
                Key::Log => fields.log = Some(value),
                Key::Id => fields.has_ulid |= is_ulid(value.get()),
                Key::EventType => fields.has_event_type = is_text,
                Key::Pino(place) => fields.pino[place] = true,
                Key::Other => {}
            }
        }
        Ok(())
    }
}

impl<'de> DeserializeSeed<'de> for FieldsSeed<'_, '_, 'de> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
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

#[cfg(test)]
mod tests {
    use super::{Key, LEVEL_KEYS, MESSAGE_KEYS, OwnKeys, PINO_KEYS, TIME_KEYS};

    #[test]
    fn each_key_means_its_place_in_the_lists() {
        let key = |name| Key::of(OwnKeys::default(), name);
        for (place, name) in TIME_KEYS.into_iter().enumerate() {
            assert!(matches!(key(name), Key::Time(found) if found == place), "{name}");
        }
        for (place, name) in LEVEL_KEYS.into_iter().enumerate() {
            assert!(matches!(key(name), Key::Level(found) if found == place), "{name}");
        }
        for (place, name) in MESSAGE_KEYS.into_iter().enumerate() {
            assert!(matches!(key(name), Key::Message(found) if found == place), "{name}");
        }
        for (place, name) in PINO_KEYS.into_iter().enumerate() {
            assert!(matches!(key(name), Key::Pino(found) if found == place), "{name}");
        }
    }
}
