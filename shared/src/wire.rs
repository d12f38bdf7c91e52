//! How events travel from an agent to a collector: batches of one source each, version 2.
//!
//! A batch is NDJSON. Its first line is the [`Envelope`]: what the events share, said once. Each further line is one
//! event with only what is its own, numbers as differences to the line before, because on small records the
//! compressor has more to do than everything else. An HTTP body may carry several batches one behind the other; a
//! line whose first key is `labtrail` begins the next.
//!
//! | key | meaning | absent means |
//! |---|---|---|
//! | `o` | byte offset of the record, minus that of the line before (first line: minus the envelope's) | refused |
//! | `t` | wall-clock time the record states, in microseconds, minus the last stated one (or the envelope's, or 0) | none stated: inherited from the last, else observed |
//! | `z` | UTC offset in seconds of the stated times from here on; `null`: they state none | as before |
//! | `l` | level that the record states: 10, 20, ... | none stated |
//! | `v` | level as the record writes it | the name of `l` |
//! | `m` | text of the record, verbatim | |
//! | `j` | the record is this JSON object, verbatim; `k` names its message key | |
//! | `e` | the record is this whole MADSci event, verbatim, with its own id | |
//! | `h` | hash of the raw record, where the text is not the raw record | hash of the text; of `e`: of the whole event |
//! | `p` | 1: the record had no line end when it was sent; what follows later is a record of its own | complete |
//! | `c` | length of the raw record in bytes: the text is only its beginning | complete |
//! | `i` | count of invalid byte sequences that were replaced by U+FFFD | none |
//! | `f` | fields that a parser found in the text: a JSON object | none |
//! | `g` | what is odd about the record: an array of tags | nothing |
//! | `n` | what tells the record from others of its file, where its offset does not: a file that is rewritten whole | its offset |
//! | `a` | address from which the record came over the network | none |
//!
//! The last four came with version 2, and with it the envelope's `input`, `fields` and `host_facts`. A collector that knows version 1
//! only refuses such a batch and says so; it is to be updated before the agents.

mod decode;
mod encode;
mod expand;
mod split;

use std::{collections::BTreeMap, sync::Arc};

pub use decode::{Batch, BatchError, Refusal, decode};
pub use encode::{BatchEncoder, RecordBody, WireRecord};
pub use expand::{AgentEvent, Outline, expand, expand_unknown};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
pub use split::{Part, split};

use crate::{event_id::FileIdentity, source::Source};

/// The version of the batch form that this program writes.
pub const VERSION: u32 = 2;

/// The versions that this program reads.
pub const VERSIONS_READ: std::ops::RangeInclusive<u32> = 1..=VERSION;

/// The content type of a body of batches.
pub const CONTENT_TYPE: &str = "application/vnd.labtrail.batch+ndjson";

/// The first line of a batch: what its events share.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Envelope {
    /// The version of the form; must come first in the text.
    #[serde(rename = "labtrail")]
    pub version: u32,
    /// Id of the agent.
    pub agent: String,
    /// Name of the machine (`host.name`).
    pub host: String,
    /// What else is known of the machine, in the words of the Elastic Common Schema (`host.*`).
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub host_facts: Arc<Map<String, Value>>,
    /// Path of the file (`log.file.path`); empty for what came over a socket.
    pub file: String,
    /// Where it came in (`input`), for what came over a socket: `udp://0.0.0.0:514`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub input: Option<Arc<str>>,
    /// What the ids are derived from.
    pub identity: FileIdentity,
    /// Byte offset that the first line's `o` is counted from.
    pub offset: u64,
    /// The last wall-clock time that the file stated before this batch, in microseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub time: Option<i64>,
    /// The UTC offset that was stated with it, in seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub zone_offset: Option<i32>,
    /// The IANA zone in which times without an offset are read; absent: the collector's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub zone: Option<String>,
    /// When the batch was begun, in microseconds UTC: the time of records of which nothing better is known.
    pub observed: i64,
    /// Labels from the config and from the path.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: Arc<BTreeMap<String, String>>,
    /// Fields that all records share, from the header of the file.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub fields: Arc<Map<String, Value>>,
    /// MADSci's ownership ids, from the config.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<Source>,
}

#[cfg(test)]
mod tests;
