//! How the system and its nodes were used during a session.

use super::{
    Window,
    history::{Happening, History},
    ids::Id,
    in_order::IdsInOrder,
    node_use::{NodeTrack, NodeUse},
    python::rounded,
    spans::Spans,
};

/// How a session was used.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Usage {
    /// How long at least one experiment was under way.
    pub active_seconds: f64,
    /// The experiments that were started, in the order of their first start.
    pub experiments: Vec<Id>,
    /// The nodes that were heard of, in the order in which they were.
    pub nodes: Vec<NodeUse>,
    /// How long the session was.
    seconds: f64,
}

impl Usage {
    /// What the events of a session come to.
    pub(super) fn of(history: &History, span: Window) -> Self {
        let (mut experiments, mut nodes) = (Experiments::default(), IdsInOrder::default());
        for moment in history.within(span) {
            if let Some(experiment) = moment.experiment {
                match moment.what {
                    Happening::ExperimentStart(_) => experiments.start(experiment, moment.time),
                    Happening::ExperimentComplete(_) | Happening::ExperimentStop => {
                        experiments.end(experiment, moment.time);
                    }
                    _ => {}
                }
            }
            if let Some(node) = moment.node.filter(|node| !history.is_workcell(*node)) {
                nodes.get_or_make(node, NodeTrack::default).follow(moment);
            }
        }
        let seconds = span.seconds();
        let (started, active) = experiments.finish(span.end);
        Self {
            active_seconds: active.seconds(),
            experiments: started,
            nodes: nodes.into_vec().into_iter().map(|(node, track)| track.finish(node, span.end, seconds)).collect(),
            seconds,
        }
    }

    /// Time with an experiment under way as a share of the session, to one decimal place.
    pub(super) fn percent(&self) -> f64 {
        let percent = if self.seconds > 0.0 { self.active_seconds / self.seconds * 100.0 } else { 0.0 };
        rounded(percent, 1)
    }

    /// How long at least one experiment was under way.
    pub(super) fn active_hours(&self) -> f64 {
        self.active_seconds / 3600.0
    }
}

#[derive(Default)]
struct Experiments {
    runs: IdsInOrder<Run>,
    active: Spans,
}

struct Run {
    start: i64,
    is_open: bool,
}

impl Experiments {
    /// Of an experiment that starts again before it ended only the later start counts.
    fn start(&mut self, experiment: Id, start: i64) {
        let run = Run { start, is_open: true };
        *self.runs.get_or_make(experiment, || Run { start, is_open: true }) = run;
    }

    /// An experiment that ends twice was active until the later end.
    fn end(&mut self, experiment: Id, end: i64) {
        if let Some(run) = self.runs.get_mut(&experiment) {
            run.is_open = false;
            self.active.add(run.start, end);
        }
    }

    /// The experiments, and when they were active. Those that are still open are until the end.
    fn finish(mut self, end: i64) -> (Vec<Id>, Spans) {
        let runs = self.runs.into_vec();
        for (_, run) in runs.iter().filter(|(_, run)| run.is_open) {
            self.active.add(run.start, end);
        }
        (runs.into_iter().map(|(experiment, _)| experiment).collect(), self.active)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{History, Usage, Window};

    /// Experiments as `time what`, such as `3+a` (a starts), `5-a` (it completes), `5!a` (it fails), from 0 to 10.
    fn check(events: &str, active: f64, experiments: &[&str]) {
        let mut history = History::default();
        for event in events.split_whitespace() {
            let (time, what) = event.split_at(1);
            let (sign, experiment) = what.split_at(1);
            let event_type = match sign {
                "+" => "experiment_start",
                "-" => "experiment_complete",
                _ => "experiment_failed",
            };
            let event = json!({"event_type": event_type, "event_data": {"experiment_id": experiment}});
            history.add(&event, time.parse::<i64>().unwrap() * 1_000_000);
        }
        let usage = Usage::of(&history, Window { start: 0, end: 10_000_000 });
        assert!((usage.active_seconds - active).abs() < 1e-9, "{events}: {usage:?}");
        assert!((usage.percent() - active * 10.0).abs() < 1e-9, "{events}: {usage:?}");
        let found: Vec<&str> = usage.experiments.iter().map(|id| history.text(*id)).collect();
        assert_eq!(found, experiments, "{events}");
    }

    #[test]
    fn the_system_is_active_while_an_experiment_is_under_way() {
        check("", 0.0, &[]);
        check("2+a 5-a", 3.0, &["a"]);
        check("2+b 4+a 5-b 6!a", 4.0, &["b", "a"]);
        check("2+a 5-a 7+b", 6.0, &["a", "b"]);
        check("1-a 3+a", 7.0, &["a"]);
        check("2+a 3-a 6!a", 4.0, &["a"]);
        check("2+a 5+a 6-a", 1.0, &["a"]);
    }

    #[test]
    fn nodes_are_those_that_are_heard_of_and_are_no_workcells() {
        let mut history = History::default();
        let mut add = |event_type: &str, source| history.add(&json!({"event_type": event_type, "source": source}), 0);
        add("node_status_update", json!({"node_id": "B"}));
        add("node_start", json!({"node_id": "A"}));
        add("node_stop", json!({"workcell_id": "W"}));
        add("log_info", json!({"node_id": "C"}));
        let usage = Usage::of(&history, Window { start: 0, end: 10 });
        let nodes: Vec<&str> = usage.nodes.iter().map(|node| history.text(node.node)).collect();
        assert_eq!(nodes, ["B", "A"]);
    }
}
