//! When a record was written, where the config says how its time is written and where it stands.
//!
//! The forms are tried in the order of the config at the one place where the time is looked for. What they leave out is
//! taken from the day of the file and from the record before; nothing is taken from a clock but the year.

mod day;
mod day_text;
mod format;
mod month_name;
mod pattern;
mod place;
mod running;
mod section;
mod zone_name;

pub(crate) use self::day_text::day_of_text;
pub(super) use self::pattern::TimePattern;
pub(crate) use self::section::{DaySource, TimeSection};

use self::format::TimeFormat;
use self::pattern::WrittenDate;
use self::place::Place;
use self::running::Anchor;
use self::section::StartKeys;
use super::timestamp::{WrittenTime, calendar};
use super::{DateOrder, ParseConfigError, ParseContext, TextContext};

/// A `[files.time]` that is ready for use.
#[derive(Debug)]
pub(crate) struct TimeReader {
    formats: Vec<TimeFormat>,
    place: Place,
    anchor: Option<Anchor>,
    start: StartKeys,
    date_order: Option<DateOrder>,
}

/// A time that was found.
#[derive(Debug, Clone, Copy)]
pub(crate) struct TimeFound {
    pub(crate) time: WrittenTime,
    /// Where it ends in the text of the record; nothing if it was in a field.
    pub(crate) end: Option<usize>,
    /// It has no date of its own and began a new day.
    pub(crate) has_rolled: bool,
}

impl TimeReader {
    pub(crate) fn of(section: &TimeSection, date_order: Option<DateOrder>) -> Result<Self, ParseConfigError> {
        let anchor = section.anchor.clone().map(Anchor::compile).transpose()?;
        let has = |wanted: &TimeFormat| section.format.iter().any(|format| format == wanted);
        if has(&TimeFormat::Uptime) && anchor.is_none() {
            return Err(ParseConfigError::NoAnchor);
        }
        let formats =
            if section.format.is_empty() { vec![TimeFormat::Auto] } else { section.format.iter().cloned().collect() };
        let start = StartKeys { date: section.start_date_key.clone(), time: section.start_time_key.clone() };
        Ok(Self { formats, place: Place::of(section)?, anchor, start, date_order })
    }

    /// Whether the config says where the time stands, so that it is taken from nowhere else.
    pub(crate) fn has_own_place(&self) -> bool {
        self.place.is_chosen()
    }

    /// When the writer's clock of running time began, if this record tells it: `(that moment, this moment)`, both in
    /// microseconds since 1970-01-01T00:00:00Z.
    pub(crate) fn anchor(&self, text: &str) -> Option<(i64, i64)> {
        self.anchor.as_ref()?.read(text)
    }

    /// Looks for the time of a record. `field` is what the parser found under the name for times.
    pub(crate) fn read(
        &self,
        context: &ParseContext<'_>,
        anchor: Option<i64>,
        text: &str,
        field: Option<&str>,
    ) -> Option<TimeFound> {
        let text_context = TextContext { date_order: self.date_order, now_civil_micros: context.now_civil_micros };
        let at = |bytes: &[u8], at: usize| {
            self.formats.iter().find_map(|format| match format {
                TimeFormat::Uptime => running::uptime(anchor?, bytes, at),
                TimeFormat::SecondsSinceHeader => {
                    running::since_header(&self.start, context.header?, self.date_order, bytes, at)
                }
                _ => format.read(&text_context, bytes, at),
            })
        };
        let may_begin_with = |byte| self.formats.iter().any(|format| format.may_begin_with(byte));
        let (reading, is_in_text) = self.place.search(text, field, at, may_begin_with)?;
        let end = is_in_text.then_some(reading.end);
        let (day, has_rolled) = match reading.date {
            WrittenDate::Day(day) => (day, false),
            WrittenDate::WithoutYear(month, day) => {
                let now = context.now_civil_micros;
                (calendar::day_without_year(month, day, reading.clock_micros, now)?, false)
            }
            WrittenDate::Nothing => day::of_clock(reading.clock_micros, context.day, context.last)?,
        };
        let civil_micros = day.checked_mul(calendar::DAY_MICROS)?.checked_add(reading.clock_micros)?;
        let time = WrittenTime { civil_micros, offset_seconds: reading.offset_seconds };
        Some(TimeFound { time, end, has_rolled })
    }

    /// The day that the header of a file states, for times without a date.
    pub(crate) fn day_of_header(&self, header: &serde_json::Map<String, serde_json::Value>) -> Option<i64> {
        running::start_of_header(&self.start, header, self.date_order)
            .map(|micros| micros.div_euclid(calendar::DAY_MICROS))
    }
}

#[cfg(test)]
mod tests;
