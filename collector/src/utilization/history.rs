//! What reports need to know of the events of a store, and no more: some forty bytes each, and each id once.

use serde_json::Value;

use super::{
    Window,
    fields::Fields,
    ids::{Id, IdSet, Ids},
    names::Names,
    python::text_of,
    workflow_event::WorkflowEvent,
};

/// The events that a report is made of.
///
/// Each is added once, and in the order of time (others are put into their places, which takes long if they are many).
/// An event of a type that no report is about tells only which ids are those of workcells and managers, and takes no
/// memory otherwise.
#[derive(Debug, Default)]
pub(crate) struct History {
    ids: Ids,
    moments: Vec<Moment>,
    workcells: IdSet,
    pub(super) node_names: Names,
    pub(super) experiment_names: Names,
    workcell_names: Names,
}

/// One event.
#[derive(Debug)]
pub(super) struct Moment {
    /// When it happened, in microseconds UTC.
    pub time: i64,
    /// The node it is about.
    pub node: Option<Id>,
    /// The experiment it belongs to.
    pub experiment: Option<Id>,
    /// What happened.
    pub what: Happening,
}

/// What happened.
#[derive(Debug)]
pub(super) enum Happening {
    /// A lab or workcell was started.
    SessionStart(SessionKind, Option<Id>),
    /// The labs or workcells of these ids were stopped.
    SessionStop([Option<Id>; 3]),
    NodeStart,
    NodeStop,
    ActionStart(Id),
    ActionEnd(Id),
    /// With the name that the design of the experiment has, whatever it is.
    ExperimentStart(Option<Box<Value>>),
    /// With the status, whatever it is.
    ExperimentComplete(Option<Box<Value>>),
    /// It failed, or was cancelled.
    ExperimentStop,
    Workflow(Box<WorkflowEvent>),
    /// Anything else that shows that a node is there.
    Presence,
}

/// What a session is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum SessionKind {
    Lab,
    Workcell,
}

impl History {
    /// Adds an event, given as the JSON that MADSci knows, and its time in microseconds UTC.
    pub(crate) fn add(&mut self, event: &Value, time: i64) {
        let fields = Fields::of(event);
        for key in ["workcell_id", "manager_id"] {
            if let Some(id) = fields.source(key) {
                self.workcells.insert(self.ids.of(id));
            }
        }
        let event_type = event.get("event_type").and_then(Value::as_str).unwrap_or_default();
        let Some(what) = self.read(event_type, fields) else { return };
        let node = fields.node_id().map(|id| self.ids.of(&id));
        let experiment = fields.experiment_id().map(|id| self.ids.of(&id));
        let is_last = self.moments.last().is_none_or(|last| last.time <= time);
        let at = if is_last { self.moments.len() } else { self.first_after(time) };
        self.moments.insert(at, Moment { time, node, experiment, what });
    }

    fn read(&mut self, event_type: &str, fields: Fields<'_>) -> Option<Happening> {
        let ids = &mut self.ids;
        Some(match event_type {
            "lab_start" | "workcell_start" => {
                self.workcells.extend(fields.text("workcell_id").map(|id| ids.of(id)));
                self.workcell_names.note_workcell(fields, ids);
                let kind = if event_type == "lab_start" { SessionKind::Lab } else { SessionKind::Workcell };
                Happening::SessionStart(kind, fields.session_id().map(|id| ids.of(&id)))
            }
            "lab_stop" | "workcell_stop" => {
                self.workcells.extend(fields.text("workcell_id").map(|id| ids.of(id)));
                let source = |key, ids: &mut Ids| fields.source(key).map(|id| ids.of(id));
                let (workcell, manager) = (source("workcell_id", ids), source("manager_id", ids));
                let in_data = fields.first_text(&["workcell_id"]).map(|id| ids.of(&id));
                Happening::SessionStop([workcell, manager, in_data])
            }
            "node_start" => {
                self.node_names.note_node(fields, ids);
                Happening::NodeStart
            }
            "node_stop" => Happening::NodeStop,
            "action_status_change" => {
                let action = fields.action_id().map(|id| ids.of(&id));
                let status = fields.any_data("status").map(text_of).unwrap_or_default();
                match (action, &*status) {
                    (Some(action), "running" | "started" | "in_progress") => Happening::ActionStart(action),
                    (Some(action), "completed" | "failed" | "cancelled" | "finished" | "succeeded") => {
                        Happening::ActionEnd(action)
                    }
                    _ => Happening::Presence,
                }
            }
            "experiment_start" => {
                self.experiment_names.note_experiment(fields, ids);
                Happening::ExperimentStart(design_name(fields).cloned().map(Box::new))
            }
            "experiment_complete" => Happening::ExperimentComplete(fields.any_data("status").cloned().map(Box::new)),
            "experiment_failed" | "experiment_cancelled" => Happening::ExperimentStop,
            "workflow_start" | "workflow_complete" => {
                let event = WorkflowEvent::of(fields, event_type == "workflow_complete");
                event.map_or(Happening::Presence, |event| Happening::Workflow(Box::new(event)))
            }
            "node_status_update" => Happening::Presence,
            _ => return None,
        })
    }

    /// The events of that time, in their order.
    pub(super) fn within(&self, window: Window) -> &[Moment] {
        let first = self.moments.partition_point(|moment| moment.time < window.start);
        self.moments.get(first..self.first_after(window.end)).unwrap_or_default()
    }

    fn first_after(&self, time: i64) -> usize {
        self.moments.partition_point(|moment| moment.time <= time)
    }

    /// Whether something goes by that id which is no node: a workcell or a manager.
    pub(super) fn is_workcell(&self, id: Id) -> bool {
        self.workcells.contains(&id)
    }

    /// What a lab or workcell was called.
    pub(super) fn workcell_name(&self, id: &str) -> Option<&str> {
        self.workcell_names.get(self.ids.find(id)?)
    }

    /// What an id stands for.
    pub(super) fn text(&self, id: Id) -> &str {
        self.ids.text(id)
    }
}

/// The name of the experiment in the place where MADSci's own events have it.
fn design_name(fields: Fields<'_>) -> Option<&Value> {
    fields.data("experiment")?.get("experiment_design")?.get("experiment_name")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{Happening, History, Moment};
    use crate::utilization::{ACTIVITY_TYPES, NAMING_TYPES, WORKFLOW_TYPES, Window};

    #[test]
    fn a_moment_is_small() {
        assert!(size_of::<Moment>() <= 40, "{}", size_of::<Moment>());
    }

    #[test]
    fn only_what_reports_are_about_is_kept() {
        let mut history = History::default();
        for event_type in labtrail_shared::event_type::EventType::ALL {
            let before = history.moments.len();
            history.add(&json!({"event_type": event_type.name(), "source": {"node_id": "N"}}), 0);
            assert_eq!(history.moments.len() > before, ACTIVITY_TYPES.contains(event_type), "{event_type}");
        }
        assert!(NAMING_TYPES.iter().chain(&WORKFLOW_TYPES).all(|event_type| ACTIVITY_TYPES.contains(event_type)));
    }

    #[test]
    fn a_workcell_is_known_by_any_event() {
        let mut history = History::default();
        history.add(&json!({"event_type": "log_info", "source": {"workcell_id": "W", "manager_id": "M"}}), 0);
        history.add(&json!({"event_type": "lab_stop", "event_data": {"workcell_id": "D"}}), 0);
        history.add(&json!({"event_type": "node_stop", "event_data": {"workcell_id": "N"}}), 0);
        let is_workcell = |id: &str| history.ids.find(id).is_some_and(|id| history.is_workcell(id));
        assert_eq!(["W", "M", "D", "N"].map(is_workcell), [true, true, true, false]);
    }

    #[test]
    fn both_ends_of_a_window_belong_to_it_and_order_does_not_matter() {
        let mut history = History::default();
        for time in [1, 3, 2, 4] {
            history.add(&json!({"event_type": "node_start"}), time);
        }
        let times = |start, end| -> Vec<i64> {
            history.within(Window { start, end }).iter().map(|moment| moment.time).collect()
        };
        assert_eq!(times(2, 3), [2, 3]);
        assert_eq!(times(0, 9), [1, 2, 3, 4]);
        assert!(times(3, 2).is_empty());
        assert!(matches!(history.moments[0].what, Happening::NodeStart));
    }
}
