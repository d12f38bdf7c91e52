//! What several sessions come to together.

use super::{
    history::History,
    ids::Id,
    in_order::IdsInOrder,
    python::{rounded, sum},
    session::Session,
    usage::Usage,
};

/// A session and how it was used.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct UsedSession {
    /// The session.
    pub session: Session,
    /// How it was used.
    pub usage: Usage,
}

impl UsedSession {
    /// Measures each of the sessions. The work is that of reading each session's events.
    pub(super) fn measure(history: &History, sessions: Vec<Session>) -> Vec<Self> {
        let measure = |session: Session| Self { usage: Usage::of(history, session.span), session };
        sessions.into_iter().map(measure).collect()
    }
}

/// What sessions come to.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Totals {
    /// The length of all sessions; parallel ones count each.
    pub runtime_hours: f64,
    /// How long experiments were under way, in all sessions.
    pub active_hours: f64,
    /// The plain mean of the sessions' percentages.
    pub percent: f64,
    /// Experiments, counted once in each session.
    pub experiments: usize,
    /// The nodes, in the order in which they were heard of.
    pub nodes: Vec<NodeTotals>,
}

/// What sessions come to for one node.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct NodeTotals {
    /// The node.
    pub node: Id,
    /// The plain mean of the percentages of the sessions it was heard of in.
    pub percent: f64,
    /// How long it was busy.
    pub busy_hours: f64,
    /// How many sessions it was heard of in.
    pub sessions: usize,
}

impl Totals {
    pub(super) fn of(sessions: &[UsedSession]) -> Self {
        let mut nodes = IdsInOrder::default();
        for node_use in sessions.iter().flat_map(|session| &session.usage.nodes) {
            let node = node_use.node;
            let nothing = || NodeTotals { node, percent: 0.0, busy_hours: 0.0, sessions: 0 };
            let totals = nodes.get_or_make(node, nothing);
            totals.percent += rounded(node_use.percent(), 1);
            totals.busy_hours += node_use.busy_seconds / 3600.0;
            totals.sessions += 1;
        }
        let mut nodes: Vec<NodeTotals> = nodes.into_vec().into_iter().map(|(_, totals)| totals).collect();
        for node in &mut nodes {
            node.percent /= node.sessions as f64;
        }
        let percent = sum(sessions.iter().map(|session| session.usage.percent()));
        Self {
            runtime_hours: sum(sessions.iter().map(|session| session.session.span.hours())),
            active_hours: sum(sessions.iter().map(|session| session.usage.active_hours())),
            percent: percent / sessions.len().max(1) as f64,
            experiments: sessions.iter().map(|session| session.usage.experiments.len()).sum(),
            nodes,
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{History, Session, Totals, UsedSession};
    use crate::utilization::Window;

    #[test]
    fn percentages_are_means_and_hours_are_sums() {
        let mut history = History::default();
        let mut add = |minute: i64, event_type: &str, node: &str, status: &str| {
            let source = if node.is_empty() { json!({"workcell_id": "W"}) } else { json!({"node_id": node}) };
            let data = json!({"action_id": "a", "experiment_id": "E", "status": status});
            history.add(&json!({"event_type": event_type, "source": source, "event_data": data}), minute * 60_000_000);
        };
        // Two sessions of an hour each: the node is busy for half of the first and for a quarter of the second.
        for (start, busy) in [(0, 30), (60, 15)] {
            add(start, "workcell_start", "", "");
            add(start, "action_status_change", "N", "running");
            add(start + busy, "action_status_change", "N", "completed");
        }
        add(61, "node_status_update", "M", "");
        add(90, "experiment_start", "M", "");
        let window = Window { start: 0, end: 120 * 60_000_000 };
        let totals = Totals::of(&UsedSession::measure(&history, Session::find(&history, window)));
        let hours = (totals.runtime_hours, totals.active_hours, totals.percent, totals.experiments);
        assert_eq!(hours, (2.0, 0.5, 25.0, 1));
        let nodes: Vec<_> = totals.nodes.iter().map(|node| (node.percent, node.busy_hours, node.sessions)).collect();
        assert_eq!(nodes, [(37.5, 0.75, 2), (0.0, 0.0, 1)]);
    }
}
