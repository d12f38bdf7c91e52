//! Sessions: the times between the start of a lab or workcell and its stop.

use std::sync::Arc;

use super::{
    Window,
    history::{Happening, History, SessionKind},
    ids::{Id, IdMap},
    python::last_eight,
};

/// A time in which a lab or workcell was there to work.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Session {
    /// None where nobody told of one, and all of the window is taken for one.
    pub kind: Option<SessionKind>,
    /// The id of the lab or workcell, or a made-up one.
    pub id: Arc<str>,
    /// From when to when.
    pub span: Window,
}

impl Session {
    /// The sessions that start within a window, in the order of their starts.
    pub(super) fn find(history: &History, window: Window) -> Vec<Self> {
        let (mut starts, mut stops) = (Times::default(), Times::default());
        let moments = history.within(window);
        for moment in moments {
            match &moment.what {
                Happening::SessionStart(_, Some(id)) => starts.add(*id, moment.time),
                Happening::SessionStop(ids) => ids.iter().flatten().for_each(|id| stops.add(*id, moment.time)),
                _ => {}
            }
        }
        let mut sessions = Vec::new();
        for moment in moments {
            let Happening::SessionStart(kind, id) = moment.what else { continue };
            let start = moment.time;
            // Its own stop, else the next start of the same (it has crashed, then), else the end of what is looked at.
            let end = id.and_then(|id| stops.first_after(id, start).or_else(|| starts.first_after(id, start)));
            sessions.push(Self {
                kind: Some(kind),
                id: id.map_or_else(|| made_up_id("system", start), |id| history.text(id).into()),
                span: Window { start, end: end.unwrap_or(window.end) },
            });
        }
        sessions
    }

    /// As [`Session::find`]; where there are none, all of the window is one.
    pub(super) fn find_or_whole(history: &History, window: Window) -> Vec<Self> {
        let sessions = Self::find(history, window);
        if !sessions.is_empty() {
            return sessions;
        }
        vec![Self { kind: None, id: made_up_id("analysis", window.start), span: window }]
    }

    /// What kind it is, in MADSci's words.
    pub(super) fn kind_name(&self) -> &'static str {
        match self.kind {
            Some(SessionKind::Lab) => "lab",
            Some(SessionKind::Workcell) => "workcell",
            None => "default_analysis",
        }
    }

    /// What it is called in reports.
    pub(super) fn name(&self) -> String {
        match self.kind {
            Some(SessionKind::Lab) => format!("Lab {}", last_eight(&self.id)),
            Some(SessionKind::Workcell) => format!("Workcell {}", last_eight(&self.id)),
            None => "Complete Database Analysis".to_owned(),
        }
    }
}

fn made_up_id(what: &str, start: i64) -> Arc<str> {
    format!("{what}_{}", start / 1_000_000).into()
}

/// The times of each id, ascending.
#[derive(Default)]
struct Times(IdMap<Vec<i64>>);

impl Times {
    fn add(&mut self, id: Id, time: i64) {
        self.0.entry(id).or_default().push(time);
    }

    fn first_after(&self, id: Id, time: i64) -> Option<i64> {
        let times = self.0.get(&id)?;
        times.get(times.partition_point(|at| *at <= time)).copied()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{History, Session, Window};

    const SECOND: i64 = 1_000_000;

    fn check(events: &[(i64, Value)], expected: &[(&str, i64, i64)]) {
        let mut history = History::default();
        for (time, event) in events {
            history.add(event, time * SECOND);
        }
        let sessions = Session::find_or_whole(&history, Window { start: 0, end: 100 * SECOND });
        let found: Vec<_> = sessions
            .iter()
            .map(|session| (session.name(), session.span.start / SECOND, session.span.end / SECOND))
            .collect();
        let expected: Vec<_> = expected.iter().map(|(name, start, end)| ((*name).to_owned(), *start, *end)).collect();
        assert_eq!(found, expected);
    }

    fn event(event_type: &str, id: &str) -> Value {
        json!({"event_type": event_type, "source": {"workcell_id": id}})
    }

    #[test]
    fn a_session_ends_at_its_stop_or_the_next_start_or_the_end_of_the_window() {
        check(&[(10, event("lab_start", "A")), (20, event("lab_stop", "A"))], &[("Lab A", 10, 20)]);
        check(
            &[(10, event("workcell_start", "A")), (15, event("workcell_start", "B")), (20, event("lab_start", "A"))],
            &[("Workcell A", 10, 20), ("Workcell B", 15, 100), ("Lab A", 20, 100)],
        );
        // A stop after the next start ends both, as MADSci has it.
        check(
            &[(10, event("lab_start", "A")), (20, event("lab_start", "A")), (30, event("lab_stop", "A"))],
            &[("Lab A", 10, 30), ("Lab A", 20, 30)],
        );
    }

    #[test]
    fn a_stop_counts_by_any_of_its_ids() {
        let stop = json!({"event_type": "lab_stop", "source": {"manager_id": "M"}, "event_data": {"workcell_id": "A"}});
        check(&[(10, event("lab_start", "A")), (20, stop)], &[("Lab A", 10, 20)]);
        let at_the_start = event("lab_stop", "A");
        check(&[(10, event("lab_start", "A")), (10, at_the_start)], &[("Lab A", 10, 100)]);
    }

    #[test]
    fn without_sessions_the_window_is_one() {
        check(&[(10, event("lab_stop", "A"))], &[("Complete Database Analysis", 0, 100)]);
        check(&[(101, event("lab_start", "A"))], &[("Complete Database Analysis", 0, 100)]);
    }

    #[test]
    fn a_start_of_nothing_known_is_a_session_too() {
        let start = json!({"event_type": "lab_start", "event_data": "text"});
        check(&[(10, start.clone()), (20, start)], &[("Lab ystem_10", 10, 100), ("Lab ystem_20", 20, 100)]);
    }
}
