//! What is counted of alerts.

use labtrail_shared::telemetry::Metrics;
use prometheus_client::{
    encoding::EncodeLabelSet,
    metrics::{counter::Counter, family::Family, gauge::Gauge},
};

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(crate) struct ReceiverLabel {
    pub(crate) receiver: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(crate) struct StepLabel {
    pub(crate) step: &'static str,
}

/// The counters, shared by all who count.
#[derive(Debug, Clone, Default)]
pub(crate) struct AlertMetrics {
    pub(crate) marks: Counter,
    pub(crate) evaluations: Counter,
    pub(crate) samples: Counter,
    pub(crate) steps: Family<StepLabel, Counter>,
    pub(crate) leads: Gauge,
    pub(crate) firing: Gauge,
    pub(crate) stored_to_seconds: Gauge,
    pub(crate) rules: Gauge,
    pub(crate) problems: Gauge,
    pub(crate) sent: Family<ReceiverLabel, Counter>,
    pub(crate) failures: Family<ReceiverLabel, Counter>,
    pub(crate) dead: Family<ReceiverLabel, Counter>,
}

impl AlertMetrics {
    pub(crate) fn register(metrics: &Metrics) -> Self {
        let new = Self::default();
        metrics.register(|registry| {
            registry.register("alert_marks", "Marks written where events came that concern a rule", new.marks.clone());
            registry.register("alert_evaluations", "Evaluations of a rule in a group", new.evaluations.clone());
            registry.register("alert_samples", "Events read for evaluations", new.samples.clone());
            registry.register("alert_steps", "Steps in the life of alerts", new.steps.clone());
            registry.register("alert_leader", "1 where this collector evaluates the rules", new.leads.clone());
            registry.register("alert_firing", "Alerts that fire; known to the leader", new.firing.clone());
            let help = "Up to when all that was sent is known to be stored, in seconds since 1970; known to the leader";
            registry.register("alert_stored_to_seconds", help, new.stored_to_seconds.clone());
            registry.register("alert_rules", "Rules at work", new.rules.clone());
            let help = "What is wrong with files of rules and receivers that are not at work as they are now";
            registry.register("alert_rule_problems", help, new.problems.clone());
            registry.register("notifications_sent", "Notifications that receivers took", new.sent.clone());
            registry.register("notification_failures", "Attempts to notify that failed", new.failures.clone());
            registry.register("notifications_dead", "Notifications that are not tried any more", new.dead.clone());
        });
        new
    }
}
