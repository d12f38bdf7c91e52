//! The day of a time that states none.

use crate::parse::LastTime;
use crate::parse::timestamp::calendar::DAY_MICROS;

/// A time of day that is earlier than the last one by more than this is of the next day; one that is earlier by less
/// is a step back, for the writers of a file are not always in order.
const ROLL_MICROS: i64 = DAY_MICROS / 2;
/// A time of day that is later than the last one by all but this is of the day before: a step back over midnight.
const STEP_MICROS: i64 = 60_000_000;

/// The day of a time of day, and whether a new day began with it. `day` is where the file began; a later one (a header
/// in the middle of the file) counts from there on.
pub(super) fn of_clock(clock_micros: i64, day: Option<i64>, last: Option<LastTime>) -> Option<(i64, bool)> {
    let Some(last) = last else { return day.map(|day| (day, false)) };
    let last_day = last.civil_micros.div_euclid(DAY_MICROS);
    if let Some(later) = day.filter(|day| *day > last_day) {
        return Some((later, false));
    }
    let step = clock_micros - last.civil_micros.rem_euclid(DAY_MICROS);
    if step < -ROLL_MICROS {
        return Some((last_day + 1, true));
    }
    let may_step_back = day.is_none_or(|day| day < last_day);
    if step > DAY_MICROS - STEP_MICROS && may_step_back {
        return Some((last_day - 1, false));
    }
    Some((last_day, false))
}

#[cfg(test)]
mod tests {
    use super::{DAY_MICROS, of_clock};
    use crate::parse::LastTime;

    const SECOND: i64 = 1_000_000;

    #[test]
    fn a_new_day_begins_where_the_clock_starts_again() {
        let check = |clock: i64, day, last: Option<i64>, expected| {
            let last = last.map(|second| LastTime { civil_micros: second * SECOND, ..LastTime::default() });
            assert_eq!(of_clock(clock * SECOND, day, last), expected, "{clock} {day:?} {last:?}");
        };
        let day = 86_400;
        check(5, None, None, None);
        check(5, Some(3), None, Some((3, false)));
        check(5, Some(3), Some(3 * day + 86_399), Some((4, true)));
        check(5, Some(3), Some(9 * day + 86_399), Some((10, true)));
        check(40_000, Some(3), Some(3 * day + 86_399), Some((4, true)));
        check(44_000, Some(3), Some(3 * day + 86_399), Some((3, false)));
        check(86_390, Some(3), Some(4 * day + 2), Some((3, false)));
        check(86_390, Some(4), Some(4 * day + 2), Some((4, false)));
        check(80_000, Some(3), Some(4 * day + 2), Some((4, false)));
        check(5, Some(7), Some(3 * day + 100), Some((7, false)));
        check(100, None, Some(3 * day + 5), Some((3, false)));
        assert_eq!(DAY_MICROS, day * SECOND);
    }
}
