//! Reads the records of one section of the config.

use super::chain::{Clues, FieldNames, Step, StepContext};
use super::level::LevelReader;
use super::section::{ParseConfigError, ParseSection};
use super::time::{DaySource, TimeReader};
use super::timestamp::{self, WrittenTime};
use super::{DateOrder, Findings, ParseContext, Tags, TextContext, fields, header};

/// A section of the config that is ready for use. It may be shared between threads.
#[derive(Debug)]
pub(crate) struct RecordParser {
    steps: Vec<Step>,
    parser_names: Vec<String>,
    names: FieldNames,
    time: TimeReader,
    /// `[files.time]` is there, so that times are looked for also where a parser looks for none.
    has_time_section: bool,
    day: Option<DaySource>,
    level: LevelReader,
    date_order: Option<DateOrder>,
}

impl RecordParser {
    /// Compiles a section.
    pub(crate) fn compile(section: &ParseSection) -> Result<Self, ParseConfigError> {
        let time = section.time.clone().unwrap_or_default();
        let level = section.level.clone().unwrap_or_default();
        let names = FieldNames { time: time.field.clone(), level: level.field.clone() };
        let (steps, parser_names) = match (section.parser, section.parsers.as_slice()) {
            (Some(_), [_, ..]) => return Err(ParseConfigError::TwoChains),
            (parser, []) => {
                let parser = parser.unwrap_or_default();
                (vec![Step::of_parser(parser)], vec![parser.word().to_owned()])
            }
            (None, entries) => {
                let steps = entries.iter().map(|entry| Step::of_entry(entry, &names));
                (steps.collect::<Result<_, _>>()?, entries.iter().map(|entry| entry.name.clone()).collect())
            }
        };
        if steps.len() > usize::from(u8::MAX) {
            return Err(ParseConfigError::TooManyParsers);
        }
        Ok(Self {
            steps,
            parser_names,
            names,
            day: time.day,
            time: TimeReader::of(&time, section.date_order)?,
            has_time_section: section.time.is_some(),
            level: LevelReader::of(&level),
            date_order: section.date_order,
        })
    }

    /// The names of the chain's parsers, for counters: [`Findings::parser`] is the place in it.
    pub(crate) fn parser_names(&self) -> &[String] {
        &self.parser_names
    }

    /// Where [`ParseContext::day`] is to come from.
    pub(crate) fn day_source(&self) -> Option<DaySource> {
        self.day
    }

    /// The day that the header of a file states.
    pub(crate) fn day_of_header(&self, header: &serde_json::Map<String, serde_json::Value>) -> Option<i64> {
        self.time.day_of_header(header)
    }

    /// The names of the columns in a header row, if one of the parsers reads tables.
    pub(crate) fn columns_of(&self, row: &str) -> Vec<String> {
        let table = self.steps.iter().find_map(|step| if let Step::Table(table) = step { Some(table) } else { None });
        table.map(|table| table.columns_of(row)).unwrap_or_default()
    }

    /// Reads one record into `out`, whatever that held before.
    pub(crate) fn parse<'a>(&self, context: &ParseContext<'_>, text: &'a str, out: &mut Findings<'a>) {
        out.clear();
        let step_context = StepContext {
            record: context,
            text: TextContext { date_order: self.date_order, now_civil_micros: context.now_civil_micros },
            names: &self.names,
        };
        let mut clues = Clues::default();
        let parser = self.steps.iter().position(|step| {
            let is_read = step.read(&step_context, text, out, &mut clues);
            if !is_read {
                // What an unfit parser had found before it gave up.
                out.clear();
                clues = Clues::default();
            }
            is_read
        });
        match parser {
            Some(parser) => out.parser = u8::try_from(parser).expect("the chain is no longer than a byte can count"),
            None => out.tags.insert(Tags::PARSE_FAILURE),
        }
        self.read_time(&step_context, text, out, &mut clues);
        let level_field = if clues.are_apart { clues.level.field.clone() } else { None };
        out.level = self.level.read(text, clues.level);
        // A field that could not be understood is kept as it is.
        if out.level.is_none()
            && let Some(word) = level_field
        {
            fields::push_text_member(&mut out.fields, "level", &word);
        }
    }

    fn read_time<'a>(&self, step: &StepContext<'_>, text: &'a str, out: &mut Findings<'a>, clues: &mut Clues<'a>) {
        let context = step.record;
        let field = clues.time_field.as_deref();
        let mut written = None;
        if let Some((began, now)) = self.time.anchor(text) {
            out.anchor = Some(began);
            written = Some(WrittenTime { civil_micros: now, offset_seconds: Some(0) });
        }
        if self.has_time_section || field.is_none() && clues.may_begin_with_time {
            let anchor = out.anchor.or(context.last.and_then(|last| last.anchor));
            if let Some(found) = self.time.read(context, anchor, text, field) {
                written = Some(found.time);
                if found.has_rolled {
                    out.tags.insert(Tags::DATE_ROLLED);
                }
                if let Some(end) = found.end.filter(|_| clues.is_plain && clues.level.found.is_none()) {
                    clues.level.found = header::find_level(text, end, false);
                }
            }
        }
        if written.is_none() && !self.time.has_own_place() {
            written = clues.own_time.or_else(|| timestamp::read_field(&step.text, field?));
        }
        if written.is_some() {
            out.is_date_ambiguous = false;
        } else if let Some(field) = clues.time_field.take() {
            out.is_date_ambiguous |= timestamp::is_date_ambiguous(&step.text, field.trim().as_bytes());
            if clues.are_apart && self.names.time.is_none() {
                fields::push_text_member(&mut out.fields, "time", &field);
            }
        }
        if let Some(time) = written {
            let placed = context.clock_changes.place(time, context.last);
            out.time = Some(placed.time);
            out.is_second_pass = placed.is_second_pass;
            out.tags.insert(placed.tags);
        }
    }
}

#[cfg(test)]
mod tests;
