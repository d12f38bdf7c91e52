//! The process: opens the store, binds the listener, starts what runs.

use std::{
    io,
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::Arc,
};

use axum::serve::ListenerExt as _;
use labtrail_shared::{
    event_id,
    shutdown::{Stop, Tasks},
    telemetry::Metrics,
};
use thiserror::Error;
use tokio::net::TcpListener;
use tracing::{info, warn};

use crate::{
    alerting::Alerting,
    api::{self, Rooms},
    backup,
    config::{Config, ListenAddress},
    consume::{self, ConsumeError},
    ingest::Ingest,
    kafka::producer::{Producer, ProducerError},
    retention,
    store::{self, StoreOpenError},
};

/// Why the collector did not start.
#[derive(Debug, Error)]
pub enum CollectorError {
    /// The store could not be opened.
    #[error(transparent)]
    Store(#[from] StoreOpenError),
    /// The door for events from Kafka could not be opened.
    #[error(transparent)]
    Consume(#[from] ConsumeError),
    /// What is sent to Kafka could not be set up.
    #[error(transparent)]
    Producer(#[from] ProducerError),
    /// Its own id could not be kept.
    #[error("keep this collector's id in {}", file.display())]
    Identity {
        /// The file.
        file: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// Somebody else listens there.
    #[error(
        "listen on {listen}: port {} is in use, perhaps by another collector or MADSci's event manager; stop that one, or \
         choose another port with --listen",
        listen.port
    )]
    InUse {
        /// Where it should listen.
        listen: ListenAddress,
    },
    /// It cannot listen there.
    #[error("listen on {listen}")]
    Listen {
        /// Where it should listen.
        listen: ListenAddress,
        /// What the system says.
        source: io::Error,
    },
}

/// A collector that runs.
#[derive(Debug)]
pub struct Collector {
    address: SocketAddr,
}

impl Collector {
    /// Starts a collector: when this returns, the store is open and the listener bound. What runs from then on runs in
    /// `tasks`, until `stop` is given; then the listener accepts nobody any more, open requests are finished, and the
    /// store commits what it has and closes.
    pub async fn start(
        config: Config,
        tasks: &mut Tasks,
        stop: Stop,
        metrics: Metrics,
    ) -> Result<Collector, CollectorError> {
        let listener = bind(&config.listen).await?;
        let address =
            listener.local_addr().map_err(|source| CollectorError::Listen { listen: config.listen.clone(), source })?;
        let manager_id = match &config.manager_id {
            Some(id) => id.0.clone(),
            None => own_id(&config.data_dir)?,
        };
        let store = store::open(&config, tasks, &metrics, stop.clone()).await?;
        let zone = config.zone.0.clone();
        let kafka = config.kafka.is_used().then(|| Producer::new(&config.kafka)).transpose()?;
        let events_max = config.http.batch_events_max.get();
        let own_name = own_id(&config.data_dir)?;
        let alerting = Alerting::start(&config, &own_name, Arc::clone(&store), tasks, &stop, &metrics).await;
        let ingest = Ingest::new(Arc::clone(&store), kafka, zone, &manager_id, events_max, &metrics);
        let ingest = Arc::new(ingest.with_marker(alerting.as_ref().map(|alerting| alerting.marker())));
        if config.kafka.is_used() {
            // The manager's id may be the same for all collectors; the name in the group must not.
            consume::start(&config.kafka, &own_name, Arc::clone(&ingest), tasks, stop.clone(), &metrics)?;
        }
        retention::start(&config.retention, Arc::clone(&store), tasks, stop.clone(), &metrics);
        let backups = backup::start(&config, Arc::clone(&store), tasks, stop.clone(), &metrics);
        let rooms = Rooms { store, ingest, alerting, backups, manager_id };
        let router = api::router(&config, rooms, metrics, tasks, stop.clone());
        let listener = listener.tap_io(|connection| {
            // Answers are small and somebody waits for each of them.
            let _ = connection.set_nodelay(true);
        });
        let service = router.into_make_service_with_connect_info::<SocketAddr>();
        let stopping = async move { stop.given().await };
        let serving = axum::serve(listener, service).with_graceful_shutdown(stopping);
        tasks.start("http listener", serving.into_future());
        info!(%address, store = %config.store_place(), zone = %config.zone, "collector started");
        if !address.ip().is_loopback() {
            warn!(%address, "listening beyond this machine, and there are no passwords yet: whoever reaches this address may read and write all events");
        }
        Ok(Self { address })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

async fn bind(listen: &ListenAddress) -> Result<TcpListener, CollectorError> {
    let bound = TcpListener::bind((listen.host.as_str(), listen.port)).await;
    bound.map_err(|source| match source.kind() {
        io::ErrorKind::AddrInUse => CollectorError::InUse { listen: listen.clone() },
        _ => CollectorError::Listen { listen: listen.clone(), source },
    })
}

/// The id by which events without a source name this collector: made up once, and the same ever after.
fn own_id(data_dir: &Path) -> Result<String, CollectorError> {
    let file = data_dir.join("manager_id");
    let error = |source| CollectorError::Identity { file: file.clone(), source };
    match std::fs::read_to_string(&file) {
        Ok(text) if event_id::is_ulid(text.trim()) => Ok(text.trim().to_owned()),
        Ok(_) => Err(error(io::Error::new(io::ErrorKind::InvalidData, "it does not hold a ULID; delete the file"))),
        Err(missing) if missing.kind() == io::ErrorKind::NotFound => {
            let id = event_id::mint();
            std::fs::create_dir_all(data_dir).and_then(|()| std::fs::write(&file, format!("{id}\n"))).map_err(error)?;
            Ok(id)
        }
        Err(source) => Err(error(source)),
    }
}
