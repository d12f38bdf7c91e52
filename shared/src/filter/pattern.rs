//! Regular expressions, meaning the same in memory as in `MongoDB`.
//!
//! `MongoDB` uses PCRE, we use the `regex` crate, which answers in linear time and therefore has no look-around and no
//! back-references. Where both read the same text differently, [`dialect`] puts it into the words of the `regex` crate or
//! refuses it: `\d`, `\w`, `\s` and `\b` mean ASCII, and `$` also matches before a line feed that ends the text.

use regex::{Regex, RegexBuilder};
use serde_json::Value;
use thiserror::Error;

mod dialect;

/// Longer patterns are refused; nobody writes one by hand.
const SOURCE_BYTES_MAX: usize = 4096;

/// What one compiled pattern may take, so that `(a{1000}){1000}` is an error and not the end of the memory.
const COMPILED_BYTES_MAX: usize = 1 << 20;

/// Groups within groups.
const NESTING_MAX: u32 = 64;

/// What is wrong with a pattern.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum PatternError {
    /// Longer than any sensible pattern.
    #[error("it is longer than {SOURCE_BYTES_MAX} bytes")]
    Long,
    /// A letter that is no option.
    #[error("`{0}` is none of the options i, m, s and x")]
    Option(char),
    /// Something that PCRE knows and this language does not have.
    #[error("{0} is not supported")]
    Unsupported(&'static str),
    /// The pattern is malformed or too large, in the words of the `regex` crate.
    #[error("{0}")]
    Regex(String),
}

/// A compiled regular expression.
#[derive(Debug, Clone)]
pub struct Pattern {
    source: String,
    options: String,
    regex: Regex,
}

impl PartialEq for Pattern {
    fn eq(&self, other: &Self) -> bool {
        self.source == other.source && self.options == other.options
    }
}

impl Pattern {
    /// Compiles a pattern with options: `i` ignores case, `m` lets `^` and `$` match at lines, `s` lets `.` match line
    /// feeds, `x` ignores white space in the pattern.
    pub fn new(source: &str, options: &str) -> Result<Self, PatternError> {
        if source.len() > SOURCE_BYTES_MAX {
            return Err(PatternError::Long);
        }
        if let Some(unknown) = options.chars().find(|option| !"imsx".contains(*option)) {
            return Err(PatternError::Option(unknown));
        }
        let has = |option| options.contains(option);
        let regex = RegexBuilder::new(&dialect::translate(source, has('m'), has('x'))?)
            .case_insensitive(has('i'))
            .multi_line(has('m'))
            .dot_matches_new_line(has('s'))
            .ignore_whitespace(has('x'))
            .size_limit(COMPILED_BYTES_MAX)
            .nest_limit(NESTING_MAX)
            .build()
            .map_err(|error| PatternError::Regex(reason(&error)))?;
        let options = "imsx".chars().filter(|option| has(*option)).collect();
        Ok(Self { source: source.to_owned(), options, regex })
    }

    /// The pattern as it was written.
    pub fn source(&self) -> &str {
        &self.source
    }

    /// The options, each once and in alphabetical order.
    pub fn options(&self) -> &str {
        &self.options
    }

    /// Whether a value is a text in which the pattern is found.
    pub fn matches(&self, value: &Value) -> bool {
        value.as_str().is_some_and(|text| self.regex.is_match(text))
    }
}

/// The crate draws a picture of the pattern; its last line says what is wrong.
fn reason(error: &regex::Error) -> String {
    match error {
        regex::Error::CompiledTooBig(_) => format!("it needs more than {COMPILED_BYTES_MAX} bytes once compiled"),
        other => {
            let picture = other.to_string();
            let last = picture.lines().last().unwrap_or_default();
            last.trim_start_matches("error: ").to_owned()
        }
    }
}
