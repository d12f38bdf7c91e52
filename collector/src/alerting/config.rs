//! `[alerts]`: who is told of what.

use std::path::{Path, PathBuf};

use labtrail_shared::settings::Period;
use serde::{Deserialize, Serialize};

use crate::alert::rule::MadsciRules;

/// `[alerts]`: where rules and receivers are, and how alerts are kept.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct AlertsConfig {
    /// Whether rules are evaluated and anybody is told. Default `true`.
    pub enabled: bool,
    /// The files of rules, as globs. They are read again when they change. Default `rules/*.toml` in `data_dir`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rules: Option<Vec<String>>,
    /// The file of receivers, silences that come every week, and inhibition. It is read again when it changes; it need not
    /// be there. Default `receivers.toml` in `data_dir`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub receivers: Option<PathBuf>,
    /// Where people reach the page, for links in notifications: `http://lab-server:8001`. Default: none are sent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub page_url: Option<String>,
    /// How long it is kept what became of alerts and notifications; at least 8d. Default 90d.
    pub history_keep: HistoryLength,
    /// When what was sent is so late in being stored, it is told that alerts are late, too. Default 1m.
    pub delay_max: Period,
    /// The built-in rules that do what MADSci's Event Manager does.
    pub madsci: MadsciRules,
}

impl Default for AlertsConfig {
    fn default() -> Self {
        Self {
            enabled: true,
            rules: None,
            receivers: None,
            page_url: None,
            history_keep: HistoryLength(Period::secs(90 * 24 * 3600)),
            delay_max: Period::secs(60),
            madsci: MadsciRules::default(),
        }
    }
}

impl AlertsConfig {
    /// The files of rules, as globs.
    pub(crate) fn rule_files(&self, data_dir: &Path) -> Vec<String> {
        self.rules.clone().unwrap_or_else(|| vec![data_dir.join("rules").join("*.toml").display().to_string()])
    }
}

/// At least eight days: a notification that is made again must be found to be there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Period")]
pub struct HistoryLength(Period);

impl HistoryLength {
    /// The length in microseconds.
    pub(crate) fn micros(self) -> i64 {
        i64::try_from(self.0.0.as_micros()).unwrap_or(i64::MAX / 4)
    }
}

impl TryFrom<Period> for HistoryLength {
    type Error = String;

    fn try_from(period: Period) -> Result<Self, String> {
        const LEAST: Period = Period::secs(8 * 24 * 3600);
        if period < LEAST { Err(format!("{period} is too short: write at least 8d")) } else { Ok(Self(period)) }
    }
}
