//! `set`, `remove` and `rename`: what changes single fields of an event.

use labtrail_shared::selector::read_table;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::{Map, Value};
use thiserror::Error;

use super::{
    Counts,
    path::{EventPath, PathError},
    slot::Slot,
    template::{Template, TemplateError},
};

/// Why an edit was refused.
#[derive(Debug, Error)]
pub(crate) enum EditError {
    /// A path that is none, or must not be changed.
    #[error(transparent)]
    Path(#[from] PathError),
    /// A text with wrong braces.
    #[error("{path}: {source}")]
    Template {
        /// Where it was to be put.
        path: String,
        /// What is wrong with it.
        source: TemplateError,
    },
    /// A value that an event cannot have there.
    #[error("{path} must be {needs}, not {found}")]
    Value {
        /// The path.
        path: String,
        /// What can stand there.
        needs: &'static str,
        /// What was written.
        found: Value,
    },
    /// Without quotes TOML makes tables of the names.
    #[error("`{0}` is set as a whole: put the path in quotes, as in \"{0}.{1}\" = ...")]
    Unquoted(String, String),
    /// A new name that is no text.
    #[error("`{0}` must be given its new path as a text: put both paths in quotes, \"old.path\" = \"new.path\"")]
    NotAPath(String),
    /// Two edits in one table whose order would matter, and a table has none.
    #[error("`{0}` and `{1}` lead to the same place, and a table has no order: make two transforms of them")]
    Overlap(String, String),
    /// Nothing to do.
    #[error("it is empty: name at least one path")]
    Empty,
}

/// `set`: paths and their new values, which are all made before the first of them is put.
#[derive(Debug, Clone)]
pub(super) struct Set {
    written: Map<String, Value>,
    values: Vec<(EventPath, Slot, Template)>,
}

impl Set {
    fn new(written: Map<String, Value>) -> Result<Self, EditError> {
        let mut values = Vec::new();
        for (key, value) in &written {
            if let ("event_data" | "source", Value::Object(fields)) = (key.as_str(), value) {
                let name = fields.keys().next().cloned().unwrap_or_default();
                return Err(EditError::Unquoted(key.clone(), name));
            }
            let path = EventPath::parse(key)?.for_change()?;
            let slot = Slot::of(&path);
            let template = Template::new(value).map_err(|source| EditError::Template { path: key.clone(), source })?;
            let template = match template {
                Template::Constant(value) => Template::Constant(fit(&path, slot, value)?),
                depending if slot == Slot::Nothing => {
                    return Err(unfit(&path, slot, depending.render(&Value::Null)));
                }
                depending => depending,
            };
            values.push((path, slot, template));
        }
        // The order in which TOML reads a table is not the one it was written in.
        values.sort_by(|(left, ..), (right, ..)| left.cmp(right));
        let paths: Vec<&EventPath> = values.iter().map(|(path, ..)| path).collect();
        refuse_overlap(&paths)?;
        Ok(Self { written, values })
    }

    /// Sets what can be set; says whether anything changed.
    pub(super) fn apply(&self, event: &mut Value, counts: &mut Counts) -> bool {
        let mut is_changed = false;
        let mut put = |path: &EventPath, slot: Slot, value: Value, event: &mut Value| {
            let Ok(value) = slot.fit(value) else { return counts.obstructed += 1 };
            if path.get(event) == Some(&value) {
                return;
            }
            match path.put(event, value) {
                Ok(_) => is_changed = true,
                Err(_) => counts.obstructed += 1,
            }
        };
        if let [(path, slot, template)] = self.values.as_slice() {
            put(path, *slot, template.render(event), event);
        } else {
            let values: Vec<Value> = self.values.iter().map(|(.., template)| template.render(event)).collect();
            for ((path, slot, _), value) in self.values.iter().zip(values) {
                put(path, *slot, value, event);
            }
        }
        is_changed
    }
}

/// `remove`: paths that are taken out of the event.
#[derive(Debug, Clone)]
pub(super) struct Remove {
    paths: Vec<EventPath>,
}

impl Remove {
    fn new(paths: Vec<EventPath>) -> Result<Self, EditError> {
        if paths.is_empty() {
            return Err(EditError::Empty);
        }
        let paths = paths.into_iter().map(EventPath::for_change).collect::<Result<_, _>>()?;
        Ok(Self { paths })
    }

    /// Removes what is there; says whether anything was.
    pub(super) fn apply(&self, event: &mut Value) -> bool {
        self.paths.iter().fold(false, |is_changed, path| path.remove(event) | is_changed)
    }
}

/// `rename`: fields that move to another path.
#[derive(Debug, Clone)]
pub(super) struct Rename {
    moves: Vec<(EventPath, EventPath, Slot)>,
}

impl Rename {
    fn new(written: &Map<String, Value>) -> Result<Self, EditError> {
        let mut moves = Vec::new();
        for (from, to) in written {
            let to = to.as_str().ok_or_else(|| EditError::NotAPath(from.clone()))?;
            let from = EventPath::parse(from)?.for_change()?;
            let to = EventPath::parse(to)?.for_change()?;
            let slot = Slot::of(&to);
            if slot == Slot::Nothing {
                return Err(unfit(&to, slot, Value::from(from.to_string())));
            }
            if from == to {
                return Err(EditError::Overlap(from.to_string(), to.to_string()));
            }
            moves.push((from, to, slot));
        }
        let mut paths: Vec<&EventPath> = Vec::new();
        for (from, to, _) in &moves {
            paths.push(from);
            // A field may move into or out of itself: `a` to `a.name`.
            if !from.overlaps(to) {
                paths.push(to);
            }
        }
        refuse_overlap(&paths)?;
        moves.sort_by(|(left, ..), (right, ..)| left.cmp(right));
        if moves.is_empty() { Err(EditError::Empty) } else { Ok(Self { moves }) }
    }

    /// Moves what can be moved; what cannot stays where it was. Says whether anything changed.
    pub(super) fn apply(&self, event: &mut Value, counts: &mut Counts) -> bool {
        let mut is_changed = false;
        for (from, to, slot) in &self.moves {
            let Some(value) = from.take(event) else { continue };
            let put = match slot.fit(value) {
                Ok(value) => to.put(event, value),
                Err(value) => Err(value),
            };
            match put {
                Ok(old) => {
                    is_changed = true;
                    counts.overwritten += u64::from(old.is_some());
                }
                Err(value) => {
                    counts.obstructed += 1;
                    from.put(event, value).expect("it was taken from there, and nothing has changed since");
                }
            }
        }
        is_changed
    }
}

fn fit(path: &EventPath, slot: Slot, value: Value) -> Result<Value, EditError> {
    slot.fit(value).map_err(|value| unfit(path, slot, value))
}

fn unfit(path: &EventPath, slot: Slot, found: Value) -> EditError {
    EditError::Value { path: path.to_string(), needs: slot.needs(), found }
}

fn refuse_overlap(paths: &[&EventPath]) -> Result<(), EditError> {
    if paths.is_empty() {
        return Err(EditError::Empty);
    }
    for (index, path) in paths.iter().enumerate() {
        if let Some(other) = paths[..index].iter().find(|other| other.overlaps(path)) {
            return Err(EditError::Overlap(other.to_string(), path.to_string()));
        }
    }
    Ok(())
}

impl Serialize for Set {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.written.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Set {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::new(read_table(deserializer)?).map_err(serde::de::Error::custom)
    }
}

impl Serialize for Remove {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.paths.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Remove {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::new(Vec::deserialize(deserializer)?).map_err(serde::de::Error::custom)
    }
}

impl Serialize for Rename {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.moves.iter().map(|(from, to, _)| (from, to)))
    }
}

impl<'de> Deserialize<'de> for Rename {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::new(&read_table(deserializer)?).map_err(serde::de::Error::custom)
    }
}
