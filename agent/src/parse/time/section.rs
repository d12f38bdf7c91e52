//! `[files.time]`: how and where the times of a source are written.

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::format::TimeFormat;
use super::place::LineOfRecord;
use crate::parse::expression::Expression;

/// `[files.time]`
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct TimeSection {
    /// One form of time or a list, tried in order: a pattern such as `%d-%b-%y %H:%M :%S`, or a name: `iso8601`,
    /// `rfc3164`, `rfc5424`, `ctime`, `epoch`, `epoch_ms`, `hex_epoch`, `us`, `eu`, `clf`, `seconds_since_header`,
    /// `uptime`. Default: the forms that can mean one thing only (`auto`).
    #[serde(skip_serializing_if = "TimeFormats::is_empty")]
    pub(crate) format: TimeFormats,
    /// Where the time stands. Default: in the field for times if the parser gives one, else at the beginning.
    #[serde(rename = "where", skip_serializing_if = "Option::is_none")]
    pub(crate) place: Option<Where>,
    /// The group, key or column that holds the time. Default: `time`, and for JSON, logfmt and tables also the usual
    /// keys such as `timestamp` and `ts`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) field: Option<String>,
    /// The line of a record in which the time is looked for: a number from 1 on, or `last`. Default: the first; with
    /// `before` and `pattern` the whole record.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) line: Option<LineOfRecord>,
    /// A regular expression right after which the time begins. Price: a search through every record.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) before: Option<Expression>,
    /// A regular expression with a group `time`, for odd places. Price: a search through every record.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) pattern: Option<Expression>,
    /// Where the day comes from for times without a date. Default: from a record before that states one; before that
    /// such times are not read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) day: Option<DaySource>,
    /// The key of the file's header that holds the date from which `seconds_since_header` counts, or the whole time.
    /// Also the day for `day = "header"`. Default: `Date`, as `LabVIEW` writes.
    #[serde(default = "default_date_key")]
    pub(crate) start_date_key: String,
    /// The key of the file's header that holds the time of day to it. Default: `Time`.
    #[serde(default = "default_time_key")]
    pub(crate) start_time_key: String,
    /// For `uptime`: a regular expression with the groups `epoch` (seconds since 1970) and `uptime` (seconds), found
    /// in a line that tells both. Price: a search through every record.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) anchor: Option<Expression>,
}

impl Default for TimeSection {
    fn default() -> Self {
        Self {
            format: TimeFormats::default(),
            place: None,
            field: None,
            line: None,
            before: None,
            pattern: None,
            day: None,
            start_date_key: default_date_key(),
            start_time_key: default_time_key(),
            anchor: None,
        }
    }
}

fn default_date_key() -> String {
    "Date".to_owned()
}

fn default_time_key() -> String {
    "Time".to_owned()
}

/// The keys of a header that tell when a measurement began.
#[derive(Debug)]
pub(super) struct StartKeys {
    pub(super) date: String,
    pub(super) time: String,
}

/// Where a time stands in a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Where {
    /// At the beginning of the line, after blanks and an opening bracket.
    Start,
    /// At the first place of the line where a form fits, with no letter and no digit right before and after it.
    Anywhere,
    /// In a field that the parser found.
    Field,
}

/// Where the day of a time without a date comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum DaySource {
    /// From the path of the file.
    Path,
    /// From the header of the file.
    Header,
    /// From the file's own time of creation.
    File,
}

/// The forms of time to be tried, in order.
#[derive(Debug, Clone, Default)]
pub(crate) struct TimeFormats(Vec<TimeFormat>);

impl TimeFormats {
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn iter(&self) -> std::slice::Iter<'_, TimeFormat> {
        self.0.iter()
    }
}

impl Serialize for TimeFormats {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0.as_slice() {
            [one] => one.serialize(serializer),
            several => several.serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for TimeFormats {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(FormatsVisitor).map(Self)
    }
}

struct FormatsVisitor;

impl<'de> serde::de::Visitor<'de> for FormatsVisitor {
    type Value = Vec<TimeFormat>;

    fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("a form of time or a list of them")
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Vec<TimeFormat>, E> {
        TimeFormat::deserialize(serde::de::value::StrDeserializer::new(text)).map(|format| vec![format])
    }

    fn visit_seq<A: serde::de::SeqAccess<'de>>(self, mut list: A) -> Result<Vec<TimeFormat>, A::Error> {
        let mut formats = Vec::new();
        while let Some(format) = list.next_element()? {
            formats.push(format);
        }
        Ok(formats)
    }
}
