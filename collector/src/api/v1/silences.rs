//! Silences: listed, tried, wanted and ended.

use std::sync::Arc;

use axum::{
    Json,
    body::Bytes,
    extract::{Path, State},
    http::StatusCode,
};
use labtrail_shared::{event_id, settings::Period, timestamp::EventTimestamp};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use super::{
    alerts::{Mutes, all, invalid, item::AlertItem, not_there, read_body},
    instant,
};
use crate::{
    alert::{
        judging::micros,
        life::AlertState,
        routing::{AlertSelector, Silence, SilenceRequest, hits},
    },
    api::{Api, error::Problem},
};

/// All silences.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct SilenceList {
    /// Those that are active or coming first, then those that are over; the newest first.
    silences: Vec<SilenceItem>,
}

/// A silence.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Silence)]
pub(crate) struct SilenceItem {
    /// Its id.
    id: String,
    /// The alerts that are meant: a selector about `rule`, `severity`, `group.NAME` and `labels.NAME`.
    #[schema(value_type = Value)]
    matcher: AlertSelector,
    /// The first moment of quiet.
    #[schema(format = DateTime)]
    from: String,
    /// The first moment after it.
    #[schema(format = DateTime)]
    until: String,
    /// Who wanted it.
    by: String,
    /// Why.
    note: String,
    /// `active`, `coming` or `over`.
    state: &'static str,
}

/// A silence that somebody wants. It needs an end: `until` or `for`.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct WantedSilence {
    /// The alerts that are meant; `{}` means all of them.
    matcher: Value,
    /// The first moment of quiet. Default: now.
    #[serde(default)]
    #[schema(format = DateTime)]
    from: Option<String>,
    /// The first moment after it.
    #[serde(default)]
    #[schema(format = DateTime)]
    until: Option<String>,
    /// How long it is to last: `2h`, `30m`, `1d`.
    #[serde(default, rename = "for")]
    length: Option<String>,
    /// Who wants it.
    #[serde(default)]
    by: String,
    /// Why.
    #[serde(default)]
    note: String,
}

/// What a silence would hit.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct SilencePreview {
    /// Alerts that fire or are pending.
    alerts: Vec<AlertItem>,
}

impl SilenceItem {
    fn new(silence: Silence, now: i64) -> Self {
        let state = match silence {
            _ if silence.is_active(now) => "active",
            _ if silence.from > now && silence.until > silence.from => "coming",
            _ => "over",
        };
        let Silence { id, matcher, from, until, by, note } = silence;
        Self { id, matcher, from: instant(from), until: instant(until), by, note, state }
    }
}

/// List silences
#[utoipa::path(
    get,
    path = "/api/v1/silences",
    tag = "labtrail",
    responses(
        (status = 200, description = "All silences", body = SilenceList),
        (status = 503, description = "The store is not available", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn get_silences(State(api): State<Arc<Api>>) -> Result<Json<SilenceList>, Problem> {
    let alerting = api.alerts()?;
    let now = alerting.clock.now();
    let silences = alerting.silences().await?.into_iter().map(|silence| SilenceItem::new(silence, now));
    let mut silences: Vec<SilenceItem> = silences.collect();
    silences.sort_by_key(|silence| silence.state == "over");
    Ok(Json(SilenceList { silences }))
}

/// Silence alerts
#[utoipa::path(
    post,
    path = "/api/v1/silences",
    tag = "labtrail",
    request_body = WantedSilence,
    responses(
        (status = 201, description = "The silence", body = SilenceItem),
        (status = 422, description = "It is not right", body = Problem, content_type = "application/problem+json"),
        (status = 503, description = "The store is not available", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn post_silence(
    State(api): State<Arc<Api>>,
    body: Bytes,
) -> Result<(StatusCode, Json<SilenceItem>), Problem> {
    let alerting = api.alerts()?;
    let now = alerting.clock.now();
    let silence = wanted(&api, read_body(&body)?, now)?;
    alerting.keep_silence(&silence).await?;
    Ok((StatusCode::CREATED, Json(SilenceItem::new(silence, now))))
}

/// Show what a silence would hit
#[utoipa::path(
    post,
    path = "/api/v1/silences/preview",
    tag = "labtrail",
    request_body = WantedSilence,
    responses(
        (status = 200, description = "What fires or is pending and would not be told", body = SilencePreview),
        (status = 422, description = "It is not right", body = Problem, content_type = "application/problem+json"),
        (status = 503, description = "The store is not available", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn preview_silence(State(api): State<Arc<Api>>, body: Bytes) -> Result<Json<SilencePreview>, Problem> {
    let alerting = api.alerts()?;
    let now = alerting.clock.now();
    let mut request: WantedSilence = read_body(&body)?;
    // To look is free: whose it is and how long it lasts may be said later.
    if request.by.trim().is_empty() {
        "somebody".clone_into(&mut request.by);
    }
    if request.until.is_none() && request.length.is_none() {
        request.length = Some("1h".to_owned());
    }
    let silence = wanted(&api, request, now)?;
    let alerts = all(alerting).await?;
    let mutes = Mutes::load(alerting, &alerts).await?;
    let is_active = |state: AlertState| matches!(state, AlertState::Firing | AlertState::Pending);
    let muting = mutes.muting();
    let hit = alerts.iter().filter(|stored| is_active(stored.row.state));
    let hit = hit.filter(|stored| !hits(&silence, [&stored.alert]).is_empty());
    Ok(Json(SilencePreview { alerts: hit.map(|stored| AlertItem::new(stored, &muting, now)).collect() }))
}

/// End a silence
#[utoipa::path(
    delete,
    path = "/api/v1/silences/{id}",
    tag = "labtrail",
    params(("id" = String, Path, description = "The silence's id")),
    responses(
        (status = 200, description = "The silence, which is over now", body = SilenceItem),
        (status = 404, description = "There is none of this id", body = Problem, content_type = "application/problem+json"),
        (status = 503, description = "The store is not available", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn delete_silence(
    State(api): State<Arc<Api>>,
    Path(id): Path<String>,
) -> Result<Json<SilenceItem>, Problem> {
    let alerting = api.alerts()?;
    let now = alerting.clock.now();
    let silence = alerting.silences().await?.into_iter().find(|silence| silence.id == id);
    let silence = silence.ok_or_else(|| not_there(&id))?.ended(now);
    alerting.keep_silence(&silence).await?;
    Ok(Json(SilenceItem::new(silence, now)))
}

fn wanted(api: &Api, wanted: WantedSilence, now: i64) -> Result<Silence, Problem> {
    let WantedSilence { matcher, from, until, length, by, note } = wanted;
    let time = |text: &str| {
        EventTimestamp::parse(text)
            .map(|time| time.utc_micros(api.ingest.zone()))
            .map_err(|error| invalid(error.to_string()))
    };
    let from = from.as_deref().map(time).transpose()?;
    let until = match (until, length) {
        (Some(_), Some(_)) => return Err(invalid("`until` and `for` both say when it ends: leave one of them away")),
        (Some(until), None) => Some(time(&until)?),
        (None, Some(length)) => {
            let length: Period = length.parse().map_err(|problem| invalid(format!("for: {problem}")))?;
            Some(from.unwrap_or(now).saturating_add(micros(length.0)))
        }
        (None, None) => None,
    };
    let request = SilenceRequest { matcher, from, until, by, note };
    Silence::new(request, event_id::mint(), now).map_err(|error| invalid(error.to_string()))
}
