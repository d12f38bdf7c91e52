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
    inserts: Counter,
    failures: Counter,
    insert_seconds: Histogram,
    pub(super) budget_ends: Counter<u64, AtomicU64>,
    pub(super) arrivals_dropped: Counter,
    pub(super) backfilled: Counter,
    pub(super) backfill_missing: Gauge,
}

impl StoreMetrics {
    pub(super) fn register(metrics: &Metrics) -> Self {
        let new = Self {
            inserts: Counter::default(),
            failures: Counter::default(),
            insert_seconds: Histogram::new(exponential_buckets(0.001, 2.0, 14)),
            budget_ends: Counter::default(),
            arrivals_dropped: Counter::default(),
            backfilled: Counter::default(),
            backfill_missing: Gauge::default(),
        };
        metrics.register(|registry| {
            registry.register("store_commits", "Inserts that the database confirmed", new.inserts.clone());
            registry.register("store_failures", "Inserts that failed and are sent again", new.failures.clone());
            registry.register("store_commit_seconds", "Time of an insert", new.insert_seconds.clone());
            registry.register(
                "store_incomplete_answers",
                "Queries that ended because their time was up",
                new.budget_ends.clone(),
            );
            registry.register(
                "store_arrivals_dropped",
                "Stored events that those who watch were not told of",
                new.arrivals_dropped.clone(),
            );
            registry.register(
                "store_backfilled",
                "Events of MADSci that got what the store needs to order them",
                new.backfilled.clone(),
            );
            registry.register(
                "store_backfill_missing",
                "Events of MADSci that have not got it yet, as counted at the start",
                new.backfill_missing.clone(),
            );
        });
        new
    }

    pub(super) fn inserted(&self, time: Duration) {
        self.inserts.inc();
        self.insert_seconds.observe(time.as_secs_f64());
    }

    pub(super) fn failed(&self) {
        self.failures.inc();
    }
}
