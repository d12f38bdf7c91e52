//! Events in and out, one at a time and as objects keyed by id.

use std::{net::SocketAddr, sync::Arc};

use axum::{
    Json,
    body::Body,
    extract::{ConnectInfo, RawQuery, State},
    http::{HeaderMap, StatusCode, Uri, header},
    response::{IntoResponse, Response},
};
use percent_encoding::percent_decode_str;
use serde_json::{Value, json};

use super::{
    body::{self, Unread},
    error::Detail,
    list::List,
    parameters::{LevelFloor, Parameters},
};
use crate::{
    api::{
        Api,
        openapi::{EventDocument, ValidationErrors},
    },
    ingest::{Origin, reason},
    store::{Criteria, Order},
};

/// Store one event
///
/// Answers, when the event is on the disk, with the event as it was understood. While the store is away and Kafka is
/// configured, the event is put there and stored later, and the answer is the same. An id that is there already changes nothing.
#[utoipa::path(
    post,
    path = "/event",
    tag = "madsci",
    request_body = EventDocument,
    responses(
        (status = 200, description = "The event as it was understood", body = EventDocument),
        (status = 400, description = "The body is not UTF-8", body = Detail),
        (status = 413, description = "The body is larger than the option `http.body_bytes_max` allows", body = Detail),
        (status = 422, description = "The body is not an event", body = ValidationErrors),
        (status = 503, description = "Neither the store nor Kafka is available", body = Detail),
    )
)]
pub(crate) async fn post_event(
    State(api): State<Arc<Api>>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    headers: HeaderMap,
    request: Body,
) -> Result<Response, Detail> {
    let received = api.bodies.read(&headers, request).await?;
    let value = match body::read(&headers, &received.bytes) {
        Ok(Some(body)) => body.value,
        Ok(None) => return Err(body::missing()),
        Err(unread) => {
            // MADSci's client never sends an event again, so what it sent is kept.
            let (reason, detail) = match &unread {
                Unread::NotJson(_) => (reason::NOT_JSON, "the body of POST /event is not JSON".to_owned()),
                Unread::Unstorable(reason) => (reason::UNSTORABLE, (*reason).to_owned()),
            };
            api.ingest.refuse(reason, detail, received.bytes.to_vec(), Origin::http(peer.ip())).await?;
            return Err(unread.into());
        }
    };
    let event = api.ingest.take_one(value, &received.bytes, Origin::http(peer.ip())).await?;
    Ok(([(header::CONTENT_TYPE, "application/json")], event).into_response())
}

/// One event
#[utoipa::path(
    get,
    path = "/event/{id}",
    tag = "madsci",
    params(("id" = String, Path, description = "The event's id")),
    responses(
        (status = 200, description = "The event", body = EventDocument),
        (status = 404, description = "No event has this id", body = Detail),
        (status = 422, description = "Never here; MADSci's description has it", body = ValidationErrors),
        (status = 503, description = "The store is not available", body = Detail),
    )
)]
pub(crate) async fn get_event(State(api): State<Arc<Api>>, uri: Uri) -> Result<Json<Value>, Detail> {
    let id = uri.path().strip_prefix("/event/").unwrap_or_default();
    let id = percent_decode_str(id).decode_utf8_lossy();
    match api.store.get(&id).await? {
        Some(event) => Ok(Json(event.event)),
        // MADSci takes the slash for one between two parts of a path.
        None if id.contains('/') => Err(Detail::text(StatusCode::NOT_FOUND, "Not Found")),
        None => Err(Detail::text(StatusCode::NOT_FOUND, format!("Event with ID {id} not found"))),
    }
}

/// The newest events
///
/// An object keyed by id, the newest first. Times are compared as instants, whatever their zones.
#[utoipa::path(
    get,
    path = "/events",
    tag = "madsci",
    params(
        ("number" = Option<i64>, Query, description = "How many; default 100, 0 for all"),
        ("offset" = Option<i64>, Query, description = "How many to leave out first"),
        ("level" = Option<String>, Query, description = "This level and above: a number or a name"),
        ("start_time" = Option<String>, Query, description = "From this time on"),
        ("end_time" = Option<String>, Query, description = "Up to this time, itself included"),
        ("include_archived" = Option<bool>, Query, description = "Also what was put aside; default false"),
    ),
    responses(
        (status = 200, description = "Events by id", body = std::collections::HashMap<String, EventDocument>),
        (status = 422, description = "A parameter is not valid", body = ValidationErrors),
        (status = 503, description = "The store is not available", body = Detail),
    )
)]
pub(crate) async fn get_events(State(api): State<Arc<Api>>, query: RawQuery) -> Result<Response, Detail> {
    let mut parameters = Parameters::new(query);
    let number = parameters.number();
    let offset = parameters.not_negative("offset").unwrap_or(0);
    let level = parameters.level("level");
    let zone = api.ingest.zone();
    let from = parameters.time("start_time", zone);
    let to = parameters.time("end_time", zone).map(|end| end.saturating_add(1));
    let include_archived = parameters.boolean("include_archived").unwrap_or(false);
    parameters.finish()?;
    let level_min = match level {
        None => None,
        Some(LevelFloor::From(level)) => Some(level),
        Some(LevelFloor::Unreachable) => return Ok(Json(json!({})).into_response()),
    };
    let archived = (!include_archived).then_some(false);
    let criteria = Criteria { level_min, from, to, archived, ..Criteria::default() };
    List::search(&api, criteria, Order::Descending, offset as usize, number).into_response().await
}
