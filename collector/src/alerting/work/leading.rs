//! Judging, by whoever has the lease.

use std::{convert::Infallible, sync::Arc, time::Duration};

use labtrail_shared::{settings::Period, shutdown::Stop, telemetry::with_causes};
use tokio::sync::Notify;
use tracing::{info, warn};

use super::{
    LOOK_EVERY,
    pause::Pause,
    progress::{Progress, UNKNOWN},
};
use crate::{
    alerting::{
        Alerting,
        continuity::Continuity,
        leader::Leader,
        lease::Lease,
        own::{self, Condition},
    },
    store::StoreError,
};

/// How often somebody who does not lead looks whether he may.
const ASK_EVERY: Duration = Duration::from_secs(2);

/// Marks that come one after the other are looked at together.
const GATHER: Duration = Duration::from_millis(20);

/// How often is looked whether alerts are late.
const DELAY_EVERY: i64 = 5_000_000;

/// Judges while it may.
pub(super) struct Leading {
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
    pub(super) fn new(
        alerting: &Arc<Alerting>,
        leader: Leader,
        lease: Lease,
        progress: Arc<Progress>,
        outbox: Arc<Notify>,
        delay_max: Period,
    ) -> Self {
        Self {
            alerting: Arc::clone(alerting),
            leader,
            lease,
            progress,
            outbox,
            delay_max,
            delay_looked_at: 0,
            led_since: 0,
            continuity: Continuity::default(),
        }
    }

    /// Works until the stop signal.
    pub(super) async fn run(mut self, stop: Stop) -> Result<(), Infallible> {
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
            self.leader.give_way();
            return Ok(ASK_EVERY);
        };
        if !self.progress.lead(true) {
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
        if self.progress.lead(false) {
            self.alerting.metrics.leads.set(0);
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
