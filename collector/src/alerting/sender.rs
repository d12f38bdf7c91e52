//! Sends what the outbox holds. Any collector may; which one does is decided row by row by the store.
//!
//! What is told to a receiver is told in its order. While a receiver cannot be reached, the first that waits is tried, after
//! pauses that grow, and when it gets through all others follow. One that fails again and again while others get through
//! is left behind. Whose turn it is to send to a receiver stands in its *line*, a row that is held for a while: it keeps the
//! order, while the claims of `alert::outbox` keep the promise.

mod attempt;
mod line;
mod settings;

use std::{
    collections::{BTreeMap, HashSet},
    sync::Arc,
};

use tokio::{sync::watch, task::JoinSet};

pub(crate) use self::line::LineContent;
use self::{
    attempt::{Ended, attempt},
    line::{Line, Taking},
};
use super::{
    clock::Clock,
    metrics::{AlertMetrics, ReceiverLabel},
    own::{self, Condition},
    rows,
    rulebook::Rulebook,
};
use crate::{
    alert::outbox::{FallbackNeed, OutboxRow, RowState},
    store::{EventStore, Row, RowChange, RowExpect, StoreError},
};

/// So many rows are looked at in a round.
const ROWS_MAX: usize = 2000;

/// From so many attempts on, a row that fails may be at fault itself, and the one after it is tried as well.
const SUSPECT_FROM: u32 = 5;

/// A receiver that a person has to mend is tried again after so long, in microseconds.
const MENDING_PAUSE: i64 = 300_000_000;

/// So many are tried in a round, so that newer settings are heeded in time.
const TRIED_MAX: usize = 200;

/// Sends.
#[derive(Debug, Clone)]
pub(super) struct Sender {
    pub(super) store: Arc<dyn EventStore>,
    pub(super) rulebook: watch::Receiver<Arc<Rulebook>>,
    pub(super) clock: Clock,
    pub(super) metrics: AlertMetrics,
    /// Who sends, for people and for lines.
    pub(super) owner: String,
    pub(super) page_url: Option<String>,
}

impl Sender {
    /// Sends what is due, to all receivers at the same time; says whether something got through.
    #[cfg(test)]
    pub(super) async fn round(&self) -> Result<bool, StoreError> {
        let rulebook = Arc::clone(&self.rulebook.borrow());
        let waiting = self.waiting().await?.into_iter();
        let receivers = waiting.map(|(receiver, rows)| self.send_to(Arc::clone(&rulebook), receiver, rows));
        let mut got_through = false;
        for result in futures_util::future::join_all(receivers).await {
            got_through |= result?;
        }
        Ok(got_through)
    }

    /// Begins to send what is due to each receiver that is not being sent to, each by itself: one that is slow holds up no
    /// other. The settings are those of a rulebook that was taken up.
    pub(super) async fn begin(
        &self,
        rulebook: &Arc<Rulebook>,
        sending: &mut JoinSet<(String, Result<bool, StoreError>)>,
        busy: &mut HashSet<String>,
    ) -> Result<(), StoreError> {
        for (receiver, rows) in self.waiting().await? {
            if busy.insert(receiver.clone()) {
                let (this, rulebook) = (self.clone(), Arc::clone(rulebook));
                sending
                    .spawn(async move { (receiver.clone(), Box::pin(this.send_to(rulebook, receiver, rows)).await) });
            }
        }
        Ok(())
    }

    /// What waits, by receiver. Also what is not due yet: when the first gets through, the others follow in their order.
    async fn waiting(&self) -> Result<BTreeMap<String, Vec<(Row, OutboxRow)>>, StoreError> {
        let now = self.clock.now();
        let unsettled = self.store.rows_due(rows::OUTBOX, i64::MAX, ROWS_MAX).await?;
        let mut by_receiver: BTreeMap<String, Vec<(Row, OutboxRow)>> = BTreeMap::new();
        for row in unsettled {
            let Some(outgoing) = rows::read::<OutboxRow>(rows::OUTBOX, &row) else { continue };
            if outgoing.state.is_settled() {
                self.tell_fallback(&row, &outgoing).await?;
                continue;
            }
            by_receiver.entry(outgoing.receiver.clone()).or_default().push((row, outgoing));
        }
        by_receiver.retain(|_, rows| rows.iter().any(|(_, outgoing)| outgoing.is_due(now)));
        Ok(by_receiver)
    }

    /// Puts what waits for a receiver that is left alone behind that time, in its order: among many it would hide what is for
    /// others.
    async fn put_behind(&self, until: i64, waiting: &[(Row, OutboxRow)]) -> Result<(), StoreError> {
        let changes = waiting.iter().enumerate().filter(|(_, (row, _))| row.due.is_none_or(|due| due < until));
        let changes = changes.map(|(place, (row, outgoing))| {
            let due = Some(until.saturating_add(place as i64));
            rows::put(rows::OUTBOX, row.key.as_str(), RowExpect::Version(row.version), due, outgoing)
        });
        self.store.change_rows(changes.collect()).await.map(drop)
    }

    /// Sends to one receiver in order, as long as that goes well.
    async fn send_to(
        &self,
        rulebook: Arc<Rulebook>,
        receiver: String,
        mut waiting: Vec<(Row, OutboxRow)>,
    ) -> Result<bool, StoreError> {
        let now = self.clock.now();
        // What a person asked for comes first; nobody asks for it in order.
        let place = |row: &OutboxRow| (!(row.is_asked_for && row.is_due(now)), row.created_at, row.sequence);
        waiting.sort_by(|(_, a), (_, b)| place(a).cmp(&place(b)).then_with(|| a.key.cmp(&b.key)));
        let is_asked_for = self.is_asked_for(&waiting, now).await?;
        let mut line = match Line::take(&*self.store, &receiver, &self.owner, is_asked_for, now).await? {
            Taking::Taken(line) => line,
            Taking::Busy => return Ok(false),
            Taking::Paused(until) => {
                self.put_behind(until, &waiting).await?;
                return Ok(false);
            }
        };
        let label = ReceiverLabel { receiver: receiver.clone() };
        let paused_before = line.paused_before;
        let (mut tried, mut failures, mut got_through) = (0, 0, false);
        for (row, mut outgoing) in waiting {
            let now = self.clock.now();
            if paused_before.is_some() && !got_through && !outgoing.is_asked_for {
                break;
            }
            if got_through && outgoing.attempts < SUSPECT_FROM {
                outgoing = outgoing.hurried(now);
            }
            if !outgoing.is_due(now) {
                if outgoing.state == RowState::Waiting && outgoing.attempts < SUSPECT_FROM {
                    // What comes later must not overtake it. (What somebody was sending who died is waited for only by what
                    // tells of the same alerts.)
                    break;
                }
                continue;
            }
            if tried == TRIED_MAX {
                break;
            }
            tried += 1;
            if !line.hold(&*self.store, now).await? {
                return Ok(got_through);
            }
            if self.is_held_up(&outgoing).await? {
                continue;
            }
            let attempts = outgoing.attempts + 1;
            let sending = Box::pin(attempt(self, &rulebook, row, outgoing));
            let ended = line.held_during(&*self.store, &self.clock, sending).await?;
            if matches!(ended, Ended::Dead { .. } | Ended::Failed { .. }) {
                line.content.settings = rulebook.routes_hash;
            }
            let now = self.clock.now();
            match ended {
                Ended::Sent { problem } => {
                    self.metrics.sent.get_or_create(&label).inc();
                    (failures, got_through) = (0, true);
                    line.content.sent(now);
                    if let Some(problem) = problem {
                        self.report(&rulebook, &receiver, Some(&problem)).await?;
                    }
                }
                Ended::Dead { reason, needs_mending } => {
                    self.metrics.failures.get_or_create(&label).inc();
                    self.metrics.dead.get_or_create(&label).inc();
                    // Where there is a fallback receiver, it is told what this one was not.
                    let has_fallback = rulebook.fallback_receiver.as_ref().is_some_and(|name| *name != receiver);
                    let problem = (!has_fallback).then(|| format!("a notification was given up: {reason}"));
                    // A wrong password would end all that waits; one at a time is enough to see whether it was mended.
                    let paused_until = needs_mending.then(|| now.saturating_add(MENDING_PAUSE));
                    line.content.failed(now, paused_until, reason);
                    if let Some(problem) = problem {
                        self.report(&rulebook, &receiver, Some(&problem)).await?;
                    }
                    if needs_mending {
                        break;
                    }
                }
                Ended::Failed { next_at, reason } => {
                    self.metrics.failures.get_or_create(&label).inc();
                    failures += 1;
                    // Those that are tried after the first one only show whether it is its own fault.
                    let paused_until = if failures == 1 { Some(next_at) } else { line.content.paused_until };
                    // Nor does one that a person asked for keep the others waiting for longer.
                    let paused_until = paused_until.min(paused_before.or(paused_until));
                    line.content.failed(now, paused_until, reason);
                    if attempts < SUSPECT_FROM || failures > 1 {
                        break;
                    }
                }
                Ended::TakenByOthers => {}
            }
        }
        line.let_go(&*self.store).await?;
        let newest = Arc::clone(&self.rulebook.borrow());
        if newest.routes_hash != rulebook.routes_hash {
            // They became newer meanwhile, and what was just tried was tried with the older ones.
            self.take_up_settings_of(&newest, &receiver).await?;
        }
        Ok(got_through)
    }

    /// Whether a person asked for something that can be tried now.
    async fn is_asked_for(&self, waiting: &[(Row, OutboxRow)], now: i64) -> Result<bool, StoreError> {
        for (_, outgoing) in waiting {
            if outgoing.is_asked_for && outgoing.is_due(now) && !self.is_held_up(outgoing).await? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Whether what must be told before is still on its way.
    async fn is_held_up(&self, outgoing: &OutboxRow) -> Result<bool, StoreError> {
        let mut states: BTreeMap<&str, RowState> = BTreeMap::new();
        for key in &outgoing.after {
            let before = self.store.row(rows::OUTBOX, key).await?;
            let before = before.and_then(|row| rows::read::<OutboxRow>(rows::OUTBOX, &row));
            states.extend(before.map(|before| (key.as_str(), before.state)));
        }
        Ok(outgoing.is_held_up(|key| states.get(key).copied()))
    }

    /// Tells the fallback receiver of a notification that another could not be told.
    async fn tell_fallback(&self, row: &Row, outgoing: &OutboxRow) -> Result<(), StoreError> {
        let rulebook = Arc::clone(&self.rulebook.borrow());
        let now = self.clock.now();
        if let Some(undelivered) = outgoing.undelivered(rulebook.fallback_receiver.as_deref(), now) {
            self.store.change_rows(vec![change(&undelivered, RowExpect::Nothing)]).await?;
        }
        if let Some(done) = outgoing.fallback_done() {
            save(&*self.store, row, &done).await?;
        }
        Ok(())
    }

    /// Tells of a receiver that does not take all of what it is told.
    async fn report(&self, rulebook: &Rulebook, receiver: &str, problem: Option<&str>) -> Result<(), StoreError> {
        let condition = Condition { name: own::RECEIVER_PROBLEM, about: ("receiver", receiver), problem };
        own::report(&*self.store, rulebook, &condition, self.clock.now()).await
    }
}

/// The change that saves a row of the outbox.
pub(crate) fn change(outgoing: &OutboxRow, expect: RowExpect) -> RowChange {
    let key = outgoing.key.as_str();
    let due = match outgoing.state {
        RowState::Waiting | RowState::Claimed => Some(outgoing.next_at),
        // It is told to the fallback receiver at once.
        RowState::Dead => (outgoing.fallback == FallbackNeed::Due).then_some(outgoing.created_at),
        // What it told is in the history; what is kept here is that it was told.
        RowState::Sent => return rows::put(rows::OUTBOX, key, expect, None, &outgoing.without_summaries()),
    };
    rows::put(rows::OUTBOX, key, expect, due, outgoing)
}

/// Saves a row of the outbox over the one that it was made from; says whether nobody else was faster.
pub(crate) async fn save(store: &dyn EventStore, before: &Row, next: &OutboxRow) -> Result<bool, StoreError> {
    Ok(store.change_rows(vec![change(next, RowExpect::Version(before.version))]).await? == [true])
}
