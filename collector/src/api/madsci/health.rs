//! Whether the collector is well.

use std::sync::Arc;

use axum::{Json, extract::State};
use labtrail_shared::telemetry::with_causes;
use serde::Serialize;
use utoipa::ToSchema;

use crate::api::Api;

/// MADSci's answer: always 200, also when the store cannot be read.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Health {
    /// Whether all is well.
    healthy: bool,
    /// How the collector is, in words.
    description: String,
    /// The version of Labtrail.
    version: &'static str,
    /// Whether the store can be read.
    db_connected: bool,
    /// Whether events can be put into Kafka; `null` if there is none. While the store is away they are taken nevertheless.
    kafka_connected: Option<bool>,
    /// How many events are stored, exactly; `null` if that cannot be read.
    total_events: Option<u64>,
    /// MADSci's own telemetry: not in use.
    otel_enabled: Option<bool>,
    /// MADSci's own telemetry: not in use.
    otel_exporter_type: Option<String>,
    /// MADSci's own telemetry: not in use.
    otel_endpoint: Option<String>,
}

/// Health
#[utoipa::path(
    get,
    path = "/health",
    tag = "madsci",
    responses((status = 200, description = "How the collector is", body = Health))
)]
pub(crate) async fn get_health(State(api): State<Arc<Api>>) -> Json<Health> {
    let (count, kafka_connected) = tokio::join!(api.store.count(), api.ingest.is_kafka_reachable());
    let kafka = match kafka_connected {
        Some(true) if count.is_err() => "; events are taken into Kafka and stored when the database is back",
        None | Some(true) => "",
        Some(false) => "; Kafka cannot be reached, or the topic of the events is missing",
    };
    let description = match &count {
        Ok(_) if kafka.is_empty() => "Labtrail collector is running normally".to_owned(),
        Ok(_) => format!("The database is well{kafka}"),
        Err(error) => format!("Database connection failed: {}{kafka}", with_causes(error)),
    };
    Json(Health {
        healthy: count.is_ok() && kafka_connected != Some(false),
        description,
        version: env!("CARGO_PKG_VERSION"),
        db_connected: count.is_ok(),
        kafka_connected,
        total_events: count.ok(),
        otel_enabled: None,
        otel_exporter_type: None,
        otel_endpoint: None,
    })
}
