//! What the collector needs of Kafka: where it is and which topics are meant. The door that reads events is `consume`.

pub mod dead_letter;
pub mod inquiry;
pub(crate) mod log;
pub mod producer;
pub mod record;
pub mod topics;

use labtrail_shared::{
    kafka::{DEAD_LETTER_TOPIC, EVENTS_TOPIC, Security, SecurityError},
    settings::{ByteSize, Period},
};
use rdkafka::ClientConfig;
use serde::{Deserialize, Serialize};

use std::num::NonZeroUsize;

/// `[kafka]`: where events come from when they come through Kafka.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct KafkaConfig {
    /// Brokers to ask first, as `HOST:PORT`. Default none: then events come over HTTP only.
    pub brokers: Vec<String>,
    /// The topic of the events. Default `labtrail.events`.
    pub topic: String,
    /// The topic of what can never be stored. Default `labtrail.dead-letter`.
    pub dead_letter_topic: String,
    /// The consumer group. Collectors of one group share the partitions among them. Default `labtrail-collector`.
    pub group: String,
    /// This collector's name within the group (`group.instance.id`): with a name that stays, a restart moves no partitions.
    /// Default: this collector's own id from `data_dir`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub instance_id: Option<String>,
    /// How long the group waits for a collector that does not speak before its partitions are given to others. Default 30s.
    pub session_timeout: Period,
    /// Events of one partition that go to the store together, at most ... Default 2000.
    pub batch_events_max: NonZeroUsize,
    /// ... so many bytes of records ... Default 2MiB.
    pub batch_bytes_max: ByteSize,
    /// ... and when the first of them has waited so long, in any case. Default 20ms.
    pub batch_age_max: Period,
    /// How many bytes of records of one partition may wait for the store before the partition is paused. Default 8MiB.
    pub queue_bytes_max: ByteSize,
    /// How much is fetched ahead from the brokers, for all partitions together. Default 4MiB.
    pub fetch_bytes_max: ByteSize,
    /// The longest pause between tries while the store or a broker is away. Trying never ends. Default 30s.
    pub retry_pause_max: Period,
    /// TLS and login.
    pub security: Security,
}

impl Default for KafkaConfig {
    fn default() -> Self {
        Self {
            brokers: Vec::new(),
            topic: EVENTS_TOPIC.to_owned(),
            dead_letter_topic: DEAD_LETTER_TOPIC.to_owned(),
            group: "labtrail-collector".to_owned(),
            instance_id: None,
            session_timeout: Period::secs(30),
            batch_events_max: NonZeroUsize::new(2000).expect("it is not zero"),
            batch_bytes_max: ByteSize::mib(2),
            batch_age_max: Period::millis(20),
            queue_bytes_max: ByteSize::mib(8),
            fetch_bytes_max: ByteSize::mib(4),
            retry_pause_max: Period::secs(30),
            security: Security::default(),
        }
    }
}

impl KafkaConfig {
    /// Whether events come through Kafka at all.
    pub fn is_used(&self) -> bool {
        !self.brokers.is_empty()
    }

    /// What every client of this collector begins with.
    pub fn client(&self) -> Result<ClientConfig, SecurityError> {
        let mut client = ClientConfig::new();
        client.set("bootstrap.servers", self.brokers.join(","));
        client.set("client.id", "labtrail-collector");
        for (option, value) in self.security.options()? {
            client.set(option, value);
        }
        Ok(client)
    }
}
