//! The file of receivers, of what mutes alerts, and of how they are grouped.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
};

use labtrail_shared::settings;
use serde::{Deserialize, Serialize};

use super::DEFAULT_GROUPING;
use crate::{
    alert::routing::{GroupingConfig, Inhibition, MaintenanceWindow},
    notify::ReceiverSection,
};

/// `receivers.toml`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct RoutesFile {
    /// Who is told by rules that name nobody. Default: all receivers of this file.
    pub(crate) default_receivers: Vec<String>,
    /// Who is told what another receiver could not be told. Default: nobody; it stands on the page.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) fallback_receiver: Option<String>,
    /// Whom to tell, and by what.
    pub(crate) receivers: Vec<ReceiverSection>,
    /// How the notifications of a receiver are grouped, by its name; `default` is for all others.
    pub(crate) grouping: BTreeMap<String, GroupingConfig>,
    /// When nothing is told, every week.
    pub(crate) maintenance: Vec<MaintenanceWindow>,
    /// Alerts that are not told while another one fires.
    pub(crate) inhibit: Vec<Inhibition>,
}

impl RoutesFile {
    /// Reads the file's text; `${NAME}` is replaced by the environment's variable of that name.
    pub(super) fn read((file, text): &(PathBuf, String)) -> Result<Self, String> {
        settings::parse(text, file, |name| std::env::var(name).ok()).map_err(|error| error.to_string())
    }

    /// Whether all receivers that are named are there.
    pub(super) fn check(&self, known: &BTreeSet<String>) -> Result<(), Vec<String>> {
        let defaults = self.default_receivers.iter().map(|name| ("default_receivers", name));
        let fallback = self.fallback_receiver.iter().map(|name| ("fallback_receiver", name));
        let grouping = self.grouping.keys().filter(|name| *name != DEFAULT_GROUPING).map(|name| ("grouping", name));
        let unknown = defaults.chain(fallback).chain(grouping).filter(|(_, name)| !known.contains(*name));
        let problems: Vec<String> = unknown
            .map(|(setting, name)| format!("receivers.toml: {setting}: there is no receiver `{name}`"))
            .collect();
        if problems.is_empty() { Ok(()) } else { Err(problems) }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::RoutesFile;
    use crate::{alert::routing::GroupingConfig, alert::rule::RuleSet};

    #[test]
    fn the_samples_are_right() {
        let text = include_str!("../../../../deploy/alerts/receivers.toml").to_owned();
        let routes = RoutesFile::read(&("receivers.toml".into(), text)).unwrap_or_else(|problem| panic!("{problem}"));
        let known: BTreeSet<String> = routes.receivers.iter().map(|section| section.name.clone()).collect();
        routes.check(&known).unwrap_or_else(|problems| panic!("{problems:?}"));
        assert_eq!(routes.grouping["default"], GroupingConfig::default(), "the sample shows the defaults");
        let rules = include_str!("../../../../deploy/alerts/rules/laboratory.toml");
        RuleSet::load(&[("laboratory.toml", rules)]).unwrap_or_else(|error| panic!("{error}"));
    }
}
