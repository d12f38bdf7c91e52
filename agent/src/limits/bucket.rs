//! A token bucket: credit that grows with time up to what one second gives, and that use may overdraw.

use std::time::{Duration, Instant};

/// What an idle time is worth at most.
const CREDIT_SECONDS: f64 = 1.0;
/// Once the credit is used up, it is waited for until it has grown for so long: smaller pieces would cost more in
/// system calls than they carry.
const PIECE_SECONDS: f64 = 0.05;
/// The credit counts as used up when less than one part in so many of a piece is left.
const USED_UP_PART: f64 = 4.0;

/// A token bucket.
#[derive(Debug)]
pub(super) struct Bucket {
    per_second: f64,
    /// The credit that is waited for once it is used up.
    piece: f64,
    used_up: f64,
    credit: f64,
    /// The moment that `credit` is of; `None` before the first use.
    at: Option<Instant>,
}

impl Bucket {
    /// An empty bucket of what can be used in pieces of `smallest` only. `per_second` is more than nothing.
    pub(super) fn new(per_second: f64, smallest: f64) -> Self {
        let piece = (per_second * PIECE_SECONDS).max(smallest);
        Self { per_second, piece, used_up: (piece / USED_UP_PART).max(smallest), credit: 0.0, at: None }
    }

    /// The credit at that moment; less than nothing after too much was taken.
    pub(super) fn credit(&self, now: Instant) -> f64 {
        let elapsed = self.at.map_or(Duration::ZERO, |at| now.saturating_duration_since(at));
        let credit_max = (self.per_second * CREDIT_SECONDS).max(self.piece);
        (self.credit + elapsed.as_secs_f64() * self.per_second).min(credit_max)
    }

    /// Takes so much, and says how long it takes until there is enough credit to go on.
    pub(super) fn take(&mut self, amount: f64, now: Instant) -> Duration {
        self.credit = self.credit(now) - amount;
        self.at = Some(self.at.map_or(now, |at| at.max(now)));
        if self.credit >= self.used_up {
            return Duration::ZERO;
        }
        let missing = Duration::try_from_secs_f64((self.piece - self.credit) / self.per_second);
        // Rounded up, so that the piece is there when the pause is over.
        missing.unwrap_or(Duration::MAX).saturating_add(Duration::from_micros(1))
    }
}
