//! What runs: reading rules, judging, and sending.

mod filling;
mod leading;
mod pause;
mod progress;

use std::{collections::HashSet, convert::Infallible, pin::pin, sync::Arc, time::Duration};

use labtrail_shared::{
    shutdown::{Stop, Tasks},
    telemetry::with_causes,
};
use tokio::{sync::Notify, task::JoinSet};
use tracing::warn;

use self::{leading::Leading, pause::Pause, progress::Progress};
use super::{Alerting, filler::Filler, leader::Leader, lease::Lease, reload::Reloader, sender::Sender};
use crate::config::Config;

/// How often rules are looked at.
const RELOAD_EVERY: Duration = Duration::from_secs(2);

/// Files that changed are read once more after so long: somebody may still be writing them.
const CHANGED_PAUSE: Duration = Duration::from_millis(500);

/// How often is looked for marks of other collectors, and for what is due.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// How long what is being sent may go on when the collector stops.
const FINISH_TIME_MAX: Duration = Duration::from_secs(3);

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
        progress::start(&config.kafka, alerting, Arc::clone(&progress), tasks, stop.clone());
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
    let filler =
        Filler::new(Arc::clone(&alerting.store), leader.taken_up(), alerting.clock.clone(), Arc::clone(&alerting.wake));
    let filling = filling::keep_filling(filler);
    tasks.start("alerts of new rules", until(stop.clone(), Duration::ZERO, filling));
    let has_kafka = config.kafka.is_used();
    let lease = Lease::new(Arc::clone(&alerting.store), alerting.clock.clone(), owner, has_kafka);
    let leading = Leading::new(alerting, leader, lease, progress, outbox, config.alerts.delay_max);
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
    let mut taken_up = Arc::clone(&rulebook.borrow());
    let (mut sending, mut busy) = (JoinSet::new(), HashSet::new());
    let mut pause = Pause::default();
    loop {
        let begin = async {
            if rulebook.has_changed().unwrap_or(false) {
                taken_up = Arc::clone(&rulebook.borrow_and_update());
                sender.take_up_settings(&taken_up).await.inspect_err(|_| rulebook.mark_changed())?;
            }
            sender.begin(&taken_up, &mut sending, &mut busy).await
        };
        match begin.await {
            Ok(()) => pause.end(),
            Err(error) => pause.after(&error, "notifications").await,
        }
        let mut next_look = pin!(tokio::time::sleep(LOOK_EVERY));
        loop {
            tokio::select! {
                () = outbox.notified() => break,
                () = &mut next_look => break,
                Some(ended) = sending.join_next() => {
                    // A task that panicked leaves its receiver to the other collectors.
                    let Ok((receiver, result)) = ended else { continue };
                    busy.remove(&receiver);
                    match result {
                        // What came meanwhile gets through, too.
                        Ok(true) => break,
                        Ok(false) => {}
                        Err(error) => {
                            warn!(receiver, error = with_causes(&error), "notifications wait for the store");
                            // It may not have come to see that settings are newer.
                            rulebook.mark_changed();
                        }
                    }
                }
            }
        }
    }
}
