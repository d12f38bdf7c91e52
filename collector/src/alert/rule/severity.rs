//! How severe an alert is.

use std::fmt;

use labtrail_shared::level::LogLevel;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// How severe an alert is; routes and people sort by it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// Good to know.
    Info,
    /// Odd, to be looked at.
    Warning,
    /// Something failed.
    Error,
    /// The whole is in danger.
    Critical,
}

impl Severity {
    /// The word for it, as in the config.
    pub fn name(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Warning => "warning",
            Self::Error => "error",
            Self::Critical => "critical",
        }
    }

    /// The severity that goes with the level of an event.
    pub fn of_level(level: LogLevel) -> Self {
        match level {
            LogLevel::NotSet | LogLevel::Debug | LogLevel::Info => Self::Info,
            LogLevel::Warning => Self::Warning,
            LogLevel::Error => Self::Error,
            LogLevel::Critical => Self::Critical,
        }
    }
}

impl fmt::Display for Severity {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

/// What a rule says of the severity of its alerts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SeverityChoice {
    /// Always info.
    Info,
    /// Always warning.
    #[default]
    Warning,
    /// Always error.
    Error,
    /// Always critical.
    Critical,
    /// As severe as the event's level says; of several events the most severe one counts.
    ByLevel,
}

impl SeverityChoice {
    /// The severity of an alert about this event.
    pub fn of(self, event: &Value) -> Severity {
        match self {
            Self::Info => Severity::Info,
            Self::Warning => Severity::Warning,
            Self::Error => Severity::Error,
            Self::Critical => Severity::Critical,
            Self::ByLevel => {
                Severity::of_level(event.get("log_level").and_then(LogLevel::from_json).unwrap_or_default())
            }
        }
    }
}
