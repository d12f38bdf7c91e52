//! The row of an alert as a store keeps it: its life, and its steps that nobody was told of yet.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::rows;
use crate::{
    alert::{
        key::key_of,
        life::{AlertRow, AlertState, Step, StepKind},
        rule::Severity,
        step::{Alert, AlertStep},
    },
    store::{Row, RowStore, StoreError},
};

/// An alert of a rule and group.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct StoredAlert {
    /// Which it is, and how severe.
    pub(crate) alert: Alert,
    /// What the rule is for.
    #[serde(default)]
    pub(crate) description: String,
    /// Its life.
    pub(crate) row: AlertRow,
    /// What happened and was not routed yet, in its order.
    #[serde(default)]
    pub(crate) steps: Vec<PendingStep>,
    /// How long after an instant of events it is known what happened by then, in microseconds.
    #[serde(default)]
    pub(crate) lateness: i64,
    /// It waits for what is not stored yet, and need not be looked at before this.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) look_not_before: Option<i64>,
}

/// A step, as it was taken and as it is told.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct PendingStep {
    /// As it was taken.
    pub(crate) taken: Step,
    /// As it is told.
    pub(crate) told: AlertStep,
}

/// A step as the history keeps it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct PastStep {
    /// The identifier of the alert.
    pub(crate) alert: String,
    /// How severe the alert was.
    pub(crate) severity: Severity,
    /// The step.
    pub(crate) step: Step,
}

impl PastStep {
    /// The key of its row: the alert, the time, then what comes first of what happened at one moment, so that the steps of an
    /// alert stand together and in order.
    pub(crate) fn key(&self) -> String {
        let Self { alert, step, .. } = self;
        let rank = match step.kind {
            StepKind::Fired => 0,
            StepKind::Repeated(_) | StepKind::Escalated(_) => 1,
            StepKind::Resolved(_) => 2,
        };
        let (at, episode, key) = (step.at.max(0), step.episode, key_of([step.key.as_str()]));
        format!("{alert}:{at:020}:{episode:010}:{rank}:{key}")
    }
}

impl StoredAlert {
    /// The row of a rule and group of which nothing was told yet.
    pub(crate) fn new(alert: Alert, description: &str, revision: &str, now: i64) -> Self {
        let row = AlertRow::new(&alert.rule, revision, &alert.group, alert.labels.clone());
        let row = AlertRow { made_at: now, ..row };
        let description = description.to_owned();
        Self { alert, description, row, steps: Vec::new(), lateness: 0, look_not_before: None }
    }

    /// The identifier, which is the row's key.
    pub(crate) fn id(&self) -> String {
        self.alert.id()
    }

    /// Whether it fires.
    pub(crate) fn is_firing(&self) -> bool {
        self.row.state == AlertState::Firing
    }

    /// When somebody is to look at the row, in microseconds UTC.
    pub(crate) fn due(&self) -> Option<i64> {
        if !self.steps.is_empty() {
            return Some(rows::AT_ONCE);
        }
        let look_again_at = self.row.look_again_at.map(|at| at.saturating_add(self.lateness));
        let look_again_at = look_again_at.map(|at| at.max(self.look_not_before.unwrap_or(at)));
        look_again_at.into_iter().chain(self.row.act_at).min()
    }

    /// Saves it over the row that it was made from; gives back the row as it is then, if nobody else was faster.
    pub(crate) async fn save<S: RowStore + ?Sized>(
        &self,
        store: &S,
        before: Option<&Row>,
    ) -> Result<Option<Row>, StoreError> {
        rows::save(store, rows::ALERT, &self.id(), before, self.due(), self).await
    }

    /// The fields of the group and their values, as texts.
    pub(crate) fn group_texts(&self) -> BTreeMap<String, String> {
        let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        self.alert.group_fields.iter().map(|(field, value)| (field.clone(), text(value))).collect()
    }

    /// Reads the row of that identifier.
    pub(crate) async fn load<S: RowStore + ?Sized>(store: &S, id: &str) -> Result<Option<(Row, Self)>, StoreError> {
        let row = store.row(rows::ALERT, id).await?;
        Ok(row.and_then(|row| rows::read(rows::ALERT, &row).map(|alert| (row, alert))))
    }
}
