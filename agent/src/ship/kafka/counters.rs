//! What the Kafka transport counts.

use std::sync::atomic::AtomicU64;

use labtrail_shared::telemetry::Metrics;
use prometheus_client::{
    encoding::EncodeLabelSet,
    metrics::{counter::Counter, family::Family, gauge::Gauge},
};

/// The kind of an error, in Kafka's words.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct Kind {
    pub kind: String,
}

#[derive(Debug, Clone, Default)]
pub(super) struct KafkaCounters {
    pub delivered: Counter,
    pub retries: Counter,
    pub splits: Counter,
    pub dead_letters: Counter,
    pub producer_restarts: Counter,
    pub errors: Family<Kind, Counter>,
    pub last_delivery: Gauge<f64, AtomicU64>,
    pub queued: Gauge,
    pub bytes_sent: Gauge,
    pub brokers_up: Gauge,
}

impl KafkaCounters {
    pub(super) fn register(metrics: &Metrics) -> Self {
        let counters = Self::default();
        metrics.register(|registry| {
            let mut counter = |name: &str, help: &str, counter: &Counter| {
                registry.register(format!("agent_kafka_{name}"), help, counter.clone());
            };
            counter("delivered", "Kafka records that the brokers acknowledged", &counters.delivered);
            counter("retries", "Kafka records sent again after a failure", &counters.retries);
            counter("splits", "Batches cut in two because they were too large", &counters.splits);
            counter("dead_letters", "Records delivered to the dead-letter topic", &counters.dead_letters);
            counter("producer_restarts", "Producers given up after a fatal error", &counters.producer_restarts);
            registry.register("agent_kafka_errors", "Errors by kind", counters.errors.clone());
            registry.register(
                "agent_kafka_last_delivery_seconds",
                "When the brokers acknowledged last, as a Unix time",
                counters.last_delivery.clone(),
            );
            registry.register("agent_kafka_queued", "Kafka records waiting in the client", counters.queued.clone());
            registry.register(
                "agent_kafka_sent_bytes",
                "Bytes sent to brokers, packed, since the producer was made",
                counters.bytes_sent.clone(),
            );
            registry.register("agent_kafka_brokers_up", "Brokers with a connection", counters.brokers_up.clone());
        });
        counters
    }

    pub(super) fn error(&self, kind: impl std::fmt::Debug) {
        self.errors.get_or_create(&Kind { kind: format!("{kind:?}") }).inc();
    }
}
