//! What runs: reading rules, judging, and sending.

use std::{
    collections::HashSet,
    convert::Infallible,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicI64, Ordering},
    },
    time::Duration,
};

use labtrail_shared::{
    settings::Period,
    shutdown::{Stop, Tasks},
    telemetry::with_causes,
};
use tokio::{sync::Notify, task::JoinSet};
use tracing::{error, info, warn};

use super::{
    Alerting,
    continuity::Continuity,
    frontier::Frontier,
    leader::Leader,
    lease::Lease,
    own::{self, Condition},
    reload::Reloader,
    sender::Sender,
};
use crate::{config::Config, kafka::KafkaConfig, store::StoreError};

/// How often rules are looked at.
const RELOAD_EVERY: Duration = Duration::from_secs(2);

/// Files that changed are read once more after so long: somebody may still be writing them.
const CHANGED_PAUSE: Duration = Duration::from_millis(500);

/// How often is looked for marks of other collectors, and for what is due.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// How often somebody who does not lead looks whether he may.
const ASK_EVERY: Duration = Duration::from_secs(2);

/// How often brokers are asked how far the group is.
const FRONTIER_EVERY: Duration = Duration::from_secs(1);

/// Marks that come one after the other are looked at together.
const GATHER: Duration = Duration::from_millis(20);

/// How often is looked whether alerts are late.
const DELAY_EVERY: i64 = 5_000_000;

/// How long what is being sent may go on when the collector stops.
const FINISH_TIME_MAX: Duration = Duration::from_secs(3);

/// The longest pause after a failure.
const PAUSE_MAX: Duration = Duration::from_secs(10);

/// Nothing is known of Kafka yet.
const UNKNOWN: i64 = i64::MIN;

/// Starts all of it.
pub(super) fn start(
    alerting: &Arc<Alerting>,
    config: &Config,
    owner: &str,
    reloader: Reloader,
    tasks: &mut Tasks,
    stop: &Stop,
) {
    // A collector that was started anew does not have what the one before it had.
    let owner = format!("{owner}/{}", labtrail_shared::event_id::mint());
    let reload = Arc::clone(&alerting.reload);
    tasks.start("alert rules", until(stop.clone(), Duration::ZERO, keep_reading(reloader, reload)));
    let progress = Arc::new(Progress::new(config.kafka.is_used()));
    if config.kafka.is_used() {
        start_frontier(&config.kafka, alerting, Arc::clone(&progress), tasks, stop.clone());
    }
    let outbox = Arc::new(Notify::new());
    let sender = Sender {
        store: Arc::clone(&alerting.store),
        rulebook: alerting.rulebook.clone(),
        clock: alerting.clock.clone(),
        metrics: alerting.metrics.clone(),
        owner: owner.clone(),
        page_url: alerting.page_url.clone(),
    };
    tasks.start("notifications", until(stop.clone(), FINISH_TIME_MAX, keep_sending(sender, Arc::clone(&outbox))));
    let leader = Leader::new(
        Arc::clone(&alerting.store),
        alerting.rulebook.clone(),
        alerting.clock.clone(),
        alerting.metrics.clone(),
        config.alerts.history_keep.micros(),
    );
    let has_kafka = config.kafka.is_used();
    let lease = Lease::new(Arc::clone(&alerting.store), alerting.clock.clone(), owner, has_kafka);
    let delay_max = config.alerts.delay_max;
    let leading = Leading {
        alerting: Arc::clone(alerting),
        leader,
        lease,
        progress,
        outbox,
        delay_max,
        delay_looked_at: 0,
        led_since: 0,
        continuity: Continuity::default(),
    };
    tasks.start("alerts", leading.run(stop.clone()));
}

/// Works until the stop signal, and as much longer as it may take to finish what was begun.
async fn until(stop: Stop, finish: Duration, work: impl Future<Output = Infallible>) -> Result<(), Infallible> {
    let given = async {
        stop.given().await;
        tokio::time::sleep(finish).await;
    };
    tokio::select! {
        () = given => Ok(()),
        never = work => match never {},
    }
}

async fn keep_reading(mut reloader: Reloader, asked: Arc<Notify>) -> Infallible {
    loop {
        let is_changing = reloader.reload().await.unwrap_or_else(|error| {
            warn!(error = with_causes(&error), "rules cannot be read from the store now");
            false
        });
        let pause = if is_changing { CHANGED_PAUSE } else { RELOAD_EVERY };
        let _ = tokio::time::timeout(pause, asked.notified()).await;
    }
}

async fn keep_sending(sender: Sender, outbox: Arc<Notify>) -> Infallible {
    let mut rulebook = sender.rulebook.clone();
    rulebook.mark_changed();
    let (mut sending, mut busy) = (JoinSet::new(), HashSet::new());
    let mut pause = Pause::default();
    loop {
        let begin = async {
            if rulebook.has_changed().unwrap_or(false) {
                sender.take_up_settings().await?;
                rulebook.mark_unchanged();
            }
            sender.begin(&mut sending, &mut busy).await
        };
        match begin.await {
            Ok(()) => pause.end(),
            Err(error) => pause.after(&error, "notifications").await,
        }
        tokio::select! {
            () = outbox.notified() => {}
            () = tokio::time::sleep(LOOK_EVERY) => {}
            Some(ended) = sending.join_next() => {
                // A task that panicked leaves its receiver to the other collectors.
                let Ok((receiver, result)) = ended else { continue };
                busy.remove(&receiver);
                if let Err(error) = result {
                    warn!(receiver, error = with_causes(&error), "notifications wait for the store");
                    tokio::time::sleep(LOOK_EVERY).await;
                }
            }
        }
    }
}

/// How far the pipeline is, as the leader's thread learnt.
#[derive(Debug)]
struct Progress {
    is_led: AtomicBool,
    stored_to: Option<AtomicI64>,
}

impl Progress {
    fn new(has_kafka: bool) -> Self {
        Self { is_led: AtomicBool::new(false), stored_to: has_kafka.then(|| AtomicI64::new(UNKNOWN)) }
    }

    /// Up to when all that was sent is stored: what comes over HTTP is stored before its sender goes on.
    fn stored_to(&self, now: i64) -> i64 {
        self.stored_to.as_ref().map_or(now, |stored_to| stored_to.load(Ordering::Acquire).min(now))
    }
}

fn start_frontier(config: &KafkaConfig, alerting: &Alerting, progress: Arc<Progress>, tasks: &mut Tasks, stop: Stop) {
    let (config, clock) = (config.clone(), alerting.clock.clone());
    tasks.start_thread("alert frontier", move || {
        let mut frontier: Option<Frontier> = None;
        while !stop.is_given() {
            if progress.is_led.load(Ordering::Acquire) {
                if frontier.is_none() {
                    match Frontier::new(&config, clock.clone()) {
                        Ok(new) => frontier = Some(new),
                        Err(problem) => error!(%problem, "it cannot be known how far Kafka was read"),
                    }
                }
                let known = frontier.as_mut().and_then(Frontier::ask);
                if let (Some(known), Some(stored_to)) = (known, &progress.stored_to) {
                    stored_to.store(known, Ordering::Release);
                }
            } else {
                // What was known is of the past.
                frontier = None;
            }
            std::thread::sleep(FRONTIER_EVERY);
        }
        Ok::<(), Infallible>(())
    });
}

struct Leading {
    alerting: Arc<Alerting>,
    leader: Leader,
    lease: Lease,
    progress: Arc<Progress>,
    outbox: Arc<Notify>,
    delay_max: Period,
    delay_looked_at: i64,
    led_since: i64,
    continuity: Continuity,
}

impl Leading {
    async fn run(mut self, stop: Stop) -> Result<(), Infallible> {
        let mut pause = Pause::default();
        while !stop.is_given() {
            let wait = match self.turn().await {
                Ok(wait) => {
                    pause.end();
                    wait
                }
                Err(error) => {
                    self.step_down();
                    tokio::select! {
                        () = stop.given() => {}
                        () = pause.after(&error, "alerts") => {}
                    }
                    continue;
                }
            };
            tokio::select! {
                () = stop.given() => {}
                () = tokio::time::sleep(wait) => {}
                () = self.alerting.wake.notified() => tokio::time::sleep(GATHER).await,
            }
        }
        if let Err(error) = self.lease.give_back().await {
            warn!(error = with_causes(&error), "another collector judges the alerts only in some seconds");
        }
        Ok(())
    }

    /// Does what is to be done now; says how long nothing is, if nothing comes.
    async fn turn(&mut self) -> Result<Duration, StoreError> {
        let Some(valid_until) = self.lease.take().await? else {
            self.step_down();
            return Ok(ASK_EVERY);
        };
        if !self.progress.is_led.swap(true, Ordering::AcqRel) {
            info!("this collector judges the alerts");
            self.alerting.metrics.leads.set(1);
            self.led_since = self.alerting.clock.now();
        }
        let stored_to = self.progress.stored_to(self.alerting.clock.now());
        if stored_to > UNKNOWN {
            self.alerting.metrics.stored_to_seconds.set(stored_to / 1_000_000);
        }
        self.look_at_delay(stored_to).await?;
        if let Some(until) = self.lease.others_until() {
            self.continuity.was_there_until(until);
        }
        self.continuity.is_there(self.alerting.clock.now());
        let stored_to = self.continuity.stored_to(stored_to);
        let round = self.leader.round(stored_to, valid_until).await?;
        if round.judged > 0 {
            self.outbox.notify_one();
        }
        Ok(if round.is_full { Duration::ZERO } else { LOOK_EVERY })
    }

    fn step_down(&mut self) {
        if self.progress.is_led.swap(false, Ordering::AcqRel) {
            self.alerting.metrics.leads.set(0);
            if let Some(stored_to) = &self.progress.stored_to {
                stored_to.store(UNKNOWN, Ordering::Release);
            }
        }
        self.leader.step_down();
    }

    /// Tells that alerts are late, and that they no longer are.
    async fn look_at_delay(&mut self, stored_to: i64) -> Result<(), StoreError> {
        let now = self.alerting.clock.now();
        if now < self.delay_looked_at.saturating_add(DELAY_EVERY) {
            return Ok(());
        }
        self.delay_looked_at = now;
        let behind = now.saturating_sub(if stored_to == UNKNOWN { self.led_since } else { stored_to });
        let problem = (behind > crate::alert::judging::micros(self.delay_max.0)).then(|| {
            format!(
                "what was sent more than {} s ago is not all stored yet: alerts are late, and of a source that seems silent \
                 nothing is told before it is",
                behind / 1_000_000
            )
        });
        let rulebook = Arc::clone(&self.alerting.rulebook.borrow());
        let condition =
            Condition { name: own::EVALUATION_DELAYED, about: ("pipeline", "kafka"), problem: problem.as_deref() };
        own::report(&*self.alerting.store, &rulebook, &condition, now).await
    }
}

/// The pause after a failure, which grows.
#[derive(Debug, Default)]
struct Pause {
    failures: u32,
}

impl Pause {
    fn end(&mut self) {
        if self.failures > 1 {
            info!("alerts are at work again");
        }
        self.failures = 0;
    }

    async fn after(&mut self, error: &StoreError, what: &'static str) {
        self.failures = self.failures.saturating_add(1);
        if self.failures == 1 || self.failures.is_multiple_of(30) {
            warn!(error = with_causes(error), "{what} wait for the store");
        }
        let pause = Duration::from_millis(250).saturating_mul(1 << self.failures.min(6));
        tokio::time::sleep(pause.min(PAUSE_MAX)).await;
    }
}
