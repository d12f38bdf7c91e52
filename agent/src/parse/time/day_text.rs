//! A date alone, as it stands in the name of a file or in a header.

use super::month_name;
use crate::parse::DateOrder;
use crate::parse::timestamp::{calendar, digits};

/// The day that `text` names, in days since 1970-01-01: `20260327`, `260327`, `2026-03-27` (or with `/`, `.`, `_`),
/// `27-Mar-2026`, and `03/27/2026` where `order` says what comes first.
pub(crate) fn day_of_text(text: &str, order: Option<DateOrder>) -> Option<i64> {
    read(text.trim().as_bytes(), order).map(|(day, _)| day)
}

/// The day at the beginning of `bytes`, and where it ends.
pub(super) fn read(bytes: &[u8], order: Option<DateOrder>) -> Option<(i64, usize)> {
    match digits::leading(bytes) {
        8 => {
            whole(digits::exactly::<4>(bytes, 0)?, digits::exactly::<2>(bytes, 4)?, digits::exactly::<2>(bytes, 6)?, 8)
        }
        6 => {
            let year = calendar::year_of_two_digits(digits::exactly::<2>(bytes, 0)?);
            whole(year, digits::exactly::<2>(bytes, 2)?, digits::exactly::<2>(bytes, 4)?, 6)
        }
        4 => {
            let mark = mark(bytes, 4)?;
            let (month, month_end) = digits::one_or_two(bytes, 5)?;
            let (day, end) = digits::one_or_two(bytes, month_end + 1)?;
            (bytes.get(month_end) == Some(&mark)).then_some(())?;
            whole(digits::exactly::<4>(bytes, 0)?, month, day, end)
        }
        1 | 2 => year_last(bytes, order),
        _ => None,
    }
}

fn year_last(bytes: &[u8], order: Option<DateOrder>) -> Option<(i64, usize)> {
    let (first, first_end) = digits::one_or_two(bytes, 0)?;
    let separator = mark(bytes, first_end)?;
    let (month, day, second_end) = if let Some((month, end)) = month_name::read(bytes, first_end + 1) {
        (month, first, end)
    } else {
        let (second, end) = digits::one_or_two(bytes, first_end + 1)?;
        match order? {
            DateOrder::MonthFirst => (first, second, end),
            DateOrder::DayFirst => (second, first, end),
        }
    };
    if bytes.get(second_end) != Some(&separator) {
        return None;
    }
    let start = second_end + 1;
    match digits::exactly::<4>(bytes, start) {
        Some(year) => whole(year, month, day, start + 4),
        None => whole(calendar::year_of_two_digits(digits::exactly::<2>(bytes, start)?), month, day, start + 2),
    }
}

fn mark(bytes: &[u8], at: usize) -> Option<u8> {
    bytes.get(at).copied().filter(|byte| matches!(byte, b'-' | b'/' | b'.' | b'_' | b' '))
}

/// Numbers such as 00010203 have the shape of a date; no instrument is that old.
fn whole(year: i64, month: i64, day: i64, end: usize) -> Option<(i64, usize)> {
    if !(1970..=2199).contains(&year) {
        return None;
    }
    calendar::day_number(year, month, day).map(|day| (day, end))
}

#[cfg(test)]
mod tests {
    use super::day_of_text;
    use crate::parse::DateOrder;

    #[test]
    fn days_in_names_and_headers() {
        let day = Some(20_539); // 2026-03-27
        let check = |text, expected| assert_eq!(day_of_text(text, None), expected, "{text}");
        check("20260327", day);
        check("260327", day);
        check("2026-03-27", day);
        check("2026/3/27", day);
        check("2026_03_27", day);
        check(" 27-Mar-2026 ", day);
        check("27 MÄRZ 2026", day);
        check("03/27/2026", None);
        check("20261327", None);
        check("00010203", None);
        check("2026", None);
        check("", None);
        assert_eq!(day_of_text("03/27/2026", Some(DateOrder::MonthFirst)), day);
        assert_eq!(day_of_text("27.03.26", Some(DateOrder::DayFirst)), day);
    }
}
