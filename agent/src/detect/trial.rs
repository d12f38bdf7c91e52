//! Reads bytes as a section of the config says and keeps what comes out, without sending anything: for `check`, for
//! proposals, and for tests.

use std::collections::BTreeMap;

use jiff::tz::TimeZone;
use labtrail_shared::level::LogLevel;
use serde_json::{Map, Value};
use thiserror::Error;

use crate::{
    config::{ConfigError, FilesSection},
    decode::NotText,
    frame::{AsideKind, FrameState, Needs, Step, Window},
    parse::{Body, ClockChanges, DaySource, Findings, LastTime, ParseContext, WrittenTime, header_pair},
};

/// A file as far as it is at hand, and what is known besides.
#[derive(Debug, Clone, Copy)]
pub(crate) struct TrialFile<'a> {
    /// Its path, for labels and dates in it.
    pub(crate) path: &'a str,
    /// Its bytes from the beginning.
    pub(crate) bytes: &'a [u8],
    /// There is no more of it.
    pub(crate) is_whole: bool,
    /// The wall-clock time, in microseconds since 1970-01-01T00:00:00 of that clock.
    pub(crate) now_civil_micros: i64,
    /// When the file was created, or else changed, by the same clock.
    pub(crate) file_civil_micros: Option<i64>,
}

/// Why nothing could be read.
#[derive(Debug, Error)]
pub(crate) enum TrialError {
    /// The section itself is wrong.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The file is no text.
    #[error(transparent)]
    NotText(#[from] NotText),
}

/// What a file gives.
#[derive(Debug)]
pub(crate) struct Trial {
    /// The encoding, and what it was told by.
    #[cfg(test)]
    pub(crate) detected: crate::decode::Detected,
    /// The events, in the order of the file.
    pub(crate) events: Vec<TrialEvent>,
    /// How many lines make no record, by the reason.
    pub(crate) asides: BTreeMap<&'static str, u32>,
    /// Keys and values of the header.
    pub(crate) header: Map<String, Value>,
    /// Sequences that are invalid in the encoding.
    pub(crate) invalid_sequences: u32,
    /// The labels from the path.
    pub(crate) labels: BTreeMap<String, String>,
}

/// What the text of an event is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TrialKind {
    /// A text for people.
    Text,
    /// A JSON object.
    Json,
    /// A whole event with an id of its own.
    MadsciEvent,
}

/// One event.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct TrialEvent {
    /// The whole text of the record.
    pub(crate) text: String,
    /// The message for people, where it is not the whole text.
    pub(crate) message: Option<String>,
    /// Its own time, or that of the record before.
    pub(crate) time: Option<WrittenTime>,
    /// The time is that of the record before.
    pub(crate) is_time_inherited: bool,
    /// The level that it states or that the section gives it.
    pub(crate) level: Option<LogLevel>,
    /// The word for the level, as it stands in the record.
    pub(crate) level_text: Option<String>,
    /// What the parser took out of it.
    pub(crate) fields: Map<String, Value>,
    /// What the text is.
    pub(crate) kind: TrialKind,
    /// What is odd about it.
    pub(crate) tags: Vec<&'static str>,
    /// It has a date of which nobody said whether the day or the month comes first.
    pub(crate) is_date_ambiguous: bool,
    /// How many lines it has.
    pub(crate) lines: u32,
    /// Which parser of the chain read it.
    pub(crate) parser: String,
}

/// Reads a file, at most `events_max` events of it.
pub(crate) fn read(section: &FilesSection, file: &TrialFile<'_>, events_max: usize) -> Result<Trial, TrialError> {
    let framing = section.framing()?;
    let parser = section.record_parser()?;
    let detected = section.encoding.unwrap_or_default().charset_of(file.bytes, file.is_whole)?;
    let charset = detected.charset;
    let (labels, day_of_path) =
        section.path_pattern.as_ref().and_then(|pattern| pattern.captures(file.path)).unwrap_or_default();
    let day_of_file = file.file_civil_micros.map(|micros| micros.div_euclid(86_400_000_000));
    let changes = ClockChanges::of(&zone_of(section));
    let mut trial = Trial {
        #[cfg(test)]
        detected,
        events: Vec::new(),
        asides: BTreeMap::new(),
        header: Map::new(),
        invalid_sequences: 0,
        labels,
    };
    let mut columns: Vec<String> = Vec::new();
    let mut state = FrameState::default();
    let mut last: Option<LastTime> = None;
    let cuts = [file.bytes.len() as u64];
    let cuts: &[u64] = if file.is_whole { &cuts } else { &[] };
    let window = Window { bytes: file.bytes, base: 0, is_end: true };
    let mut at = usize::from(charset.mark_bytes);
    while at < file.bytes.len() && trial.events.len() < events_max {
        match framing.step(charset, &window, at, cuts, &mut state) {
            Step::Aside(aside) => {
                at = aside.next;
                *trial.asides.entry(name_of(aside.kind)).or_default() += aside.lines;
                match aside.kind {
                    AsideKind::Header => trial.header.extend(aside.text.lines().filter_map(header_pair)),
                    AsideKind::Columns => columns = columns_of(section, &aside.text),
                    _ => {}
                }
            }
            Step::Record(record) => {
                at = record.next;
                trial.invalid_sequences += record.invalid_sequences;
                let day = match parser.day_source() {
                    Some(DaySource::Path) => day_of_path,
                    Some(DaySource::Header) => parser.day_of_header(&trial.header),
                    Some(DaySource::File) => day_of_file,
                    None => None,
                };
                let context = ParseContext {
                    now_civil_micros: file.now_civil_micros,
                    day,
                    last,
                    header: (!trial.header.is_empty()).then_some(&trial.header),
                    columns: (!columns.is_empty()).then_some(&columns),
                    clock_changes: &changes,
                };
                let mut findings = Findings::default();
                parser.parse(&context, &record.text, &mut findings);
                let inherited = last
                    .map(|last| WrittenTime { civil_micros: last.civil_micros, offset_seconds: last.offset_seconds });
                last = findings.last_time(last);
                trial.events.push(TrialEvent {
                    message: findings.message.as_ref().map(ToString::to_string),
                    time: findings.time.or(inherited),
                    is_time_inherited: findings.time.is_none() && inherited.is_some(),
                    level: findings.level.map(|level| level.level),
                    level_text: findings.level.map(|level| level.text.to_owned()),
                    fields: serde_json::from_str(&format!("{{{}}}", findings.fields))
                        .expect("parsers write valid members"),
                    kind: match findings.body {
                        Body::Text => TrialKind::Text,
                        Body::Json { .. } => TrialKind::Json,
                        Body::MadsciEvent => TrialKind::MadsciEvent,
                    },
                    tags: findings.tags.names().collect(),
                    is_date_ambiguous: findings.is_date_ambiguous,
                    lines: record.lines,
                    parser: parser.parser_names()[usize::from(findings.parser)].clone(),
                    text: record.text.into_owned(),
                });
            }
            Step::Open(open) => match open.needs {
                Needs::NulRun { end, is_tail: false, .. } => state.skip_nuls(end as u64),
                _ => break,
            },
        }
    }
    Ok(trial)
}

/// The zone in which the clocks of the file change; where the section names none, none change.
fn zone_of(section: &FilesSection) -> TimeZone {
    section.zone.as_ref().map_or(TimeZone::UTC, |zone| zone.zone.clone())
}

fn name_of(kind: AsideKind) -> &'static str {
    match kind {
        AsideKind::Blank => "blank",
        AsideKind::Header => "header",
        AsideKind::Columns => "columns",
        AsideKind::Preamble => "preamble",
        AsideKind::Separator => "separator",
        AsideKind::Skipped => "skipped",
        AsideKind::Nul => "nul",
    }
}

/// The cells of a header row.
fn columns_of(section: &FilesSection, row: &str) -> Vec<String> {
    super::cells::split(row, super::cells::separator_of(section))
}
