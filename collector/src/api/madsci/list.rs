//! Lists of events on their way to a client: objects keyed by id, read and written part by part, so that a list of any
//! length takes little memory, and one that nobody waits for any more ends.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use axum::{
    body::Body,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use futures_util::{StreamExt as _, stream};
use thiserror::Error;

use super::error::Detail;
use crate::{
    api::Api,
    store::{Criteria, EventStore, Order, Pages, Position, Search, StoreError, StoredEvent},
};

/// Lists have no limit in MADSci, so they are read and sent in parts.
const PART_EVENTS: usize = 1000;

/// To write an event takes some microseconds, and others wait for this thread.
const EVENTS_BETWEEN_YIELDS: usize = 64;

/// How long the store looks before it is asked to go on. These lists are always complete; this is only so that one that
/// nobody waits for any more ends.
const PART_TIME_MAX: Duration = Duration::from_secs(1);

/// Why a list ended early.
#[derive(Debug, Error)]
enum ListError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("the list is not complete after {0:?}, and the option search.list_time_max allows no more")]
    TooLong(Duration),
}

/// Where the events come from.
enum Source {
    /// Those that a search finds.
    Search(Box<Pages>),
    /// Those that were put aside, after a place in the order of that.
    Archived(Option<Position>),
}

/// A list under way.
pub(super) struct List {
    store: Arc<dyn EventStore>,
    /// What to ask the store for next; none when all was read.
    source: Option<Source>,
    /// How many events are still to be left out, where the store cannot do that.
    skipped: u64,
    /// How many events may still come.
    left: usize,
    is_begun: bool,
    is_ended: bool,
    start: Instant,
    time_max: Duration,
}

impl List {
    pub(super) fn search(api: &Api, criteria: Criteria, order: Order, offset: usize, number: usize) -> Self {
        let (limit, time_max) = (PART_EVENTS, PART_TIME_MAX);
        let search = Search { criteria, order, after: None, offset, limit, time_max };
        Self::new(api, Source::Search(Box::new(Pages::new(search))), 0, number)
    }

    pub(super) fn archived(api: &Api, offset: u64, number: usize) -> Self {
        Self::new(api, Source::Archived(None), offset, number)
    }

    fn new(api: &Api, source: Source, skipped: u64, left: usize) -> Self {
        Self {
            store: Arc::clone(&api.store),
            source: Some(source),
            skipped,
            left,
            is_begun: false,
            is_ended: false,
            start: Instant::now(),
            time_max: api.config.search.list_time_max.0,
        }
    }

    /// What fails before the first event is an error of its own; later the answer ends early, which clients notice.
    pub(super) async fn into_response(mut self) -> Result<Response, Detail> {
        let first = self.part().await?;
        if self.is_ended {
            // Short lists have a length.
            return Ok(([(header::CONTENT_TYPE, "application/json")], first).into_response());
        }
        let rest = stream::unfold(self, async |mut list| {
            if list.is_ended {
                return None;
            }
            Some((list.part().await, list))
        });
        let all = stream::iter([Ok(first)]).chain(rest);
        Ok(([(header::CONTENT_TYPE, "application/json")], Body::from_stream(all)).into_response())
    }

    /// The next piece of the text.
    async fn part(&mut self) -> Result<Bytes, ListError> {
        let mut text = String::new();
        while text.is_empty() || self.source.is_none() {
            let Some(source) = self.source.take() else {
                self.is_ended = true;
                text.push_str(if self.is_begun { "}" } else { "{}" });
                break;
            };
            if self.start.elapsed() > self.time_max {
                return Err(ListError::TooLong(self.time_max));
            }
            let events = match source {
                Source::Search(search) => self.search_part(search).await?,
                Source::Archived(after) => self.archived_part(after).await?,
            };
            for (index, StoredEvent { event, .. }) in events.into_iter().enumerate() {
                if index % EVENTS_BETWEEN_YIELDS == EVENTS_BETWEEN_YIELDS - 1 {
                    tokio::task::yield_now().await;
                }
                text.push(if self.is_begun { ',' } else { '{' });
                self.is_begun = true;
                text.push_str(&event["_id"].to_string());
                text.push(':');
                text.push_str(&event.to_string());
            }
        }
        Ok(Bytes::from(text))
    }

    async fn search_part(&mut self, mut pages: Box<Pages>) -> Result<Vec<StoredEvent>, StoreError> {
        let found = pages.next(&*self.store, PART_EVENTS.min(self.left)).await?.unwrap_or_default();
        self.left -= found.len();
        if pages.is_open() && self.left > 0 {
            self.source = Some(Source::Search(pages));
        }
        Ok(found)
    }

    async fn archived_part(&mut self, after: Option<Position>) -> Result<Vec<StoredEvent>, StoreError> {
        let limit = PART_EVENTS.min(self.left.saturating_add(self.skipped as usize));
        let page = self.store.archived(after, limit).await?;
        let next = page.last().map(|(position, _)| position.clone());
        let count = page.len();
        let skipped = self.skipped.min(count as u64);
        self.skipped -= skipped;
        let events = page.into_iter().map(|(_, event)| event).skip(skipped as usize).take(self.left);
        let events: Vec<StoredEvent> = events.collect();
        self.left -= events.len();
        if count == limit && limit > 0 && self.left > 0 {
            self.source = Some(Source::Archived(next));
        }
        Ok(events)
    }
}

impl From<ListError> for Detail {
    fn from(error: ListError) -> Self {
        match error {
            ListError::Store(error) => error.into(),
            error @ ListError::TooLong(_) => Self::text(StatusCode::GATEWAY_TIMEOUT, error.to_string()),
        }
    }
}
