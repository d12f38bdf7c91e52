//! Dates of numbers that end with the year.

use super::offset::Spaced;
use super::{Stamp, calendar, clock, clock_start, digits, stamp};
use crate::parse::DateOrder;

/// Reads `08/15/2025 10:59:55`, with slashes, dashes or points, in the order that the site has configured.
pub(super) fn read(order: DateOrder, bytes: &[u8]) -> Option<Stamp> {
    let (first, first_end) = digits::one_or_two(bytes, 0)?;
    let mark = bytes.get(first_end).filter(|mark| matches!(mark, b'/' | b'-' | b'.'))?;
    let (second, second_end) = digits::one_or_two(bytes, first_end + 1)?;
    if bytes.get(second_end) != Some(mark) {
        return None;
    }
    let year_start = second_end + 1;
    let (year, date_end) = match digits::exactly::<4>(bytes, year_start) {
        Some(year) => (year, year_start + 4),
        None => (calendar::year_of_two_digits(digits::exactly::<2>(bytes, year_start)?), year_start + 2),
    };
    let (month, day) = match order {
        DateOrder::MonthFirst => (first, second),
        DateOrder::DayFirst => (second, first),
    };
    let day = calendar::day_number(year, month, day)?;
    let clock = clock::read(bytes, clock_start(bytes, date_end)?)?;
    stamp(day, clock, bytes, Spaced::Unmistakable)
}
