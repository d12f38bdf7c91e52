//! Page after page of a search, to its end.

use std::{sync::Arc, time::Duration};

use super::{EventStore, Page, Position, Search, StoreError, StoredEvent};

/// A page for which this time was not enough will not come.
const TIME_MAX: Duration = Duration::from_mins(2);

/// A search whose pages are asked for one by one. What `limit` says is the size of a page here.
#[derive(Debug)]
pub(crate) struct Pages {
    search: Option<Search>,
}

/// The store could not get on, however long it was given.
#[derive(Debug, thiserror::Error)]
#[error("it found nothing within {0:?}; once the events that MADSci wrote are completed it is quicker")]
struct Stuck(Duration);

impl Pages {
    pub(crate) fn new(search: Search) -> Self {
        Self { search: Some(search) }
    }

    /// Whether there may be more.
    pub(crate) fn is_open(&self) -> bool {
        self.search.is_some()
    }

    /// The next page, which may be empty, of so many events at most; none at the end. A store that does not get on is asked
    /// again and given more time. After an error the same page may be asked for again.
    pub(crate) async fn next(
        &mut self,
        store: &dyn EventStore,
        limit: usize,
    ) -> Result<Option<Vec<StoredEvent>>, StoreError> {
        let Some(mut search) = self.search.clone() else { return Ok(None) };
        search.limit = limit;
        loop {
            let page = store.search(search.clone()).await?;
            if is_stuck(&page, &search) {
                search.time_max *= 2;
                if search.time_max > TIME_MAX {
                    // Next time it is given as much at once.
                    search.time_max = TIME_MAX;
                    self.search = Some(search);
                    let source = Arc::new(Stuck(TIME_MAX));
                    return Err(StoreError::Unavailable { attempt: "read all events", source });
                }
                continue;
            }
            let Page { items, next, .. } = page;
            // What was to be left out was left out before this page.
            self.search = next.map(|next| Search { after: Some(next), offset: 0, ..search });
            return Ok(Some(items));
        }
    }

    /// Asks for no more.
    pub(crate) fn end(&mut self) {
        self.search = None;
    }
}

fn is_stuck(page: &Page, search: &Search) -> bool {
    let start = || Position::before_all(search.order);
    !page.complete && page.items.is_empty() && page.next == Some(search.after.clone().unwrap_or_else(start))
}
