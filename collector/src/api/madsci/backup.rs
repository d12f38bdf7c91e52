//! Backups: made when asked for, and listed.

use std::sync::Arc;

use axum::{Json, body::Body, extract::State, http::HeaderMap};
use labtrail_shared::telemetry::with_causes;
use serde::Serialize;
use serde_json::{Value, json};
use utoipa::ToSchema;

use super::{body, error::Detail};
use crate::{
    api::{Api, openapi::ValidationErrors},
    backup::{self, BackupError},
};

/// What a backup is for.
#[derive(Debug, Default, ToSchema)]
pub(crate) struct BackupRequest {
    /// A word or two for its name. Default `manual_backup`.
    #[schema(value_type = Option<String>)]
    description: Option<String>,
}

/// A backup that was made.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct BackupResponse {
    /// Its folder, on the collector's machine.
    backup_path: String,
    /// `completed`.
    status: &'static str,
}

/// The backups there are.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct BackupStatusResponse {
    /// Whether backups are made by schedule.
    backup_enabled: bool,
    /// The folder in which they lie.
    backup_dir: String,
    /// The latest first.
    #[schema(value_type = Vec<Object>)]
    available_backups: Vec<BackupItem>,
}

/// One of them.
#[derive(Debug, Serialize)]
struct BackupItem {
    path: String,
    created_at: String,
    size_bytes: u64,
    is_valid: bool,
    events: u64,
}

impl BackupRequest {
    fn read(value: Option<&Value>) -> Result<Self, Detail> {
        match value {
            None => Ok(Self::default()),
            Some(Value::Object(fields)) => match fields.get("description") {
                None | Some(Value::Null) => Ok(Self::default()),
                Some(Value::String(description)) => Ok(Self { description: Some(description.clone()) }),
                Some(other) => {
                    let (place, message) = (json!(["body", "description"]), "Input should be a valid string");
                    Err(Detail::input("string_type", &place, message, other, &Value::Null))
                }
            },
            Some(other) => Err(Detail::not_an_object(&json!(["body"]), other)),
        }
    }
}

impl From<BackupError> for Detail {
    fn from(error: BackupError) -> Self {
        let status = match &error {
            BackupError::Store(error) => return error.clone().into(),
            BackupError::Stopping => axum::http::StatusCode::SERVICE_UNAVAILABLE,
            BackupError::File { .. } | BackupError::Unreadable { .. } => axum::http::StatusCode::INTERNAL_SERVER_ERROR,
        };
        Self::text(status, format!("Failed to create backup: {}", with_causes(&error)))
    }
}

/// Make a backup
///
/// Answers when it is whole and on the disk. It is made to the end also if nobody waits for the answer.
#[utoipa::path(
    post,
    path = "/backup",
    tag = "madsci",
    request_body(content = Option<BackupRequest>),
    responses(
        (status = 200, description = "The backup", body = BackupResponse),
        (status = 422, description = "The body is not as described", body = ValidationErrors),
        (status = 500, description = "It could not be written", body = Detail),
        (status = 503, description = "The store is not available", body = Detail),
    )
)]
pub(crate) async fn create_backup(
    State(api): State<Arc<Api>>,
    headers: HeaderMap,
    request: Body,
) -> Result<Json<BackupResponse>, Detail> {
    let received = api.bodies.read(&headers, request).await?;
    let request = BackupRequest::read(body::read(&headers, &received.bytes)?.map(|body| body.value).as_ref())?;
    let path = api.backups.make(request.description).await?;
    Ok(Json(BackupResponse { backup_path: path.display().to_string(), status: "completed" }))
}

/// Backups
///
/// Those there are, the latest first. `GET /backup` answers the same.
#[utoipa::path(
    get,
    path = "/backup/status",
    tag = "madsci",
    responses((status = 200, description = "The backups", body = BackupStatusResponse))
)]
pub(crate) async fn get_backup_status(State(api): State<Arc<Api>>) -> Result<Json<BackupStatusResponse>, Detail> {
    let dir = api.backups.dir.clone();
    let listing = tokio::task::spawn_blocking(move || backup::list(&dir)).await;
    let listed = listing.unwrap_or_else(|panic| std::panic::resume_unwind(panic.into_panic()))?;
    let item = |backup: &backup::Backup| BackupItem {
        path: backup.path.display().to_string(),
        created_at: backup.created_at_local().to_owned(),
        size_bytes: backup.bytes(),
        is_valid: backup.is_whole,
        events: backup.manifest.events,
    };
    Ok(Json(BackupStatusResponse {
        backup_enabled: api.config.backup.enabled,
        backup_dir: api.backups.dir.display().to_string(),
        available_backups: listed.iter().map(item).collect(),
    }))
}
