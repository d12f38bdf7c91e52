//! The clock, which tests set by hand: hours pass in milliseconds there.

use std::sync::{
    Arc,
    atomic::{AtomicI64, Ordering},
};

use crate::ingest::now_micros;

/// What time it is, in microseconds since 1970 UTC.
#[derive(Debug, Clone, Default)]
pub(crate) struct Clock(Option<Arc<AtomicI64>>);

impl Clock {
    /// A clock that shows what it is set to.
    #[cfg(test)]
    pub(crate) fn set_by_hand(now: i64) -> Self {
        Self(Some(Arc::new(AtomicI64::new(now))))
    }

    /// The time now.
    pub(crate) fn now(&self) -> i64 {
        self.0.as_ref().map_or_else(now_micros, |hand| hand.load(Ordering::SeqCst))
    }

    /// Lets time pass on a clock that is set by hand.
    #[cfg(test)]
    pub(crate) fn pass(&self, micros: i64) {
        self.0.as_ref().expect("it is set by hand").fetch_add(micros, Ordering::SeqCst);
    }
}
