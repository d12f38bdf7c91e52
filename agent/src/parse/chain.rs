//! The parsers of a section in the order in which they are tried.

mod cells;
mod entry;
mod groups;
mod logfmt;
mod syslog;
mod table;

use std::borrow::Cow;

pub(crate) use self::entry::ParserEntry;
use self::entry::{EntryKind, Numbers};
use self::groups::GroupStep;
use self::table::TableStep;
use super::level::LevelClues;
use super::timestamp::WrittenTime;
use super::{Findings, ParseConfigError, ParseContext, Parsed, Parser, TextContext, json, plain};

/// The names under which a section keeps time and level, where they are not the usual ones.
#[derive(Debug, Clone, Default)]
pub(super) struct FieldNames {
    pub(super) time: Option<String>,
    pub(super) level: Option<String>,
}

/// One parser, ready for use.
#[derive(Debug)]
pub(super) enum Step {
    Auto,
    Plain,
    Json,
    None,
    Syslog,
    Logfmt,
    Groups(GroupStep),
    Table(TableStep),
}

/// What a parser found that needs the config to be understood.
#[derive(Debug, Default)]
pub(super) struct Clues<'a> {
    /// The text of the field for times.
    pub(super) time_field: Option<Cow<'a, str>>,
    /// The time that the parser read by itself.
    pub(super) own_time: Option<WrittenTime>,
    pub(super) level: LevelClues<'a>,
    /// The fields for time and level are not among the fields of the record.
    pub(super) are_apart: bool,
    /// The parser did not look for a time, so that one may stand at the beginning of the text.
    pub(super) may_begin_with_time: bool,
    /// It is plain text, in which a level may stand after the time.
    pub(super) is_plain: bool,
}

/// What the parsers of the chain are given.
#[derive(Debug, Clone, Copy)]
pub(super) struct StepContext<'a> {
    pub(super) record: &'a ParseContext<'a>,
    pub(super) text: TextContext,
    pub(super) names: &'a FieldNames,
}

/// What a field is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Role {
    Time,
    Level,
    Message,
    Field,
}

impl FieldNames {
    /// The role of a key or column, for which also the usual names count, in any case.
    fn role(&self, name: &str) -> Role {
        let is = |own: &Option<String>, usual: &[&str]| match own {
            Some(own) => own == name,
            None => usual.iter().any(|usual| usual.eq_ignore_ascii_case(name)),
        };
        if is(&self.time, &["time", "ts", "timestamp", "@timestamp", "datetime", "date time", "date/time"]) {
            Role::Time
        } else if is(&self.level, &["level", "lvl", "severity", "loglevel", "log.level"]) {
            Role::Level
        } else if is(&None, &["msg", "message"]) {
            Role::Message
        } else {
            Role::Field
        }
    }
}

impl Step {
    pub(super) fn of_parser(parser: Parser) -> Self {
        match parser {
            Parser::Auto => Self::Auto,
            Parser::Plain => Self::Plain,
            Parser::Json => Self::Json,
            Parser::None => Self::None,
            Parser::Syslog => Self::Syslog,
            Parser::Logfmt => Self::Logfmt,
            Parser::Csv => Self::Table(TableStep::default()),
        }
    }

    pub(super) fn of_entry(entry: &ParserEntry, names: &FieldNames) -> Result<Self, ParseConfigError> {
        Ok(match &entry.kind {
            EntryKind::Word(parser) => Self::of_parser(*parser),
            EntryKind::Regex { pattern, numbers, decimal } => {
                Self::Groups(GroupStep::compile(pattern.clone(), numbers, *decimal, names)?)
            }
            EntryKind::Csv { separator, columns, decimal } => {
                Self::Table(TableStep::compile(*separator, columns, *decimal, names))
            }
        })
    }

    /// Reads a record, or leaves `out` as it was and says that it cannot.
    pub(super) fn read<'a>(
        &self,
        context: &StepContext<'_>,
        text: &'a str,
        out: &mut Findings<'a>,
        clues: &mut Clues<'a>,
    ) -> bool {
        match self {
            Self::Auto => {
                if !read_json(context, text, out, clues) {
                    read_plain(context, text, out, clues);
                }
                true
            }
            Self::Plain => {
                read_plain(context, text, out, clues);
                true
            }
            Self::Json => read_json(context, text, out, clues),
            Self::None => true,
            Self::Syslog => syslog::read(context, text, out, clues),
            Self::Logfmt => logfmt::read(context.names, text, out, clues),
            Self::Groups(step) => step.read(text, out, clues),
            Self::Table(step) => step.read(context, text, out, clues),
        }
    }
}

fn read_plain<'a>(context: &StepContext<'_>, text: &'a str, out: &mut Findings<'a>, clues: &mut Clues<'a>) {
    let Parsed { time, level, body, is_date_ambiguous } = plain::parse(&context.text, text);
    out.body = body;
    out.is_date_ambiguous = is_date_ambiguous;
    clues.own_time = time;
    clues.level.found = level;
    clues.is_plain = true;
}

fn read_json<'a>(context: &StepContext<'_>, text: &'a str, out: &mut Findings<'a>, clues: &mut Clues<'a>) -> bool {
    let keys = json::OwnKeys { time: context.names.time.as_deref(), level: context.names.level.as_deref() };
    let Some(object) = json::read(&context.text, keys, text) else { return false };
    out.body = object.parsed.body;
    clues.own_time = object.parsed.time;
    clues.time_field = object.time_text.map(Cow::Borrowed);
    match object.parsed.level {
        Some(level) if keys.level.is_none() => clues.level.found = Some(level),
        _ => clues.level.field = object.level_text.map(Cow::Borrowed),
    }
    true
}
