//! Looks through what is stored for what concerns rules that are new, and marks it.
//!
//! All rules that are new are looked for together, the newest events first and a little in each round: alerts of other rules
//! do not wait for it. A rule that is new is judged once all that concerns it is marked. Other collectors mark for it only
//! once they know it, so that what came meanwhile is looked for once more.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::{Duration, Instant},
};

use labtrail_shared::filter::Filter;
use serde::{Deserialize, Serialize};
use tracing::{info, warn};

use super::{
    Leader,
    samples::{PAGE, pages_within},
};
use crate::{
    alert::{
        judging::{life_settings, micros},
        rule::Rule,
    },
    alerting::{marks::MarkContent, rows, rulebook::Rulebook},
    store::{EventStore, Order, Pages, Row, RowChange, RowExpect, StoreError, StoredEvent},
};

/// After so long every collector knows a new rule, in microseconds.
const KNOWN_AFTER: i64 = 15_000_000;

/// Of more events of a rule only the newest are marked.
const EVENTS_MAX: u64 = 200_000;

/// So many rules are asked for by their filters. For more, all events are read and each is matched here.
const ASKED_FOR_MAX: usize = 8;

/// A round looks through so much before it goes on: others wait for it.
const PART: Duration = Duration::from_millis(50);

/// How long the store may look for a page, unless it does not get on.
const PAGE_TIME_MAX: Duration = Duration::from_millis(200);

/// What is known of having looked through the store for a rule.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct RuleState {
    pub(super) revision: String,
    /// When it was first begun.
    filled_at: i64,
}

/// What is being looked for.
#[derive(Debug)]
pub(super) struct Fill {
    /// The rules of which not all is marked yet, by name.
    sought: BTreeMap<String, Sought>,
    /// All from this instant on was looked through.
    looked_to: Option<i64>,
    /// The part that is being looked through, and where it begins.
    pages: Option<(Pages, i64)>,
    /// Whether what the rules concern was never marked before.
    is_first: bool,
    /// What is noted once all was looked through.
    notes: Vec<RowChange>,
}

#[derive(Debug)]
struct Sought {
    rule: Arc<Rule>,
    /// Since when it is looked for.
    from: i64,
    events: u64,
}

impl Fill {
    fn new(sought: impl Iterator<Item = (Arc<Rule>, i64)>, is_first: bool, notes: Vec<RowChange>) -> Self {
        let sought = sought.map(|(rule, from)| (rule.name().to_owned(), Sought { rule, from, events: 0 }));
        Self { sought: sought.collect(), looked_to: None, pages: None, is_first, notes }
    }

    /// What is to be looked for because these rules are new: each as far back as it looks. `before`: what was known of them.
    pub(super) fn first(rules: Vec<Arc<Rule>>, before: &BTreeMap<String, Row>, now: i64) -> Self {
        let note = |rule: &Arc<Rule>| {
            let state = RuleState { revision: life_settings(rule).revision, filled_at: now };
            let expect = before.get(rule.name()).map_or(RowExpect::Nothing, |row| RowExpect::Version(row.version));
            rows::put(rows::RULE_STATE, rule.name(), expect, Some(now.saturating_add(KNOWN_AFTER)), &state)
        };
        let notes = rules.iter().map(note).collect();
        let sought = rules.into_iter().map(|rule| {
            let look_back = rule.section().trigger.look_back().map_or(0, micros);
            let from = now.saturating_sub(look_back).saturating_sub(micros(rule.section().lateness.0));
            (rule, from)
        });
        Self::new(sought, true, notes)
    }

    /// What is to be looked for once more.
    fn again(due: &[Row], rulebook: &Rulebook) -> Self {
        let (mut sought, mut notes) = (Vec::new(), Vec::new());
        for row in due {
            let Some(state) = rows::read::<RuleState>(rows::RULE_STATE, row) else {
                notes.push(rows::remove(rows::RULE_STATE, row));
                continue;
            };
            if let Some(rule) = rulebook.rules.get(&row.key).filter(|rule| rule.section().enabled) {
                let lateness = micros(rule.section().lateness.0);
                sought.push((Arc::clone(rule), state.filled_at.saturating_sub(lateness)));
            }
            let expect = RowExpect::Version(row.version);
            notes.push(rows::put(rows::RULE_STATE, row.key.as_str(), expect, None, &state));
        }
        Self::new(sought.into_iter(), false, notes)
    }

    /// Whether a rule cannot be judged yet.
    pub(super) fn holds_back(&self, rule: &str) -> bool {
        self.is_first && self.sought.contains_key(rule)
    }

    /// Looks through one more page; says whether there is more.
    async fn go_on(&mut self, store: &dyn EventStore, rulebook: &Rulebook) -> Result<bool, StoreError> {
        if self.pages.is_none() {
            self.pages = self.next_part();
        }
        let Some((pages, from)) = &mut self.pages else { return Ok(false) };
        let from = *from;
        if let Some(page) = pages.next(store, PAGE).await? {
            let marks = self.marks_of(&page, rulebook);
            store.change_rows(marks.iter().map(MarkContent::change).collect()).await?;
            self.let_go(|sought| sought.events >= EVENTS_MAX);
        } else {
            self.pages = None;
            self.looked_to = Some(from);
            self.let_go(|sought| sought.from >= from);
        }
        Ok(!self.sought.is_empty())
    }

    /// The time down to the instant at which the next rule needs no more.
    fn next_part(&self) -> Option<(Pages, i64)> {
        let from = self.sought.values().map(|sought| sought.from).max()?;
        let to = self.looked_to.map(|to| to.saturating_sub(1));
        let filter = if self.sought.len() > ASKED_FOR_MAX {
            Filter::all()
        } else {
            Filter::any(self.sought.values().map(|sought| sought.rule.filter().clone()))
        };
        Some((pages_within(PAGE_TIME_MAX, filter, Order::Descending, Some(from), to), from))
    }

    fn marks_of(&mut self, page: &[StoredEvent], rulebook: &Rulebook) -> BTreeSet<MarkContent> {
        let mut marks = BTreeSet::new();
        for stored in page {
            for rule in rulebook.index.matching(&stored.event) {
                if let Some(sought) = self.sought.get_mut(rule.name()) {
                    sought.events += 1;
                    marks.insert(MarkContent::at(rule.name(), rule.group_of(&stored.event).text(), stored.time));
                }
            }
        }
        marks
    }

    /// Of these all is marked.
    fn let_go(&mut self, is_done: impl Fn(&Sought) -> bool) {
        self.sought.retain(|rule, sought| {
            let is_done = is_done(sought);
            let Sought { events, .. } = *sought;
            if is_done && events >= EVENTS_MAX {
                warn!(rule, events, "so much concerns a rule that is new that only the newest of it is judged");
            } else if is_done && events > 0 {
                info!(rule, events, "looked through what is stored for a rule that is new");
            }
            !is_done
        });
    }
}

impl Leader {
    /// Goes on looking for what concerns new rules; says whether there is more to look through.
    pub(super) async fn fill_on(&mut self, rulebook: &Rulebook) -> Result<bool, StoreError> {
        if self.fill.is_none() {
            let due = self.store.rows_due(rows::RULE_STATE, self.clock.now(), PAGE).await?;
            self.fill = Some(Fill::again(&due, rulebook)).filter(|fill| !fill.notes.is_empty());
        }
        let Some(fill) = &mut self.fill else { return Ok(false) };
        let began_at = Instant::now();
        while fill.go_on(&*self.store, rulebook).await? {
            if began_at.elapsed() >= PART {
                return Ok(true);
            }
        }
        self.store.change_rows(std::mem::take(&mut fill.notes)).await?;
        self.fill = None;
        Ok(false)
    }
}
