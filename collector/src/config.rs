//! The collector's config: what all rooms need, and each room's own part.

use std::{fmt, net::IpAddr, num::NonZeroUsize, path::PathBuf, str::FromStr, sync::Arc};

use jiff::tz::TimeZone;
use labtrail_shared::{
    settings::{ByteSize, Period},
    telemetry::LogFormat,
};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

pub use crate::alerting::AlertsConfig;
use crate::{
    backup::BackupConfig,
    kafka::KafkaConfig,
    madsci_settings::{MadsciSettings, ServerUrl},
    retention::RetentionConfig,
    store::{MongoConfig, StoreConfig, StoreKind},
};

/// Everything that can be set.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Host and port to listen on. Default `127.0.0.1:8001`, MADSci's port, reachable from this machine only. There are
    /// no passwords yet: whoever reaches another address may read and write all events.
    pub listen: ListenAddress,
    /// The folder in which the collector keeps what it must remember. Default `labtrail-data` in the working directory.
    pub data_dir: PathBuf,
    /// The IANA zone, such as `Europe/Zurich`, in which times without an offset are read. Default: that of the system.
    pub zone: Zone,
    /// The ULID that events without a source are given as their manager's. Default: one is made up and kept in `data_dir`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub manager_id: Option<ManagerId>,
    /// How long stopping may take before open connections are given up. Default 10s.
    pub stop_time_max: Period,
    /// What requests may take.
    pub http: HttpConfig,
    /// What queries may take.
    pub search: SearchConfig,
    /// What those who watch may take.
    pub live: LiveConfig,
    /// Where events are kept.
    pub store: StoreConfig,
    /// Where events come from when they come through Kafka.
    pub kafka: KafkaConfig,
    /// How long events are kept.
    pub retention: RetentionConfig,
    /// When and where backups are made.
    pub backup: BackupConfig,
    /// Who is told of what.
    pub alerts: AlertsConfig,
    /// How the process logs.
    pub log: LogConfig,
    /// MADSci's own settings, if they were taken over.
    #[serde(skip)]
    pub madsci: AdoptedSettings,
}

/// MADSci's own settings, if they were taken over.
#[derive(Debug, Clone, Default)]
pub struct AdoptedSettings(pub(crate) Option<Arc<MadsciSettings>>);

impl Default for Config {
    fn default() -> Self {
        Self {
            listen: ListenAddress { host: "127.0.0.1".to_owned(), port: 8001 },
            data_dir: PathBuf::from("labtrail-data"),
            zone: Zone::default(),
            manager_id: None,
            stop_time_max: Period::secs(10),
            http: HttpConfig::default(),
            search: SearchConfig::default(),
            live: LiveConfig::default(),
            store: StoreConfig::default(),
            kafka: KafkaConfig::default(),
            retention: RetentionConfig::default(),
            backup: BackupConfig::default(),
            alerts: AlertsConfig::default(),
            log: LogConfig::default(),
            madsci: AdoptedSettings::default(),
        }
    }
}

impl Config {
    /// The file of the `SQLite` store.
    pub fn store_path(&self) -> PathBuf {
        self.store.path.clone().unwrap_or_else(|| self.data_dir.join("events.sqlite"))
    }

    /// The folder of the backups.
    pub fn backup_dir(&self) -> PathBuf {
        self.backup.dir.clone().unwrap_or_else(|| self.data_dir.join("backups"))
    }

    /// The folder below which reports are written that somebody asks to be saved.
    pub fn reports_dir(&self) -> PathBuf {
        self.data_dir.join("reports")
    }

    /// The name of what is backed up.
    pub(crate) fn database_name(&self) -> String {
        match self.store.kind {
            StoreKind::Sqlite => "labtrail".to_owned(),
            StoreKind::Mongodb => self.store.mongodb.database.clone(),
        }
    }

    /// Where events are kept, in words for a log.
    pub(crate) fn store_place(&self) -> String {
        match self.store.kind {
            StoreKind::Sqlite => self.store_path().display().to_string(),
            StoreKind::Mongodb => {
                let MongoConfig { url, database, collection, .. } = &self.store.mongodb;
                format!("{url} {database}.{collection}")
            }
        }
    }

    /// The settings as they take effect, as TOML: defaults that depend on others are filled in.
    pub fn to_toml(&self) -> String {
        let mut effective = self.clone();
        effective.store.path = Some(self.store_path());
        effective.backup.dir = Some(self.backup_dir());
        effective.alerts.rules = Some(self.alerts.rule_files(&self.data_dir));
        toml::to_string_pretty(&effective).expect("the config has only tables with text keys")
    }
}

/// `[http]`: what requests may take.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct HttpConfig {
    /// The largest body of a request, after decompression. Default 32MiB; a larger one costs memory of several times its
    /// size while it is read.
    pub body_bytes_max: ByteSize,
    /// How many events one batch of an agent may hold. Default 50000.
    pub batch_events_max: NonZeroUsize,
    /// How much all bodies that are being read may take together; further senders wait. Default 256MiB.
    pub bodies_bytes_max: ByteSize,
    /// How long a sender may take for its body. Default 60s.
    pub body_time_max: Period,
}

impl Default for HttpConfig {
    fn default() -> Self {
        Self {
            body_bytes_max: ByteSize::mib(32),
            batch_events_max: NonZeroUsize::new(50_000).expect("it is not zero"),
            bodies_bytes_max: ByteSize::mib(256),
            body_time_max: Period::secs(60),
        }
    }
}

/// `[search]`: what queries may take.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SearchConfig {
    /// How long a query may look before it answers with what it has, says `complete: false` and where to go on.
    /// Default 2s.
    pub time_max: Period,
    /// How long one of MADSci's lists, which have no end of their own, may take; then it is cut off. Default 10m.
    pub list_time_max: Period,
}

impl Default for SearchConfig {
    fn default() -> Self {
        Self { time_max: Period::secs(2), list_time_max: Period::secs(600) }
    }
}

/// `[live]`: what those who watch may take.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LiveConfig {
    /// How many events may wait for a watcher; one that falls further behind is told how many it missed. Default 4096.
    pub queue_events_max: QueueLength,
    /// How many may watch at the same time. Default 200.
    pub watchers_max: NonZeroUsize,
}

impl Default for LiveConfig {
    fn default() -> Self {
        Self { queue_events_max: QueueLength(4096), watchers_max: NonZeroUsize::new(200).expect("it is not zero") }
    }
}

/// `[log]`: how the process logs, on standard error.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LogConfig {
    /// `error`, `warn`, `info`, `debug` or `trace`, also by module. The environment variable `LABTRAIL_LOG` wins.
    /// Default `info`.
    pub level: String,
    /// `text` or `json`. Default `text`.
    pub format: LogFormat,
}

impl Default for LogConfig {
    fn default() -> Self {
        Self { level: "info".to_owned(), format: LogFormat::Text }
    }
}

/// A number of events from 1 to a million.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "usize")]
pub struct QueueLength(usize);

impl QueueLength {
    /// The number.
    pub fn get(self) -> usize {
        self.0
    }
}

impl TryFrom<usize> for QueueLength {
    type Error = String;

    fn try_from(length: usize) -> Result<Self, String> {
        let is_allowed = (1..=1_000_000).contains(&length);
        if is_allowed { Ok(Self(length)) } else { Err(format!("{length} is not from 1 to 1000000")) }
    }
}

/// A host and a port.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListenAddress {
    /// A name or an address.
    pub host: String,
    /// 0: any free port.
    pub port: u16,
}

impl ListenAddress {
    /// The address as the URL of a server.
    pub(crate) fn server_url(&self) -> Option<ServerUrl> {
        ServerUrl::parse(&format!("http://{self}/"))
    }
}

impl FromStr for ListenAddress {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("{text:?} is not an address to listen on: write HOST:PORT, such as 127.0.0.1:8001");
        let (host, port) = text.rsplit_once(':').ok_or_else(wrong)?;
        let host = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
        let is_plain = !host.contains('/') && (!host.contains(':') || host.parse::<IpAddr>().is_ok());
        let port = port.parse().map_err(|_| wrong())?;
        if host.is_empty() || !is_plain { Err(wrong()) } else { Ok(Self { host: host.to_owned(), port }) }
    }
}

impl fmt::Display for ListenAddress {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { host, port } = self;
        if host.contains(':') { write!(formatter, "[{host}]:{port}") } else { write!(formatter, "{host}:{port}") }
    }
}

/// An IANA time zone.
#[derive(Debug, Clone, PartialEq)]
pub struct Zone(pub TimeZone);

impl Default for Zone {
    fn default() -> Self {
        Self(TimeZone::system())
    }
}

impl FromStr for Zone {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text == "system" {
            return Ok(Self::default());
        }
        let zone = TimeZone::get(text);
        zone.map(Self)
            .map_err(|_| format!("{text:?} is not an IANA time zone: write one such as Europe/Zurich, or system"))
    }
}

impl fmt::Display for Zone {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.0.iana_name().unwrap_or("system"))
    }
}

/// The id of a MADSci manager: a ULID.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ManagerId(pub String);

impl FromStr for ManagerId {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if labtrail_shared::event_id::is_ulid(text) {
            Ok(Self(text.to_owned()))
        } else {
            Err(format!("{text:?} is not a ULID (26 characters of Crockford's base 32 in upper case)"))
        }
    }
}

impl fmt::Display for ManagerId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// These stand in the config as the text that they are read from.
macro_rules! as_text {
    ($($name:ty),*) => {$(
        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
            }
        }
    )*};
}

as_text!(ListenAddress, Zone, ManagerId);

#[cfg(test)]
mod tests {
    use std::path::Path;

    use labtrail_shared::{
        kafka::{Protocol, Security},
        settings,
    };

    use super::{Config, ListenAddress};

    fn read(text: &str) -> Result<Config, String> {
        settings::parse(text, Path::new("collector.toml"), |_| Some("secret".to_owned()))
            .map_err(|error| error.to_string())
    }

    #[test]
    fn the_sample_shows_every_option_with_its_default() {
        let sample = include_str!("../../deploy/collector.toml");
        let as_is = read(sample).unwrap();
        assert_eq!(as_is.to_toml(), Config::default().to_toml());
        // A commented option is a line `#name = value`; prose has a blank behind its `#`.
        let is_option = |line: &str| line.starts_with('#') && !line.starts_with("# ") && line.contains(" = ");
        let uncomment = |line: &str| if is_option(line) { line[1..].to_owned() } else { line.to_owned() };
        let uncommented = sample.lines().map(uncomment).collect::<Vec<_>>().join("\n");
        let all = read(&uncommented).unwrap();
        let effective: toml::Table = all.to_toml().parse().unwrap();
        let shown: toml::Table = uncommented.parse().unwrap();
        assert_eq!(keys(&shown), keys(&effective), "the sample and the config have the same options");
        // What has no default is shown with an example.
        let mut default = Config { zone: all.zone.clone(), manager_id: all.manager_id.clone(), ..Config::default() };
        default.kafka.instance_id.clone_from(&all.kafka.instance_id);
        default.alerts.receivers.clone_from(&all.alerts.receivers);
        default.alerts.page_url.clone_from(&all.alerts.page_url);
        default.alerts.madsci.repeat.clone_from(&all.alerts.madsci.repeat);
        default.kafka.security = Security { protocol: Protocol::default(), ..all.kafka.security.clone() };
        assert_eq!(all.to_toml(), default.to_toml(), "the sample shows the defaults");
    }

    fn keys(table: &toml::Table) -> Vec<String> {
        let mut keys: Vec<String> = table
            .iter()
            .flat_map(|(key, value)| match value {
                toml::Value::Table(inner) => keys(inner).into_iter().map(|name| format!("{key}.{name}")).collect(),
                _ => vec![key.clone()],
            })
            .collect();
        keys.sort();
        keys
    }

    #[test]
    fn effective_settings_can_be_read_again() {
        let printed = Config::default().to_toml();
        assert_eq!(read(&printed).unwrap().to_toml(), printed);
    }

    #[test]
    fn addresses_are_read() {
        let check = |text: &str, expected: Option<&str>| {
            let read = text.parse::<ListenAddress>().ok().map(|address| address.to_string());
            assert_eq!(read.as_deref(), expected, "{text}");
        };
        check("127.0.0.1:8001", Some("127.0.0.1:8001"));
        check("localhost:0", Some("localhost:0"));
        check("[::1]:8001", Some("[::1]:8001"));
        check("8001", None);
        check(":8001", None);
        check("::1", None);
        check("http://localhost:8001", None);
        check("localhost:99999", None);
    }

    #[test]
    fn mistakes_are_named() {
        let check = |text: &str, expected: &str| assert_eq!(read(text).unwrap_err(), expected, "{text}");
        check(
            "listn = \"x\"",
            "collector.toml:1: listn: unknown key `listn`: did you mean `listen`? (valid: listen, data_dir, zone, \
             manager_id, stop_time_max, http, search, live, store, kafka, retention, backup, alerts, log)",
        );
        check(
            "zone = \"Mars/Base\"",
            "collector.toml:1: zone: \"Mars/Base\" is not an IANA time zone: write one such as Europe/Zurich, or system",
        );
        check("[store]\nreaders = 0", "collector.toml:2: store.readers: 0 is not from 1 to 64");
    }
}
