//! Counts events in buckets whose width a person reads as round. Every store's histogram is made of these.

use std::collections::BTreeMap;

use labtrail_shared::level::LogLevel;

use super::{Bucket, Histogram};

/// Widths that a person reads as round, in milliseconds; beyond the last, whole multiples of it.
const WIDTHS_MS: [i64; 31] = [
    1,
    2,
    5,
    10,
    20,
    50,
    100,
    200,
    500,
    1_000,
    2_000,
    5_000,
    10_000,
    15_000,
    30_000,
    60_000,
    120_000,
    300_000,
    600_000,
    900_000,
    1_800_000,
    3_600_000,
    7_200_000,
    10_800_000,
    21_600_000,
    43_200_000,
    86_400_000,
    172_800_000,
    345_600_000,
    604_800_000,
    2_592_000_000,
];

/// Counts of events by bucket and level.
pub(super) struct Counter {
    width: i64,
    buckets: BTreeMap<i64, [u64; 6]>,
}

impl Counter {
    /// Nothing counted yet, for so many buckets at most between two instants.
    pub(super) fn new(from: i64, to: i64, buckets: u32) -> Self {
        Self { width: width(from, to, buckets), buckets: BTreeMap::new() }
    }

    /// The width of a bucket in microseconds.
    pub(super) fn width(&self) -> i64 {
        self.width
    }

    /// Counts so many events of one level in the bucket of an instant.
    pub(super) fn add(&mut self, time: i64, level: i64, count: u64) {
        let Some(place) = LogLevel::ALL.iter().position(|known| i64::from(known.number()) == level) else { return };
        if count > 0 {
            self.buckets.entry(time.div_euclid(self.width) * self.width).or_default()[place] += count;
        }
    }

    /// What was counted between two instants.
    pub(super) fn into_histogram(self, from: i64, to: i64, complete: bool) -> Histogram {
        let buckets = self.buckets.into_iter().map(|(time, counts)| Bucket { time, counts }).collect();
        Histogram { from, to, bucket_micros: self.width, buckets, complete }
    }
}

/// The least round width with which so many buckets reach from end to end, even if the first begins early.
fn width(from: i64, to: i64, buckets: u32) -> i64 {
    let parts = i64::from(buckets.max(2)) - 1;
    let least_ms = to.saturating_sub(from).div_ceil_of(parts).div_ceil_of(1000).max(1);
    let longest = WIDTHS_MS[WIDTHS_MS.len() - 1];
    let width_ms = WIDTHS_MS.into_iter().find(|width| *width >= least_ms);
    width_ms.unwrap_or_else(|| least_ms.div_ceil_of(longest) * longest) * 1000
}

/// Rounding up, which `i64` does not offer yet.
trait DivCeil {
    fn div_ceil_of(self, by: Self) -> Self;
}

impl DivCeil for i64 {
    fn div_ceil_of(self, by: Self) -> Self {
        self / by + Self::from(self % by > 0)
    }
}

#[cfg(test)]
mod tests {
    use super::width;

    #[test]
    fn widths_are_round_and_few_enough() {
        let check = |seconds: i64, buckets: u32, expected_ms: i64| {
            assert_eq!(width(0, seconds * 1_000_000, buckets), expected_ms * 1000, "{seconds} s in {buckets}");
        };
        check(0, 80, 1);
        check(3600, 80, 60_000);
        check(86_400, 80, 1_800_000);
        check(86_400 * 365, 80, 604_800_000);
        check(86_400 * 365 * 100, 80, 2_592_000_000 * 16);
    }
}
