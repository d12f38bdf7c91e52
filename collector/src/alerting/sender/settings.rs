//! Newer settings of receivers: what was given up because a person had to mend something is taken up again.

use super::{Sender, line, save};
use crate::{
    alert::outbox::{OutboxRow, RowState},
    alerting::{rows, rulebook::Rulebook},
    store::StoreError,
};

impl Sender {
    /// Looks whether the receivers' settings are others than those under which they were last tried.
    pub(in crate::alerting) async fn take_up_settings(&self, rulebook: &Rulebook) -> Result<(), StoreError> {
        for receiver in rulebook.receivers.names() {
            self.take_up_settings_of(rulebook, receiver).await?;
        }
        Ok(())
    }

    /// Looks whether a receiver's settings are others than those under which it was last tried.
    pub(super) async fn take_up_settings_of(&self, rulebook: &Rulebook, receiver: &str) -> Result<(), StoreError> {
        if rulebook.receivers.get(receiver).is_none() {
            return Ok(());
        }
        loop {
            let (row, mut content) = line::read(&*self.store, receiver).await?;
            if content.settings == rulebook.routes_hash {
                return Ok(());
            }
            // First the notifications, then the note that this was done.
            if row.is_some() {
                self.revive(receiver).await?;
                self.report(rulebook, receiver, None).await?;
            }
            content.mended(rulebook.routes_hash);
            if line::save(&*self.store, receiver, row.as_ref(), &content).await?.is_some() {
                return Ok(());
            }
        }
    }

    async fn revive(&self, receiver: &str) -> Result<(), StoreError> {
        let now = self.clock.now();
        for row in rows::all(&*self.store, rows::OUTBOX, "").await? {
            let Some(outgoing) = rows::read::<OutboxRow>(rows::OUTBOX, &row) else { continue };
            if outgoing.receiver != receiver {
                continue;
            }
            let next = match outgoing.state {
                RowState::Dead if outgoing.needs_mending => outgoing.revived(now),
                // All that waits is tried now, in its order.
                RowState::Waiting => Some(outgoing.hurried(now)),
                _ => None,
            };
            if let Some(next) = next {
                save(&*self.store, &row, &next).await?;
            }
        }
        Ok(())
    }
}
