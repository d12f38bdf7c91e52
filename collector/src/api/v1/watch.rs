//! What arrives, as server-sent events.

use std::sync::Arc;

use axum::{
    body::Body,
    extract::{RawQuery, State},
    http::{HeaderMap, header},
    response::{IntoResponse, Response},
};

use super::parameters::Parameters;
use crate::api::{Api, error::Problem};

/// Watch events arrive
///
/// Server-sent events. Each message is one stored event as JSON, its `id` the number of arrival. `event: gap` says that
/// this watcher was too slow and missed so many events, matching or not: `{"missed": 17}`. A comment comes every 15
/// seconds. `Last-Event-ID`, which browsers send by themselves when they connect again, or `after` resumes behind that
/// number without hole or repeat.
#[utoipa::path(
    get,
    path = "/api/v1/events/live",
    tag = "labtrail",
    params(
        ("level" = Option<String>, Query, description = "This level and above"),
        ("q" = Option<String>, Query, description = "Words that must all stand in the event's data"),
        ("filter" = Option<String>, Query, description = "A MongoDB query selector as JSON"),
        ("after" = Option<i64>, Query, description = "Begin behind this number of arrival; default: at what arrives next"),
        ("Last-Event-ID" = Option<String>, Header, description = "The same, from a browser that comes back; wins over `after`"),
    ),
    responses(
        (status = 200, description = "The stream", body = String, content_type = "text/event-stream"),
        (status = 400, description = "A parameter cannot be used", body = Problem, content_type = "application/problem+json"),
        (status = 503, description = "Too many are watching already", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn get_live(
    State(api): State<Arc<Api>>,
    headers: HeaderMap,
    query: RawQuery,
) -> Result<Response, Problem> {
    let mut parameters = Parameters::new(query, &["level", "q", "filter", "after"]);
    let after = parameters.number("after", 0, i64::MAX);
    let criteria = parameters.criteria(api.ingest.zone());
    let last = headers.get("last-event-id").map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned());
    let last = match last.as_deref().filter(|last| !last.is_empty()).map(str::parse::<i64>) {
        None => after,
        Some(Ok(seq)) if seq >= 0 => Some(seq),
        Some(_) => {
            parameters.problem("after", "Last-Event-ID is not a number that this collector gave".to_owned());
            None
        }
    };
    parameters.finish()?;
    let Some(stream) = api.live.watch(criteria, last) else {
        let detail = format!(
            "{} are watching already, which is what the option live.watchers_max allows",
            api.config.live.watchers_max
        );
        return Err(Problem::retry_later("too-many-watchers", "too many watchers", detail));
    };
    let headers = [
        (header::CONTENT_TYPE, "text/event-stream"),
        (header::CACHE_CONTROL, "no-cache, no-transform"),
        // Asks nginx not to hold back what is small.
        (header::HeaderName::from_static("x-accel-buffering"), "no"),
    ];
    Ok((headers, Body::from_stream(stream)).into_response())
}
