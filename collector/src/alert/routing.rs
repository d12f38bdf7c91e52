//! Who is told of which steps of alerts, when, and in how many notifications.
//!
//! [`plan`] is asked per receiver. It takes the receiver's row ([`ReceiverState`]), the steps there are, and what mutes
//! alerts, and gives back the row, the notifications that are to go to the outbox, and when it wants to be asked again.
//! Nothing is lost and nothing is told twice if whoever calls it does the following, in this order; being stopped
//! between any two of them does no harm:
//!
//! 1. ask with *all* steps that were not yet taken from where they wait, in the order in which they happened;
//! 2. write what is said of the steps into their history ([`Plan::records`]; writing it twice does no harm);
//! 3. save the row, as a whole, only if nobody else saved it since it was read ([`ReceiverState::revision`]);
//! 4. write the notifications into the outbox, in their order, each unless its key is there already;
//! 5. take the steps away from where they wait, and [`ReceiverState::confirm`] the notifications. The confirmed row is
//!    the one to go on with; it need not be saved before the next plan is.
//!
//! The row is saved before the outbox is written because the row decides which steps a notification holds, and with
//! that its key: were it the other way round, the steps of a notification that is in the outbox already might, after a
//! crash, be told once more together with others that came since, under another key. Notifications in a row that nobody
//! confirmed are given back again by each plan. The row is one per receiver and not one per receiver and group, because
//! the cap is the receiver's and folds the steps of several groups into one notification, which only a row that is saved
//! as a whole does safely.
//!
//! A step that is muted waits, and is told when it no longer is, if its alert still fires. An alert that ends while
//! all there is to tell of it is muted is not told at all. The end of an alert that was told is never muted: a silence
//! asks to be spared alerts, not to be left with one that seems to go on.

mod accept;
mod cap;
mod config;
mod emit;
mod field;
mod flush;
mod inhibition;
mod maintenance;
mod muting;
mod notification;
mod record;
#[cfg(test)]
mod samples;
mod selector;
mod settle;
mod silence;
mod state;
#[cfg(test)]
mod tests;

pub use self::{
    config::GroupingConfig,
    field::{AlertField, AlertFieldError},
    inhibition::{Inhibition, Inhibitors},
    maintenance::MaintenanceWindow,
    muting::{MuteReason, Muting},
    notification::{Notification, NotificationKind, RestCount},
    record::{StepFate, StepRecord},
    selector::{AlertSelector, AlertSelectorError},
    silence::{Silence, SilenceError, SilenceRequest, hits},
    state::{ReceiverState, Waiting},
};
use crate::alert::step::AlertStep;

/// What is to be done for one receiver.
#[derive(Debug, Clone, PartialEq)]
pub struct Plan {
    /// The receiver's row as it is to be saved.
    pub state: ReceiverState,
    /// What is to be in the outbox, in this order. Some of it may be there already.
    pub notifications: Vec<Notification>,
    /// What became of the steps, for their history.
    pub records: Vec<StepRecord>,
    /// When to ask again though no step came: microseconds since 1970 UTC; none if there is no need to. Whoever mutes
    /// alerts differently (a new silence, one that was ended, a source of inhibition that no longer fires) asks at once,
    /// for every receiver with [`ReceiverState::has_waiting`].
    pub next_at: Option<i64>,
}

/// Decides what a receiver is told now, see the head of this file. `now` is in microseconds since 1970 UTC.
pub fn plan(
    mut state: ReceiverState,
    steps: &[AlertStep],
    muting: &Muting<'_>,
    config: &GroupingConfig,
    now: i64,
) -> Plan {
    let mut records = Vec::new();
    state.begin(config, now);
    accept::accept(&mut state, steps, muting, config, now, &mut records);
    settle::settle(&mut state, muting, now, &mut records);
    let next_at = flush::flush(&mut state, config, now, &mut records);
    Plan { notifications: state.outgoing.clone(), state, records, next_at }
}
