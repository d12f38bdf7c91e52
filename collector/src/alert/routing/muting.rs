//! Whether an alert is to be told at a moment, and if not, why.

use serde::{Deserialize, Serialize};

use super::{inhibition::Inhibitors, maintenance::MaintenanceWindow, silence::Silence};
use crate::alert::step::Alert;

/// Why nothing is told of an alert. Times are microseconds since 1970 UTC.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "by", rename_all = "snake_case")]
pub enum MuteReason {
    /// Somebody wanted it so.
    Silence {
        /// The silence.
        id: String,
        /// Its end.
        until: i64,
    },
    /// There is maintenance.
    Maintenance {
        /// The name of the window.
        name: String,
        /// Its end.
        until: i64,
    },
    /// Another alert fires from which it follows.
    Inhibition {
        /// The rule of the other alert.
        rule: String,
        /// Its group.
        group: String,
    },
}

impl MuteReason {
    /// When the reason is over; not known of an alert that follows from another.
    pub fn until(&self) -> Option<i64> {
        match self {
            Self::Silence { until, .. } | Self::Maintenance { until, .. } => Some(*until),
            Self::Inhibition { .. } => None,
        }
    }
}

/// Everything that mutes alerts, for all receivers alike.
#[derive(Debug, Default)]
pub struct Muting<'m> {
    /// All silences, those that ended lately too: steps may come later than what they tell of.
    pub silences: &'m [Silence],
    /// The windows of the config.
    pub maintenance: &'m [MaintenanceWindow],
    /// The alerts that fire, after the steps that are to be routed.
    pub inhibitors: Inhibitors<'m>,
}

impl Muting<'_> {
    /// Why nothing is told of the alert at that moment; of several reasons of one kind the one that lasts longest. Which
    /// alerts follow from others is known of the present alone.
    pub fn reason(&self, alert: &Alert, at: i64) -> Option<MuteReason> {
        if self.silences.is_empty() && self.maintenance.is_empty() && self.inhibitors.is_empty() {
            return None;
        }
        let document = alert.document();
        let silences = self.silences.iter().filter(|silence| silence.is_active(at));
        let silence = silences.filter(|silence| silence.matcher.matches(&document)).max_by_key(|silence| silence.until);
        if let Some(silence) = silence {
            return Some(MuteReason::Silence { id: silence.id.clone(), until: silence.until });
        }
        let windows = self.maintenance.iter().filter(|window| window.matcher.matches(&document));
        let window = windows.filter_map(|window| Some((window.end(at)?, &window.name))).max();
        if let Some((until, name)) = window {
            return Some(MuteReason::Maintenance { name: name.clone(), until });
        }
        let source = self.inhibitors.source_of(&alert.id(), &document)?;
        Some(MuteReason::Inhibition { rule: source.rule.clone(), group: source.group.clone() })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{Inhibitors, MaintenanceWindow, Muting};
    use crate::alert::routing::{Inhibition, Silence, SilenceRequest, samples::alert};

    const HOUR: i64 = 3_600_000_000;

    fn silence(id: &str, rule: &str, until: i64) -> Silence {
        let (matcher, by, note) = (json!({"rule": rule}), "ann".to_owned(), String::new());
        let request = SilenceRequest { matcher, from: None, until: Some(until), by, note };
        Silence::new(request, id.to_owned(), 0).expect("a silence")
    }

    #[test]
    fn the_reason_is_the_one_that_lasts_longest() {
        let silences = [silence("A", "pump", HOUR), silence("B", "pump", 2 * HOUR), silence("C", "arm", HOUR)];
        // The first of January 1970 was a Thursday.
        let window = |name: &str, to: &str| -> MaintenanceWindow {
            let text = format!(
                "name = \"{name}\"\ndays = [\"thu\"]\nfrom = \"00:00\"\nto = \"{to}\"\nzone = \"UTC\"\n\
                 matcher = {{ rule = {{ \"$ne\" = \"node\" }} }}"
            );
            toml::from_str(&text).expect("a window")
        };
        let maintenance = [window("short", "03:00"), window("long", "04:00")];
        let inhibitions: [Inhibition; 1] =
            [toml::from_str("source = { rule = \"node\" }\ntarget = { rule = \"pump\" }").expect("a rule")];
        let node = alert("node", "N1");
        let inhibitors = Inhibitors::new(&inhibitions, [&node]);
        let muting = Muting { silences: &silences, maintenance: &maintenance, inhibitors };
        let check = |rule: &str, hours: i64, expected: Value| {
            let reason = muting.reason(&alert(rule, "N1"), hours * HOUR);
            assert_eq!(json!(reason), expected, "{rule} {hours}");
        };
        check("pump", 0, json!({"by": "silence", "id": "B", "until": 2 * HOUR}));
        check("arm", 0, json!({"by": "silence", "id": "C", "until": HOUR}));
        check("pump", 2, json!({"by": "maintenance", "name": "long", "until": 4 * HOUR}));
        check("pump", 4, json!({"by": "inhibition", "rule": "node", "group": "N1"}));
        check("arm", 4, json!(null));
        check("node", 0, json!(null));
    }
}
