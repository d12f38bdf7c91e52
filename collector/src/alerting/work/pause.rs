//! The pause of work that fails because the store is away.

use std::time::Duration;

use labtrail_shared::telemetry::with_causes;
use tracing::{info, warn};

use crate::store::StoreError;

/// The longest pause after a failure.
const PAUSE_MAX: Duration = Duration::from_secs(10);

/// The pause after a failure, which grows.
#[derive(Debug, Default)]
pub(super) struct Pause {
    failures: u32,
}

impl Pause {
    /// The work was done.
    pub(super) fn end(&mut self) {
        if self.failures > 1 {
            info!("alerts are at work again");
        }
        self.failures = 0;
    }

    /// Waits, after the work failed.
    pub(super) async fn after(&mut self, error: &StoreError, what: &'static str) {
        self.failures = self.failures.saturating_add(1);
        if self.failures == 1 || self.failures.is_multiple_of(30) {
            warn!(error = with_causes(error), "{what} wait for the store");
        }
        let pause = Duration::from_millis(250).saturating_mul(1 << self.failures.min(6));
        tokio::time::sleep(pause.min(PAUSE_MAX)).await;
    }
}
