//! An alert as answers show it.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::{Value, json};
use utoipa::ToSchema;

use crate::{
    alert::{
        life::{AlertState, StepKind},
        routing::{MuteReason, Muting, StepFate, StepRecord},
        rule::Severity,
    },
    alerting::{
        stored_alert::{PastStep, StoredAlert},
        telling::figure_text,
    },
    api::v1::instant,
};

/// An alert of a rule and group.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Alert)]
pub(crate) struct AlertItem {
    /// What tells it from others; the same for a rule and group for ever.
    pub(super) id: String,
    /// The rule.
    rule: String,
    /// What the rule is for.
    description: String,
    /// `info`, `warning`, `error` or `critical`.
    #[schema(value_type = String)]
    pub(super) severity: Severity,
    /// `inactive`, `pending`, `firing` or `resolved`.
    #[schema(value_type = String)]
    pub(super) state: AlertState,
    /// The fields that make the group, and their values.
    group: BTreeMap<String, String>,
    /// The labels of the rule.
    labels: BTreeMap<String, String>,
    /// The number of the episode that is shown.
    episode: u64,
    /// When it began, by its events.
    #[schema(format = DateTime)]
    pub(super) since: Option<String>,
    /// When it ended, by its events.
    #[schema(format = DateTime)]
    pub(super) ended: Option<String>,
    /// When it fired, by the clock.
    #[schema(format = DateTime)]
    fired_at: Option<String>,
    /// When it was resolved, by the clock.
    #[schema(format = DateTime)]
    resolved_at: Option<String>,
    /// Who attends to it.
    acknowledged: Option<Acknowledgement>,
    /// How many events it rests on.
    count: u64,
    /// The newest of them, the newest first.
    event_ids: Vec<String>,
    /// The number that made it hold: a count, a ratio, a value.
    #[schema(value_type = Value)]
    figure: Value,
    /// The same in words.
    figure_text: String,
    /// Why nothing is told of it, if that is so.
    #[schema(value_type = Option<Value>)]
    muted: Option<Value>,
    /// What happened to it, the newest first; only where one alert is asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) history: Option<Vec<HistoryItem>>,
}

/// Who attends to an alert.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Acknowledgement {
    /// Who.
    who: String,
    /// What they say of it.
    note: String,
    /// Since when.
    #[schema(format = DateTime)]
    at: String,
}

/// A step in the life of an alert.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct HistoryItem {
    /// `fired`, `repeated`, `resolved` or `escalated`.
    kind: &'static str,
    /// Which repeat or level of escalation.
    level: u32,
    /// The number of the episode.
    episode: u64,
    /// When it happened, by the clock.
    #[schema(format = DateTime)]
    at: String,
    /// When the episode began, by its events.
    #[schema(format = DateTime)]
    began: String,
    /// When it ended.
    #[schema(format = DateTime)]
    ended: Option<String>,
    /// How many events it rests on.
    count: u64,
    /// The newest of them.
    event_ids: Vec<String>,
    /// How many episodes came and went untold before.
    held_back: u64,
    /// The number that made it hold, in words.
    figure_text: String,
    /// What became of it, by receiver.
    told: Vec<FateItem>,
}

/// What became of a step for a receiver.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct FateItem {
    /// The receiver.
    receiver: String,
    /// When that was decided.
    #[schema(format = DateTime)]
    at: String,
    /// `told`, `muted`, `muted_to_the_end`, `superseded` or `never_told`.
    fate: &'static str,
    /// The key of the notification.
    notification: Option<String>,
    /// Why it was muted.
    #[schema(value_type = Option<Value>)]
    reason: Option<Value>,
}

impl AlertItem {
    pub(crate) fn new(stored: &StoredAlert, muting: &Muting<'_>, now: i64) -> Self {
        let row = &stored.row;
        let is_active = matches!(row.state, AlertState::Firing | AlertState::Pending);
        let grounds = if row.state == AlertState::Pending { &row.coming } else { &row.grounds };
        Self {
            id: stored.id(),
            rule: stored.alert.rule.clone(),
            description: stored.description.clone(),
            severity: stored.alert.severity,
            state: row.state,
            group: stored.group_texts(),
            labels: stored.alert.labels.clone(),
            episode: row.episode,
            since: row.since.map(instant),
            ended: row.ended.map(instant),
            fired_at: row.fired_at.map(instant),
            resolved_at: row.resolved_at.map(instant),
            acknowledged: row.acknowledged.as_ref().map(|by| Acknowledgement {
                who: by.who.clone(),
                note: by.note.clone(),
                at: instant(by.at),
            }),
            count: grounds.count,
            event_ids: grounds.ids.iter().rev().cloned().collect(),
            figure: json!(grounds.figure),
            figure_text: figure_text(&grounds.figure),
            muted: is_active.then(|| muting.reason(&stored.alert, now)).flatten().as_ref().map(reason),
            history: None,
        }
    }
}

impl HistoryItem {
    pub(super) fn new(past: &PastStep, fates: &[(String, StepRecord)]) -> Self {
        let step = &past.step;
        let (kind, level) = match step.kind {
            StepKind::Fired => ("fired", 0),
            StepKind::Repeated(level) => ("repeated", level),
            StepKind::Resolved(_) => ("resolved", 0),
            StepKind::Escalated(level) => ("escalated", level),
        };
        Self {
            kind,
            level,
            episode: step.episode,
            at: instant(step.at),
            began: instant(step.began),
            ended: step.ended.map(instant),
            count: step.grounds.count,
            event_ids: step.grounds.ids.iter().rev().cloned().collect(),
            held_back: step.held_back,
            figure_text: figure_text(&step.grounds.figure),
            told: fates.iter().map(|(receiver, record)| FateItem::new(receiver, record)).collect(),
        }
    }
}

impl FateItem {
    fn new(receiver: &str, record: &StepRecord) -> Self {
        let (fate, notification, why) = match &record.fate {
            StepFate::Told { notification } => ("told", Some(notification.clone()), None),
            StepFate::Muted { reason } => ("muted", None, Some(reason)),
            StepFate::MutedToTheEnd { reason } => ("muted_to_the_end", None, Some(reason)),
            StepFate::Superseded { .. } => ("superseded", None, None),
            StepFate::NeverTold => ("never_told", None, None),
        };
        Self { receiver: receiver.to_owned(), at: instant(record.at), fate, notification, reason: why.map(reason) }
    }
}

/// A reason, with its end as an instant.
fn reason(reason: &MuteReason) -> Value {
    let mut json = json!(reason);
    if let Some(until) = reason.until() {
        json["until"] = json!(instant(until));
    }
    json
}
