//! How far the pipeline is: up to when all that was sent is stored.

use std::{
    convert::Infallible,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicI64, Ordering},
    },
    time::Duration,
};

use labtrail_shared::shutdown::{Stop, Tasks};
use tracing::error;

use crate::{
    alerting::{Alerting, frontier::Frontier},
    kafka::KafkaConfig,
};

/// How often brokers are asked how far the group is.
const FRONTIER_EVERY: Duration = Duration::from_secs(1);

/// Nothing is known of Kafka yet.
pub(super) const UNKNOWN: i64 = i64::MIN;

/// How far the pipeline is, as the leader's thread learnt.
#[derive(Debug)]
pub(super) struct Progress {
    is_led: AtomicBool,
    /// None where nothing comes through Kafka.
    stored_to: Option<AtomicI64>,
}

impl Progress {
    pub(super) fn new(has_kafka: bool) -> Self {
        Self { is_led: AtomicBool::new(false), stored_to: has_kafka.then(|| AtomicI64::new(UNKNOWN)) }
    }

    /// Notes whether this collector leads; says whether it did before.
    pub(super) fn lead(&self, leads: bool) -> bool {
        let led = self.is_led.swap(leads, Ordering::AcqRel);
        if let Some(stored_to) = self.stored_to.as_ref().filter(|_| led && !leads) {
            stored_to.store(UNKNOWN, Ordering::Release);
        }
        led
    }

    /// Up to when all that was sent is stored: what comes over HTTP is stored before its sender goes on.
    pub(super) fn stored_to(&self, now: i64) -> i64 {
        self.stored_to.as_ref().map_or(now, |stored_to| stored_to.load(Ordering::Acquire).min(now))
    }
}

/// Starts what asks the brokers, while this collector leads.
pub(super) fn start(config: &KafkaConfig, alerting: &Alerting, progress: Arc<Progress>, tasks: &mut Tasks, stop: Stop) {
    let (config, clock) = (config.clone(), alerting.clock.clone());
    tasks.start_thread("alert frontier", move || {
        let mut frontier: Option<Frontier> = None;
        while !stop.is_given() {
            if progress.is_led.load(Ordering::Acquire) {
                if frontier.is_none() {
                    match Frontier::new(&config, clock.clone()) {
                        Ok(new) => frontier = Some(new),
                        Err(problem) => error!(%problem, "it cannot be known how far Kafka was read"),
                    }
                }
                let known = frontier.as_mut().and_then(Frontier::ask);
                if let (Some(known), Some(stored_to)) = (known, &progress.stored_to) {
                    stored_to.store(known, Ordering::Release);
                }
            } else {
                // What was known is of the past.
                frontier = None;
            }
            std::thread::sleep(FRONTIER_EVERY);
        }
        Ok::<(), Infallible>(())
    });
}
