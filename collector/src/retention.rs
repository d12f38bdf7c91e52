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

use crate::store::{Archive, EventStore, Position, StoreError};

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

/// Puts all events before an instant aside, in parts of so many; says how many.
pub(crate) async fn archive_before(
    store: &dyn EventStore,
    instant: i64,
    batch_events: usize,
    batches_max: Option<usize>,
) -> Result<u64, StoreError> {
    let (mut count, mut batches) = (0, 0);
    let mut after: Option<Position> = None;
    loop {
        let now = Timestamp::now().as_microsecond();
        let limit = batch_events.clamp(1, BATCH_EVENTS_MAX);
        let archived = store.archive(Archive::Before { instant, after, limit }, now).await?;
        count += archived.count;
        batches += 1;
        let Some(next) = archived.next.filter(|_| batches_max.is_none_or(|max| batches < max)) else {
            return Ok(count);
        };
        after = Some(next);
        tokio::time::sleep(PART_PAUSE).await;
    }
}

/// A larger part would make others wait.
const BATCH_EVENTS_MAX: usize = 10_000;

/// Deletes all that was put aside before an instant, in parts of so many; says how many.
pub(crate) async fn purge(
    store: &dyn EventStore,
    before: i64,
    batch_events: usize,
    batches_max: Option<usize>,
) -> Result<u64, StoreError> {
    let (mut count, mut batches) = (0, 0);
    loop {
        let deleted = store.purge(before, batch_events.clamp(1, BATCH_EVENTS_MAX)).await?;
        count += deleted;
        batches += 1;
        if deleted == 0 || batches_max.is_some_and(|max| batches >= max) {
            return Ok(count);
        }
        tokio::time::sleep(PART_PAUSE).await;
    }
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
        let work = async {
            loop {
                let pause = match run(&config, &*store).await {
                    Ok((put_aside, gone)) => {
                        archived.inc_by(put_aside);
                        deleted.inc_by(gone);
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

async fn run(config: &RetentionConfig, store: &dyn EventStore) -> Result<(u64, u64), StoreError> {
    let now = Timestamp::now().as_microsecond();
    let batches_max = (config.batches_max > 0).then_some(config.batches_max);
    let batch_events = config.batch_events.get();
    let put_aside = archive_before(store, now - config.archive_after_days.micros(), batch_events, batches_max).await?;
    let gone = purge(store, now - config.delete_after_days.micros(), batch_events, batches_max).await?;
    if put_aside + gone > 0 {
        info!(archived = put_aside, deleted = gone, "old events were put aside or deleted");
    } else {
        debug!("no events are old enough to be put aside or deleted");
    }
    Ok((put_aside, gone))
}
