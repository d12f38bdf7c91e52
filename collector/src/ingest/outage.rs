//! Whether the store is known to be away, so that not every request finds that out for itself by waiting.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::{Duration, Instant},
};

/// How long a failure counts. Then one request tries the store again, while the others still take the detour.
const KNOWN_FOR: Duration = Duration::from_secs(1);

/// What is known.
#[derive(Debug)]
pub(super) struct Outage {
    begin: Instant,
    /// Until when the store counts as away, in milliseconds since `begin`; 0: it is there.
    until: AtomicU64,
}

impl Outage {
    pub(super) fn none() -> Self {
        Self { begin: Instant::now(), until: AtomicU64::new(0) }
    }

    /// Whether the caller should try the store. Whoever is told so says afterwards how that went.
    pub(super) fn is_store_worth_trying(&self) -> bool {
        let until = self.until.load(Ordering::Relaxed);
        if until == 0 {
            return true;
        }
        let now = self.now();
        // Only one of those that come at the same time tries.
        now >= until
            && self.until.compare_exchange(until, now + millis(KNOWN_FOR), Ordering::Relaxed, Ordering::Relaxed).is_ok()
    }

    /// The store did not answer.
    pub(super) fn store_is_away(&self) {
        self.until.store(self.now() + millis(KNOWN_FOR), Ordering::Relaxed);
    }

    /// The store answered.
    pub(super) fn store_is_back(&self) {
        if self.until.load(Ordering::Relaxed) != 0 {
            self.until.store(0, Ordering::Relaxed);
        }
    }

    fn now(&self) -> u64 {
        millis(self.begin.elapsed())
    }
}

fn millis(duration: Duration) -> u64 {
    duration.as_millis() as u64
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::Ordering;

    use super::Outage;

    #[test]
    fn one_request_in_a_while_tries_a_store_that_is_away() {
        let outage = Outage::none();
        assert!(outage.is_store_worth_trying() && outage.is_store_worth_trying());
        outage.store_is_away();
        assert!(!outage.is_store_worth_trying());
        outage.until.store(1, Ordering::Relaxed);
        std::thread::sleep(std::time::Duration::from_millis(2));
        assert!(outage.is_store_worth_trying());
        assert!(!outage.is_store_worth_trying());
        outage.store_is_back();
        assert!(outage.is_store_worth_trying());
    }
}
