//! A store whose process dies: after so many writes none is made any more. A crash lies between two writes, so that trying each
//! number tries each place.

use std::sync::{
    Arc,
    atomic::{AtomicI64, Ordering},
};

use async_trait::async_trait;
use tokio::sync::{Notify, watch};

use crate::store::{
    DeadLetter, EventStore, Expect, Histogram, HistogramRequest, InsertReport, NewEvent, Page, Position, Row,
    RowChange, RowStore, Search, StoreError, StoredDeadLetter, StoredEvent,
};

#[derive(Debug)]
pub(super) struct Mortal {
    inner: Arc<dyn EventStore>,
    writes_left: AtomicI64,
    /// Every so manieth search fails, if any.
    stumbles: i64,
    searches: AtomicI64,
    died: Notify,
}

impl Mortal {
    pub(super) fn new(inner: Arc<dyn EventStore>, writes: i64) -> Self {
        Self {
            inner,
            writes_left: AtomicI64::new(writes),
            stumbles: 0,
            searches: AtomicI64::new(0),
            died: Notify::new(),
        }
    }

    /// A store that lives, and of which every so manieth search fails.
    pub(super) fn stumbling(inner: Arc<dyn EventStore>, every: i64) -> Self {
        Self { stumbles: every, ..Self::new(inner, i64::MAX) }
    }

    /// Does something, unless the process dies meanwhile: then none.
    pub(super) async fn outlive<T>(&self, work: impl Future<Output = T>) -> Option<T> {
        tokio::select! {
            biased;
            () = self.died.notified() => None,
            done = work => Some(done),
        }
    }

    async fn write(&self) {
        if self.writes_left.fetch_sub(1, Ordering::SeqCst) <= 0 {
            self.end().await;
        }
    }

    async fn live(&self) {
        if self.writes_left.load(Ordering::SeqCst) < 0 {
            self.end().await;
        }
    }

    /// Whoever is dead does nothing any more.
    async fn end(&self) {
        self.died.notify_one();
        std::future::pending::<()>().await;
    }
}

#[async_trait]
impl RowStore for Mortal {
    async fn change_rows(&self, changes: Vec<RowChange>) -> Result<Vec<bool>, StoreError> {
        // Each row is a write of its own: stores promise nothing of several.
        let mut made = Vec::with_capacity(changes.len());
        for change in changes {
            self.write().await;
            made.extend(self.inner.change_rows(vec![change]).await?);
        }
        Ok(made)
    }

    async fn row(&self, kind: &'static str, key: &str) -> Result<Option<Row>, StoreError> {
        self.live().await;
        self.inner.row(kind, key).await
    }

    async fn rows(&self, kind: &'static str, after: Option<&str>, limit: usize) -> Result<Vec<Row>, StoreError> {
        self.live().await;
        self.inner.rows(kind, after, limit).await
    }

    async fn rows_due(&self, kind: &'static str, at: i64, limit: usize) -> Result<Vec<Row>, StoreError> {
        self.live().await;
        self.inner.rows_due(kind, at, limit).await
    }
}

#[async_trait]
impl EventStore for Mortal {
    async fn insert(&self, events: Vec<NewEvent>, expect: Expect) -> Result<InsertReport, StoreError> {
        self.write().await;
        self.inner.insert(events, expect).await
    }

    async fn dead_letter(&self, letters: Vec<DeadLetter>) -> Result<(), StoreError> {
        self.inner.dead_letter(letters).await
    }

    async fn hashes(&self, ids: Vec<String>) -> Result<Vec<Option<u64>>, StoreError> {
        self.inner.hashes(ids).await
    }

    async fn get(&self, id: &str) -> Result<Option<StoredEvent>, StoreError> {
        self.live().await;
        self.inner.get(id).await
    }

    async fn search(&self, search: Search) -> Result<Page, StoreError> {
        self.live().await;
        let searches = self.searches.fetch_add(1, Ordering::SeqCst) + 1;
        if self.stumbles > 0 && searches % self.stumbles == 0 {
            return Err(StoreError::Unavailable { attempt: "search", source: Arc::new(std::fmt::Error) });
        }
        self.inner.search(search).await
    }

    async fn histogram(&self, request: HistogramRequest) -> Result<Histogram, StoreError> {
        self.inner.histogram(request).await
    }

    async fn archive(&self, ids: Vec<String>, at: i64) -> Result<u64, StoreError> {
        self.inner.archive(ids, at).await
    }

    async fn archived(
        &self,
        after: Option<Position>,
        limit: usize,
    ) -> Result<Vec<(Position, StoredEvent)>, StoreError> {
        self.inner.archived(after, limit).await
    }

    async fn purge(&self, before: i64, limit: usize) -> Result<u64, StoreError> {
        self.inner.purge(before, limit).await
    }

    async fn extent(&self) -> Result<Option<(i64, i64)>, StoreError> {
        self.inner.extent().await
    }

    async fn count(&self) -> Result<u64, StoreError> {
        self.inner.count().await
    }

    async fn events_after(&self, seq: i64, limit: usize) -> Result<Vec<(i64, StoredEvent)>, StoreError> {
        self.inner.events_after(seq, limit).await
    }

    fn last_seq(&self) -> watch::Receiver<i64> {
        self.inner.last_seq()
    }

    async fn dead_letters(&self, before: Option<i64>, limit: usize) -> Result<Vec<StoredDeadLetter>, StoreError> {
        self.inner.dead_letters(before, limit).await
    }

    async fn get_dead_letter(&self, seq: i64) -> Result<Option<StoredDeadLetter>, StoreError> {
        self.inner.get_dead_letter(seq).await
    }

    async fn remove_dead_letter(&self, seq: i64) -> Result<bool, StoreError> {
        self.inner.remove_dead_letter(seq).await
    }
}
