//! What people do about alerts: they attend to one, want quiet for a while, and take up what was given up.

use thiserror::Error;

use super::{Alerting, rows, sender, stored_alert::StoredAlert};
use crate::{
    alert::{
        judging::life_settings,
        life::{AcknowledgeError, Acknowledged, acknowledge, unacknowledge},
        outbox::OutboxRow,
        routing::{ReceiverState, Silence},
    },
    store::{EventStore, RowExpect, StoreError},
};

/// So often somebody else may be faster.
const TRIES: usize = 20;

/// Why it could not be done.
#[derive(Debug, Error)]
pub(crate) enum AttendError {
    /// There is none.
    #[error("there is none of this id")]
    NotThere,
    /// It does not fire, or it is another episode.
    #[error(transparent)]
    Acknowledge(#[from] AcknowledgeError),
    /// It is not dead.
    #[error("it was not given up: it is sent by itself, or was")]
    NotDead,
    /// Others changed it again and again.
    #[error("others change it at the same time: try again")]
    Busy,
    /// The store did not do it.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Alerting {
    /// Notes that somebody attends to the episode, or with none that nobody does any more.
    pub(crate) async fn acknowledge(
        &self,
        id: &str,
        episode: u64,
        by: Option<(String, String)>,
    ) -> Result<StoredAlert, AttendError> {
        for _ in 0..TRIES {
            let (row, mut stored) = StoredAlert::load(&*self.store, id).await?.ok_or(AttendError::NotThere)?;
            let now = self.clock.now();
            let before = std::mem::take(&mut stored.row);
            stored.row = if let Some((who, note)) = by.clone() {
                acknowledge(before, episode, Acknowledged { who, note, at: now })?
            } else {
                let rulebook = self.rulebook.borrow().clone();
                let rule = rulebook.rules.get(&stored.alert.rule);
                let settings = rule.map(|rule| life_settings(rule)).unwrap_or_default();
                unacknowledge(before, episode, &settings, now)?
            };
            if stored.save(&*self.store, Some(&row)).await?.is_some() {
                self.wake();
                return Ok(stored);
            }
        }
        Err(AttendError::Busy)
    }

    /// Keeps a new silence, or one that was ended.
    pub(crate) async fn keep_silence(&self, silence: &Silence) -> Result<(), StoreError> {
        let change = rows::put(rows::SILENCE, silence.id.as_str(), RowExpect::Anything, None, silence);
        self.store.change_rows(vec![change]).await?;
        look_at_receivers(&*self.store).await?;
        self.wake();
        Ok(())
    }

    /// All silences, the newest first.
    pub(crate) async fn silences(&self) -> Result<Vec<Silence>, StoreError> {
        let mut silences: Vec<Silence> = rows::read_all(&*self.store, rows::SILENCE, "").await?;
        silences.reverse();
        Ok(silences)
    }

    /// Takes up a notification that was given up.
    pub(crate) async fn retry(&self, key: &str) -> Result<OutboxRow, AttendError> {
        retry(&*self.store, key, self.clock.now()).await
    }
}

/// Takes up a notification that was given up.
pub(super) async fn retry(store: &dyn EventStore, key: &str, now: i64) -> Result<OutboxRow, AttendError> {
    for _ in 0..TRIES {
        let row = store.row(rows::OUTBOX, key).await?.ok_or(AttendError::NotThere)?;
        let outgoing = rows::read::<OutboxRow>(rows::OUTBOX, &row).ok_or(AttendError::NotThere)?;
        // Who asks for it knows that the receiver was mended.
        let revived = outgoing.revived(now).ok_or(AttendError::NotDead)?.asked_for();
        if sender::save(store, &row, &revived).await? {
            return Ok(revived);
        }
    }
    Err(AttendError::Busy)
}

/// What is muted is another now: every receiver for whom something waits is looked at.
pub(super) async fn look_at_receivers(store: &dyn EventStore) -> Result<(), StoreError> {
    for row in rows::all(store, rows::RECEIVER, "").await? {
        let mut row = Some(row);
        for _ in 0..TRIES {
            let Some(found) = row else { break };
            let Some(state) = rows::read::<ReceiverState>(rows::RECEIVER, &found) else { break };
            if !state.has_waiting() {
                break;
            }
            // Who plans for it at the same time may not know yet what is muted now: it is looked at once more.
            let saved =
                rows::save(store, rows::RECEIVER, &found.key, Some(&found), Some(rows::AT_ONCE), &state).await?;
            if saved.is_some() {
                break;
            }
            row = store.row(rows::RECEIVER, &found.key).await?;
        }
    }
    Ok(())
}
