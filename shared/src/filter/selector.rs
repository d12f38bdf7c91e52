//! Reads a selector into a [`Condition`]: what stands at its top level and in `$and`, `$or`, `$nor` and `$elemMatch`.

use std::fmt;

use serde_json::Value;
use thiserror::Error;

use super::condition::Condition;
use super::operators;
use super::path::Path;
use super::pattern::PatternError;

/// Deeper nesting than this is refused, in what is asked and in the values compared with, so that reading and matching
/// need a bounded stack.
const DEPTH_MAX: usize = 64;

/// A path through arrays of objects with numbers for names can fork at each name. The limit keeps this bearable and is
/// far above what events have.
const PATH_NAMES_MAX: usize = 32;

/// Why a selector was refused. Places are JSON pointers into the selector.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum FilterError {
    /// The text is not JSON.
    #[error("the filter is not JSON: {0}")]
    Json(String),
    /// No such operator, or not in this place.
    #[error("unknown operator `{operator}` at `{place}`")]
    UnknownOperator {
        /// The operator, with its dollar sign.
        operator: String,
        /// Where it stands.
        place: String,
    },
    /// An operator that a filter will never have.
    #[error("operator `{operator}` at `{place}` is refused: {reason}")]
    Refused {
        /// The operator, with its dollar sign.
        operator: String,
        /// Where it stands.
        place: String,
        /// Why it is refused.
        reason: &'static str,
    },
    /// An operator got an argument it cannot work with.
    #[error("`{operator}` at `{place}` needs {needs}")]
    Argument {
        /// The operator, with its dollar sign.
        operator: String,
        /// Where the operator or, if that says more, the bad part of its argument stands.
        place: String,
        /// What the operator needs.
        needs: &'static str,
    },
    /// A value that no event can hold or that is not written as it must be.
    #[error("value `{name}` at `{place}`: {reason}")]
    Value {
        /// The key that marks the kind of value, for instance `$date`.
        name: String,
        /// Where it stands.
        place: String,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// A selector must be an object.
    #[error("`{place}` must be an object with a selector")]
    NotASelector {
        /// Where the other value stands.
        place: String,
    },
    /// A regular expression cannot be used.
    #[error("pattern at `{place}`: {reason}")]
    Pattern {
        /// Where it stands.
        place: String,
        /// What is wrong with it.
        reason: PatternError,
    },
    /// The nesting never seemed to end.
    #[error("the filter is nested deeper than {DEPTH_MAX} levels at `{place}`")]
    Depth {
        /// Where the limit was reached.
        place: String,
    },
    /// A path is too long.
    #[error("the path at `{place}` has more than {PATH_NAMES_MAX} names")]
    PathLength {
        /// Where it stands.
        place: String,
    },
}

/// Where the reader is, as a list on its own stack that leads back to the root.
pub(super) struct Place<'p> {
    parent: Option<&'p Place<'p>>,
    name: Name<'p>,
    depth: usize,
}

enum Name<'p> {
    Key(&'p str),
    Index(usize),
}

impl<'p> Place<'p> {
    fn root() -> Self {
        Self { parent: None, name: Name::Key(""), depth: 0 }
    }

    pub(super) fn key(&'p self, key: &'p str) -> Result<Place<'p>, FilterError> {
        self.below(Name::Key(key))
    }

    pub(super) fn index(&'p self, index: usize) -> Result<Place<'p>, FilterError> {
        self.below(Name::Index(index))
    }

    fn below(&'p self, name: Name<'p>) -> Result<Place<'p>, FilterError> {
        let place = Place { parent: Some(self), name, depth: self.depth + 1 };
        if place.depth > DEPTH_MAX { Err(FilterError::Depth { place: self.to_string() }) } else { Ok(place) }
    }

    pub(super) fn argument(&self, operator: &str, needs: &'static str) -> FilterError {
        FilterError::Argument { operator: operator.to_owned(), place: self.to_string(), needs }
    }

    pub(super) fn unknown(&self, operator: &str) -> FilterError {
        let (operator, place) = (operator.to_owned(), self.to_string());
        match refusal(&operator) {
            Some(reason) => FilterError::Refused { operator, place, reason },
            None => FilterError::UnknownOperator { operator, place },
        }
    }
}

impl fmt::Display for Place<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(parent) = self.parent else { return Ok(()) };
        parent.fmt(formatter)?;
        match self.name {
            Name::Key(key) => write!(formatter, "/{}", key.replace('~', "~0").replace('/', "~1")),
            Name::Index(index) => write!(formatter, "/{index}"),
        }
    }
}

/// The operators of `MongoDB` that are known and will not be had.
fn refusal(operator: &str) -> Option<&'static str> {
    match operator {
        "$where" | "$function" | "$accumulator" | "$expr" => Some("a filter runs no code"),
        "$text" | "$near" | "$nearSphere" | "$geoWithin" | "$geoIntersects" | "$within" => {
            Some("it needs an index that events do not have")
        }
        "$jsonSchema" | "$sampleRate" | "$bitsAllClear" | "$bitsAllSet" | "$bitsAnyClear" | "$bitsAnySet" => {
            Some("it is not part of the filter language")
        }
        _ => None,
    }
}

pub(super) fn read(selector: &Value) -> Result<Condition, FilterError> {
    read_selector(selector, &Place::root())
}

pub(super) fn read_selector(selector: &Value, place: &Place<'_>) -> Result<Condition, FilterError> {
    let Value::Object(entries) = selector else { return Err(FilterError::NotASelector { place: place.to_string() }) };
    let mut conditions = Vec::with_capacity(entries.len());
    for (key, value) in entries {
        let here = place.key(key)?;
        let condition = match key.as_str() {
            "$and" => Condition::and(read_clauses(key, value, &here)?),
            "$or" => Condition::Or(read_clauses(key, value, &here)?),
            "$nor" => Condition::Nor(read_clauses(key, value, &here)?),
            "$comment" => continue,
            operator if operator.starts_with('$') => return Err(here.unknown(operator)),
            dotted => Condition::Field(read_path(dotted, &here)?, operators::read_predicate(value, &here)?),
        };
        conditions.push(condition);
    }
    Ok(Condition::and(conditions))
}

fn read_clauses(operator: &str, clauses: &Value, place: &Place<'_>) -> Result<Vec<Condition>, FilterError> {
    let clauses = clauses.as_array().filter(|clauses| !clauses.is_empty());
    let Some(clauses) = clauses else { return Err(place.argument(operator, "an array of at least one selector")) };
    clauses.iter().enumerate().map(|(index, clause)| read_selector(clause, &place.index(index)?)).collect()
}

fn read_path(dotted: &str, place: &Place<'_>) -> Result<Path, FilterError> {
    let path = Path::new(dotted);
    if path.segments().len() > PATH_NAMES_MAX {
        return Err(FilterError::PathLength { place: place.to_string() });
    }
    Ok(path)
}
