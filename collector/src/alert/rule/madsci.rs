//! The two rules that are always there: what MADSci's Event Manager alerts of.
//!
//! MADSci mails each event whose `alert` is true or whose level is at least its `alert_level`, once, whichever is the
//! case. So no event concerns both rules.

use std::time::Duration;

use labtrail_shared::{level::LogLevel, selector::Selector, settings::Period};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{
    field_path::FieldPath,
    section::{Repeat, RuleSection},
    severity::SeverityChoice,
    trigger::Trigger,
};

/// The name of the rule for events whose sender wants somebody to be told.
pub const ALERT_RULE: &str = "madsci-alert";

/// The name of the rule for events of a high level.
pub const LEVEL_RULE: &str = "madsci-level";

/// How the built-in rules do what MADSci's server does. As its own server, they alert of each event with `alert: true`
/// and of each from `alert_level`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct MadsciRules {
    /// Whether these rules are at work. Default `true`.
    pub enabled: bool,
    /// The level from which an event alerts, as a number or a name. Default 40, `ERROR`, as in MADSci.
    pub alert_level: LogLevel,
    /// Whether each event is a mail of its own, as MADSci does it. Default `false`: events are grouped, and obey the
    /// settings below, which have no effect otherwise.
    pub notify_each_event: bool,
    /// The fields by whose values the events are told apart. Default `event_type` and `source.node_id`.
    pub group_by: Vec<FieldPath>,
    /// For how long after an alert was resolved nobody is told when it fires again. Default 5m.
    pub cool_down: Period,
    /// When it is told again that an alert still fires. Default: never.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub repeat: Option<Repeat>,
    /// Who is told, by the names of receivers. Default: the default receiver.
    pub receivers: Vec<String>,
}

impl Default for MadsciRules {
    fn default() -> Self {
        let field = |path: &str| path.parse().expect("the path is well formed");
        Self {
            enabled: true,
            alert_level: LogLevel::Error,
            notify_each_event: false,
            group_by: vec![field("event_type"), field("source.node_id")],
            cool_down: Period(Duration::from_mins(5)),
            repeat: None,
            receivers: Vec::new(),
        }
    }
}

impl MadsciRules {
    /// The two rules, to be put into a set with [`RuleSet::with`](super::RuleSet::with).
    pub fn sections(&self) -> [RuleSection; 2] {
        let level = self.alert_level.number();
        [
            RuleSection {
                description: "the sender wants somebody to be told".to_owned(),
                ..self.section(ALERT_RULE, json!({"alert": true}))
            },
            RuleSection {
                description: format!("the level is {} or higher", self.alert_level),
                ..self.section(LEVEL_RULE, json!({"log_level": {"$gte": level}, "alert": {"$ne": true}}))
            },
        ]
    }

    fn section(&self, name: &str, when: Value) -> RuleSection {
        let (name, when) = (name.parse().expect("it is a name"), Selector::new(when).expect("it is a selector"));
        let plain = RuleSection {
            enabled: self.enabled,
            severity: SeverityChoice::ByLevel,
            receivers: self.receivers.clone(),
            ..RuleSection::new(name, when, Trigger::Each)
        };
        if self.notify_each_event {
            return RuleSection { notify_each_event: true, ..plain };
        }
        let (group_by, repeat) = (self.group_by.clone(), self.repeat.clone());
        RuleSection { group_by, repeat, cool_down: Some(self.cool_down), ..plain }
    }
}

#[cfg(test)]
mod tests {
    use labtrail_shared::level::LogLevel;
    use serde_json::{Value, json};

    use super::{ALERT_RULE, LEVEL_RULE, MadsciRules};
    use crate::alert::rule::{RuleIndex, RuleSet, Severity};

    fn set(settings: Value) -> RuleSet {
        let settings: MadsciRules = serde_json::from_value(settings).expect("settings");
        RuleSet::default().with("built in", settings.sections()).expect("the built-in rules are right")
    }

    #[test]
    fn each_event_that_madsci_would_mail_concerns_one_rule() {
        let check = |settings: Value, level: u8, alert: bool, expected: Option<&str>| {
            let index = RuleIndex::new(&set(settings));
            let event = json!({"log_level": level, "alert": alert, "event_type": "unknown"});
            let names: Vec<&str> = index.matching(&event).into_iter().map(|rule| rule.name()).collect();
            assert_eq!(names, expected.into_iter().collect::<Vec<_>>(), "{event}");
        };
        check(json!({}), 30, false, None);
        check(json!({}), 40, false, Some(LEVEL_RULE));
        check(json!({}), 50, true, Some(ALERT_RULE));
        check(json!({}), 0, true, Some(ALERT_RULE));
        check(json!({"alert_level": "critical"}), 40, false, None);
        check(json!({"alert_level": 0}), 0, false, Some(LEVEL_RULE));
        check(json!({"enabled": false}), 50, true, None);
    }

    #[test]
    fn severity_goes_by_level() {
        let set = set(json!({}));
        let rule = set.get(LEVEL_RULE).expect("it is always there");
        for (level, expected) in [(LogLevel::Info, Severity::Info), (LogLevel::Critical, Severity::Critical)] {
            assert_eq!(rule.severity_of(&json!({"log_level": level})), expected);
        }
    }

    #[test]
    fn one_mail_for_each_event_is_a_switch() {
        let grouped = set(json!({}));
        let section = grouped.get(ALERT_RULE).expect("it is always there").section();
        assert!(!section.notify_each_event && section.cool_down.is_some() && section.group_by.len() == 2);
        let single = set(json!({"notify_each_event": true}));
        let section = single.get(ALERT_RULE).expect("it is always there").section();
        assert!(section.notify_each_event && section.cool_down.is_none() && section.group_by.is_empty());
    }
}
