//! Stores documents, counts that, and tells those who watch.

use std::{sync::Arc, time::Instant};

use super::{
    arrivals::Announcements,
    connection::Connection,
    document::{Clock, Documents},
    insert,
    metrics::StoreMetrics,
};
use crate::store::{Outcome, StoreError};

/// What it takes to store documents.
#[derive(Debug, Clone)]
pub(super) struct Inserter {
    pub(super) connection: Arc<Connection>,
    pub(super) clock: Clock,
    pub(super) announcements: Announcements,
    pub(super) metrics: Arc<StoreMetrics>,
}

impl Inserter {
    /// Stores documents; the outcomes are in their order. Work on them began at `start`.
    pub(super) async fn insert(&self, documents: &mut Documents, start: Instant) -> Result<Vec<Outcome>, StoreError> {
        let inserted = insert::insert(&self.connection, documents, &self.clock).await;
        let outcomes = inserted.inspect_err(|_| self.metrics.failed())?;
        self.metrics.inserted(start.elapsed());
        let stored = outcomes.iter().enumerate().filter(|(_, outcome)| **outcome == Outcome::Stored);
        self.announcements.announce(stored.map(|(index, _)| documents.take_id(index)).collect());
        Ok(outcomes)
    }
}
