//! The plain words that need no template: for when one fails.

use super::{Zone, engine::first_characters, filters::event_line};
use crate::notify::notification::{Facts, Kind, Notification};

/// Alerts that are listed in full.
const ALERTS_MAX: usize = 50;
/// Events that are listed of each.
const EVENTS_MAX: usize = 5;

/// What it is about, in a few words.
pub(super) fn headline(facts: &Facts, receiver: &str) -> String {
    let total = facts.alerts.len() as u64 + facts.more;
    let several = |of: &str| match of {
        "" => format!("{total} alerts"),
        rule => format!("{total} alerts of {rule}"),
    };
    match (facts.alerts.as_slice(), total) {
        ([alert], 1) => {
            let rule = if alert.rule.is_empty() { &facts.rule } else { &alert.rule };
            let group = alert.group_text();
            if group.is_empty() { rule.clone() } else { format!("{rule}: {group}") }
        }
        ([], 0) if facts.kind == Kind::Test => format!("the receiver {receiver} works"),
        ([], 0) if facts.rule.is_empty() => "no details".to_owned(),
        ([], 0) => facts.rule.clone(),
        _ => several(&facts.rule),
    }
}

/// The subject.
pub(super) fn subject(facts: &Facts, receiver: &str) -> String {
    let severity = if facts.severity.is_empty() { String::new() } else { format!(" ({})", facts.severity) };
    super::filters::one_line(&format!("{}{severity}: {}", facts.kind.title(), headline(facts, receiver)))
}

/// The text.
pub(super) fn text(notification: &Notification, facts: &Facts, zone: &Zone) -> String {
    let created_at = zone.show(&notification.created_at.as_microsecond().into());
    let mut lines = vec![format!("{}, {created_at}", facts.kind.title())];
    for alert in facts.alerts.iter().take(ALERTS_MAX) {
        lines.push(format!("\n{} {}", alert.rule, first_characters(&alert.group_text(), 500)));
        lines.push(format!("  {} events since {}", alert.count, zone.show(&alert.since)));
        lines.extend(alert.events.iter().take(EVENTS_MAX).map(|event| format!("  - {}", event_line(event, zone))));
    }
    let more = facts.more + facts.alerts.len().saturating_sub(ALERTS_MAX) as u64;
    if more > 0 {
        lines.push(format!("\nand {more} more"));
    }
    lines.extend(facts.url.iter().map(|url| format!("\n{url}")));
    lines.join("\n")
}

/// Plain text as HTML.
pub(super) fn as_html(text: &str) -> String {
    let escaped = text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    format!("<pre>{escaped}</pre>")
}
