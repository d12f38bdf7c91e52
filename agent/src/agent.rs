//! The process of an agent: its rooms, tied by one bounded queue and one ledger.

use std::{
    net::{SocketAddr, TcpListener},
    path::PathBuf,
    time::Duration,
};

use jiff::tz::TimeZone;
use labtrail_shared::{
    shutdown::{Stop, Tasks},
    telemetry::Metrics,
};
use thiserror::Error;
use tokio::sync::mpsc;
use tracing::info;

use crate::{
    config::{Config, ConfigError, FilesSection, From},
    delivery::Ledger,
    intake::{BatchLimits, Intake, Origin},
    ship::{Reports, ShipError, Shipper},
    source::file::{
        FileSource, Pace, Section,
        checkpoint::{Checkpoint, CheckpointError},
    },
    status::{Counters, Health, Page, Progress},
};

/// The agent cannot start.
#[derive(Debug, Error)]
#[error(transparent)]
pub struct AgentError(#[from] Failure);

/// What failed.
#[derive(Debug, Error)]
enum Failure {
    #[error(transparent)]
    Config(#[from] ConfigError),
    #[error("create the data directory {}", .0.display())]
    DataDir(PathBuf, #[source] std::io::Error),
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    #[error(transparent)]
    Ship(#[from] ShipError),
    #[error("listen on {0} for status.listen")]
    Listen(SocketAddr, #[source] std::io::Error),
}

/// A running agent.
#[derive(Debug)]
pub struct Agent {
    progress: Progress,
    health: Health,
}

impl Agent {
    /// Opens the checkpoint and starts following; the work is done by `tasks` until `stop` is given and what was read
    /// is delivered.
    pub fn start(config: Config, tasks: &mut Tasks, stop: &Stop, metrics: &Metrics) -> Result<Self, AgentError> {
        Ok(Self::try_start(config, tasks, stop, metrics)?)
    }

    fn try_start(config: Config, tasks: &mut Tasks, stop: &Stop, metrics: &Metrics) -> Result<Self, Failure> {
        config.check()?;
        let Config { data_dir, agent, files, ship, watch, status, log: _ } = config;
        std::fs::create_dir_all(&data_dir).map_err(|error| Failure::DataDir(data_dir.clone(), error))?;
        let checkpoint = Checkpoint::open(&data_dir.join("agent-checkpoint.redb"))?;
        let host = agent.host_name.unwrap_or_else(|| gethostname::gethostname().to_string_lossy().into_owned());
        let id = agent.id.unwrap_or_else(|| host.clone());
        let counters = Counters::register(metrics);
        let progress = Progress::default();
        let ledger = Ledger::default();
        let health = Health::default();
        let room_bytes = ship.queue_bytes();
        let (queue, batches) = mpsc::channel(Intake::batches_max(room_bytes));
        let limits =
            BatchLimits { bytes_max: ship.batch_bytes_max.as_usize(), records_max: ship.batch_records_max.get() };
        let destination = ship.to.clone().ok_or(ConfigError::NoDestination)?;
        info!(agent = %id, to = %destination, "starting");
        let reports = Reports { ledger: ledger.clone(), counters: counters.clone(), health: health.clone() };
        let shipper = Shipper::new(destination, &ship, &id, reports, metrics)?;
        if let Some(address) = status.listen {
            let listener = listen(address).map_err(|error| Failure::Listen(address, error))?;
            let (health, progress) = (health.clone(), progress.clone());
            let page = Page { agent: id.clone(), health, progress, metrics: metrics.clone() };
            tasks.start("status", page.serve(listener, stop.clone()));
        }
        let intake = Intake::new((id, host), limits, queue, room_bytes, ledger.clone(), counters.clone());
        let sections = files.into_iter().map(|section| compile(section, &data_dir)).collect();
        let pace = Pace {
            scan_interval: watch.scan_interval.0,
            poll_interval: watch.poll_interval.0,
            batch_age: ship.batch_age_max.0.min(Duration::from_secs(1)),
            drain_max: ship.drain_max.0,
        };
        let source =
            FileSource::new(sections, pace, (intake, ledger.clone()), checkpoint, (counters, progress.clone()))?;
        tasks.start("ship", shipper.run(batches, stop.clone()));
        let stopped = stop.clone();
        tasks.start_thread("files", move || source.run(&stopped));
        let stopped = stop.clone();
        tasks.start("wake-for-stop", async move {
            stopped.given().await;
            ledger.wake_all();
            Ok::<(), ShipError>(())
        });
        Ok(Self { progress, health })
    }

    /// How far every file is.
    pub fn progress(&self) -> &Progress {
        &self.progress
    }

    /// What hinders the agent.
    pub fn health(&self) -> &Health {
        &self.health
    }
}

fn listen(address: SocketAddr) -> std::io::Result<TcpListener> {
    let listener = TcpListener::bind(address)?;
    listener.set_nonblocking(true)?;
    info!(address = %listener.local_addr()?, "serving /health and /metrics");
    Ok(listener)
}

fn compile(section: FilesSection, data_dir: &std::path::Path) -> Section {
    let (zone_name, zone) = if let Some(zone) = section.zone {
        (Some(zone.name), zone.zone)
    } else {
        let zone = TimeZone::system();
        (zone.iana_name().map(str::to_owned), zone)
    };
    Section {
        patterns: section.paths,
        exclude: section.exclude.and_folder(data_dir),
        reads_existing: section.from == From::Start,
        origin: Origin { zone: zone_name, labels: section.labels, source: section.source },
        zone,
        parser: section.parser,
        date_order: section.date_order,
        line_bytes_max: section.line_bytes_max.as_usize().max(1024),
        partial_after: section.partial_after.0,
    }
}
