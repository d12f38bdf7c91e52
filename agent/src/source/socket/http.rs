//! A door for MADSci's clients on their own machine: it answers `POST /event` as the collector does, as soon as the event is
//! safe with the agent, also while the collector is away. Everything else is asked of the collector.

mod forward;

use std::{
    net::{SocketAddr, TcpListener},
    sync::Arc,
    time::Duration,
};

use axum::{
    Json, Router,
    body::Body,
    extract::{Request, State},
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use bytes::Bytes;
use forward::Upstream;
use jiff::{Timestamp, tz::TimeZone};
use labtrail_shared::{
    event::{Defaults, Event},
    fastapi::{self, Detail},
    shutdown::Stop,
    source::Source,
    timestamp::EventTimestamp,
};
use reqwest::Url;
use serde_json::{Value, json};
use thiserror::Error;
use tokio::sync::{Semaphore, SemaphorePermit};

use super::{Listen, SocketError, counters::Counters, tcp};

/// The largest body: MongoDB, in which MADSci keeps its events, holds no larger document.
const BODY_BYTES_MAX: usize = 16 << 20;
/// What the bodies of all requests may hold together, in permits of 1 KiB.
const BODIES_KIB_MAX: usize = 64 << 10;
/// A body that takes longer is given up, and its share of the memory with it.
const BODY_TIME_MAX: Duration = Duration::from_secs(30);

/// Why an event is not taken.
#[derive(Debug, Error)]
#[error("{reason}")]
pub(crate) struct Unavailable {
    /// What hinders.
    pub reason: String,
    /// Whether trying again may help.
    pub is_for_now: bool,
}

impl Unavailable {
    /// It may be tried again.
    pub(crate) fn for_now(reason: &str) -> Self {
        Self { reason: reason.to_owned(), is_for_now: true }
    }
}

/// Takes events.
pub(crate) trait Acceptor: Send + Sync + 'static {
    /// Takes an event, as JSON with its id, and returns when it cannot be lost any more. `source` is missing in it where the
    /// sender named none, since only the collector knows what to fill in.
    fn accept(&self, event_json: String) -> impl Future<Output = Result<(), Unavailable>> + Send;

    /// Is told of a body that is no event, which its sender was told as well but will not send again.
    fn refused(&self, _body: &[u8], _reason: &str) {}
}

/// The door, before it is opened.
#[derive(Debug)]
pub(crate) struct Door {
    listener: TcpListener,
    listen: Listen,
    counters: Counters,
}

/// What the handlers share.
struct Shared<A> {
    acceptor: A,
    upstream: Option<Upstream>,
    counters: Counters,
    bodies: Semaphore,
}

type Doorway<A> = State<Arc<Shared<A>>>;

impl Door {
    pub(super) fn bind(address: SocketAddr, counters: Counters) -> Result<Self, SocketError> {
        let listen = Listen::Http(address);
        match tcp::listen(address) {
            Ok(listener) => Ok(Self { listener, listen, counters }),
            Err(source) => Err(SocketError::Bind { listen, source }),
        }
    }

    /// Where it is bound, when the system has chosen the port.
    pub(crate) fn local_address(&self) -> Option<SocketAddr> {
        self.listener.local_addr().ok()
    }

    /// Answers until the stop signal is given. `upstream` is the collector that is asked for all but new events.
    pub(crate) async fn serve(
        self,
        acceptor: impl Acceptor,
        upstream: Option<Url>,
        stop: Stop,
    ) -> Result<(), SocketError> {
        let Self { listener, listen, counters } = self;
        let upstream = upstream.and_then(Upstream::new);
        let shared = Shared { acceptor, upstream, counters, bodies: Semaphore::new(BODIES_KIB_MAX) };
        let serving = async {
            let listener = tokio::net::TcpListener::from_std(listener)?;
            let router = router(Arc::new(shared));
            axum::serve(listener, router).with_graceful_shutdown(async move { stop.given().await }).await
        };
        serving.await.map_err(|source| SocketError::Receive { listen, source })
    }
}

fn router<A: Acceptor>(shared: Arc<Shared<A>>) -> Router {
    Router::new()
        .route("/event", post(post_event::<A>).fallback(forward_request::<A>))
        .route("/health", get(health).fallback(forward_request::<A>))
        .fallback(forward_request::<A>)
        .with_state(shared)
}

/// MADSci's answer. It says nothing of the collector: events are taken whether it is there or not.
async fn health() -> Json<Value> {
    Json(json!({
        "healthy": true,
        "description": "Labtrail agent takes events and forwards them to the collector",
        "version": env!("CARGO_PKG_VERSION"),
        "db_connected": null,
        "total_events": null,
        "otel_enabled": null,
        "otel_exporter_type": null,
        "otel_endpoint": null,
    }))
}

async fn post_event<A: Acceptor>(
    State(shared): Doorway<A>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Answer> {
    let (body, _share) = shared.read_body(&headers, body).await?;
    let (event, event_json) =
        read_event(&headers, &body).inspect_err(|detail| shared.acceptor.refused(&body, &reason(detail)))?;
    shared.counters.received_messages.inc();
    shared.counters.received_bytes.inc_by(body.len() as u64);
    drop(body);
    let taken = shared.acceptor.accept(event_json).await;
    taken.map_err(|Unavailable { reason, is_for_now }| {
        Detail::text(if is_for_now { 503 } else { 413 }, format!("the agent cannot take the event: {reason}"))
    })?;
    Ok(([(header::CONTENT_TYPE, "application/json")], event).into_response())
}

async fn forward_request<A: Acceptor>(State(shared): Doorway<A>, request: Request) -> Result<Response, Answer> {
    let Some(upstream) = &shared.upstream else {
        return Err(Detail::text(503, "this agent only forwards events: ask the collector for everything else").into());
    };
    let (parts, body) = request.into_parts();
    let (body, _share) = shared.read_body(&parts.headers, body).await?;
    Ok(upstream.ask(parts, body).await?)
}

impl<A> Shared<A> {
    /// Reads a body, which has its share of the memory for bodies for as long as the permit lives.
    async fn read_body(&self, headers: &HeaderMap, body: Body) -> Result<(Bytes, SemaphorePermit<'_>), Detail> {
        let announced = headers.get(header::CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse().ok());
        let bytes = match announced {
            Some(length) => length,
            None if http_body_is_empty(&body) => 0,
            None => BODY_BYTES_MAX,
        };
        if bytes > BODY_BYTES_MAX {
            return Err(Detail::text(413, "the body is larger than 16MiB, the most that an event can have"));
        }
        let share = self.bodies.acquire_many((bytes / 1024 + 1) as u32).await.expect("the semaphore is never closed");
        let read = tokio::time::timeout(BODY_TIME_MAX, axum::body::to_bytes(body, BODY_BYTES_MAX)).await;
        match read {
            Ok(Ok(body)) => Ok((body, share)),
            Ok(Err(error)) => Err(Detail::text(400, format!("the body cannot be read: {error}"))),
            Err(_) => Err(Detail::text(408, "the body took longer than 30 s")),
        }
    }
}

fn http_body_is_empty(body: &Body) -> bool {
    axum::body::HttpBody::is_end_stream(body)
}

/// The event of a body: as MADSci answers it, and as it is handed on.
fn read_event(headers: &HeaderMap, body: &[u8]) -> Result<(String, String), Detail> {
    let content_type = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let body = fastapi::read(content_type, body).map_err(Detail::from)?.ok_or_else(fastapi::missing)?;
    let has_source = body.value.get("source").is_some();
    let event = Event::from_json_owned(body.value, &defaults())?;
    let mut value = event.to_json();
    let answer = value.to_string();
    if !has_source && let Value::Object(fields) = &mut value {
        fields.shift_remove("source");
        return Ok((answer, value.to_string()));
    }
    Ok((answer.clone(), answer))
}

/// What MADSci's server fills in: its own local time, without a zone.
fn defaults() -> Defaults {
    let now = EventTimestamp::naive_from_utc_micros(Timestamp::now().as_microsecond(), &TimeZone::system());
    Defaults { now, source: Source::default() }
}

/// What is wrong with a body, in one line.
fn reason(detail: &Detail) -> String {
    let messages = detail.detail.as_array().into_iter().flatten().filter_map(|problem| problem["msg"].as_str());
    let messages: Vec<&str> = messages.collect();
    if messages.is_empty() { detail.detail.to_string() } else { messages.join("; ") }
}

/// An error, as it is sent.
struct Answer(Detail);

impl From<Detail> for Answer {
    fn from(detail: Detail) -> Self {
        Self(detail)
    }
}

impl IntoResponse for Answer {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.0.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut response = (status, Json(self.0)).into_response();
        if status == StatusCode::SERVICE_UNAVAILABLE {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
        }
        response
    }
}

#[cfg(test)]
mod tests;
