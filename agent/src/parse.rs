//! What a record says about itself: when it was written, how grave it is, and what kind of text it is.
//!
//! Text goes in and values come out: no clock is read, nothing is opened, and a plain line costs no allocation. Two
//! promises hold for everything below. A time is read only where it can mean one thing: a day is never guessed from
//! a month, and a time of day without a date is not a time. A level is read only from a place where a program
//! puts one, never from the words of a message.

mod chain;
mod clock_changes;
mod expression;
mod fields;
mod file_header;
mod findings;
#[cfg(test)]
mod fixture;
mod header;
mod json;
mod level;
mod path_pattern;
mod plain;
mod record_parser;
#[cfg(test)]
mod samples;
mod section;
mod tags;
mod time;
mod timestamp;

use serde::{Deserialize, Serialize};

pub(crate) use self::chain::ParserEntry;
pub(crate) use self::clock_changes::ClockChanges;
pub(crate) use self::file_header::header_pair;
pub(crate) use self::findings::{Findings, LastTime, ParseContext};
pub(crate) use self::level::{LevelSection, WrittenLevel};
pub(crate) use self::path_pattern::PathPattern;
pub(crate) use self::record_parser::RecordParser;
pub(crate) use self::section::{ParseConfigError, ParseSection};
pub(crate) use self::tags::Tags;
pub(crate) use self::time::{DaySource, TimeSection};
pub(crate) use self::timestamp::WrittenTime;

/// How the text of a record is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Parser {
    /// A record that is one JSON object is read as JSON, any other as plain text. The default: files of `MADSci`
    /// and of many other programs mix the two.
    #[default]
    Auto,
    /// A leading time and a level near it; a JSON object is text like any other.
    Plain,
    /// JSON objects only; of anything else neither a time nor a level is read.
    Json,
    /// Nothing is read: each record is a text.
    None,
    /// Syslog of RFC 3164 and RFC 5424, with `<PRI>` or without.
    Syslog,
    /// Pairs of keys and values, as Go programs write them.
    Logfmt,
    /// Rows of a table with commas, named by the header row of the file.
    Csv,
}

impl Parser {
    /// As it is written in the config.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Plain => "plain",
            Self::Json => "json",
            Self::None => "none",
            Self::Syslog => "syslog",
            Self::Logfmt => "logfmt",
            Self::Csv => "csv",
        }
    }
}

/// Which number comes first in a date that ends with the year. Without it such a date is not read, for nobody can
/// tell 3 April from 4 March.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum DateOrder {
    /// `08/15/2025` is 15 August.
    #[serde(rename = "mdy")]
    MonthFirst,
    /// `15/08/2025` is 15 August.
    #[serde(rename = "dmy")]
    DayFirst,
}

impl std::str::FromStr for DateOrder {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "mdy" => Ok(Self::MonthFirst),
            "dmy" => Ok(Self::DayFirst),
            _ => Err("write mdy (month first) or dmy (day first)".to_owned()),
        }
    }
}

/// What those parsers know besides the text that need no config.
#[derive(Debug, Clone, Copy)]
pub(crate) struct TextContext {
    /// The order of day and month at this source, if it is known.
    pub(crate) date_order: Option<DateOrder>,
    /// The wall-clock time at the source, in microseconds since 1970-01-01T00:00:00 of that wall clock: from it comes
    /// the year that a syslog time leaves out.
    pub(crate) now_civil_micros: i64,
}

/// What was found in one record by a parser that needs no config.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Parsed<'a> {
    /// When the record says it was written.
    pub(crate) time: Option<WrittenTime>,
    /// The level the record states.
    pub(crate) level: Option<WrittenLevel<'a>>,
    /// What the text is.
    pub(crate) body: Body<'a>,
    /// It begins with a date of which only the config can say whether the day or the month comes first.
    pub(crate) is_date_ambiguous: bool,
}

/// The kind of text a record is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Body<'a> {
    /// A text for people.
    #[default]
    Text,
    /// One JSON object, with the key under which it keeps its message for people.
    Json { message_key: Option<&'a str> },
    /// A complete `MADSci` event with an id of its own, to be shipped under that id.
    MadsciEvent,
}

/// Where a text begins behind the byte order mark that some programs put before every line.
fn text_start(text: &str) -> usize {
    const MARK: &str = "\u{feff}";
    let mut start = 0;
    while text.as_bytes()[start..].starts_with(MARK.as_bytes()) {
        start += MARK.len();
    }
    start
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{Strategy, any, prop_oneof, proptest};

    use super::{Body, DateOrder, Parsed, Parser, TextContext, json, plain};

    /// The parsers that need no config.
    fn parse<'a>(parser: Parser, context: &TextContext, text: &'a str) -> Parsed<'a> {
        match parser {
            Parser::Auto => json::parse(context, text).unwrap_or_else(|| plain::parse(context, text)),
            Parser::Plain => plain::parse(context, text),
            Parser::Json => json::parse(context, text).unwrap_or_default(),
            _ => Parsed::default(),
        }
    }

    #[test]
    fn the_parser_decides_what_is_read() {
        let json = r#"{"time":"2024-05-06T07:08:09Z","level":"error","message":"m"}"#;
        let plain = "2024-05-06 07:08:09 ERROR m";
        let broken = r#"{"time":"2024-05-06T07:08:09Z""#;
        let check = |parser, text, body, has_time| {
            let context = TextContext { date_order: None, now_civil_micros: 1_700_000_000_000_000 };
            let parsed = parse(parser, &context, text);
            assert_eq!((parsed.body, parsed.time.is_some()), (body, has_time), "{parser:?} {text}");
        };
        let object = Body::Json { message_key: Some("message") };
        check(Parser::Auto, json, object, true);
        check(Parser::Auto, plain, Body::Text, true);
        check(Parser::Auto, broken, Body::Text, false);
        check(Parser::Plain, json, Body::Text, false);
        check(Parser::Plain, plain, Body::Text, true);
        check(Parser::Json, json, object, true);
        check(Parser::Json, plain, Body::Text, false);
        check(Parser::None, json, Body::Text, false);
        check(Parser::None, plain, Body::Text, false);
    }

    #[test]
    fn options_are_written_in_lower_case() {
        let check = |value: &str, expected| assert_eq!(serde_json::from_str::<Parser>(value).unwrap(), expected);
        check(r#""auto""#, Parser::Auto);
        check(r#""plain""#, Parser::Plain);
        check(r#""json""#, Parser::Json);
        check(r#""none""#, Parser::None);
        for parser in [Parser::Auto, Parser::Syslog, Parser::Logfmt, Parser::Csv] {
            check(&format!("\"{}\"", parser.word()), parser);
        }
        assert_eq!(serde_json::from_str::<DateOrder>(r#""mdy""#).unwrap(), DateOrder::MonthFirst);
        assert_eq!(serde_json::from_str::<DateOrder>(r#""dmy""#).unwrap(), DateOrder::DayFirst);
    }

    /// Pieces of real lines, so that a random text gets far into the parsers.
    fn pieces() -> impl Strategy<Value = String> {
        let piece = prop_oneof![
            proptest::sample::select(vec![
                "2024-05-06",
                "T",
                " ",
                "07:08:09",
                ".123",
                ",5",
                "+01",
                " +0200",
                "Z",
                "[",
                "]",
                "<13>",
                "<",
                "1 ",
                "LOG(",
                "Nov  6 ",
                "Tue ",
                "18-AUG-21",
                "08/15/2025",
                "PM",
                "INFO",
                "[info  ]",
                " - ",
                "|",
                "\"",
                "level=",
                "level=\"INFO\"",
                "1624486997.96",
                "1624486997966",
                "{",
                "}",
                "{\"time\":",
                "\"level\":",
                "\u{feff}",
                "é",
                "温",
                "E1123 ",
                "24-05-06",
                "_",
                ":",
                "\n",
                "\\",
                "20240506T070809",
                "6",
                "(",
            ])
            .prop_map(str::to_owned),
            any::<char>().prop_map(String::from),
        ];
        proptest::collection::vec(piece, 0..12).prop_map(|pieces| pieces.concat())
    }

    proptest! {
        #[test]
        fn no_text_makes_a_parser_panic(
            text in prop_oneof![pieces(), any::<String>()],
            now in any::<i64>(),
            date_order in proptest::sample::select(vec![None, Some(DateOrder::MonthFirst), Some(DateOrder::DayFirst)]),
        ) {
            for parser in [Parser::Auto, Parser::Plain, Parser::Json, Parser::None] {
                let context = TextContext { date_order, now_civil_micros: now };
                for cut in (0..=text.len()).filter(|cut| text.is_char_boundary(*cut)) {
                    parse(parser, &context, &text[..cut]);
                    parse(parser, &context, &text[cut..]);
                }
            }
        }
    }
}
