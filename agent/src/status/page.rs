//! The door for whoever watches the agent: `GET /health`, `GET /status` and `GET /metrics`. It changes nothing and says
//! nothing of the records themselves.

use axum::{Json, Router, extract::State, http::header, response::IntoResponse, routing::get};
use labtrail_shared::{
    shutdown::Stop,
    telemetry::{METRICS_CONTENT_TYPE, Metrics},
};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::net::TcpListener;

use super::{FileStatus, Health, Progress, Status};
use crate::source::spooler::Spooler;

/// `[status]`
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct StatusSection {
    /// Where health and metrics are served, such as `127.0.0.1:9464`. Default: nowhere.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub listen: Option<std::net::SocketAddr>,
}

/// What is shown.
#[derive(Debug, Clone)]
pub(crate) struct Page {
    pub agent: String,
    pub health: Health,
    pub progress: Progress,
    pub metrics: Metrics,
    pub spooler: Spooler,
}

impl Page {
    /// Answers until the stop signal is given.
    pub(crate) async fn serve(self, listener: std::net::TcpListener, stop: Stop) -> std::io::Result<()> {
        axum::serve(TcpListener::from_std(listener)?, self.router())
            .with_graceful_shutdown(async move { stop.given().await })
            .await
    }

    /// What is answered.
    pub(super) fn router(self) -> Router {
        Router::new()
            .route("/health", get(health))
            .route("/status", get(status))
            .route("/metrics", get(metrics))
            .with_state(self)
    }
}

/// How far everything is.
async fn status(State(page): State<Page>) -> Json<Status> {
    let (records, bytes) = page.spooler.pending();
    let problems = page.health.problems();
    Json(Status {
        agent: page.agent,
        version: env!("CARGO_PKG_VERSION").to_owned(),
        healthy: problems.is_empty(),
        problems: problems.iter().map(ToString::to_string).collect(),
        is_caught_up: page.progress.is_caught_up() && records == 0,
        spooled_records: records,
        spooled_bytes: bytes,
        clock_skew_seconds: page.health.clock_skew().map(|skew| skew.as_secs_f64()),
        files: page.progress.files().into_iter().map(|(path, file)| FileStatus::of(&path, &file)).collect(),
        not_followed: page.progress.not_followed(),
    })
}

/// Always 200, as the collector's: an agent that cannot deliver waits, and starting it again would not help.
async fn health(State(page): State<Page>) -> Json<Value> {
    let problems = page.health.problems();
    let texts: Vec<String> = problems.iter().map(ToString::to_string).collect();
    Json(json!({
        "healthy": problems.is_empty(),
        "problems": texts,
        "agent": page.agent,
        "version": env!("CARGO_PKG_VERSION"),
        "is_caught_up": page.progress.is_caught_up() && page.spooler.pending().0 == 0,
    }))
}

async fn metrics(State(page): State<Page>) -> impl IntoResponse {
    ([(header::CONTENT_TYPE, METRICS_CONTENT_TYPE)], page.metrics.to_text())
}
