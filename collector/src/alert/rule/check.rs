//! What is wrong with a rule although each of its settings could be read: all of it at once, with what to do.

mod event_fields;
mod times;
mod triggers;
mod when;

use std::{collections::HashSet, fmt, time::Duration};

use labtrail_shared::settings::Period;
use thiserror::Error;

use super::{field_path::FieldPath, section::RuleSection, trigger::Trigger};
use crate::notify::{TemplateSection, Templates};

/// The texts of all groups stand in rows and mails.
const GROUP_FIELDS_MAX: usize = 8;

const GROUPS_MAX: u32 = 100_000;

/// Times are kept in microseconds, and clocks of machines agree within milliseconds at best.
const PERIOD_MIN: Duration = Duration::from_millis(1);

/// All events of a window are read at each evaluation.
const WINDOW_MAX: Duration = Duration::from_hours(30 * 24);

const LABELS_MAX: usize = 32;

const LABEL_BYTES_MAX: usize = 1024;

/// What the collector tells of itself.
const OWN_NAMES: &str = "labtrail-";

const TEMPLATE_BYTES_MAX: usize = 64 << 10;

/// One thing that is wrong with a rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RuleProblem {
    /// The setting, such as `trigger.at_least.count`.
    pub setting: String,
    /// What is wrong, and what to do.
    pub message: String,
}

impl fmt::Display for RuleProblem {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}: {}", self.setting, self.message)
    }
}

/// A rule that cannot be used, and all that is wrong with it.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("rule `{rule}`: {}", problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))]
pub struct RuleError {
    /// Its name.
    pub rule: String,
    /// What is wrong with it; at least one thing.
    pub problems: Vec<RuleProblem>,
}

/// What was found so far.
#[derive(Debug, Default)]
struct Problems(Vec<RuleProblem>);

impl Problems {
    fn say(&mut self, setting: &str, message: impl Into<String>) {
        self.0.push(RuleProblem { setting: setting.to_owned(), message: message.into() });
    }

    fn say_if(&mut self, is_wrong: bool, setting: &str, message: impl Into<String>) {
        if is_wrong {
            self.say(setting, message);
        }
    }

    /// A length of time must lie between a millisecond and the given one.
    fn length(&mut self, setting: &str, period: Period, max: Duration) {
        self.say_if(period.0 < PERIOD_MIN, setting, format!("{period} is too short: write at least 1ms"));
        self.say_if(
            period.0 > max,
            setting,
            format!("{} is too long: write at most {}", in_words(period.0), in_words(max)),
        );
    }

    fn field(&mut self, setting: &str, field: &FieldPath) {
        if let Some(message) = event_fields::why_none_has(field.as_str()) {
            self.say(setting, message);
        }
    }
}

pub(super) fn section(section: &RuleSection) -> Result<(), RuleError> {
    let mut problems = Problems::default();
    problems.say_if(
        section.name.as_str().starts_with(OWN_NAMES),
        "name",
        format!("names that begin with `{OWN_NAMES}` are the collector's own alerts: choose another"),
    );
    when::check(section.when.filter().condition(), &mut problems);
    triggers::check(&section.trigger, &mut problems);
    groups(section, &mut problems);
    times::check(section, &mut problems);
    texts(section, &mut problems);
    if section.notify_each_event {
        alone(section, &mut problems);
    }
    if problems.0.is_empty() {
        return Ok(());
    }
    Err(RuleError { rule: section.name.to_string(), problems: problems.0 })
}

/// The rule's own words, tried on examples; nothing where it has none.
pub(super) fn templates(section: &RuleSection) -> Result<Option<Templates>, RuleError> {
    let RuleSection { subject, body, .. } = section;
    if subject.is_none() && body.is_none() {
        return Ok(None);
    }
    let templates = TemplateSection { subject: subject.clone(), text: body.clone(), html: None };
    Templates::compile(templates).map(Some).map_err(|error| {
        let setting = if error.part == "text" { "body" } else { error.part };
        let message = format!("line {} of the template: {}; {}", error.line, error.problem, error.remedy);
        let problem = RuleProblem { setting: setting.to_owned(), message };
        RuleError { rule: section.name.to_string(), problems: vec![problem] }
    })
}

fn groups(section: &RuleSection, problems: &mut Problems) {
    let count = section.group_by.len();
    problems.say_if(
        count > GROUP_FIELDS_MAX,
        "group_by",
        format!("{count} fields are too many: write at most {GROUP_FIELDS_MAX}"),
    );
    let mut seen = HashSet::new();
    for field in &section.group_by {
        problems.field("group_by", field);
        problems.say_if(
            !seen.insert(field.as_str()),
            "group_by",
            format!("`{field}` stands there twice: leave one away"),
        );
    }
    problems.say_if(
        !(1..=GROUPS_MAX).contains(&section.groups_max),
        "groups_max",
        format!("{} is not from 1 to {GROUPS_MAX}", section.groups_max),
    );
}

fn texts(section: &RuleSection, problems: &mut Problems) {
    let count = section.labels.len();
    problems.say_if(count > LABELS_MAX, "labels", format!("{count} are too many: write at most {LABELS_MAX}"));
    for (name, value) in &section.labels {
        problems.say_if(
            !is_label_name(name),
            "labels",
            format!("{name:?} is no name for a label: write letters, digits and _, beginning with a letter or _"),
        );
        problems.say_if(
            value.len() > LABEL_BYTES_MAX,
            "labels",
            format!("the value of `{name}` is longer than {LABEL_BYTES_MAX} bytes: shorten it"),
        );
    }
    for (setting, template) in [("subject", &section.subject), ("body", &section.body)] {
        let Some(template) = template else { continue };
        problems.say_if(
            template.trim().is_empty(),
            setting,
            "the template is empty: leave the setting away for the one that all rules share",
        );
        problems.say_if(
            template.len() > TEMPLATE_BYTES_MAX,
            setting,
            format!("the template is longer than {TEMPLATE_BYTES_MAX} bytes: shorten it"),
        );
    }
    let mut seen = HashSet::new();
    for receiver in &section.receivers {
        problems.say_if(receiver.trim().is_empty(), "receivers", "a name is empty: write the name of a receiver");
        problems.say_if(
            !seen.insert(receiver),
            "receivers",
            format!("`{receiver}` stands there twice: leave one away"),
        );
    }
}

/// With `notify_each_event` there are no alerts that could be held, grouped or repeated.
fn alone(section: &RuleSection, problems: &mut Problems) {
    let mut refuse = |is_set: bool, setting: &str| {
        problems.say_if(is_set, setting, "does not go with `notify_each_event`: leave one of them away");
    };
    refuse(!section.group_by.is_empty(), "group_by");
    refuse(section.hold_for.is_some(), "for");
    refuse(section.repeat.is_some(), "repeat");
    refuse(section.cool_down.is_some(), "cool_down");
    refuse(!section.escalate.is_empty(), "escalate");
    problems.say_if(
        section.trigger != Trigger::Each,
        "trigger",
        format!("`{}` does not go with `notify_each_event`: write \"each\"", section.trigger.name()),
    );
}

fn is_label_name(name: &str) -> bool {
    let is_start = |letter: char| letter.is_ascii_alphabetic() || letter == '_';
    name.starts_with(is_start)
        && name.len() <= 64
        && name.chars().all(|letter| is_start(letter) || letter.is_ascii_digit())
}

/// As people write it: whole days as days.
fn in_words(duration: Duration) -> String {
    const DAY: Duration = Duration::from_hours(24);
    let is_days = duration >= DAY && duration.as_nanos().is_multiple_of(DAY.as_nanos());
    if is_days { format!("{}d", duration.as_secs() / DAY.as_secs()) } else { Period(duration).to_string() }
}
