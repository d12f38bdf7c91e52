//! Whether the day or the month comes first in dates of three numbers, judged by how large they get.

use crate::parse::DateOrder;

/// What the dates of a file show.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Order {
    /// It can only be so; the text says why.
    Known(DateOrder, String),
    /// It can be both.
    Open(String),
    /// The numbers are no dates in either order.
    NoDates,
}

/// Judges dates by their first and second numbers.
pub(super) fn judge(dates: impl Iterator<Item = (u32, u32)>) -> Order {
    let (first, second) = dates.fold((0, 0), |max, date| (max.0.max(date.0), max.1.max(date.1)));
    match (first, second) {
        (13..=31, 1..=12) => Order::Known(
            DateOrder::DayFirst,
            format!("the first number of the dates goes up to {first}, so it is the day"),
        ),
        (1..=12, 13..=31) => Order::Known(
            DateOrder::MonthFirst,
            format!("the second number of the dates goes up to {second}, so it is the day"),
        ),
        (1..=12, 1..=12) => Order::Open(format!(
            "the numbers of the dates go up to {first} and {second} only, so the day cannot be told from the month"
        )),
        _ => Order::NoDates,
    }
}

#[cfg(test)]
mod tests {
    use super::{Order, judge};
    use crate::parse::DateOrder::{DayFirst, MonthFirst};

    #[test]
    fn only_numbers_beyond_twelve_decide() {
        let check = |dates: &[(u32, u32)], expected: Option<_>| {
            let found = match judge(dates.iter().copied()) {
                Order::Known(order, _) => Some(order),
                Order::Open(_) | Order::NoDates => None,
            };
            assert_eq!(found, expected, "{dates:?}");
        };
        check(&[(3, 4), (25, 4)], Some(DayFirst));
        check(&[(3, 4), (3, 13)], Some(MonthFirst));
        check(&[(12, 12)], None);
        check(&[(13, 4), (3, 13)], None);
        check(&[], None);
    }
}
