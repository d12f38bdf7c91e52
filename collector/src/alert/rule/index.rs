//! Which rules an event concerns.
//!
//! Most rules ask for a certain value somewhere: a type, a node, a level. Rules are kept by such values, so that for an
//! event only those are asked whose value it has, and those that have none. The answer is that of each rule's filter.

mod candidates;
mod gate;
mod needs;
mod table;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use candidates::Candidates;
use gate::Gate;
use labtrail_shared::level::LogLevel;
use serde_json::Value;

use super::{Rule, RuleSet};

/// The enabled rules of a set, ready to be asked about each event.
#[derive(Debug, Clone)]
pub struct RuleIndex {
    rules: Vec<Arc<Rule>>,
    candidates: Candidates,
    gate: Gate,
}

impl RuleIndex {
    /// Takes the rules that are enabled.
    pub fn new(set: &RuleSet) -> Self {
        Self::of_rules(set.rules().iter().filter(|rule| rule.section.enabled).cloned().collect())
    }

    fn of_rules(rules: Vec<Arc<Rule>>) -> Self {
        let filters: Vec<_> = rules.iter().map(|rule| rule.filter()).collect();
        Self { candidates: Candidates::new(&filters), gate: Gate::new(&filters), rules }
    }

    /// Whether any rule could concern an event of which only this is known. Most events are of a level that no rule asks
    /// for, and need not be made JSON of.
    pub fn may_concern(&self, level: LogLevel, alert: bool) -> bool {
        self.gate.lets_in(level, alert)
    }

    /// The rules that an event concerns, in the order of the set. The event is the JSON of which filters speak: its
    /// eleven fields, as `Event::to_json` gives them.
    pub fn matching(&self, event: &Value) -> Vec<&Arc<Rule>> {
        let mut matching = Vec::new();
        self.candidates.each(event, |number| {
            let rule = &self.rules[number];
            if rule.filter().matches(event) {
                matching.push(rule);
            }
        });
        matching
    }

    /// How many rules are at work.
    pub fn len(&self) -> usize {
        self.rules.len()
    }

    /// Whether no rule is at work.
    pub fn is_empty(&self) -> bool {
        self.rules.is_empty()
    }
}
