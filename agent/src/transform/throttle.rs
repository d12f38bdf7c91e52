//! `throttle`: no more than so many events of a kind in a span of time, and the number of the others.

use labtrail_shared::settings::Period;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use thiserror::Error;

use super::{
    key::EventKey,
    summary::Suppressed,
    windows::{Judgement, Windows, micros},
};

/// Why a throttle was refused.
#[derive(Debug, Error)]
pub(crate) enum ThrottleError {
    /// Nothing would pass.
    #[error("limit = 0 lets nothing pass: use `drop` for that, or write 1 or more")]
    Limit,
    /// Nothing could be counted.
    #[error("keys_max = 0 leaves no room to count in: write 1 or more")]
    KeysMax,
}

/// `throttle`.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(try_from = "ThrottleFields")]
pub(super) struct Throttle {
    key: EventKey,
    limit: u64,
    per: Period,
    ignore_numbers: bool,
    keys_max: usize,
}

/// The keys of the table.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ThrottleFields {
    /// Paths: events with the same values there are of one kind. Default: `event_data.message`. With `[]` all events of
    /// the input are of one kind.
    #[serde(default = "EventKey::message")]
    key: EventKey,
    /// So many events of a kind are kept in each window, 1 or more. The others are lost but for their number.
    limit: u64,
    /// The length of a window, which begins with the first event of a kind.
    per: Period,
    /// Whether texts that differ only in digits are the same. Default: false.
    #[serde(default)]
    ignore_numbers: bool,
    /// So many kinds are counted at a time; with one more the oldest window ends early. Default: 10000. Each costs about
    /// 150 bytes, and up to 3 KiB and the event's labels once something was suppressed.
    #[serde(default = "default_keys_max")]
    keys_max: usize,
}

fn default_keys_max() -> usize {
    10_000
}

impl TryFrom<ThrottleFields> for Throttle {
    type Error = ThrottleError;

    fn try_from(fields: ThrottleFields) -> Result<Self, ThrottleError> {
        let ThrottleFields { key, limit, per, ignore_numbers, keys_max } = fields;
        match (limit, keys_max) {
            (0, _) => Err(ThrottleError::Limit),
            (_, 0) => Err(ThrottleError::KeysMax),
            _ => Ok(Self { key, limit, per, ignore_numbers, keys_max }),
        }
    }
}

impl Throttle {
    /// Whether the event is kept.
    pub(super) fn judge(&self, windows: &mut Windows, room: &mut Vec<u8>, event: &mut Value, now: i64) -> Judgement {
        let key = self.key.hash(event, self.ignore_numbers, room);
        match windows.get_mut(key).filter(|window| !window.is_over(self.length(), now)) {
            Some(window) if window.kept < self.limit => {
                window.kept += 1;
                Judgement::Kept(None)
            }
            Some(window) => {
                window.suppress(event, |event| self.key.values(event, self.ignore_numbers));
                Judgement::Suppressed
            }
            None => Judgement::Kept(windows.open(key, key, now, self.keys_max)),
        }
    }

    /// The length of a window in microseconds.
    pub(super) fn length(&self) -> i64 {
        micros(self.per)
    }

    /// The event that stands for the suppressed ones.
    pub(super) fn summary(suppressed: Suppressed) -> Value {
        let message = format!("{} similar suppressed{}", suppressed.count(), suppressed.text());
        suppressed.into_event(message)
    }
}
