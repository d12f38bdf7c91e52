//! Where in a record its time stands.

use std::num::NonZeroUsize;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::pattern::Reading;
use super::section::{TimeSection, Where};
use crate::parse::expression::{Expression, GroupReader};
use crate::parse::timestamp::digits;
use crate::parse::{ParseConfigError, text_start};

/// Which line of a record is searched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LineOfRecord {
    /// Counted from 1.
    Number(NonZeroUsize),
    /// The last line that is not blank.
    Last,
}

/// The place, ready for use.
#[derive(Debug)]
pub(super) struct Place {
    line: Option<LineOfRecord>,
    spot: Spot,
    /// The config says where the time stands, so that it is taken from nowhere else.
    is_chosen: bool,
}

#[derive(Debug)]
enum Spot {
    /// In the field of the parser if it gives one, else at the beginning.
    FieldOrStart,
    Field,
    Start,
    Anywhere,
    After(Expression),
    Group(GroupReader, usize),
}

impl Place {
    pub(super) fn of(section: &TimeSection) -> Result<Self, ParseConfigError> {
        let spot = match (&section.before, &section.pattern, section.place) {
            (Some(_), Some(_), _) | (Some(_), _, Some(_)) | (_, Some(_), Some(_)) => {
                return Err(ParseConfigError::TwoPlaces);
            }
            (Some(before), None, None) => Spot::After(before.clone()),
            (None, Some(pattern), None) => {
                let group = pattern.group("time").ok_or(ParseConfigError::NoTimeGroup)?;
                Spot::Group(GroupReader::new(pattern.clone()), group)
            }
            // What stands at the beginning is not the field that was named.
            (None, None, None) if section.field.is_some() => Spot::Field,
            (None, None, None) => Spot::FieldOrStart,
            (None, None, Some(Where::Start)) => Spot::Start,
            (None, None, Some(Where::Anywhere)) => Spot::Anywhere,
            (None, None, Some(Where::Field)) => Spot::Field,
        };
        let is_chosen =
            section.line.is_some() || section.place.is_some() || section.before.is_some() || section.pattern.is_some();
        Ok(Self { line: section.line, spot, is_chosen })
    }

    pub(super) fn is_chosen(&self) -> bool {
        self.is_chosen
    }

    /// Searches the place with `read`, which reads a time that begins at an offset of a text. Says whether the time
    /// was in `text` itself, where its end then counts from the beginning of `text`.
    pub(super) fn search(
        &self,
        text: &str,
        field: Option<&str>,
        read: impl Fn(&[u8], usize) -> Option<Reading>,
        may_begin_with: impl Fn(u8) -> bool,
    ) -> Option<(Reading, bool)> {
        let in_field = |field: &str| read_at_start(field.trim().as_bytes(), 0, &read).map(|reading| (reading, false));
        if let Spot::Field = self.spot {
            return in_field(field?);
        }
        if let (Spot::FieldOrStart, Some(field)) = (&self.spot, field) {
            return in_field(field);
        }
        let (from, to) = self.line(text)?;
        // A line is searched as if nothing came after it.
        let line = &text.as_bytes()[..to];
        let found = match &self.spot {
            Spot::Anywhere => anywhere(line, from, &read, may_begin_with),
            Spot::After(before) => {
                let found = before.regex().find(&text[from..to])?;
                read(line, digits::skip_blanks(line, from + found.end()))
            }
            Spot::Group(groups, group) => {
                let place = groups.read(&text[from..to], |groups| groups.get(*group)).flatten();
                let (start, end) = place?;
                read_at_start(&line[..from + end], from + start, &read)
            }
            Spot::Start | Spot::FieldOrStart | Spot::Field => read_at_start(line, from, &read),
        };
        found.map(|reading| (reading, true))
    }

    /// Where the line to be searched begins and ends.
    fn line(&self, text: &str) -> Option<(usize, usize)> {
        let bytes = text.as_bytes();
        let end_of_line =
            |from: usize| memchr::memchr(b'\n', &bytes[from..]).map_or(bytes.len(), |length| from + length);
        match self.line {
            None => match self.spot {
                Spot::After(_) | Spot::Group(..) => Some((text_start(text), bytes.len())),
                _ => {
                    let from = text_start(text);
                    Some((from, end_of_line(from)))
                }
            },
            Some(LineOfRecord::Number(number)) => {
                let mut from = text_start(text);
                for _ in 1..number.get() {
                    from = memchr::memchr(b'\n', &bytes[from..]).map(|length| from + length + 1)?;
                }
                Some((from, end_of_line(from)))
            }
            Some(LineOfRecord::Last) => {
                let to = text.trim_end().len();
                let from = memchr::memrchr(b'\n', &bytes[..to]).map_or_else(|| text_start(text), |at| at + 1);
                Some((from.min(to), to))
            }
        }
    }
}

/// Reads a time at the beginning, after blanks and perhaps an opening bracket or quote.
fn read_at_start(bytes: &[u8], from: usize, read: impl Fn(&[u8], usize) -> Option<Reading>) -> Option<Reading> {
    let at = digits::skip_blanks(bytes, from);
    read(bytes, at).or_else(|| match bytes.get(at)? {
        b'[' | b'(' | b'<' | b'"' => read(bytes, digits::skip_blanks(bytes, at + 1)),
        _ => None,
    })
}

/// Reads the first time that stands free, with no letter and no digit right before it.
fn anywhere(
    bytes: &[u8],
    from: usize,
    read: impl Fn(&[u8], usize) -> Option<Reading>,
    may_begin_with: impl Fn(u8) -> bool,
) -> Option<Reading> {
    let mut is_free = true;
    for (at, byte) in bytes.iter().enumerate().skip(from) {
        if is_free
            && may_begin_with(*byte)
            && let Some(reading) = read(bytes, at)
        {
            return Some(reading);
        }
        is_free = !byte.is_ascii_alphanumeric();
    }
    None
}

impl Serialize for LineOfRecord {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Number(number) => serializer.serialize_u64(number.get() as u64),
            Self::Last => serializer.serialize_str("last"),
        }
    }
}

impl<'de> Deserialize<'de> for LineOfRecord {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        const WANTED: &str = "a line of a record is a number from 1 on, or \"last\"";
        let value = serde_json::Value::deserialize(deserializer)?;
        let number = value.as_u64().and_then(|number| NonZeroUsize::new(usize::try_from(number).ok()?));
        match (number, value.as_str()) {
            (Some(number), _) => Ok(Self::Number(number)),
            (None, Some("last")) => Ok(Self::Last),
            _ => Err(serde::de::Error::custom(WANTED)),
        }
    }
}
