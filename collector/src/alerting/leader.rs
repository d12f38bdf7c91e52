//! The one who judges: takes what is marked and what is due, asks the store, and tells what follows.
//!
//! A round does, in this order: it notes up to when all is stored; takes marks and rows that are due; judges each rule and
//! group of them by what the store has; saves each row over the one it read, with the steps that follow; notes of the marks
//! that they were judged, unless they were written again meanwhile; and gives the steps to the receivers (`route`). Being stopped
//! anywhere does no harm: what was not saved is judged again, and comes out the same.

mod each_event;
mod judge;
mod look_after;
mod route;
mod samples;
mod sparse;
mod take;
mod take_up;

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

use futures_util::{StreamExt as _, stream};
use labtrail_shared::telemetry::with_causes;
use tokio::sync::watch;
use tracing::error;

use self::{
    judge::{Judged, World},
    take::Taken,
};
use super::{clock::Clock, metrics::AlertMetrics, rulebook::Rulebook, stored_alert::StoredAlert};
use crate::{
    alert::{rule::KnownGroups, step::Alert},
    store::{EventStore, Row, StoreError},
};

/// So many rules and groups are judged at the same time.
const JUDGED_AT_ONCE: usize = 8;

/// Judging that takes so long, in microseconds, is followed by a rest ...
const REST_FROM: i64 = 500_000;

/// ... and that of a group of many events sooner: of few it is others' doing if it takes long.
const REST_FROM_IF_MANY: i64 = 50_000;

/// ... The rest is so many times as long, ...
const REST_FACTOR: i64 = 3;

/// ... and not longer than this: a flood of one group must neither keep all others waiting nor take the time of what comes.
const REST_MAX: i64 = 30_000_000;

/// The one who judges.
#[derive(Debug)]
pub(super) struct Leader {
    store: Arc<dyn EventStore>,
    rulebook: watch::Receiver<Arc<Rulebook>>,
    /// The rulebook that was taken up, for those who wait for that.
    taken_up: watch::Sender<Option<Arc<Rulebook>>>,
    clock: Clock,
    metrics: AlertMetrics,
    history_keep: i64,
    /// The rulebook that was last looked through.
    at_work: Option<Arc<Rulebook>>,
    /// The groups of each rule that have a row.
    groups: HashMap<String, KnownGroups>,
    /// The alerts that fire, by identifier.
    firing: BTreeMap<String, Alert>,
    /// Rules and groups of which so much comes that they rest in between, and until when.
    resting: HashMap<String, i64>,
    /// When old rows are looked for next.
    look_after_at: i64,
    /// Up to where alerts were looked through for those that are to be forgotten.
    forgotten_to: Option<String>,
    /// Until when nobody else judges.
    valid_until: i64,
}

/// What was judged, how long that took, and the row as it is saved; or the identifier of what could not be judged, and why.
type SavedOrNot = Result<(Judged, i64, Option<Row>), (String, StoreError)>;

/// What a round did.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(super) struct Round {
    /// Whether there may be more to do at once.
    pub(super) is_full: bool,
    /// How many rows were judged.
    pub(super) judged: usize,
}

impl Leader {
    pub(super) fn new(
        store: Arc<dyn EventStore>,
        rulebook: watch::Receiver<Arc<Rulebook>>,
        clock: Clock,
        metrics: AlertMetrics,
        history_keep: i64,
    ) -> Self {
        Self {
            store,
            rulebook,
            taken_up: watch::Sender::new(None),
            clock,
            metrics,
            history_keep,
            at_work: None,
            groups: HashMap::new(),
            firing: BTreeMap::new(),
            resting: HashMap::new(),
            look_after_at: 0,
            forgotten_to: None,
            valid_until: 0,
        }
    }

    /// The rulebook that was taken up; none while somebody else leads.
    pub(super) fn taken_up(&self) -> watch::Receiver<Option<Arc<Rulebook>>> {
        self.taken_up.subscribe()
    }

    /// Somebody else leads.
    pub(super) fn give_way(&mut self) {
        self.step_down();
        self.taken_up.send_replace(None);
    }

    /// Forgets what it knows: somebody else judged meanwhile.
    pub(super) fn step_down(&mut self) {
        self.at_work = None;
        self.resting.clear();
    }

    /// Does what is to be done now. `stored_to` is the time up to which all that was sent is stored, read before; until
    /// `valid_until` nobody else judges.
    pub(super) async fn round(&mut self, stored_to: i64, valid_until: i64) -> Result<Round, StoreError> {
        self.valid_until = valid_until;
        let rulebook = Arc::clone(&self.rulebook.borrow_and_update());
        if self.at_work.as_ref().is_none_or(|at_work| !Arc::ptr_eq(at_work, &rulebook)) {
            self.take_up(&rulebook).await?;
            self.at_work = Some(Arc::clone(&rulebook));
            self.taken_up.send_replace(Some(Arc::clone(&rulebook)));
        }
        let now = self.clock.now();
        let Taken { tasks, has_all_marks, is_full } = self.take(&rulebook, now).await?;
        let judged_count = tasks.len();
        let world = World { stored_to, now, has_all_marks };
        let (this, rulebook_seen) = (&*self, &rulebook);
        let results: Vec<SavedOrNot> = stream::iter(tasks)
            .map(async |task| {
                let id = task.id.clone();
                let judge = async {
                    let began_at = this.clock.now();
                    let judged = judge::judge(&*this.store, rulebook_seen, &this.groups, task, world).await?;
                    let took = this.clock.now().saturating_sub(began_at);
                    let saved = this.save(&judged, now).await?;
                    Ok((judged, took, saved))
                };
                judge.await.map_err(|error| (id, error))
            })
            .buffer_unordered(JUDGED_AT_ONCE)
            .collect()
            .await;
        let (mut routed, mut failure) = (Vec::new(), None);
        for result in results {
            match result {
                Ok((judged, took, saved)) => routed.extend(self.note(judged, took, saved)),
                Err((id, error)) => {
                    // One that cannot be judged must not keep the others from being told.
                    error!(alert = id, error = with_causes(&error), "an alert cannot be judged now");
                    self.resting.insert(id, now.saturating_add(REST_MAX));
                    if error.is_unavailable() {
                        failure = Some(error);
                    }
                }
            }
        }
        self.route(&rulebook, routed, now).await?;
        if let Some(error) = failure {
            return Err(error);
        }
        self.look_after(now).await?;
        self.metrics.firing.set(self.firing.len() as i64);
        Ok(Round { is_full: is_full && judged_count > 0, judged: judged_count })
    }

    /// Saves what was judged, unless somebody else was faster: then it is judged again. Gives back the row as it is saved.
    async fn save(&self, judged: &Judged, now: i64) -> Result<Option<Row>, StoreError> {
        let Judged { marks, before, after, is_changed, .. } = judged;
        let mut saved = before.clone();
        if let Some(after) = after.as_ref().filter(|_| *is_changed) {
            saved = after.save(&*self.store, before.as_ref()).await?;
            if saved.is_none() {
                return Ok(None);
            }
        }
        // Whoever leads by now judges them himself.
        if self.clock.now() < self.valid_until {
            self.store.change_rows(marks.iter().map(|(row, mark)| take::done(row, mark, now)).collect()).await?;
        }
        Ok(saved)
    }

    /// Notes what was judged. Gives back the row if it was saved and steps of it wait to be routed.
    fn note(&mut self, judged: Judged, took: i64, saved: Option<Row>) -> Option<(Row, StoredAlert)> {
        let Judged { id, after, samples, .. } = judged;
        self.metrics.evaluations.inc();
        self.metrics.samples.inc_by(samples);
        let rest_from = if samples >= samples::PAGE as u64 { REST_FROM_IF_MANY } else { REST_FROM };
        if took > rest_from {
            // It begins now: others were judged meanwhile.
            let rest = took.saturating_mul(REST_FACTOR).min(REST_MAX);
            self.resting.insert(id.clone(), self.clock.now().saturating_add(rest));
        }
        let (saved, after) = saved.zip(after)?;
        self.note_firing(&id, &after);
        Some((saved, after)).filter(|(_, after)| !after.steps.is_empty())
    }

    fn note_firing(&mut self, id: &str, stored: &StoredAlert) {
        if stored.is_firing() {
            self.firing.insert(id.to_owned(), stored.alert.clone());
        } else {
            self.firing.remove(id);
        }
    }
}
