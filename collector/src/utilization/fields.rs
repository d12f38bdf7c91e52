//! Where an event says whom it is about. Its data may be anything; what is not an object says nothing.

use std::borrow::Cow;

use serde_json::{Map, Value};

use super::python::{is_truthy, text_of};

/// The fields of an event that reports look at.
#[derive(Clone, Copy)]
pub(super) struct Fields<'a> {
    source: Option<&'a Map<String, Value>>,
    data: Option<&'a Map<String, Value>>,
}

impl<'a> Fields<'a> {
    pub(super) fn of(event: &'a Value) -> Self {
        let object = |key| event.get(key).and_then(Value::as_object);
        Self { source: object("source"), data: object("event_data") }
    }

    /// One of the ids in `source`.
    pub(super) fn source(self, key: &str) -> Option<&'a str> {
        self.source?.get(key)?.as_str().filter(|id| !id.is_empty())
    }

    /// A value in `event_data`, if it counts as something.
    pub(super) fn data(self, key: &str) -> Option<&'a Value> {
        self.data?.get(key).filter(|value| is_truthy(value))
    }

    /// A value in `event_data`, whatever it is.
    pub(super) fn any_data(self, key: &str) -> Option<&'a Value> {
        self.data?.get(key)
    }

    /// A text in `event_data` that is not empty.
    pub(super) fn text(self, key: &str) -> Option<&'a str> {
        self.data(key)?.as_str()
    }

    /// The first of these keys of `event_data` that holds something, as text.
    pub(super) fn first_text(self, keys: &[&str]) -> Option<Cow<'a, str>> {
        keys.iter().find_map(|key| self.data(key)).map(text_of)
    }

    /// The id of the lab or workcell that a session is of.
    pub(super) fn session_id(self) -> Option<Cow<'a, str>> {
        let id = self.source("workcell_id").or_else(|| self.source("manager_id"));
        id.map(Cow::from).or_else(|| self.first_text(&["workcell_id"]))
    }

    pub(super) fn node_id(self) -> Option<Cow<'a, str>> {
        let id = self.source("node_id").or_else(|| self.source("workcell_id"));
        id.map(Cow::from).or_else(|| self.first_text(&["node_id", "node_name", "node"]))
    }

    pub(super) fn experiment_id(self) -> Option<Cow<'a, str>> {
        let nested = || {
            let experiment = self.data("experiment")?.as_object()?;
            ["experiment_id", "_id"].iter().find_map(|key| experiment.get(*key).filter(|value| is_truthy(value)))
        };
        let id = self.source("experiment_id").map(Cow::from);
        id.or_else(|| self.first_text(&["experiment_id"])).or_else(|| nested().map(text_of))
    }

    pub(super) fn action_id(self) -> Option<Cow<'a, str>> {
        self.first_text(&["action_id", "action", "task_id", "_id", "id"])
    }

    /// A text within an object within `event_data`, if it is not blank: `experiment.experiment_design.experiment_name`.
    pub(super) fn name_at(self, path: &[&str]) -> Option<&'a str> {
        let (first, rest) = path.split_first()?;
        let value = rest.iter().try_fold(self.data?.get(*first)?, |value, key| value.get(key))?;
        value.as_str().map(str::trim).filter(|name| !name.is_empty())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::Fields;

    fn check(source: &Value, data: &Value, expected: [Option<&str>; 4]) {
        let event = json!({"source": source, "event_data": data});
        let fields = Fields::of(&event);
        let found = [fields.session_id(), fields.node_id(), fields.experiment_id(), fields.action_id()];
        assert_eq!(found.each_ref().map(|id| id.as_deref()), expected, "{event}");
    }

    #[test]
    fn ids_are_looked_for_in_this_order() {
        check(&json!({}), &json!({}), [None; 4]);
        check(
            &json!({"workcell_id": "W", "manager_id": "M"}),
            &json!({"node": "n"}),
            [Some("W"), Some("W"), None, None],
        );
        check(&json!({"manager_id": "M", "node_id": "N"}), &json!({}), [Some("M"), Some("N"), None, None]);
        check(&json!({}), &json!({"workcell_id": "W", "node": "n"}), [Some("W"), Some("n"), None, None]);
        check(&json!({}), &json!({"node_id": "", "node_name": 0, "node": 7}), [None, Some("7"), None, None]);
        check(&json!({"experiment_id": "E"}), &json!({"experiment_id": "e"}), [None, None, Some("E"), None]);
        check(&json!({}), &json!({"experiment": {"_id": "e"}, "id": "a"}), [None, None, Some("e"), Some("a")]);
        check(&json!({}), &json!({"experiment": {"experiment_id": 5, "_id": "e"}}), [None, None, Some("5"), None]);
        check(&json!({}), &json!({"experiment": "e", "action": {"b": 1}}), [None, None, None, Some("{'b': 1}")]);
    }

    #[test]
    fn data_may_be_anything() {
        for data in [json!(null), json!("text"), json!(7), json!(["node_id"])] {
            check(&json!({}), &data, [None; 4]);
        }
        check(&json!(null), &json!({"node": "n"}), [None, Some("n"), None, None]);
    }
}
