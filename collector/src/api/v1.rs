//! Our own routes.

mod alerts;
mod batch;
mod cursor;
mod dead_letters;
mod histogram;
mod notifications;
mod parameters;
mod receivers;
mod rules;
mod search;
mod silences;
mod watch;

use std::sync::Arc;

use axum::{
    Router,
    routing::{delete, get, post},
};
use labtrail_shared::timestamp::EventTimestamp;

use super::Api;
pub(super) use {
    alerts::{
        __path_acknowledge_alert, __path_get_alert, __path_get_alerts, __path_unacknowledge_alert, AcknowledgeRequest,
        AlertCounts, AlertPage, UnacknowledgeRequest,
        item::{Acknowledgement, AlertItem, FateItem, HistoryItem},
    },
    batch::{__path_post_events, RefusedEvent, TakenReceipt},
    dead_letters::{
        __path_delete_dead_letter, __path_get_dead_letter, __path_get_dead_letters, __path_replay_dead_letter,
        DeadLetterItem, DeadLetterPage, ReplayReceipt,
    },
    histogram::{__path_get_histogram, HistogramAnswer, HistogramBucket},
    notifications::{
        __path_get_notifications, __path_retry_notification, NotificationItem, NotificationList, NotificationLogLine,
    },
    receivers::{
        __path_get_receivers, __path_test_receiver, ReceiverItem, ReceiverList, ReceiverTrial, RefusedAddress,
    },
    rules::{
        __path_delete_rule, __path_get_rule, __path_get_rules, __path_put_rule, RuleItem, RuleList,
        back_test::{__path_test_rule, BackTestAnswer, BackTestGroup, BackTestStep},
    },
    search::{__path_get_event, __path_get_events, EventPage},
    silences::{
        __path_delete_silence, __path_get_silences, __path_post_silence, __path_preview_silence, SilenceItem,
        SilenceList, SilencePreview, WantedSilence,
    },
    watch::__path_get_live,
};

pub(super) fn routes() -> Router<Arc<Api>> {
    Router::new()
        .route("/events", post(batch::post_events).get(search::get_events))
        .route("/events/histogram", get(histogram::get_histogram))
        .route("/events/live", get(watch::get_live))
        .route("/events/{id}", get(search::get_event))
        .route("/alerts", get(alerts::get_alerts))
        .route("/alerts/{id}", get(alerts::get_alert))
        .route("/alerts/{id}/acknowledge", post(alerts::acknowledge_alert))
        .route("/alerts/{id}/unacknowledge", post(alerts::unacknowledge_alert))
        .route("/silences", get(silences::get_silences).post(silences::post_silence))
        .route("/silences/preview", post(silences::preview_silence))
        .route("/silences/{id}", delete(silences::delete_silence))
        .route("/rules", get(rules::get_rules))
        .route("/rules/test", post(rules::back_test::test_rule))
        .route("/rules/{name}", get(rules::get_rule).put(rules::put_rule).delete(rules::delete_rule))
        .route("/receivers", get(receivers::get_receivers))
        .route("/receivers/{name}/test", post(receivers::test_receiver))
        .route("/notifications", get(notifications::get_notifications))
        .route("/notifications/{key}/retry", post(notifications::retry_notification))
        .route("/dead-letters", get(dead_letters::get_dead_letters))
        .route("/dead-letters/{seq}", get(dead_letters::get_dead_letter).delete(dead_letters::delete_dead_letter))
        .route("/dead-letters/{seq}/replay", post(dead_letters::replay_dead_letter))
}

/// An instant in microseconds UTC, as answers write it.
fn instant(micros: i64) -> String {
    EventTimestamp::from_utc_micros(micros).to_string()
}
