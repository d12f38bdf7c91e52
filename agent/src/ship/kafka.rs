//! Delivers batches to Kafka. An acknowledgement means that all in-sync replicas have them.
//!
//! Batches go to the client library, whose reports move the checkpoint. What it hands back is sent again, for ever:
//! whether the topic is missing, the login refused or the right to write withdrawn, it is a mistake somebody will mend.
//! Only a record that is too large is changed: a batch is cut in two, a single event goes to the dead letters. A
//! producer that met a fatal error is replaced, and what it held is sent again; events that arrive twice have the same
//! ids, and are stored once.
//!
//! What is under way is bounded by the room that a batch holds from the intake until it is delivered, wherever it waits.

mod counters;
mod dead_letter;
mod lane;
mod parcel;
mod producer;
mod single;

use std::{
    collections::VecDeque,
    sync::{Arc, atomic::Ordering},
    time::{Duration, Instant},
};

use labtrail_shared::{shutdown::Stop, telemetry::Metrics};
use rand::RngExt;
use rdkafka::{ClientConfig, error::RDKafkaErrorCode};
use tokio::sync::mpsc;
use tracing::{debug, info, warn};

use self::{
    counters::KafkaCounters,
    dead_letter::Smaller,
    lane::{Failure, Lane},
    parcel::{Outgoing, Route},
    producer::{Producer, Shared},
};
use super::{RecordForm, Reports, ShipError, ShipSection};
use crate::delivery::Batch;

/// How often it is looked whether anything moves, while something is under way.
const WATCH_INTERVAL: Duration = Duration::from_secs(1);
/// Records that are under way for so long without one being delivered are a problem worth telling.
const STALLED_AFTER: Duration = Duration::from_secs(10);
/// A producer that failed is replaced after so long, then after longer and longer.
const RENEWAL_PAUSE_MIN: Duration = Duration::from_millis(500);
/// How long to wait at most for the client library to have room again.
const FULL_PAUSE: Duration = Duration::from_millis(20);

/// Delivers the batches of a queue to Kafka.
#[derive(Debug)]
pub(crate) struct KafkaShipper {
    agent: String,
    records: RecordForm,
    topics: [String; 2],
    options: ClientConfig,
    drain_max: Duration,
    pause_max: Duration,
    shared: Arc<Shared>,
    /// Absent for a pause after one failed.
    producer: Option<Producer>,
    renewal: Renewal,
    lanes: [Lane; 2],
    /// Records that a broker found too large, perhaps for what was sent beside them: they are sent one by one.
    suspects: VecDeque<Outgoing>,
    is_library_full: bool,
    has_warned_of_size: bool,
}

/// When the next producer is made. One may fail before anything is sent, so this has a pause of its own.
#[derive(Debug)]
struct Renewal {
    at: Instant,
    pause: Duration,
    /// What had been delivered when the last one failed.
    delivered: u64,
}

impl KafkaShipper {
    /// A transport to `topic` of the cluster of `brokers`.
    pub(crate) fn new(
        brokers: &str,
        topic: &str,
        section: &ShipSection,
        agent: &str,
        reports: Reports,
        metrics: &Metrics,
    ) -> Result<Self, ShipError> {
        let kafka = section.kafka.clone().unwrap_or_default();
        let options = producer::options(brokers, section, &kafka).map_err(ShipError::Security)?;
        let shared = Arc::new(Shared::new(reports, KafkaCounters::register(metrics)));
        let topics = [topic.to_owned(), kafka.dead_letter_topic];
        let producer = Producer::new(&options, agent, topics.clone(), &shared).map_err(ShipError::Producer)?;
        Ok(Self {
            agent: agent.to_owned(),
            records: kafka.records,
            topics,
            options,
            drain_max: section.drain_max.0,
            shared,
            producer: Some(producer),
            renewal: Renewal { at: Instant::now(), pause: RENEWAL_PAUSE_MIN, delivered: 0 },
            pause_max: section.retry_pause_max.0.max(RENEWAL_PAUSE_MIN),
            lanes: Route::ALL.map(|_| Lane::new(section.retry_pause_max.0)),
            suspects: VecDeque::new(),
            is_library_full: false,
            has_warned_of_size: false,
        })
    }

    /// Delivers until the queue ends and is empty; after the stop signal at most for the time that draining may take.
    pub(crate) async fn run(mut self, mut queue: mpsc::Receiver<Batch>, stop: Stop) -> Result<(), ShipError> {
        let drain_max = self.drain_max;
        let deadline = async {
            stop.given().await;
            tokio::time::sleep(drain_max).await;
        };
        tokio::pin!(deadline);
        let shared = Arc::clone(&self.shared);
        let mut has_ended = false;
        loop {
            self.replace_producer().await;
            self.take_back();
            self.send_waiting();
            let is_settled = self.suspects.is_empty() && self.lanes.iter().all(Lane::is_empty);
            // In this order: what is handed back is entered before it is no longer counted as under way.
            if has_ended && shared.under_way() == 0 && is_settled && shared.is_nothing_handed_back() {
                break;
            }
            let takes_new = self.lanes[Route::Events as usize].is_open() && self.suspects.is_empty();
            let takes_new = takes_new && self.producer.is_some() && !has_ended;
            let wants_deliveries = !is_settled || has_ended || self.lanes.iter().any(Lane::waits_for_delivery);
            if wants_deliveries && !shared.wants_deliveries.swap(true, Ordering::AcqRel) {
                // What was delivered just before is not told of.
                continue;
            }
            shared.wants_deliveries.store(wants_deliveries, Ordering::Release);
            let wake_at = self.wake_at();
            tokio::select! {
                batch = queue.recv(), if takes_new => match batch {
                    Some(batch) => self.ship(batch),
                    None => has_ended = true,
                },
                () = shared.changed.notified() => {}
                () = tokio::time::sleep_until(wake_at.into()) => self.watch(),
                () = &mut deadline => break,
            }
        }
        self.end_producer().await;
        Ok(())
    }

    /// Sends a new batch.
    fn ship(&mut self, batch: Batch) {
        match self.records {
            RecordForm::Batch => self.send(parcel::of_batch(&self.agent, batch)),
            RecordForm::Single => {
                for outgoing in single::of_batch(&self.agent, batch) {
                    if self.lanes[outgoing.parcel.route() as usize].is_open() {
                        self.send(outgoing);
                    } else {
                        self.lanes[outgoing.parcel.route() as usize].push(outgoing);
                    }
                }
            }
        }
    }

    fn send(&mut self, outgoing: Outgoing) {
        let Some(producer) = &self.producer else {
            self.lanes[outgoing.parcel.route() as usize].push(outgoing);
            return;
        };
        if let Err((mut outgoing, code)) = producer.send(outgoing) {
            match code {
                RDKafkaErrorCode::QueueFull => {
                    self.is_library_full = true;
                    outgoing.parcel.is_alone = false;
                    self.lanes[outgoing.parcel.route() as usize].put_back(outgoing);
                }
                RDKafkaErrorCode::MessageSizeTooLarge => self.shrink(outgoing),
                code => self.failed(outgoing, code),
            }
        }
    }

    /// Deals with what was handed back.
    fn take_back(&mut self) {
        for (outgoing, code) in self.shared.take_handed_back() {
            match code {
                RDKafkaErrorCode::MessageSizeTooLarge if outgoing.parcel.is_alone => self.shrink(outgoing),
                RDKafkaErrorCode::MessageSizeTooLarge => self.suspect(outgoing),
                code => self.failed(outgoing, code),
            }
        }
    }

    /// A broker refused records for their size, perhaps only for the sum of those it got at once: batches are cut in any
    /// case, as that harms nothing; what cannot be cut is sent again with nothing beside it.
    fn suspect(&mut self, outgoing: Outgoing) {
        match dead_letter::halves(outgoing) {
            Ok((first, second)) => self.resend_halves(first, second),
            Err(outgoing) => self.suspects.push_back(outgoing),
        }
    }

    /// A record is too large even by itself.
    fn shrink(&mut self, outgoing: Outgoing) {
        let bytes = outgoing.payload.len();
        match dead_letter::smaller(&self.agent, outgoing) {
            Smaller::Halves(first, second) => self.resend_halves(first, second),
            Smaller::DeadLetter(letter, origin) => {
                if !origin.file.is_empty() {
                    warn!(
                        file = %origin.file, offset = origin.offset, bytes,
                        "an event is too large for Kafka: its beginning goes to the dead letters"
                    );
                }
                self.send(letter);
            }
            Smaller::Same(outgoing) => self.failed(outgoing, RDKafkaErrorCode::MessageSizeTooLarge),
        }
    }

    fn resend_halves(&mut self, first: Outgoing, second: Outgoing) {
        self.shared.counters.splits.inc();
        if !self.has_warned_of_size {
            self.has_warned_of_size = true;
            warn!(
                bytes = first.payload.len() + second.payload.len(),
                "a batch is too large for Kafka and is cut: let ship.batch_bytes_max, or the topic's max.message.bytes, fit"
            );
        }
        self.send(first);
        self.send(second);
    }

    /// A record will be sent again.
    fn failed(&mut self, mut outgoing: Outgoing, code: RDKafkaErrorCode) {
        let route = outgoing.parcel.route();
        outgoing.parcel.is_alone = false;
        let lane = &mut self.lanes[route as usize];
        // The library gives back what it held when its producer is ended: that is told of there.
        let is_own_doing = matches!(code, RDKafkaErrorCode::PurgeQueue | RDKafkaErrorCode::PurgeInflight);
        if code == RDKafkaErrorCode::Fatal {
            self.shared.is_fatal.store(true, Ordering::Release);
        }
        if !is_own_doing {
            self.shared.counters.error(code);
            let topic = &self.topics[route as usize];
            let room = match route {
                Route::Events => producer::ROOM,
                Route::DeadLetters => producer::DEAD_LETTER_ROOM,
            };
            self.shared.reports.health.report(room, format!("cannot deliver to topic {topic}: {code}"));
            match lane.failed(Instant::now(), jitter()) {
                Failure::Again => debug!(%topic, error = %code, "cannot deliver"),
                Failure::First | Failure::Lasting => {
                    warn!(%topic, error = %code, "cannot deliver: trying again until it works");
                }
            }
        }
        lane.push(outgoing);
        self.shared.counters.retries.inc();
        self.shared.reports.counters.retries.inc();
    }

    /// Sends what waits, as far as it may go now.
    fn send_waiting(&mut self) {
        self.is_library_full = false;
        if self.producer.is_none() {
            return;
        }
        if !self.suspects.is_empty() {
            // Until nothing else is under way; then the next of them, by itself.
            if self.shared.under_way() == 0 && self.shared.is_nothing_handed_back() {
                let mut suspect = self.suspects.pop_front().expect("it is not empty");
                suspect.parcel.is_alone = true;
                self.send(suspect);
            }
            return;
        }
        for route in Route::ALL {
            let now = Instant::now();
            while !self.is_library_full
                && let Some(outgoing) = self.lanes[route as usize].next(now, self.shared.delivered(route))
            {
                self.send(outgoing);
            }
        }
    }

    /// When to look again although nothing was reported.
    fn wake_at(&self) -> Instant {
        let now = Instant::now();
        if self.is_library_full {
            return now + FULL_PAUSE;
        }
        let is_idle = self.shared.under_way() == 0;
        let watch_at = now + if is_idle { WATCH_INTERVAL * 60 } else { WATCH_INTERVAL };
        let renewal_at = self.producer.is_none().then_some(self.renewal.at);
        self.lanes.iter().filter_map(Lane::due).chain(renewal_at).fold(watch_at, Instant::min)
    }

    /// Tells of records that neither arrive nor come back: the client library retries them by itself.
    fn watch(&self) {
        let stalled_for = self.shared.stalled_for();
        if stalled_for < STALLED_AFTER {
            return;
        }
        let is_new = !self.shared.reports.health.has(producer::ROOM);
        if is_new {
            let topic = &self.topics[Route::Events as usize];
            let text = format!(
                "cannot deliver to topic {topic}: no broker acknowledged anything for {} s; is the topic there, with \
                 leaders and enough replicas?",
                stalled_for.as_secs()
            );
            warn!("{text}");
            self.shared.reports.health.report(producer::ROOM, text);
        }
    }

    /// Replaces a producer that can do no more. What it held comes back and is sent again.
    async fn replace_producer(&mut self) {
        if self.producer.is_some() && self.shared.is_fatal.load(Ordering::Acquire) {
            self.give_up_producer().await;
        }
        if self.producer.is_some() || Instant::now() < self.renewal.at {
            return;
        }
        match Producer::new(&self.options, &self.agent, self.topics.clone(), &self.shared) {
            Ok(producer) => self.producer = Some(producer),
            Err(error) => {
                warn!(%error, "cannot make a Kafka producer: trying again");
                self.renewal.at = Instant::now() + self.pause_max;
            }
        }
    }

    async fn give_up_producer(&mut self) {
        let delivered: u64 = Route::ALL.iter().map(|route| self.shared.delivered(*route)).sum();
        let is_first = delivered != self.renewal.delivered || self.renewal.pause == RENEWAL_PAUSE_MIN;
        if is_first {
            self.renewal.pause = RENEWAL_PAUSE_MIN;
        }
        let (code, reason) = self
            .producer
            .as_ref()
            .and_then(Producer::fatal_error)
            .unwrap_or((RDKafkaErrorCode::Fatal, "it gives no reason".to_owned()));
        self.shared.counters.error(code);
        self.shared.counters.producer_restarts.inc();
        self.shared.reports.health.report(producer::ROOM, format!("the producer failed: {code} ({reason})"));
        if is_first || self.renewal.pause >= self.pause_max {
            warn!(error = %code, %reason, "the Kafka producer failed: making new ones until one works");
        }
        let now = Instant::now();
        for lane in &mut self.lanes {
            // Whoever was trying has failed; what comes back waits with the others.
            lane.failed(now, jitter());
        }
        self.end_producer().await;
        self.take_back();
        self.shared.is_fatal.store(false, Ordering::Release);
        let pause = self.renewal.pause;
        self.renewal = Renewal { at: now + pause.mul_f64(jitter()), pause: (pause * 2).min(self.pause_max), delivered };
    }

    async fn end_producer(&mut self) {
        if let Some(producer) = self.producer.take() {
            // It waits for threads of the client library.
            let ended = tokio::task::spawn_blocking(move || producer.end()).await;
            if ended.is_err() {
                info!("the Kafka client did not end well");
            }
        }
    }
}

fn jitter() -> f64 {
    rand::rng().random_range(0.5..1.0)
}

#[cfg(test)]
mod tests;
