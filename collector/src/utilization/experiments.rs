//! The experiments of a report on periods: when each started and ended, and how.

use serde_json::{Value, json};

use super::{
    Window,
    history::{Happening, History},
    ids::{Id, IdSet},
    in_order::IdsInOrder,
    iso_text::naive_text,
};

/// A report shows no more of them.
const SHOWN_MAX: usize = 50;

#[derive(Default)]
struct Experiment<'a> {
    start: Option<(i64, Option<&'a Value>)>,
    end: Option<(i64, Option<&'a Value>)>,
}

/// The experiments that started within a window; only those of `ids`, if there are any. As MADSci has it, one that
/// failed or was cancelled still counts as under way, and one that was never told to be complete too.
pub(super) fn experiment_details(history: &History, window: Window, ids: &IdSet) -> Value {
    let mut experiments: IdsInOrder<Experiment<'_>> = IdsInOrder::default();
    for moment in history.within(window) {
        let is_meant = |id: &Id| ids.is_empty() || ids.contains(id);
        let Some(id) = moment.experiment.filter(is_meant) else { continue };
        let (Happening::ExperimentStart(value) | Happening::ExperimentComplete(value)) = &moment.what else { continue };
        let experiment = experiments.get_or_make(id, Experiment::default);
        let is_start = matches!(moment.what, Happening::ExperimentStart(_));
        *(if is_start { &mut experiment.start } else { &mut experiment.end }) = Some((moment.time, value.as_deref()));
    }
    let mut experiments = experiments.into_vec();
    experiments.retain(|(_, experiment)| experiment.start.is_some());
    experiments.sort_by_key(|(_, experiment)| experiment.start.map(|(time, _)| time));
    let shown =
        experiments.iter().take(SHOWN_MAX).filter_map(|(id, experiment)| details(history.text(*id), experiment));
    json!({"total_experiments": experiments.len(), "experiments": shown.collect::<Vec<_>>()})
}

fn details(id: &str, experiment: &Experiment<'_>) -> Option<Value> {
    let (start, name) = experiment.start?;
    let seconds = experiment.end.map(|(end, _)| (end - start) as f64 / 1e6);
    let status = experiment.end.map(|(_, status)| status.cloned().unwrap_or_else(|| json!("completed")));
    Some(json!({
        "experiment_id": id,
        "experiment_name": name.cloned().unwrap_or_else(|| json!("Unknown Experiment")),
        "start_time": naive_text(start),
        "end_time": experiment.end.map(|(end, _)| naive_text(end)),
        "status": status.unwrap_or_else(|| json!("in_progress")),
        "duration_hours": seconds.map(|seconds| seconds / 3600.0),
        "duration_display": seconds.map_or_else(|| "Ongoing".to_owned(), duration_display),
    }))
}

fn duration_display(seconds: f64) -> String {
    match seconds {
        ..60.0 => format!("{seconds:.1} seconds"),
        60.0..3600.0 => format!("{:.1} minutes", seconds / 60.0),
        _ => format!("{:.1} hours", seconds / 3600.0),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{History, IdSet, Window, experiment_details};

    fn history(events: &[(i64, &str, Value)]) -> History {
        let mut history = History::default();
        for (second, what, data) in events {
            let source = json!({"experiment_id": "E"});
            let event = json!({"event_type": format!("experiment_{what}"), "source": source, "event_data": data});
            history.add(&event, second * 1_000_000);
        }
        history
    }

    fn check(events: &[(i64, &str, Value)], expected: Option<&(Value, Value, &str)>) {
        let window = Window { start: 0, end: 100_000_000_000 };
        let details = experiment_details(&history(events), window, &IdSet::default());
        let found = details["experiments"].get(0).map(|experiment| {
            let display = experiment["duration_display"].as_str().unwrap_or_default();
            (experiment["experiment_name"].clone(), experiment["status"].clone(), display)
        });
        assert_eq!(found.as_ref(), expected);
    }

    #[test]
    fn an_experiment_is_known_by_its_start_and_its_end() {
        let design = json!({"experiment": {"experiment_design": {"experiment_name": "Titration"}}});
        check(&[(1, "complete", json!({}))], None);
        check(&[(1, "start", json!("text"))], Some(&(json!("Unknown Experiment"), json!("in_progress"), "Ongoing")));
        check(
            &[(1, "start", design.clone()), (91, "complete", json!({"status": {"code": 1}}))],
            Some(&(json!("Titration"), json!({"code": 1}), "1.5 minutes")),
        );
        check(
            &[(1, "start", design), (5, "failed", json!({}))],
            Some(&(json!("Titration"), json!("in_progress"), "Ongoing")),
        );
        check(
            &[(1, "complete", json!(7)), (11, "start", json!({}))],
            Some(&(json!("Unknown Experiment"), json!("completed"), "-10.0 seconds")),
        );
    }

    #[test]
    fn fifty_are_shown_and_all_are_counted() {
        let mut history = History::default();
        for number in 0..60 {
            history.add(
                &json!({"event_type": "experiment_start", "event_data": {"experiment_id": format!("E{number}")}}),
                60 - number,
            );
        }
        let details = experiment_details(&history, Window { start: 0, end: 60 }, &IdSet::default());
        assert_eq!(details["total_experiments"], 60);
        assert_eq!(details["experiments"].as_array().map(Vec::len), Some(50));
        assert_eq!(details["experiments"][0]["experiment_id"], "E59");
    }
}
