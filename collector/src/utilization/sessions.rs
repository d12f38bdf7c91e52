//! The report on sessions: each with its experiments and nodes, and what they come to.

use serde_json::{Map, Value, json};

use super::{
    Window,
    history::History,
    iso_text::{naive_text, utc_text},
    node_use::NodeUse,
    python::{last_eight, rounded},
    session::Session,
    totals::{Totals, UsedSession},
};

/// The report on the sessions that start within the window.
pub(crate) fn sessions(history: &History, window: Window, now: i64) -> Value {
    let used = UsedSession::measure(history, Session::find_or_whole(history, window));
    let details: Vec<Value> = used.iter().map(|session| session_details(history, session)).collect();
    json!({
        "report_metadata": {
            "generated_at": utc_text(now),
            "analysis_start": naive_text(window.start),
            "analysis_end": naive_text(window.end),
            "total_sessions": used.len(),
            "analysis_duration_hours": window.hours(),
        },
        "overall_summary": overall_summary(history, window, &used),
        "session_details": details,
    })
}

fn overall_summary(history: &History, window: Window, used: &[UsedSession]) -> Value {
    let totals = Totals::of(used);
    let nodes = totals.nodes.iter().map(|node| {
        let summary = json!({
            "average_utilization_percent": node.percent,
            "total_busy_time_hours": node.busy_hours,
            "sessions_active": node.sessions,
        });
        (history.text(node.node).to_owned(), summary)
    });
    json!({
        "total_sessions": used.len(),
        "total_system_runtime_hours": totals.runtime_hours,
        "total_active_time_hours": totals.active_hours,
        "average_system_utilization_percent": totals.percent,
        "total_experiments": totals.experiments,
        "nodes_tracked": totals.nodes.len(),
        "node_summary": nodes.collect::<Map<_, _>>(),
        "analysis_period": {
            "start_time": naive_text(window.start),
            "end_time": naive_text(window.end),
            "duration_hours": window.hours(),
        },
    })
}

fn session_details(history: &History, UsedSession { session, usage }: &UsedSession) -> Value {
    let (seconds, active) = (session.span.seconds(), usage.active_seconds);
    let idle = seconds - active;
    let experiments: Vec<Value> = usage
        .experiments
        .iter()
        .map(|id| {
            let (id, name) = (history.text(*id), history.experiment_names.get(*id));
            let display_name = name.map_or_else(|| format!("Experiment {}", last_eight(id)), ToOwned::to_owned);
            json!({"experiment_id": id, "experiment_name": name, "display_name": display_name})
        })
        .collect();
    let nodes =
        usage.nodes.iter().map(|node| (history.text(node.node).to_owned(), node_details(history, node, seconds)));
    json!({
        "session_type": session.kind_name(),
        "session_id": &*session.id,
        "session_name": session.name(),
        "start_time": naive_text(session.span.start),
        "end_time": naive_text(session.span.end),
        "timing": {
            "duration": timing(seconds),
            "active_time": timing(active),
            "idle_time": timing(idle),
        },
        "system_utilization_percent": usage.percent(),
        "total_experiments": experiments.len(),
        "experiment_details": experiments,
        "nodes_active": usage.nodes.len(),
        "node_utilizations": nodes.collect::<Map<_, _>>(),
        "raw_hours": {
            "duration": seconds / 3600.0,
            "active": active / 3600.0,
            "idle": idle / 3600.0,
        },
        "duration_hours": seconds / 3600.0,
        "active_time_hours": active / 3600.0,
    })
}

fn node_details(history: &History, node: &NodeUse, session_seconds: f64) -> Value {
    let busy = node.busy_seconds;
    let idle = (node.active_seconds - busy).max(0.0);
    json!({
        "node_id": history.text(node.node),
        "node_name": history.node_names.get(node.node),
        "display_name": node_display_name(history, node.node),
        "utilization_percent": rounded(node.percent(), 1),
        "state": if node.is_busy { "busy" } else { "idle" },
        "timing": {
            "busy_time": timing(busy),
            "idle_time": timing(idle),
            "total_time": timing(session_seconds),
        },
        "raw_hours": {
            "busy": busy / 3600.0,
            "idle": idle / 3600.0,
            "total": session_seconds / 3600.0,
        },
        "busy_time_hours": busy / 3600.0,
        "idle_time_hours": idle / 3600.0,
    })
}

/// What a node is called in reports.
pub(super) fn node_display_name(history: &History, node: super::ids::Id) -> String {
    let short = last_eight(history.text(node));
    match history.node_names.get(node) {
        None | Some("") => format!("Node {short}"),
        Some(name) => format!("{name} ({short})"),
    }
}

/// A duration in every unit, and in the one that suits it.
fn timing(seconds: f64) -> Value {
    let (minutes, hours) = (seconds / 60.0, seconds / 3600.0);
    let (unit, value, letter) = match seconds {
        ..60.0 => ("seconds", seconds, 's'),
        60.0..3600.0 => ("minutes", minutes, 'm'),
        _ => ("hours", hours, 'h'),
    };
    json!({
        "display": format!("{value:.1}{letter}"),
        "seconds": seconds,
        "minutes": minutes,
        "hours": hours,
        "primary_unit": unit,
        "primary_value": value,
    })
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{History, Window, sessions, timing};

    const HOUR: i64 = 3_600_000_000;

    /// The report on events at the given minutes, of a window of one hour.
    fn report(events: &[(i64, Value)]) -> Value {
        let mut history = History::default();
        for (minute, event) in events {
            history.add(event, minute * 60_000_000);
        }
        sessions(&history, Window { start: 0, end: HOUR }, 1)
    }

    fn action(status: &str) -> Value {
        let data = json!({"action_id": "a", "status": status});
        json!({"event_type": "action_status_change", "source": {"node_id": "NODE-12345678"}, "event_data": data})
    }

    #[test]
    fn a_report_on_nothing_is_a_report_of_zeros() {
        let report = report(&[]);
        assert_eq!(report["report_metadata"]["generated_at"], "1970-01-01T00:00:00.000001+00:00");
        assert_eq!(report["report_metadata"]["analysis_end"], "1970-01-01T01:00:00");
        let session = &report["session_details"][0];
        assert_eq!(session["session_id"], "analysis_0");
        assert_eq!(session["session_name"], "Complete Database Analysis");
        assert_eq!(session["timing"]["idle_time"]["display"], "1.0h");
        let summary = &report["overall_summary"];
        assert_eq!(summary["total_sessions"], 1);
        assert_eq!(summary["average_system_utilization_percent"], 0.0);
        assert_eq!(summary["node_summary"], json!({}));
    }

    #[test]
    fn a_session_tells_of_its_experiments_and_nodes() {
        let lab = json!({"workcell_id": "LAB-12345678"});
        let experiment = |event_type, name| {
            let (source, data) = (json!({"experiment_id": "E"}), json!({"name": name}));
            json!({"event_type": event_type, "source": source, "event_data": data})
        };
        let node = json!({"node_id": "NODE-12345678"});
        let report = report(&[
            (0, json!({"event_type": "lab_start", "source": lab})),
            (0, json!({"event_type": "node_start", "source": node, "event_data": {"node_name": "arm"}})),
            (10, experiment("experiment_start", "Titration")),
            (10, action("running")),
            (20, action("succeeded")),
            (20, json!({"event_type": "node_stop", "source": node})),
            (25, experiment("experiment_complete", "")),
            (40, json!({"event_type": "lab_stop", "source": lab})),
        ]);
        let session = &report["session_details"][0];
        assert_eq!(session["session_name"], "Lab 12345678");
        assert_eq!(session["end_time"], "1970-01-01T00:40:00");
        assert_eq!(session["system_utilization_percent"], 37.5);
        assert_eq!(
            session["experiment_details"],
            json!([{"experiment_id": "E", "experiment_name": "Titration", "display_name": "Titration"}])
        );
        let node = &session["node_utilizations"]["NODE-12345678"];
        assert_eq!(node["display_name"], "arm (12345678)");
        assert_eq!(node["utilization_percent"], 50.0);
        assert_eq!(node["timing"]["busy_time"]["display"], "10.0m");
        assert_eq!(
            report["overall_summary"]["node_summary"]["NODE-12345678"],
            json!({"average_utilization_percent": 50.0, "total_busy_time_hours": 1.0 / 6.0, "sessions_active": 1})
        );
    }

    #[test]
    fn data_that_is_a_text_breaks_nothing() {
        let odd = |event_type| json!({"event_type": event_type, "source": {"node_id": "N"}, "event_data": "started"});
        let types = ["lab_start", "node_start", "experiment_start", "action_status_change", "workflow_complete"];
        let report = report(&types.map(|event_type| (0, odd(event_type))));
        assert_eq!(report["session_details"][0]["session_name"], "Lab system_0");
        assert_eq!(report["overall_summary"]["nodes_tracked"], 1);
    }

    #[test]
    fn a_duration_is_shown_in_the_unit_that_suits_it() {
        let check = |seconds, expected: &str| assert_eq!(timing(seconds)["display"], expected);
        check(59.94, "59.9s");
        check(60.0, "1.0m");
        check(3599.0, "60.0m");
        check(5400.0, "1.5h");
        check(-5.0, "-5.0s");
    }
}
