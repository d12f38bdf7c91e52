//! Whether the collector is well.

use std::{sync::Arc, time::Duration};

use axum::{Json, extract::State};
use labtrail_shared::telemetry::with_causes;
use serde::Serialize;
use utoipa::ToSchema;

use crate::api::Api;

/// Whoever asks how it is wants to know soon.
const COUNT_TIME_MAX: Duration = Duration::from_secs(3);

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
    let counting = async {
        match tokio::time::timeout(COUNT_TIME_MAX, api.store.count()).await {
            Ok(count) => count.map_err(|error| with_causes(&error)),
            Err(_) => Err(format!("the store did not answer within {} s", COUNT_TIME_MAX.as_secs())),
        }
    };
    let (count, kafka_connected) = tokio::join!(counting, api.ingest.is_kafka_reachable());
    let kafka = match kafka_connected {
        Some(true) if count.is_err() => "; events are taken into Kafka and stored when the database is back",
        None | Some(true) => "",
        Some(false) => "; Kafka cannot be reached, or the topic of the events is missing",
    };
    let description = match &count {
        Ok(_) if kafka.is_empty() => "Labtrail collector is running normally".to_owned(),
        Ok(_) => format!("The database is well{kafka}"),
        Err(reason) => format!("Database connection failed: {reason}{kafka}"),
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
