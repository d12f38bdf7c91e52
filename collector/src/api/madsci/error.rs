//! Errors in `FastAPI`'s shapes.

use axum::{
    Json,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use labtrail_shared::{fastapi, telemetry::with_causes};
use serde::Serialize;
use serde_json::Value;
use tracing::error;
use utoipa::ToSchema;

use crate::{api::body::BodyError, ingest::EventError, store::StoreError};

/// An error: a text, or for an input that is not valid (422) a list of what is wrong.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct Detail {
    /// A text, or a list of objects with `type`, `loc`, `msg` and `input`.
    #[schema(value_type = Object)]
    detail: Value,
    #[serde(skip)]
    status: StatusCode,
}

/// An error whose detail is a text.
pub(crate) fn detail(status: StatusCode, text: &str) -> Response {
    Detail::text(status, text).into_response()
}

impl Detail {
    pub(super) fn text(status: StatusCode, text: impl Into<String>) -> Self {
        fastapi::Detail::text(status.as_u16(), text).into()
    }

    /// One thing that is wrong with the input, `ctx` being null for most kinds.
    pub(super) fn input(kind: &str, place: &Value, message: &str, input: &Value, context: &Value) -> Self {
        fastapi::Detail::input(kind, place, message, input, context).into()
    }

    /// That something is no object.
    pub(super) fn not_an_object(place: &Value, input: &Value) -> Self {
        fastapi::Detail::not_an_object(place, input).into()
    }

    /// Several at once.
    pub(super) fn all(problems: Vec<Detail>) -> Self {
        let shared = |problem: Detail| fastapi::Detail { detail: problem.detail, status: problem.status.as_u16() };
        fastapi::Detail::all(problems.into_iter().map(shared).collect()).into()
    }
}

impl From<fastapi::Detail> for Detail {
    fn from(fastapi::Detail { detail, status }: fastapi::Detail) -> Self {
        let status = StatusCode::from_u16(status).expect("only statuses of HTTP are given");
        Self { detail, status }
    }
}

impl IntoResponse for Detail {
    fn into_response(self) -> Response {
        let status = self.status;
        let mut response = (status, Json(self)).into_response();
        if status == StatusCode::SERVICE_UNAVAILABLE {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
        }
        response
    }
}

impl From<StoreError> for Detail {
    fn from(error: StoreError) -> Self {
        let text = with_causes(&error);
        match error {
            StoreError::Unavailable { .. } => Self::text(StatusCode::SERVICE_UNAVAILABLE, text),
            StoreError::Failed { .. } => {
                error!(error = text, "a request failed in the store");
                Self::text(StatusCode::INTERNAL_SERVER_ERROR, text)
            }
        }
    }
}

impl From<EventError> for Detail {
    fn from(error: EventError) -> Self {
        match error {
            EventError::Store(error) => error.into(),
            error @ EventError::Detour(_) => Self::text(StatusCode::SERVICE_UNAVAILABLE, with_causes(&error)),
            EventError::Unstorable(reason) => fastapi::unstorable(&reason).into(),
            EventError::Invalid(problems) => fastapi::Detail::from(problems).into(),
        }
    }
}

impl From<BodyError> for Detail {
    fn from(error: BodyError) -> Self {
        let status = match error {
            BodyError::TooLarge { .. } => StatusCode::PAYLOAD_TOO_LARGE,
            BodyError::Encoding(_) => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            BodyError::TooSlow(_) => StatusCode::REQUEST_TIMEOUT,
            BodyError::Decompress(_) | BodyError::Broken(_) => StatusCode::BAD_REQUEST,
        };
        Self::text(status, error.to_string())
    }
}
