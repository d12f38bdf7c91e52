//! Delivers batches over HTTP. An acknowledgement means that the collector has them on disk.
//!
//! While the collector is away the same request is tried for ever, with growing pauses; meanwhile the queue fills and
//! reading waits. Nothing but a 2xx moves on: a collector that refuses is a mistake somebody will mend, not a reason
//! to lose records.

use std::{sync::Arc, time::Duration};

use jiff::Timestamp;
use labtrail_shared::{shutdown::Stop, telemetry::with_causes, wire};
use rand::RngExt;
use reqwest::{Client, StatusCode, header};
use serde::Deserialize;
use tokio::{
    sync::{Semaphore, mpsc},
    task::JoinSet,
    time::Instant,
};
use tracing::{debug, info, warn};

use super::{Compression, Reports, ShipError, ShipSection, destination::HttpAddress};
use crate::delivery::Batch;

/// Batches that wait are sent together, up to about so much.
const REQUEST_BYTES: usize = 1 << 20;
/// Who reports what hinders it.
const ROOM: &str = "collector";
const RETRY_PAUSE_MIN: Duration = Duration::from_millis(100);
/// The fastest level that packs log lines well: about a tenth of their size.
const ZSTD_LEVEL: i32 = 1;

/// Delivers the batches of a queue.
#[derive(Debug)]
pub(crate) struct HttpShipper {
    sender: Sender,
    requests_max: usize,
    drain_max: Duration,
}

#[derive(Debug, Clone)]
struct Sender {
    client: Client,
    address: HttpAddress,
    is_packed: bool,
    retry_pause_max: Duration,
    reports: Reports,
}

/// The collector's answer to a request.
#[derive(Debug, Deserialize)]
struct Answer {
    #[serde(default)]
    duplicates: u64,
    #[serde(default)]
    refused: Vec<serde_json::Value>,
}

impl HttpShipper {
    /// A transport to the collector at `address`.
    pub(crate) fn new(address: HttpAddress, section: &ShipSection, reports: Reports) -> Result<Self, ShipError> {
        // A second installation (tests) keeps the first.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = Client::builder()
            .timeout(section.request_timeout.0)
            .connect_timeout(Duration::from_secs(10))
            .user_agent(concat!("labtrail-agent/", env!("CARGO_PKG_VERSION")))
            .build()
            .map_err(ShipError::Client)?;
        let is_packed = match section.compression {
            Compression::Auto => !address.is_loopback(),
            Compression::Zstd | Compression::Lz4 => true,
            Compression::None => false,
        };
        let retry_pause_max = section.retry_pause_max.0;
        let sender = Sender { client, address, is_packed, retry_pause_max, reports };
        Ok(Self { sender, requests_max: section.requests_max.get(), drain_max: section.drain_max.0 })
    }

    /// Delivers until the queue ends and is empty; after the stop signal at most for the time that draining may take.
    pub(crate) async fn run(self, mut queue: mpsc::Receiver<Batch>, stop: Stop) -> Result<(), ShipError> {
        let slots = Arc::new(Semaphore::new(self.requests_max));
        let mut requests = JoinSet::new();
        let deadline = async {
            stop.given().await;
            tokio::time::sleep(self.drain_max).await;
        };
        tokio::pin!(deadline);
        let mut is_over = false;
        loop {
            let next = async {
                let slot = Arc::clone(&slots).acquire_owned().await.ok()?;
                Some((slot, next_request(&mut queue).await?))
            };
            let next = tokio::select! {
                next = next => next,
                () = &mut deadline => {
                    is_over = true;
                    break;
                }
            };
            let Some((slot, batches)) = next else { break };
            let sender = self.sender.clone();
            requests.spawn(async move {
                sender.deliver(batches).await;
                drop(slot);
            });
            while requests.try_join_next().is_some() {}
        }
        if is_over {
            // A future that has ended may not be asked again.
            requests.abort_all();
        }
        tokio::select! {
            () = async { while requests.join_next().await.is_some() {} } => {}
            () = &mut deadline, if !is_over => requests.abort_all(),
        }
        Ok(())
    }
}

/// The batches that wait, as many as fit into one request; `None` when the queue has ended.
async fn next_request(queue: &mut mpsc::Receiver<Batch>) -> Option<Vec<Batch>> {
    let mut batches = vec![queue.recv().await?];
    let mut bytes = batches[0].body.len();
    while bytes < REQUEST_BYTES {
        let Ok(batch) = queue.try_recv() else { break };
        bytes += batch.body.len();
        batches.push(batch);
    }
    Some(batches)
}

impl Sender {
    /// Sends these batches until they are acknowledged.
    async fn deliver(&self, batches: Vec<Batch>) {
        let count: u64 = batches.iter().map(|batch| u64::from(batch.count)).sum();
        let receipts: Vec<_> = batches.iter().map(|batch| batch.receipt).collect();
        let (bodies, room): (Vec<_>, Vec<_>) = batches.into_iter().map(|batch| (batch.body, batch.room)).unzip();
        let body = self.pack(bodies);
        let mut pause = RETRY_PAUSE_MIN;
        let mut failing_since: Option<Instant> = None;
        loop {
            self.reports.counters.requests.inc();
            match self.send(body.clone()).await {
                Ok(answer) => {
                    self.reports.health.clear(ROOM);
                    if let Some(since) = failing_since {
                        info!(seconds = since.elapsed().as_secs(), "the collector answers again");
                    }
                    self.reports.counters.records_delivered.inc_by(count);
                    self.reports.counters.records_repeated.inc_by(answer.duplicates);
                    self.reports.counters.records_refused.inc_by(answer.refused.len() as u64);
                    if let Some(first) = answer.refused.first() {
                        warn!(count = answer.refused.len(), %first, "the collector put records among its dead letters");
                    }
                    break;
                }
                Err(failure) => {
                    // Said at first and then each time the pause has reached its longest: not per try.
                    if failing_since.is_none() || pause >= self.retry_pause_max {
                        warn!(to = %self.address, %failure, "cannot deliver: trying again until it works");
                    } else {
                        debug!(%failure, "cannot deliver");
                    }
                    self.reports.health.report(ROOM, format!("cannot deliver to {}: {failure}", self.address));
                    failing_since.get_or_insert_with(Instant::now);
                }
            }
            self.reports.counters.retries.inc();
            let jitter = rand::rng().random_range(0.5..1.0);
            tokio::time::sleep(pause.mul_f64(jitter)).await;
            pause = (pause * 2).min(self.retry_pause_max);
        }
        // Room first: the source that the acknowledgement wakes can then go on at once.
        drop(room);
        self.reports.ledger.acknowledge(receipts);
    }

    fn pack(&self, bodies: Vec<Vec<u8>>) -> bytes::Bytes {
        if self.is_packed {
            match pack_zstd(&bodies) {
                Ok(packed) => return packed.into(),
                Err(error) => warn!(%error, "cannot pack a request: it goes as it is"),
            }
        }
        if bodies.len() == 1 { bodies.into_iter().next().unwrap_or_default().into() } else { bodies.concat().into() }
    }

    async fn send(&self, body: bytes::Bytes) -> Result<Answer, String> {
        let is_zstd = body.starts_with(&ZSTD_MAGIC);
        let mut request =
            self.client.post(self.address.events_url()).header(header::CONTENT_TYPE, wire::CONTENT_TYPE).body(body);
        if is_zstd {
            request = request.header(header::CONTENT_ENCODING, "zstd");
        }
        let sent_at = Timestamp::now();
        let response = request.send().await.map_err(|error| with_causes(&error))?;
        self.reports.clock.compare(response.headers().get(header::DATE), sent_at, Timestamp::now());
        let status = response.status();
        let text = response.bytes().await.map_err(|error| with_causes(&error))?;
        if status != StatusCode::OK {
            let text = String::from_utf8_lossy(&text);
            return Err(format!("the collector answered {status}: {}", text.chars().take(500).collect::<String>()));
        }
        serde_json::from_slice(&text).map_err(|error| format!("this is no answer of a Labtrail collector: {error}"))
    }
}

/// What a zstd frame begins with (RFC 8878); an envelope begins with a brace.
const ZSTD_MAGIC: [u8; 4] = [0x28, 0xB5, 0x2F, 0xFD];

fn pack_zstd(bodies: &[Vec<u8>]) -> std::io::Result<Vec<u8>> {
    use std::io::Write;
    let bytes: usize = bodies.iter().map(Vec::len).sum();
    let mut encoder = zstd::Encoder::new(Vec::with_capacity(bytes / 4), ZSTD_LEVEL)?;
    for body in bodies {
        encoder.write_all(body)?;
    }
    encoder.finish()
}
