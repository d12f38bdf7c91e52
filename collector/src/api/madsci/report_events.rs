//! The events that a report needs, read from the store in the order of time. Each type is asked for on its own, along
//! its index, because what happens in a lab is rare among its log lines; and the types are put together as they come.

use std::{time::Duration, vec};

use labtrail_shared::{event_type::EventType, filter::Filter};
use serde_json::json;

use crate::{
    store::{Criteria, EventStore, Order, Pages, Search, StoreError, StoredEvent},
    utilization::{ACTIVITY_TYPES, History, NAMING_TYPES, WORKFLOW_TYPES, Window},
};

/// Events of one type that are read together.
const PART_EVENTS: usize = 2000;

/// How long the store looks before it is asked to go on.
const PART_TIME_MAX: Duration = Duration::from_secs(2);

/// What a report on sessions or periods needs.
pub(super) async fn of_sessions(store: &dyn EventStore, window: Window) -> Result<History, StoreError> {
    let others = ACTIVITY_TYPES.into_iter().filter(|event_type| !NAMING_TYPES.contains(event_type));
    let streams = NAMING_TYPES.into_iter().map(|event_type| TypeStream::new(event_type, None));
    history(store, streams.chain(others.map(|event_type| TypeStream::new(event_type, Some(window)))).collect()).await
}

/// What a report on users needs.
pub(super) async fn of_workflows(store: &dyn EventStore, window: Window) -> Result<History, StoreError> {
    history(store, WORKFLOW_TYPES.map(|event_type| TypeStream::new(event_type, Some(window))).into()).await
}

async fn history(store: &dyn EventStore, mut streams: Vec<TypeStream>) -> Result<History, StoreError> {
    let mut history = History::default();
    let mut heads = Vec::with_capacity(streams.len());
    for stream in &mut streams {
        heads.push(stream.next(store).await?);
    }
    let key = |head: &Option<StoredEvent>| head.as_ref().map(|event| (event.time, event.id().to_owned()));
    loop {
        let first = heads.iter().enumerate().filter_map(|(index, head)| Some((head.as_ref()?.time, index))).min();
        let Some((time, _)) = first else { return Ok(history) };
        // Of those at the same instant the one with the least id.
        let among = heads.iter().enumerate().filter(|(_, head)| head.as_ref().is_some_and(|head| head.time == time));
        let Some((index, _)) = among.min_by_key(|(_, head)| key(head)) else { return Ok(history) };
        let next = streams[index].next(store).await?;
        if let Some(stored) = std::mem::replace(&mut heads[index], next) {
            history.add(&stored.event, stored.time);
        }
    }
}

/// The events of one type, part by part.
struct TypeStream {
    pages: Pages,
    part: vec::IntoIter<StoredEvent>,
}

impl TypeStream {
    fn new(event_type: EventType, window: Option<Window>) -> Self {
        let filter = Filter::parse(&json!({"event_type": event_type.name()})).expect("a name is a selector");
        let criteria = Criteria {
            filter: Some(filter),
            from: window.map(|window| window.start),
            to: window.map(|window| window.end.saturating_add(1)),
            ..Criteria::default()
        };
        let (order, limit, time_max) = (Order::Ascending, PART_EVENTS, PART_TIME_MAX);
        let search = Search { criteria, order, after: None, offset: 0, limit, time_max };
        Self { pages: Pages::new(search), part: Vec::new().into_iter() }
    }

    async fn next(&mut self, store: &dyn EventStore) -> Result<Option<StoredEvent>, StoreError> {
        loop {
            if let Some(event) = self.part.next() {
                return Ok(Some(event));
            }
            let Some(events) = self.pages.next(store, PART_EVENTS).await? else { return Ok(None) };
            self.part = events.into_iter();
        }
    }
}
