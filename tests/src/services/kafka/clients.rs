//! What tests do with topics and records, through the client library.

use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};

use rdkafka::{
    ClientConfig, ClientContext, Message, Offset, TopicPartitionList,
    admin::{AdminClient, AdminOptions, NewTopic, TopicReplication},
    client::DefaultClientContext,
    config::RDKafkaLogLevel,
    consumer::{BaseConsumer, Consumer},
    error::{KafkaError, RDKafkaErrorCode},
    message::{BorrowedMessage, Header, Headers, OwnedHeaders},
    metadata::MetadataTopic,
    producer::{BaseProducer, BaseRecord, DeliveryResult, Producer, ProducerContext},
};

use super::{Kafka, NewRecord, Record};
use crate::{
    lab::{DEADLINE, wait_until},
    services::runtime::wait,
};

/// So long does one try to reach a broker take.
const TRY_TIME_MAX: Duration = Duration::from_secs(2);

impl Kafka {
    /// Creates a topic with this much of config, such as `("max.message.bytes", "100000")`, and waits until every
    /// partition has a leader.
    #[track_caller]
    pub fn create_topic(&self, name: &str, partitions: usize, config: &[(&str, &str)]) {
        let count = i32::try_from(partitions).expect("there are few partitions");
        let replicas = i32::try_from(self.len()).expect("there are few brokers");
        let mut topic = NewTopic::new(name, count, TopicReplication::Fixed(replicas));
        topic.config = config.to_vec();
        let admin = self.admin();
        let created = wait(admin.create_topics(&[topic], &admin_options())).expect("somebody answers");
        for result in created {
            result.unwrap_or_else(|(topic, code)| panic!("create topic {topic}: {code}"));
        }
        let client: BaseConsumer = self.client().create().expect("the settings are valid");
        wait_until(&format!("{name} has leaders"), || (led_partitions(&client, name) == partitions).then_some(()));
    }

    /// Deletes a topic and waits until nobody knows it any more.
    #[track_caller]
    pub fn delete_topic(&self, name: &str) {
        let admin = self.admin();
        let deleted = wait(admin.delete_topics(&[name], &admin_options())).expect("somebody answers");
        for result in deleted {
            result.unwrap_or_else(|(topic, code)| panic!("delete topic {topic}: {code}"));
        }
        let client: BaseConsumer = self.client().create().expect("the settings are valid");
        wait_until(&format!("{name} is gone"), || (!topics(&client)?.contains(&name.to_owned())).then_some(()));
    }

    /// The names of all topics but Kafka's own.
    pub fn topics(&self) -> Vec<String> {
        let client: BaseConsumer = self.client().create().expect("the settings are valid");
        let mut names = wait_until("topics are listed", || topics(&client));
        names.retain(|name| !name.starts_with("__"));
        names.sort();
        names
    }

    /// Writes a record and waits until it lies in the topic; answers partition and offset.
    #[track_caller]
    pub fn produce(&self, topic: &str, key: &str, value: impl AsRef<[u8]>, headers: &[(&str, &str)]) -> (i32, i64) {
        let (key, value) = (Some(key.as_bytes()), Some(value.as_ref()));
        self.produce_all(topic, &[NewRecord { key, value, headers, ..NewRecord::default() }])[0]
    }

    /// Writes records in this order and waits until all lie in the topic; answers partition and offset of each. One that
    /// is under way while its broker dies may be written twice.
    #[track_caller]
    pub fn produce_all(&self, topic: &str, records: &[NewRecord<'_>]) -> Vec<(i32, i64)> {
        let mut config = self.client();
        // Idempotence would cost a second for each new client. In order, and at least once, it is without it.
        config.set("acks", "all").set("max.in.flight", "1").set("linger.ms", "2").set("compression.type", "lz4");
        // What the broker refuses is the broker's to say.
        config.set("message.max.bytes", "100000000").set("delivery.timeout.ms", DEADLINE.as_millis().to_string());
        let context = Deliveries::new(records.len());
        let producer: BaseProducer<Deliveries> = config.create_with_context(context).expect("the settings are valid");
        for (index, record) in records.iter().enumerate() {
            let mut base = base_record(topic, index, record);
            while let Err((error, refused)) = producer.send(base) {
                assert_eq!(
                    error.rdkafka_error_code(),
                    Some(RDKafkaErrorCode::QueueFull),
                    "produce to {topic}: {error}"
                );
                producer.poll(Duration::from_millis(20));
                base = refused;
            }
            producer.poll(Duration::ZERO);
        }
        producer.flush(DEADLINE * 2).unwrap_or_else(|error| panic!("produce to {topic}: {error}"));
        let placed = producer.context().take().into_iter().collect::<Result<_, _>>();
        placed.unwrap_or_else(|error| panic!("produce to {topic}: {error}"))
    }

    /// Writes a record as somebody who logs in (name, password) with `PLAIN` or `SCRAM-SHA-512`; an
    /// error is what becomes of it when the broker refuses. Only of [`Kafka::secured`].
    pub fn try_produce_as(
        &self,
        mechanism: &str,
        login: (&str, &str),
        topic: &str,
        value: &str,
    ) -> Result<(), KafkaError> {
        let mut config = client(&self.secured_brokers());
        config.set("security.protocol", "sasl_ssl").set("ssl.ca.location", self.ca_file().display().to_string());
        config.set("sasl.mechanism", mechanism).set("sasl.username", login.0).set("sasl.password", login.1);
        // A login that is refused is tried again for so long.
        config.set("message.timeout.ms", "10000");
        let producer: BaseProducer<Deliveries> = config.create_with_context(Deliveries::new(1))?;
        let record = NewRecord { value: Some(value.as_bytes()), ..NewRecord::default() };
        producer.send(base_record(topic, 0, &record)).map_err(|(error, _)| error)?;
        producer.flush(DEADLINE)?;
        producer.context().take().remove(0).map(|_| ())
    }

    /// All records that lie in a topic now, partition by partition in order of their offsets.
    #[track_caller]
    pub fn read_all(&self, topic: &str) -> Vec<Record> {
        let consumer = self.consumer("labtrail-tests-reader");
        let ends = end_offsets(&consumer, topic);
        let mut assignment = TopicPartitionList::new();
        for partition in 0..ends.len() {
            let partition = i32::try_from(partition).expect("there are few partitions");
            assignment.add_partition_offset(topic, partition, Offset::Beginning).expect("it was not added yet");
        }
        consumer.assign(&assignment).expect("partitions that exist can be assigned");
        let mut records = Vec::new();
        // Kafka tells when the end of a partition is reached; offsets may be missing (compaction, transactions).
        let mut open = ends.iter().filter(|end| **end > 0).count();
        let mut empty = ends.len() - open;
        while open > 0 {
            match consumer.poll(DEADLINE) {
                Some(Ok(message)) => records.push(record(&message)),
                Some(Err(KafkaError::PartitionEOF(partition))) => match ends.get(partition as usize) {
                    Some(0) if empty > 0 => empty -= 1,
                    _ => open -= 1,
                },
                Some(Err(_)) => {} // The client tries again by itself.
                None => panic!("{topic} cannot be read within {DEADLINE:?}"),
            }
        }
        records.sort_by_key(|record| (record.partition, record.offset));
        records
    }

    /// For each partition the offset that the next record gets.
    #[track_caller]
    pub fn end_offsets(&self, topic: &str) -> Vec<i64> {
        end_offsets(&self.consumer("labtrail-tests-reader"), topic)
    }

    /// For each partition the offset that a consumer group has committed; `None` where it has not.
    #[track_caller]
    pub fn committed_offsets(&self, group: &str, topic: &str) -> Vec<Option<i64>> {
        let consumer = self.consumer(group);
        let mut partitions = TopicPartitionList::new();
        for partition in 0..self.end_offsets(topic).len() {
            partitions.add_partition(topic, i32::try_from(partition).expect("there are few partitions"));
        }
        let committed = wait_until(&format!("the coordinator of {group} answers"), || {
            consumer.committed_offsets(partitions.clone(), TRY_TIME_MAX).ok()
        });
        let offset = |offset| if let Offset::Offset(offset) = offset { Some(offset) } else { None };
        committed.elements().iter().map(|partition| offset(partition.offset())).collect()
    }

    /// Joins a group under a name that a member of it has already, until it is given partitions, and then ends.
    #[track_caller]
    pub fn take_name(&self, group: &str, instance: &str, topics: &[&str]) {
        let mut config = self.client();
        config.set("group.id", group).set("group.instance.id", instance).set("enable.auto.commit", "false");
        config.set("partition.assignment.strategy", "range,roundrobin").set("session.timeout.ms", "6000");
        let consumer: BaseConsumer = config.create().expect("the settings are valid");
        consumer.subscribe(topics).expect("topics can be subscribed to");
        wait_until(&format!("{instance} of {group} is given partitions"), || {
            drop(consumer.poll(Duration::from_millis(20)));
            (consumer.assignment().ok()?.count() > 0).then_some(())
        });
    }

    fn consumer(&self, group: &str) -> BaseConsumer {
        let mut config = self.client();
        config.set("group.id", group).set("enable.auto.commit", "false").set("enable.partition.eof", "true");
        config.create().expect("the settings are valid")
    }

    fn admin(&self) -> AdminClient<DefaultClientContext> {
        self.client().create().expect("the settings are valid")
    }
}

/// What every client of these brokers begins with.
pub(super) fn client(brokers: &str) -> ClientConfig {
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", brokers).set("client.id", "labtrail-tests");
    // A broker that comes back is noticed at once. That one is away is no news to whoever stopped it.
    config.set("enable.sparse.connections", "false").set("fetch.wait.max.ms", "20");
    config.set("reconnect.backoff.ms", "20").set("reconnect.backoff.max.ms", "200");
    config.set_log_level(RDKafkaLogLevel::Emerg);
    config
}

/// Waits until the broker at `address` answers that `id` is a member of its cluster.
pub(super) fn wait_until_member(address: &str, id: i32, assert_running: impl Fn()) {
    let client: BaseConsumer = client(address).create().expect("the settings are valid");
    wait_until(&format!("broker {id} at {address} answers"), || {
        assert_running();
        let metadata = client.fetch_metadata(None, Duration::from_millis(500)).ok()?;
        metadata.brokers().iter().any(|broker| broker.id() == id).then_some(())
    });
}

fn admin_options() -> AdminOptions {
    AdminOptions::new().request_timeout(Some(DEADLINE)).operation_timeout(Some(DEADLINE))
}

fn topics(client: &BaseConsumer) -> Option<Vec<String>> {
    let metadata = client.fetch_metadata(None, TRY_TIME_MAX).ok()?;
    Some(metadata.topics().iter().map(|topic| topic.name().to_owned()).collect())
}

fn led_partitions(client: &BaseConsumer, topic: &str) -> usize {
    let Ok(metadata) = client.fetch_metadata(Some(topic), TRY_TIME_MAX) else { return 0 };
    let partitions = metadata.topics().iter().flat_map(MetadataTopic::partitions);
    partitions.filter(|partition| partition.error().is_none() && partition.leader() >= 0).count()
}

fn end_offsets(client: &BaseConsumer, topic: &str) -> Vec<i64> {
    let partitions = wait_until(&format!("{topic} is known"), || {
        let metadata = client.fetch_metadata(Some(topic), TRY_TIME_MAX).ok()?;
        let topic = metadata.topics().first()?;
        (topic.error().is_none() && !topic.partitions().is_empty()).then(|| topic.partitions().len())
    });
    let partitions = 0..i32::try_from(partitions).expect("there are few partitions");
    let end = |partition| {
        wait_until(&format!("partition {partition} of {topic} answers"), || {
            client.fetch_watermarks(topic, partition, TRY_TIME_MAX).ok().map(|(_, end)| end)
        })
    };
    partitions.map(end).collect()
}

/// What became of each record, at its index.
struct Deliveries(Mutex<Vec<Option<Delivery>>>);

/// Partition and offset of a record that was written.
type Delivery = Result<(i32, i64), KafkaError>;

impl Deliveries {
    fn new(records: usize) -> Self {
        Self(Mutex::new(vec![None; records]))
    }

    /// What became of each, after a flush.
    fn take(&self) -> Vec<Delivery> {
        let deliveries = std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner));
        let told = |delivery: Option<_>| delivery.expect("a flushed producer has told of every record");
        deliveries.into_iter().map(told).collect()
    }
}

impl ClientContext for Deliveries {}

impl ProducerContext for Deliveries {
    type DeliveryOpaque = usize;

    fn delivery(&self, result: &DeliveryResult<'_>, index: usize) {
        let place = match result {
            Ok(message) => Ok((message.partition(), message.offset())),
            Err((error, _)) => Err(error.clone()),
        };
        self.0.lock().unwrap_or_else(PoisonError::into_inner)[index] = Some(place);
    }
}

fn base_record<'a>(topic: &'a str, index: usize, record: &NewRecord<'a>) -> BaseRecord<'a, [u8], [u8], usize> {
    let mut base = BaseRecord::with_opaque_to(topic, index);
    base.partition = record.partition;
    base.key = record.key;
    base.payload = record.value;
    base.timestamp = record.timestamp;
    if !record.headers.is_empty() {
        let add =
            |headers: OwnedHeaders, (key, value): &(&str, &str)| headers.insert(Header { key, value: Some(*value) });
        base = base.headers(record.headers.iter().fold(OwnedHeaders::new(), add));
    }
    base
}

fn record(message: &BorrowedMessage<'_>) -> Record {
    let headers = message.headers().map(|headers| {
        let header = |header: Header<'_, &[u8]>| (header.key.to_owned(), header.value.unwrap_or_default().to_owned());
        headers.iter().map(header).collect()
    });
    Record {
        partition: message.partition(),
        offset: message.offset(),
        timestamp: message.timestamp().to_millis(),
        key: message.key().map(<[u8]>::to_owned),
        value: message.payload().unwrap_or_default().to_owned(),
        headers: headers.unwrap_or_default(),
    }
}
