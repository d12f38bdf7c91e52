//! What the Kafka door counts. Fetched = done + what waits; what is in the records is counted by `ingest`.

use std::sync::Arc;

use labtrail_shared::telemetry::Metrics;
use prometheus_client::{
    encoding::EncodeLabelSet,
    metrics::{counter::Counter, family::Family, gauge::Gauge},
};

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct PartitionLabel {
    pub(super) topic: Arc<str>,
    pub(super) partition: i32,
}

#[derive(Debug, Default)]
pub(super) struct KafkaMetrics {
    pub(super) fetched: Counter,
    pub(super) fetched_bytes: Counter,
    pub(super) done: Counter,
    pub(super) done_bytes: Counter,
    pub(super) given_back: Counter,
    pub(super) batches: Counter,
    pub(super) letters_kept: Counter,
    pub(super) retries: Counter,
    pub(super) commits: Counter,
    pub(super) commit_failures: Counter,
    pub(super) rebalances: Counter,
    pub(super) lost: Counter,
    pub(super) partitions: Gauge,
    pub(super) paused: Gauge,
    pub(super) lag: Family<PartitionLabel, Gauge>,
}

impl KafkaMetrics {
    pub(super) fn register(metrics: &Metrics) -> Self {
        let new = Self::default();
        metrics.register(|registry| {
            let counters = [
                ("kafka_records_fetched", "Records taken from Kafka", &new.fetched),
                ("kafka_fetched_bytes", "Bytes of the values of records taken from Kafka", &new.fetched_bytes),
                ("kafka_records_done", "Records all of which is stored or among the dead letters", &new.done),
                ("kafka_done_bytes", "Bytes of the values of records that are done", &new.done_bytes),
                (
                    "kafka_records_given_back",
                    "Records taken and not done when their partition went away",
                    &new.given_back,
                ),
                ("kafka_batches", "Batches of records that went to the store together", &new.batches),
                ("kafka_letters_kept", "Dead letters read from their topic and stored", &new.letters_kept),
                ("kafka_store_retries", "Batches that had to be tried again", &new.retries),
                ("kafka_commits", "Commits of offsets", &new.commits),
                (
                    "kafka_commit_failures",
                    "Commits of offsets that failed, and came with the next one",
                    &new.commit_failures,
                ),
                (
                    "kafka_rebalances",
                    "How often partitions were given to this collector or taken from it",
                    &new.rebalances,
                ),
                ("kafka_records_lost", "Records that Kafka removed before they were read", &new.lost),
            ];
            for (name, help, counter) in counters {
                registry.register(name, help, counter.clone());
            }
            registry.register("kafka_partitions", "Partitions that this collector reads", new.partitions.clone());
            registry.register("kafka_partitions_paused", "Partitions that wait for the store", new.paused.clone());
            registry.register("kafka_lag", "Records of a partition that are not done", new.lag.clone());
        });
        new
    }
}
