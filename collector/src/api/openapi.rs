//! The description of the interface, for people and programs: OpenAPI 3.1.

mod enumerations;

use std::sync::LazyLock;

use axum::{
    http::header,
    response::{IntoResponse, Response},
};
use serde::Serialize;
use serde_json::Value;
use utoipa::{OpenApi, ToSchema};

use super::{error, madsci, v1};
use enumerations::{EventTypeDocument, LevelDocument};

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Labtrail collector",
        description = "Takes the events of a laboratory, keeps them, and finds them again. The routes under `madsci` \
                       answer as the MADSci Event Manager does; those under `labtrail` are Labtrail's own, and their \
                       errors are `application/problem+json` (RFC 9457).",
        license(name = "Apache-2.0", identifier = "Apache-2.0")
    ),
    paths(
        v1::post_events,
        v1::get_events,
        v1::get_event,
        v1::get_histogram,
        v1::get_alerts,
        v1::get_alert,
        v1::acknowledge_alert,
        v1::unacknowledge_alert,
        v1::get_silences,
        v1::post_silence,
        v1::preview_silence,
        v1::delete_silence,
        v1::get_rules,
        v1::get_rule,
        v1::put_rule,
        v1::delete_rule,
        v1::test_rule,
        v1::get_receivers,
        v1::test_receiver,
        v1::get_notifications,
        v1::retry_notification,
        v1::get_live,
        v1::get_dead_letters,
        v1::get_dead_letter,
        v1::replay_dead_letter,
        v1::delete_dead_letter,
        madsci::post_event,
        madsci::get_event,
        madsci::get_events,
        madsci::query_events,
        madsci::archive_events,
        madsci::get_archived_events,
        madsci::purge_archived_events,
        madsci::create_backup,
        madsci::get_backup_status,
        madsci::get_session_utilization,
        madsci::get_utilization_periods,
        madsci::get_user_utilization_report,
        madsci::get_health,
        madsci::get_settings,
        get_metrics,
    ),
    components(schemas(
        EventDocument,
        EventTypeDocument,
        LevelDocument,
        ValidationErrors,
        ValidationProblem,
        StoredEventDocument,
        SourceDocument,
        StoreNotes,
        error::Problem,
        error::ProblemPlace,
        madsci::Detail,
        madsci::Health,
        madsci::ArchiveEventsRequest,
        madsci::ArchiveEventsResponse,
        madsci::PurgeEventsResponse,
        madsci::BackupRequest,
        madsci::BackupResponse,
        madsci::BackupStatusResponse,
        v1::TakenReceipt,
        v1::RefusedEvent,
        v1::EventPage,
        v1::HistogramAnswer,
        v1::HistogramBucket,
        v1::AlertPage,
        v1::AlertItem,
        v1::AlertCounts,
        v1::Acknowledgement,
        v1::HistoryItem,
        v1::FateItem,
        v1::AcknowledgeRequest,
        v1::UnacknowledgeRequest,
        v1::SilenceList,
        v1::SilenceItem,
        v1::WantedSilence,
        v1::SilencePreview,
        v1::RuleList,
        v1::RuleItem,
        v1::ReceiverList,
        v1::ReceiverItem,
        v1::ReceiverTrial,
        v1::RefusedAddress,
        v1::NotificationList,
        v1::NotificationItem,
        v1::NotificationLogLine,
        v1::BackTestAnswer,
        v1::BackTestGroup,
        v1::BackTestStep,
        v1::DeadLetterPage,
        v1::DeadLetterItem,
        v1::ReplayReceipt,
    )),
    tags(
        (name = "labtrail", description = "Labtrail's own routes"),
        (name = "madsci", description = "The MADSci Event Manager's routes"),
        (name = "operation", description = "For those who run it"),
    )
)]
struct Description;

/// Written once: it does not change while the program runs.
static TEXT: LazyLock<String> = LazyLock::new(|| Description::openapi().to_json().unwrap_or_default());

pub(super) async fn document() -> Response {
    ([(header::CONTENT_TYPE, "application/json")], TEXT.as_str()).into_response()
}

/// An event, in MADSci's fields. All are optional when it is sent, and all are there when it is read.
#[derive(Serialize, ToSchema)]
#[schema(as = Event)]
pub(crate) struct EventDocument {
    /// A ULID, or any text. Also accepted as `event_id`. Default: a new ULID.
    #[schema(example = "01ARZ3NDEKTSV4RRFFQ69G5FAV")]
    _id: Option<String>,
    /// One of MADSci's event types, in any case. Default `unknown`.
    #[schema(value_type = Option<EventTypeDocument>, example = "log_info")]
    event_type: Option<String>,
    /// 0, 10, 20, 30, 40 or 50; when sent also a name such as `WARNING`. Default 20.
    #[schema(value_type = Option<LevelDocument>, example = 20)]
    log_level: Option<u8>,
    /// Whether somebody is to be told. Default `false`.
    alert: Option<bool>,
    /// ISO 8601, as the sender wrote it. Default: the collector's time, without an offset.
    #[schema(example = "2026-11-23T09:18:44.331566")]
    event_timestamp: Option<String>,
    /// Whom it belongs to.
    source: Option<SourceDocument>,
    /// What happened: any JSON.
    #[schema(value_type = Object)]
    event_data: Option<Value>,
    /// The W3C trace it belongs to.
    trace_id: Option<String>,
    /// The W3C span it belongs to.
    span_id: Option<String>,
    /// Whether it was put aside. Default `false`.
    archived: Option<bool>,
    /// When it was put aside.
    archived_at: Option<String>,
}

/// Whom an event belongs to: each id a ULID.
#[derive(Serialize, ToSchema)]
#[schema(as = OwnershipInfo)]
#[expect(clippy::struct_field_names, reason = "these are MADSci's names")]
pub(crate) struct SourceDocument {
    user_id: Option<String>,
    experiment_id: Option<String>,
    campaign_id: Option<String>,
    project_id: Option<String>,
    node_id: Option<String>,
    workcell_id: Option<String>,
    lab_id: Option<String>,
    step_id: Option<String>,
    workflow_id: Option<String>,
    manager_id: Option<String>,
}

/// What is wrong with a request, in `FastAPI`'s form.
#[derive(Serialize, ToSchema)]
#[schema(as = HTTPValidationError)]
pub(crate) struct ValidationErrors {
    /// Each thing that is wrong.
    detail: Vec<ValidationProblem>,
}

/// One thing that is wrong.
#[derive(Serialize, ToSchema)]
#[schema(as = ValidationError)]
struct ValidationProblem {
    /// Where: `body` or `query`, then names and places.
    loc: Vec<Value>,
    /// What, in words.
    msg: String,
    /// What, in one word.
    r#type: String,
    /// What stood there.
    input: Option<Value>,
    /// More about it.
    ctx: Option<Value>,
}

/// An event with what the store keeps beside it.
#[derive(Serialize, ToSchema)]
#[schema(as = StoredEvent)]
pub(crate) struct StoredEventDocument {
    #[serde(flatten)]
    event: EventDocument,
    _labtrail: StoreNotes,
}

/// What the store keeps beside an event.
#[derive(Serialize, ToSchema)]
pub(crate) struct StoreNotes {
    /// The instant of `event_timestamp`, in UTC.
    #[schema(format = DateTime)]
    time: String,
    /// When the collector received it.
    #[schema(format = DateTime)]
    received: String,
}

/// Metrics
///
/// In the text form that Prometheus scrapes.
#[utoipa::path(
    get,
    path = "/metrics",
    tag = "operation",
    responses((status = 200, description = "All metrics", body = String, content_type = "application/openmetrics-text"))
)]
#[expect(dead_code, reason = "it only carries the description of the route")]
fn get_metrics() {}
