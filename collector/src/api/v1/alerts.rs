//! Alerts: listed, looked at, acknowledged.

pub(super) mod item;

use std::{cmp::Reverse, sync::Arc};

use axum::{
    Json,
    body::Bytes,
    extract::{Path, RawQuery, State},
    http::StatusCode,
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use self::item::{AlertItem, HistoryItem};
use super::parameters::Parameters;
use crate::{
    alert::{
        key::key_of,
        life::AlertState,
        routing::{Inhibitors, Muting, Silence, StepRecord},
        step::Alert,
    },
    alerting::{
        Alerting,
        attend::AttendError,
        rows,
        rulebook::Rulebook,
        stored_alert::{PastStep, StoredAlert},
    },
    api::{Api, error::Problem},
    store::StoreError,
};

const LIMIT_DEFAULT: i64 = 200;
const LIMIT_MAX: i64 = 1000;

/// So many steps of one alert are shown.
const HISTORY_MAX: usize = 200;

/// A page of alerts.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct AlertPage {
    /// What fires first, the most severe of it first; then what is pending, then what was resolved.
    alerts: Vec<AlertItem>,
    /// Give this as `after` for the next page; `null` if this is the last.
    next: Option<String>,
    /// How many there are in all.
    counts: AlertCounts,
}

/// How many alerts there are.
#[derive(Debug, Default, Serialize, ToSchema)]
pub(crate) struct AlertCounts {
    /// That fire.
    firing: usize,
    /// Whose condition holds, not yet for long enough.
    pending: usize,
    /// That were resolved.
    resolved: usize,
}

/// Who attends to an alert.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct AcknowledgeRequest {
    /// The episode that was seen.
    episode: u64,
    /// Who.
    by: String,
    /// What they say of it.
    #[serde(default)]
    note: String,
}

/// Nobody attends to an alert any more.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct UnacknowledgeRequest {
    /// The episode that was seen.
    episode: u64,
}

impl Api {
    /// Alerts, if they are at work here.
    pub(super) fn alerts(&self) -> Result<&Arc<Alerting>, Problem> {
        self.alerting.as_ref().ok_or_else(|| {
            let detail = "alerts are switched off in this collector's config (alerts.enabled)";
            Problem::new(StatusCode::NOT_FOUND, "no-alerts", "there are no alerts here", detail)
        })
    }
}

/// All that decides whether something is told.
pub(super) struct Mutes {
    rulebook: Arc<Rulebook>,
    silences: Vec<Silence>,
    firing: Vec<Alert>,
}

impl Mutes {
    pub(super) async fn load(alerting: &Alerting, alerts: &[StoredAlert]) -> Result<Self, StoreError> {
        let rulebook = Arc::clone(&alerting.rulebook.borrow());
        let firing = alerts.iter().filter(|stored| stored.is_firing()).map(|stored| stored.alert.clone());
        Ok(Self { rulebook, silences: alerting.silences().await?, firing: firing.collect() })
    }

    pub(super) fn muting(&self) -> Muting<'_> {
        Muting {
            silences: &self.silences,
            maintenance: &self.rulebook.maintenance,
            inhibitors: Inhibitors::new(&self.rulebook.inhibit, &self.firing),
        }
    }
}

/// All alerts there are.
pub(super) async fn all(alerting: &Alerting) -> Result<Vec<StoredAlert>, StoreError> {
    rows::read_all(&*alerting.store, rows::ALERT, "").await
}

/// List alerts
#[utoipa::path(
    get,
    path = "/api/v1/alerts",
    tag = "labtrail",
    params(
        ("state" = Option<String>, Query, description = "`firing`, `pending`, `resolved` or `all`; default all"),
        ("rule" = Option<String>, Query, description = "Only those of this rule"),
        ("limit" = Option<i64>, Query, description = "How many a page holds, 1 to 1,000; default 200"),
        ("after" = Option<String>, Query, description = "`next` of the page before"),
    ),
    responses(
        (status = 200, description = "A page of alerts", body = AlertPage),
        (status = 400, description = "A parameter cannot be used", body = Problem, content_type = "application/problem+json"),
        (status = 503, description = "The store is not available", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn get_alerts(State(api): State<Arc<Api>>, query: RawQuery) -> Result<Json<AlertPage>, Problem> {
    let mut parameters = Parameters::new(query, &["state", "rule", "limit", "after"]);
    let limit = parameters.number("limit", 1, LIMIT_MAX).unwrap_or(LIMIT_DEFAULT) as usize;
    let rule = parameters.text("rule");
    let skip = parameters.number("after", 0, i64::MAX).unwrap_or(0) as usize;
    let state = parameters.read("state", |text| match text {
        "all" => Ok(None),
        "firing" => Ok(Some(AlertState::Firing)),
        "pending" => Ok(Some(AlertState::Pending)),
        "resolved" => Ok(Some(AlertState::Resolved)),
        _ => Err(format!("{text:?} is not a state: write firing, pending, resolved or all")),
    });
    parameters.finish()?;
    let alerting = api.alerts()?;
    let mut alerts = all(alerting).await?;
    for stored in &mut alerts {
        // Of a rule that was changed or deleted there is nothing but a past.
        if stored.row.state == AlertState::Inactive && stored.row.resolved_at.is_some() {
            stored.row.state = AlertState::Resolved;
            stored.row.ended = stored.row.ended.or(stored.row.resolved_at);
        }
    }
    let mutes = Mutes::load(alerting, &alerts).await?;
    alerts.retain(|stored| rule.as_ref().is_none_or(|rule| stored.alert.rule == *rule));
    let of = |wanted: AlertState| alerts.iter().filter(|stored| stored.row.state == wanted).count();
    let counts = AlertCounts {
        firing: of(AlertState::Firing),
        pending: of(AlertState::Pending),
        resolved: of(AlertState::Resolved),
    };
    let wanted = state.flatten();
    alerts.retain(|stored| {
        stored.row.state != AlertState::Inactive && wanted.is_none_or(|wanted| stored.row.state == wanted)
    });
    alerts.sort_by_cached_key(order);
    let is_more = alerts.len() > skip.saturating_add(limit);
    let (muting, now) = (mutes.muting(), alerting.clock.now());
    let page = alerts.iter().skip(skip).take(limit).map(|stored| AlertItem::new(stored, &muting, now));
    let next = is_more.then(|| (skip + limit).to_string());
    Ok(Json(AlertPage { alerts: page.collect(), next, counts }))
}

/// What fires, the most severe and newest first; what is pending; what was resolved, the latest first.
fn order(stored: &StoredAlert) -> (u8, Reverse<Option<crate::alert::rule::Severity>>, Reverse<Option<i64>>, String) {
    let row = &stored.row;
    match row.state {
        AlertState::Firing => (0, Reverse(Some(stored.alert.severity)), Reverse(row.since), stored.id()),
        AlertState::Pending => (1, Reverse(Some(stored.alert.severity)), Reverse(row.since), stored.id()),
        AlertState::Resolved | AlertState::Inactive => (2, Reverse(None), Reverse(row.ended), stored.id()),
    }
}

/// Show an alert and its history
#[utoipa::path(
    get,
    path = "/api/v1/alerts/{id}",
    tag = "labtrail",
    params(("id" = String, Path, description = "The alert's id")),
    responses(
        (status = 200, description = "The alert", body = AlertItem),
        (status = 404, description = "There is none of this id", body = Problem, content_type = "application/problem+json"),
        (status = 503, description = "The store is not available", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn get_alert(State(api): State<Arc<Api>>, Path(id): Path<String>) -> Result<Json<AlertItem>, Problem> {
    let alerting = api.alerts()?;
    let (_, stored) = StoredAlert::load(&*alerting.store, &id).await?.ok_or_else(|| not_there(&id))?;
    Ok(Json(shown(alerting, &stored).await?))
}

/// An alert with its history.
async fn shown(alerting: &Alerting, stored: &StoredAlert) -> Result<AlertItem, StoreError> {
    let mutes = Mutes::load(alerting, &all(alerting).await?).await?;
    let mut item = AlertItem::new(stored, &mutes.muting(), alerting.clock.now());
    let past = rows::all(&*alerting.store, rows::HISTORY, &format!("{}:", item.id)).await?;
    let mut history = Vec::new();
    for row in past.iter().rev().take(HISTORY_MAX) {
        let Some(past) = rows::read::<PastStep>(rows::HISTORY, row) else { continue };
        let prefix = format!("{}:", key_of([past.step.key.as_str()]));
        let fates = rows::all(&*alerting.store, rows::FATE, &prefix).await?;
        let mut fates: Vec<(String, StepRecord)> = fates
            .iter()
            .filter_map(|row| rows::read::<Fate>(rows::FATE, row))
            .map(|fate| (fate.receiver, fate.record))
            .collect();
        fates.sort_by_key(|(_, record)| record.at);
        history.push(HistoryItem::new(&past, &fates));
    }
    item.history = Some(history);
    Ok(item)
}

#[derive(Debug, Deserialize)]
struct Fate {
    receiver: String,
    record: StepRecord,
}

/// Acknowledge an alert
///
/// Somebody attends to it: it is not repeated and not escalated any more, until it is over.
#[utoipa::path(
    post,
    path = "/api/v1/alerts/{id}/acknowledge",
    tag = "labtrail",
    params(("id" = String, Path, description = "The alert's id")),
    request_body = AcknowledgeRequest,
    responses(
        (status = 200, description = "The alert", body = AlertItem),
        (status = 404, description = "There is none of this id", body = Problem, content_type = "application/problem+json"),
        (status = 409, description = "It does not fire, or it is another episode", body = Problem, content_type = "application/problem+json"),
        (status = 422, description = "The request is not right", body = Problem, content_type = "application/problem+json"),
        (status = 503, description = "The store is not available", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn acknowledge_alert(
    State(api): State<Arc<Api>>,
    Path(id): Path<String>,
    body: Bytes,
) -> Result<Json<AlertItem>, Problem> {
    let AcknowledgeRequest { episode, by, note } = read_body(&body)?;
    if by.trim().is_empty() {
        return Err(invalid("an acknowledgement needs somebody: say by whom it is"));
    }
    let alerting = api.alerts()?;
    let stored = alerting.acknowledge(&id, episode, Some((by, note))).await.map_err(|error| attend(&id, error))?;
    Ok(Json(shown(alerting, &stored).await?))
}

/// Let go of an alert
///
/// Nobody attends to it any more: it is repeated and escalated as before.
#[utoipa::path(
    post,
    path = "/api/v1/alerts/{id}/unacknowledge",
    tag = "labtrail",
    params(("id" = String, Path, description = "The alert's id")),
    request_body = UnacknowledgeRequest,
    responses(
        (status = 200, description = "The alert", body = AlertItem),
        (status = 404, description = "There is none of this id", body = Problem, content_type = "application/problem+json"),
        (status = 409, description = "It does not fire, or it is another episode", body = Problem, content_type = "application/problem+json"),
        (status = 422, description = "The request is not right", body = Problem, content_type = "application/problem+json"),
        (status = 503, description = "The store is not available", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn unacknowledge_alert(
    State(api): State<Arc<Api>>,
    Path(id): Path<String>,
    body: Bytes,
) -> Result<Json<AlertItem>, Problem> {
    let UnacknowledgeRequest { episode } = read_body(&body)?;
    let alerting = api.alerts()?;
    let stored = alerting.acknowledge(&id, episode, None).await.map_err(|error| attend(&id, error))?;
    Ok(Json(shown(alerting, &stored).await?))
}

/// Reads a body of JSON.
pub(super) fn read_body<T: serde::de::DeserializeOwned>(body: &Bytes) -> Result<T, Problem> {
    serde_json::from_slice(body).map_err(|error| invalid(error.to_string()))
}

pub(super) fn invalid(detail: impl Into<String>) -> Problem {
    Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid-request", "the request is not right", detail)
}

pub(super) fn not_there(id: &str) -> Problem {
    Problem::new(StatusCode::NOT_FOUND, "not-found", "no such resource", format!("there is none of the id {id:?}"))
}

/// Why something could not be done about the alert, silence or notification of that id.
pub(super) fn attend(id: &str, error: AttendError) -> Problem {
    match error {
        AttendError::NotThere => not_there(id),
        AttendError::Store(error) => error.into(),
        error @ (AttendError::Acknowledge(_) | AttendError::NotDead | AttendError::Busy) => {
            Problem::new(StatusCode::CONFLICT, "conflict", "it is in another state", error.to_string())
        }
    }
}
