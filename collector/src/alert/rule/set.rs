//! All rules together: from files, from the API, and the built-in ones. A set is right as a whole or is not made.

#[cfg(test)]
mod tests;

use std::{
    collections::{BTreeSet, HashMap},
    path::Path,
    sync::Arc,
};

use labtrail_shared::settings::{self, SettingsError};
use serde::Deserialize;
use thiserror::Error;

use super::{
    Rule,
    check::{RuleError, RuleProblem},
    section::RuleSection,
};

/// Each rule costs memory and, at each event that concerns it, time.
const RULES_MAX: usize = 5000;

/// Why a set of rules was refused: all that is wrong, one thing a line, each complete with place, rule, setting and
/// remedy.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{}", problems.join("\n"))]
pub struct RuleSetError {
    /// At least one line.
    pub problems: Vec<String>,
}

/// A file of rules.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RuleFile {
    #[serde(default)]
    rules: Vec<RuleSection>,
}

/// Rules with different names, each of which passed every check.
#[derive(Debug, Clone, Default)]
pub struct RuleSet {
    rules: Vec<Arc<Rule>>,
}

/// The names to which rules may send.
#[derive(Debug, Clone, Default)]
pub struct ReceiverNames {
    /// All receivers.
    pub known: BTreeSet<String>,
    /// Whether there is one for the rules that name none.
    pub has_default: bool,
}

impl RuleSet {
    /// Reads files: pairs of a name, for messages, and TOML. What stands in a file is what it means; `${NAME}` is not
    /// replaced, so that a rule means the same wherever it is tried.
    pub fn load(texts: &[(&str, &str)]) -> Result<Self, RuleSetError> {
        let mut loading = Loading::default();
        for (file, text) in texts {
            match settings::parse::<RuleFile>(&literal(text), Path::new(file), |_| None) {
                Ok(read) => {
                    for (number, section) in read.rules.into_iter().enumerate() {
                        loading.add(section, &origin(file, text, number));
                    }
                }
                Err(error) => loading.problems.push(unreadable(&error, text)),
            }
        }
        loading.finish()
    }

    /// This set and more rules. `origin` tells people where these come from, such as `API`.
    pub fn with(self, origin: &str, sections: impl IntoIterator<Item = RuleSection>) -> Result<Self, RuleSetError> {
        let mut loading = Loading::default();
        self.rules.into_iter().for_each(|rule| loading.keep(rule));
        sections.into_iter().for_each(|section| loading.add(section, origin));
        loading.finish()
    }

    /// The rules, in the order in which they were read, also those that are not enabled.
    pub fn rules(&self) -> &[Arc<Rule>] {
        &self.rules
    }

    /// The rule of a name.
    pub fn get(&self, name: &str) -> Option<&Arc<Rule>> {
        self.rules.iter().find(|rule| rule.name() == name)
    }

    /// Whether each rule tells somebody.
    pub fn check_receivers(&self, receivers: &ReceiverNames) -> Result<(), RuleSetError> {
        let mut problems = Vec::new();
        for rule in &self.rules {
            let mut say = |message: String| {
                let problem = RuleProblem { setting: "receivers".to_owned(), message };
                problems.push(line(&rule.origin, rule.name(), &problem));
            };
            if rule.section.receivers.is_empty() && !receivers.has_default {
                say("nobody is told, since there is no default receiver: name at least one receiver".to_owned());
            }
            let escalated = rule.section.escalate.iter().flat_map(|escalation| &escalation.receivers);
            let named = rule.section.receivers.iter().chain(escalated);
            for name in named.filter(|name| !receivers.known.contains(*name)) {
                say(unknown_receiver(name, &receivers.known));
            }
        }
        if problems.is_empty() { Ok(()) } else { Err(RuleSetError { problems }) }
    }
}

/// A set in the making.
#[derive(Debug, Default)]
struct Loading {
    rules: Vec<Arc<Rule>>,
    origins: HashMap<String, String>,
    problems: Vec<String>,
}

impl Loading {
    fn add(&mut self, section: RuleSection, origin: &str) {
        match Rule::new(section, origin) {
            Ok(rule) => self.keep(Arc::new(rule)),
            Err(RuleError { rule, problems }) => {
                self.problems.extend(problems.iter().map(|problem| line(origin, &rule, problem)));
                // Its name is taken all the same: who mends the one will meet the other.
                self.claim(&rule, origin);
            }
        }
    }

    fn keep(&mut self, rule: Arc<Rule>) {
        self.claim(rule.name(), &rule.origin);
        self.rules.push(rule);
    }

    fn claim(&mut self, name: &str, origin: &str) {
        if let Some(first) = self.origins.insert(name.to_owned(), origin.to_owned()) {
            let message = format!("{first} has a rule of this name: give one of them another");
            self.problems.push(line(origin, name, &RuleProblem { setting: "name".to_owned(), message }));
        }
    }

    fn finish(mut self) -> Result<RuleSet, RuleSetError> {
        let count = self.rules.len();
        if count > RULES_MAX {
            self.problems.push(format!("{count} rules are too many: at most {RULES_MAX} can be at work"));
        }
        if self.problems.is_empty() {
            Ok(RuleSet { rules: self.rules })
        } else {
            Err(RuleSetError { problems: self.problems })
        }
    }
}

fn line(origin: &str, rule: &str, problem: &RuleProblem) -> String {
    format!("{origin}: rule `{rule}`: {problem}")
}

/// The error, with the name of the rule in which it was met.
fn unreadable(error: &SettingsError, text: &str) -> String {
    let SettingsError::Value { file, line, key, message } = error else { return error.to_string() };
    let before: Vec<&str> = text.lines().take(*line).collect();
    let Some(head) = before.iter().rposition(|line| is_head(line)) else { return error.to_string() };
    let of_rule = text.lines().skip(head + 1).take_while(|line| !line.trim_start().starts_with('['));
    let name = of_rule.filter_map(|line| line.split_once('=')).find(|(key, _)| key.trim() == "name");
    let Some(name) = name.and_then(|(_, value)| value.split(['"', '\'']).nth(1)) else { return error.to_string() };
    let setting = match key.strip_prefix("rules.") {
        Some(setting) => format!("{setting}: "),
        None => String::new(),
    };
    format!("{}:{line}: rule `{name}`: {setting}{message}", file.display())
}

/// The file, and the line on which the rule begins if rules are written as `[[rules]]`.
fn origin(file: &str, text: &str, number: usize) -> String {
    let line = text.lines().enumerate().filter(|(_, line)| is_head(line)).nth(number);
    line.map_or_else(|| file.to_owned(), |(index, _)| format!("{file}:{}", index + 1))
}

/// Whether a rule begins on this line.
fn is_head(line: &str) -> bool {
    let inner = line.trim().strip_prefix("[[").and_then(|rest| rest.split_once("]]"));
    inner.is_some_and(|(name, _)| name.trim() == "rules")
}

/// Spelt so that reading settings, which replaces `${NAME}` outside of comments, gives back what was written.
fn literal(text: &str) -> String {
    let lines = text
        .split_inclusive('\n')
        .map(|line| if line.trim_start().starts_with('#') { line.to_owned() } else { line.replace("${", "$${") });
    lines.collect()
}

fn unknown_receiver(name: &str, known: &BTreeSet<String>) -> String {
    let likeness = |other: &&String| strsim::jaro_winkler(name, other);
    let nearest = known.iter().max_by(|a, b| likeness(a).total_cmp(&likeness(b)));
    let hint = match nearest.filter(|nearest| likeness(nearest) > 0.75) {
        Some(nearest) => format!(": did you mean `{nearest}`?"),
        None => ": name one that is configured".to_owned(),
    };
    format!("there is no receiver `{name}`{hint}")
}
