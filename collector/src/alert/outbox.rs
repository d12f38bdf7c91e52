//! The outbox: each notification is a row that is sent at least once, by whichever collector takes it.
//!
//! Rows are changed by pure transitions. Whoever makes one saves the new row only over the row it was made from
//! ([`OutboxRow::revision`] is one less there), and only then acts on it. So two collectors never hold a row at the same
//! time, unless one of them takes so long that its claim ends. A claim that ended may be taken by anybody: what happened
//! to the notification is not known then, and the row says from then on that it may be a repeat. All attempts carry the
//! same Message-ID, by which receivers know a repeat.
//!
//! To send one notification:
//!
//! 1. take a row that [`OutboxRow::is_due`] and whose [`OutboxRow::after`] are settled ([`OutboxRow::is_held_up`]);
//!    [`OutboxRow::claim`] it and save it;
//! 2. hand it over, if [`OutboxRow::may_be_sent`] still holds;
//! 3. read the row anew, apply [`OutboxRow::sent`] or [`OutboxRow::failed`], and save it; if somebody else saved it
//!    meanwhile, repeat this step.
//!
//! Rows stay for at least a week after they were settled, so that a notification that is written into the outbox again
//! is found to be there.

mod attempts;
mod back_off;
mod log;
#[cfg(test)]
mod tests;
mod undelivered;

use serde::{Deserialize, Serialize};
use serde_json::Value;

pub use self::{
    attempts::{CLAIM_LENGTH, Claim},
    back_off::TRY_FOR,
    log::LogLine,
    undelivered::{FallbackNeed, Undelivered},
};
use super::routing::Notification;

/// The version of the row.
const VERSION: u32 = 1;

/// Where a row is on its way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RowState {
    /// It is to be sent, at its time.
    Waiting,
    /// Somebody is sending it.
    Claimed,
    /// The receiver has it.
    Sent,
    /// It is not tried any more.
    Dead,
}

impl RowState {
    /// Whether nothing more will happen to the row by itself.
    pub fn is_settled(self) -> bool {
        matches!(self, Self::Sent | Self::Dead)
    }
}

/// What is to be sent.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Payload {
    /// Steps of alerts.
    Alerts(Notification),
    /// A notification that another receiver could not be sent.
    Undelivered(Undelivered),
}

impl Payload {
    /// What templates see.
    pub fn context(&self) -> Value {
        match self {
            Self::Alerts(notification) => notification.context(),
            Self::Undelivered(undelivered) => undelivered.context(),
        }
    }
}

/// A row of the outbox. Times are microseconds since 1970 UTC.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct OutboxRow {
    version: u32,
    /// Made from what is in the notification and from the receiver; unique in the store.
    pub key: String,
    /// Changes with each transition.
    pub revision: u64,
    /// Who is told.
    pub receiver: String,
    /// The place among the receiver's notifications: of rows that are due, the lowest is sent first.
    pub sequence: u64,
    /// What is to be sent.
    pub payload: Payload,
    /// Where it is on its way.
    pub state: RowState,
    /// How often it was claimed.
    pub attempts: u32,
    /// When there was something to tell.
    pub created_at: i64,
    /// When it may be claimed, if it waits or is claimed: the stores look for rows by their states and this.
    pub next_at: i64,
    /// A failure from then on is the last one.
    pub give_up_at: i64,
    /// Who is sending it.
    pub claim: Option<Claim>,
    /// Whether the receiver may have it already.
    pub is_repeat: bool,
    /// The mail's Message-ID with its angle brackets, and the idempotency key of other ways: the same in each attempt.
    pub message_id: String,
    /// The rows that must be settled before this one is sent.
    pub after: Vec<String>,
    /// The addresses of the receiver that have it already, though others do not.
    pub delivered_to: Vec<String>,
    /// Whether it is dead because of something that a person can mend; then [`OutboxRow::revived`] makes sense.
    pub needs_mending: bool,
    /// Whether a person asked for the next attempt, which is made also while the receiver is left alone.
    #[serde(default)]
    pub is_asked_for: bool,
    /// Whether the fallback receiver is to be told that it is dead.
    pub fallback: FallbackNeed,
    /// What happened: the first lines and the last ones.
    pub log: Vec<LogLine>,
}

impl OutboxRow {
    /// The row of a notification, to be written unless its key is there already.
    pub fn new(notification: Notification, now: i64) -> Self {
        let (key, receiver) = (notification.key.clone(), notification.receiver.clone());
        let (sequence, created_at, after) =
            (notification.sequence, notification.created_at, notification.after.clone());
        Self { created_at, after, ..Self::bare(key, receiver, sequence, Payload::Alerts(notification), now) }
    }

    fn bare(key: String, receiver: String, sequence: u64, payload: Payload, now: i64) -> Self {
        Self {
            version: VERSION,
            message_id: message_id(&key),
            key,
            revision: 0,
            receiver,
            sequence,
            payload,
            state: RowState::Waiting,
            attempts: 0,
            created_at: now,
            next_at: now,
            give_up_at: now.saturating_add(TRY_FOR),
            claim: None,
            is_repeat: false,
            after: Vec::new(),
            delivered_to: Vec::new(),
            needs_mending: false,
            is_asked_for: false,
            fallback: FallbackNeed::None,
            log: Vec::new(),
        }
    }

    /// Whether rows that come before this one are on their way; `state_of` tells the state of the row with a key, and
    /// nothing of a row that is not there any more. Thus what is told of one alert is told in its order.
    pub fn is_held_up(&self, state_of: impl Fn(&str) -> Option<RowState>) -> bool {
        self.after.iter().any(|key| state_of(key).is_some_and(|state| !state.is_settled()))
    }

    /// The row without what templates see of its steps: one that was sent is not made again.
    #[must_use]
    pub fn without_summaries(&self) -> Self {
        let mut row = self.clone();
        let notification = match &mut row.payload {
            Payload::Alerts(notification) => notification,
            Payload::Undelivered(undelivered) => &mut undelivered.notification,
        };
        for step in &mut notification.steps {
            step.summary = Value::Null;
        }
        row
    }

    /// The same row after a transition.
    fn next(&self) -> Self {
        Self { revision: self.revision + 1, ..self.clone() }
    }
}

/// RFC 5322, section 3.6.4. The part behind the sign is nobody's domain: it must not depend on who sends.
fn message_id(key: &str) -> String {
    format!("<{key}@alerts.labtrail>")
}
