//! A dotted path into an event, checked when it is read, and the ways to reach what is there.
//!
//! Names are parted by dots, so that a key with a dot in it cannot be named. At an array a number is a place in it;
//! what hides or removes also looks into each of its elements.

use std::fmt;

use labtrail_shared::{event::FIELDS, source};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use thiserror::Error;

/// Why a text is no path, or not one for this purpose.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub(crate) enum PathError {
    /// An empty name, or none.
    #[error("{0:?} is not a path: write names with single dots between them, such as event_data.fields.user")]
    EmptyName(String),
    /// It leads nowhere in an event.
    #[error(
        "{0:?} is not in an event: begin with one of event_data, source, event_type, log_level, event_timestamp, alert, \
         trace_id, span_id; what was parsed is under event_data.fields"
    )]
    NotOfAnEvent(String),
    /// An id that `source` does not have.
    #[error("{path:?} is not in an event: source has {}", source::KEYS.join(", "))]
    NotOfASource {
        /// The path.
        path: String,
    },
    /// It leads to the id.
    #[error("{0:?} cannot be changed: by the id of an event a repeat is known")]
    Id(String),
}

/// A path that leads into an event.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub(super) struct EventPath {
    names: Vec<Name>,
}

/// One name on the way.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Name {
    text: String,
    index: Option<usize>,
}

impl TryFrom<String> for EventPath {
    type Error = PathError;

    fn try_from(text: String) -> Result<Self, PathError> {
        Self::parse(&text)
    }
}

impl From<EventPath> for String {
    fn from(path: EventPath) -> Self {
        path.to_string()
    }
}

impl fmt::Display for EventPath {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, name) in self.names.iter().enumerate() {
            write!(formatter, "{}{}", if number == 0 { "" } else { "." }, name.text)?;
        }
        Ok(())
    }
}

impl EventPath {
    pub(super) fn parse(text: &str) -> Result<Self, PathError> {
        let names: Vec<Name> = text.split('.').map(Name::new).collect();
        if names.iter().any(|name| name.text.is_empty()) {
            return Err(PathError::EmptyName(text.to_owned()));
        }
        let name = names[0].text.as_str();
        // What stands elsewhere is dropped by every reader of events.
        if name != "event_id" && !FIELDS.contains(&name) {
            return Err(PathError::NotOfAnEvent(text.to_owned()));
        }
        if name == "source" && names.get(1).is_some_and(|name| !source::KEYS.contains(&name.text.as_str())) {
            return Err(PathError::NotOfASource { path: text.to_owned() });
        }
        Ok(Self { names })
    }

    /// The same path, unless it leads to the id of the event.
    pub(super) fn for_change(self) -> Result<Self, PathError> {
        if matches!(self.first(), "_id" | "event_id") { Err(PathError::Id(self.to_string())) } else { Ok(self) }
    }

    /// The key of the event at which the path begins.
    pub(super) fn first(&self) -> &str {
        &self.names[0].text
    }

    /// The name at which it ends.
    pub(super) fn last(&self) -> &str {
        &self.names[self.names.len() - 1].text
    }

    /// How many names it has.
    pub(super) fn len(&self) -> usize {
        self.names.len()
    }

    /// Whether one of the two leads to the other, or both to the same place.
    pub(super) fn overlaps(&self, other: &Self) -> bool {
        self.names.iter().zip(&other.names).all(|(own, other)| own == other)
    }

    /// What is there.
    pub(super) fn get<'v>(&self, event: &'v Value) -> Option<&'v Value> {
        self.names.iter().try_fold(event, |container, name| match container {
            Value::Object(fields) => fields.get(&name.text),
            Value::Array(items) => items.get(name.index?),
            _ => None,
        })
    }

    /// Puts a value there, making the objects on the way; a null counts as nothing. Gives back what stood there before,
    /// or the new value itself if something that is no object is in its way: then nothing is changed.
    pub(super) fn put(&self, event: &mut Value, value: Value) -> Result<Option<Value>, Value> {
        let mut place = event;
        for name in &self.names {
            if place.is_null() {
                *place = Value::Object(Map::new());
            }
            place = match place {
                Value::Object(fields) => fields.entry(name.text.as_str()).or_insert(Value::Null),
                Value::Array(items) => match name.index.and_then(|index| items.get_mut(index)) {
                    Some(item) => item,
                    None => return Err(value),
                },
                _ => return Err(value),
            };
        }
        let old = std::mem::replace(place, value);
        Ok((!old.is_null()).then_some(old))
    }

    /// Takes a field out of the object in which it is.
    pub(super) fn take(&self, event: &mut Value) -> Option<Value> {
        let (last, parents) = self.names.split_last()?;
        let mut place = event;
        for name in parents {
            place = match place {
                Value::Object(fields) => fields.get_mut(&name.text)?,
                Value::Array(items) => items.get_mut(name.index?)?,
                _ => return None,
            };
        }
        place.as_object_mut()?.shift_remove(&last.text)
    }

    /// Removes everything the path leads to, also in each element of an array on the way; says whether there was any.
    pub(super) fn remove(&self, event: &mut Value) -> bool {
        remove(event, &self.names)
    }

    /// Shows `found` everything the path leads to, also in each element of an array on the way.
    pub(super) fn each_mut(&self, event: &mut Value, found: &mut impl FnMut(&mut Value)) {
        each_mut(event, &self.names, found);
    }
}

impl Name {
    fn new(text: &str) -> Self {
        let is_usual = text == "0" || (!text.starts_with('0') && text.bytes().all(|byte| byte.is_ascii_digit()));
        Self { text: text.to_owned(), index: if is_usual { text.parse().ok() } else { None } }
    }
}

fn remove(container: &mut Value, names: &[Name]) -> bool {
    let Some((name, rest)) = names.split_first() else { return false };
    match container {
        Value::Object(fields) if rest.is_empty() => fields.shift_remove(&name.text).is_some(),
        Value::Object(fields) => fields.get_mut(&name.text).is_some_and(|value| remove(value, rest)),
        Value::Array(items) => {
            let mut is_removed = false;
            for item in items.iter_mut().filter(|item| item.is_object()) {
                is_removed |= remove(item, names);
            }
            match name.index.filter(|index| *index < items.len()) {
                Some(index) if rest.is_empty() => {
                    items.remove(index);
                    true
                }
                Some(index) => remove(&mut items[index], rest) || is_removed,
                None => is_removed,
            }
        }
        _ => false,
    }
}

fn each_mut(value: &mut Value, names: &[Name], found: &mut impl FnMut(&mut Value)) {
    let Some((name, rest)) = names.split_first() else { return found(value) };
    match value {
        Value::Object(fields) => {
            if let Some(value) = fields.get_mut(&name.text) {
                each_mut(value, rest, found);
            }
        }
        Value::Array(items) => {
            for (index, item) in items.iter_mut().enumerate() {
                if item.is_object() {
                    each_mut(item, names, found);
                }
                if name.index == Some(index) {
                    each_mut(item, rest, found);
                }
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::EventPath;

    fn path(text: &str) -> EventPath {
        EventPath::parse(text).expect("a path")
    }

    #[test]
    fn values_are_put_where_there_is_room() {
        let check = |event: Value, at: &str, expected: Option<Value>| {
            let mut changed = event.clone();
            let put = path(at).put(&mut changed, json!(7));
            assert_eq!(changed, expected.clone().unwrap_or(event), "{at}");
            assert_eq!(put.is_ok(), expected.is_some(), "{at}");
        };
        check(json!({}), "event_data.a.b", Some(json!({"event_data": {"a": {"b": 7}}})));
        check(json!({"event_data": null}), "event_data.a", Some(json!({"event_data": {"a": 7}})));
        check(json!({"event_data": {"a": 1}}), "event_data.a", Some(json!({"event_data": {"a": 7}})));
        check(json!({"event_data": "text"}), "event_data.a", None);
        check(json!({"event_data": [1, 2]}), "event_data.1", Some(json!({"event_data": [1, 7]})));
        check(json!({"event_data": [1, 2]}), "event_data.2", None);
        check(json!({"event_data": [1, 2]}), "event_data.a", None);
        check(json!([]), "event_data", None);
    }

    #[test]
    fn what_is_removed_is_removed_from_every_element() {
        let check = |event: Value, at: &str, expected: Value| {
            let mut changed = event.clone();
            assert_eq!(path(at).remove(&mut changed), changed != event, "{at}");
            assert_eq!(changed, expected, "{at}");
        };
        let users = json!({"event_data": {"users": [{"name": "a", "id": 1}, {"name": "b"}, 3]}});
        check(users.clone(), "event_data.users.name", json!({"event_data": {"users": [{"id": 1}, {}, 3]}}));
        check(
            users.clone(),
            "event_data.users.0.name",
            json!({"event_data": {"users": [{"id": 1}, {"name": "b"}, 3]}}),
        );
        check(users.clone(), "event_data.users.0", json!({"event_data": {"users": [{"name": "b"}, 3]}}));
        check(users.clone(), "event_data.users.9", users.clone());
        check(users.clone(), "event_data.other.name", users);
    }

    #[test]
    fn wrong_paths_are_explained() {
        let check = |text: &str, expected: &str| {
            let error = EventPath::parse(text).and_then(EventPath::for_change).expect_err(text).to_string();
            assert!(error.contains(expected), "{error}");
        };
        check("", "is not a path: write names with single dots");
        check("event_data..x", "\"event_data..x\" is not a path");
        check("labels.room", "begin with one of event_data,");
        check("source.pc", "source has user_id, experiment_id,");
        check("_id", "\"_id\" cannot be changed");
        check("event_id.x", "\"event_id.x\" cannot be changed");
    }
}
