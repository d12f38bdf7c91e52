//! Times that count from a moment told elsewhere: in the header of the file, or in an anchor line.

use serde_json::{Map, Value};

use super::day_text;
use super::format::reading;
use super::pattern::Reading;
use super::section::StartKeys;
use crate::parse::expression::{Expression, GroupReader};
use crate::parse::timestamp::{calendar, clock, digits};
use crate::parse::{DateOrder, ParseConfigError, TextContext, timestamp};

/// The line that tells both the time of day and the running time, as Klipper's `Start printer at ... (1681855974.0
/// 1409.4)`.
#[derive(Debug)]
pub(super) struct Anchor {
    groups: GroupReader,
    epoch: usize,
    uptime: usize,
}

impl Anchor {
    pub(super) fn compile(expression: Expression) -> Result<Self, ParseConfigError> {
        let (Some(epoch), Some(uptime)) = (expression.group("epoch"), expression.group("uptime")) else {
            return Err(ParseConfigError::AnchorGroups);
        };
        Ok(Self { groups: GroupReader::new(expression), epoch, uptime })
    }

    /// The moment at which the running time was 0, and the moment of the line.
    pub(super) fn read(&self, text: &str) -> Option<(i64, i64)> {
        let number = |place: Option<(usize, usize)>| {
            let (from, to) = place?;
            seconds(&text.as_bytes()[from..to], 0).map(|(micros, _)| micros)
        };
        let (epoch, uptime) = self
            .groups
            .read(text, |groups| Some((number(groups.get(self.epoch))?, number(groups.get(self.uptime))?)))
            .flatten()?;
        Some((epoch.checked_sub(uptime)?, epoch))
    }
}

/// The running time at `at`, counted from `anchor`.
pub(super) fn uptime(anchor: i64, bytes: &[u8], at: usize) -> Option<Reading> {
    let (micros, end) = seconds(bytes, at)?;
    Some(reading(anchor.checked_add(micros)?, Some(0), end))
}

/// The number of seconds at `at`, counted from the time in the header.
pub(super) fn since_header(
    keys: &StartKeys,
    header: &Map<String, Value>,
    order: Option<DateOrder>,
    bytes: &[u8],
    at: usize,
) -> Option<Reading> {
    let (micros, end) = seconds(bytes, at)?;
    let start = start_of_header(keys, header, order)?;
    Some(reading(start.checked_add(micros)?, None, end))
}

/// The time in the header: a date and a time of day under two keys, or a whole time under the first.
pub(super) fn start_of_header(keys: &StartKeys, header: &Map<String, Value>, order: Option<DateOrder>) -> Option<i64> {
    let date = header.get(&keys.date)?.as_str()?.trim();
    if let Some(time) = header.get(&keys.time).and_then(Value::as_str) {
        let (day, _) = day_text::read(date.as_bytes(), order)?;
        let clock = clock::read(time.trim().as_bytes(), 0)?;
        return Some(day * calendar::DAY_MICROS + clock.micros);
    }
    let context = TextContext { date_order: order, now_civil_micros: 0 };
    match timestamp::read(&context, date.as_bytes()) {
        Some(stamp) => Some(stamp.time.civil_micros),
        None => day_text::read(date.as_bytes(), order).map(|(day, _)| day * calendar::DAY_MICROS),
    }
}

/// A number of seconds in microseconds, with either decimal sign, and where it ends.
fn seconds(bytes: &[u8], at: usize) -> Option<(i64, usize)> {
    let rest = bytes.get(at..)?;
    let is_negative = rest.first() == Some(&b'-');
    let start = usize::from(is_negative);
    let whole = digits::leading(&rest[start..]);
    if !(1..=11).contains(&whole) {
        return None;
    }
    let number = rest[start..start + whole].iter().fold(0_i64, |number, digit| number * 10 + i64::from(digit - b'0'));
    let mark = start + whole;
    let (fraction, mut end) = match rest.get(mark) {
        Some(b'.' | b',') => digits::fraction_micros(rest, mark + 1),
        _ => (0, mark),
    };
    let mut micros = number * 1_000_000 + fraction;
    if end == mark + 1 {
        end = mark;
    }
    if matches!(rest.get(end), Some(b'e' | b'E')) {
        let length = 1 + rest[end + 1..].iter().take_while(|byte| matches!(byte, b'+' | b'-' | b'0'..=b'9')).count();
        let text = std::str::from_utf8(&rest[start..end + length]).ok()?.replace(',', ".");
        let exact = text.parse::<f64>().ok().filter(|seconds| *seconds < 1e11)?;
        micros = (exact * 1e6).round() as i64;
        end += length;
    }
    Some((if is_negative { -micros } else { micros }, at + end))
}
