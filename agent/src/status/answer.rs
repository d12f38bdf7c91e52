//! What the agent answers to `GET /status`, and how a person reads it.

use std::{
    fmt::Write as _,
    path::Path,
    time::{Duration, SystemTime},
};

use serde::{Deserialize, Serialize};

use super::FileProgress;

/// How far an agent is.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Status {
    /// Its id.
    pub agent: String,
    /// The version of its program.
    pub version: String,
    /// Nothing hinders it.
    pub healthy: bool,
    /// What does.
    pub problems: Vec<String>,
    /// Everything that was found is delivered.
    pub is_caught_up: bool,
    /// Records from sockets that wait in the spool.
    pub spooled_records: u64,
    /// Bytes of these.
    pub spooled_bytes: u64,
    /// How far this machine's clock is ahead of the collector's, in seconds, where that is known.
    pub clock_skew_seconds: Option<f64>,
    /// Each followed file.
    pub files: Vec<FileStatus>,
    /// Files that were found and are not followed: path and reason.
    pub not_followed: Vec<(String, String)>,
}

/// How far one file is.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct FileStatus {
    /// Its path.
    pub path: String,
    /// Bytes in it.
    pub size: u64,
    /// Bytes read.
    pub read: u64,
    /// Bytes whose records the collector or the brokers have.
    pub delivered: u64,
    /// Bytes not delivered yet.
    pub behind_bytes: u64,
    /// For how long some of them have waited at least, in seconds; 0 when none wait.
    pub behind_seconds: f64,
    /// Records read since the agent started.
    pub records: u64,
    /// Why it could not be read when that last failed.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub last_error: Option<String>,
}

impl FileStatus {
    pub(super) fn of(path: &Path, file: &FileProgress) -> Self {
        let behind_bytes = file.size.saturating_sub(file.delivered);
        let waited = file.behind_since.and_then(|since| SystemTime::now().duration_since(since).ok());
        Self {
            path: path.to_string_lossy().into_owned(),
            size: file.size,
            read: file.read,
            delivered: file.delivered,
            behind_bytes,
            behind_seconds: waited.filter(|_| behind_bytes > 0).unwrap_or(Duration::ZERO).as_secs_f64(),
            records: file.records,
            last_error: file.last_error.clone(),
        }
    }
}

impl Status {
    /// The answer as a table.
    pub fn to_text(&self) -> String {
        let mut text = String::new();
        let health = if self.healthy { "well" } else { "NOT well" };
        let caught_up = if self.is_caught_up { "caught up" } else { "catching up" };
        let _ = writeln!(text, "agent {} (labtrail-agent {}): {health}, {caught_up}", self.agent, self.version);
        for problem in &self.problems {
            let _ = writeln!(text, "  ! {problem}");
        }
        if self.spooled_records > 0 {
            let _ = writeln!(
                text,
                "spool: {} records ({} bytes) wait to be delivered",
                self.spooled_records, self.spooled_bytes
            );
        }
        if let Some(skew) = self.clock_skew_seconds.filter(|skew| skew.abs() >= 1.0) {
            let side = if skew > 0.0 { "ahead of" } else { "behind" };
            let _ = writeln!(text, "clock: {:.1} s {side} the collector's", skew.abs());
        }
        if self.files.is_empty() {
            let _ = writeln!(text, "no file is followed yet");
        } else {
            let _ = writeln!(
                text,
                "{:>12} {:>12} {:>12} {:>9} {:>9}  FILE",
                "SIZE", "READ", "DELIVERED", "BEHIND", "SECONDS"
            );
        }
        for file in &self.files {
            let FileStatus { path, size, read, delivered, behind_bytes, behind_seconds, .. } = file;
            let _ =
                writeln!(text, "{size:>12} {read:>12} {delivered:>12} {behind_bytes:>9} {behind_seconds:>9.1}  {path}");
            if let Some(error) = &file.last_error {
                let _ = writeln!(text, "{:>60}{error}", "! ");
            }
        }
        for (path, reason) in &self.not_followed {
            let _ = writeln!(text, "not followed ({reason}): {path}");
        }
        text
    }
}
