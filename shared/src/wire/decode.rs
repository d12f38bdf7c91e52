//! Cuts a body into batches and reads their lines. What cannot be read is handed back with its reason, never skipped.

use serde::Deserialize;
use serde_json::value::RawValue;
use thiserror::Error;

use super::{Envelope, VERSION, VERSIONS_READ};

/// One batch of a body, its lines still text.
#[derive(Debug)]
pub struct Batch<'a> {
    /// What its events share.
    pub envelope: Envelope,
    /// Its event lines, in order, without line ends.
    pub lines: Vec<&'a [u8]>,
}

impl Batch<'_> {
    /// The byte offset of its first event, if that line can be read.
    pub fn first_offset(&self) -> Option<u64> {
        let line: Line<'_> = serde_json::from_slice(self.lines.first()?).ok()?;
        self.envelope.offset.checked_add(line.o)
    }
}

/// Why a part of a body cannot be read.
#[derive(Debug, Error)]
pub enum BatchError {
    /// The body does not begin with an envelope.
    #[error("the body must begin with an envelope line, an object whose first key is \"labtrail\"")]
    NoEnvelope,
    /// An envelope line is not a valid envelope.
    #[error("line {line} is not a valid envelope: {source}")]
    Envelope {
        /// Line of the body, from 1.
        line: usize,
        /// What is wrong with it.
        source: serde_json::Error,
    },
    /// The envelope is of a version that this program does not know.
    #[error(
        "line {line} is an envelope of version {version}; this collector reads up to version {VERSION}: update it before the agents"
    )]
    Version {
        /// Line of the body, from 1.
        line: usize,
        /// The version it states.
        version: u32,
    },
}

/// A line that is no event, with its reason.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// Index of the line within its batch, from 0.
    pub index: usize,
    /// The id that the event would have had, if that much is known.
    pub id: Option<String>,
    /// Why it is refused.
    pub reason: String,
    /// The line as it came.
    pub line: Vec<u8>,
}

/// One event line, as it stands in the text.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Line<'a> {
    pub o: u64,
    pub t: Option<i64>,
    /// Outer `None`: absent; inner `None`: `null`.
    #[expect(clippy::option_option, reason = "a null ends what an earlier line said, its absence does not")]
    #[serde(default, deserialize_with = "present")]
    pub z: Option<Option<i32>>,
    pub l: Option<u8>,
    #[serde(borrow)]
    pub v: Option<std::borrow::Cow<'a, str>>,
    #[serde(borrow)]
    pub m: Option<std::borrow::Cow<'a, str>>,
    #[serde(borrow)]
    pub k: Option<std::borrow::Cow<'a, str>>,
    #[serde(borrow)]
    pub j: Option<&'a RawValue>,
    #[serde(borrow)]
    pub e: Option<&'a RawValue>,
    pub h: Option<u64>,
    pub p: Option<u8>,
    pub c: Option<u64>,
    pub i: Option<u32>,
    #[serde(borrow)]
    pub f: Option<&'a RawValue>,
    #[serde(borrow)]
    pub g: Option<Vec<std::borrow::Cow<'a, str>>>,
    pub n: Option<u64>,
    #[serde(borrow)]
    pub a: Option<std::borrow::Cow<'a, str>>,
}

#[expect(clippy::option_option, reason = "see the field it reads")]
fn present<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<Option<i32>>, D::Error> {
    Option::deserialize(deserializer).map(Some)
}

/// What every version of an envelope says.
#[derive(Debug, Deserialize)]
struct Versioned {
    labtrail: u32,
}

/// Cuts a body into its batches.
pub fn decode(body: &[u8]) -> Result<Vec<Batch<'_>>, BatchError> {
    let mut batches: Vec<Batch<'_>> = Vec::new();
    for (index, line) in lines(body).enumerate() {
        if line.starts_with(b"{\"labtrail\":") {
            let line_number = index + 1;
            // The version first: what a later one calls its fields is not for this program to judge.
            let version = serde_json::from_slice::<Versioned>(line).map_or(VERSION, |versioned| versioned.labtrail);
            if !VERSIONS_READ.contains(&version) {
                return Err(BatchError::Version { line: line_number, version });
            }
            let envelope: Envelope =
                serde_json::from_slice(line).map_err(|source| BatchError::Envelope { line: line_number, source })?;
            batches.push(Batch { envelope, lines: Vec::new() });
        } else if !line.is_empty() {
            batches.last_mut().ok_or(BatchError::NoEnvelope)?.lines.push(line);
        }
    }
    if batches.is_empty() { Err(BatchError::NoEnvelope) } else { Ok(batches) }
}

fn lines(body: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = body;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let end = memchr::memchr(b'\n', rest);
        let line = &rest[..end.unwrap_or(rest.len())];
        rest = end.map_or(&[][..], |end| &rest[end + 1..]);
        Some(line)
    })
}
