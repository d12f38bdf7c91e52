//! The two topics: made with settings under which nothing is lost, and compared with such settings later.

mod check;

use std::collections::HashMap;

use labtrail_shared::settings::ByteSize;
use rdkafka::{
    admin::{NewTopic, ResourceSpecifier, TopicReplication},
    error::{KafkaError, RDKafkaErrorCode},
    metadata::Metadata,
};
use thiserror::Error;

use super::{
    KafkaConfig,
    inquiry::{Inquiry, InquiryError, admin_options},
};
pub use check::{Finding, Verdict, report, settings_to_change};
use check::{PartitionState, Topic};

/// Replicas of each partition, where there are so many brokers: one may fail without anybody having to wait.
const REPLICAS: i32 = 3;

/// How long events stay: so long may the store be away.
const EVENTS_DAYS: u64 = 7;

/// How long dead letters stay: somebody has to come back from holiday.
const LETTERS_DAYS: u64 = 30;

/// The largest record: agents send up to 1,000,000 bytes, and key, headers and Kafka's own frame come on top.
const EVENTS_BYTES_MAX: ByteSize = ByteSize::kib(1024 + 64);

/// A letter holds a whole record, and why it is one.
const LETTERS_BYTES_MAX: ByteSize = ByteSize(2 * EVENTS_BYTES_MAX.0);

const DAY_MILLIS: u64 = 24 * 60 * 60 * 1000;

/// What is to be made.
#[derive(Debug, Clone, Copy)]
pub struct Plan {
    /// Partitions of the topic of the events.
    pub partitions: i32,
    /// Replicas of each partition of both topics; absent: three, or as many as there are brokers.
    pub replication: Option<i32>,
}

/// What became of a topic that was to be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Created {
    /// It was made.
    Made {
        /// Its name.
        topic: String,
        /// Its partitions.
        partitions: i32,
        /// The replicas of each.
        replicas: i32,
        /// Its settings.
        settings: Vec<(&'static str, String)>,
    },
    /// It was there already, and is as it was.
    There {
        /// Its name.
        topic: String,
    },
}

/// Why topics could not be made or checked.
#[derive(Debug, Error)]
pub enum TopicsError {
    /// Brokers could not be asked.
    #[error(transparent)]
    Inquiry(#[from] InquiryError),
    /// There are too few brokers.
    #[error("a replication factor of {wanted} needs as many brokers, and there are {brokers}")]
    Brokers {
        /// How many replicas are wanted.
        wanted: i32,
        /// How many brokers there are.
        brokers: i32,
    },
    /// A broker does not make it.
    #[error("create the topic {topic}")]
    Create {
        /// The topic.
        topic: String,
        /// Why.
        source: KafkaError,
    },
}

/// Makes both topics, those of them that are missing.
pub async fn create(config: &KafkaConfig, plan: Plan) -> Result<Vec<Created>, TopicsError> {
    let (inquiry, metadata) = Inquiry::open(config)?;
    let brokers = metadata.brokers().len() as i32;
    let replicas = plan.replication.unwrap_or(REPLICAS.min(brokers));
    if replicas > brokers {
        return Err(TopicsError::Brokers { wanted: replicas, brokers });
    }
    let wanted = [
        (&config.topic, plan.partitions, EVENTS_DAYS, EVENTS_BYTES_MAX),
        (&config.dead_letter_topic, 1, LETTERS_DAYS, LETTERS_BYTES_MAX),
    ];
    let mut created = Vec::new();
    for (topic, partitions, days, bytes_max) in wanted {
        let settings = settings(days, bytes_max, replicas);
        let mut new = NewTopic::new(topic, partitions, TopicReplication::Fixed(replicas));
        for (name, value) in &settings {
            new = new.set(name, value);
        }
        let error = |source| TopicsError::Create { topic: topic.clone(), source };
        let results = inquiry.admin.create_topics([&new], &admin_options()).await.map_err(error)?;
        match results.into_iter().next() {
            Some(Err((_, RDKafkaErrorCode::TopicAlreadyExists))) => {
                created.push(Created::There { topic: topic.clone() });
            }
            Some(Err((_, code))) => return Err(error(KafkaError::AdminOp(code))),
            Some(Ok(_)) | None => created.push(Created::Made { topic: topic.clone(), partitions, replicas, settings }),
        }
    }
    Ok(created)
}

/// What both topics should be made with.
fn settings(days: u64, bytes_max: ByteSize, replicas: i32) -> Vec<(&'static str, String)> {
    let mut settings = vec![
        ("retention.ms", (days * DAY_MILLIS).to_string()),
        ("max.message.bytes", bytes_max.0.to_string()),
        // An agent whose clock is hours ahead and a year of old files are both accepted, and retention counts from the
        // arrival: the time of an event is a field of the event.
        ("message.timestamp.type", "LogAppendTime".to_owned()),
        ("compression.type", "producer".to_owned()),
        ("cleanup.policy", "delete".to_owned()),
    ];
    if replicas >= REPLICAS {
        // What is acknowledged lies on two brokers, and one may be away.
        settings.push(("min.insync.replicas", "2".to_owned()));
    }
    settings
}

/// Compares both topics with what is sensible.
pub async fn check(config: &KafkaConfig) -> Result<Vec<Finding>, TopicsError> {
    let (inquiry, metadata) = Inquiry::open(config)?;
    let events = describe(&inquiry, &metadata, &config.topic).await?;
    let letters = describe(&inquiry, &metadata, &config.dead_letter_topic).await?;
    let (topic, dead_letter_topic) = (config.topic.as_str(), config.dead_letter_topic.as_str());
    Ok(check::findings((topic, events.as_ref()), (dead_letter_topic, letters.as_ref()), metadata.brokers().len()))
}

async fn describe(inquiry: &Inquiry, metadata: &Metadata, name: &str) -> Result<Option<Topic>, InquiryError> {
    let found = metadata.topics().iter().find(|topic| topic.name() == name && topic.error().is_none());
    let Some(found) = found else { return Ok(None) };
    let state = |partition: &rdkafka::metadata::MetadataPartition| PartitionState {
        is_led: partition.leader() >= 0,
        replicas: partition.replicas().len(),
        in_sync: partition.isr().len(),
    };
    let refused = |source| InquiryError::Refused { attempt: format!("read the settings of the topic {name}"), source };
    let asked = inquiry.admin.describe_configs([&ResourceSpecifier::Topic(name)], &admin_options()).await;
    let mut settings = HashMap::new();
    for resource in asked.map_err(refused)? {
        let resource = resource.map_err(|code| refused(KafkaError::AdminOp(code)))?;
        settings.extend(resource.entries.into_iter().filter_map(|entry| Some((entry.name, entry.value?))));
    }
    Ok(Some(Topic { partitions: found.partitions().iter().map(state).collect(), settings }))
}
