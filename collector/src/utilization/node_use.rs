//! How long a node was there, and how long it was busy, in one session.

use super::{
    history::{Happening, Moment},
    ids::{Id, IdSet},
    spans::Spans,
};

/// How a node was used.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct NodeUse {
    /// The node.
    pub node: Id,
    /// How long it was there. A node that never says so was there all the time.
    pub active_seconds: f64,
    /// How long at least one action was under way.
    pub busy_seconds: f64,
    /// Whether an action was under way at the end.
    pub is_busy: bool,
}

impl NodeUse {
    /// Busy time as a share of the time it was there. An action that outlasts its node can make it more than 100.
    pub(super) fn percent(&self) -> f64 {
        if self.active_seconds > 0.0 { self.busy_seconds / self.active_seconds * 100.0 } else { 0.0 }
    }
}

/// Follows the events of one node.
#[derive(Debug, Default)]
pub(super) struct NodeTrack {
    actions: IdSet,
    active_since: Option<i64>,
    busy_since: Option<i64>,
    active: Spans,
    busy: Spans,
}

impl NodeTrack {
    pub(super) fn follow(&mut self, moment: &Moment) {
        let time = moment.time;
        match &moment.what {
            Happening::NodeStart => {
                self.active_since.get_or_insert(time);
            }
            Happening::NodeStop => {
                self.leave(time);
                self.actions.clear();
            }
            Happening::ActionStart(action) => {
                self.actions.insert(*action);
                self.busy_since.get_or_insert(time);
            }
            Happening::ActionEnd(action) if self.actions.remove(action) && self.actions.is_empty() => {
                self.busy.extend(self.busy_since.take(), time);
            }
            _ => {}
        }
    }

    fn leave(&mut self, time: i64) {
        self.active.extend(self.active_since.take(), time);
        self.busy.extend(self.busy_since.take(), time);
    }

    /// What it comes to at the end of a session of that length.
    pub(super) fn finish(mut self, node: Id, end: i64, session_seconds: f64) -> NodeUse {
        self.leave(end);
        NodeUse {
            node,
            active_seconds: if self.active.is_empty() { session_seconds } else { self.active.seconds() },
            busy_seconds: self.busy.seconds(),
            is_busy: !self.actions.is_empty(),
        }
    }
}

impl Spans {
    fn extend(&mut self, start: Option<i64>, end: i64) {
        if let Some(start) = start {
            self.add(start, end);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::{collection::vec, prelude::*};

    use super::{Happening, Moment, NodeTrack};
    use crate::utilization::ids::Ids;

    /// Events as `time what`, such as `3+a` (action a starts), `5-a` (it ends), `1on`, `9off`, in a session from 0 to
    /// 10.
    fn check(events: &str, active: f64, busy: f64) {
        let mut ids = Ids::default();
        let node = ids.of("N");
        let mut track = NodeTrack::default();
        for event in events.split_whitespace() {
            let (time, what) = event.split_at(1);
            let what = match what.split_at(1) {
                ("+", action) => Happening::ActionStart(ids.of(action)),
                ("-", action) => Happening::ActionEnd(ids.of(action)),
                _ if what == "on" => Happening::NodeStart,
                _ if what == "off" => Happening::NodeStop,
                _ => Happening::Presence,
            };
            let time = time.parse::<i64>().unwrap() * 1_000_000;
            track.follow(&Moment { time, node: Some(node), experiment: None, what });
        }
        let node_use = track.finish(node, 10_000_000, 10.0);
        assert!((node_use.active_seconds - active).abs() < 1e-9, "{events}: {node_use:?}");
        assert!((node_use.busy_seconds - busy).abs() < 1e-9, "{events}: {node_use:?}");
    }

    proptest! {
        /// One action after another, some of which overlap: the node is busy in each second in which one is open.
        #[test]
        fn a_node_is_busy_in_each_second_of_an_action(runs in vec((0..10_u8, 0..10_u8), 0..6)) {
            let mut events = Vec::new();
            for (number, (one, other)) in runs.iter().enumerate() {
                events.push(format!("{}+{number}", one.min(other)));
                events.push(format!("{}-{number}", one.max(other)));
            }
            // Starts before ends, at the same time too.
            events.sort();
            let is_busy = |second: &u8| runs.iter().any(|(one, other)| (one.min(other)..one.max(other)).contains(&second));
            check(&events.join(" "), 10.0, (0..10).filter(is_busy).count() as f64);
        }
    }

    #[test]
    fn a_node_is_there_between_its_start_and_its_stop() {
        check("5?", 10.0, 0.0);
        check("2on 5off", 3.0, 0.0);
        check("2on 3on 5off 7off 8on", 5.0, 0.0);
        check("5off", 10.0, 0.0);
    }

    #[test]
    fn a_node_is_busy_while_an_action_is_open() {
        check("1+a 3-a 5+b 6-b", 10.0, 3.0);
        check("1+a 2+b 3-a 6-b", 10.0, 5.0);
        check("1+a 2+a 3-a 6-a", 10.0, 2.0);
        check("1-a 7+a", 10.0, 3.0);
        check("1on 2+a 4off 6-a 8+b", 3.0, 4.0);
    }
}
