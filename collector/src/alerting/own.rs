//! Alerts of the collector's own making: that a file of rules is wrong, that alerts are late, that a receiver does not take what
//! it is told. They live as those of rules do, so that each is told once, is seen on the page, and ends.

use std::collections::BTreeMap;

use serde_json::json;

use super::{
    rulebook::Rulebook,
    stored_alert::{PendingStep, StoredAlert},
    telling,
};
use crate::{
    alert::{
        key::key_of,
        life::{LifeSettings, Step, StepKind, advance},
        rule::Severity,
        step::{Alert, AlertStep, Evidence, StepKind as ToldKind},
        trigger::{END_OF_TIME, Episode, Grounds, Span, Verdict},
    },
    store::{EventStore, StoreError},
};

/// A file of rules or receivers is wrong.
pub(crate) const RULES_WRONG: &str = "labtrail-rules-wrong";
/// What was sent is not stored yet, so that alerts are late.
pub(crate) const EVALUATION_DELAYED: &str = "labtrail-evaluation-delayed";
/// A receiver takes what it is told only in part.
pub(crate) const RECEIVER_PROBLEM: &str = "labtrail-receiver-problem";

/// All of them.
pub(crate) const NAMES: [&str; 3] = [RULES_WRONG, EVALUATION_DELAYED, RECEIVER_PROBLEM];

/// So often somebody else may be faster; then it was told.
const TRIES: usize = 3;

/// What is to be told of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Condition<'c> {
    /// One of the names.
    pub(crate) name: &'static str,
    /// What tells it from others of the name: a machine, a receiver.
    pub(crate) about: (&'static str, &'c str),
    /// What is wrong, if it is.
    pub(crate) problem: Option<&'c str>,
}

/// Raises the alert if something is wrong and it does not fire yet; ends it if all is well and it fires.
pub(crate) async fn report(
    store: &dyn EventStore,
    rulebook: &Rulebook,
    condition: &Condition<'_>,
    now: i64,
) -> Result<(), StoreError> {
    for _ in 0..TRIES {
        let (field, about) = condition.about;
        let id = key_of([condition.name, about]);
        let loaded = StoredAlert::load(store, &id).await?;
        let is_firing = loaded.as_ref().is_some_and(|(_, stored)| stored.is_firing());
        let is_told = loaded.as_ref().is_some_and(|(_, stored)| Some(stored.description.as_str()) == condition.problem);
        let (row, stored) = loaded.unzip();
        if is_firing && condition.problem.is_some() {
            if is_told {
                return Ok(());
            }
            // It is another problem now; people were told to look, and the page says what it is.
            let mut stored = stored.expect("it fires");
            condition.problem.unwrap_or_default().clone_into(&mut stored.description);
            if stored.save(store, row.as_ref()).await?.is_some() {
                return Ok(());
            }
            continue;
        }
        if !is_firing && condition.problem.is_none() {
            return Ok(());
        }
        let mut stored = stored.unwrap_or_else(|| new_alert(condition.name, field, about, now));
        if let Some(problem) = condition.problem {
            problem.clone_into(&mut stored.description);
        }
        let (after, steps) =
            advance(std::mem::take(&mut stored.row), &LifeSettings::default(), &verdict(is_firing, &stored, now), now);
        stored.row = after;
        for step in steps {
            let told = told(rulebook, &stored, &step);
            stored.steps.push(PendingStep { taken: step, told });
        }
        if stored.save(store, row.as_ref()).await?.is_some() {
            return Ok(());
        }
    }
    Ok(())
}

/// It holds from now on, or did until now.
fn verdict(is_firing: bool, stored: &StoredAlert, now: i64) -> Verdict {
    let began = stored.row.since.filter(|_| is_firing).unwrap_or(now);
    let judged = Span { from: began, to: END_OF_TIME };
    let span = Span { from: began, to: if is_firing { now.max(began + 1) } else { END_OF_TIME } };
    let episodes = vec![Episode { span, grounds: Grounds::default() }];
    Verdict { judged, episodes, known_to: now.max(began + 1), at_sight: true }
}

fn new_alert(name: &str, field: &str, about: &str, now: i64) -> StoredAlert {
    let alert = Alert {
        rule: name.to_owned(),
        group: about.to_owned(),
        group_fields: BTreeMap::from([(field.to_owned(), json!(about))]),
        severity: Severity::Warning,
        labels: BTreeMap::new(),
    };
    StoredAlert::new(alert, "", "", now)
}

fn told(rulebook: &Rulebook, stored: &StoredAlert, step: &Step) -> AlertStep {
    let receivers = match &rulebook.fallback_receiver {
        Some(fallback) => vec![fallback.clone()],
        None => rulebook.default_receivers.clone(),
    };
    AlertStep {
        key: step.key.clone(),
        alert: stored.alert.clone(),
        kind: if matches!(step.kind, StepKind::Resolved(_)) { ToldKind::Resolved } else { ToldKind::Fired },
        receivers,
        at: step.at,
        evidence: Evidence::default(),
        summary: telling::summary(stored, step, &[]),
    }
}
