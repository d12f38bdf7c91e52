//! All that is at work: rules, receivers, and what mutes. It is right as a whole or is not made.

mod routes;
mod sources;

use std::{
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
};

use tracing::warn;
use xxhash_rust::xxh3::xxh3_64;

pub(crate) use self::{
    routes::RoutesFile,
    sources::{Sources, read_files},
};
use super::config::AlertsConfig;
use crate::{
    alert::{
        routing::{GroupingConfig, Inhibition, MaintenanceWindow},
        rule::{MadsciRules, ReceiverNames, RuleIndex, RuleSet},
    },
    madsci_settings::MadsciSettings,
    notify::{ChannelSection, EmailSection, LogSection, ReceiverSection, Receivers},
};

/// Where rules come from that are always there.
pub(crate) const BUILT_IN: &str = "built in";

/// Where rules come from that were put by the API.
pub(crate) const API: &str = "API";

/// The receiver that is always there: the collector's own log.
pub(crate) const LOG_RECEIVER: &str = "log";

/// The receiver that MADSci's own settings describe.
pub(crate) const MADSCI_RECEIVER: &str = "madsci-email";

/// The name under which the grouping of all other receivers stands.
const DEFAULT_GROUPING: &str = "default";

/// Rules, receivers and what mutes, as they are at work.
#[derive(Debug)]
pub(crate) struct Rulebook {
    pub(crate) rules: RuleSet,
    pub(crate) index: RuleIndex,
    pub(crate) receivers: Receivers,
    pub(crate) receiver_sections: Vec<ReceiverSection>,
    /// Who is told by rules that name nobody.
    pub(crate) default_receivers: Vec<String>,
    /// Who is told what another receiver could not be told.
    pub(crate) fallback_receiver: Option<String>,
    pub(super) grouping: BTreeMap<String, GroupingConfig>,
    pub(crate) maintenance: Vec<MaintenanceWindow>,
    pub(crate) inhibit: Vec<Inhibition>,
    /// What is wrong with files that are not at work as they are now; what they said before is, if it was right.
    pub(crate) problems: Vec<String>,
    /// Another one whenever the receivers' settings are others.
    pub(crate) routes_hash: u64,
    /// When it was made, in microseconds UTC.
    pub(crate) loaded_at: i64,
}

impl Rulebook {
    /// Makes one of what was read, or says all that is wrong.
    pub(crate) fn make(
        sources: &Sources,
        config: &AlertsConfig,
        madsci: Option<&MadsciSettings>,
        now: i64,
    ) -> Result<Self, Vec<String>> {
        let files: Vec<(&str, &str)> =
            sources.rule_files.iter().map(|(name, text)| (name.as_str(), text.as_str())).collect();
        let routes = sources.routes.as_ref().map_or_else(|| Ok(RoutesFile::default()), RoutesFile::read);
        let rules = RuleSet::load(&files).and_then(|rules| rules.with(API, sources.api_rules.iter().cloned()));
        let rules = rules.and_then(|rules| rules.with(BUILT_IN, madsci_rules(&config.madsci, madsci).sections()));
        let (rules, routes) = match (rules, routes) {
            (Ok(rules), Ok(routes)) => (rules, routes),
            (rules, routes) => {
                let problems = rules.err().map(|error| error.problems).unwrap_or_default();
                return Err(problems.into_iter().chain(routes.err()).collect());
            }
        };
        let (receiver_sections, default_receivers) = receivers(&routes, madsci)?;
        let known: BTreeSet<String> = receiver_sections.iter().map(|section| section.name.clone()).collect();
        let names = ReceiverNames { known: known.clone(), has_default: true };
        rules.check_receivers(&names).map_err(|error| error.problems)?;
        routes.check(&known)?;
        let receivers = Receivers::open(&receiver_sections)
            .map_err(|error| vec![labtrail_shared::telemetry::with_causes(&error)])?;
        let RoutesFile { fallback_receiver, grouping, maintenance, inhibit, .. } = routes;
        Ok(Self {
            index: RuleIndex::new(&rules),
            rules,
            receivers,
            receiver_sections,
            default_receivers,
            fallback_receiver,
            grouping,
            maintenance,
            inhibit,
            problems: Vec::new(),
            routes_hash: routes_hash(sources, madsci),
            loaded_at: now,
        })
    }

    /// How the notifications of a receiver are grouped.
    pub(crate) fn grouping_of(&self, receiver: &str) -> GroupingConfig {
        let own = self.grouping.get(receiver).or_else(|| self.grouping.get(DEFAULT_GROUPING));
        own.cloned().unwrap_or_default()
    }

    /// From which age on something is old for one of the receivers of a rule that names these, in microseconds.
    pub(crate) fn age_max(&self, named: &[String]) -> i64 {
        let ages = self.told_by(named).iter().map(|receiver| self.grouping_of(receiver).age_max());
        ages.min().unwrap_or(i64::MAX)
    }

    /// The receivers of a rule that names these.
    pub(crate) fn told_by<'r>(&'r self, named: &'r [String]) -> &'r [String] {
        if named.is_empty() { &self.default_receivers } else { named }
    }
}

fn routes_hash(sources: &Sources, madsci: Option<&MadsciSettings>) -> u64 {
    let text = sources.routes.as_ref().map_or("", |(_, text)| text.as_str());
    let madsci = madsci.and_then(|settings| settings.email_alerts.as_ref());
    // The store keeps the hash. Few bits say that a password is another one, and do not say which.
    let named = xxh3_64(format!("{:?}", sources.named_files).as_bytes()) & 0xffff;
    xxh3_64(format!("{text}\0{madsci:?}").as_bytes()) ^ named
}

/// The built-in rules: MADSci's own level wins where its settings were taken over.
fn madsci_rules(config: &MadsciRules, madsci: Option<&MadsciSettings>) -> MadsciRules {
    let alert_level = madsci.map_or(config.alert_level, |settings| settings.alert_level);
    MadsciRules { alert_level, ..config.clone() }
}

/// All receivers, and those of rules that name none: what the file says, else MADSci's mail, else all that the file has,
/// else the log.
fn receivers(
    routes: &RoutesFile,
    madsci: Option<&MadsciSettings>,
) -> Result<(Vec<ReceiverSection>, Vec<String>), Vec<String>> {
    let mut sections = routes.receivers.clone();
    let mut defaults = routes.default_receivers.clone();
    let alerts = madsci.and_then(|settings| settings.email_alerts.as_ref());
    if let Some(alerts) = alerts.filter(|alerts| !alerts.email_addresses.is_empty()) {
        match EmailSection::from_madsci(alerts) {
            Ok(email) => {
                sections.push(ReceiverSection::new(MADSCI_RECEIVER, ChannelSection::Email(email)));
                if defaults.is_empty() {
                    defaults.push(MADSCI_RECEIVER.to_owned());
                }
            }
            Err(problem) => return Err(vec![problem]),
        }
    }
    if defaults.is_empty() {
        defaults = sections.iter().map(|section| section.name.clone()).collect();
    }
    if !sections.iter().any(|section| section.name == LOG_RECEIVER) {
        sections.push(ReceiverSection::new(LOG_RECEIVER, ChannelSection::Log(LogSection::default())));
    }
    if defaults.is_empty() {
        defaults.push(LOG_RECEIVER.to_owned());
    }
    Ok((sections, defaults))
}

/// What a check of files found.
#[derive(Debug)]
pub struct CheckedFiles {
    /// The rules.
    pub rules: RuleSet,
    /// The names of the receivers; empty if no file of them was given.
    pub receivers: Vec<String>,
}

/// Checks files of rules, given by name and text, and the file of receivers, if one is given: all that a collector would
/// say of them. Without a file of receivers their names are not checked.
pub fn check_files(
    rule_files: Vec<(String, String)>,
    receivers: Option<(PathBuf, String)>,
) -> Result<CheckedFiles, Vec<String>> {
    if receivers.is_none() {
        let files: Vec<(&str, &str)> = rule_files.iter().map(|(name, text)| (name.as_str(), text.as_str())).collect();
        let rules = RuleSet::load(&files).map_err(|error| error.problems)?;
        return Ok(CheckedFiles { rules, receivers: Vec::new() });
    }
    let sources = Sources { rule_files, routes: receivers, ..Sources::default() };
    let mut config = AlertsConfig::default();
    config.madsci.enabled = false;
    let book = Rulebook::make(&sources, &config, None, 0)?;
    let receivers = book.receivers.names().map(str::to_owned).collect();
    Ok(CheckedFiles { rules: book.rules, receivers })
}

/// Makes the first rulebook: a file that is wrong must not keep the others, and the events, from coming.
pub(crate) fn first(sources: &Sources, config: &AlertsConfig, madsci: Option<&MadsciSettings>, now: i64) -> Rulebook {
    let problems = match Rulebook::make(sources, config, madsci, now) {
        Ok(book) => return book,
        Err(problems) => problems,
    };
    for problem in &problems {
        warn!("{problem}");
    }
    let mut sound =
        Sources { routes: sources.routes.clone(), named_files: sources.named_files.clone(), ..Sources::default() };
    if Rulebook::make(&sound, config, madsci, now).is_err() {
        sound.routes = None;
    }
    for file in &sources.rule_files {
        let more = Sources { rule_files: [sound.rule_files.clone(), vec![file.clone()]].concat(), ..sound.clone() };
        if Rulebook::make(&more, config, madsci, now).is_ok() {
            sound = more;
        }
    }
    for rule in &sources.api_rules {
        let more = Sources { api_rules: [sound.api_rules.clone(), vec![rule.clone()]].concat(), ..sound.clone() };
        if Rulebook::make(&more, config, madsci, now).is_ok() {
            sound = more;
        }
    }
    let book = Rulebook::make(&sound, config, madsci, now);
    let book = book.or_else(|_| Rulebook::make(&Sources::default(), &AlertsConfig::default(), None, now));
    Rulebook { problems, ..book.expect("the built-in rules and the log are right") }
}

#[cfg(test)]
mod tests {
    use super::{AlertsConfig, Rulebook, Sources, first};

    fn sources(rules: &[(&str, &str)], routes: Option<&str>) -> Sources {
        Sources {
            rule_files: rules.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect(),
            routes: routes.map(|text| ("receivers.toml".into(), text.to_owned())),
            ..Sources::default()
        }
    }

    fn make(sources: &Sources) -> Result<Rulebook, Vec<String>> {
        Rulebook::make(sources, &AlertsConfig::default(), None, 0)
    }

    const RULE: &str = "[[rules]]\nname = \"a\"\ntrigger = \"each\"\n";

    #[test]
    fn without_anything_madscis_rules_go_to_the_log() {
        let book = make(&Sources::default()).expect("it is right");
        let names: Vec<&str> = book.rules.rules().iter().map(|rule| rule.name()).collect();
        assert_eq!((names, book.told_by(&[])), (vec!["madsci-alert", "madsci-level"], &["log".to_owned()][..]));
    }

    #[test]
    fn who_is_told_by_default_is_whoever_there_is() {
        let check = |routes: &str, expected: &[&str]| {
            let book = make(&sources(&[("a.toml", RULE)], Some(routes))).unwrap_or_else(|error| panic!("{error:?}"));
            assert_eq!(book.told_by(&[]), expected, "{routes}");
            assert_eq!(book.told_by(&["x".to_owned()]), ["x"], "{routes}");
        };
        let two = "[[receivers]]\nname = \"x\"\nlog = {}\n[[receivers]]\nname = \"y\"\nlog = {}\n";
        check("", &["log"]);
        check(two, &["x", "y"]);
        check(&format!("default_receivers = [\"y\"]\n{two}"), &["y"]);
    }

    #[test]
    fn all_that_is_wrong_is_said_at_once() {
        let rule = RULE.replace("trigger", "receivers = [\"mial\"]\ntrigger");
        let check = |sources: &Sources, expected: &[&str]| {
            assert_eq!(make(sources).err().unwrap_or_default(), expected);
        };
        check(
            &sources(&[("a.toml", RULE), ("b.toml", RULE)], Some("recievers = 1")),
            &[
                "b.toml:1: rule `a`: name: a.toml:1 has a rule of this name: give one of them another",
                "receivers.toml:1: recievers: unknown key `recievers`: did you mean `receivers`? (valid: default_receivers, fallback_receiver, receivers, grouping, maintenance, inhibit)",
            ],
        );
        check(
            &sources(&[("a.toml", &rule)], Some("[[receivers]]\nname = \"mail\"\nlog = {}\n")),
            &["a.toml:1: rule `a`: receivers: there is no receiver `mial`: did you mean `mail`?"],
        );
        check(
            &sources(&[], Some("default_receivers = [\"a\"]\nfallback_receiver = \"b\"\n[grouping.c]\n")),
            &[
                "receivers.toml: default_receivers: there is no receiver `a`",
                "receivers.toml: fallback_receiver: there is no receiver `b`",
                "receivers.toml: grouping: there is no receiver `c`",
            ],
        );
    }

    #[test]
    fn a_bad_file_at_the_start_keeps_no_other_from_its_work() {
        let other = RULE.replace("\"a\"", "\"b\"");
        let wrong = "[[rules]]\nname = \"c\"\n";
        let sources = sources(&[("a.toml", RULE), ("wrong.toml", wrong), ("b.toml", &other)], Some("wrong = 1"));
        let book = first(&sources, &AlertsConfig::default(), None, 0);
        let names: Vec<&str> = book.rules.rules().iter().map(|rule| rule.name()).collect();
        assert_eq!(names, ["a", "b", "madsci-alert", "madsci-level"]);
        assert_eq!(book.problems.len(), 2, "{:?}", book.problems);
    }
}
