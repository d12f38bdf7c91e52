//! The rules: what people want to be told of, read from files and from the API by one schema, and which events they
//! concern.
//!
//! Pure: settings go in, compiled rules come out, or all that is wrong with them. A [`RuleSet`] is a set of rules that
//! passed every check, and a [`RuleIndex`] says of an event which of them it concerns, [`Rule::group_of`] in which of
//! the rule's groups. Whether a rule fires is decided elsewhere, from the events that a store holds.

mod check;
mod field_path;
mod group;
mod index;
mod known_groups;
mod madsci;
mod name;
mod revision;
mod section;
mod set;
mod severity;
mod trigger;
mod walk;

pub use check::{RuleError, RuleProblem};
pub use field_path::{FieldPath, FieldPathError};
pub use group::GroupKey;
pub use index::RuleIndex;
pub use known_groups::KnownGroups;
use labtrail_shared::filter::Filter;
pub use labtrail_shared::selector::{Selector, SelectorError};
pub use madsci::{ALERT_RULE, LEVEL_RULE, MadsciRules};
pub use name::{NameError, RuleName};
pub use section::{Escalation, Repeat, RuleSection};
use serde_json::Value;
pub use set::{ReceiverNames, RuleSet, RuleSetError};
pub use severity::{Severity, SeverityChoice};
pub use trigger::{AtLeast, Change, FewerThan, NewValue, Silence, Spike, Statistic, Trigger, ValueBounds};

use crate::notify::Templates;

/// A rule that passed every check.
#[derive(Debug, Clone)]
pub struct Rule {
    section: RuleSection,
    templates: Option<Templates>,
    origin: String,
    revision: u64,
}

impl Rule {
    /// Checks what was read. `origin` tells people where the rule comes from, such as `rules/errors.toml:12` or `API`.
    pub fn new(section: RuleSection, origin: &str) -> Result<Self, RuleError> {
        check::section(&section)?;
        let templates = check::templates(&section)?;
        let revision = revision::of(&section);
        Ok(Self { section, templates, origin: origin.to_owned(), revision })
    }

    /// Its name, by which alerts, silences and people know it.
    pub fn name(&self) -> &str {
        self.section.name.as_str()
    }

    /// What was set, and the defaults of what was not.
    pub fn section(&self) -> &RuleSection {
        &self.section
    }

    /// Its own words for notifications, if it has any.
    pub fn templates(&self) -> Option<&Templates> {
        self.templates.as_ref()
    }

    /// Where it comes from, in words for people.
    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// A hash of what decides when the rule fires: `when`, `trigger`, `group_by` and `for`. It is the same in
    /// every process and version, and no other setting changes it; so alerts live on when a text or a receiver changes.
    pub fn revision(&self) -> u64 {
        self.revision
    }

    /// What an event must be like to concern the rule.
    pub fn filter(&self) -> &Filter {
        self.section.when.filter()
    }

    /// The group of this rule to which an event belongs.
    pub fn group_of(&self, event: &Value) -> GroupKey {
        GroupKey::of(&self.section.group_by, event)
    }

    /// The group that a text stands for which [`GroupKey::text`] gave; none if no group of this rule has it.
    pub fn group_from_text(&self, text: &str) -> Option<GroupKey> {
        GroupKey::from_text(&self.section.group_by, text)
    }

    /// How severe an alert about this event is.
    pub fn severity_of(&self, event: &Value) -> Severity {
        self.section.severity.of(event)
    }
}
