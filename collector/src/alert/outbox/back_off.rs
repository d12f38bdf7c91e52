//! How long a row waits after a failure.

use std::time::Duration;

use xxhash_rust::xxh3::xxh3_64_with_seed;

const SECOND: i64 = 1_000_000;
const FIRST: i64 = 30 * SECOND;
const LONGEST: i64 = 3600 * SECOND;

/// How long a row is tried, in microseconds: 72 hours, which is longer than a week-end.
pub const TRY_FOR: i64 = 72 * 3600 * SECOND;

/// When to try again: 30 seconds after the first attempt, twice as long after each further one, up to an hour. Each pause
/// is shorter by up to a fifth, so that what failed together is not tried together again; the key decides by how much.
pub(super) fn next_at(key: &str, attempts: u32, retry_after: Option<Duration>, now: i64) -> i64 {
    let doublings = attempts.saturating_sub(1).min(16);
    let pause = (FIRST << doublings).min(LONGEST);
    let luck = xxh3_64_with_seed(key.as_bytes(), u64::from(attempts)) % 1000;
    let pause = pause - pause / 5 * luck as i64 / 1000;
    let wanted = retry_after.map_or(0, |wanted| i64::try_from(wanted.as_micros()).unwrap_or(i64::MAX));
    now.saturating_add(pause.max(wanted.min(TRY_FOR / 4)))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{SECOND, next_at};

    #[test]
    fn pauses_double_up_to_an_hour() {
        let check = |attempts: u32, longest: i64| {
            let pauses: Vec<i64> = (0..100).map(|key| next_at(&key.to_string(), attempts, None, 0)).collect();
            let (low, high) = (longest * SECOND / 5 * 4, longest * SECOND);
            assert!(pauses.iter().all(|pause| (low..=high).contains(pause)), "{attempts}: {pauses:?}");
            assert!(pauses.iter().max() > pauses.iter().min(), "{attempts}");
            assert_eq!(next_at("7", attempts, None, 0), pauses[7], "the same again");
        };
        for (attempts, longest) in [(1, 30), (2, 60), (3, 120), (7, 1920), (8, 3600), (9, 3600), (u32::MAX, 3600)] {
            check(attempts, longest);
        }
        assert_eq!(next_at("7", 1, Some(Duration::from_mins(5)), 0), 300 * SECOND);
        assert_eq!(next_at("7", 1, Some(Duration::MAX), 0), 18 * 3600 * SECOND);
    }
}
