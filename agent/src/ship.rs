//! Batches out, acknowledgements back.

mod clock;
mod destination;
mod http;
mod kafka;
mod settings;

pub(crate) use clock::ClockWatch;
pub use destination::Destination;
use labtrail_shared::shutdown::Stop;
pub(crate) use settings::ShipConfigError;
pub use settings::{Compression, KafkaSection, RecordForm, ShipSection};
use thiserror::Error;
use tokio::sync::mpsc;

use self::{http::HttpShipper, kafka::KafkaShipper};
use crate::{
    delivery::{Batch, Ledger},
    status::{Counters, Health},
};

/// The transport cannot be set up.
#[derive(Debug, Error)]
pub(crate) enum ShipError {
    /// The HTTP client cannot be made.
    #[error("set up the HTTP client")]
    Client(#[source] reqwest::Error),
    /// The Kafka client cannot be made.
    #[error("set up the Kafka client")]
    Producer(#[source] rdkafka::error::KafkaError),
    /// The login cannot be used.
    #[error("set up the login to Kafka")]
    Security(#[source] labtrail_shared::kafka::SecurityError),
}

/// What every transport reports to.
#[derive(Debug, Clone)]
pub(crate) struct Reports {
    /// Who waits for acknowledgements.
    pub ledger: Ledger,
    /// What is counted.
    pub counters: Counters,
    /// Whether batches can be delivered now, and why not.
    pub health: Health,
    /// What tells how far this machine's clock is off.
    pub clock: ClockWatch,
}

/// Delivers the batches of a queue.
#[derive(Debug)]
pub(crate) enum Shipper {
    /// To a collector.
    Http(Box<HttpShipper>),
    /// To brokers.
    Kafka(Box<KafkaShipper>),
}

impl Shipper {
    /// A transport to `destination`. `agent` names who sends.
    pub(crate) fn new(
        destination: Destination,
        section: &ShipSection,
        agent: &str,
        reports: Reports,
        metrics: &labtrail_shared::telemetry::Metrics,
    ) -> Result<Self, ShipError> {
        Ok(match destination {
            Destination::Http(address) => Self::Http(Box::new(HttpShipper::new(address, section, reports)?)),
            Destination::Kafka { brokers, topic } => {
                Self::Kafka(Box::new(KafkaShipper::new(&brokers, &topic, section, agent, reports, metrics)?))
            }
        })
    }

    /// Delivers until the queue ends and is empty; after the stop signal at most for the time that draining may take.
    pub(crate) async fn run(self, queue: mpsc::Receiver<Batch>, stop: Stop) -> Result<(), ShipError> {
        match self {
            Self::Http(shipper) => shipper.run(queue, stop).await,
            Self::Kafka(shipper) => shipper.run(queue, stop).await,
        }
    }
}
