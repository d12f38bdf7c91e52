//! What the hallway counts. The sums agree: received = stored + duplicates + refused.

use labtrail_shared::telemetry::Metrics;
use prometheus_client::{
    encoding::EncodeLabelSet,
    metrics::{counter::Counter, family::Family},
};

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Reason {
    reason: String,
}

#[derive(Debug, Default)]
pub(super) struct IngestMetrics {
    received: Counter,
    stored: Counter,
    duplicates: Counter,
    refused: Family<Reason, Counter>,
    queued: Counter,
    normalized: Counter,
}

impl IngestMetrics {
    pub(super) fn register(metrics: &Metrics) -> Self {
        let new = Self::default();
        metrics.register(|registry| {
            registry.register("events_received", "Events taken from senders", new.received.clone());
            registry.register("events_stored", "Events stored", new.stored.clone());
            registry.register("events_duplicates", "Events that were stored already", new.duplicates.clone());
            registry.register("events_refused", "Events put among the dead letters", new.refused.clone());
            let help = "Events of agents in which a field was wrong and is kept in event_data.original";
            registry.register("events_normalized", help, new.normalized.clone());
            let help = "Events that came over HTTP while the store was away and were put into Kafka; received when they are read";
            registry.register("events_queued", help, new.queued.clone());
        });
        new
    }

    pub(super) fn stored(&self, stored: u64, duplicates: u64) {
        self.received.inc_by(stored + duplicates);
        self.stored.inc_by(stored);
        self.duplicates.inc_by(duplicates);
    }

    pub(super) fn refused(&self, reason: &str, events: u64) {
        self.received.inc_by(events);
        self.refused.get_or_create(&Reason { reason: reason.to_owned() }).inc_by(events);
    }

    pub(super) fn normalized(&self, events: u64) {
        self.normalized.inc_by(events);
    }

    pub(super) fn queued(&self, events: u64) {
        self.queued.inc_by(events);
    }
}
