//! Whether use grew or shrank from the first active period to the last.

use serde_json::{Value, json};

use super::{period_use::PeriodUse, python::rounded};

/// A change of so many percent is one.
const CHANGE_PERCENT: f64 = 5.0;

/// The trends of utilization and of experiments.
pub(super) fn trends(uses: &[PeriodUse]) -> Value {
    let active: Vec<&PeriodUse> = uses.iter().filter(|period| period.percent > 0.0).collect();
    let [first, .., last] = &active[..] else {
        let unknown = json!({"direction": "insufficient_data", "change_percent": 0});
        return json!({"utilization_trend": unknown, "experiment_trend": unknown});
    };
    let (util_first, util_last) = (json!(rounded(first.percent, 2)), json!(rounded(last.percent, 2)));
    let (from, to) = (first.experiments, last.experiments);
    json!({
        "utilization_trend": trend(first.percent, last.percent, &util_first, &util_last, active.len()),
        "experiment_trend": trend(from as f64, to as f64, &json!(from), &json!(to), active.len()),
    })
}

fn trend(first: f64, last: f64, first_value: &Value, last_value: &Value, periods: usize) -> Value {
    let change = (last - first) / first * 100.0;
    let (direction, change_percent) = match change {
        _ if first == 0.0 => ("stable", json!(0)),
        change if change > CHANGE_PERCENT => ("increasing", json!(rounded(change, 2))),
        change if change < -CHANGE_PERCENT => ("decreasing", json!(rounded(change, 2))),
        change => ("stable", json!(rounded(change, 2))),
    };
    json!({
        "direction": direction,
        "change_percent": change_percent,
        "first_value": first_value,
        "last_value": last_value,
        "active_periods_analyzed": periods,
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{PeriodUse, trends};

    /// Percentages and numbers of experiments of the periods; the directions.
    fn check(periods: &[(f64, usize)], expected: [&str; 2]) {
        let uses = periods.iter().map(|(percent, experiments)| PeriodUse {
            percent: *percent,
            experiments: *experiments,
            runtime_hours: 0.0,
            active_hours: 0.0,
            nodes: Vec::new(),
            workcells: Vec::new(),
            experiment_ids: Vec::new(),
        });
        let trends = trends(&uses.collect::<Vec<_>>());
        let found = ["utilization_trend", "experiment_trend"].map(|trend| trends[trend]["direction"].clone());
        assert_eq!(found, expected.map(|direction| json!(direction)), "{periods:?}");
    }

    #[test]
    fn a_trend_is_that_from_the_first_active_period_to_the_last() {
        check(&[], ["insufficient_data"; 2]);
        check(&[(0.0, 0), (50.0, 1), (0.0, 2)], ["insufficient_data"; 2]);
        check(&[(50.0, 1), (10.0, 7), (55.0, 1)], ["increasing", "stable"]);
        check(&[(50.0, 4), (0.0, 9), (52.0, 3)], ["stable", "decreasing"]);
        check(&[(50.0, 0), (40.0, 3)], ["decreasing", "stable"]);
    }
}
