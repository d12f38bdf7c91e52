//! What the tests of this room share: notifications, and the servers that get them.

pub(super) mod certificates;
pub(super) mod web_server;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::{Failure, Notification, Outcome, Receiver, ReceiverSection};

/// A receiver from the settings of one.
#[track_caller]
pub(super) fn receiver(toml: &str) -> Receiver {
    let section: ReceiverSection = toml::from_str(toml).expect("the settings are sound");
    Receiver::open(&section).expect("the receiver can be opened")
}

/// What is wrong with the settings of a receiver.
#[track_caller]
pub(super) fn problem(toml: &str) -> String {
    match toml::from_str::<ReceiverSection>(toml) {
        Ok(section) => panic!("these settings are sound: {section:?}"),
        Err(error) => error.message().to_owned(),
    }
}

#[track_caller]
pub(super) fn failure(outcome: Outcome) -> Failure {
    match outcome {
        Outcome::Failed(failure) => failure,
        Outcome::Sent(delivery) => panic!("it was sent: {delivery:?}"),
    }
}

/// A pump that fails on a node whose name needs care.
pub(super) fn notification() -> Notification {
    of_alerts(&[alert("Pumpe-7 <b>", &["Drücke fallen 🚨 <script>alert(1)</script> & mehr", "zweite Meldung"])])
}

pub(super) fn of_alerts(alerts: &[Value]) -> Notification {
    let created_at: Timestamp = "2026-03-01T13:03:22Z".parse().expect("a time");
    Notification {
        key: "pump-errors/größe=7/3/fired/mail".to_owned(),
        message_id: "<pump-errors.3.fired@lab.example>".to_owned(),
        is_repeat: false,
        created_at,
        at: "2026-03-01T13:04:00Z".parse().expect("a time"),
        delivered_to: Vec::new(),
        context: json!({
            "severity": "critical",
            "rule": "pump-errors",
            "kind": "fired",
            "alerts": alerts,
            "more": 0,
            "url": "http://collector:8001/#alerts?rule=pump-errors&x=1",
        }),
    }
}

pub(super) fn alert(node: &str, messages: &[&str]) -> Value {
    let events: Vec<Value> = messages
        .iter()
        .map(|message| {
            json!({
                "event_id": "01JQ0000000000000000000001",
                "event_type": "node_error",
                "log_level": 40,
                "event_timestamp": "2026-03-01T13:03:21.5Z",
                "source": {"node_id": "01JQ0000000000000000000007"},
                "event_data": {"message": message},
            })
        })
        .collect();
    json!({
        "rule": "pump-errors",
        "group": {"node": node},
        "labels": {"team": "automation"},
        "count": 7,
        "number": 7,
        "since": 1_772_370_000_000_000_i64,
        "events": events,
    })
}
