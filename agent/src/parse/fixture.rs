//! A stream of records for the tests: a section of the config in, what its records say out.

use jiff::{SignedDuration, civil, tz::TimeZone};
use serde_json::{Map, Value, json};

use super::{ClockChanges, Findings, LastTime, ParseContext, ParseSection, RecordParser};

/// A section with the state that its stream carries along.
pub(super) struct Stream {
    pub(super) parser: RecordParser,
    pub(super) zone: TimeZone,
    changes: ClockChanges,
    pub(super) last: Option<LastTime>,
    pub(super) day: Option<i64>,
    pub(super) header: Map<String, Value>,
    pub(super) columns: Option<Vec<String>>,
}

/// What a record said, in a form that is easy to write down.
#[derive(Debug, PartialEq)]
pub(super) struct Said {
    pub(super) time: Option<String>,
    pub(super) level: Option<(String, &'static str)>,
    pub(super) message: Option<String>,
    pub(super) fields: Value,
    pub(super) tags: Vec<&'static str>,
    pub(super) parser: u8,
    pub(super) is_date_ambiguous: bool,
}

impl Stream {
    /// Seen from 10 November 2024, in UTC.
    #[track_caller]
    pub(super) fn of(section: &str) -> Self {
        let parsed = toml::from_str::<ParseSection>(section).unwrap_or_else(|error| panic!("{error}"));
        let printed = toml::to_string(&parsed).unwrap();
        let again = toml::from_str::<ParseSection>(&printed).unwrap_or_else(|error| panic!("{error}\n{printed}"));
        let parser = RecordParser::compile(&again).unwrap_or_else(|error| panic!("{error}"));
        let (zone, header) = (TimeZone::UTC, Map::new());
        let changes = ClockChanges::of(&zone);
        Self { parser, zone, changes, last: None, day: None, header, columns: None }
    }

    pub(super) fn in_zone(mut self, name: &str) -> Self {
        self.zone = TimeZone::get(name).unwrap();
        self.changes = ClockChanges::of(&self.zone);
        self
    }

    pub(super) fn read(&mut self, text: &str) -> Said {
        let context = ParseContext {
            now_civil_micros: micros("2024-11-10T00:00"),
            day: self.day,
            last: self.last,
            header: Some(&self.header),
            columns: self.columns.as_deref(),
            clock_changes: &self.changes,
        };
        let mut findings = Findings::default();
        self.parser.parse(&context, text, &mut findings);
        self.last = findings.last_time(self.last);
        let fields = serde_json::from_str(&format!("{{{}}}", findings.fields))
            .unwrap_or_else(|error| panic!("{error}: {}", findings.fields));
        Said {
            time: findings.time.map(|time| {
                let offset = time.offset_seconds.map(|seconds| jiff::tz::Offset::from_seconds(seconds).unwrap());
                format!(
                    "{}{}",
                    civil_text(time.civil_micros),
                    offset.map_or(String::new(), |offset| offset.to_string())
                )
            }),
            level: findings.level.map(|level| (level.text.to_owned(), level.level.name())),
            message: findings.message.map(std::borrow::Cow::into_owned),
            fields,
            tags: findings.tags.names().collect(),
            parser: findings.parser,
            is_date_ambiguous: findings.is_date_ambiguous,
        }
    }

    pub(super) fn time(&mut self, text: &str) -> Option<String> {
        self.read(text).time
    }
}

impl Said {
    pub(super) fn level_name(&self) -> Option<&'static str> {
        self.level.as_ref().map(|(_, name)| *name)
    }

    pub(super) fn has_no_fields(&self) -> bool {
        self.fields == json!({})
    }
}

pub(super) fn micros(text: &str) -> i64 {
    let datetime: civil::DateTime = text.parse().unwrap_or_else(|error| panic!("{text}: {error}"));
    TimeZone::UTC.to_timestamp(datetime).unwrap().as_microsecond()
}

pub(super) fn civil_of(micros: i64) -> civil::DateTime {
    civil::date(1970, 1, 1).at(0, 0, 0, 0).checked_add(SignedDuration::from_micros(micros)).unwrap()
}

fn civil_text(micros: i64) -> String {
    civil_of(micros).to_string()
}
