//! One entry of `parsers` in the config.

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::parse::Parser;
use crate::parse::expression::Expression;
use crate::parse::fields::DecimalSign;

/// One of `parsers`: `{ format = "regex", pattern = '...' }`, `{ format = "csv", columns = [...] }` or one of the words
/// that `parser` takes.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(try_from = "EntryText", into = "EntryText")]
pub(crate) struct ParserEntry {
    /// What counters and the status page call it.
    pub(crate) name: String,
    pub(super) kind: EntryKind,
}

/// What reads the records, with its options.
#[derive(Debug, Clone)]
pub(super) enum EntryKind {
    Word(Parser),
    Regex { pattern: Expression, numbers: Numbers, decimal: DecimalSign },
    Csv { separator: u8, columns: Vec<String>, decimal: DecimalSign },
}

/// The entry as it is written.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct EntryText {
    /// `regex`, `csv`, `json`, `syslog`, `logfmt`, `auto`, `plain` or `none`.
    format: String,
    /// What counters and the status page call it. Default: the format.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    /// `regex`: the expression. Its named groups become fields, but for `time`, `level` and `message`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pattern: Option<Expression>,
    /// `regex`: which groups become numbers if they look like one: `true`, or a list of names. Default: none.
    #[serde(default, skip_serializing_if = "Numbers::is_none")]
    numbers: Numbers,
    /// `csv`: the sign between cells, one character of ASCII. Default: a comma.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    separator: Option<char>,
    /// `csv`: the names of the columns. Default: the header row of the file, else `column_1`, `column_2`, ...
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    columns: Vec<String>,
    /// `regex` and `csv`: the sign before the fraction of a number. Default: a point.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    decimal: Option<DecimalSign>,
}

impl ParserEntry {
    /// What programs send: syslog, or anything else.
    pub(crate) fn syslog_or_auto() -> Vec<Self> {
        let entry = |parser: Parser| Self { name: parser.word().to_owned(), kind: EntryKind::Word(parser) };
        vec![entry(Parser::Syslog), entry(Parser::Auto)]
    }
}

impl TryFrom<EntryText> for ParserEntry {
    type Error = String;

    fn try_from(text: EntryText) -> Result<Self, String> {
        let is_regex = text.format == "regex";
        let is_csv = text.format == "csv";
        let misplaced = [
            ("pattern", text.pattern.is_some() && !is_regex),
            ("numbers", !text.numbers.is_none() && !is_regex),
            ("separator", text.separator.is_some() && !is_csv),
            ("columns", !text.columns.is_empty() && !is_csv),
            ("decimal", text.decimal.is_some() && !is_regex && !is_csv),
        ];
        if let Some((key, _)) = misplaced.iter().find(|(_, is_misplaced)| *is_misplaced) {
            return Err(format!("{key} means nothing for format = {:?}: leave it out", text.format));
        }
        let decimal = text.decimal.unwrap_or_default();
        let kind = match text.format.as_str() {
            "regex" => EntryKind::Regex {
                pattern: text.pattern.ok_or("format = \"regex\" needs a pattern")?,
                numbers: text.numbers,
                decimal,
            },
            "csv" => EntryKind::Csv { separator: separator(text.separator)?, columns: text.columns, decimal },
            word => EntryKind::Word(
                Parser::deserialize(serde::de::value::StrDeserializer::<serde::de::value::Error>::new(word)).map_err(
                    |_| {
                        format!(
                            "format {word:?} is not known: use regex, csv, json, syslog, logfmt, auto, plain or none"
                        )
                    },
                )?,
            ),
        };
        Ok(Self { name: text.name.unwrap_or(text.format), kind })
    }
}

fn separator(separator: Option<char>) -> Result<u8, String> {
    let separator = separator.unwrap_or(',');
    match u8::try_from(separator) {
        Ok(byte) if byte.is_ascii() && !matches!(byte, b'"' | b'\n' | b'\r') => Ok(byte),
        _ => Err(format!(
            "separator {separator:?} cannot stand between cells: use one character of ASCII, such as \";\" or \"\\t\""
        )),
    }
}

impl From<ParserEntry> for EntryText {
    fn from(entry: ParserEntry) -> Self {
        let mut text = Self {
            format: String::new(),
            name: Some(entry.name),
            pattern: None,
            numbers: Numbers::default(),
            separator: None,
            columns: Vec::new(),
            decimal: None,
        };
        match entry.kind {
            EntryKind::Word(parser) => parser.word().clone_into(&mut text.format),
            EntryKind::Regex { pattern, numbers, decimal } => {
                "regex".clone_into(&mut text.format);
                text.pattern = Some(pattern);
                text.numbers = numbers;
                text.decimal = Some(decimal);
            }
            EntryKind::Csv { separator, columns, decimal } => {
                "csv".clone_into(&mut text.format);
                text.separator = Some(char::from(separator));
                text.columns = columns;
                text.decimal = Some(decimal);
            }
        }
        text
    }
}

/// Which groups of an expression become numbers.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) enum Numbers {
    #[default]
    None,
    All,
    Some(Vec<String>),
}

impl Numbers {
    fn is_none(&self) -> bool {
        *self == Self::None
    }

    pub(super) fn contain(&self, name: &str) -> bool {
        match self {
            Self::None => false,
            Self::All => true,
            Self::Some(names) => names.iter().any(|one| one == name),
        }
    }
}

impl Serialize for Numbers {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::None => serializer.serialize_bool(false),
            Self::All => serializer.serialize_bool(true),
            Self::Some(names) => names.serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for Numbers {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(NumbersVisitor)
    }
}

struct NumbersVisitor;

impl<'de> serde::de::Visitor<'de> for NumbersVisitor {
    type Value = Numbers;

    fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("true, false or a list of groups")
    }

    fn visit_bool<E>(self, all: bool) -> Result<Numbers, E> {
        Ok(if all { Numbers::All } else { Numbers::None })
    }

    fn visit_seq<A: serde::de::SeqAccess<'de>>(self, mut list: A) -> Result<Numbers, A::Error> {
        let mut names = Vec::new();
        while let Some(name) = list.next_element()? {
            names.push(name);
        }
        Ok(Numbers::Some(names))
    }
}
