//! Who judges: one collector of all that share a store, for a while at a time.
//!
//! The lease saves work and decides nothing: whatever the one who has it writes is written only over what it read. So two who
//! believe to have it, because clocks differ or one of them slept, do the same twice and no harm.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{clock::Clock, rows};
use crate::store::{EventStore, StoreError};

/// How long it lasts. When its owner dies, so long nobody judges.
const LENGTH: i64 = 10_000_000;

/// It is renewed when so much of it is left.
const RENEW_AT: i64 = 7_000_000;

/// A lease that lasts longer than any was written by a clock that is ahead.
const AHEAD_MAX: i64 = 60_000_000;

/// So long a lease of one who reads from Kafka is left to others of that kind, in microseconds.
const KAFKA_FIRST: i64 = 3600 * 1_000_000;

const KEY: &str = "leader";

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Held {
    owner: String,
    until: i64,
    /// Whether the owner knows how far Kafka was read.
    #[serde(default)]
    kafka: bool,
}

/// The lease, as far as this collector knows.
#[derive(Debug)]
pub(super) struct Lease {
    store: Arc<dyn EventStore>,
    clock: Clock,
    owner: String,
    has_kafka: bool,
    held_until: Option<i64>,
    /// Until when somebody else had it.
    others_until: Option<i64>,
}

impl Lease {
    pub(super) fn new(store: Arc<dyn EventStore>, clock: Clock, owner: String, has_kafka: bool) -> Self {
        Self { store, clock, owner, has_kafka, held_until: None, others_until: None }
    }

    /// Until when somebody else had it, before it was ours; once.
    pub(super) fn others_until(&mut self) -> Option<i64> {
        self.others_until.take()
    }

    /// Until when it is ours; takes or renews it if that is possible.
    pub(super) async fn take(&mut self) -> Result<Option<i64>, StoreError> {
        let now = self.clock.now();
        if self.held_until.is_some_and(|until| (RENEW_AT..=LENGTH).contains(&(until - now))) {
            return Ok(self.held_until);
        }
        self.held_until = None;
        let row = self.store.row(rows::LEASE, KEY).await?;
        let held = row.as_ref().and_then(|row| rows::read::<Held>(rows::LEASE, row));
        // Of collectors on one store that do not all read from Kafka, only those that do know how far it was read.
        let is_for_kafka = held.as_ref().is_some_and(|held| held.kafka && now.saturating_sub(held.until) < KAFKA_FIRST);
        if is_for_kafka && !self.has_kafka {
            return Ok(None);
        }
        let is_free = held.as_ref().is_none_or(|held| {
            held.owner == self.owner || held.until <= now || held.until.saturating_sub(now) > AHEAD_MAX
        });
        if !is_free {
            return Ok(None);
        }
        let until = now + LENGTH;
        let before = held.filter(|held| held.owner != self.owner).map(|held| held.until.min(now));
        let held = Held { owner: self.owner.clone(), until, kafka: self.has_kafka };
        if rows::save(&*self.store, rows::LEASE, KEY, row.as_ref(), None, &held).await?.is_some() {
            self.others_until = before.or(self.others_until);
            self.held_until = Some(until);
        }
        Ok(self.held_until)
    }

    /// Gives it back, so that nobody has to wait for its end.
    pub(super) async fn give_back(&mut self) -> Result<(), StoreError> {
        if self.held_until.take().is_none() {
            return Ok(());
        }
        let Some(row) = self.store.row(rows::LEASE, KEY).await? else { return Ok(()) };
        if rows::read::<Held>(rows::LEASE, &row).is_some_and(|held| held.owner == self.owner) {
            let held = Held { owner: self.owner.clone(), until: self.clock.now(), kafka: self.has_kafka };
            rows::save(&*self.store, rows::LEASE, KEY, Some(&row), None, &held).await?;
        }
        Ok(())
    }
}
