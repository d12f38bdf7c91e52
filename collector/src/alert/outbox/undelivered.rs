//! The fallback receiver is told of what another receiver could not be sent. What it cannot be sent itself is told to
//! nobody: it stays in the outbox as dead.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{OutboxRow, Payload, RowState};
use crate::alert::{key::key_of, routing::Notification};

/// Whether the fallback receiver is to be told of a row. It is kept in the row, so that no crash loses it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FallbackNeed {
    /// No.
    None,
    /// Yes.
    Due,
    /// It was, or nobody can be.
    Done,
}

/// A notification that a receiver could not be sent.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Undelivered {
    /// The receiver.
    pub receiver: String,
    /// The key of the dead row.
    pub row: String,
    /// How often it was tried.
    pub attempts: u32,
    /// Why it was given up.
    pub reason: String,
    /// What should have been told.
    pub notification: Notification,
}

impl Undelivered {
    /// What templates see: what the other receiver would have been told, and `undelivered`.
    pub(super) fn context(&self) -> Value {
        let mut context = self.notification.context();
        context["undelivered"] = json!({
            "receiver": self.receiver,
            "row": self.row,
            "attempts": self.attempts,
            "reason": self.reason,
        });
        context
    }
}

impl OutboxRow {
    pub(super) fn fallback_need(&self) -> FallbackNeed {
        match self.payload {
            Payload::Alerts(_) => FallbackNeed::Due,
            Payload::Undelivered(_) => FallbackNeed::None,
        }
    }

    /// The row by which the fallback receiver is told of a dead one: write it, unless its key is there, and then save
    /// [`OutboxRow::fallback_done`]. None if nobody is to be told: it was done, there is no fallback receiver, or it is
    /// the fallback receiver that could not be told.
    pub fn undelivered(&self, fallback: Option<&str>, now: i64) -> Option<Self> {
        let fallback = fallback.filter(|fallback| *fallback != self.receiver)?;
        let Payload::Alerts(notification) = &self.payload else { return None };
        if self.state != RowState::Dead || self.fallback != FallbackNeed::Due {
            return None;
        }
        let reasons = self.log.iter().rev().filter(|line| line.what.starts_with("attempt "));
        let undelivered = Undelivered {
            receiver: self.receiver.clone(),
            row: self.key.clone(),
            attempts: self.attempts,
            reason: reasons.map(|line| line.what.clone()).next().unwrap_or_default(),
            notification: notification.clone(),
        };
        // A row that was taken up again and dies again is told again.
        let key = key_of(["undelivered", &self.key, &self.attempts.to_string(), fallback]);
        Some(Self::bare(key, fallback.to_owned(), 0, Payload::Undelivered(undelivered), now))
    }

    /// The dead row after the fallback receiver was told, or when there is none; none if there is nothing to note.
    pub fn fallback_done(&self) -> Option<Self> {
        let is_due = self.state == RowState::Dead && self.fallback == FallbackNeed::Due;
        is_due.then(|| Self { fallback: FallbackNeed::Done, ..self.next() })
    }
}
