//! From the notation of `strftime` to steps.

use std::str::FromStr;

use thiserror::Error;

use super::TimePattern;

/// What is wrong with a form of time.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub(crate) enum PatternError {
    /// A letter without meaning after the percent sign.
    #[error(
        "%{0} is not known: use %Y %y %m %d %e %j %b %B %a %A %H %I %p %M %S %f %z %Z %s %F %T %D %R, and %% for a percent sign"
    )]
    Unknown(char),
    /// A percent sign at the end.
    #[error("a percent sign ends it: write %% for the sign itself")]
    Unfinished,
    /// Neither a time of day nor a date nor seconds since 1970.
    #[error("it has neither a time of day nor a date: use at least %H (or %I and %p), %Y %m %d, or %s")]
    NoTime,
    /// A part of a date.
    #[error("its date is not whole: write the month and the day (or the year and %j)")]
    PartOfDate,
    /// Hours of twelve without their half.
    #[error("%I needs %p after it, or the morning cannot be told from the evening")]
    NoHalf,
}

/// One step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Item {
    Literal(u8),
    /// One or more.
    Blanks,
    /// Four digits.
    Year,
    /// Two digits.
    ShortYear,
    Number {
        field: Field,
        /// All its digits must be there, because more digits follow.
        is_fixed: bool,
        /// Blanks may stand for its leading zero.
        is_padded: bool,
    },
    MonthName,
    Weekday,
    Half,
    Fraction {
        /// A point or a comma stands before it.
        has_mark: bool,
    },
    Offset,
    ZoneName,
    Epoch,
}

/// What a number counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Field {
    Month,
    Day,
    DayOfYear,
    Hour,
    HourOfTwelve,
    Minute,
    Second,
}

impl FromStr for TimePattern {
    type Err = PatternError;

    fn from_str(text: &str) -> Result<Self, PatternError> {
        let mut items = Vec::new();
        push_items(&mut items, text)?;
        for at in 0..items.len() {
            let digits_follow = matches!(
                items.get(at + 1),
                Some(
                    Item::Year
                        | Item::ShortYear
                        | Item::Epoch
                        | Item::Fraction { has_mark: false }
                        | Item::Number { is_padded: false, .. }
                )
            );
            if let Item::Number { is_fixed, .. } = &mut items[at] {
                *is_fixed = digits_follow;
            }
        }
        check(&items)?;
        Ok(Self { text: text.to_owned(), items })
    }
}

fn push_items(items: &mut Vec<Item>, text: &str) -> Result<(), PatternError> {
    let mut rest = text.chars().peekable();
    while let Some(one) = rest.next() {
        match one {
            '%' => {
                // How many digits a fraction has does not matter.
                while rest.next_if(char::is_ascii_digit).is_some() {}
                push_conversion(items, rest.next().ok_or(PatternError::Unfinished)?)?;
            }
            ' ' | '\t' => push_blanks(items),
            _ => {
                let mut buffer = [0; 4];
                items.extend(one.encode_utf8(&mut buffer).bytes().map(Item::Literal));
            }
        }
    }
    Ok(())
}

fn push_blanks(items: &mut Vec<Item>) {
    if items.last() != Some(&Item::Blanks) {
        items.push(Item::Blanks);
    }
}

fn push_conversion(items: &mut Vec<Item>, letter: char) -> Result<(), PatternError> {
    let number = |field| Item::Number { field, is_fixed: false, is_padded: false };
    let padded = |field| Item::Number { field, is_fixed: false, is_padded: true };
    let item = match letter {
        '%' => Item::Literal(b'%'),
        'Y' => Item::Year,
        'y' => Item::ShortYear,
        'm' => number(Field::Month),
        'd' => number(Field::Day),
        'e' => padded(Field::Day),
        'j' => number(Field::DayOfYear),
        'b' | 'B' | 'h' => Item::MonthName,
        'a' | 'A' => Item::Weekday,
        'H' => number(Field::Hour),
        'k' => padded(Field::Hour),
        'I' => number(Field::HourOfTwelve),
        'l' => padded(Field::HourOfTwelve),
        'p' | 'P' => Item::Half,
        'M' => number(Field::Minute),
        'S' => number(Field::Second),
        'f' => {
            let has_mark = matches!(items.last(), Some(Item::Literal(b'.' | b',')));
            if has_mark {
                items.pop();
            }
            Item::Fraction { has_mark }
        }
        'z' => Item::Offset,
        'Z' => Item::ZoneName,
        's' => Item::Epoch,
        'n' | 't' => {
            push_blanks(items);
            return Ok(());
        }
        'F' => return push_items(items, "%Y-%m-%d"),
        'T' => return push_items(items, "%H:%M:%S"),
        'R' => return push_items(items, "%H:%M"),
        'D' => return push_items(items, "%m/%d/%y"),
        other => return Err(PatternError::Unknown(other)),
    };
    items.push(item);
    Ok(())
}

fn check(items: &[Item]) -> Result<(), PatternError> {
    let has_number = |wanted| items.iter().any(|item| matches!(item, Item::Number { field, .. } if *field == wanted));
    let has_year = items.contains(&Item::Year) || items.contains(&Item::ShortYear);
    let has_month = has_number(Field::Month) || items.contains(&Item::MonthName);
    let has_day = has_number(Field::Day);
    let has_day_of_year = has_number(Field::DayOfYear);
    let is_of_twelve = has_number(Field::HourOfTwelve);
    let has_date = has_month && has_day || has_year && has_day_of_year;
    if items.contains(&Item::Epoch) {
        return Ok(());
    }
    if (has_year || has_month || has_day || has_day_of_year) && !has_date {
        return Err(PatternError::PartOfDate);
    }
    if is_of_twelve && !items.contains(&Item::Half) {
        return Err(PatternError::NoHalf);
    }
    let has_time = is_of_twelve || has_number(Field::Hour) || has_date;
    if has_time { Ok(()) } else { Err(PatternError::NoTime) }
}
