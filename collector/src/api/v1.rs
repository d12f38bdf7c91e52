//! Our own routes.

mod batch;
mod cursor;
mod dead_letters;
mod histogram;
mod parameters;
mod rules;
mod search;
mod watch;

use std::sync::Arc;

use axum::{
    Router,
    routing::{get, post},
};
use labtrail_shared::timestamp::EventTimestamp;

use super::Api;
pub(super) use {
    batch::{__path_post_events, RefusedEvent, TakenReceipt},
    dead_letters::{
        __path_delete_dead_letter, __path_get_dead_letter, __path_get_dead_letters, __path_replay_dead_letter,
        DeadLetterItem, DeadLetterPage, ReplayReceipt,
    },
    histogram::{__path_get_histogram, HistogramAnswer, HistogramBucket},
    rules::{__path_test_rule, BackTestAnswer, BackTestGroup, BackTestStep},
    search::{__path_get_event, __path_get_events, EventPage},
    watch::__path_get_live,
};

pub(super) fn routes() -> Router<Arc<Api>> {
    Router::new()
        .route("/events", post(batch::post_events).get(search::get_events))
        .route("/events/histogram", get(histogram::get_histogram))
        .route("/events/live", get(watch::get_live))
        .route("/events/{id}", get(search::get_event))
        .route("/rules/test", post(rules::test_rule))
        .route("/dead-letters", get(dead_letters::get_dead_letters))
        .route("/dead-letters/{seq}", get(dead_letters::get_dead_letter).delete(dead_letters::delete_dead_letter))
        .route("/dead-letters/{seq}/replay", post(dead_letters::replay_dead_letter))
}

/// An instant in microseconds UTC, as answers write it.
fn instant(micros: i64) -> String {
    EventTimestamp::from_utc_micros(micros).to_string()
}
