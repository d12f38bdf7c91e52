//! Inhibition: while one alert fires, others that follow from it are not told.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{field::AlertField, selector::AlertSelector};
use crate::alert::step::Alert;

/// `[[inhibit]]`: a firing alert mutes others. What still fires when it no longer does is told then.
///
/// No alert mutes itself, and of two that would mute each other both are told. A longer circle, in which each alert
/// mutes the next, mutes them all: do not write one.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Inhibition {
    /// The alerts that mute others while they fire, muted themselves or not: a selector. Required.
    pub source: AlertSelector,
    /// The alerts that are muted: a selector. Required.
    pub target: AlertSelector,
    /// The fields that both must have, with the same value, such as `group.source.node_id`. Default: none, and every
    /// source mutes every target.
    #[serde(default)]
    pub equal: Vec<AlertField>,
}

impl Inhibition {
    /// The values that both must have, as one text; none if one of them is missing, because what is not known to be
    /// the same must be heard.
    fn values(&self, document: &Value) -> Option<String> {
        let values = self.equal.iter().map(|field| field.value(document).map(Value::to_string));
        values.collect::<Option<Vec<_>>>().map(|values| values.join(","))
    }
}

/// The alerts that fire now, as far as they may mute others.
#[derive(Debug, Default)]
pub struct Inhibitors<'r> {
    rules: Vec<(&'r Inhibition, HashMap<String, Vec<usize>>)>,
    sources: Vec<Source>,
}

/// A firing alert.
#[derive(Debug, Clone, PartialEq)]
pub struct Source {
    id: String,
    document: Value,
    /// The rule that raised it.
    pub rule: String,
    /// Its group.
    pub group: String,
}

impl<'r> Inhibitors<'r> {
    /// Sorts all alerts that fire now.
    pub fn new<'a>(rules: &'r [Inhibition], firing: impl IntoIterator<Item = &'a Alert>) -> Self {
        let mut rules: Vec<_> = rules.iter().map(|rule| (rule, HashMap::<_, Vec<usize>>::new())).collect();
        let mut sources = Vec::new();
        if rules.is_empty() {
            return Self::default();
        }
        for alert in firing {
            let document = alert.document();
            let mut is_source = false;
            for (rule, by_values) in &mut rules {
                if rule.source.matches(&document)
                    && let Some(values) = rule.values(&document)
                {
                    by_values.entry(values).or_default().push(sources.len());
                    is_source = true;
                }
            }
            if is_source {
                sources.push(Source { id: alert.id(), document, rule: alert.rule.clone(), group: alert.group.clone() });
            }
        }
        Self { rules, sources }
    }

    /// Whether nothing can be muted.
    pub(super) fn is_empty(&self) -> bool {
        self.sources.is_empty()
    }

    /// A firing alert that mutes the alert with this identifier and document.
    pub fn source_of(&self, id: &str, document: &Value) -> Option<&Source> {
        self.rules.iter().find_map(|(rule, by_values)| {
            if by_values.is_empty() || !rule.target.matches(document) {
                return None;
            }
            let sources = by_values.get(&rule.values(document)?)?.iter().map(|index| &self.sources[*index]);
            sources.into_iter().find(|source| source.id != id && !self.would_mute(document, &source.document))
        })
    }

    /// Whether the alert with one document mutes that with the other.
    fn would_mute(&self, source: &Value, target: &Value) -> bool {
        self.rules.iter().any(|(rule, _)| {
            rule.source.matches(source)
                && rule.target.matches(target)
                && rule.values(source).is_some_and(|values| rule.values(target) == Some(values))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::{Inhibition, Inhibitors};
    use crate::alert::routing::samples::alert;

    #[derive(serde::Deserialize)]
    struct Config {
        inhibit: Vec<Inhibition>,
    }

    /// Each of the alerts, given as rule and group, is muted by the one whose rule is expected.
    fn check(toml: &str, firing: &[(&str, &str)], expected: &[Option<&str>]) {
        let config: Config = toml::from_str(toml).expect("rules of inhibition");
        let alerts: Vec<_> = firing.iter().map(|(rule, group)| alert(rule, group)).collect();
        let inhibitors = Inhibitors::new(&config.inhibit, &alerts);
        let found: Vec<_> = alerts
            .iter()
            .map(|alert| inhibitors.source_of(&alert.id(), &alert.document()).map(|source| source.rule.as_str()))
            .collect();
        assert_eq!(found, expected, "{toml}");
    }

    #[test]
    fn a_firing_source_mutes_equal_targets_and_nobody_mutes_itself() {
        let by_node = r#"
            [[inhibit]]
            source = { rule = "node" }
            target = { rule = { "$ne" = "node" } }
            equal = ["group.source.node_id"]
        "#;
        let firing = [("node", "N1"), ("pump", "N1"), ("pump", "N2"), ("door", ""), ("node", "N3")];
        check(by_node, &firing, &[None, Some("node"), None, None, None]);
        // What has no node is not known to be of the same one.
        check(by_node, &[("node", ""), ("pump", "")], &[None, None]);

        let all = r"
            [[inhibit]]
            source = {}
            target = {}
        ";
        check(all, &[("a", "1")], &[None]);
        check(all, &[("a", "1"), ("a", "2")], &[None, None]);

        let chain = r#"
            [[inhibit]]
            source = { rule = "a" }
            target = { rule = "b" }
            [[inhibit]]
            source = { rule = "b" }
            target = { rule = "c" }
        "#;
        check(chain, &[("a", "1"), ("b", "1"), ("c", "1")], &[None, Some("a"), Some("b")]);
        check(chain, &[("b", "1"), ("c", "1")], &[None, Some("b")]);

        let mutual = r#"
            [[inhibit]]
            source = { rule = "a" }
            target = { rule = "b" }
            [[inhibit]]
            source = { rule = "b" }
            target = { rule = "a" }
        "#;
        check(mutual, &[("a", "1"), ("b", "1")], &[None, None]);
    }
}
