//! Produces records: dead letters, and events that came over HTTP while the store was away.
//!
//! A send is done when all in-sync replicas have the record. Repeats do no harm, because events have ids and letters are
//! counted, so the producer is not idempotent: it then never reaches a state from which only a restart helps.

use std::time::Duration;

use bytes::Bytes;
use labtrail_shared::{kafka::SecurityError, kafka::header};
use rdkafka::{
    ClientContext,
    config::{FromClientConfigAndContext as _, RDKafkaLogLevel},
    error::{KafkaError, RDKafkaErrorCode},
    message::{DeliveryResult, Header, OwnedHeaders},
    metadata::MetadataTopic,
    producer::{BaseRecord, Producer as _, ProducerContext, ThreadedProducer},
};
use thiserror::Error;
use tokio::sync::oneshot;

use super::{KafkaConfig, dead_letter, log};
use crate::store::{DeadLetter, NewEvent};

/// How long a record may be on its way before it counts as failed. Whoever waits for it has its own idea of trying again.
const DELIVERY_TIME_MAX: Duration = Duration::from_secs(5);

/// How much may wait in the producer. Those who wait hold the same records, so this bounds little but surprises.
const QUEUE_KIB: u32 = 64 << 10;

/// The client's own limit of a record; what the broker allows is the topic's setting, and its answer is what counts.
const RECORD_BYTES_MAX: u32 = 64 << 20;

/// Why there is no producer.
#[derive(Debug, Error)]
pub enum ProducerError {
    /// The login is not complete.
    #[error("read [kafka.security]")]
    Security(#[from] SecurityError),
    /// The client library refuses the settings.
    #[error("set up the Kafka producer")]
    Client(#[source] KafkaError),
}

/// Why a record is not in Kafka.
#[derive(Debug, Clone, Error)]
pub enum SendError {
    /// It never will be: the topic takes no record of this size.
    #[error("a record of {bytes} bytes is larger than the topic {topic} takes (max.message.bytes)")]
    TooLarge {
        /// Its size.
        bytes: usize,
        /// The topic.
        topic: String,
    },
    /// It may work later.
    #[error("send a record to the topic {topic}")]
    Failed {
        /// The topic.
        topic: String,
        /// Why.
        #[source]
        source: KafkaError,
    },
}

/// A record on its way out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outgoing {
    /// Whether it is a letter; else it holds events.
    is_letter: bool,
    key: Vec<u8>,
    value: Bytes,
    headers: Vec<(&'static str, String)>,
}

impl Outgoing {
    /// One whole event. Its hash and instant go along, so that it is stored as if it had been stored here.
    pub fn event(new: &NewEvent) -> Self {
        let headers = vec![
            (header::COUNT, "1".to_owned()),
            (header::HASH, new.hash.to_string()),
            (header::TIME, new.time.to_string()),
        ];
        let key = new.event.id.as_bytes().to_vec();
        Self { is_letter: false, key, value: Bytes::from(new.event.to_json().to_string()), headers }
    }

    /// A batch as an agent wrote it. The key is that of the agent's own records: agent and file.
    pub fn batch(agent: &str, file: &str, events: usize, bytes: Bytes) -> Self {
        let headers = vec![
            (header::VERSION, labtrail_shared::wire::VERSION.to_string()),
            (header::AGENT, agent.to_owned()),
            (header::COUNT, events.to_string()),
        ];
        Self { is_letter: false, key: format!("{agent}\0{file}").into_bytes(), value: bytes, headers }
    }

    /// A part of this batch, which is too large as a whole.
    pub(crate) fn part(&self, bytes: Bytes, events: u32) -> Self {
        let mut part = Self { value: bytes, ..self.clone() };
        part.headers.retain(|(name, _)| *name != header::COUNT);
        part.headers.push((header::COUNT, events.to_string()));
        part
    }

    /// What it holds.
    pub fn value(&self) -> &[u8] {
        &self.value
    }

    /// A dead letter.
    pub fn letter(letter: DeadLetter) -> Self {
        let record = dead_letter::write(letter);
        Self { is_letter: true, key: Vec::new(), value: Bytes::from(record.value), headers: record.headers }
    }
}

type Delivered = oneshot::Sender<Result<(), KafkaError>>;

struct Context;

impl ClientContext for Context {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, text: &str) {
        log::note(level, facility, text);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        tracing::debug!(%error, reason, "kafka producer");
    }
}

impl ProducerContext for Context {
    type DeliveryOpaque = Box<Delivered>;

    fn delivery(&self, result: &DeliveryResult<'_>, delivered: Self::DeliveryOpaque) {
        let result = result.as_ref().map(|_| ()).map_err(|(error, _)| error.clone());
        // Whoever waited may have gone.
        let _ = delivered.send(result);
    }
}

/// The producer of a collector.
pub struct Producer {
    inner: ThreadedProducer<Context>,
    topic: String,
    dead_letter_topic: String,
}

impl std::fmt::Debug for Producer {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Producer").field("topic", &self.topic).finish_non_exhaustive()
    }
}

impl Producer {
    /// A producer; that no broker answers yet is no error.
    pub fn new(config: &KafkaConfig) -> Result<Self, ProducerError> {
        let mut client = config.client()?;
        client
            .set("acks", "all")
            .set("message.timeout.ms", DELIVERY_TIME_MAX.as_millis().to_string())
            .set("message.max.bytes", RECORD_BYTES_MAX.to_string())
            .set("queue.buffering.max.kbytes", QUEUE_KIB.to_string())
            .set("compression.codec", "lz4")
            // Somebody waits for each record: those that come together still share a request.
            .set("linger.ms", "1")
            // A topic that is missing comes soon, once somebody reads what we say of it.
            .set("topic.metadata.refresh.interval.ms", "5000")
            .set("allow.auto.create.topics", "false");
        let inner = ThreadedProducer::from_config_and_context(&client, Context).map_err(ProducerError::Client)?;
        Ok(Self { inner, topic: config.topic.clone(), dead_letter_topic: config.dead_letter_topic.clone() })
    }

    /// Sends records and waits for all of them; one result each, in their order.
    pub async fn send_all(&self, records: &[Outgoing]) -> Vec<Result<(), SendError>> {
        let waiting: Vec<_> = records.iter().map(|record| self.begin(record)).collect();
        let mut results = Vec::with_capacity(waiting.len());
        for (waiting, record) in waiting.into_iter().zip(records) {
            let result = match waiting {
                Ok(delivered) => {
                    let gone = KafkaError::MessageProduction(RDKafkaErrorCode::PurgeQueue);
                    delivered.await.unwrap_or(Err(gone))
                }
                Err(error) => Err(error),
            };
            results.push(result.map_err(|source| self.send_error(record, source)));
        }
        results
    }

    fn begin(&self, record: &Outgoing) -> Result<oneshot::Receiver<Result<(), KafkaError>>, KafkaError> {
        let (delivered, receiver) = oneshot::channel();
        let mut headers = OwnedHeaders::new_with_capacity(record.headers.len());
        for (key, value) in &record.headers {
            headers = headers.insert(Header { key, value: Some(value.as_str()) });
        }
        let mut outgoing = BaseRecord::with_opaque_to(self.topic_of(record), Box::new(delivered))
            .payload(&record.value[..])
            .headers(headers);
        if !record.key.is_empty() {
            outgoing = outgoing.key(&record.key[..]);
        }
        self.inner.send(outgoing).map_err(|(error, _)| error)?;
        Ok(receiver)
    }

    /// The topic in which a record belongs.
    pub(crate) fn topic_of(&self, record: &Outgoing) -> &str {
        if record.is_letter { &self.dead_letter_topic } else { &self.topic }
    }

    fn send_error(&self, record: &Outgoing, source: KafkaError) -> SendError {
        let topic = self.topic_of(record).to_owned();
        match source.rdkafka_error_code() {
            Some(RDKafkaErrorCode::MessageSizeTooLarge | RDKafkaErrorCode::InvalidMessageSize) => {
                SendError::TooLarge { bytes: record.value.len(), topic }
            }
            _ => SendError::Failed { topic, source },
        }
    }

    /// Whether the topic of the events can be reached now. Blocks for at most that time.
    pub fn is_reachable(&self, time_max: Duration) -> bool {
        let metadata = self.inner.client().fetch_metadata(Some(&self.topic), time_max);
        metadata.is_ok_and(|metadata| {
            let mut partitions = metadata.topics().iter().flat_map(MetadataTopic::partitions).peekable();
            partitions.peek().is_some() && partitions.all(|partition| partition.leader() >= 0)
        })
    }
}
