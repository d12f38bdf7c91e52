//! How the notifications of one receiver are grouped.

use std::{num::NonZeroU32, time::Duration};

use labtrail_shared::settings::Period;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::field::AlertField;
use crate::alert::key::key_of;

/// `[receivers.NAME.grouping]`: which steps of alerts are told in one notification, and how many notifications there are.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct GroupingConfig {
    /// Alerts with the same values of these fields are told together: `severity`, `rule`, `group.source.node_id`,
    /// `labels.team`, ... Default `["severity"]`: what comes at the same time is one notification, but what is critical
    /// never stands below something harmless, under its subject. `[]` puts everything together; `["rule", "group"]`
    /// tells each alert alone, at the price of as many notifications as there are alerts, up to the cap.
    pub group_by: Vec<AlertField>,
    /// How long the first alert of a group waits for others. Default: not at all; what comes at the same time is told
    /// together all the same. The price is that everything is told later by so long.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub group_wait: Option<Period>,
    /// After a group was told, how long it is not told again, so that more of it becomes one notification. Default: not
    /// at all. The price is that what comes second is told later by up to so long.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub group_interval: Option<Period>,
    /// How many notifications there are at most in any minute. What is more is folded into one that names the first
    /// alerts and counts the rest. Default 20. The price is that, once so many were told, the next waits for up to a
    /// minute.
    pub cap_per_minute: NonZeroU32,
    /// Steps that are older when they become known, because the collector was off or events came late, are put into a
    /// digest. Default 1h.
    pub max_age: Period,
    /// How long the first step of a digest waits for others. Default 1m.
    pub digest_wait: Period,
    /// After a digest, how long there is no other. Default 15m.
    pub digest_interval: Period,
}

impl Default for GroupingConfig {
    fn default() -> Self {
        Self {
            group_by: vec![AlertField::new("severity").expect("it is a field of alerts")],
            group_wait: None,
            group_interval: None,
            cap_per_minute: NonZeroU32::new(20).expect("it is not zero"),
            max_age: Period(Duration::from_hours(1)),
            digest_wait: Period(Duration::from_mins(1)),
            digest_interval: Period(Duration::from_mins(15)),
        }
    }
}

/// The group of all digests of a receiver; those of alerts have keys of 32 digits.
pub(super) const DIGEST: &str = "digest";

impl GroupingConfig {
    /// The key of the group that an alert with this document belongs to.
    pub(super) fn group(&self, document: &Value) -> String {
        let mut texts = Vec::with_capacity(2 * self.group_by.len());
        for field in &self.group_by {
            texts.push(field.path().to_owned());
            texts.push(field.value(document).unwrap_or(&Value::Null).to_string());
        }
        key_of(texts.iter().map(String::as_str))
    }

    /// How long a group waits before it is told, and how long after, in microseconds.
    pub(super) fn pauses(&self, group: &str) -> (i64, i64) {
        if group == DIGEST {
            return (micros(self.digest_wait), micros(self.digest_interval));
        }
        (self.group_wait.map_or(0, micros), self.group_interval.map_or(0, micros))
    }

    /// The age from which on a step is old, in microseconds.
    pub(crate) fn age_max(&self) -> i64 {
        micros(self.max_age)
    }
}

/// Longer pauses than a century count as one, so that sums of times stay within their range.
fn micros(period: Period) -> i64 {
    const CENTURY: u128 = 100 * 366 * 24 * 3_600_000_000;
    period.0.as_micros().min(CENTURY) as i64
}

#[cfg(test)]
mod tests {
    use super::GroupingConfig;
    use crate::alert::routing::samples::alert;

    #[test]
    fn alerts_are_in_one_group_if_they_agree_in_the_fields() {
        let check = |toml: &str, expected: bool| {
            let config: GroupingConfig = toml::from_str(toml).expect("a config");
            let groups = ["N1", "N2"].map(|node| config.group(&alert("pump", node).document()));
            assert_eq!(groups[0] == groups[1], expected, "{toml}");
        };
        check("", true);
        check("group_by = []", true);
        check("group_by = [\"rule\", \"labels.none\"]", true);
        check("group_by = [\"group.source.node_id\"]", false);
        check("group_by = [\"rule\", \"group\"]", false);
        for wrong in ["group_by = [\"node\"]", "cap_per_minute = 0", "group_wait = \"0s\"", "wait = \"1s\""] {
            assert!(toml::from_str::<GroupingConfig>(wrong).is_err(), "{wrong}");
        }
        let text = toml::to_string(&GroupingConfig::default()).expect("toml");
        assert_eq!(toml::from_str::<GroupingConfig>(&text).expect("a config"), GroupingConfig::default());
    }
}
