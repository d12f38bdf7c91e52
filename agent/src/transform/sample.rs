//! `sample`: one event in so many, and always the same one.

use labtrail_shared::level::LogLevel;
use serde::{Deserialize, Serialize, Serializer};
use serde_json::Value;
use thiserror::Error;
use xxhash_rust::xxh3::xxh3_64;

use super::key::{EventKey, id};

/// Why a sample was refused.
#[derive(Debug, Error)]
pub(crate) enum SampleError {
    /// One in none, or in one.
    #[error("one_in = {0} keeps {what}: write 2 or more", what = if *.0 == 0 { "nothing" } else { "everything" })]
    OneIn(u64),
}

/// `sample`. Whether an event is kept depends on its id alone, so that the same are kept when a file is read again.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(try_from = "SampleFields")]
pub(super) struct Sample {
    one_in: u64,
    #[serde(skip_serializing_if = "EventKey::is_empty")]
    key: EventKey,
    #[serde(serialize_with = "write_level")]
    always_at_least: LogLevel,
}

/// The keys of the table.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SampleFields {
    /// On average one event of so many is kept, 2 or more. The others are counted as dropped, and lost.
    one_in: u64,
    /// Paths: events with the same values there are kept or dropped together. Default: none, each event for itself; so is
    /// an event that has none of them.
    #[serde(default)]
    key: EventKey,
    /// Events of this level or above are always kept. Default: WARNING.
    #[serde(default = "default_always_at_least")]
    always_at_least: LogLevel,
}

fn default_always_at_least() -> LogLevel {
    LogLevel::Warning
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it so")]
fn write_level<S: Serializer>(level: &LogLevel, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(level.name())
}

impl TryFrom<SampleFields> for Sample {
    type Error = SampleError;

    fn try_from(fields: SampleFields) -> Result<Self, SampleError> {
        let SampleFields { one_in, key, always_at_least } = fields;
        if one_in < 2 { Err(SampleError::OneIn(one_in)) } else { Ok(Self { one_in, key, always_at_least }) }
    }
}

impl Sample {
    /// Whether the event is kept.
    pub(super) fn keeps(&self, event: &Value, room: &mut Vec<u8>) -> bool {
        if level(event) >= self.always_at_least {
            return true;
        }
        let hash = if self.key.is_in(event) {
            self.key.hash(event, false, room) as u64
        } else {
            match id(event) {
                Some((_, Value::String(id))) => xxh3_64(id.as_bytes()),
                Some((_, id)) => xxh3_64(id.to_string().as_bytes()),
                None => xxh3_64(event.to_string().as_bytes()),
            }
        };
        hash.is_multiple_of(self.one_in)
    }
}

/// The level of an event; one that states none is of the normal course of things.
fn level(event: &Value) -> LogLevel {
    event.get("log_level").and_then(LogLevel::from_json).unwrap_or_default()
}
