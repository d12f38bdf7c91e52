//! The report on users: the workflows of each author, and what they come to.

use serde_json::{Map, Value, json};

use super::{
    Window,
    history::History,
    in_order::InOrder,
    iso_text::{naive_text, utc_text},
    python::{rounded, sum},
    workflow::Workflow,
};

/// Workflows of which nobody says whose they are belong to this one.
const UNKNOWN_AUTHOR: &str = "Unknown Author";

/// The report on the users whose workflows did something within the window.
pub(crate) fn users(history: &History, window: Window, now: i64) -> Value {
    let workflows = Workflow::find(history, window);
    let users = by_author(&workflows);
    let with_author = workflows.iter().filter(|workflow| workflow.author.is_some()).count();
    let user_utilization = users.iter().map(|(author, workflows)| ((*author).to_owned(), user(author, workflows)));
    json!({
        "report_metadata": {
            "generated_at": utc_text(now),
            "analysis_start": naive_text(window.start),
            "analysis_end": naive_text(window.end),
            "total_workflows": workflows.len(),
            "total_users": users.len(),
            "workflows_with_authors": with_author,
            "workflows_without_authors": workflows.len() - with_author,
        },
        "system_summary": system_summary(&workflows, with_author),
        "user_utilization": user_utilization.collect::<Map<_, _>>(),
    })
}

/// What the report of a period shows of its users: the ten with the longest runtime.
pub(super) fn top_users(report: &Value) -> Value {
    const USERS_MAX: usize = 10;
    let mut users: Vec<&Value> = report["user_utilization"].as_object().into_iter().flat_map(Map::values).collect();
    let runtime = |user: &Value| user["total_runtime_hours"].as_f64().unwrap_or_default();
    users.sort_by(|a, b| runtime(b).total_cmp(&runtime(a)));
    let pick = |from: &Value, keys: &[&str]| keys.iter().map(|key| ((*key).to_owned(), from[*key].clone())).collect();
    let user_keys = [
        "author",
        "total_workflows",
        "total_runtime_hours",
        "completion_rate_percent",
        "average_workflow_duration_hours",
    ];
    let summary = &report["system_summary"];
    let totals: Map<_, _> = pick(summary, &["total_workflows", "total_runtime_hours", "completion_rate_percent"]);
    json!({
        "total_users": users.len(),
        "author_attribution_rate_percent": summary["author_attribution_rate_percent"],
        "top_users": users.iter().take(USERS_MAX).map(|user| pick(user, &user_keys)).collect::<Vec<Map<_, _>>>(),
        "system_totals": totals,
    })
}

/// The authors in the order of their first workflows.
fn by_author<'a>(workflows: &'a [Workflow<'a>]) -> Vec<(&'a str, Vec<&'a Workflow<'a>>)> {
    let mut users: InOrder<&str, Vec<&Workflow<'_>>> = InOrder::default();
    for workflow in workflows {
        users.get_or_make(workflow.author.unwrap_or(UNKNOWN_AUTHOR), Vec::new).push(workflow);
    }
    users.into_vec()
}

/// What all workflows come to. It is reckoned from the same authors, durations and ends as the users' parts, so that it
/// agrees with them.
fn system_summary(workflows: &[Workflow<'_>], with_author: usize) -> Value {
    let seconds: Vec<f64> = workflows.iter().filter_map(|workflow| workflow.seconds).collect();
    let sum = sum(seconds.iter().copied());
    let average = if seconds.is_empty() { json!(0) } else { json!(rounded(sum / seconds.len() as f64 / 3600.0, 3)) };
    let completed = workflows.iter().filter(|workflow| workflow.is_completed()).count();
    json!({
        "total_workflows": workflows.len(),
        "total_runtime_hours": rounded(sum / 3600.0, 2),
        "average_workflow_duration_hours": average,
        "completion_rate_percent": percent(completed, workflows.len()),
        "workflows_with_known_authors": with_author,
        "author_attribution_rate_percent": percent(with_author, workflows.len()),
    })
}

fn user(author: &str, workflows: &[&Workflow<'_>]) -> Value {
    let hours: Vec<f64> = workflows.iter().filter_map(|workflow| workflow.hours()).collect();
    let sum = sum(hours.iter().copied());
    let of_hours = |hours: Option<f64>, places| hours.map(|hours| rounded(hours, places));
    // A sum or a mean of nothing is a whole zero.
    let or_none = |number: f64| Some(number).filter(|_| !hours.is_empty());
    let or_zero = |number: Option<f64>| number.map_or(json!(0), Value::from);
    let count = |status| workflows.iter().filter(|workflow| workflow.status == status).count();
    json!({
        "author": author,
        "total_workflows": workflows.len(),
        "completed_workflows": count("completed"),
        "failed_workflows": count("failed"),
        "cancelled_workflows": count("cancelled"),
        "total_runtime_hours": or_zero(of_hours(or_none(sum), 2)),
        "average_workflow_duration_hours": or_zero(of_hours(or_none(sum / hours.len() as f64), 3)),
        "shortest_workflow_hours": of_hours(hours.iter().copied().reduce(f64::min), 3),
        "longest_workflow_hours": of_hours(hours.iter().copied().reduce(f64::max), 3),
        "completion_rate_percent": percent(count("completed"), workflows.len()),
        "workflows": workflows.iter().map(|workflow| workflow_summary(workflow)).collect::<Vec<_>>(),
    })
}

fn workflow_summary(workflow: &Workflow<'_>) -> Value {
    json!({
        "workflow_id": workflow.id,
        "workflow_name": workflow.name.unwrap_or("Unknown"),
        "start_time": workflow.start.map(naive_text),
        "end_time": workflow.end.map(naive_text),
        "duration_hours": workflow.hours(),
        "status": if workflow.status.is_empty() { "unknown" } else { workflow.status },
    })
}

/// A part of a whole to two decimal places; of nothing, a whole zero.
fn percent(part: usize, whole: usize) -> Value {
    if whole == 0 { json!(0) } else { json!(rounded(part as f64 / whole as f64 * 100.0, 2)) }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{History, Window, top_users, users};

    /// The report on workflows that took so many hours: of whom, and how they ended.
    fn report(workflows: &[(&str, f64, &str)]) -> Value {
        let mut history = History::default();
        for (number, (author, hours, status)) in workflows.iter().enumerate() {
            let (id, metadata) = (format!("W{number}"), json!({"author": author}));
            let data = json!({"workflow_id": id, "definition_metadata": metadata, "status": status});
            let at = |hours: f64| (hours * 3.6e9) as i64;
            history.add(&json!({"event_type": "workflow_start", "event_data": data}), 0);
            history.add(&json!({"event_type": "workflow_complete", "event_data": data}), at(*hours));
        }
        users(&history, Window { start: 0, end: i64::MAX / 2 }, 1)
    }

    #[test]
    fn a_report_on_nothing_is_a_report_of_zeros() {
        let history = History::default();
        let report = users(&history, Window { start: 0, end: 1 }, 1);
        assert_eq!(
            report["system_summary"],
            json!({
                "total_workflows": 0,
                "total_runtime_hours": 0.0,
                "average_workflow_duration_hours": 0,
                "completion_rate_percent": 0,
                "workflows_with_known_authors": 0,
                "author_attribution_rate_percent": 0,
            })
        );
        assert_eq!(report["user_utilization"], json!({}));
        assert_eq!(top_users(&report)["top_users"], json!([]));
    }

    #[test]
    fn the_whole_agrees_with_its_parts() {
        let report = report(&[("Ada", 1.0, "completed"), ("", 2.0, "failed"), ("Ada", 0.5, "cancelled")]);
        assert_eq!(report["report_metadata"]["total_users"], 2);
        assert_eq!(report["report_metadata"]["workflows_without_authors"], 1);
        let ada = &report["user_utilization"]["Ada"];
        assert_eq!((&ada["total_runtime_hours"], &ada["average_workflow_duration_hours"]), (&json!(1.5), &json!(0.75)));
        assert_eq!((&ada["shortest_workflow_hours"], &ada["longest_workflow_hours"]), (&json!(0.5), &json!(1.0)));
        assert_eq!(ada["completion_rate_percent"], 50.0);
        assert_eq!(ada["workflows"][0]["start_time"], "1970-01-01T00:00:00");
        let summary = &report["system_summary"];
        assert_eq!(
            (&summary["total_runtime_hours"], &summary["completion_rate_percent"]),
            (&json!(3.5), &json!(33.33))
        );
        assert_eq!(summary["author_attribution_rate_percent"], 66.67);
    }

    #[test]
    fn the_ten_busiest_users_are_shown_first() {
        let names: Vec<String> = (0..12).map(|number| format!("user {number}")).collect();
        let workflows = names.iter().zip(0..).map(|(name, hours)| (&**name, f64::from(hours), "completed"));
        let top = top_users(&report(&workflows.collect::<Vec<_>>()));
        assert_eq!(top["total_users"], 12);
        assert_eq!(top["top_users"].as_array().map(Vec::len), Some(10));
        assert_eq!(top["top_users"][0]["author"], "user 11");
        assert_eq!(
            top["system_totals"],
            json!({
                "total_workflows": 12, "total_runtime_hours": 66.0, "completion_rate_percent": 100.0,
            })
        );
    }
}
