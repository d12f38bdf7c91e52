//! The agent's configuration: a TOML file, or the flags of a quick run.

mod files;
mod sockets;

use std::path::{Path, PathBuf};

use jiff::tz::TimeZone;
use labtrail_shared::{
    settings::{self, Period, SettingsError},
    telemetry::LogFormat,
};
use serde::{Deserialize, Serialize};
use thiserror::Error;

pub(crate) use self::files::default_exclude;
pub use self::{
    files::FilesSection,
    sockets::{SocketsSection, SpoolSection},
};
use crate::{
    frame::FrameConfigError,
    parse::ParseConfigError,
    preset::PresetError,
    ship::{Destination, ShipConfigError},
};
pub use crate::{
    limits::{LimitsSection, Percent},
    ship::{Compression, KafkaSection, RecordForm, ShipSection},
    status::StatusSection,
};

/// What is wrong with a configuration that could be read.
#[derive(Debug, Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error(transparent)]
    Settings(#[from] SettingsError),
    /// There is nothing to follow.
    #[error(
        "nothing to follow: name files, folders or globs in a [[files]] section (paths = [\"...\"]) or on the command line, \
         or a socket in a [[sockets]] section"
    )]
    NoFiles,
    /// A section names no files.
    #[error("a [[files]] section has no paths, and its preset knows none for this system: add paths = [\"...\"]")]
    NoPaths,
    /// Settings of a `[[files]]` section that do not go together.
    #[error("{0}")]
    Files(&'static str),
    /// A setting of a `[[sockets]]` section that has no meaning for what it listens on.
    #[error("{setting} does nothing for {listen}: it is for {meant_for}; leave it out")]
    Socket {
        /// The key.
        setting: &'static str,
        /// What the section listens on.
        listen: String,
        /// What the setting is for.
        meant_for: &'static str,
    },
    /// Settings of `[files.record]` that do not go together.
    #[error(transparent)]
    Record(#[from] FrameConfigError),
    /// Settings of how records are read that do not go together.
    #[error(transparent)]
    Parse(#[from] ParseConfigError),
    /// There is no such preset.
    #[error(transparent)]
    Preset(#[from] PresetError),
    /// There is nowhere to send to.
    #[error(
        "nowhere to send to: set ship.to (for example \"http://collector:8001\" or \"kafka://kafka1:9092\") or give --to"
    )]
    NoDestination,
    /// Settings of `[ship]` that do not go together.
    #[error(transparent)]
    Ship(#[from] ShipConfigError),
    /// The agent has no name.
    #[error("agent.id is empty: give this machine a name that stays, or leave the key out for the host name")]
    NoId,
    /// A glob on the command line is not one.
    #[error("{0}")]
    Pattern(String),
}

/// All settings of an agent.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Where the agent keeps its checkpoint. One agent per folder.
    #[serde(default = "default_data_dir")]
    pub data_dir: PathBuf,
    /// Who this agent is.
    #[serde(default)]
    pub agent: AgentSection,
    /// What to follow.
    #[serde(default)]
    pub files: Vec<FilesSection>,
    /// What other programs send.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub sockets: Vec<SocketsSection>,
    /// Where that waits until it is delivered.
    #[serde(default)]
    pub spool: SpoolSection,
    /// Where to send it.
    #[serde(default)]
    pub ship: ShipSection,
    /// How often to look.
    #[serde(default)]
    pub watch: WatchSection,
    /// How much of the machine it may take.
    #[serde(default)]
    pub limits: LimitsSection,
    /// Where the agent tells of itself.
    #[serde(default)]
    pub status: StatusSection,
    /// The agent's own log, on standard error.
    #[serde(default)]
    pub log: LogSection,
}

/// `[agent]`
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct AgentSection {
    /// A name that stays the same for as long as this machine's files do: event ids are derived from it. Default: the
    /// host name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// Whether events say more of the machine than its name: `host.architecture`, `host.os.*`. Default: no; it makes each event
    /// some 100 bytes larger.
    pub host_facts: bool,
    /// What `host.name` says. Default: the host name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub host_name: Option<String>,
}

/// Where to begin with files that exist when the agent first hears of a pattern.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum From {
    /// At their beginning: everything is read.
    #[default]
    Start,
    /// At their end: only what is written from now on. Files that appear later are read whole.
    End,
}

impl std::str::FromStr for From {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "start" => Ok(Self::Start),
            "end" => Ok(Self::End),
            _ => Err("write start (read existing content) or end (only what is written from now on)".to_owned()),
        }
    }
}

/// `[watch]`
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct WatchSection {
    /// Pause between scans for new and changed files; longer by itself where a scan is so large that it would take
    /// more than a fifth of a percent of a core. Notifications of the operating system shorten it to nothing where there are any.
    pub scan_interval: Period,
    /// How often files that changed in the last minute are looked at, notified or not.
    pub poll_interval: Period,
}

impl Default for WatchSection {
    fn default() -> Self {
        Self { scan_interval: Period::secs(1), poll_interval: Period::millis(250) }
    }
}

/// `[log]`
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LogSection {
    /// `error`, `warn`, `info`, `debug`, or a directive such as `labtrail_agent=debug`.
    pub level: String,
    /// `text` or `json`.
    pub format: LogFormat,
}

impl Default for LogSection {
    fn default() -> Self {
        Self { level: "info".to_owned(), format: LogFormat::Text }
    }
}

/// An IANA time zone by its name.
#[derive(Debug, Clone)]
pub(crate) struct Zone {
    pub name: String,
    pub zone: TimeZone,
}

impl Zone {
    /// Its name and itself.
    pub(crate) fn named(&self) -> (Option<String>, TimeZone) {
        (Some(self.name.clone()), self.zone.clone())
    }
}

/// This machine's zone, with its name where it has one.
pub(crate) fn system_zone() -> (Option<String>, TimeZone) {
    let zone = TimeZone::system();
    (zone.iana_name().map(str::to_owned), zone)
}

impl Serialize for Zone {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.name)
    }
}

impl<'de> Deserialize<'de> for Zone {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let name = String::deserialize(deserializer)?;
        let zone = TimeZone::get(&name).map_err(|_| {
            serde::de::Error::custom(format!(
                "{name:?} is not an IANA time zone: write one such as Europe/Zurich or America/Chicago"
            ))
        })?;
        Ok(Self { name, zone })
    }
}

fn default_data_dir() -> PathBuf {
    PathBuf::from("labtrail-agent-data")
}

impl Config {
    /// Reads a config file; it is not yet checked for completeness, because flags may add to it.
    pub fn load(file: &Path) -> Result<Self, ConfigError> {
        Ok(settings::load(file)?)
    }

    /// A config with every default, for a quick run.
    pub fn quick(data_dir: PathBuf, files: Vec<FilesSection>, to: Option<Destination>) -> Self {
        Self {
            data_dir,
            agent: AgentSection::default(),
            files,
            sockets: Vec::new(),
            spool: SpoolSection::default(),
            limits: LimitsSection::default(),
            ship: ShipSection { to, ..ShipSection::default() },
            watch: WatchSection::default(),
            status: StatusSection::default(),
            log: LogSection::default(),
        }
    }

    /// Checks that nothing is missing and that the settings go together.
    pub fn check(&self) -> Result<(), ConfigError> {
        if self.files.is_empty() && self.sockets.is_empty() {
            return Err(ConfigError::NoFiles);
        }
        self.files.iter().try_for_each(FilesSection::check)?;
        self.sockets.iter().try_for_each(SocketsSection::check)?;
        if self.ship.to.is_none() {
            return Err(ConfigError::NoDestination);
        }
        if self.agent.id.as_deref() == Some("") {
            return Err(ConfigError::NoId);
        }
        Ok(self.ship.check()?)
    }

    /// The effective settings as TOML.
    pub fn to_toml(&self) -> String {
        settings::to_toml(self)
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use labtrail_shared::{
        kafka::{Mechanism, Security},
        settings::{self, ByteSize, Secret},
    };

    use super::{Config, KafkaSection};

    fn error(text: &str) -> String {
        let parsed = settings::parse::<Config>(text, Path::new("agent.toml"), |_| None);
        match parsed.map_err(super::ConfigError::from).and_then(|config| config.check()) {
            Ok(()) => "valid".to_owned(),
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn broken_configs_name_file_line_key_and_remedy() {
        let check = |text: &str, expected: &str| {
            let found = error(text);
            assert!(found.starts_with(expected), "{text}\nfound:    {found}\nexpected: {expected}");
        };
        check("[ship\n", "agent.toml:1: ");
        check("data_dri = \"x\"\n", "agent.toml:1: data_dri: unknown key `data_dri`: did you mean `data_dir`?");
        check("[[files]]\npath = [\"x\"]\n", "agent.toml:2: files.path: unknown key `path`: did you mean `paths`?");
        check("[[files]]\nexclude = []\n[ship]\nto = \"http://x\"\n", "a [[files]] section has no paths");
        check("[[files]]\npaths = [\"a[\"]\n", "agent.toml:2: files.paths: ");
        check(
            "[[files]]\npaths = [\"a\"]\nzone = \"Mars\"\n",
            "agent.toml:3: files.zone: \"Mars\" is not an IANA time zone",
        );
        check(
            "[[files]]\npaths = [\"a\"]\nparser = \"jsn\"\n",
            "agent.toml:3: files.parser: unknown value `jsn`: did you mean `json`?",
        );
        check(
            "[[files]]\npaths = [\"a\"]\nfrom = \"end\"\nsnapshot = {}\n[ship]\nto = \"http://x\"\n",
            "from = \"end\" does nothing with snapshot",
        );
        let socket = |listen: &str, line: &str| {
            format!("[[sockets]]\nlisten = \"{listen}\"\n{line}\n[ship]\nto = \"http://x\"\n")
        };
        check(
            &socket("udp://[::]:514", "framing = \"newline\""),
            "framing does nothing for udp://[::]:514: it is for streams (tcp://, unix://); leave it out",
        );
        check(&socket("tcp://[::]:601", "receive_buffer = \"1MiB\""), "receive_buffer does nothing for tcp://[::]:601");
        check(&socket("tcp://[::]:601", "mode = \"0666\""), "mode does nothing for tcp://[::]:601");
        check(&socket("http://[::]:8001", "parser = \"syslog\""), "parser does nothing for http://[::]:8001");
        check(&socket("unix:///run/x.sock", "framing = \"newline\"\nmode = \"0666\""), "valid");
        check("[ship]\nto = \"htp://x\"\n", "agent.toml:2: ship.to: ");
        check("[ship]\nto = \"http://x\"\n", "nothing to follow");
        check("[[files]]\npaths = [\"a\"]\n", "nowhere to send to");
        let ship = |text: &str| format!("[[files]]\npaths = [\"a\"]\n[ship]\n{text}");
        check(&ship("to = \"http://x\"\ncompression = \"lz4\"\n"), "ship.compression = \"lz4\" is for Kafka only");
        check(&ship("to = \"http://x\"\n[ship.kafka]\n"), "[ship.kafka] is set, but ship.to is a collector");
        let kafka = |text: &str| ship(&format!("to = \"kafka://x:9092\"\n[ship.kafka]\n{text}"));
        check(&kafka(""), "valid");
        check(&kafka("record = \"single\"\n"), "agent.toml:6: ship.kafka.record: unknown key `record`");
        check(&kafka("dead_letter_topic = \"a b\"\n"), "ship.kafka.dead_letter_topic names a topic");
        check(&kafka("dead_letter_topic = \"labtrail.events\"\n"), "ship.kafka.dead_letter_topic is the topic of the");
        check(&kafka("message_bytes_max = \"1KiB\"\n"), "ship.kafka.message_bytes_max = \"1KiB\" is too small");
        check(&kafka("message_bytes_max = \"256KiB\"\n"), "ship.batch_bytes_max = \"256KiB\" does not fit");
        check(&kafka("[ship.kafka.security]\nprotocol = \"sasl_ssl\"\n"), "ship.kafka.security.mechanism is missing");
        check("[watch]\nscan_interval = 5\n", "agent.toml:2: watch.scan_interval: invalid type");
    }

    #[test]
    fn the_sample_file_is_valid_and_prints_as_itself() {
        let file = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../deploy/agent.toml"));
        let text = std::fs::read_to_string(file).expect("the sample is there");
        let mut config: Config = settings::parse(&text, file, |_| None).expect("the sample is valid");
        config.check().expect("the sample is complete");
        // What is printed only where it is set.
        let some = || Some("x".to_owned());
        config.status.listen = Some(([127, 0, 0, 1], 1).into());
        config.ship.queue_bytes_max = Some(ByteSize::mib(1));
        let security = Security {
            mechanism: Some(Mechanism::Plain),
            username: some(),
            password: some().map(Secret::new),
            password_file: some().map(Into::into),
            ca_file: some().map(Into::into),
            certificate_file: some().map(Into::into),
            key_file: some().map(Into::into),
            ..Security::default()
        };
        config.ship.kafka = Some(KafkaSection { security, ..KafkaSection::default() });
        let everything: Config =
            settings::parse(include_str!("config/everything.toml"), Path::new("everything.toml"), |_| None)
                .expect("it is valid");
        everything.check().expect("it is complete");
        for config in [config, everything] {
            let printed = config.to_toml();
            let again: Config =
                settings::parse(&printed, Path::new("printed"), |_| None).expect("what is printed can be read");
            assert_eq!(printed, again.to_toml());
            // Every option is shown, set or commented out, in the sample.
            // What stands in a selector is no option.
            let options = printed.lines().filter(|line| !line.starts_with("log_level"));
            for (key, _) in options.filter_map(|line| line.split_once(" = ")) {
                assert!(text.contains(&format!("{key} = ")), "the sample does not show {key}");
            }
        }
    }
}
