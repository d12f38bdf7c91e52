//! Every setting of MADSci's Event Manager, with its default and its limits.

use std::path::PathBuf;

use labtrail_shared::{event_id::is_ulid, level::LogLevel, settings::Secret};
use serde::Serialize;

use super::{
    answer::redacted,
    coerce::{self, Choice},
    email_alerts::EmailAlerts,
    problem::Problem,
    reading::Reading,
    server_url::ServerUrl,
};

/// The settings, in MADSci's order, which is that of its answers.
///
/// What MADSci reads and never uses is read, too: it appears in answers, and a wrong value is refused.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[expect(clippy::struct_excessive_bools, reason = "the settings are MADSci's")]
pub(crate) struct MadsciSettings {
    /// Where the server listens and is reached. Default `http://localhost:8001/`.
    pub(crate) server_url: ServerUrl,
    /// The ULID of this manager. Default: that of the registry, or a new one. The registry wins while it is enabled.
    pub(crate) manager_id: Option<String>,
    /// What this manager calls itself. Default `event_manager`.
    pub(crate) manager_type: Option<ManagerType>,
    /// Whether peers are limited in how much they ask. Default true.
    pub(crate) rate_limit_enabled: bool,
    /// How many requests a peer may make in the long window. Default 300.
    pub(crate) rate_limit_requests: u64,
    /// The length of the long window in seconds. Default 60.
    pub(crate) rate_limit_window: u64,
    /// How many requests a peer may make in the short window; null: any number. Default 50.
    pub(crate) rate_limit_short_requests: Option<u64>,
    /// The length of the short window in seconds; null: there is none. Default 1.
    pub(crate) rate_limit_short_window: Option<u64>,
    /// How often, in seconds, what is known of silent peers is forgotten. Default 300.
    pub(crate) rate_limit_cleanup_interval: u64,
    /// Addresses that are not limited; null: `127.0.0.1` and `::1`; an empty list: nobody. Default null.
    pub(crate) rate_limit_exempt_ips: Option<Vec<String>>,
    /// Worker processes. Default null. MADSci does not start with more than one.
    pub(crate) uvicorn_workers: Option<u64>,
    /// How many connections may be open; null: any number. Default null.
    pub(crate) uvicorn_limit_concurrency: Option<u64>,
    /// After how many requests the process ends; null: never. Default null.
    pub(crate) uvicorn_limit_max_requests: Option<u64>,
    /// Whether the manager's id comes from the registry. Default true.
    pub(crate) enable_registry_resolution: bool,
    /// The name to look up in the registry and to show. Default: `EventManager`.
    pub(crate) manager_name: Option<String>,
    /// What the API's page says of this manager. Default null.
    pub(crate) manager_description: Option<String>,
    /// The lab manager. Default null. MADSci 0.7.1 asks it for ids with calls that its own client does not have.
    pub(crate) lab_url: Option<ServerUrl>,
    /// How many seconds to wait while another process holds our name in the registry. Default 60.
    pub(crate) registry_lock_timeout: f64,
    /// Whether traces and metrics are exported. Default false.
    pub(crate) otel_enabled: bool,
    /// The name of the service in traces; null: that of the manager. Default null.
    pub(crate) otel_service_name: Option<String>,
    /// Where traces go. Default `console`.
    pub(crate) otel_exporter: OtelExporter,
    /// The address of the collector of traces. Default null.
    pub(crate) otel_endpoint: Option<String>,
    /// How traces are sent. Default `grpc`.
    pub(crate) otel_protocol: OtelProtocol,
    /// The database. Default `mongodb://localhost:27017`.
    #[serde(serialize_with = "redacted")]
    pub(crate) mongo_db_url: Secret,
    /// The database's name. Default `madsci_events`.
    pub(crate) database_name: String,
    /// The collection of events. Default `events`.
    pub(crate) collection_name: String,
    /// The level from which an event raises an alert. Default error.
    pub(crate) alert_level: LogLevel,
    /// How alerts are mailed; null: they are not. Default null.
    pub(crate) email_alerts: Option<EmailAlerts>,
    /// Whether old events are archived and deleted. Default false.
    pub(crate) retention_enabled: bool,
    /// After how many days an event is archived. Default 90.
    pub(crate) soft_delete_after_days: u64,
    /// After how many days in the archive an event is deleted. Default 365.
    pub(crate) hard_delete_after_days: u64,
    /// How often, in hours, old events are looked for. Default 24.
    pub(crate) retention_check_interval_hours: u64,
    /// How many events are archived at a time. Default 1000.
    pub(crate) archive_batch_size: u64,
    /// How many batches are archived at one look; 0: any number. Default 100.
    pub(crate) max_batches_per_run: u64,
    /// Whether backups are made by themselves. Default false. MADSci never makes them.
    pub(crate) backup_enabled: bool,
    /// When backups are made, in the form of cron. Default null.
    pub(crate) backup_schedule: Option<String>,
    /// Where backups are kept. Default `.madsci/backups/events` of the project.
    pub(crate) backup_dir: PathBuf,
    /// How many backups are kept. Default 10.
    pub(crate) backup_max_count: u64,
    /// Whether a failure to archive ends the server's retention. Default false.
    pub(crate) fail_on_retention_error: bool,
}

impl MadsciSettings {
    /// The name to look up in the registry: MADSci takes that of its class where none is set.
    pub(crate) fn registry_name(&self) -> &str {
        self.manager_name.as_deref().filter(|name| !name.is_empty()).unwrap_or("EventManager")
    }

    /// Reads every setting; what is wrong has its default and is noted in `read`.
    pub(super) fn read(read: &mut Reading) -> Self {
        let url = |text| ServerUrl::parse(text).expect("a default URL is one");
        let settings = Self {
            server_url: read.value("server_url", url("http://localhost:8001"), coerce::url),
            manager_id: read.optional_text("manager_id"),
            manager_type: read.optional("manager_type", Some(ManagerType::Event), coerce::choice),
            rate_limit_enabled: read.value("rate_limit_enabled", true, coerce::boolean),
            rate_limit_requests: read.value("rate_limit_requests", 300, coerce::positive),
            rate_limit_window: read.value("rate_limit_window", 60, coerce::positive),
            rate_limit_short_requests: read.optional("rate_limit_short_requests", Some(50), coerce::positive),
            rate_limit_short_window: read.optional("rate_limit_short_window", Some(1), coerce::positive),
            rate_limit_cleanup_interval: read.value("rate_limit_cleanup_interval", 300, coerce::positive),
            rate_limit_exempt_ips: read.optional("rate_limit_exempt_ips", None, coerce::texts),
            uvicorn_workers: read.optional("uvicorn_workers", None, coerce::positive),
            uvicorn_limit_concurrency: read.optional("uvicorn_limit_concurrency", None, coerce::positive),
            uvicorn_limit_max_requests: read.optional("uvicorn_limit_max_requests", None, coerce::positive),
            enable_registry_resolution: read.value("enable_registry_resolution", true, coerce::boolean),
            manager_name: read.optional_text("manager_name"),
            manager_description: read.optional_text("manager_description"),
            lab_url: read.optional("lab_url", None, coerce::url),
            registry_lock_timeout: read.value("registry_lock_timeout", 60.0, coerce::float),
            otel_enabled: read.value("otel_enabled", false, coerce::boolean),
            otel_service_name: read.optional_text("otel_service_name"),
            otel_exporter: read.value("otel_exporter", OtelExporter::Console, coerce::choice),
            otel_endpoint: read.optional_text("otel_endpoint"),
            otel_protocol: read.value("otel_protocol", OtelProtocol::Grpc, coerce::choice),
            mongo_db_url: read.mongo_db_url("mongodb://localhost:27017"),
            database_name: read.text("database_name", "madsci_events"),
            collection_name: read.text("collection_name", "events"),
            alert_level: read.value("alert_level", LogLevel::Error, coerce::level),
            email_alerts: read.part("email_alerts", EmailAlerts::read),
            retention_enabled: read.value("retention_enabled", false, coerce::boolean),
            soft_delete_after_days: read.value("soft_delete_after_days", 90, coerce::positive),
            hard_delete_after_days: read.value("hard_delete_after_days", 365, coerce::positive),
            retention_check_interval_hours: read.value("retention_check_interval_hours", 24, coerce::positive),
            archive_batch_size: read.value("archive_batch_size", 1000, coerce::positive),
            max_batches_per_run: read.value("max_batches_per_run", 100, coerce::natural),
            backup_enabled: read.value("backup_enabled", false, coerce::boolean),
            backup_schedule: read.optional_text("backup_schedule"),
            backup_dir: read.text("backup_dir", ".madsci/backups/events").into(),
            backup_max_count: read.value("backup_max_count", 10, coerce::positive),
            fail_on_retention_error: read.value("fail_on_retention_error", false, coerce::boolean),
        };
        settings.check_manager_id(read);
        settings
    }

    /// MADSci does not start with an id that is no ULID, once the id is used.
    fn check_manager_id(&self, read: &mut Reading) {
        let id = self.manager_id.as_deref().unwrap_or_default();
        if self.enable_registry_resolution || id.is_empty() || is_ulid(id) {
            return;
        }
        let expected = "is not a ULID: write 26 characters of Crockford's base 32 in upper case".to_owned();
        let origin = read.origin("manager_id");
        read.problem(Problem::Value { origin, value: format!("{id:?}"), expected });
    }
}

/// An enum whose variants stand for texts, and are read and printed as those.
macro_rules! choice {
    ($(#[$doc:meta])* $name:ident { $($(#[$variant_doc:meta])* $variant:ident = $text:literal,)* }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
        pub(crate) enum $name {
            $($(#[$variant_doc])* #[serde(rename = $text)] $variant,)*
        }

        impl Choice for $name {
            const ALL: &'static [(&'static str, Self)] = &[$(($text, Self::$variant),)*];
        }
    };
}

choice! {
    /// What a manager of MADSci manages.
    ManagerType {
        /// Workcells.
        Workcell = "workcell_manager",
        /// Resources.
        Resource = "resource_manager",
        /// Events.
        Event = "event_manager",
        /// Who may do what.
        Auth = "auth_manager",
        /// Data.
        Data = "data_manager",
        /// Transfers.
        Transfer = "transfer_manager",
        /// Experiments.
        Experiment = "experiment_manager",
        /// The laboratory.
        Lab = "lab_manager",
        /// Locations.
        Location = "location_manager",
    }
}

choice! {
    /// Where traces go.
    OtelExporter {
        /// To standard output.
        Console = "console",
        /// To a collector of traces.
        Otlp = "otlp",
        /// Nowhere.
        Nowhere = "none",
    }
}

choice! {
    /// How traces are sent.
    OtelProtocol {
        /// By gRPC.
        Grpc = "grpc",
        /// By HTTP.
        Http = "http",
    }
}
