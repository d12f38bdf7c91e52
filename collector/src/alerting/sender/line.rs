//! The line of a receiver: whose turn it is to send to it, and how it does.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::{
    alerting::{clock::Clock, rows},
    store::{EventStore, Row, StoreError},
};

/// How long a line is held without a word, in microseconds. Who dies while he has it holds up the receiver for so long.
const HELD_FOR: i64 = 15_000_000;

/// How often it is said that it is still needed, while an attempt takes its time.
const RENEW_EVERY: Duration = Duration::from_secs(4);

/// A time further ahead was written by a clock that is wrong.
const AHEAD_MAX: i64 = 24 * 3_600_000_000;

/// The row of a line. Times are microseconds since 1970 UTC.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct LineContent {
    /// Who holds it.
    owner: String,
    held_until: i64,
    /// The receiver could not be reached, and is not tried before this.
    pub(crate) paused_until: Option<i64>,
    /// Since when nothing gets through.
    pub(crate) failing_since: Option<i64>,
    /// Why, the last time.
    pub(crate) reason: Option<String>,
    /// When something last got through.
    pub(crate) last_sent_at: Option<i64>,
    /// The settings under which it was last tried in vain, or that were found newer than those.
    pub(super) settings: u64,
}

impl LineContent {
    /// Whether somebody else holds it.
    fn is_held(&self, owner: &str, now: i64) -> bool {
        self.owner != owner && is_ahead(self.held_until, now)
    }

    /// Something got through.
    pub(super) fn sent(&mut self, now: i64) {
        self.last_sent_at = Some(now);
        (self.paused_until, self.failing_since, self.reason) = (None, None, None);
    }

    /// Something did not; where the receiver is to be left alone for a while, until when.
    pub(super) fn failed(&mut self, now: i64, paused_until: Option<i64>, reason: String) {
        self.failing_since.get_or_insert(now);
        self.reason = Some(reason);
        self.paused_until = paused_until;
    }

    /// The receiver is another one now.
    pub(super) fn mended(&mut self, settings: u64) {
        self.settings = settings;
        self.paused_until = None;
    }
}

/// Whether a time is still to come; one that is too far ahead was written by a clock that is wrong.
fn is_ahead(at: i64, now: i64) -> bool {
    at > now && at.saturating_sub(now) <= AHEAD_MAX
}

/// What came of trying to take a line.
#[derive(Debug)]
pub(super) enum Taking {
    /// It is ours.
    Taken(Box<Line>),
    /// Somebody else has it.
    Busy,
    /// The receiver is left alone until then.
    Paused(i64),
}

/// A line that is held.
#[derive(Debug)]
pub(super) struct Line {
    receiver: String,
    row: Row,
    /// Until when the receiver was to be left alone, if it was when the line was taken.
    pub(super) paused_before: Option<i64>,
    pub(super) content: LineContent,
}

impl Line {
    /// Takes the line of a receiver, unless somebody else has it, or the receiver is left alone and nobody asks for it.
    pub(super) async fn take(
        store: &dyn EventStore,
        receiver: &str,
        owner: &str,
        is_asked_for: bool,
        now: i64,
    ) -> Result<Taking, StoreError> {
        let (row, mut content) = read(store, receiver).await?;
        if content.is_held(owner, now) {
            return Ok(Taking::Busy);
        }
        let paused_until = content.paused_until.filter(|until| is_ahead(*until, now));
        if let Some(until) = paused_until.filter(|_| !is_asked_for) {
            return Ok(Taking::Paused(until));
        }
        owner.clone_into(&mut content.owner);
        content.held_until = now.saturating_add(HELD_FOR);
        let taken = save(store, receiver, row.as_ref(), &content).await?;
        let receiver = receiver.to_owned();
        let line = taken.map(|row| Box::new(Self { receiver, row, paused_before: paused_until, content }));
        Ok(line.map_or(Taking::Busy, Taking::Taken))
    }

    /// Does something that takes its time, and says meanwhile that the line is still needed. Should somebody else take it all
    /// the same, only the order suffers.
    pub(super) async fn held_during<T>(
        &mut self,
        store: &dyn EventStore,
        clock: &Clock,
        work: impl Future<Output = T>,
    ) -> T {
        let mut work = std::pin::pin!(work);
        loop {
            tokio::select! {
                done = &mut work => return done,
                () = tokio::time::sleep(RENEW_EVERY) => {
                    let _ = self.hold(store, clock.now()).await;
                }
            }
        }
    }

    /// Says that it is still needed; false if somebody else has it by now.
    pub(super) async fn hold(&mut self, store: &dyn EventStore, now: i64) -> Result<bool, StoreError> {
        if self.content.held_until.saturating_sub(now) > HELD_FOR - 3_000_000 {
            return Ok(true);
        }
        self.content.held_until = now.saturating_add(HELD_FOR);
        self.keep(store).await
    }

    /// Saves what was learnt; false if somebody else has the line by now. Whoever notes newer settings does not take it away.
    async fn keep(&mut self, store: &dyn EventStore) -> Result<bool, StoreError> {
        loop {
            if let Some(row) = save(store, &self.receiver, Some(&self.row), &self.content).await? {
                self.row = row;
                return Ok(true);
            }
            match read(store, &self.receiver).await? {
                (Some(row), current) if current.owner == self.content.owner => self.row = row,
                _ => return Ok(false),
            }
        }
    }

    /// Lets it go, with what was learnt of the receiver.
    pub(super) async fn let_go(mut self, store: &dyn EventStore) -> Result<(), StoreError> {
        self.content.held_until = 0;
        self.keep(store).await.map(drop)
    }
}

/// The line of a receiver as it is.
pub(super) async fn read(store: &dyn EventStore, receiver: &str) -> Result<(Option<Row>, LineContent), StoreError> {
    let row = store.row(rows::LINE, receiver).await?;
    let content = row.as_ref().and_then(|row| rows::read(rows::LINE, row)).unwrap_or_default();
    Ok((row, content))
}

/// Saves a line over what was read; gives back the row, if nobody else was faster.
pub(super) async fn save(
    store: &dyn EventStore,
    receiver: &str,
    before: Option<&Row>,
    content: &LineContent,
) -> Result<Option<Row>, StoreError> {
    rows::save(store, rows::LINE, receiver, before, None, content).await
}
