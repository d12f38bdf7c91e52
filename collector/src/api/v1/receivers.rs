//! Receivers: listed with how they do, and tried.

use std::{collections::HashMap, sync::Arc};

use axum::{
    Json,
    extract::{Path, State},
};
use jiff::Timestamp;
use labtrail_shared::event_id;
use serde::Serialize;
use utoipa::ToSchema;

use super::{alerts::not_there, instant};
use crate::{
    alert::outbox::{OutboxRow, RowState},
    alerting::{page_address, rows, sender::LineContent},
    api::{Api, error::Problem},
    notify::Outcome,
};

/// All receivers.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ReceiverList {
    /// In the order in which they are set.
    receivers: Vec<ReceiverItem>,
}

/// A receiver.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Receiver)]
pub(crate) struct ReceiverItem {
    /// Its name.
    name: String,
    /// By what it is told: `email`, `webhook`, `chat`, `command` or `log`.
    kind: &'static str,
    /// Whether it is told by rules that name nobody.
    default: bool,
    /// Whether it is told what others could not be told.
    fallback: bool,
    /// How many notifications wait for it.
    waiting: usize,
    /// Since when nothing gets through.
    #[schema(format = DateTime)]
    failing_since: Option<String>,
    /// Why.
    reason: Option<String>,
    /// When something last got through.
    #[schema(format = DateTime)]
    last_sent_at: Option<String>,
}

/// What became of a trial.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ReceiverTrial {
    /// Whether the receiver took it.
    sent: bool,
    /// Why not, in its own words.
    reason: Option<String>,
    /// Addresses that do not get it, though others do.
    refused: Vec<RefusedAddress>,
    /// Why a plain text was sent in place of what its template should have made.
    template_problem: Option<String>,
}

/// An address that the mail server did not take.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct RefusedAddress {
    /// The address.
    address: String,
    /// The server's words.
    reason: String,
}

/// List receivers
#[utoipa::path(
    get,
    path = "/api/v1/receivers",
    tag = "labtrail",
    responses(
        (status = 200, description = "All receivers", body = ReceiverList),
        (status = 503, description = "The store is not available", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn get_receivers(State(api): State<Arc<Api>>) -> Result<Json<ReceiverList>, Problem> {
    let alerting = api.alerts()?;
    let rulebook = Arc::clone(&alerting.rulebook.borrow());
    let mut waiting: HashMap<String, usize> = HashMap::new();
    for row in rows::all(&*alerting.store, rows::OUTBOX, "").await?.iter().filter(|row| row.due.is_some()) {
        let Some(outgoing) = rows::read::<OutboxRow>(rows::OUTBOX, row) else { continue };
        if matches!(outgoing.state, RowState::Waiting | RowState::Claimed) {
            *waiting.entry(outgoing.receiver).or_default() += 1;
        }
    }
    let mut receivers = Vec::new();
    for section in &rulebook.receiver_sections {
        let line = alerting.store.row(rows::LINE, &section.name).await?;
        let line: LineContent = line.and_then(|row| rows::read(rows::LINE, &row)).unwrap_or_default();
        receivers.push(ReceiverItem {
            kind: section.channel.kind(),
            default: rulebook.default_receivers.contains(&section.name),
            fallback: rulebook.fallback_receiver.as_ref() == Some(&section.name),
            waiting: waiting.get(&section.name).copied().unwrap_or(0),
            failing_since: line.failing_since.map(instant),
            reason: line.reason,
            last_sent_at: line.last_sent_at.map(instant),
            name: section.name.clone(),
        });
    }
    Ok(Json(ReceiverList { receivers }))
}

/// Try a receiver
///
/// Sends a notification that says that it is a test, now and once, and says what became of it.
#[utoipa::path(
    post,
    path = "/api/v1/receivers/{name}/test",
    tag = "labtrail",
    params(("name" = String, Path, description = "The receiver's name")),
    responses(
        (status = 200, description = "What became of it", body = ReceiverTrial),
        (status = 404, description = "There is none of this name", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn test_receiver(
    State(api): State<Arc<Api>>,
    Path(name): Path<String>,
) -> Result<Json<ReceiverTrial>, Problem> {
    let alerting = api.alerts()?;
    let rulebook = Arc::clone(&alerting.rulebook.borrow());
    let receiver = rulebook.receivers.get(&name).ok_or_else(|| not_there(&name))?;
    let url = alerting.page_url.as_deref().map(page_address);
    let trial = receiver.trial(&event_id::mint(), Timestamp::now(), url.as_deref());
    Ok(Json(match receiver.send(&trial, None).await {
        Outcome::Sent(delivery) => {
            let refused = delivery.refused.into_iter();
            let refused = refused.map(|refused| RefusedAddress { address: refused.address, reason: refused.reason });
            let template_problem = delivery.template_problem;
            ReceiverTrial { sent: true, reason: None, refused: refused.collect(), template_problem }
        }
        Outcome::Failed(failure) => {
            ReceiverTrial { sent: false, reason: Some(failure.reason), refused: Vec::new(), template_problem: None }
        }
    }))
}
