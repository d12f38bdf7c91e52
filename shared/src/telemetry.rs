//! What a process says of itself: logs on standard error, metrics in Prometheus' text form.

mod line_limit;

use std::sync::{Arc, Mutex, PoisonError};

use prometheus_client::registry::Registry;
use tracing_subscriber::{EnvFilter, layer::SubscriberExt, util::SubscriberInitExt};

use self::line_limit::LimitLayer;
pub use self::line_limit::LineLimit;

/// How log lines look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// For a person.
    #[default]
    Text,
    /// One JSON object a line, for a machine.
    Json,
}

/// Starts logging to standard error. `level` is a directive of `tracing` (`info`, `labtrail_agent=debug`); the
/// environment variable `LABTRAIL_LOG` wins over it. Each place in the code logs at most 20 lines a minute; the rest is
/// counted, and told once a minute.
pub fn start_logging(level: &str, format: LogFormat) -> Logging {
    start_logging_with(level, format, LineLimit::default())
}

/// [`start_logging`] with another limit of lines.
pub fn start_logging_with(level: &str, format: LogFormat, limit: LineLimit) -> Logging {
    let filter = EnvFilter::try_from_env("LABTRAIL_LOG").or_else(|_| EnvFilter::try_new(level)).unwrap_or_default();
    let limit = LimitLayer::new(limit);
    let layers = tracing_subscriber::registry().with(filter).with(limit.clone());
    let lines = tracing_subscriber::fmt::layer().with_writer(std::io::stderr).with_target(false);
    // A second start in one process (tests) keeps the first.
    let _ = match format {
        LogFormat::Text => {
            layers.with(lines.with_ansi(std::io::IsTerminal::is_terminal(&std::io::stderr()))).try_init()
        }
        LogFormat::Json => layers.with(lines.json()).try_init(),
    };
    Logging(limit)
}

/// Logging that was started. It goes on when this is dropped, but then tells what it left out, instead of in its minute:
/// a process drops this last.
#[derive(Debug)]
pub struct Logging(LimitLayer);

impl Drop for Logging {
    fn drop(&mut self) {
        self.0.tell_all();
    }
}

/// The metrics of one process; every room registers its own.
#[derive(Debug, Clone, Default)]
pub struct Metrics(Arc<Mutex<Registry>>);

impl Metrics {
    /// Registers the metrics of a room. Names carry the prefix `labtrail_`.
    pub fn register(&self, register: impl FnOnce(&mut Registry)) {
        let mut registry = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        register(registry.sub_registry_with_prefix("labtrail"));
    }

    /// All metrics in the OpenMetrics text form that Prometheus scrapes.
    pub fn to_text(&self) -> String {
        let registry = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut text = String::new();
        if let Err(error) = prometheus_client::encoding::text::encode(&mut text, &registry) {
            tracing::error!(%error, "cannot write the metrics");
        }
        text
    }
}

/// The content type of [`Metrics::to_text`].
pub const METRICS_CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// An error and what caused it, in one line: many errors leave the interesting part to their cause.
pub fn with_causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}
