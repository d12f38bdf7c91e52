//! How each of the periods of a report was used.

use std::sync::Arc;

use super::{
    Window,
    history::{Happening, History},
    ids::{Id, IdSet},
    in_order::IdsInOrder,
    period::{Analysis, Period},
    python::{mean, rounded, sum},
    session::Session,
    totals::{Totals, UsedSession},
};

/// How a period was used.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct PeriodUse {
    /// The share of its sessions' time in which experiments were under way.
    pub percent: f64,
    /// How many experiments were started.
    pub experiments: usize,
    /// How long its sessions are together.
    pub runtime_hours: f64,
    /// How long experiments were under way.
    pub active_hours: f64,
    /// Of each node: the percentage and the hours it was busy.
    pub nodes: Vec<(Id, f64, f64)>,
    /// Of each session of a lab or workcell, what belongs to the period.
    pub workcells: Vec<WorkcellUse>,
    /// The experiments that were started during its sessions.
    pub experiment_ids: Vec<Id>,
}

/// What of a session belongs to a period.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct WorkcellUse {
    /// The lab or workcell.
    pub id: Arc<str>,
    /// The share of its time in which experiments were under way.
    pub percent: f64,
    /// How many experiments were started.
    pub experiments: usize,
    /// How long it was.
    pub runtime_hours: f64,
    /// How long experiments were under way.
    pub active_hours: f64,
}

/// How the periods of a window were used, each.
///
/// Days, weeks and months get their share of each session of the window. Other periods are looked at on their own, by
/// the sessions that start within each; one without any is taken for a session.
pub(super) fn use_of(history: &History, analysis: Analysis, window: Window, periods: &[Period]) -> Vec<PeriodUse> {
    if matches!(analysis, Analysis::Hourly | Analysis::Other) {
        return periods.iter().map(|period| on_its_own(history, period.span)).collect();
    }
    let sessions = UsedSession::measure(history, Session::find(history, window));
    // The sessions of each period, in the order of the sessions.
    let mut of_period = vec![Vec::new(); periods.len()];
    for session in &sessions {
        let span = session.session.span;
        let first = periods.partition_point(|period| period.span.end <= span.start);
        let after = periods.partition_point(|period| period.span.start < span.end);
        for sessions in of_period.get_mut(first..after).unwrap_or_default() {
            sessions.push(session);
        }
    }
    let starts = ExperimentStarts::of(history, periods);
    let share = |(period, sessions): (&Period, Vec<&UsedSession>)| shares(analysis, period.span, &sessions, &starts);
    periods.iter().zip(of_period).map(share).collect()
}

fn on_its_own(history: &History, span: Window) -> PeriodUse {
    let sessions = UsedSession::measure(history, Session::find_or_whole(history, span));
    let totals = Totals::of(&sessions);
    let workcells = sessions.iter().filter(|used| used.session.kind.is_some()).map(|used| WorkcellUse {
        id: used.session.id.clone(),
        percent: used.usage.percent(),
        experiments: used.usage.experiments.len(),
        runtime_hours: used.session.span.hours(),
        active_hours: used.usage.active_hours(),
    });
    PeriodUse {
        percent: totals.percent,
        experiments: totals.experiments,
        runtime_hours: totals.runtime_hours,
        active_hours: totals.active_hours,
        nodes: totals.nodes.iter().map(|node| (node.node, node.percent, node.busy_hours)).collect(),
        workcells: workcells.collect(),
        experiment_ids: sessions.iter().flat_map(|used| used.usage.experiments.iter().copied()).collect(),
    }
}

fn shares(analysis: Analysis, span: Window, sessions: &[&UsedSession], starts: &ExperimentStarts) -> PeriodUse {
    let mut nodes: IdsInOrder<(Vec<f64>, f64)> = IdsInOrder::default();
    let mut workcells = Vec::new();
    let mut experiment_ids = IdSet::default();
    for UsedSession { session, usage } in sessions {
        let overlap = session.span.overlap(span);
        let (hours, percent) = (overlap.hours(), usage.percent());
        let share = hours / session.span.hours();
        let is_weekly = analysis == Analysis::Weekly;
        let experiments = starts.within(overlap);
        experiment_ids.extend(experiments.iter().map(|(_, id)| *id));
        for node in &usage.nodes {
            // MADSci counts all of a session's busy hours in every day and month that it touches.
            let busy_hours = node.busy_seconds / 3600.0 * if is_weekly { share } else { 1.0 };
            let (percents, busy_sum) = nodes.get_or_make(node.node, Default::default);
            percents.push(rounded(node.percent(), 1));
            *busy_sum += busy_hours;
        }
        workcells.push(WorkcellUse {
            id: session.id.clone(),
            percent,
            experiments: experiments.len(),
            runtime_hours: hours,
            active_hours: if is_weekly { hours * (percent / 100.0) } else { usage.active_hours() * share },
        });
    }
    let runtime_hours = sum(workcells.iter().map(|workcell| workcell.runtime_hours));
    let active_hours = sum(workcells.iter().map(|workcell| workcell.active_hours));
    let percent = match analysis {
        _ if runtime_hours <= 0.0 => 0.0,
        Analysis::Weekly => {
            sum(workcells.iter().map(|workcell| workcell.percent * workcell.runtime_hours)) / runtime_hours
        }
        _ => active_hours / runtime_hours * 100.0,
    };
    let nodes = nodes.into_vec().into_iter();
    PeriodUse {
        percent,
        experiments: starts.within(span).len(),
        runtime_hours,
        active_hours,
        nodes: nodes.map(|(node, (percents, busy))| (node, rounded(mean(&percents), 1), rounded(busy, 3))).collect(),
        workcells,
        experiment_ids: experiment_ids.into_iter().collect(),
    }
}

/// The starts of experiments, in the order of time.
struct ExperimentStarts(Vec<(i64, Id)>);

impl ExperimentStarts {
    fn of(history: &History, periods: &[Period]) -> Self {
        let (Some(first), Some(last)) = (periods.first(), periods.last()) else { return Self(Vec::new()) };
        let moments = history.within(Window { start: first.span.start, end: last.span.end });
        let is_start = |what: &Happening| matches!(what, Happening::ExperimentStart(_));
        let starts = moments.iter().filter(|moment| is_start(&moment.what));
        Self(starts.filter_map(|moment| Some((moment.time, moment.experiment?))).collect())
    }

    /// Those of a window, both ends of it included.
    fn within(&self, window: Window) -> &[(i64, Id)] {
        let first = self.0.partition_point(|(time, _)| *time < window.start);
        let after = self.0.partition_point(|(time, _)| *time <= window.end);
        self.0.get(first..after).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use jiff::tz::TimeZone;
    use serde_json::json;

    use super::{Analysis, History, Window, use_of};

    const HOUR: i64 = 3_600_000_000;

    /// A session from 12:00 of the first day to 12:00 of the third, with a node that is busy for its first six hours
    /// and an experiment of the first twelve. Of each period: percentage, experiments, hours, active hours, busy hours
    /// of the node.
    fn check(analysis: &str, days: i64, expected: &[(f64, usize, f64, f64, f64)]) {
        let mut history = History::default();
        let (lab, node, experiment) =
            (json!({"workcell_id": "L"}), json!({"node_id": "N"}), json!({"experiment_id": "E"}));
        let mut add = |hour: i64, event_type: &str, source, status: &str| {
            let data = json!({"action_id": "a", "status": status});
            history.add(&json!({"event_type": event_type, "source": source, "event_data": data}), hour * HOUR);
        };
        add(12, "lab_start", &lab, "");
        add(12, "action_status_change", &node, "running");
        add(12, "experiment_start", &experiment, "");
        add(18, "action_status_change", &node, "completed");
        add(24, "experiment_complete", &experiment, "");
        add(60, "lab_stop", &lab, "");
        let (analysis, window) = (Analysis::of(analysis), Window { start: 0, end: days * 24 * HOUR });
        let periods = analysis.periods(window, &TimeZone::UTC).expect("a few");
        let uses = use_of(&history, analysis, window, &periods);
        assert_eq!(uses.len(), expected.len());
        for (used, (percent, experiments, runtime, active, busy)) in uses.iter().zip(expected) {
            assert_eq!(used.experiments, *experiments, "{used:?}");
            let found = [used.percent, used.runtime_hours, used.active_hours, used.nodes.first().map_or(0.0, |n| n.2)];
            for (found, expected) in found.iter().zip([percent, runtime, active, busy]) {
                assert!((found - expected).abs() < 1e-9, "{expected} of {used:?}");
            }
        }
    }

    #[test]
    fn days_and_months_get_their_share_of_a_session_and_all_of_its_busy_hours() {
        check("daily", 3, &[(25.0, 1, 12.0, 3.0, 6.0), (25.0, 0, 24.0, 6.0, 6.0), (25.0, 0, 12.0, 3.0, 6.0)]);
        check("monthly", 3, &[(25.0, 1, 48.0, 12.0, 6.0)]);
        check("daily", 1, &[(100.0, 1, 12.0, 12.0, 6.0)]);
    }

    #[test]
    fn weeks_get_their_share_of_busy_hours_too() {
        // 1970-01-01 was a Thursday; the session ends in its week.
        check("weekly", 5, &[(25.0, 1, 48.0, 12.0, 6.0), (0.0, 0, 0.0, 0.0, 0.0)]);
    }

    #[test]
    fn other_periods_are_looked_at_on_their_own() {
        check("other", 3, &[(100.0, 1, 12.0, 12.0, 6.0), (0.0, 0, 24.0, 0.0, 0.0), (0.0, 0, 24.0, 0.0, 0.0)]);
        check("other", 2, &[(100.0, 1, 12.0, 12.0, 6.0), (0.0, 0, 24.0, 0.0, 0.0)]);
    }
}
