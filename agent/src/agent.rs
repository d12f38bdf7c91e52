//! The process of an agent: its rooms, tied by one bounded queue and one ledger.

use std::{
    net::{SocketAddr, TcpListener},
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError, atomic::AtomicU64},
    time::Duration,
};

use labtrail_shared::{
    service::Watchdog,
    shutdown::{Stop, Tasks},
    telemetry::Metrics,
};
use thiserror::Error;
use tokio::sync::mpsc;
use tracing::{error, info};

use crate::{
    config::{Config, ConfigError},
    data_dir::{DataDir, DataDirError},
    delivery::Ledger,
    inputs::{InputError, Inputs},
    intake::{BatchLimits, Intake},
    own_log, platform,
    ship::{ClockWatch, Destination, Reports, ShipError, Shipper},
    source::{
        file::{Checkpoint, CheckpointError, Pace, Surroundings},
        socket::SocketCounters,
        spooler::{Spooler, report_loss},
    },
    spool::{Spool, SpoolError},
    status::{Counters, Health, Page, Progress, local_door},
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
    #[error(transparent)]
    DataDir(#[from] DataDirError),
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    #[error("open the spool in {}", .0.display())]
    Spool(PathBuf, #[source] SpoolError),
    #[error(transparent)]
    Input(#[from] InputError),
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
    configs: mpsc::Sender<Config>,
}

impl Agent {
    /// Opens the checkpoint and starts following; the work is done by `tasks` until `stop` is given and what was read
    /// is delivered.
    pub fn start(config: &Config, tasks: &mut Tasks, stop: &Stop, metrics: &Metrics) -> Result<Self, AgentError> {
        Ok(Self::try_start(config, tasks, stop, metrics)?)
    }

    fn try_start(config: &Config, tasks: &mut Tasks, stop: &Stop, metrics: &Metrics) -> Result<Self, Failure> {
        config.check()?;
        let Config { data_dir, agent, ship, status, .. } = config;
        let lock = DataDir::open(data_dir)?;
        let counters = Counters::register(metrics);
        let checkpoint = Arc::new(Mutex::new(Checkpoint::open(&data_dir.join("agent-checkpoint.redb"))?));
        report_damage(&checkpoint, &counters);
        let host = agent.host_name.clone().unwrap_or_else(|| gethostname::gethostname().to_string_lossy().into_owned());
        let id = agent.id.clone().unwrap_or_else(|| host.clone());
        let watchdog = Watchdog::default();
        let (progress, health, ledger) = (Progress::default(), Health::default(), Ledger::default());
        let host_facts = if agent.host_facts { Arc::new(platform::host_facts()) } else { Arc::default() };
        let room_bytes = ship.queue_bytes();
        let (queue, batches) = mpsc::channel(Intake::batches_max(room_bytes));
        let limits =
            BatchLimits { bytes_max: ship.batch_bytes_max.as_usize(), records_max: ship.batch_records_max.get() };
        let destination = ship.to.clone().ok_or(ConfigError::NoDestination)?;
        info!(agent = %id, to = %destination, "starting");
        let clock = ClockWatch::new(counters.clone(), health.clone());
        let reports = Reports { ledger: ledger.clone(), counters: counters.clone(), health: health.clone(), clock };
        let shipper = Shipper::new(destination.clone(), ship, &id, reports, metrics)?;
        let intake = Arc::new(Intake::new((id.clone(), host, host_facts), limits, queue, room_bytes, counters.clone()));
        let surroundings = Surroundings {
            intake: Arc::clone(&intake),
            checkpoint,
            counters: counters.clone(),
            progress: progress.clone(),
            health: health.clone(),
            folder: data_dir.clone(),
            next_id: Arc::new(AtomicU64::new(0)),
            own_outputs: own_log::own_outputs().into(),
            limits: config.limits,
            watchdog: watchdog.clone(),
            pace: pace_of(config),
        };
        let spooler = open_spool(config, &ledger, (&counters, &health), stop)?;
        let upstream = match &destination {
            Destination::Http(address) => Some(address.url()),
            Destination::Kafka { .. } => None,
        };
        let sockets = (SocketCounters::register(metrics), upstream);
        let mut inputs = Inputs::new(surroundings, ledger.clone(), data_dir.clone(), spooler.clone(), sockets);
        inputs.apply(config, stop)?;

        let page = Page {
            agent: id,
            health: health.clone(),
            progress: progress.clone(),
            metrics: metrics.clone(),
            spooler: spooler.clone(),
        };
        if let Some(address) = status.listen {
            let listener = listen(address).map_err(|error| Failure::Listen(address, error))?;
            tasks.start("status", page.clone().serve(listener, stop.clone()));
        }
        local_door::open(page, data_dir, tasks, stop);
        tasks.start("watchdog", watchdog.run(stop.clone()));
        tasks.start("ship", shipper.run(batches, stop.clone()));
        let (configs, new_configs) = mpsc::channel(1);
        let drain_max = ship.drain_max.0;
        let (ends, locked) = (stop.clone(), lock);
        tasks.start("inputs", async move {
            let ended = inputs.run(new_configs, ends, drain_max + Duration::from_secs(1)).await;
            drop(locked);
            ended
        });
        tasks.start_thread("spool", move || spooler.feed(&intake, drain_max));
        let stopped = stop.clone();
        tasks.start("wake-for-stop", async move {
            stopped.given().await;
            ledger.wake_all();
            Ok::<(), ShipError>(())
        });
        Ok(Self { progress, health, configs })
    }

    /// How far every file is.
    pub fn progress(&self) -> &Progress {
        &self.progress
    }

    /// What hinders the agent.
    pub fn health(&self) -> &Health {
        &self.health
    }

    /// Takes over what another config says of files and sockets. What is as before goes on untouched. A config that cannot be used
    /// changes nothing, and the health says why.
    pub async fn reload(&self, config: Result<Config, ConfigError>) {
        let checked = config.and_then(|config| config.check().map(|()| config));
        match checked {
            Ok(config) => {
                // It is closed only while the process ends.
                let _ = self.configs.send(config).await;
            }
            Err(error) => crate::inputs::refuse(&self.health, &labtrail_shared::telemetry::with_causes(&error)),
        }
    }
}

/// Tells what of the checkpoint could not be used.
fn report_damage(checkpoint: &Mutex<Checkpoint>, counters: &Counters) {
    let checkpoint = checkpoint.lock().unwrap_or_else(PoisonError::into_inner);
    for damage in checkpoint.damage() {
        error!(%damage, "a part of the checkpoint is damaged: what it knew is read again, and stored only once");
        counters.checkpoint_damage.inc();
    }
}

fn pace_of(config: &Config) -> Pace {
    Pace {
        scan_interval: config.watch.scan_interval.0,
        poll_interval: config.watch.poll_interval.0,
        batch_age: config.ship.batch_age_max.0.min(Duration::from_secs(1)),
        drain_max: config.ship.drain_max.0,
    }
}

/// The spool: empty, unless sockets received something that was not delivered before.
fn open_spool(
    config: &Config,
    ledger: &Ledger,
    (counters, health): (&Counters, &Health),
    stop: &Stop,
) -> Result<Spooler, Failure> {
    let folder = config.data_dir.join("spool");
    let (spool, opened) =
        Spool::open(folder.clone(), config.spool.limits()).map_err(|error| Failure::Spool(folder, error))?;
    for loss in &opened.losses {
        report_loss(counters, loss);
    }
    if opened.pending.records > 0 {
        info!(
            records = opened.pending.records,
            bytes = opened.pending.bytes,
            "the spool holds what was not delivered before"
        );
    }
    let (counters, health) = (counters.clone(), health.clone());
    Ok(Spooler::new(spool, config.spool.when_full, ledger.new_desk(), (counters, health), stop.clone()))
}

fn listen(address: SocketAddr) -> std::io::Result<TcpListener> {
    let listener = TcpListener::bind(address)?;
    listener.set_nonblocking(true)?;
    info!(address = %listener.local_addr()?, "serving /health, /status and /metrics");
    Ok(listener)
}
