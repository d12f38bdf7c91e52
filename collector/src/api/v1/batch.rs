//! Many events in one request.

use std::{net::SocketAddr, sync::Arc};

use axum::{
    Json,
    body::Body,
    extract::{ConnectInfo, State},
    http::{HeaderMap, StatusCode, header},
};
use labtrail_shared::wire;
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    api::{Api, error::Problem, openapi::EventDocument},
    ingest::{Form, Origin, Refused},
};

/// What became of the events of a request. It is sent when the accepted ones are on the disk, or safe in Kafka.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct TakenReceipt {
    /// How many were taken: they are stored now, or queued.
    accepted: u64,
    /// How many of the accepted ones lie in Kafka, because the store is away; they are stored when it is back. Whether they
    /// are repeats, and whether each line of a batch can be read, shows only then.
    queued: u64,
    /// How many were there already.
    duplicates: u64,
    /// Those that were not stored, and will not be if they are sent again. They are kept as dead letters.
    refused: Vec<RefusedEvent>,
}

/// One event that was not stored.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct RefusedEvent {
    /// Which batch of the body, from 0. A body that is not made of batches counts as one.
    batch: usize,
    /// Which event of the batch, from 0.
    index: usize,
    /// Its id, if that much is known.
    id: Option<String>,
    /// Why.
    reason: String,
}

/// Store events
///
/// Answers when the events are on the disk; while the store is away and Kafka is configured, when they are safe there. A repeat of an event (same id, same content) is counted and changes nothing,
/// so a request that was not answered can be sent again as it is.
#[utoipa::path(
    post,
    path = "/api/v1/events",
    tag = "labtrail",
    request_body(
        description = "As `application/json` one event or an array of events; as `application/x-ndjson` one event a line; \
                       as `application/vnd.labtrail.batch+ndjson` batches in the form that agents send. \
                       `Content-Encoding` may be `zstd` or `gzip`.",
        content(
            (EventDocument = "application/json"),
            (String = "application/x-ndjson"),
            (String = "application/vnd.labtrail.batch+ndjson"),
        )
    ),
    responses(
        (status = 200, description = "What became of the events", body = TakenReceipt),
        (status = 400, description = "The body cannot be read; nothing was stored", body = Problem,
            content_type = "application/problem+json"),
        (status = 408, description = "The body came too slowly", body = Problem,
            content_type = "application/problem+json"),
        (status = 413, description = "The body is larger than the option `http.body_bytes_max` allows", body = Problem,
            content_type = "application/problem+json"),
        (status = 415, description = "The content type or encoding is not known", body = Problem,
            content_type = "application/problem+json"),
        (status = 503, description = "Neither the store nor Kafka is available; send again after `Retry-After` seconds", body = Problem,
            content_type = "application/problem+json"),
    )
)]
pub(crate) async fn post_events(
    State(api): State<Arc<Api>>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    headers: HeaderMap,
    body: Body,
) -> Result<Json<TakenReceipt>, Problem> {
    let form = form(&headers)?;
    let body = api.bodies.read(&headers, body).await?;
    let receipt = api.ingest.take(form, body.bytes.clone(), Origin::http(peer.ip())).await?;
    let refused = receipt.refused.into_iter().map(|Refused { batch, index, id, reason }| RefusedEvent {
        batch,
        index,
        id,
        reason,
    });
    Ok(Json(TakenReceipt {
        accepted: receipt.accepted,
        queued: receipt.queued,
        duplicates: receipt.duplicates,
        refused: refused.collect(),
    }))
}

fn form(headers: &HeaderMap) -> Result<Form, Problem> {
    let given = headers.get(header::CONTENT_TYPE).map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned());
    let essence =
        given.as_deref().unwrap_or_default().split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    match essence.as_str() {
        wire::CONTENT_TYPE => Ok(Form::Batches),
        "application/json" => Ok(Form::Json),
        "application/x-ndjson" | "application/ndjson" | "application/jsonl" => Ok(Form::Lines),
        _ => {
            let given = given.map_or_else(
                || "no Content-Type is given".to_owned(),
                |given| format!("the Content-Type {given:?} is not known"),
            );
            let detail = format!("{given}: use application/json, application/x-ndjson or {}", wire::CONTENT_TYPE);
            let status = StatusCode::UNSUPPORTED_MEDIA_TYPE;
            Err(Problem::new(status, "unknown-content-type", "the content type is not known", detail))
        }
    }
}
