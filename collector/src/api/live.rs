//! What arrives, to those who watch.
//!
//! One task follows the store's numbers of arrival and reads what is new, once for all watchers, and only while there are
//! any. So ingest does nothing for them, what they see is stored, and it comes in the order in which it can be asked for
//! again: a watcher that comes back and says which number it saw last misses nothing and gets nothing twice.

use std::{
    convert::Infallible,
    sync::{Arc, OnceLock},
    time::Duration,
};

use bytes::{BufMut as _, Bytes, BytesMut};
use futures_util::Stream;
use labtrail_shared::{
    shutdown::{Stop, Tasks},
    telemetry::Metrics,
};
use prometheus_client::metrics::{counter::Counter, gauge::Gauge};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, broadcast};
use tracing::warn;

use crate::{
    config::LiveConfig,
    store::{Criteria, EventStore, StoreError, StoredEvent},
};

/// Events read from the store at a time.
const READ_EVENTS: usize = 500;

/// When the task is this far behind what arrives, it leaves out what is in between: watchers want to see the present.
const BEHIND_EVENTS_MAX: i64 = 20_000;

/// Events that arrive together are sent together, up to this size.
const FRAME_BYTES: usize = 64 << 10;

/// Proxies cut connections on which nothing comes.
const HEARTBEAT: Duration = Duration::from_secs(15);

/// After a failure of the store the task tries again.
const RETRY_PAUSE: Duration = Duration::from_secs(1);

/// How soon a browser connects again.
const RECONNECT_MS: u32 = 1000;

/// Something that arrived.
#[derive(Debug, Clone)]
enum News {
    Event(Arc<Arrival>),
    /// So many events were left out.
    Gap(u64),
}

/// An event, and its text once somebody needed it.
#[derive(Debug)]
struct Arrival {
    seq: i64,
    event: StoredEvent,
    frame: OnceLock<Bytes>,
}

impl Arrival {
    fn new((seq, event): (i64, StoredEvent)) -> Self {
        Self { seq, event, frame: OnceLock::new() }
    }

    fn frame(&self) -> &Bytes {
        self.frame.get_or_init(|| {
            let seq = self.seq;
            Bytes::from(format!("id: {seq}\ndata: {}\n\n", self.event.clone().into_json()))
        })
    }
}

#[derive(Debug)]
pub(super) struct Live {
    store: Arc<dyn EventStore>,
    news: broadcast::Sender<News>,
    places: Arc<Semaphore>,
    stop: Stop,
    metrics: Arc<LiveMetrics>,
}

#[derive(Debug, Default)]
struct LiveMetrics {
    watchers: Gauge,
    missed: Counter,
}

impl Live {
    pub(super) fn start(
        store: Arc<dyn EventStore>,
        config: &LiveConfig,
        metrics: &Metrics,
        tasks: &mut Tasks,
        stop: Stop,
    ) -> Self {
        let (news, _) = broadcast::channel(config.queue_events_max.get());
        let live_metrics = Arc::new(LiveMetrics::default());
        metrics.register(|registry| {
            registry.register("live_watchers", "Open live streams", live_metrics.watchers.clone());
            registry.register("live_missed", "Events that watchers were too slow for", live_metrics.missed.clone());
        });
        let (follower, followers_stop) = (Follower { store: Arc::clone(&store), news: news.clone() }, stop.clone());
        tasks.start("live tail", async move {
            tokio::select! {
                () = followers_stop.given() => {}
                () = follower.run() => {}
            }
            Ok::<(), Infallible>(())
        });
        let places = Arc::new(Semaphore::new(config.watchers_max.get()));
        Self { store, news, places, stop, metrics: live_metrics }
    }

    /// A stream of what arrives from now on, or of all that arrived after a number; none if too many watch already.
    pub(super) fn watch(
        &self,
        criteria: Criteria,
        after: Option<i64>,
    ) -> Option<impl Stream<Item = Result<Bytes, StoreError>> + Send + 'static> {
        let place = Arc::clone(&self.places).try_acquire_owned().ok()?;
        let last_seq = *self.store.last_seq().borrow();
        self.metrics.watchers.inc();
        let watcher = Watcher {
            store: Arc::clone(&self.store),
            news: self.news.subscribe(),
            sender: self.news.clone(),
            criteria,
            // A number from the future is one of a store that was replaced.
            seq: after.unwrap_or(last_seq).min(last_seq),
            state: WatcherState::New,
            metrics: Arc::clone(&self.metrics),
            _place: place,
        };
        let stop = self.stop.clone();
        Some(futures_util::stream::unfold(watcher, move |mut watcher| {
            let stop = stop.clone();
            async move {
                tokio::select! {
                    () = stop.given() => None,
                    frame = watcher.next() => Some((frame, watcher)),
                }
            }
        }))
    }
}

/// Reads what arrives for all watchers.
struct Follower {
    store: Arc<dyn EventStore>,
    news: broadcast::Sender<News>,
}

impl Follower {
    async fn run(self) {
        let mut arrivals = self.store.last_seq();
        let mut seq = *arrivals.borrow_and_update();
        // The sender is in the store, which this task holds.
        while arrivals.changed().await.is_ok() {
            loop {
                let last = *arrivals.borrow_and_update();
                if self.news.receiver_count() == 0 {
                    seq = last;
                }
                if last - seq > BEHIND_EVENTS_MAX {
                    let missed = last - seq;
                    let _ = self.news.send(News::Gap(missed as u64));
                    seq = last;
                }
                if seq >= last {
                    break;
                }
                match self.store.events_after(seq, READ_EVENTS).await {
                    // What arrived up to there was deleted since.
                    Ok(events) if events.is_empty() => seq = last,
                    Ok(events) => {
                        for event in events {
                            seq = event.0;
                            // Nobody may be left to listen, which is no failure.
                            let _ = self.news.send(News::Event(Arc::new(Arrival::new(event))));
                        }
                    }
                    Err(error) => {
                        warn!(
                            error = &error as &dyn std::error::Error,
                            "the live tail cannot read what arrived; trying again"
                        );
                        tokio::time::sleep(RETRY_PAUSE).await;
                    }
                }
            }
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum WatcherState {
    /// Nothing was said yet.
    New,
    /// It reads what it missed from the store.
    CatchingUp,
    /// It gets what arrives.
    Present,
}

struct Watcher {
    store: Arc<dyn EventStore>,
    news: broadcast::Receiver<News>,
    sender: broadcast::Sender<News>,
    criteria: Criteria,
    /// All up to this number was sent or does not match.
    seq: i64,
    state: WatcherState,
    metrics: Arc<LiveMetrics>,
    _place: OwnedSemaphorePermit,
}

impl Drop for Watcher {
    fn drop(&mut self) {
        self.metrics.watchers.dec();
    }
}

impl Watcher {
    async fn next(&mut self) -> Result<Bytes, StoreError> {
        match self.state {
            WatcherState::New => {
                self.state = WatcherState::CatchingUp;
                // A block without data sets the number to come back with, and wakes nobody.
                Ok(Bytes::from(format!("retry: {RECONNECT_MS}\nid: {}\n\n", self.seq)))
            }
            WatcherState::CatchingUp => self.catch_up().await,
            WatcherState::Present => Ok(self.present().await),
        }
    }

    async fn catch_up(&mut self) -> Result<Bytes, StoreError> {
        loop {
            // What arrives after this line comes as news; what arrived before it is read now. Nothing falls in between.
            self.news = self.sender.subscribe();
            let events = self.store.events_after(self.seq, READ_EVENTS).await?;
            let is_present = events.len() < READ_EVENTS;
            if is_present {
                self.state = WatcherState::Present;
            }
            let mut frame = BytesMut::new();
            for event in events {
                self.seq = event.0;
                if self.criteria.matches(&event.1) {
                    frame.extend_from_slice(Arrival::new(event).frame());
                }
            }
            if !frame.is_empty() {
                return Ok(frame.freeze());
            }
            if is_present {
                return Ok(self.present().await);
            }
        }
    }

    async fn present(&mut self) -> Bytes {
        let mut frame = BytesMut::new();
        let next_beat = tokio::time::Instant::now() + HEARTBEAT;
        loop {
            let news = if frame.is_empty() {
                match tokio::time::timeout_at(next_beat, self.news.recv()).await {
                    Ok(news) => news,
                    // The number lets a watcher whose filter seldom matches come back without a long search.
                    Err(_) => return Bytes::from(format!(": still here\nid: {}\n\n", self.seq)),
                }
            } else if frame.len() >= FRAME_BYTES {
                return frame.freeze();
            } else {
                use broadcast::error::TryRecvError;
                match self.news.try_recv() {
                    Ok(news) => Ok(news),
                    Err(TryRecvError::Lagged(missed)) => Err(broadcast::error::RecvError::Lagged(missed)),
                    Err(TryRecvError::Empty | TryRecvError::Closed) => return frame.freeze(),
                }
            };
            match news {
                Ok(News::Event(arrival)) if arrival.seq > self.seq => {
                    self.seq = arrival.seq;
                    if self.criteria.matches(&arrival.event) {
                        frame.extend_from_slice(arrival.frame());
                    }
                }
                Ok(News::Event(_)) => {}
                Ok(News::Gap(missed)) | Err(broadcast::error::RecvError::Lagged(missed)) => {
                    self.metrics.missed.inc_by(missed);
                    frame.put_slice(format!("event: gap\ndata: {{\"missed\": {missed}}}\n\n").as_bytes());
                }
                // The sender lives as long as this watcher, which holds one.
                Err(broadcast::error::RecvError::Closed) => return frame.freeze(),
            }
        }
    }
}
