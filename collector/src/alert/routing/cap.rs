//! How many notifications a receiver gets in a minute.

use std::num::NonZeroU32;

const MINUTE: i64 = 60_000_000;

/// Forgets what is longer ago than a minute (or, where the clock was set back, in the future), and tells how many
/// notifications may be made now.
pub(super) fn room(recent: &mut Vec<i64>, cap: NonZeroU32, now: i64) -> usize {
    recent.retain(|at| (0..MINUTE).contains(&now.saturating_sub(*at)));
    recent.sort_unstable();
    (cap.get() as usize).saturating_sub(recent.len())
}

/// When there is room for at least one, if there is none now.
pub(super) fn next_room_at(recent: &[i64], cap: NonZeroU32) -> Option<i64> {
    let place = recent.len().checked_sub(cap.get() as usize)?;
    recent.get(place).map(|at| at.saturating_add(MINUTE))
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU32;

    use super::{MINUTE, next_room_at, room};

    #[test]
    fn there_is_room_again_a_minute_later() {
        let check = |recent: &[i64], now: i64, expected: (usize, Option<i64>)| {
            let cap = NonZeroU32::new(2).expect("not zero");
            let mut recent = recent.to_vec();
            assert_eq!((room(&mut recent, cap, now), next_room_at(&recent, cap)), expected, "{recent:?} {now}");
        };
        check(&[], 5, (2, None));
        check(&[5], 5, (1, None));
        check(&[5, 6], 7, (0, Some(5 + MINUTE)));
        check(&[6, 5], 4 + MINUTE, (0, Some(5 + MINUTE)));
        check(&[5, 6], 5 + MINUTE, (1, None));
        // A lower cap since then; a clock that was set back.
        check(&[5, 6, 7], 7, (0, Some(6 + MINUTE)));
        check(&[5, 6, 7], 4, (2, None));
    }
}
