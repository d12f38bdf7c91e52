//! The hours that come twice and those that do not come, when the clocks of a zone are changed.
//!
//! A table of them is made once for a section, so that a record costs a search among two hundred numbers and no look
//! into the rules of the zone.

use jiff::{Timestamp, tz::TimeZone};

use super::timestamp::WrittenTime;
use super::{LastTime, Tags};

const MICROS_PER_SECOND: i64 = 1_000_000;
/// The table covers the years that logs have: outside 1970 to 2100 no time is called odd.
const SECONDS_MAX: i64 = 4_133_980_800;
/// Two threads of a program write out of order by less than this; a clock that is set back steps back further.
const STEP_MICROS: i64 = 600 * MICROS_PER_SECOND;

/// The changes of the clocks of one zone.
#[derive(Debug, Clone)]
pub(crate) struct ClockChanges {
    /// In order of time, none overlapping another.
    spans: Vec<Span>,
}

/// The wall-clock times, `from` included and `to` not, that come twice or not at all.
#[derive(Debug, Clone, Copy)]
struct Span {
    from: i64,
    to: i64,
    /// The offset in seconds of the second pass; none where the times do not come.
    second_offset: Option<i32>,
}

/// A wall-clock time with what its zone says of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Placed {
    pub(super) time: WrittenTime,
    pub(super) tags: Tags,
    pub(super) is_second_pass: bool,
}

impl ClockChanges {
    /// The changes of `zone` from 1970 to 2100.
    pub(crate) fn of(zone: &TimeZone) -> Self {
        let mut spans = Vec::new();
        let mut before = zone.to_offset(Timestamp::UNIX_EPOCH).seconds();
        for change in zone.following(Timestamp::UNIX_EPOCH) {
            let second = change.timestamp().as_second();
            if second > SECONDS_MAX {
                break;
            }
            let after = change.offset().seconds();
            let (earlier, later) = (second + i64::from(before.min(after)), second + i64::from(before.max(after)));
            if earlier < later {
                let second_offset = (after < before).then_some(after);
                spans.push(Span { from: earlier * MICROS_PER_SECOND, to: later * MICROS_PER_SECOND, second_offset });
            }
            before = after;
        }
        Self { spans }
    }

    /// Gives a time without an offset its place in the zone.
    ///
    /// In an hour that comes twice it is of the first pass, and gets no offset, unless the stream shows that the hour
    /// has begun again: its clock went back by more than ten minutes within the hour, or is past it by less, or was in
    /// the second pass already. Then the offset of the second pass is added.
    pub(super) fn place(&self, time: WrittenTime, last: Option<LastTime>) -> Placed {
        let mut placed = Placed { time, tags: Tags::default(), is_second_pass: false };
        let civil = time.civil_micros;
        let next = self.spans.partition_point(|span| span.to <= civil);
        let Some(span) = self.spans.get(next).filter(|span| span.from <= civil) else { return placed };
        if time.offset_seconds.is_some() {
            placed.is_second_pass = span.second_offset == time.offset_seconds;
            return placed;
        }
        let Some(second_offset) = span.second_offset else {
            placed.tags.insert(Tags::TIME_NONEXISTENT);
            return placed;
        };
        placed.tags.insert(Tags::TIME_AMBIGUOUS);
        placed.is_second_pass = last.is_some_and(|last| {
            let was_within = (span.from..span.to).contains(&last.civil_micros);
            let was_second = last.is_second_pass || last.offset_seconds == Some(second_offset);
            let is_just_past = (span.to..span.to + STEP_MICROS).contains(&last.civil_micros);
            is_just_past || was_within && (was_second || civil + STEP_MICROS < last.civil_micros)
        });
        if placed.is_second_pass {
            placed.time.offset_seconds = Some(second_offset);
        }
        placed
    }
}
