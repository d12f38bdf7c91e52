//! What a section of the config says about the reading of its records.

use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::chain::ParserEntry;
use super::level::LevelSection;
use super::time::TimeSection;
use super::{DateOrder, Parser};

/// The settings of this room in a `[[files]]` or socket section.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct ParseSection {
    /// How records are read: `auto` (JSON objects, else text), `json`, `plain`, `syslog`, `logfmt`, `csv` or `none`.
    /// Default: `auto`. Not beside `parsers`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) parser: Option<Parser>,
    /// Parsers that are tried in order until one can read the record; a record that none can read is sent as text with
    /// the tag `parse_failure`. Price: what is tried in vain.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) parsers: Vec<ParserEntry>,
    /// Whether `03/04/2026` is the 4th of March (`mdy`) or the 3rd of April (`dmy`). Default: such dates are not read,
    /// unless a form of time says it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) date_order: Option<DateOrder>,
    /// How and where times are written.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) time: Option<TimeSection>,
    /// How levels are read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) level: Option<LevelSection>,
}

/// Settings that do not go together.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ParseConfigError {
    /// Two answers to one question.
    #[error("parser and parsers are both set: keep one of them")]
    TwoChains,
    /// The index of a parser is one byte.
    #[error("parsers has more than 255 entries: leave some out")]
    TooManyParsers,
    /// Two answers to one question.
    #[error("time.where, time.before and time.pattern each say where the time stands: keep one of them")]
    TwoPlaces,
    /// The group that is read is missing.
    #[error("time.pattern has no group for the time: write (?<time>...) around it")]
    NoTimeGroup,
    /// A running time means nothing by itself.
    #[error(
        "time.format uptime needs time.anchor: a pattern with the groups epoch and uptime, for the line that tells both"
    )]
    NoAnchor,
    /// The groups that are read are missing.
    #[error(
        "time.anchor needs two groups: (?<epoch>...) for the seconds since 1970 and (?<uptime>...) for the running time"
    )]
    AnchorGroups,
    /// A name in `numbers` that is no group.
    #[error("numbers names {0}, but the pattern has no such group")]
    NoSuchGroup(String),
}
