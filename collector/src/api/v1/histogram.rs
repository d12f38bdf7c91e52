//! How events are spread over time and levels.

use std::{collections::BTreeMap, sync::Arc};

use axum::{
    Json,
    extract::{RawQuery, State},
};
use labtrail_shared::level::LogLevel;
use serde::Serialize;
use utoipa::ToSchema;

use super::{instant, parameters::Parameters};
use crate::{
    api::{Api, error::Problem},
    store::{Bucket, HistogramRequest},
};

const BUCKETS_DEFAULT: i64 = 80;
const BUCKETS_MAX: i64 = 1000;

/// A distribution of events over time and levels.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct HistogramAnswer {
    /// Where the range begins.
    #[schema(format = DateTime)]
    from: String,
    /// Where the range ends; itself not part of it.
    #[schema(format = DateTime)]
    to: String,
    /// The width of a bucket in milliseconds: a round one. Buckets begin at multiples of it, so the first may begin before
    /// `from`; it counts only what is in the range.
    bucket_ms: i64,
    /// The buckets that are not empty, the earliest first.
    buckets: Vec<HistogramBucket>,
    /// How many events were counted.
    total: u64,
    /// `false` if time was up before all were counted; then the latest events are counted.
    complete: bool,
}

/// One bucket.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct HistogramBucket {
    /// Where it begins.
    #[schema(format = DateTime)]
    time: String,
    /// How many events of each level; levels without any are left out.
    counts: BTreeMap<u8, u64>,
}

/// Count events over time and levels
#[utoipa::path(
    get,
    path = "/api/v1/events/histogram",
    tag = "labtrail",
    params(
        ("from" = Option<String>, Query, description = "Where the range begins; default: at the first event"),
        ("to" = Option<String>, Query, description = "Where it ends; default: after the last event"),
        ("level" = Option<String>, Query, description = "This level and above"),
        ("q" = Option<String>, Query, description = "Words that must all stand in the event's data"),
        ("filter" = Option<String>, Query, description = "A MongoDB query selector as JSON"),
        ("buckets" = Option<i64>, Query, description = "Into how many buckets to cut the range at most, 2 to 1,000; default 80"),
    ),
    responses(
        (status = 200, description = "The distribution", body = HistogramAnswer),
        (status = 400, description = "A parameter cannot be used", body = Problem, content_type = "application/problem+json"),
        (status = 503, description = "The store is not available", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn get_histogram(
    State(api): State<Arc<Api>>,
    query: RawQuery,
) -> Result<Json<HistogramAnswer>, Problem> {
    let mut parameters = Parameters::new(query, &["from", "to", "level", "q", "filter", "buckets"]);
    let buckets = parameters.number("buckets", 2, BUCKETS_MAX).unwrap_or(BUCKETS_DEFAULT) as u32;
    let criteria = parameters.criteria(api.ingest.zone());
    parameters.finish()?;
    let time_max = api.config.search.time_max.0;
    let histogram = api.store.histogram(HistogramRequest { criteria, buckets, time_max }).await?;
    Ok(Json(HistogramAnswer {
        from: instant(histogram.from),
        to: instant(histogram.to),
        bucket_ms: histogram.bucket_micros / 1000,
        total: histogram.buckets.iter().map(|bucket| bucket.counts.iter().sum::<u64>()).sum(),
        complete: histogram.complete,
        buckets: histogram.buckets.iter().map(bucket).collect(),
    }))
}

fn bucket(bucket: &Bucket) -> HistogramBucket {
    let counts = LogLevel::ALL.iter().zip(bucket.counts).filter(|(_, count)| *count > 0);
    HistogramBucket {
        time: instant(bucket.time),
        counts: counts.map(|(level, count)| (level.number(), count)).collect(),
    }
}
