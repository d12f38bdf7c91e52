//! Workflows, put together from the events of their starts and ends.

use super::{
    Window,
    history::{Happening, History},
    in_order::InOrder,
    workflow_event::WorkflowEvent,
};

/// What is known of a workflow.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Workflow<'a> {
    /// Its id.
    pub id: &'a str,
    /// Its name, as the first event of it says.
    pub name: Option<&'a str>,
    /// Who made it, as the first event that says it says.
    pub author: Option<&'a str>,
    /// When it started.
    pub start: Option<i64>,
    /// When it ended.
    pub end: Option<i64>,
    /// `unknown`, `started`, or how it ended.
    pub status: &'a str,
    /// How long it took.
    pub seconds: Option<f64>,
}

impl<'a> Workflow<'a> {
    /// The workflows of which something happened within a window, in the order in which it did.
    pub(super) fn find(history: &'a History, window: Window) -> Vec<Self> {
        let mut workflows: InOrder<&str, Self> = InOrder::default();
        for moment in history.within(window) {
            if let Happening::Workflow(event) = &moment.what {
                workflows.get_or_make(&*event.id, || Self::new(event)).follow(event, moment.time);
            }
        }
        workflows.into_vec().into_iter().map(|(_, workflow)| workflow).collect()
    }

    fn new(event: &'a WorkflowEvent) -> Self {
        let (id, name) = (&event.id, event.name.as_deref());
        Self { id, name, author: None, start: None, end: None, status: "unknown", seconds: None }
    }

    fn follow(&mut self, event: &'a WorkflowEvent, time: i64) {
        self.author = self.author.or(event.author.as_deref());
        let Some(end) = &event.end else {
            self.start = Some(time);
            self.status = "started";
            return;
        };
        self.end = Some(time);
        self.status = &end.status;
        let measured = || self.start.map(|start| (time - start) as f64 / 1e6);
        self.seconds = end.seconds.or_else(measured).or(end.seconds_between);
    }

    /// How long it took, in hours.
    pub(super) fn hours(&self) -> Option<f64> {
        self.seconds.map(|seconds| seconds / 3600.0)
    }

    /// Whether it did what it was to do.
    pub(super) fn is_completed(&self) -> bool {
        self.status == "completed"
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{History, Window, Workflow};

    fn check(events: &[(i64, &str, Value)], expected: (Option<&str>, &str, Option<f64>)) {
        let mut history = History::default();
        for (second, what, data) in events {
            let mut data = data.clone();
            data["workflow_id"] = json!("W");
            history.add(&json!({"event_type": format!("workflow_{what}"), "event_data": data}), second * 1_000_000);
        }
        let workflows = Workflow::find(&history, Window { start: 0, end: i64::MAX });
        let [workflow] = &workflows[..] else { panic!("{workflows:?}") };
        assert_eq!((workflow.author, workflow.status, workflow.seconds), expected);
    }

    #[test]
    fn a_workflow_is_known_by_its_events() {
        let named = json!({"author": "Ada"});
        check(&[(1, "start", json!({}))], (None, "started", None));
        check(&[(1, "start", json!({})), (4, "complete", named.clone())], (Some("Ada"), "completed", Some(3.0)));
        check(&[(4, "complete", json!({"status": "failed"}))], (None, "failed", None));
        check(&[(1, "start", named), (4, "complete", json!({"author": "Bo"}))], (Some("Ada"), "completed", Some(3.0)));
    }

    #[test]
    fn the_duration_that_the_sender_measured_counts_most() {
        let times = json!({"start_time": "2026-01-01T00:00", "end_time": "2026-01-01T00:01"});
        check(&[(4, "complete", times.clone())], (None, "completed", Some(60.0)));
        check(&[(1, "start", json!({})), (4, "complete", times)], (None, "completed", Some(3.0)));
        let measured = json!({"duration_seconds": 2.5});
        check(&[(1, "start", json!({})), (4, "complete", measured)], (None, "completed", Some(2.5)));
    }

    #[test]
    fn a_workflow_that_starts_again_is_started() {
        let events = [(1, "start", json!({})), (2, "complete", json!({})), (3, "start", json!({}))];
        check(&events, (None, "started", Some(1.0)));
    }
}
