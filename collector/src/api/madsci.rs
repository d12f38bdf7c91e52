//! MADSci's routes, answering as its Event Manager does: same paths, same bodies, `FastAPI`'s error shapes. Where they
//! differ, `docs/madsci.md` says so, and a test against the real server finds no other difference.

mod archive;
mod backup;
mod body;
mod error;
mod events;
mod health;
mod list;
mod parameters;
mod query;
mod report_events;
mod settings;
mod surface;
mod utilization;

use std::sync::Arc;

use axum::{
    Router,
    routing::{get, post},
};

use super::Api;
pub(super) use {
    archive::{
        __path_archive_events, __path_get_archived_events, __path_purge_archived_events, ArchiveEventsRequest,
        ArchiveEventsResponse, PurgeEventsResponse,
    },
    backup::{__path_create_backup, __path_get_backup_status, BackupRequest, BackupResponse, BackupStatusResponse},
    error::{Detail, detail},
    events::{__path_get_event, __path_get_events, __path_post_event},
    health::{__path_get_health, Health},
    query::__path_query_events,
    settings::__path_get_settings,
    surface::{around, without_slash},
    utilization::{__path_get_session_utilization, __path_get_user_utilization_report, __path_get_utilization_periods},
};

pub(super) fn routes() -> Router<Arc<Api>> {
    Router::new()
        .route("/health", get(health::get_health))
        .route("/settings", get(settings::get_settings))
        .route("/event", post(events::post_event))
        .route("/event/{id}", get(events::get_event))
        .route("/events", get(events::get_events))
        .route("/events/query", post(query::query_events))
        .route("/events/archive", post(archive::archive_events))
        .route("/events/archived", get(archive::get_archived_events).delete(archive::purge_archived_events))
        .route("/backup", post(backup::create_backup).get(backup::get_backup_status))
        .route("/backup/status", get(backup::get_backup_status))
        .route("/utilization/sessions", get(utilization::get_session_utilization))
        .route("/utilization/periods", get(utilization::get_utilization_periods))
        .route("/utilization/user", get(utilization::get_user_utilization_report))
        .route("/utilization/users", get(utilization::get_user_utilization_report))
}
