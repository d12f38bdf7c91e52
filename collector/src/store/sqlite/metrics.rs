//! What the store counts.

use std::{sync::atomic::AtomicU64, time::Duration};

use labtrail_shared::telemetry::Metrics;
use prometheus_client::metrics::{
    counter::Counter,
    gauge::Gauge,
    histogram::{Histogram, exponential_buckets},
};

#[derive(Debug)]
pub(super) struct StoreMetrics {
    events: Gauge,
    commits: Counter,
    failures: Counter,
    commit_seconds: Histogram,
    pub(super) queue_bytes: Gauge<i64>,
    pub(super) budget_ends: Counter<u64, AtomicU64>,
}

impl StoreMetrics {
    pub(super) fn register(metrics: &Metrics) -> Self {
        let new = Self {
            events: Gauge::default(),
            commits: Counter::default(),
            failures: Counter::default(),
            commit_seconds: Histogram::new(exponential_buckets(0.001, 2.0, 14)),
            queue_bytes: Gauge::default(),
            budget_ends: Counter::default(),
        };
        metrics.register(|registry| {
            registry.register("store_events", "Events in the store", new.events.clone());
            registry.register("store_commits", "Transactions committed", new.commits.clone());
            registry.register("store_failures", "Transactions that failed and were sent again", new.failures.clone());
            registry.register("store_commit_seconds", "Time of a transaction", new.commit_seconds.clone());
            registry.register("store_queue_bytes", "What waits to be written", new.queue_bytes.clone());
            registry.register(
                "store_incomplete_answers",
                "Queries that ended because their time was up",
                new.budget_ends.clone(),
            );
        });
        new
    }

    pub(super) fn opened(&self, events: i64) {
        self.events.set(events);
    }

    pub(super) fn committed(&self, time: Duration, events: i64) {
        self.commits.inc();
        self.commit_seconds.observe(time.as_secs_f64());
        self.events.set(events);
    }

    pub(super) fn failed(&self) {
        self.failures.inc();
    }
}
