//! Notifications: the outbox, as people see it.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use axum::{
    Json,
    extract::{Path, RawQuery, State},
};
use serde::Serialize;
use serde_json::{Value, json};
use utoipa::ToSchema;

use super::{alerts::attend, instant, parameters::Parameters};
use crate::{
    alert::outbox::{OutboxRow, Payload, RowState},
    alerting::{rows, sender::LineContent},
    api::{Api, error::Problem},
    store::Row,
};

const LIMIT_DEFAULT: i64 = 200;
const LIMIT_MAX: i64 = 5000;

/// Notifications.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct NotificationList {
    /// The newest first.
    notifications: Vec<NotificationItem>,
}

/// A notification.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Notification)]
pub(crate) struct NotificationItem {
    /// What tells it from others.
    key: String,
    /// Who is told.
    receiver: String,
    /// `waiting`, `claimed` (it is being sent), `sent` or `dead` (it is not tried any more).
    #[schema(value_type = String)]
    state: RowState,
    /// When there was something to tell.
    #[schema(format = DateTime)]
    created_at: String,
    /// How often it was tried.
    attempts: u32,
    /// When it is tried next.
    #[schema(format = DateTime)]
    next_at: Option<String>,
    /// The highest severity in it.
    #[schema(value_type = String)]
    severity: Value,
    /// `alerts`, `digest`, `overflow`, or `undelivered`: what another receiver could not be told.
    #[schema(value_type = String)]
    kind: Value,
    /// The rules that it tells of.
    rules: BTreeSet<String>,
    /// How many steps of alerts it tells of.
    alerts: u64,
    /// Whether the receiver may have had it before.
    is_repeat: bool,
    /// The mail's `Message-ID`, the same in each attempt.
    message_id: String,
    /// Whether it was given up because of something that a person can mend.
    needs_mending: bool,
    /// What happened.
    log: Vec<NotificationLogLine>,
}

/// Something that happened to a notification.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct NotificationLogLine {
    /// When.
    #[schema(format = DateTime)]
    at: String,
    /// What.
    what: String,
}

impl NotificationItem {
    fn new(row: OutboxRow) -> Self {
        let (notification, kind) = match &row.payload {
            Payload::Alerts(notification) => (notification, json!(notification.kind)),
            Payload::Undelivered(undelivered) => (&undelivered.notification, json!("undelivered")),
        };
        let listed = notification.steps.iter().map(|step| step.alert.rule.clone());
        let rules = listed.chain(notification.rest.iter().map(|rest| rest.rule.clone())).collect();
        Self {
            severity: json!(notification.severity),
            kind,
            rules,
            alerts: notification.steps.len() as u64 + notification.more,
            next_at: (!row.state.is_settled()).then(|| instant(row.next_at)),
            created_at: instant(row.created_at),
            log: row
                .log
                .into_iter()
                .map(|line| NotificationLogLine { at: instant(line.at), what: line.what })
                .collect(),
            key: row.key,
            receiver: row.receiver,
            state: row.state,
            attempts: row.attempts,
            is_repeat: row.is_repeat,
            message_id: row.message_id,
            needs_mending: row.needs_mending,
        }
    }
}

/// List notifications
#[utoipa::path(
    get,
    path = "/api/v1/notifications",
    tag = "labtrail",
    params(
        ("state" = Option<String>, Query, description = "`waiting`, `sent`, `dead` or `all`; default all"),
        ("receiver" = Option<String>, Query, description = "Only those for this receiver"),
        ("limit" = Option<i64>, Query, description = "How many, 1 to 5,000; default 200"),
    ),
    responses(
        (status = 200, description = "Notifications", body = NotificationList),
        (status = 400, description = "A parameter cannot be used", body = Problem, content_type = "application/problem+json"),
        (status = 503, description = "The store is not available", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn get_notifications(
    State(api): State<Arc<Api>>,
    query: RawQuery,
) -> Result<Json<NotificationList>, Problem> {
    let mut parameters = Parameters::new(query, &["state", "receiver", "limit"]);
    let limit = parameters.number("limit", 1, LIMIT_MAX).unwrap_or(LIMIT_DEFAULT) as usize;
    let receiver = parameters.text("receiver");
    let states = parameters.read("state", |text| match text {
        "all" => Ok(None),
        "waiting" => Ok(Some(&[RowState::Waiting, RowState::Claimed][..])),
        "sent" => Ok(Some(&[RowState::Sent][..])),
        "dead" => Ok(Some(&[RowState::Dead][..])),
        _ => Err(format!("{text:?} is not a state: write waiting, sent, dead or all")),
    });
    parameters.finish()?;
    let alerting = api.alerts()?;
    let mut outbox: Vec<OutboxRow> = rows::read_all(&*alerting.store, rows::OUTBOX, "").await?;
    outbox.retain(|row| receiver.as_ref().is_none_or(|receiver| row.receiver == *receiver));
    if let Some(states) = states.flatten() {
        outbox.retain(|row| states.contains(&row.state));
    }
    outbox.sort_by_key(|row| std::cmp::Reverse((row.created_at, row.sequence)));
    outbox.truncate(limit);
    let lines = rows::all(&*alerting.store, rows::LINE, "").await?;
    let pause = |row: &Row| Some((row.key.clone(), rows::read::<LineContent>(rows::LINE, row)?.paused_until?));
    let pauses: BTreeMap<String, i64> = lines.iter().filter_map(pause).collect();
    for row in outbox.iter_mut().filter(|row| row.state == RowState::Waiting && !row.is_asked_for) {
        // While its receiver is left alone, it is, too.
        row.next_at = pauses.get(&row.receiver).map_or(row.next_at, |until| row.next_at.max(*until));
    }
    let notifications = outbox.into_iter().map(NotificationItem::new).collect();
    Ok(Json(NotificationList { notifications }))
}

/// Try a notification again
///
/// Takes up one that was given up, because somebody mended what stood in its way.
#[utoipa::path(
    post,
    path = "/api/v1/notifications/{key}/retry",
    tag = "labtrail",
    params(("key" = String, Path, description = "The notification's key")),
    responses(
        (status = 200, description = "The notification", body = NotificationItem),
        (status = 404, description = "There is none of this key", body = Problem, content_type = "application/problem+json"),
        (status = 409, description = "It was not given up", body = Problem, content_type = "application/problem+json"),
        (status = 503, description = "The store is not available", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn retry_notification(
    State(api): State<Arc<Api>>,
    Path(key): Path<String>,
) -> Result<Json<NotificationItem>, Problem> {
    let alerting = api.alerts()?;
    let revived = alerting.retry(&key).await.map_err(|error| attend(&key, error))?;
    Ok(Json(NotificationItem::new(revived)))
}
