//! Marks: where events came that concern a rule and group. They say where to look, the store says what is there.
//!
//! A mark is written after the store has its events and before their sender is told so; whoever dies in between is sent the
//! events again. To write one again changes nothing, so no order and no lock is needed among collectors.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

use serde::{Deserialize, Serialize};
use tokio::sync::{Notify, watch};

use super::{metrics::AlertMetrics, rows, rulebook::Rulebook};
use crate::{
    alert::{
        key::key_of,
        trigger::{self},
    },
    compute::compute,
    store::{EventStore, NewEvent, RowChange, RowExpect, StoreError},
};

/// Times are marked by stretches of this length, in microseconds: so many collectors may mark one without reading it.
const STRETCH: i64 = 10_000_000;

/// Fewer events than that are looked at where they are.
const INLINE_EVENTS_MAX: usize = 16;

/// What a mark says.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) struct MarkContent {
    /// The rule.
    pub(crate) rule: String,
    /// The text of the group.
    pub(crate) group: String,
    /// The first microsecond that is marked.
    pub(crate) from: i64,
    /// The last one.
    pub(crate) to: i64,
    /// It was judged.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) done: bool,
}

impl MarkContent {
    /// The mark of an event.
    pub(crate) fn at(rule: &str, group: &str, time: i64) -> Self {
        let from = time.div_euclid(STRETCH).saturating_mul(STRETCH);
        Self { rule: rule.to_owned(), group: group.to_owned(), from, to: from.saturating_add(STRETCH - 1), done: false }
    }

    /// The time that is marked.
    pub(crate) fn mark(&self) -> trigger::Mark {
        trigger::Mark { from: self.from, to: self.to }
    }

    /// The change that writes it; it is judged from then on.
    pub(crate) fn change(&self, due: i64) -> RowChange {
        let key = format!("{}:{}", key_of([self.rule.as_str(), self.group.as_str()]), self.from);
        rows::put(rows::MARK, key, RowExpect::Anything, Some(due), self)
    }
}

/// Marks what comes, as far as it concerns a rule.
#[derive(Debug, Clone)]
pub(crate) struct Marker {
    pub(super) rulebook: watch::Receiver<Arc<Rulebook>>,
    pub(super) store: Arc<dyn EventStore>,
    /// Wakes whoever judges, if it is this collector.
    pub(super) wake: Arc<Notify>,
    pub(super) metrics: AlertMetrics,
}

/// What is to be marked once the events are stored.
#[derive(Debug, Default)]
pub(crate) struct Marks(Vec<MarkContent>);

impl Marker {
    /// The rules that events may concern.
    pub(crate) fn rulebook(&self) -> Arc<Rulebook> {
        Arc::clone(&self.rulebook.borrow())
    }

    /// Finds what is to be marked.
    pub(crate) async fn find(&self, events: Vec<NewEvent>) -> (Vec<NewEvent>, Marks) {
        let rulebook = self.rulebook();
        if events.len() <= INLINE_EVENTS_MAX {
            let marks = find(&rulebook, &events);
            return (events, marks);
        }
        compute(move || {
            let marks = find(&rulebook, &events);
            (events, marks)
        })
        .await
    }

    /// Writes the marks.
    pub(crate) async fn write(&self, Marks(marks): Marks) -> Result<(), StoreError> {
        if marks.is_empty() {
            return Ok(());
        }
        self.metrics.marks.inc_by(marks.len() as u64);
        self.store.change_rows(marks.iter().map(|mark| mark.change(rows::AT_ONCE)).collect()).await?;
        self.wake.notify_one();
        Ok(())
    }
}

fn find(rulebook: &Rulebook, events: &[NewEvent]) -> Marks {
    // By rule and stretch first: of a burst only the groups are many.
    let mut marks: HashMap<(&str, i64), BTreeMap<String, MarkContent>> = HashMap::new();
    for new in events {
        if !rulebook.index.may_concern(new.event.log_level, new.event.alert) {
            continue;
        }
        let event = new.event.to_json();
        for rule in rulebook.index.matching(&event) {
            let group = rule.group_of(&event);
            let groups = marks.entry((rule.name(), new.time.div_euclid(STRETCH))).or_default();
            if !groups.contains_key(group.text()) {
                groups.insert(group.text().to_owned(), MarkContent::at(rule.name(), group.text(), new.time));
            }
        }
    }
    Marks(marks.into_values().flat_map(BTreeMap::into_values).collect())
}
