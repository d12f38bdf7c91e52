//! `[ship]`: where batches go, how large they are, and how they are sent.

use std::num::{NonZeroU32, NonZeroUsize};

use labtrail_shared::{
    kafka::{DEAD_LETTER_TOPIC, Security, SecurityError},
    settings::{ByteSize, Period},
};
use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::{Destination, destination::check_topic};

/// How much may be under way to a collector, and to Kafka: behind a broker that is far away more must be, to be fast.
const HTTP_QUEUE: ByteSize = ByteSize::mib(8);
const KAFKA_QUEUE: ByteSize = ByteSize::mib(32);

/// A record smaller than this could not even carry the envelope of a batch.
const MESSAGE_BYTES_MIN: u64 = 16 << 10;

/// `[ship]`
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ShipSection {
    /// The collector: `http://HOST:PORT` or `https://HOST:PORT`; or Kafka: `kafka://BROKER,BROKER/TOPIC`, where the
    /// topic may be left out for `labtrail.events`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub to: Option<Destination>,
    /// `auto` packs with zstd unless the collector is on this machine, and with lz4 for Kafka; `zstd`, `lz4` (Kafka
    /// only) or `none` force it.
    pub compression: Compression,
    /// A batch is closed when it is so large ...
    pub batch_bytes_max: ByteSize,
    /// ... or holds so many records ...
    pub batch_records_max: NonZeroU32,
    /// ... or is so old.
    pub batch_age_max: Period,
    /// How much may be under way: beyond it, reading waits. The agent's memory grows with it. Default: 8 MiB to a
    /// collector, 32 MiB to Kafka.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub queue_bytes_max: Option<ByteSize>,
    /// How many requests to a collector may be under way at once.
    pub requests_max: NonZeroUsize,
    /// A request to a collector that is not answered for so long is sent again.
    pub request_timeout: Period,
    /// The longest pause between tries while nothing can be delivered. Trying never ends.
    pub retry_pause_max: Period,
    /// How long a stop waits for what is under way. What does not arrive is sent at the next start.
    pub drain_max: Period,
    /// What only Kafka needs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kafka: Option<KafkaSection>,
}

impl Default for ShipSection {
    fn default() -> Self {
        Self {
            to: None,
            compression: Compression::Auto,
            batch_bytes_max: ByteSize::kib(256),
            batch_records_max: NonZeroU32::new(4000).expect("it is not zero"),
            batch_age_max: Period::millis(25),
            queue_bytes_max: None,
            requests_max: NonZeroUsize::new(4).expect("it is not zero"),
            request_timeout: Period::secs(60),
            retry_pause_max: Period::secs(30),
            drain_max: Period::secs(10),
            kafka: None,
        }
    }
}

/// How batches are packed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Compression {
    /// To a collector with zstd, unless it is on this machine; to Kafka with lz4.
    #[default]
    Auto,
    /// With lz4: half the work of zstd, half as much again on the wire. Kafka only.
    Lz4,
    /// With zstd, at its first level.
    Zstd,
    /// Not at all.
    None,
}

/// What a Kafka record is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RecordForm {
    /// A batch of events: much the cheapest.
    #[default]
    Batch,
    /// One whole event as JSON, for other readers of the topic.
    Single,
}

/// `[ship.kafka]`
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct KafkaSection {
    /// `batch`: a record is a batch of events. `single`: a record is one event, for other readers of the topic.
    pub records: RecordForm,
    /// Where goes an event that is too large for the brokers: its beginning, with its full size and its place.
    pub dead_letter_topic: String,
    /// The largest record that is sent; the brokers' own limit is the topic's `max.message.bytes`.
    pub message_bytes_max: ByteSize,
    /// TLS and login.
    pub security: Security,
}

impl Default for KafkaSection {
    fn default() -> Self {
        Self {
            records: RecordForm::Batch,
            dead_letter_topic: DEAD_LETTER_TOPIC.to_owned(),
            message_bytes_max: ByteSize(1_000_000),
            security: Security::default(),
        }
    }
}

/// Settings that do not go together.
#[derive(Debug, Error)]
pub enum ShipConfigError {
    /// Collectors do not read lz4.
    #[error("ship.compression = \"lz4\" is for Kafka only: use \"zstd\", or \"auto\", to send to a collector")]
    Lz4OverHttp,
    /// A section that would not be used.
    #[error(
        "[ship.kafka] is set, but ship.to is a collector: write kafka://BROKER:PORT/TOPIC there, or leave the section out"
    )]
    KafkaUnused,
    /// The dead letters' topic is not one.
    #[error("ship.kafka.dead_letter_topic {0}")]
    DeadLetterTopic(String),
    /// Dead letters among the events.
    #[error(
        "ship.kafka.dead_letter_topic is the topic of the events: name another one, such as \"{DEAD_LETTER_TOPIC}\""
    )]
    SameTopic,
    /// No batch fits into a record.
    #[error("ship.kafka.message_bytes_max = \"{0}\" is too small: at least 16KiB are needed for a record")]
    MessageTooSmall(ByteSize),
    /// Every full batch would be cut.
    #[error(
        "ship.batch_bytes_max = \"{batch}\" does not fit into ship.kafka.message_bytes_max = \"{message}\": \
         make the batch at least a tenth smaller"
    )]
    BatchTooLarge {
        /// The size at which a batch is closed.
        batch: ByteSize,
        /// The largest record.
        message: ByteSize,
    },
    /// TLS or login.
    #[error("ship.kafka.{0}")]
    Security(#[source] SecurityError),
}

impl ShipSection {
    /// How much may be under way.
    pub fn queue_bytes(&self) -> usize {
        let default = match self.to {
            Some(Destination::Kafka { .. }) => KAFKA_QUEUE,
            _ => HTTP_QUEUE,
        };
        self.queue_bytes_max.unwrap_or(default).as_usize()
    }

    /// Checks that the settings go together.
    pub(crate) fn check(&self) -> Result<(), ShipConfigError> {
        match &self.to {
            Some(Destination::Http(_)) if self.compression == Compression::Lz4 => Err(ShipConfigError::Lz4OverHttp),
            Some(Destination::Http(_)) if self.kafka.is_some() => Err(ShipConfigError::KafkaUnused),
            None | Some(Destination::Http(_)) => Ok(()),
            Some(Destination::Kafka { topic, .. }) => {
                self.kafka.clone().unwrap_or_default().check(topic, self.batch_bytes_max)
            }
        }
    }
}

impl KafkaSection {
    fn check(&self, topic: &str, batch: ByteSize) -> Result<(), ShipConfigError> {
        let message = self.message_bytes_max;
        check_topic(&self.dead_letter_topic).map_err(ShipConfigError::DeadLetterTopic)?;
        if self.dead_letter_topic == topic {
            return Err(ShipConfigError::SameTopic);
        }
        if message.0 < MESSAGE_BYTES_MIN {
            return Err(ShipConfigError::MessageTooSmall(message));
        }
        if self.records == RecordForm::Batch && batch.0 > message.0 / 10 * 9 {
            return Err(ShipConfigError::BatchTooLarge { batch, message });
        }
        self.security.options().map_err(ShipConfigError::Security)?;
        Ok(())
    }
}
