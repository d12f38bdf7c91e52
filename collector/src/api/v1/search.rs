//! Events out: by id, and page by page.

use std::{sync::Arc, time::Instant};

use axum::{
    Json,
    extract::{Path, RawQuery, State},
    http::StatusCode,
};
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use super::{cursor, parameters::Parameters};
use crate::{
    api::{Api, error::Problem, openapi::StoredEventDocument},
    store::{Order, Search, StoredEvent},
};

const LIMIT_DEFAULT: i64 = 200;
const LIMIT_MAX: i64 = 10_000;

/// A page of events.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct EventPage {
    /// The events, in the order asked for.
    #[schema(value_type = Vec<StoredEventDocument>)]
    items: Vec<Value>,
    /// Give this as `cursor` for the next page; `null` if this is the last.
    next_cursor: Option<String>,
    /// `false` if time was up before the page was full: more may follow at `next_cursor`, even if there are few items.
    complete: bool,
    /// How many events were looked at.
    scanned: u64,
    /// How long that took, in milliseconds.
    took_ms: u64,
}

/// Search events
///
/// Events are ordered by their instant and id. Pages follow one another without hole or repeat, also while events arrive.
#[utoipa::path(
    get,
    path = "/api/v1/events",
    tag = "labtrail",
    params(
        ("limit" = Option<i64>, Query, description = "How many events a page holds, 1 to 10,000; default 200"),
        ("order" = Option<String>, Query, description = "`desc` (the newest first, default) or `asc`"),
        ("from" = Option<String>, Query, description = "From this instant on: RFC 3339, or without an offset in the collector's zone"),
        ("to" = Option<String>, Query, description = "Before this instant"),
        ("level" = Option<String>, Query, description = "This level and above: 0, 10, 20, 30, 40, 50 or a name such as `WARNING`"),
        ("q" = Option<String>, Query, description = "Words that must all stand in the event's data; the last one may be the beginning of a word"),
        ("filter" = Option<String>, Query, description = "A MongoDB query selector as JSON, such as `{\"source.node_id\": \"...\"}`"),
        ("cursor" = Option<String>, Query, description = "`next_cursor` of the page before"),
    ),
    responses(
        (status = 200, description = "A page of events", body = EventPage),
        (status = 400, description = "A parameter cannot be used", body = Problem, content_type = "application/problem+json"),
        (status = 503, description = "The store is not available", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn get_events(State(api): State<Arc<Api>>, query: RawQuery) -> Result<Json<EventPage>, Problem> {
    let start = Instant::now();
    let valid = ["limit", "order", "from", "to", "level", "q", "filter", "cursor"];
    let mut parameters = Parameters::new(query, &valid);
    let limit = parameters.number("limit", 1, LIMIT_MAX).unwrap_or(LIMIT_DEFAULT) as usize;
    let order = parameters.read("order", |text| match text {
        "desc" => Ok(Order::Descending),
        "asc" => Ok(Order::Ascending),
        _ => Err(format!("{text:?} is not an order: use desc or asc")),
    });
    let order = order.unwrap_or_default();
    let criteria = parameters.criteria(api.ingest.zone());
    let after = parameters.read("cursor", |text| cursor::read(text, &criteria, order));
    parameters.finish()?;
    let time_max = api.config.search.time_max.0;
    let search = Search { criteria: criteria.clone(), order, after, offset: 0, limit, time_max };
    let page = api.store.search(search).await?;
    Ok(Json(EventPage {
        next_cursor: page.next.as_ref().map(|position| cursor::write(&criteria, order, position)),
        items: page.items.into_iter().map(StoredEvent::into_json).collect(),
        complete: page.complete,
        scanned: page.scanned,
        took_ms: start.elapsed().as_millis() as u64,
    }))
}

/// One event
#[utoipa::path(
    get,
    path = "/api/v1/events/{id}",
    tag = "labtrail",
    params(("id" = String, Path, description = "The event's id")),
    responses(
        (status = 200, description = "The event", body = StoredEventDocument),
        (status = 404, description = "No event has this id", body = Problem, content_type = "application/problem+json"),
        (status = 503, description = "The store is not available", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn get_event(State(api): State<Arc<Api>>, Path(id): Path<String>) -> Result<Json<Value>, Problem> {
    let missing = || {
        let detail = format!("no event has the id {id:?}");
        Problem::new(StatusCode::NOT_FOUND, "not-found", "no such event", detail)
    };
    let event = api.store.get(&id).await?.ok_or_else(missing)?;
    Ok(Json(event.into_json()))
}
