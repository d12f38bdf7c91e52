//! Events in and out, one at a time and as objects keyed by id.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use axum::{
    Json,
    body::Body,
    extract::{ConnectInfo, Path, RawQuery, State},
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use labtrail_shared::filter::Filter;
use serde_json::Value;

use super::{
    body::{self, Unread},
    error::Detail,
    parameters::Parameters,
};
use crate::{
    api::{Api, openapi::EventDocument},
    ingest::{Origin, reason},
    store::{Criteria, EventStore, Order, Search, StoreError, StoredEvent},
};

const NUMBER_DEFAULT: i64 = 100;

/// Lists have no limit in MADSci, so they are read and sent in parts.
const PART_EVENTS: usize = 1000;

/// How long the store looks before it is asked to go on. These lists are always complete; this is only so that one that
/// nobody waits for any more ends.
const PART_TIME_MAX: Duration = Duration::from_secs(1);

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
        (status = 422, description = "The body is not an event", body = Detail),
        (status = 503, description = "Neither the store nor Kafka is available", body = Detail),
    )
)]
pub(crate) async fn post_event(
    State(api): State<Arc<Api>>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    headers: HeaderMap,
    request: Body,
) -> Result<Json<Value>, Detail> {
    let received = api.bodies.read(&headers, request).await?;
    let value = match body::read(&headers, &received.bytes) {
        Ok(Some(value)) => value,
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
    let event = api.ingest.take_one(&value, Origin::http(peer.ip())).await?;
    Ok(Json(event.to_json()))
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
        (status = 503, description = "The store is not available", body = Detail),
    )
)]
pub(crate) async fn get_event(State(api): State<Arc<Api>>, Path(id): Path<String>) -> Result<Json<Value>, Detail> {
    match api.store.get(&id).await? {
        Some(event) => Ok(Json(event.event)),
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
        (status = 422, description = "A parameter is not valid", body = Detail),
        (status = 503, description = "The store is not available", body = Detail),
    )
)]
pub(crate) async fn get_events(State(api): State<Arc<Api>>, query: RawQuery) -> Result<Response, Detail> {
    let mut parameters = Parameters::new(query);
    let number = parameters.integer("number").unwrap_or(NUMBER_DEFAULT);
    let offset = parameters.not_negative("offset").unwrap_or(0);
    let level_min = parameters.level("level");
    let zone = api.ingest.zone();
    let from = parameters.time("start_time", zone);
    let to = parameters.time("end_time", zone).map(|end| end.saturating_add(1));
    let include_archived = parameters.boolean("include_archived").unwrap_or(false);
    parameters.finish()?;
    let archived = (!include_archived).then_some(false);
    let criteria = Criteria { level_min, from, to, archived, ..Criteria::default() };
    // As in MongoDB: no number is no limit, and its sign does not count.
    let number = if number == 0 { usize::MAX } else { number.unsigned_abs() as usize };
    let list = List::new(&api, criteria, Order::Descending, offset as usize, number);
    list.into_response().await
}

/// Query events
///
/// The body is a MongoDB query selector; every event that matches is in the answer, the oldest first.
#[utoipa::path(
    post,
    path = "/events/query",
    tag = "madsci",
    request_body(content = serde_json::Value, description = "A MongoDB query selector"),
    responses(
        (status = 200, description = "Events by id", body = std::collections::HashMap<String, EventDocument>),
        (status = 400, description = "The selector is not valid: `detail` names the operator and its place", body = Detail),
        (status = 413, description = "The body is larger than the option `http.body_bytes_max` allows", body = Detail),
        (status = 422, description = "There is no selector", body = Detail),
        (status = 503, description = "The store is not available", body = Detail),
    )
)]
pub(crate) async fn query_events(
    State(api): State<Arc<Api>>,
    headers: HeaderMap,
    request: Body,
) -> Result<Response, Detail> {
    let received = api.bodies.read(&headers, request).await?;
    let mut selector = body::read(&headers, &received.bytes)?.ok_or_else(body::missing)?;
    if selector.as_array().is_some_and(Vec::is_empty) {
        selector = serde_json::json!({});
    }
    let filter = Filter::parse(&selector).map_err(|error| Detail::text(StatusCode::BAD_REQUEST, error.to_string()))?;
    let criteria = Criteria { filter: Some(filter), ..Criteria::default() };
    List::new(&api, criteria, Order::Ascending, 0, usize::MAX).into_response().await
}

/// A list of events on its way to a client: an object keyed by id, written part by part.
struct List {
    store: Arc<dyn EventStore>,
    /// What to ask the store for next; none when all was read.
    search: Option<Search>,
    /// How many events may still come.
    left: usize,
    is_begun: bool,
    is_ended: bool,
}

impl List {
    fn new(api: &Api, criteria: Criteria, order: Order, offset: usize, number: usize) -> Self {
        let (limit, time_max) = (PART_EVENTS, PART_TIME_MAX);
        let search = Search { criteria, order, after: None, offset, limit, time_max };
        Self { store: Arc::clone(&api.store), search: Some(search), left: number, is_begun: false, is_ended: false }
    }

    /// What fails before the first event is an error of its own; later the answer ends early, which clients notice.
    async fn into_response(mut self) -> Result<Response, Detail> {
        let first = self.part().await?;
        let rest = futures_util::stream::unfold(self, async |mut list| {
            if list.is_ended {
                return None;
            }
            Some((list.part().await, list))
        });
        let all = futures_util::stream::StreamExt::chain(futures_util::stream::iter([Ok(first)]), rest);
        Ok(([(header::CONTENT_TYPE, "application/json")], Body::from_stream(all)).into_response())
    }

    /// The next piece of the text.
    async fn part(&mut self) -> Result<Bytes, StoreError> {
        let mut text = String::new();
        while text.is_empty() {
            let Some(mut search) = self.search.take() else {
                self.is_ended = true;
                text.push_str(if self.is_begun { "}" } else { "{}" });
                break;
            };
            search.limit = PART_EVENTS.min(self.left);
            let page = self.store.search(search.clone()).await?;
            self.left -= page.items.len();
            if let Some(next) = page.next.filter(|_| self.left > 0) {
                // What was to be left out was left out before the first page.
                self.search = Some(Search { after: Some(next), offset: 0, ..search });
            }
            for StoredEvent { event, .. } in page.items {
                text.push(if self.is_begun { ',' } else { '{' });
                self.is_begun = true;
                text.push_str(&event["_id"].to_string());
                text.push(':');
                text.push_str(&event.to_string());
            }
        }
        Ok(Bytes::from(text))
    }
}
