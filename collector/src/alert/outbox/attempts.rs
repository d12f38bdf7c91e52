//! The transitions of a row: claimed, sent, failed, taken up again.

use serde::{Deserialize, Serialize};

use super::{FallbackNeed, OutboxRow, RowState, back_off};
use crate::notify::Failure;

/// How long a claim holds, in microseconds. An attempt must end well within it.
pub const CLAIM_LENGTH: i64 = 120_000_000;

/// So many attempts are followed by the next as soon as their claims end; after further ones there is a pause too.
const FAST_ATTEMPTS: u32 = 3;

/// A time that is further ahead than any pause was written by a clock that was wrong, and does not count.
const AHEAD_MAX: i64 = 24 * 3_600_000_000;

/// Somebody's right to send a row.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claim {
    /// Who has it, for people.
    pub owner: String,
    /// Tells this claim from every other one of the row.
    pub token: u64,
    /// Its end: microseconds since 1970 UTC.
    pub until: i64,
}

impl OutboxRow {
    /// Whether it is time to send the row: it waited long enough, or whoever was sending it did not come back.
    pub fn is_due(&self, now: i64) -> bool {
        !self.state.is_settled() && has_come(self.next_at, now)
    }

    /// The row as if its time had come, if it waits: the receiver could not be reached when it was tried, and can be now.
    #[must_use]
    pub fn hurried(&self, now: i64) -> Self {
        if self.state != RowState::Waiting || self.next_at <= now {
            return self.clone();
        }
        Self { next_at: now, ..self.next() }
    }

    /// The row as it is when `owner` has it; none if it is not due.
    pub fn claim(&self, owner: &str, now: i64) -> Option<Self> {
        if !self.is_due(now) {
            return None;
        }
        let mut row = self.next();
        if self.state == RowState::Claimed {
            let before = self.claim.as_ref().map_or("somebody", |claim| claim.owner.as_str());
            row.write_log(now, &format!("{before} did not say how attempt {} ended", self.attempts));
            row.is_repeat = true;
        }
        row.state = RowState::Claimed;
        row.is_asked_for = false;
        row.attempts = self.attempts.saturating_add(1);
        let until = now.saturating_add(CLAIM_LENGTH);
        row.claim = Some(Claim { owner: owner.to_owned(), token: row.revision, until });
        // One that takes its sender down with it must not do so every two minutes.
        let is_suspect = row.attempts > FAST_ATTEMPTS;
        row.next_at = if is_suspect { back_off::next_at(&self.key, row.attempts, None, until) } else { until };
        Some(row)
    }

    /// Whether the claim with this token still allows to send.
    pub fn may_be_sent(&self, token: u64, now: i64) -> bool {
        let is_held = |claim: &Claim| claim.token == token && !has_come(claim.until, now);
        self.state == RowState::Claimed && self.claim.as_ref().is_some_and(is_held)
    }

    /// The row as it is when it was sent; none if that is known already. It is true whoever says it, also after another
    /// claim.
    pub fn sent(&self, now: i64) -> Option<Self> {
        if self.state == RowState::Sent {
            return None;
        }
        let mut row = self.next();
        row.write_log(now, &format!("sent in attempt {}", self.attempts));
        row.state = RowState::Sent;
        row.claim = None;
        row.needs_mending = false;
        if row.fallback == FallbackNeed::Due {
            row.fallback = FallbackNeed::None;
        }
        Some(row)
    }

    /// The row as it is when the attempt of the claim with this token failed; none if the claim is another's by now.
    pub fn failed(&self, token: u64, failure: &Failure, now: i64) -> Option<Self> {
        if self.state != RowState::Claimed || self.claim.as_ref().map(|claim| claim.token) != Some(token) {
            return None;
        }
        let mut row = self.next();
        row.claim = None;
        row.is_repeat |= failure.may_have_arrived;
        for address in &failure.delivered_to {
            if !row.delivered_to.contains(address) {
                row.delivered_to.push(address.clone());
            }
        }
        row.write_log(now, &format!("attempt {} failed: {}", self.attempts, failure.reason));
        if failure.is_permanent || now >= self.give_up_at {
            row.state = RowState::Dead;
            row.needs_mending = failure.needs_mending;
            row.fallback = self.fallback_need();
            let why = if failure.is_permanent { "trying again would not help" } else { "it was tried for long enough" };
            row.write_log(now, &format!("given up: {why}"));
            return Some(row);
        }
        row.state = RowState::Waiting;
        row.next_at = back_off::next_at(&self.key, self.attempts, failure.retry_after, now).min(self.give_up_at);
        Some(row)
    }

    /// A dead row that is to be tried again, since a person mended the receiver; none if it is not dead.
    pub fn revived(&self, now: i64) -> Option<Self> {
        if self.state != RowState::Dead {
            return None;
        }
        let mut row = self.next();
        row.write_log(now, "taken up again");
        row.state = RowState::Waiting;
        row.next_at = now;
        row.give_up_at = now.saturating_add(back_off::TRY_FOR);
        row.needs_mending = false;
        row.fallback = FallbackNeed::None;
        Some(row)
    }

    /// The row as it is when a person asks for the next attempt.
    #[must_use]
    pub fn asked_for(self) -> Self {
        Self { is_asked_for: true, ..self }
    }
}

fn has_come(time: i64, now: i64) -> bool {
    time <= now || time.saturating_sub(now) > AHEAD_MAX
}
