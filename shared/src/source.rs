//! Who an event belongs to: MADSci's ownership information, ten ids in MADSci's order.

use serde_json::{Map, Value};

use crate::event_id::is_ulid;

/// The keys of an event's `source`, in the order in which MADSci stores them.
pub const KEYS: [&str; 10] = [
    "user_id",
    "experiment_id",
    "campaign_id",
    "project_id",
    "node_id",
    "workcell_id",
    "lab_id",
    "step_id",
    "workflow_id",
    "manager_id",
];

/// The same, as fields of the event.
const FIELDS: [&str; 10] = [
    "source.user_id",
    "source.experiment_id",
    "source.campaign_id",
    "source.project_id",
    "source.node_id",
    "source.workcell_id",
    "source.lab_id",
    "source.step_id",
    "source.workflow_id",
    "source.manager_id",
];

/// The ids that are set, each a ULID, in MADSci's order.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Source(Map<String, Value>);

/// An id in `source` that is not a ULID.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{field} must be a ULID (26 characters of Crockford's base 32 in upper case), not {found}")]
pub struct SourceError {
    /// The field, such as `source.node_id`.
    pub field: &'static str,
    /// What stood there, as JSON.
    pub found: String,
}

impl Source {
    /// Reads a JSON object: unknown keys and nulls are dropped, every other value must be a ULID.
    pub fn from_object(object: &Map<String, Value>) -> Result<Self, SourceError> {
        let (source, wrong) = Self::read(object);
        match wrong.first() {
            None => Ok(source),
            Some((field, found)) => Err(SourceError { field, found: found.to_string() }),
        }
    }

    /// Reads what can be read, and says of the rest which field it is (such as `source.node_id`) and what stands there.
    pub fn read(object: &Map<String, Value>) -> (Self, Vec<(&'static str, &Value)>) {
        let (mut ids, mut wrong) = (Map::new(), Vec::new());
        for (key, field) in KEYS.into_iter().zip(FIELDS) {
            match object.get(key) {
                None | Some(Value::Null) => {}
                Some(Value::String(id)) if is_ulid(id) => {
                    ids.insert(key.to_owned(), Value::from(id.as_str()));
                }
                Some(other) => wrong.push((field, other)),
            }
        }
        (Self(ids), wrong)
    }

    /// A source of which only the manager is known, as MADSci fills it in when a sender gives none.
    pub fn of_manager(manager_id: &str) -> Self {
        Self(Map::from_iter([("manager_id".to_owned(), Value::from(manager_id))]))
    }

    /// One of the ids.
    pub fn get(&self, key: &str) -> Option<&str> {
        self.0.get(key).and_then(Value::as_str)
    }

    /// The id of the instrument (MADSci: node).
    pub fn node_id(&self) -> Option<&str> {
        self.get("node_id")
    }

    /// The ids as a JSON object.
    pub fn as_object(&self) -> &Map<String, Value> {
        &self.0
    }
}

impl serde::Serialize for Source {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}

impl<'de> serde::Deserialize<'de> for Source {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::from_object(&Map::deserialize(deserializer)?).map_err(serde::de::Error::custom)
    }
}
