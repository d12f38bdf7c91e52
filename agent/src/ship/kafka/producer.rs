//! The client library's producer: how it is set up, and what it reports.
//!
//! It never gives up on a record because of time (`message.timeout.ms` is 0): what it does hand back failed for a reason
//! that it does not retry itself, and comes back with its payload to be sent again. Records carry no time of their own:
//! brokers refuse a time more than an hour ahead, and delete by it what a clock that is years behind has sent, so the
//! clock of an instrument's computer must not decide. A topic with `LogAppendTime` sets its own; one with `CreateTime`
//! keeps "no time", and its retention goes by the age of the file.

use std::{
    collections::HashMap,
    fmt,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread::JoinHandle,
    time::{Duration, Instant, SystemTime},
};

use labtrail_shared::kafka::SecurityError;
use rdkafka::{
    ClientConfig, ClientContext, Message,
    config::{FromClientConfigAndContext, RDKafkaLogLevel},
    error::{KafkaError, RDKafkaErrorCode},
    message::DeliveryResult,
    producer::{BaseProducer, BaseRecord, Producer as _, ProducerContext, PurgeConfig},
};
use serde::Deserialize;
use tokio::sync::Notify;
use tracing::{debug, error};

use super::{
    counters::KafkaCounters,
    parcel::{Outgoing, Parcel, Route},
};
use crate::ship::{Compression, KafkaSection, RecordForm, Reports, ShipSection};

/// Who reports that records are refused, and who that no broker can be reached.
pub(super) const ROOM: &str = "kafka";
const CONNECTION_ROOM: &str = "kafka connection";
pub(super) const DEAD_LETTER_ROOM: &str = "kafka dead letters";

/// What stands for "this record has no time" in Kafka's protocol.
const NO_TIME: i64 = -1;

/// So long does the thread that hears reports not look whether it is to end.
const POLL_TIME: Duration = Duration::from_secs(1);

/// A purge hands every record back at once; what is not back by then never comes.
const PURGE_TIME_MAX: Duration = Duration::from_secs(10);

/// What the producer's thread and the shipper share.
#[derive(Debug)]
pub(super) struct Shared {
    pub reports: Reports,
    pub counters: KafkaCounters,
    /// Tells the shipper that something was handed back, or what it asked to be told of.
    pub changed: Notify,
    /// Whether the shipper wants to hear of every delivery. Not while all is well: it would be woken for nothing.
    pub wants_deliveries: AtomicBool,
    /// The producer can do no more.
    pub is_fatal: AtomicBool,
    under_way: AtomicU64,
    delivered: [AtomicU64; 2],
    handed_back: Mutex<Vec<(Outgoing, RDKafkaErrorCode)>>,
    last_error: Mutex<Option<String>>,
    began_at: Instant,
    moved_at_millis: AtomicU64,
}

/// The reports of one producer.
struct Context(Arc<Shared>);

/// A producer of the client library.
pub(super) struct Producer {
    client: Arc<BaseProducer<Context>>,
    shared: Arc<Shared>,
    is_ended: Arc<AtomicBool>,
    thread: JoinHandle<()>,
    agent: String,
    topics: [String; 2],
}

impl fmt::Debug for Producer {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Producer").field("topics", &self.topics).finish_non_exhaustive()
    }
}

impl Shared {
    pub(super) fn new(reports: Reports, counters: KafkaCounters) -> Self {
        Self {
            reports,
            counters,
            changed: Notify::new(),
            wants_deliveries: AtomicBool::new(false),
            is_fatal: AtomicBool::new(false),
            under_way: AtomicU64::new(0),
            delivered: [const { AtomicU64::new(0) }; 2],
            handed_back: Mutex::default(),
            last_error: Mutex::default(),
            began_at: Instant::now(),
            moved_at_millis: AtomicU64::new(0),
        }
    }

    /// How many records the client library holds.
    pub(super) fn under_way(&self) -> u64 {
        self.under_way.load(Ordering::Acquire)
    }

    /// How many records were ever delivered on this route.
    pub(super) fn delivered(&self, route: Route) -> u64 {
        self.delivered[route as usize].load(Ordering::Acquire)
    }

    /// The records that came back undelivered since the last call, and why.
    pub(super) fn take_handed_back(&self) -> Vec<(Outgoing, RDKafkaErrorCode)> {
        std::mem::take(&mut *self.handed_back.lock().unwrap_or_else(PoisonError::into_inner))
    }

    pub(super) fn is_nothing_handed_back(&self) -> bool {
        self.handed_back.lock().unwrap_or_else(PoisonError::into_inner).is_empty()
    }

    /// For how long records have been under way without one being delivered.
    pub(super) fn stalled_for(&self) -> Duration {
        let moved_at = Duration::from_millis(self.moved_at_millis.load(Ordering::Relaxed));
        if self.under_way() == 0 { Duration::ZERO } else { self.began_at.elapsed().saturating_sub(moved_at) }
    }

    /// What the client library complained of last.
    pub(super) fn last_error(&self) -> Option<String> {
        self.last_error.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn moved(&self) {
        self.moved_at_millis.store(self.began_at.elapsed().as_millis() as u64, Ordering::Relaxed);
    }

    fn settle(&self, parcel: &Parcel) {
        let counters = &self.reports.counters;
        self.counters.delivered.inc();
        counters.records_delivered.inc_by(u64::from(parcel.count));
        let room = match parcel.route() {
            Route::Events => ROOM,
            Route::DeadLetters => {
                self.counters.dead_letters.inc();
                counters.records_refused.inc_by(u64::from(parcel.count));
                DEAD_LETTER_ROOM
            }
        };
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        self.counters.last_delivery.set(now.as_secs_f64());
        self.moved();
        self.reports.health.clear(CONNECTION_ROOM);
        if let Some(lasted) = self.reports.health.clear(room) {
            tracing::info!(seconds = lasted.as_secs(), "Kafka takes records again");
        }
        self.delivered[parcel.route() as usize].fetch_add(1, Ordering::AcqRel);
        parcel.consignment.delivered(&self.reports.ledger);
    }
}

impl ProducerContext for Context {
    type DeliveryOpaque = Box<Parcel>;

    fn delivery(&self, result: &DeliveryResult<'_>, parcel: Box<Parcel>) {
        let shared = &self.0;
        match result {
            Ok(_) => {
                shared.settle(&parcel);
                shared.under_way.fetch_sub(1, Ordering::AcqRel);
                if shared.wants_deliveries.load(Ordering::Acquire) {
                    shared.changed.notify_one();
                }
            }
            Err((error, message)) => {
                let code = error.rdkafka_error_code().unwrap_or(RDKafkaErrorCode::Fail);
                let payload = message.payload().unwrap_or_default().to_vec();
                let mut handed_back = shared.handed_back.lock().unwrap_or_else(PoisonError::into_inner);
                handed_back.push((Outgoing { parcel, payload }, code));
                // Only now, so that it is never in neither place.
                shared.under_way.fetch_sub(1, Ordering::AcqRel);
                shared.changed.notify_one();
            }
        }
    }
}

/// The little of the client library's statistics that is shown.
#[derive(Debug, Deserialize)]
struct Statistics {
    msg_cnt: i64,
    tx_bytes: i64,
    brokers: HashMap<String, BrokerStatistics>,
}

#[derive(Debug, Deserialize)]
struct BrokerStatistics {
    state: String,
}

impl ClientContext for Context {
    fn log(&self, _level: RDKafkaLogLevel, facility: &str, message: &str) {
        // What matters comes as an error, too, and is said once: this repeats itself with every try.
        debug!(facility, "{message}");
    }

    fn stats_raw(&self, statistics: &[u8]) {
        let Ok(statistics) = serde_json::from_slice::<Statistics>(statistics) else { return };
        let brokers_up = statistics.brokers.values().filter(|broker| broker.state == "UP").count();
        self.0.counters.queued.set(statistics.msg_cnt);
        self.0.counters.bytes_sent.set(statistics.tx_bytes);
        self.0.counters.brokers_up.set(brokers_up as i64);
        if brokers_up > 0 && self.0.reports.health.clear(CONNECTION_ROOM).is_some() {
            tracing::info!("a broker answers again");
        }
    }

    fn error(&self, error: KafkaError, reason: &str) {
        let shared = &self.0;
        let code = error.rdkafka_error_code().unwrap_or(RDKafkaErrorCode::Fail);
        shared.counters.error(code);
        match code {
            RDKafkaErrorCode::Fatal => {
                shared.is_fatal.store(true, Ordering::Release);
                shared.changed.notify_one();
            }
            RDKafkaErrorCode::AllBrokersDown => {
                let last = shared.last_error().unwrap_or_else(|| reason.to_owned());
                let is_new = !shared.reports.health.has(CONNECTION_ROOM);
                if is_new {
                    tracing::warn!(reason = %last, "no Kafka broker can be reached: trying again until one can");
                }
                shared.reports.health.report(CONNECTION_ROOM, format!("no broker can be reached: {last}"));
            }
            _ => {
                debug!(?code, reason, "the Kafka client reports");
                *shared.last_error.lock().unwrap_or_else(PoisonError::into_inner) = Some(reason.to_owned());
            }
        }
    }
}

impl Producer {
    /// A new producer. It connects by itself, and tries for ever.
    pub(super) fn new(
        options: &ClientConfig,
        agent: &str,
        topics: [String; 2],
        shared: &Arc<Shared>,
    ) -> Result<Self, KafkaError> {
        let client = BaseProducer::from_config_and_context(options, Context(shared.clone()))?;
        let (client, is_ended) = (Arc::new(client), Arc::new(AtomicBool::new(false)));
        let thread = {
            let (client, shared, is_ended) = (client.clone(), shared.clone(), is_ended.clone());
            let thread = std::thread::Builder::new().name("kafka-reports".to_owned());
            thread
                .spawn(move || hear_reports(&client, &shared, &is_ended))
                .map_err(|error| KafkaError::ClientCreation(format!("cannot start a thread: {error}")))?
        };
        Ok(Self { client, shared: shared.clone(), is_ended, thread, agent: agent.to_owned(), topics })
    }

    /// Hands a record to the client library, which copies it; or hands it back with the reason.
    pub(super) fn send(&self, outgoing: Outgoing) -> Result<(), (Outgoing, RDKafkaErrorCode)> {
        let Outgoing { parcel, payload } = outgoing;
        let (key, headers) = (parcel.key.clone(), parcel.headers(&self.agent));
        let topic = &self.topics[parcel.route() as usize];
        let was_idle = self.shared.under_way.fetch_add(1, Ordering::AcqRel) == 0;
        if was_idle {
            self.shared.moved();
            self.thread.thread().unpark();
        }
        let record = BaseRecord::with_opaque_to(topic, parcel)
            .key(&key[..])
            .payload(&payload[..])
            .timestamp(NO_TIME)
            .headers(headers);
        let refused = match self.client.send(record) {
            Ok(()) => return Ok(()),
            Err((error, record)) => (record.delivery_opaque, error.rdkafka_error_code()),
        };
        self.shared.under_way.fetch_sub(1, Ordering::AcqRel);
        let (parcel, code) = refused;
        Err((Outgoing { parcel, payload }, code.unwrap_or(RDKafkaErrorCode::Fail)))
    }

    /// Why this producer can do no more, if it cannot.
    pub(super) fn fatal_error(&self) -> Option<(RDKafkaErrorCode, String)> {
        self.client.client().fatal_error()
    }

    /// Ends this producer: everything that it holds is handed back. This blocks for a moment.
    pub(super) fn end(self) {
        self.client.purge(PurgeConfig::default().queue().inflight());
        let began_at = Instant::now();
        while self.shared.under_way() > 0 && began_at.elapsed() < PURGE_TIME_MAX {
            std::thread::sleep(Duration::from_millis(5));
        }
        if self.shared.under_way() > 0 {
            error!(
                records = self.shared.under_way(),
                "the Kafka client did not hand back all records; they are read again at the next start"
            );
        }
        self.is_ended.store(true, Ordering::Release);
        self.thread.thread().unpark();
        if self.thread.join().is_err() {
            error!("the thread that hears the Kafka client's reports panicked");
        }
    }
}

/// Hears the client library's reports until the producer is ended.
///
/// The library's own polling thread is not used: each of its polls ends in a millisecond of waiting that keeps a core
/// busy, which ten times a second is ten times what an idle agent may cost. Here that is once a second, and only while
/// records are under way.
fn hear_reports(client: &BaseProducer<Context>, shared: &Shared, is_ended: &AtomicBool) {
    /// Errors and statistics that come together while nothing is under way.
    const IDLE_REPORTS: usize = 4;
    while !is_ended.load(Ordering::Acquire) {
        if shared.under_way() > 0 {
            client.poll(POLL_TIME);
        } else {
            for _ in 0..IDLE_REPORTS {
                client.poll(Duration::ZERO);
            }
            std::thread::park_timeout(POLL_TIME);
        }
    }
}

/// The settings of the client library.
pub(super) fn options(
    brokers: &str,
    section: &ShipSection,
    kafka: &KafkaSection,
) -> Result<ClientConfig, SecurityError> {
    let mut options = ClientConfig::new();
    let compression = match section.compression {
        Compression::Auto | Compression::Lz4 => "lz4",
        Compression::Zstd => "zstd",
        Compression::None => "none",
    };
    let queue_kilobytes = section.queue_bytes().div_ceil(1024);
    // Our own bound of whole batches binds; single events are larger than their share of a batch, so there the
    // client's bound does, and the shipper waits for it.
    let (queue_kilobytes, queue_records) = match kafka.records {
        RecordForm::Batch => (queue_kilobytes * 2 + 4096, 10_000_000),
        RecordForm::Single => (queue_kilobytes, 100_000),
    };
    let mut set = |key: &str, value: &dyn fmt::Display| {
        options.set(key, value.to_string());
    };
    set("bootstrap.servers", &brokers);
    set("client.id", &"labtrail-agent");
    set("enable.idempotence", &true);
    set("acks", &"all");
    set("message.timeout.ms", &0);
    set("message.max.bytes", &kafka.message_bytes_max.0);
    set("compression.type", &compression);
    if section.compression == Compression::Zstd {
        set("compression.level", &1);
    }
    // A topic that a broker makes by itself has one partition and goes by clocks of producers: `topics create` makes it.
    set("allow.auto.create.topics", &false);
    // Batches are made before they come here; this only lets small ones of many files share a request.
    set("linger.ms", &2);
    set("batch.size", &kafka.message_bytes_max.0.min(384 << 10));
    // A batch of full size is a request of its own. Five of those of one partition may be under way, by number of records;
    // with fewer requests than that the client waits for an answer, else it keeps asking itself whether it may go on.
    set("max.in.flight.requests.per.connection", &4);
    set("queue.buffering.max.kbytes", &queue_kilobytes.clamp(1024, i32::MAX as usize / 1024));
    set("queue.buffering.max.messages", &queue_records);
    set("reconnect.backoff.max.ms", &10_000);
    set("socket.keepalive.enable", &true);
    set("statistics.interval.ms", &5000);
    // As Kafka's own clients do it, so that theirs find a source on the same partition.
    set("partitioner", &"murmur2_random");
    for (key, value) in kafka.security.options()? {
        set(key, &value);
    }
    Ok(options)
}
