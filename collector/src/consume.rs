//! The Kafka door: records -> ingest -> commit.
//!
//! One thread polls and never waits for anything else: it gives each record to the queue of its partition, and pauses a
//! partition of which too much waits. Each partition has a worker that reads batches, has them stored and says how far it
//! is; only then is that offset committed. So a record is dealt with at least once, and as stores know ids, exactly once.
//!
//! While the store is away a batch is tried again for ever: that is a matter of the surroundings, and never a dead letter.

mod commits;
mod context;
mod fences;
mod lost;
mod metrics;
mod partition;
mod queue;
mod retry;

use std::{
    collections::HashMap,
    sync::Arc,
    time::{Duration, Instant},
};

use labtrail_shared::{
    kafka::SecurityError,
    shutdown::{Stop, Tasks},
    telemetry::Metrics,
};
use rdkafka::{
    Message as _, Offset, TopicPartitionList,
    config::{FromClientConfigAndContext as _, RDKafkaLogLevel},
    consumer::{BaseConsumer, Consumer as _},
    error::{KafkaError, RDKafkaErrorCode},
    message::BorrowedMessage,
};
use thiserror::Error;
use tokio::{
    runtime::Handle,
    sync::Semaphore,
    task::{AbortHandle, JoinSet},
};
use tracing::{debug, error, info, warn};

use crate::{
    ingest::Ingest,
    kafka::{KafkaConfig, record::Record},
};
use commits::Commits;
use context::{Context, News};
use fences::Fences;
use lost::LostRecords;
use metrics::{KafkaMetrics, PartitionLabel};
use partition::{Progress, Worker};
use queue::{BatchLimits, Queue};
use retry::Retry;

/// The longest wait in a poll.
const POLL: Duration = Duration::from_millis(100);

/// The wait in a poll while a partition is paused, or is being let go: then the thread looks after those.
const POLL_BUSY: Duration = Duration::from_millis(5);

const COMMIT_EVERY: Duration = Duration::from_secs(1);

/// How long a batch in flight may take when its partition is taken away. Longer, and the group waits for this collector.
const FINISH_TIME_MAX: Duration = Duration::from_secs(10);

/// How long the last commit before letting go may take.
const COMMIT_TIME_MAX: Duration = Duration::from_secs(5);

/// What may wait in the queues of all partitions together, however many there are.
const QUEUES_BYTES_MAX: usize = 8 << 20;

/// No queue is smaller than this, so that a record or two always fit.
const QUEUE_BYTES_MIN: usize = 512 << 10;

/// The client refuses to ask for less at once than its `message.max.bytes`.
const FETCH_BYTES_MIN: u64 = 1_000_000;

/// Why the door cannot be opened, or closed by itself.
#[derive(Debug, Error)]
pub enum ConsumeError {
    /// The login is not complete.
    #[error("read [kafka.security]")]
    Security(#[from] SecurityError),
    /// Dead letters would be read as events.
    #[error("kafka.topic and kafka.dead_letter_topic are both {topic:?}: they must be two topics")]
    SameTopic {
        /// That topic.
        topic: String,
    },
    /// The client library refuses the settings.
    #[error("set up the Kafka consumer")]
    Client(#[source] KafkaError),
    /// The topics cannot be subscribed to.
    #[error("subscribe to the topics")]
    Subscribe(#[source] KafkaError),
    /// The system gives no thread.
    #[error("start the thread for commits")]
    Thread(#[source] std::io::Error),
    /// The group has another collector of the same name.
    #[error(
        "another collector of the group {group:?} has the same name {instance:?} and has taken over: give each its own \
         kafka.instance_id, or its own data_dir"
    )]
    Fenced {
        /// The consumer group.
        group: String,
        /// The name within the group.
        instance: String,
    },
    /// The client cannot go on.
    #[error("the Kafka client cannot go on: {reason}")]
    Fatal {
        /// What it says.
        reason: String,
    },
    /// A bug.
    #[error("the worker of a partition failed: {reason}")]
    Worker {
        /// What it says.
        reason: String,
    },
}

/// Opens the door: starts a thread that consumes until `stop` is given. That no broker answers yet is no error.
pub fn start(
    config: &KafkaConfig,
    own_id: &str,
    ingest: Arc<Ingest>,
    tasks: &mut Tasks,
    stop: Stop,
    metrics: &Metrics,
) -> Result<(), ConsumeError> {
    if config.topic == config.dead_letter_topic {
        return Err(ConsumeError::SameTopic { topic: config.topic.clone() });
    }
    let instance = config.instance_id.clone().unwrap_or_else(|| own_id.to_owned());
    let cores = std::thread::available_parallelism().map_or(2, std::num::NonZero::get);
    let (consumer, commits) = join(config, &instance)?;
    let door = Door {
        commits,
        consumer,
        instance,
        fences: Fences::default(),
        topic: Arc::from(config.topic.as_str()),
        dead_letter_topic: Arc::from(config.dead_letter_topic.as_str()),
        config: config.clone(),
        ingest,
        lanes: HashMap::new(),
        workers: JoinSet::new(),
        runtime: Handle::current(),
        // Some that are read, some that are being stored: more would only take memory.
        slots: Arc::new(Semaphore::new(cores + 1)),
        retry_slot: Arc::new(Semaphore::new(1)),
        state: State::Reading,
        troubles: Vec::new(),
        rewinds: Vec::new(),
        may_be_other_topic: false,
        metrics: Arc::new(KafkaMetrics::register(metrics)),
    };
    info!(brokers = config.brokers.join(","), group = config.group, instance = door.instance, "consuming from Kafka");
    tasks.start_thread("kafka consumer", move || door.run(&stop));
    Ok(())
}

/// A client that belongs to the group, and the thread of its commits.
fn join(config: &KafkaConfig, instance: &str) -> Result<(Arc<BaseConsumer<Context>>, Commits), ConsumeError> {
    let consumer = connect(config, instance)?;
    let topics = [config.topic.as_str(), config.dead_letter_topic.as_str()];
    consumer.subscribe(&topics).map_err(ConsumeError::Subscribe)?;
    let consumer = Arc::new(consumer);
    let commits = Commits::start(Arc::clone(&consumer)).map_err(ConsumeError::Thread)?;
    Ok((consumer, commits))
}

fn connect(config: &KafkaConfig, instance: &str) -> Result<BaseConsumer<Context>, ConsumeError> {
    let fetch_bytes = config.fetch_bytes_max.0.max(1 << 20);
    let mut client = config.client()?;
    client
        .set("group.id", &config.group)
        .set("group.instance.id", instance)
        .set("session.timeout.ms", config.session_timeout.0.as_millis().to_string())
        .set("heartbeat.interval.ms", (config.session_timeout.0.as_millis() / 10).clamp(100, 3000).to_string())
        .set("partition.assignment.strategy", "range,roundrobin")
        .set("enable.auto.commit", "false")
        .set("enable.auto.offset.store", "false")
        // A group that is new reads what is there: the other default would lose it.
        .set("auto.offset.reset", "earliest")
        .set("isolation.level", "read_committed")
        .set("allow.auto.create.topics", "false")
        // A topic that is made later is found soon.
        .set("topic.metadata.refresh.interval.ms", "5000")
        .set("statistics.interval.ms", "2000")
        // Only so does the client tell that a topic was made anew; see `context`.
        .set("debug", "topic")
        // The library's default waits a second when its queue was full once.
        .set("fetch.queue.backoff.ms", "5")
        .set("fetch.wait.max.ms", "100")
        // Nobody here waits longer for an answer.
        .set("socket.timeout.ms", "15000")
        // The bytes are the limit, for all partitions together; what is fetched at once comes on top of it.
        .set("queued.min.messages", "100000")
        .set("queued.max.messages.kbytes", (fetch_bytes / 1024).to_string())
        .set("fetch.max.bytes", (fetch_bytes / 4).max(FETCH_BYTES_MIN).to_string())
        .set("fetch.message.max.bytes", (fetch_bytes / 8).clamp(64 << 10, 1 << 20).to_string());
    // Else the lines that are waited for are left out before they come here.
    client.set_log_level(RDKafkaLogLevel::Debug);
    BaseConsumer::from_config_and_context(&client, Context::default()).map_err(ConsumeError::Client)
}

/// A partition that this collector reads: whether it is one of the dead-letter topic, and its number.
type LaneKey = (bool, i32);

struct Lane {
    topic: Arc<str>,
    queue: Arc<Queue>,
    progress: Arc<Progress>,
    worker: AbortHandle,
    /// How many records it was given.
    fetched: u64,
    /// What was last asked to be committed.
    committed: Option<i64>,
    is_paused: bool,
}

#[derive(Debug, Clone, Copy)]
enum State {
    Reading,
    /// The partitions are to be let go; the workers finish what is in flight.
    Finishing {
        deadline: Instant,
    },
    /// The last commit is on its way.
    Committing {
        deadline: Instant,
    },
}

struct Door {
    consumer: Arc<BaseConsumer<Context>>,
    instance: String,
    fences: Fences,
    topic: Arc<str>,
    dead_letter_topic: Arc<str>,
    config: KafkaConfig,
    ingest: Arc<Ingest>,
    lanes: HashMap<LaneKey, Lane>,
    workers: JoinSet<()>,
    runtime: Handle,
    slots: Arc<Semaphore>,
    retry_slot: Arc<Semaphore>,
    state: State,
    commits: Commits,
    /// What was said to be wrong, so that it is not said again and again.
    troubles: Vec<(RDKafkaErrorCode, Retry)>,
    /// Partitions of a topic that was made anew, which are still to be read from their beginning.
    rewinds: Vec<(Arc<str>, i32)>,
    /// A topic is missing or was made anew since partitions were last given out: what was read may be of another topic than
    /// that of which an offset would be committed.
    may_be_other_topic: bool,
    metrics: Arc<KafkaMetrics>,
}

impl Door {
    fn run(mut self, stop: &Stop) -> Result<(), ConsumeError> {
        loop {
            let consumer = Arc::clone(&self.consumer);
            let result = self.consume(&consumer, stop);
            // What is still in flight is not committed: it is read again.
            self.close_queues();
            self.runtime.clone().block_on(self.workers.shutdown());
            consumer.context().close();
            drop(consumer);
            let is_fenced = matches!(result, Err(ConsumeError::Fenced { .. }));
            if !is_fenced || stop.is_given() || !self.fences.allow_another(Instant::now()) {
                return result;
            }
            self.join_again()?;
        }
    }

    /// Joins the group anew, as if this collector had just started.
    fn join_again(&mut self) -> Result<(), ConsumeError> {
        warn!(
            group = self.config.group,
            instance = self.instance,
            "Kafka takes another collector for this one, as it does also after an interruption: joining the group anew"
        );
        self.forget_lanes();
        (self.consumer, self.commits) = join(&self.config, &self.instance)?;
        Ok(())
    }

    fn consume(&mut self, consumer: &BaseConsumer<Context>, stop: &Stop) -> Result<(), ConsumeError> {
        let mut commit_at = Instant::now() + COMMIT_EVERY;
        loop {
            let is_busy = !matches!(self.state, State::Reading) || self.lanes.values().any(|lane| lane.is_paused);
            match consumer.poll(if is_busy { POLL_BUSY } else { POLL }) {
                Some(Ok(message)) => self.take(&message),
                Some(Err(error)) => self.check_fatal(&error)?,
                None => {}
            }
            while let Some(news) = consumer.context().next() {
                self.hear(news);
            }
            while let Some(ended) = self.workers.try_join_next() {
                match ended {
                    Err(error) if !error.is_cancelled() => {
                        return Err(ConsumeError::Worker { reason: error.to_string() });
                    }
                    // The queue was closed; or that took too long, and the worker was stopped.
                    Ok(()) | Err(_) => {}
                }
            }
            if is_busy {
                self.resume();
            }
            if !self.rewinds.is_empty() {
                self.rewind();
            }
            match self.state {
                State::Reading if stop.is_given() => self.finish(),
                State::Reading => {}
                State::Finishing { deadline } => self.after_finishing(deadline),
                State::Committing { deadline } if Instant::now() < deadline => {}
                State::Committing { .. } => {
                    warn!(
                        "the group did not take the last offsets in time: what they cover is read again and not stored again"
                    );
                    self.let_go();
                }
            }
            if stop.is_given() && self.lanes.is_empty() {
                return Ok(());
            }
            if Instant::now() >= commit_at {
                commit_at = Instant::now() + COMMIT_EVERY;
                if matches!(self.state, State::Reading) && !self.commits.is_busy() {
                    self.commit();
                }
            }
        }
    }

    /// Gives a record to its partition.
    fn take(&mut self, message: &BorrowedMessage<'_>) {
        let key = (message.topic() == &*self.dead_letter_topic, message.partition());
        let Some(lane) = self.lanes.get_mut(&key) else { return };
        if lane.queue.is_closed() {
            return;
        }
        lane.fetched += 1;
        self.metrics.fetched.inc();
        self.metrics.fetched_bytes.inc_by(message.payload_len() as u64);
        let bytes = lane.queue.push(Record::from_message(message, &lane.topic));
        if bytes > queue_bytes_max(&self.config, self.lanes.len()) {
            self.pause(key);
        }
        if !self.troubles.is_empty() {
            self.troubles.clear();
            info!("records come from Kafka again");
        }
    }

    /// What is fetched ahead is thrown away by a pause, so a partition is resumed only when little is left.
    fn pause(&mut self, key: LaneKey) {
        let Some(lane) = self.lanes.get_mut(&key).filter(|lane| !lane.is_paused) else { return };
        if let Err(error) = self.consumer.pause(&list(&lane.topic, key.1)) {
            warn!(%error, "cannot pause a partition");
            return;
        }
        lane.is_paused = true;
        self.metrics.paused.inc();
    }

    fn resume(&mut self) {
        let bytes_max = queue_bytes_max(&self.config, self.lanes.len());
        for ((_, partition), lane) in self.lanes.iter_mut().filter(|(_, lane)| lane.is_paused) {
            if lane.queue.bytes() > bytes_max / 4 || lane.queue.is_closed() {
                continue;
            }
            if let Err(error) = self.consumer.resume(&list(&lane.topic, *partition)) {
                warn!(%error, "cannot resume a partition");
                continue;
            }
            lane.is_paused = false;
            self.metrics.paused.dec();
        }
    }

    fn hear(&mut self, news: News) {
        match news {
            News::Assigned(partitions) => self.assign(&partitions),
            News::Revoked => {
                self.metrics.rebalances.inc();
                self.finish();
            }
            News::Committed(number, result) => {
                self.commits.answered(number);
                self.metrics.commits.inc();
                if let Err(error) = result {
                    self.metrics.commit_failures.inc();
                    warn!(%error, "the group did not take the offsets; they come again with the next commit");
                    self.lanes.values_mut().for_each(|lane| lane.committed = None);
                }
                if matches!(self.state, State::Committing { .. }) && !self.commits.is_busy() {
                    self.let_go();
                }
            }
            News::Ends(ends) => {
                for (topic, partition, end) in ends {
                    let Some(lane) = self.lanes.get(&(topic == *self.dead_letter_topic, partition)) else { continue };
                    if let Some(offset) = lane.progress.offset() {
                        let label = PartitionLabel { topic: Arc::clone(&lane.topic), partition };
                        self.metrics.lag.get_or_create(&label).set((end - offset).max(0));
                    }
                }
            }
            News::Remade(topic) => self.begin_anew(&topic),
            News::Trouble(error, reason) => self.complain(&error, &reason),
        }
    }

    /// A topic was deleted and made anew while it was read. What was read of the old one says nothing of the new one, which
    /// is read from its beginning. What is in flight is still stored.
    fn begin_anew(&mut self, topic: &str) {
        self.may_be_other_topic = true;
        let holds_letters = topic == &*self.dead_letter_topic;
        if !matches!(self.state, State::Reading) || !holds_letters && topic != &*self.topic {
            return;
        }
        warn!(topic, "the topic was deleted and made anew: reading it from its beginning");
        let mut begins = TopicPartitionList::new();
        let keys: Vec<LaneKey> = self.lanes.keys().copied().filter(|key| key.0 == holds_letters).collect();
        for key in keys {
            let Some(lane) = self.lanes.remove(&key) else { continue };
            lane.queue.close();
            self.metrics.given_back.inc_by(lane.fetched - lane.progress.records());
            if lane.is_paused {
                self.metrics.paused.dec();
                if let Err(error) = self.consumer.resume(&list(&lane.topic, key.1)) {
                    warn!(%error, "cannot resume a partition");
                }
            }
            self.rewinds.push((Arc::clone(&lane.topic), key.1));
            if let Err(error) = begins.add_partition_offset(&lane.topic, key.1, Offset::Offset(0)) {
                warn!(%error, "cannot name the beginning of a partition");
            }
            self.open_lane(key.0, key.1);
        }
        // What the group knows of the old topic must not outlive this collector. If there is no room for it now, the next
        // commit says as much.
        if begins.count() > 0 {
            self.commits.order(begins);
        }
    }

    /// Tries again to go to the beginnings of topics that were made anew.
    fn rewind(&mut self) {
        let consumer = &self.consumer;
        self.rewinds.retain(|(topic, partition)| {
            let sought = consumer.seek(topic, *partition, Offset::Beginning, Duration::ZERO);
            sought.inspect_err(|error| debug!(%error, %topic, partition, "cannot go to the beginning yet")).is_err()
        });
    }

    fn assign(&mut self, partitions: &TopicPartitionList) {
        self.metrics.rebalances.inc();
        self.may_be_other_topic = false;
        let elements = partitions.elements();
        let names: Vec<String> =
            elements.iter().map(|element| format!("{}/{}", element.topic(), element.partition())).collect();
        for element in elements {
            let holds_letters = element.topic() == &*self.dead_letter_topic;
            self.open_lane(holds_letters, element.partition());
        }
        self.metrics.partitions.set(self.lanes.len() as i64);
        if let Err(error) = self.consumer.assign(partitions) {
            error!(%error, "cannot take the partitions that the group gives");
        }
        // The client remembers a pause beyond the end of an assignment.
        if let Err(error) = self.consumer.resume(partitions) {
            warn!(%error, "cannot resume partitions that were paused before");
        }
        info!(partitions = names.join(" "), "reading {} partitions", names.len());
    }

    fn open_lane(&mut self, holds_letters: bool, partition: i32) {
        let topic = Arc::clone(if holds_letters { &self.dead_letter_topic } else { &self.topic });
        let retry_pause_max = self.config.retry_pause_max.0;
        let queue = Arc::new(Queue::new(BatchLimits {
            events: self.config.batch_events_max.get(),
            bytes: self.config.batch_bytes_max.as_usize(),
            age: self.config.batch_age_max.0,
        }));
        let progress = Arc::new(Progress::none());
        let worker = Worker {
            holds_letters,
            queue: Arc::clone(&queue),
            progress: Arc::clone(&progress),
            lost: LostRecords::new(
                Arc::clone(&self.consumer),
                Arc::clone(&topic),
                partition,
                Arc::clone(&self.ingest),
                retry_pause_max,
                Arc::clone(&self.metrics),
            ),
            ingest: Arc::clone(&self.ingest),
            slots: Arc::clone(&self.slots),
            retry_slot: Arc::clone(&self.retry_slot),
            retry_pause_max,
            metrics: Arc::clone(&self.metrics),
        };
        let worker = self.workers.spawn_on(worker.run(), &self.runtime);
        let lane = Lane { topic, queue, progress, worker, fetched: 0, committed: None, is_paused: false };
        self.lanes.insert((holds_letters, partition), lane);
    }

    /// Commits what is done and not committed yet. Says whether there was anything.
    fn commit(&mut self) -> bool {
        let mut offsets = TopicPartitionList::new();
        for ((_, partition), lane) in &mut self.lanes {
            let Some(offset) = lane.progress.offset().filter(|offset| lane.committed != Some(*offset)) else {
                continue;
            };
            if offsets.add_partition_offset(&lane.topic, *partition, Offset::Offset(offset)).is_ok() {
                lane.committed = Some(offset);
            }
        }
        if offsets.count() == 0 {
            return false;
        }
        let is_ordered = self.commits.order(offsets);
        if !is_ordered {
            self.lanes.values_mut().for_each(|lane| lane.committed = None);
        }
        is_ordered
    }

    /// Begins to let the partitions go.
    fn finish(&mut self) {
        if matches!(self.state, State::Reading) {
            self.close_queues();
            self.state = State::Finishing { deadline: Instant::now() + FINISH_TIME_MAX };
        }
    }

    fn close_queues(&mut self) {
        for lane in self.lanes.values() {
            lane.queue.close();
        }
    }

    fn after_finishing(&mut self, deadline: Instant) {
        let is_late = Instant::now() >= deadline;
        if !is_late && self.lanes.values().any(|lane| !lane.worker.is_finished()) {
            return;
        }
        if is_late {
            warn!("a batch is not stored in time; it is read again by whoever reads its partition next");
            self.lanes.values().for_each(|lane| lane.worker.abort());
        }
        // Whoever has the partitions by now may have committed more than we did.
        let is_lost = self.consumer.assignment_lost();
        self.lanes.values_mut().for_each(|lane| lane.committed = None);
        if !is_lost && !self.may_be_other_topic && self.commit() {
            self.state = State::Committing { deadline: Instant::now() + COMMIT_TIME_MAX };
        } else {
            self.let_go();
        }
    }

    fn let_go(&mut self) {
        if let Err(error) = self.consumer.unassign() {
            warn!(%error, "cannot let partitions go");
        }
        let partitions = self.forget_lanes();
        if partitions > 0 {
            info!("let {partitions} partitions go");
        }
    }

    /// No partition is read any more. Says how many were.
    fn forget_lanes(&mut self) -> usize {
        self.rewinds.clear();
        let partitions = self.lanes.len();
        for (_, lane) in self.lanes.drain() {
            self.metrics.given_back.inc_by(lane.fetched - lane.progress.records());
        }
        self.metrics.partitions.set(0);
        self.metrics.paused.set(0);
        self.metrics.lag.clear();
        self.state = State::Reading;
        partitions
    }

    fn check_fatal(&self, error: &KafkaError) -> Result<(), ConsumeError> {
        let fatal = self.consumer.client().fatal_error();
        match fatal {
            Some((RDKafkaErrorCode::FencedInstanceId, _)) => {
                Err(ConsumeError::Fenced { group: self.config.group.clone(), instance: self.instance.clone() })
            }
            Some((_, reason)) => Err(ConsumeError::Fatal { reason }),
            None if matches!(error, KafkaError::MessageConsumptionFatal(_)) => {
                Err(ConsumeError::Fatal { reason: error.to_string() })
            }
            None => Ok(()),
        }
    }

    /// Says what is wrong and what helps, once and then seldom: the client itself goes on trying.
    fn complain(&mut self, error: &KafkaError, reason: &str) {
        let Some(code) = error.rdkafka_error_code() else { return };
        // One broker of several; when all are away that is said too.
        if matches!(
            code,
            RDKafkaErrorCode::BrokerTransportFailure | RDKafkaErrorCode::Resolve | RDKafkaErrorCode::Fatal
        ) {
            return;
        }
        let pause_max = self.config.retry_pause_max.0;
        let known = self.troubles.iter().position(|(known, _)| *known == code);
        let index = known.unwrap_or_else(|| {
            self.troubles.push((code, Retry::new(pause_max)));
            self.troubles.len() - 1
        });
        if !self.troubles[index].1.failed() {
            return;
        }
        match code {
            RDKafkaErrorCode::AllBrokersDown => {
                warn!(brokers = self.config.brokers.join(","), reason, "no Kafka broker can be reached; trying on");
            }
            RDKafkaErrorCode::UnknownTopicOrPartition | RDKafkaErrorCode::UnknownTopic => {
                self.may_be_other_topic = true;
                warn!(
                    reason,
                    "a topic is missing; `labtrail-collector topics create` makes what is needed; waiting for it"
                );
            }
            RDKafkaErrorCode::TopicAuthorizationFailed | RDKafkaErrorCode::GroupAuthorizationFailed => {
                warn!(reason, group = self.config.group, "Kafka does not allow it; trying on");
            }
            _ => warn!(%error, reason, "Kafka has a problem; trying on"),
        }
    }
}

fn queue_bytes_max(config: &KafkaConfig, lanes: usize) -> usize {
    let share = (QUEUES_BYTES_MAX / lanes.max(1)).max(QUEUE_BYTES_MIN);
    config.queue_bytes_max.as_usize().min(share)
}

fn list(topic: &str, partition: i32) -> TopicPartitionList {
    let mut list = TopicPartitionList::new();
    list.add_partition(topic, partition);
    list
}
