//! What is old is put aside, and later deleted for good.
//!
//! Works in small parts, so that senders and readers never wait for it, and takes up again where it was interrupted: what
//! was put aside or deleted is found no more.

use std::{num::NonZeroUsize, sync::Arc, time::Duration};

use jiff::Timestamp;
use labtrail_shared::{
    settings::Period,
    shutdown::{Stop, Tasks},
    telemetry::{Metrics, with_causes},
};
use prometheus_client::metrics::{counter::Counter, gauge::Gauge};
use serde::{Deserialize, Serialize};
use tracing::{debug, error, info};

use crate::store::{Criteria, EventStore, Order, Pages, Search, StoreError};

const DAY: Duration = Duration::from_hours(24);

/// Between two parts, for others.
const PART_PAUSE: Duration = Duration::from_millis(20);

/// `[retention]`: how long events are kept.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RetentionConfig {
    /// Whether events are put aside and deleted by their age. Default `false`: everything is kept.
    pub enabled: bool,
    /// Events of so many days ago are put aside: they stay and can be found, but MADSci's lists leave them out.
    /// Default 90.
    pub archive_after_days: DayCount,
    /// What was put aside so many days ago is deleted for good. Default 365.
    pub delete_after_days: DayCount,
    /// How often it is looked for such events, beginning at the start. Default 24h.
    pub check_interval: Period,
    /// How many events are put aside or deleted in one go. Default 1000.
    pub batch_events: NonZeroUsize,
    /// After so many parts it waits for the next time; 0: it goes on until all is done. Default 0.
    pub batches_max: usize,
    /// Whether the collector ends when looking after old events fails, instead of trying again. Default `false`.
    pub fail_on_error: bool,
}

impl Default for RetentionConfig {
    fn default() -> Self {
        Self {
            enabled: false,
            archive_after_days: DayCount(90),
            delete_after_days: DayCount(365),
            check_interval: Period(DAY),
            batch_events: NonZeroUsize::new(1000).expect("it is not zero"),
            batches_max: 0,
            fail_on_error: false,
        }
    }
}

/// A number of days from 1 to a hundred thousand.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "u32")]
pub struct DayCount(u32);

impl DayCount {
    pub(crate) fn get(self) -> u32 {
        self.0
    }

    fn micros(self) -> i64 {
        i64::from(self.0) * DAY.as_micros() as i64
    }
}

impl TryFrom<u32> for DayCount {
    type Error = String;

    fn try_from(days: u32) -> Result<Self, String> {
        let is_allowed = (1..=100_000).contains(&days);
        if is_allowed { Ok(Self(days)) } else { Err(format!("{days} is not from 1 to 100000 days")) }
    }
}

/// A larger part would make others wait.
const BATCH_EVENTS_MAX: usize = 10_000;

/// How long the store looks for old events before it is asked to go on.
const SEARCH_TIME_MAX: Duration = Duration::from_secs(1);

/// How many parts of how many events.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Parts {
    pub(crate) events: usize,
    pub(crate) count_max: Option<usize>,
}

impl Parts {
    fn events(self) -> usize {
        self.events.clamp(1, BATCH_EVENTS_MAX)
    }
}

/// Puts all events before an instant aside, the oldest first; tells of each part how many it were. They are looked for as
/// anybody looks for events, so that those that are aside already take nobody's time but this.
pub(crate) async fn archive_before(
    store: &dyn EventStore,
    instant: i64,
    parts: Parts,
    mut told: impl FnMut(u64),
) -> Result<(), StoreError> {
    let criteria = Criteria { to: Some(instant), archived: Some(false), ..Criteria::default() };
    let (order, limit, time_max) = (Order::Ascending, parts.events(), SEARCH_TIME_MAX);
    let mut pages = Pages::new(Search { criteria, order, after: None, offset: 0, limit, time_max });
    let mut done = 0;
    while let Some(events) = pages.next(store, parts.events()).await? {
        if events.is_empty() {
            continue;
        }
        let ids = events.iter().map(|event| event.id().to_owned()).collect();
        told(store.archive(ids, Timestamp::now().as_microsecond()).await?);
        done += 1;
        if parts.count_max.is_some_and(|max| done >= max) {
            pages.end();
        }
        tokio::time::sleep(PART_PAUSE).await;
    }
    Ok(())
}

/// Deletes all that was put aside before an instant; tells of each part how many it were.
pub(crate) async fn purge(
    store: &dyn EventStore,
    before: i64,
    parts: Parts,
    mut told: impl FnMut(u64),
) -> Result<(), StoreError> {
    for done in 1.. {
        let deleted = store.purge(before, parts.events()).await?;
        told(deleted);
        if deleted == 0 || parts.count_max.is_some_and(|max| done >= max) {
            break;
        }
        tokio::time::sleep(PART_PAUSE).await;
    }
    Ok(())
}

/// After a failure it is tried again so soon.
const RETRY_PAUSE: Duration = Duration::from_mins(1);

/// Starts to look after the age of events, if that is wanted.
pub(crate) fn start(
    config: &RetentionConfig,
    store: Arc<dyn EventStore>,
    tasks: &mut Tasks,
    stop: Stop,
    metrics: &Metrics,
) {
    if !config.enabled {
        return;
    }
    let (archived, deleted, last) = (Counter::<u64>::default(), Counter::<u64>::default(), Gauge::<i64>::default());
    metrics.register(|registry| {
        registry.register("retention_archived", "Events put aside because of their age", archived.clone());
        registry.register("retention_deleted", "Events deleted because of their age", deleted.clone());
        registry.register("retention_last_success_seconds", "When it was last looked for old events", last.clone());
    });
    let config = config.clone();
    tasks.start("retention", async move {
        let counters = (archived, deleted);
        let work = async {
            loop {
                let pause = match run(&config, &*store, &counters).await {
                    Ok(()) => {
                        last.set(Timestamp::now().as_second());
                        config.check_interval.0
                    }
                    Err(cause) if config.fail_on_error => return cause,
                    Err(cause) => {
                        error!(reason = with_causes(&cause), "looking after old events failed; trying again");
                        RETRY_PAUSE.min(config.check_interval.0)
                    }
                };
                tokio::time::sleep(pause).await;
            }
        };
        tokio::select! {
            () = stop.given() => Ok(()),
            cause = work => Err(cause),
        }
    });
}

async fn run(
    config: &RetentionConfig,
    store: &dyn EventStore,
    (archived, deleted): &(Counter, Counter),
) -> Result<(), StoreError> {
    let now = Timestamp::now().as_microsecond();
    let count_max = (config.batches_max > 0).then_some(config.batches_max);
    let parts = Parts { events: config.batch_events.get(), count_max };
    let (mut put_aside, mut gone) = (0, 0);
    let archiving = archive_before(store, now - config.archive_after_days.micros(), parts, |count| {
        archived.inc_by(count);
        put_aside += count;
    });
    let mut result = archiving.await;
    if result.is_ok() {
        let purging = purge(store, now - config.delete_after_days.micros(), parts, |count| {
            deleted.inc_by(count);
            gone += count;
        });
        result = purging.await;
    }
    if put_aside + gone > 0 {
        info!(archived = put_aside, deleted = gone, "old events were put aside or deleted");
    } else {
        debug!("no events are old enough to be put aside or deleted");
    }
    result
}
