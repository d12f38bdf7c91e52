//! Forms of time in the notation of `strftime`, compiled into a list of steps that walk over the bytes of a text.

mod compile;

pub(crate) use self::compile::PatternError;
use self::compile::{Field, Item};
use super::{month_name, zone_name};
use crate::parse::timestamp::{WrittenTime, calendar, digits};

/// A form of time, such as `%d-%b-%y %H:%M :%S`.
#[derive(Debug, Clone)]
pub(crate) struct TimePattern {
    text: String,
    items: Vec<Item>,
}

/// A time that was read, as far as it was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Reading {
    pub(super) date: WrittenDate,
    /// Microseconds since midnight.
    pub(super) clock_micros: i64,
    pub(super) offset_seconds: Option<i32>,
    /// Where it ends in the text.
    pub(super) end: usize,
}

/// How much of a date was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum WrittenDate {
    /// Days since 1970-01-01.
    Day(i64),
    /// A month and its day, without the year.
    WithoutYear(i64, i64),
    Nothing,
}

/// What has been read so far.
#[derive(Default)]
struct Draft {
    year: Option<i64>,
    month: Option<i64>,
    day: Option<i64>,
    day_of_year: Option<i64>,
    hour: i64,
    minute: i64,
    second: i64,
    micros: i64,
    is_afternoon: Option<bool>,
    offset_seconds: Option<i32>,
    epoch_micros: Option<i64>,
}

impl TimePattern {
    /// As it was written in the config.
    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    /// Reads a time that `bytes` begins with and that has its whole date, and how long it is.
    pub(in crate::parse) fn read_whole(&self, bytes: &[u8]) -> Option<(WrittenTime, usize)> {
        let Reading { date: WrittenDate::Day(day), clock_micros, offset_seconds, end } = self.read(bytes, 0)? else {
            return None;
        };
        Some((WrittenTime { civil_micros: day * calendar::DAY_MICROS + clock_micros, offset_seconds }, end))
    }

    /// Whether a time of this form may begin with `byte`.
    pub(super) fn may_begin_with(&self, byte: u8) -> bool {
        match self.items.first() {
            Some(Item::Literal(literal)) => byte == *literal,
            Some(Item::MonthName | Item::Weekday | Item::ZoneName | Item::Half) => month_name::is_letter(byte),
            Some(Item::Offset) => matches!(byte, b'+' | b'-' | b'Z' | b'z'),
            Some(Item::Blanks | Item::Fraction { .. }) | None => true,
            Some(Item::Number { is_padded, .. }) => byte.is_ascii_digit() || *is_padded && byte == b' ',
            Some(Item::Year | Item::ShortYear | Item::Epoch) => byte.is_ascii_digit(),
        }
    }

    /// Reads the time that begins at `at`. Where the form does not end with a mark of its own, no letter and no digit
    /// may follow.
    pub(super) fn read(&self, bytes: &[u8], at: usize) -> Option<Reading> {
        let mut draft = Draft::default();
        let mut end = at;
        for (index, item) in self.items.iter().enumerate() {
            end = draft.take(*item, self.items.get(index + 1), bytes, end)?;
        }
        let is_closed = matches!(self.items.last(), Some(Item::Literal(_)));
        if !is_closed && bytes.get(end).is_some_and(u8::is_ascii_alphanumeric) {
            return None;
        }
        draft.finish(end)
    }
}

impl Draft {
    /// Reads what one step stands for: where it ends.
    fn take(&mut self, item: Item, next: Option<&Item>, bytes: &[u8], at: usize) -> Option<usize> {
        match item {
            Item::Literal(literal) => (bytes.get(at) == Some(&literal)).then_some(at + 1),
            Item::Blanks => {
                let end = digits::skip_blanks(bytes, at);
                (end > at).then_some(end)
            }
            Item::Year => {
                self.year = Some(digits::exactly::<4>(bytes, at)?);
                Some(at + 4)
            }
            Item::ShortYear => {
                let year = digits::exactly::<2>(bytes, at)?;
                // As POSIX has it.
                self.year = Some(if year < 69 { 2000 + year } else { 1900 + year });
                Some(at + 2)
            }
            Item::Number { field, is_fixed, is_padded } => {
                let start = if is_padded { digits::skip_blanks(bytes, at) } else { at };
                let (number, end) = match field {
                    Field::DayOfYear if is_fixed => (digits::exactly::<3>(bytes, start)?, start + 3),
                    Field::DayOfYear => up_to_three(bytes, start)?,
                    _ if is_fixed => (digits::exactly::<2>(bytes, start)?, start + 2),
                    _ => digits::one_or_two(bytes, start)?,
                };
                self.set(field, number)?;
                Some(end)
            }
            Item::MonthName => {
                let (month, end) = month_name::read(bytes, at)?;
                self.month = Some(month);
                Some(after_point(bytes, end, next))
            }
            Item::Weekday => {
                let letters = bytes[at..].iter().take_while(|byte| month_name::is_letter(**byte)).count();
                (letters >= 2).then(|| after_point(bytes, at + letters, next))
            }
            Item::Half => {
                let (is_afternoon, end) = half_of_day(bytes, at)?;
                self.is_afternoon = Some(is_afternoon);
                Some(end)
            }
            Item::Fraction { has_mark } => self.take_fraction(has_mark, next, bytes, at),
            Item::Offset => {
                let (offset, end) = offset(bytes, at)?;
                self.offset_seconds = Some(offset);
                Some(end)
            }
            Item::ZoneName => {
                let (offset, end) = zone_name::read(bytes, at)?;
                self.offset_seconds = self.offset_seconds.or(offset);
                Some(end)
            }
            Item::Epoch => {
                let (micros, end) = epoch_seconds(bytes, at)?;
                self.epoch_micros = Some(micros);
                Some(end)
            }
        }
    }

    fn set(&mut self, field: Field, number: i64) -> Option<()> {
        let (place, range) = match field {
            Field::Month => (self.month.insert(0), 1..=12),
            Field::Day => (self.day.insert(0), 1..=31),
            Field::DayOfYear => (self.day_of_year.insert(0), 1..=366),
            Field::Hour => (&mut self.hour, 0..=23),
            Field::HourOfTwelve => (&mut self.hour, 1..=12),
            Field::Minute => (&mut self.minute, 0..=59),
            Field::Second => (&mut self.second, 0..=60),
        };
        *place = number;
        range.contains(&number).then_some(())
    }

    /// A fraction of a second. With a mark before it, either sign is taken, and whole seconds may leave out both.
    fn take_fraction(&mut self, has_mark: bool, next: Option<&Item>, bytes: &[u8], at: usize) -> Option<usize> {
        if !has_mark {
            let (micros, end) = digits::fraction_micros(bytes, at);
            self.micros = micros;
            return (end > at).then_some(end);
        }
        let Some(mark @ (b'.' | b',')) = bytes.get(at) else { return Some(at) };
        let (micros, end) = digits::fraction_micros(bytes, at + 1);
        self.micros = micros;
        let is_of_next = end == at + 1 && matches!(next, Some(Item::Literal(literal)) if literal == mark);
        Some(if is_of_next { at } else { end })
    }

    fn finish(self, end: usize) -> Option<Reading> {
        if let Some(micros) = self.epoch_micros {
            let date = WrittenDate::Day(micros.div_euclid(calendar::DAY_MICROS));
            let clock_micros = micros.rem_euclid(calendar::DAY_MICROS);
            return Some(Reading { date, clock_micros, offset_seconds: Some(0), end });
        }
        let date = match (self.year, self.month, self.day, self.day_of_year) {
            (Some(year), Some(month), Some(day), _) => WrittenDate::Day(calendar::day_number(year, month, day)?),
            (Some(year), _, _, Some(day)) => {
                let first = calendar::day_number(year, 1, 1)?;
                let is_in_year = first + day <= calendar::day_number(year, 12, 31)? + 1;
                WrittenDate::Day(is_in_year.then_some(first + day - 1)?)
            }
            (None, Some(month), Some(day), _) => WrittenDate::WithoutYear(month, day),
            _ => WrittenDate::Nothing,
        };
        let hour = match self.is_afternoon {
            // After noon some programs go on counting and say PM all the same.
            Some(is_afternoon) if self.hour <= 12 => self.hour % 12 + if is_afternoon { 12 } else { 0 },
            _ => self.hour,
        };
        // A leap second becomes the last microsecond of its minute.
        let within_minute = if self.second == 60 { 59_999_999 } else { self.second * 1_000_000 + self.micros };
        let clock_micros = (hour * 60 + self.minute) * 60_000_000 + within_minute;
        Some(Reading { date, clock_micros, offset_seconds: self.offset_seconds, end })
    }
}

/// Skips the point after a name that is cut short, unless the form has a point there of its own.
fn after_point(bytes: &[u8], at: usize, next: Option<&Item>) -> usize {
    let is_of_name = bytes.get(at) == Some(&b'.') && !matches!(next, Some(Item::Literal(b'.')));
    at + usize::from(is_of_name)
}

fn up_to_three(bytes: &[u8], at: usize) -> Option<(i64, usize)> {
    match digits::exactly::<3>(bytes, at) {
        Some(number) => Some((number, at + 3)),
        None => digits::one_or_two(bytes, at),
    }
}

/// Reads `AM`, `pm` and `p.m.`: whether it is after noon.
fn half_of_day(bytes: &[u8], at: usize) -> Option<(bool, usize)> {
    let is_afternoon = match bytes.get(at)?.to_ascii_lowercase() {
        b'a' => false,
        b'p' => true,
        _ => return None,
    };
    match bytes.get(at + 1..)? {
        [b'M' | b'm', ..] => Some((is_afternoon, at + 2)),
        [b'.', b'M' | b'm', b'.', ..] => Some((is_afternoon, at + 4)),
        _ => None,
    }
}

/// Reads `Z`, `+01`, `+0100` and `+01:00` in seconds.
fn offset(bytes: &[u8], at: usize) -> Option<(i32, usize)> {
    let sign = match bytes.get(at)? {
        b'Z' | b'z' => return Some((0, at + 1)),
        b'+' => 1,
        b'-' => -1,
        _ => return None,
    };
    let hours = digits::exactly::<2>(bytes, at + 1)?;
    let minutes_start = at + 3 + usize::from(bytes.get(at + 3) == Some(&b':'));
    let (minutes, end) = match digits::exactly::<2>(bytes, minutes_start) {
        Some(minutes) => (minutes, minutes_start + 2),
        None => (0, at + 3),
    };
    (hours <= 23 && minutes <= 59).then_some((sign * (hours * 3600 + minutes * 60) as i32, end))
}

/// Reads seconds since 1970 with their fraction, in microseconds.
pub(super) fn epoch_seconds(bytes: &[u8], at: usize) -> Option<(i64, usize)> {
    let rest = bytes.get(at..)?;
    let length = digits::leading(rest);
    // More digits are not seconds; the year 33658 would follow.
    if !(1..=12).contains(&length) {
        return None;
    }
    let seconds = rest[..length].iter().fold(0_i64, |number, digit| number * 10 + i64::from(digit - b'0'));
    let mark = at + length;
    let (fraction, end) = match bytes.get(mark) {
        Some(b'.' | b',') => digits::fraction_micros(bytes, mark + 1),
        _ => (0, mark),
    };
    let end = if end == mark + 1 { mark } else { end };
    Some((seconds * 1_000_000 + fraction, end))
}

#[cfg(test)]
mod tests;
