//! The receiver `log`: one structured line in the collector's own log.

use tracing::{error, info, warn};

use super::notification::{Facts, Kind, Notification};

/// Writes the line: an error for what is urgent, else a warning, and information for what is over or a trial.
pub(super) fn write(receiver: &str, notification: &Notification, facts: &Facts, subject: &str) {
    macro_rules! line {
        ($level:ident) => {
            $level!(
                receiver,
                key = %notification.key,
                kind = facts.kind.title(),
                severity = %facts.severity,
                rule = %facts.rule,
                alerts = facts.alerts.len() as u64 + facts.more,
                created_at = %notification.created_at,
                is_repeat = notification.is_repeat,
                url = facts.url.as_deref(),
                "{subject}"
            )
        };
    }
    match facts.kind {
        Kind::Resolved | Kind::Test => line!(info),
        _ if facts.is_urgent() => line!(error),
        _ => line!(warn),
    }
}
