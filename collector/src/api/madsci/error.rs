//! Errors in `FastAPI`'s shapes.

use axum::{
    Json,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use labtrail_shared::{event::EventProblem, telemetry::with_causes};
use serde::Serialize;
use serde_json::{Value, json};
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
        Self { detail: Value::String(text.into()), status }
    }

    /// One thing that is wrong with the input, `ctx` being null for most kinds.
    pub(super) fn input(kind: &str, place: &Value, message: &str, input: &Value, context: &Value) -> Self {
        let mut problem = json!({"type": kind, "loc": place, "msg": message, "input": input});
        if !context.is_null() {
            problem["ctx"] = context.clone();
        }
        Self { detail: json!([problem]), status: StatusCode::UNPROCESSABLE_ENTITY }
    }

    /// Several at once.
    pub(super) fn all(problems: Vec<Detail>) -> Self {
        let lists = problems.into_iter().filter_map(|problem| match problem.detail {
            Value::Array(list) => Some(list),
            _ => None,
        });
        Self { detail: Value::Array(lists.flatten().collect()), status: StatusCode::UNPROCESSABLE_ENTITY }
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
            EventError::Invalid(problems) => Self::all(problems.iter().map(Self::from).collect()),
        }
    }
}

impl From<&EventProblem> for Detail {
    fn from(problem: &EventProblem) -> Self {
        let (kind, place) = match problem.field {
            "" => ("model_attributes_type", json!(["body"])),
            field @ ("event_type" | "log_level") => ("enum", json!(["body", field])),
            field @ ("alert" | "archived") => ("bool_parsing", json!(["body", field])),
            field @ ("event_timestamp" | "archived_at") => ("datetime_from_date_parsing", json!(["body", field])),
            field @ ("trace_id" | "span_id") => ("string_type", json!(["body", field])),
            field => ("value_error", json!(["body", field])),
        };
        let message = format!("Input {}", problem.message);
        let message = if problem.message.starts_with("must") { message } else { problem.message.clone() };
        Self::input(kind, &place, &message, &problem.input, &Value::Null)
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
