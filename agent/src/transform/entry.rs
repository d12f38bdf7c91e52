//! One transform as it stands in the list: a verb, perhaps a name, perhaps a condition.

use labtrail_shared::selector::Selector;
use serde::{Deserialize, Serialize, Serializer, ser::SerializeMap as _};
use thiserror::Error;

use super::{
    edit::{Remove, Rename, Set},
    redact::Redact,
    repeat::Deduplicate,
    sample::Sample,
    throttle::Throttle,
};

/// All verbs, for messages.
const VERBS: &str = "keep, drop, set, remove, rename, redact, throttle, sample, deduplicate";

/// Why a table of the list was refused.
#[derive(Debug, Error)]
pub(crate) enum EntryError {
    /// It says not what to do.
    #[error("a transform without a verb: give it one of {VERBS}")]
    NoVerb,
    /// It says two things, of which nobody knows which comes first.
    #[error("a transform with two verbs, `{0}` and `{1}`: make two of them, in the order in which they are to work")]
    TwoVerbs(&'static str, &'static str),
    /// A name that metrics cannot show.
    #[error("the name of a transform is empty: leave it out, or write one")]
    EmptyName,
}

/// One transform.
#[derive(Debug, Clone, Deserialize)]
#[serde(try_from = "Entry")]
pub(super) struct Transform {
    /// How metrics call it, if not by its place and verb.
    pub(super) name: Option<String>,
    /// It looks at such events only; others pass.
    pub(super) when: Option<Selector>,
    pub(super) verb: Verb,
}

/// What a transform does.
#[derive(Debug, Clone)]
pub(super) enum Verb {
    Keep(Selector),
    Drop(Selector),
    Set(Set),
    Remove(Remove),
    Rename(Rename),
    Redact(Redact),
    Throttle(Throttle),
    Sample(Sample),
    Deduplicate(Deduplicate),
}

/// The keys of the table.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    /// What metrics call it. Default: its place in the list and its verb, such as `2:throttle`.
    name: Option<String>,
    /// A selector: events that do not match pass this transform as they are. Default: all are looked at.
    when: Option<Selector>,
    /// A selector: events that do not match are dropped.
    keep: Option<Selector>,
    /// A selector: events that match are dropped.
    drop: Option<Selector>,
    /// Paths and values.
    set: Option<Set>,
    /// Paths.
    remove: Option<Remove>,
    /// Old and new paths.
    rename: Option<Rename>,
    /// What to hide.
    redact: Option<Redact>,
    /// How many of a kind.
    throttle: Option<Throttle>,
    /// One in how many.
    sample: Option<Sample>,
    /// Which repeats.
    deduplicate: Option<Deduplicate>,
}

impl TryFrom<Entry> for Transform {
    type Error = EntryError;

    fn try_from(entry: Entry) -> Result<Self, EntryError> {
        let verbs = [
            entry.keep.map(Verb::Keep),
            entry.drop.map(Verb::Drop),
            entry.set.map(Verb::Set),
            entry.remove.map(Verb::Remove),
            entry.rename.map(Verb::Rename),
            entry.redact.map(Verb::Redact),
            entry.throttle.map(Verb::Throttle),
            entry.sample.map(Verb::Sample),
            entry.deduplicate.map(Verb::Deduplicate),
        ];
        let mut verbs = verbs.into_iter().flatten();
        let verb = verbs.next().ok_or(EntryError::NoVerb)?;
        if let Some(second) = verbs.next() {
            return Err(EntryError::TwoVerbs(verb.name(), second.name()));
        }
        if entry.name.as_deref().is_some_and(|name| name.trim().is_empty()) {
            return Err(EntryError::EmptyName);
        }
        Ok(Self { name: entry.name, when: entry.when, verb })
    }
}

impl Verb {
    /// The key under which it stands.
    pub(super) fn name(&self) -> &'static str {
        match self {
            Self::Keep(_) => "keep",
            Self::Drop(_) => "drop",
            Self::Set(_) => "set",
            Self::Remove(_) => "remove",
            Self::Rename(_) => "rename",
            Self::Redact(_) => "redact",
            Self::Throttle(_) => "throttle",
            Self::Sample(_) => "sample",
            Self::Deduplicate(_) => "deduplicate",
        }
    }
}

impl Serialize for Transform {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut table = serializer.serialize_map(None)?;
        if let Some(name) = &self.name {
            table.serialize_entry("name", name)?;
        }
        match &self.verb {
            Verb::Keep(selector) => table.serialize_entry("keep", selector),
            Verb::Drop(selector) => table.serialize_entry("drop", selector),
            Verb::Set(set) => table.serialize_entry("set", set),
            Verb::Remove(remove) => table.serialize_entry("remove", remove),
            Verb::Rename(rename) => table.serialize_entry("rename", rename),
            Verb::Redact(redact) => table.serialize_entry("redact", redact),
            Verb::Throttle(throttle) => table.serialize_entry("throttle", throttle),
            Verb::Sample(sample) => table.serialize_entry("sample", sample),
            Verb::Deduplicate(deduplicate) => table.serialize_entry("deduplicate", deduplicate),
        }?;
        if let Some(when) = &self.when {
            table.serialize_entry("when", when)?;
        }
        table.end()
    }
}
