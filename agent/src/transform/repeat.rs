//! `deduplicate`: an event that says the same as the one before it is only counted.

use labtrail_shared::settings::Period;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use thiserror::Error;

use super::{
    key::EventKey,
    summary::Suppressed,
    windows::{Judgement, Window, Windows, micros},
};

/// So many streams are followed at a time; with one more the oldest run of repeats ends early.
const STREAMS_MAX: usize = 10_000;

/// Why a deduplication was refused.
#[derive(Debug, Error)]
pub(crate) enum DeduplicateError {
    /// Every event would repeat every other.
    #[error("key is empty, so that every event would be a repeat: name a path, such as event_data.message")]
    Key,
}

/// `deduplicate`.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(try_from = "DeduplicateFields")]
pub(super) struct Deduplicate {
    key: EventKey,
    within: Period,
    ignore_numbers: bool,
}

/// The keys of the table.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct DeduplicateFields {
    /// Paths: an event repeats the one before it in its stream if the values there are the same. Default:
    /// `event_data.message`.
    #[serde(default = "EventKey::message")]
    key: EventKey,
    /// So long after an event was kept its repeats are suppressed; then the next one is kept again. Their number is told
    /// when another event comes, at the latest after this time. Default: 10s.
    #[serde(default = "default_within")]
    within: Period,
    /// Whether texts that differ only in digits are the same. Default: false.
    #[serde(default)]
    ignore_numbers: bool,
}

fn default_within() -> Period {
    Period::secs(10)
}

impl TryFrom<DeduplicateFields> for Deduplicate {
    type Error = DeduplicateError;

    fn try_from(fields: DeduplicateFields) -> Result<Self, DeduplicateError> {
        let DeduplicateFields { key, within, ignore_numbers } = fields;
        if key.is_empty() { Err(DeduplicateError::Key) } else { Ok(Self { key, within, ignore_numbers }) }
    }
}

impl Deduplicate {
    /// Whether the event is kept.
    pub(super) fn judge(
        &self,
        windows: &mut Windows,
        room: &mut Vec<u8>,
        event: &mut Value,
        stream: u64,
        now: i64,
    ) -> Judgement {
        let token = self.key.hash(event, self.ignore_numbers, room);
        let stream = u128::from(stream);
        let is_repeat = |window: &&mut Window| window.token == token && !window.is_over(self.length(), now);
        match windows.get_mut(stream).filter(is_repeat) {
            Some(window) => {
                window.suppress(event, |event| self.key.values(event, self.ignore_numbers));
                Judgement::Suppressed
            }
            None => Judgement::Kept(windows.open(stream, token, now, STREAMS_MAX)),
        }
    }

    /// For how long repeats are suppressed, in microseconds.
    pub(super) fn length(&self) -> i64 {
        micros(self.within)
    }

    /// The event that stands for the repeats.
    pub(super) fn summary(suppressed: Suppressed) -> Value {
        let times = if suppressed.count() == 1 { "time" } else { "times" };
        let message = format!("last message repeated {} {times}{}", suppressed.count(), suppressed.text());
        suppressed.into_event(message)
    }
}
