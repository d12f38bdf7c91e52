//! What the hallway counts. The sums agree: received = stored + duplicates + refused.

use labtrail_shared::telemetry::Metrics;
use prometheus_client::{
    encoding::EncodeLabelSet,
    metrics::{counter::Counter, family::Family},
};

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Reason {
    reason: &'static str,
}

#[derive(Debug, Default)]
pub(super) struct IngestMetrics {
    received: Counter,
    stored: Counter,
    duplicates: Counter,
    refused: Family<Reason, Counter>,
}

impl IngestMetrics {
    pub(super) fn register(metrics: &Metrics) -> Self {
        let new = Self::default();
        metrics.register(|registry| {
            registry.register("events_received", "Events taken from senders", new.received.clone());
            registry.register("events_stored", "Events stored", new.stored.clone());
            registry.register("events_duplicates", "Events that were stored already", new.duplicates.clone());
            registry.register("events_refused", "Events put among the dead letters", new.refused.clone());
        });
        new
    }

    pub(super) fn count(&self, received: u64, stored: u64, duplicates: u64, refused: &[&'static str]) {
        self.received.inc_by(received);
        self.stored.inc_by(stored);
        self.duplicates.inc_by(duplicates);
        for reason in refused {
            self.refused.get_or_create(&Reason { reason }).inc();
        }
    }
}
