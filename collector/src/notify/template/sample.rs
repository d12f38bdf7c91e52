//! Examples of what a template gets, to try it on before it is relied upon.

use minijinja::Value;
use serde_json::json;

use super::engine::value;

/// One alert with two events, forty alerts, one that was resolved, and a trial without any.
pub(super) fn contexts() -> impl Iterator<Item = Value> {
    let alert = json!({
        "rule": "pump-errors",
        "group": {"source.node_id": "01JQ0000000000000000000007"},
        "labels": {"team": "automation"},
        "count": 7,
        "number": 7,
        "since": 1_772_370_202_000_000_i64,
        "events": [event("pump 3 lost its prime"), event("pressure below 1 bar")],
    });
    let many = vec![alert.clone(); 40];
    [("fired", vec![alert.clone()]), ("digest", many), ("resolved", vec![alert]), ("test", Vec::new())].into_iter().map(
        |(kind, alerts)| {
            value(json!({
                "severity": "critical",
                "rule": "pump-errors",
                "kind": kind,
                "alerts": alerts,
                "more": 312,
                "url": "http://collector:8001/#alerts",
                "at": "2026-03-01T13:04:00Z",
                "created_at": "2026-03-01T13:03:22Z",
                "is_repeat": false,
                "is_late": false,
                "key": "pump-errors/1/fired/mail",
                "receiver": "mail",
                "zone": "Europe/Berlin",
                "title": "Alert",
                "headline": "pump-errors",
            }))
        },
    )
}

fn event(message: &str) -> serde_json::Value {
    json!({
        "event_id": "01JQ0000000000000000000001",
        "event_type": "node_error",
        "log_level": 40,
        "alert": false,
        "event_timestamp": "2026-03-01T13:03:22.125Z",
        "source": {"node_id": "01JQ0000000000000000000007"},
        "event_data": {"message": message, "fields": {"pressure": 0.7}, "labels": {"room": "B12"}},
        "trace_id": null,
        "span_id": null,
    })
}
