//! Errors of our own routes: RFC 9457, with words that say what to do.

use axum::{
    Json,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use labtrail_shared::{filter::FilterError, telemetry::with_causes};
use serde::Serialize;
use tracing::error;
use utoipa::ToSchema;

use super::body::BodyError;
use crate::{ingest::IngestError, store::StoreError};

/// What went wrong, as `application/problem+json` (RFC 9457).
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct Problem {
    /// Which kind of problem: a URN that stays the same.
    #[serde(rename = "type")]
    kind: String,
    /// The kind of problem in words.
    title: String,
    /// The status of the answer.
    status: u16,
    /// What is wrong this time, and what would be right.
    detail: String,
    /// The places that are wrong, where there are several or where a place can be named.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    errors: Vec<ProblemPlace>,
    #[serde(skip)]
    retry_after: bool,
}

/// One place that is wrong.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct ProblemPlace {
    /// A JSON pointer into the selector or the body, or `?name` for a query parameter.
    pub(crate) pointer: String,
    /// What is wrong there.
    pub(crate) detail: String,
}

impl Problem {
    pub(crate) fn new(status: StatusCode, kind: &str, title: &str, detail: impl Into<String>) -> Self {
        Self {
            kind: format!("urn:labtrail:problem:{kind}"),
            title: title.to_owned(),
            status: status.as_u16(),
            detail: detail.into(),
            errors: Vec::new(),
            retry_after: false,
        }
    }

    pub(crate) fn with_errors(mut self, errors: Vec<ProblemPlace>) -> Self {
        self.errors = errors;
        self
    }

    pub(crate) fn bad_request(kind: &str, title: &str, detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, kind, title, detail)
    }

    pub(crate) fn retry_later(kind: &str, title: &str, detail: impl Into<String>) -> Self {
        Self { retry_after: true, ..Self::new(StatusCode::SERVICE_UNAVAILABLE, kind, title, detail) }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let retry_after = self.retry_after;
        let mut response = (status, Json(self)).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        if retry_after {
            headers.insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
        }
        response
    }
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        let text = with_causes(&error);
        match error {
            StoreError::Unavailable { .. } => {
                let detail =
                    format!("{text}; send the request again later: what of it is stored by then counts as a duplicate");
                Self::retry_later("store-unavailable", "the store is not available", detail)
            }
            StoreError::Failed { .. } => {
                error!(error = text, "a request failed in the store");
                let status = StatusCode::INTERNAL_SERVER_ERROR;
                Self::new(status, "store-failed", "the store failed", text)
            }
        }
    }
}

impl From<IngestError> for Problem {
    fn from(error: IngestError) -> Self {
        match error {
            IngestError::Store(error) => error.into(),
            error @ IngestError::Detour(_) => {
                let detail = format!("{}; send the request again later", with_causes(&error));
                Self::retry_later("store-unavailable", "neither the store nor Kafka is available", detail)
            }
            IngestError::Batches(error) => Self::bad_request("bad-batch", "the body is no batch", error.to_string()),
            IngestError::Json(error) => Self::bad_request(
                "not-json",
                "the body is not JSON",
                format!("{error}; send one event as a JSON object, several as an array, or application/x-ndjson"),
            ),
            error @ IngestError::TooManyEvents { .. } => {
                Self::new(StatusCode::PAYLOAD_TOO_LARGE, "too-many-events", "too many events", error.to_string())
            }
        }
    }
}

impl From<FilterError> for ProblemPlace {
    fn from(error: FilterError) -> Self {
        let detail = error.to_string();
        let pointer = match error {
            FilterError::Json(_) => "?filter".to_owned(),
            FilterError::UnknownOperator { place, .. }
            | FilterError::Refused { place, .. }
            | FilterError::Argument { place, .. }
            | FilterError::Value { place, .. }
            | FilterError::NotASelector { place }
            | FilterError::Pattern { place, .. }
            | FilterError::Depth { place }
            | FilterError::PathLength { place } => place,
        };
        Self { pointer, detail }
    }
}

impl From<BodyError> for Problem {
    fn from(error: BodyError) -> Self {
        let detail = error.to_string();
        match error {
            BodyError::TooLarge { .. } => {
                Self::new(StatusCode::PAYLOAD_TOO_LARGE, "body-too-large", "the body is too large", detail)
            }
            BodyError::Encoding(_) => {
                let status = StatusCode::UNSUPPORTED_MEDIA_TYPE;
                Self::new(status, "unknown-encoding", "the encoding of the body is not known", detail)
            }
            BodyError::Decompress(_) => Self::bad_request("bad-encoding", "the body cannot be decompressed", detail),
            BodyError::TooSlow(_) => {
                Self::new(StatusCode::REQUEST_TIMEOUT, "body-too-slow", "the body came too slowly", detail)
            }
            BodyError::Broken(_) => Self::bad_request("body-broken", "the body ended early", detail),
        }
    }
}
