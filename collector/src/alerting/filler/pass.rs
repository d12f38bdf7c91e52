//! One way through what is stored, for rules that became new at the same time.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use labtrail_shared::filter::Filter;
use tracing::{info, warn};

use crate::{
    alert::rule::Rule,
    alerting::{marks::MarkContent, rulebook::Rulebook},
    store::{Criteria, EventStore, Order, Pages, RowChange, Search, StoreError, StoredEvent},
};

/// So many events are read at a time.
const PAGE: usize = 2000;

/// How long the store may look for a page, unless it does not get on.
const PAGE_TIME_MAX: Duration = Duration::from_secs(1);

/// Of a rule no more is marked than that: the newest.
const MARKS_MAX: usize = 200_000;

/// So many marks are held until their rules were looked for as far back as they look: those of a group are best judged together.
/// A mark takes some hundred bytes of memory.
const HELD_MAX: usize = 200_000;

/// So many rules are asked for by their filters. For more, all events are read and each is matched here.
const ASKED_FOR_MAX: usize = 8;

/// What is being looked for.
#[derive(Debug, Default)]
pub(super) struct Pass {
    /// The rules that were not looked for as far back as they look, by name.
    sought: BTreeMap<String, Sought>,
    /// All from this instant on was looked through.
    looked_to: Option<i64>,
    /// What is being looked through, and the instant with which it begins.
    part: Option<(Pages, i64)>,
}

/// Which events are of interest. Times are microseconds since 1970 UTC.
#[derive(Debug, Clone, Copy)]
pub(super) struct Since {
    /// Those that happened from then on ...
    pub(super) time: i64,
    /// ... and were received from then on.
    pub(super) received: i64,
}

/// A rule that is looked for.
#[derive(Debug)]
pub(super) struct Sought {
    rule: Arc<Rule>,
    since: Since,
    events: u64,
    /// What concerns it.
    marks: BTreeSet<MarkContent>,
    /// How many more were given away.
    given: usize,
    /// What is noted once all is marked.
    note: RowChange,
}

/// What was found.
#[derive(Debug)]
pub(super) struct Found {
    /// What is to be marked.
    pub(super) marks: BTreeSet<MarkContent>,
    /// What is to be noted after that, if the rule was looked for as far back as it looks.
    pub(super) note: Option<(Arc<Rule>, RowChange)>,
}

impl Pass {
    /// Looks for one more rule. Only before anything was looked through.
    pub(super) fn add(&mut self, rule: Arc<Rule>, since: Since, note: RowChange) {
        let sought = Sought { since, events: 0, marks: BTreeSet::new(), given: 0, note, rule };
        self.sought.insert(sought.rule.name().to_owned(), sought);
    }

    /// Whether nothing is looked for any more.
    pub(super) fn is_over(&self) -> bool {
        self.sought.is_empty()
    }

    /// Whether this very rule is looked for.
    pub(super) fn seeks(&self, rule: &Rule) -> bool {
        self.sought.get(rule.name()).is_some_and(|sought| is_same(&sought.rule, rule))
    }

    /// Goes on with the rules that are still there as they were.
    pub(super) fn keep(&mut self, rules: &BTreeMap<&str, &Arc<Rule>>) {
        self.sought.retain(|name, sought| {
            let rule = rules.get(name.as_str()).filter(|rule| is_same(&sought.rule, rule));
            sought.rule = rule.map_or_else(|| Arc::clone(&sought.rule), |rule| Arc::clone(rule));
            rule.is_some()
        });
    }

    /// Looks through one more page; gives back what was found, mostly of rules that were looked for as far back as they look.
    pub(super) async fn go_on(
        &mut self,
        store: &dyn EventStore,
        rulebook: &Rulebook,
    ) -> Result<Vec<Found>, StoreError> {
        if self.part.is_none() {
            self.part = self.next_part();
        }
        let Some((pages, from)) = &mut self.part else { return Ok(Vec::new()) };
        let from = *from;
        let Some(page) = pages.next(store, PAGE).await? else {
            (self.part, self.looked_to) = (None, Some(from));
            return Ok(self.take_out(|sought| sought.since.time >= from));
        };
        self.mark(&page, rulebook);
        let mut full = self.take_out(|sought| sought.given + sought.marks.len() >= MARKS_MAX);
        if let Some(last) = page.last().filter(|_| !full.is_empty()) {
            // The others may be asked for with less effort. What happened at the same moment is read once more.
            (self.part, self.looked_to) = (None, Some(last.time.saturating_add(1)));
        }
        if self.sought.values().map(|sought| sought.marks.len()).sum::<usize>() >= HELD_MAX {
            full.extend(self.sought.values_mut().map(Sought::give));
        }
        Ok(full)
    }

    /// The time down to the instant at which the next rule needs no more.
    fn next_part(&self) -> Option<(Pages, i64)> {
        let from = self.sought.values().map(|sought| sought.since.time).max()?;
        let filter = if self.sought.len() > ASKED_FOR_MAX {
            Filter::all()
        } else {
            Filter::any(self.sought.values().map(|sought| sought.rule.filter().clone()))
        };
        let criteria = Criteria { filter: Some(filter), from: Some(from), to: self.looked_to, ..Criteria::default() };
        let (order, time_max) = (Order::Descending, PAGE_TIME_MAX);
        Some((Pages::new(Search { criteria, order, after: None, offset: 0, limit: PAGE, time_max }), from))
    }

    fn mark(&mut self, page: &[StoredEvent], rulebook: &Rulebook) {
        for stored in page {
            for rule in rulebook.index.matching(&stored.event) {
                let Some(sought) = self.sought.get_mut(rule.name()).filter(|sought| sought.since.is_met_by(stored))
                else {
                    continue;
                };
                sought.events += 1;
                sought.marks.insert(MarkContent::at(rule.name(), rule.group_of(&stored.event).text(), stored.time));
            }
        }
    }

    fn take_out(&mut self, is_done: impl Fn(&Sought) -> bool) -> Vec<Found> {
        let done = self.sought.extract_if(.., |_, sought| is_done(sought));
        done.map(|(_, sought)| sought.done()).collect()
    }
}

impl Since {
    fn is_met_by(self, stored: &StoredEvent) -> bool {
        stored.time >= self.time && stored.received >= self.received
    }
}

impl Sought {
    /// What was found so far.
    fn give(&mut self) -> Found {
        self.given += self.marks.len();
        Found { marks: std::mem::take(&mut self.marks), note: None }
    }

    fn done(self) -> Found {
        let Self { rule, events, marks, given, note, .. } = self;
        let name = rule.name();
        if given + marks.len() >= MARKS_MAX {
            warn!(rule = name, events, "so much concerns a rule that is new that only the newest of it is judged");
        } else if events > 0 {
            info!(rule = name, events, "looked through what is stored for a rule that is new");
        }
        Found { marks, note: Some((rule, note)) }
    }
}

fn is_same(a: &Rule, b: &Rule) -> bool {
    a.revision() == b.revision()
}
