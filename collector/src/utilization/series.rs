//! What became of nodes and workcells from period to period, and where each was used most.

use std::{hash::Hash, sync::Arc};

use serde_json::{Map, Value, json};

use super::{
    history::History,
    ids::Id,
    in_order::InOrder,
    period::{Analysis, Period},
    period_use::{PeriodUse, WorkcellUse},
    python::{last_eight, mean, or_zero, rounded_or_zero, sum},
    sessions::node_display_name,
};

/// The system as a whole, period by period.
pub(super) fn system_points(periods: &[Period], uses: &[PeriodUse]) -> Vec<Value> {
    let point = |(period, used): (&Period, &PeriodUse)| {
        json!({
            "period_number": period.number,
            "period_type": period.kind,
            "period_display": period.display,
            "date": period.date,
            "start_time": period.local_start,
            "start_time_utc": period.start_text(),
            "utilization": or_zero(used.percent),
            "experiments": used.experiments,
            "runtime_hours": or_zero(used.runtime_hours),
            "active_time_hours": or_zero(used.active_hours),
        })
    };
    periods.iter().zip(uses).map(point).collect()
}

/// Things by their ids, in the order in which they were heard of: what was told of each, with the period it belongs to.
pub(super) struct Series<'a, Key, Told> {
    analysis: Analysis,
    things: Vec<(Key, Vec<(&'a Period, Told)>)>,
}

impl<'a, Key: Hash + Eq + Clone, Told> Series<'a, Key, Told> {
    fn gather(analysis: Analysis, all: impl Iterator<Item = (Key, &'a Period, Told)>) -> Self {
        let mut things: InOrder<Key, Vec<(&Period, Told)>> = InOrder::default();
        for (key, period, told) in all {
            things.get_or_make(key, Vec::new).push((period, told));
        }
        Self { analysis, things: things.into_vec() }
    }
}

/// The percentage and the busy hours of nodes.
pub(super) type NodeSeries<'a> = Series<'a, Id, (f64, f64)>;

impl<'a> NodeSeries<'a> {
    pub(super) fn of_nodes(analysis: Analysis, periods: &'a [Period], uses: &[PeriodUse]) -> Self {
        let uses = periods.iter().zip(uses);
        let told = uses.flat_map(|(period, used)| {
            used.nodes.iter().map(move |(node, percent, busy_hours)| (*node, period, (*percent, *busy_hours)))
        });
        Self::gather(analysis, told)
    }

    pub(super) fn summary(&self, history: &History) -> Map<String, Value> {
        let summary = |node: Id, told: &[(&Period, (f64, f64))]| {
            let id = history.text(node);
            let percents: Vec<f64> = told.iter().map(|(_, (percent, _))| *percent).collect();
            let peak = Peak::of(self.analysis, told.iter().map(|(period, (percent, _))| (*percent, *period)));
            let summary = json!({
                "node_id": id,
                "node_name": history.node_names.get(node),
                "display_name": node_display_name(history, node),
                "average_utilization": rounded_or_zero(mean(&percents), 2),
                "peak_utilization": peak.percent,
                "peak_period": peak.period,
                "peak_context": peak.context,
                "total_busy_hours": rounded_or_zero(sum(told.iter().map(|(_, (_, busy_hours))| *busy_hours)), 2),
            });
            (id.to_owned(), summary)
        };
        self.things.iter().map(|(node, told)| summary(*node, told)).collect()
    }

    pub(super) fn points(&self, history: &History) -> Map<String, Value> {
        let point = |(period, (percent, busy_hours)): &(&Period, (f64, f64))| {
            json!({
                "period_number": period.number,
                "period_type": period.kind,
                "period_display": period.display,
                "date": period.date,
                "utilization": or_zero(*percent),
                "busy_hours": or_zero(*busy_hours),
            })
        };
        let points = |told: &[(&Period, (f64, f64))]| told.iter().map(point).collect::<Vec<_>>().into();
        self.things.iter().map(|(node, told)| (history.text(*node).to_owned(), points(told))).collect()
    }
}

/// The shares of labs and workcells.
pub(super) type WorkcellSeries<'a> = Series<'a, Arc<str>, &'a WorkcellUse>;

impl<'a> WorkcellSeries<'a> {
    pub(super) fn of_workcells(analysis: Analysis, periods: &'a [Period], uses: &'a [PeriodUse]) -> Self {
        let uses = periods.iter().zip(uses);
        let told =
            uses.flat_map(|(period, used)| used.workcells.iter().map(move |told| (told.id.clone(), period, told)));
        Self::gather(analysis, told)
    }

    /// `name_of` knows the names that the workcells were given.
    pub(super) fn summary<'n>(&self, name_of: impl Fn(&str) -> Option<&'n str>) -> Map<String, Value> {
        let summary = |id: &str, told: &[(&Period, &WorkcellUse)]| {
            let percents: Vec<f64> = told.iter().map(|(_, told)| told.percent).collect();
            let peak = Peak::of(self.analysis, with_runtime(told).map(|(period, told)| (told.percent, *period)));
            let short = last_eight(id);
            let name = name_of(id).map_or_else(|| format!("Workcell {short}"), ToOwned::to_owned);
            let says_its_id = name.starts_with("Workcell ") && name.contains(short);
            let total = |of: fn(&WorkcellUse) -> f64| rounded_or_zero(sum(told.iter().map(|(_, told)| of(told))), 2);
            let summary = json!({
                "workcell_id": id,
                "workcell_name": name,
                "display_name": if says_its_id { name.clone() } else { format!("{name} ({short})") },
                "average_utilization": rounded_or_zero(mean(&percents), 2),
                "peak_utilization": peak.percent,
                "peak_period": peak.period,
                "peak_context": peak.context,
                "total_experiments": told.iter().map(|(_, told)| told.experiments).sum::<usize>(),
                "total_runtime_hours": total(|told| told.runtime_hours),
                "total_active_time_hours": total(|told| told.active_hours),
            });
            (id.to_owned(), summary)
        };
        self.things.iter().map(|(id, told)| summary(id, told)).collect()
    }

    /// Workcells that were there for no time at all have none.
    pub(super) fn points(&self) -> Map<String, Value> {
        let point = |(period, told): &(&Period, &WorkcellUse)| {
            json!({
                "period_number": period.number,
                "period_type": period.kind,
                "period_display": period.display,
                "date": period.date,
                "utilization": or_zero(told.percent),
                "experiments": told.experiments,
                "runtime_hours": or_zero(told.runtime_hours),
                "active_time_hours": or_zero(told.active_hours),
                "attributed": false,
            })
        };
        let things = self.things.iter().map(|(id, told)| (id, with_runtime(told).map(point).collect::<Vec<_>>()));
        things.filter(|(_, points)| !points.is_empty()).map(|(id, points)| ((**id).to_owned(), points.into())).collect()
    }
}

fn with_runtime<'s, 'a>(
    told: &'s [(&'a Period, &'a WorkcellUse)],
) -> impl Iterator<Item = &'s (&'a Period, &'a WorkcellUse)> {
    told.iter().filter(|(_, told)| told.runtime_hours > 0.0)
}

/// The period in which something was used most.
pub(super) struct Peak {
    pub percent: Value,
    pub period: Value,
    pub context: String,
}

impl Peak {
    pub(super) fn none() -> Self {
        Self { percent: json!(0), period: Value::Null, context: "No peak data available".to_owned() }
    }

    pub(super) fn at(analysis: Analysis, percent: f64, period: &Period) -> Self {
        let context = analysis.peak_context(&period.display);
        Self { percent: rounded_or_zero(percent, 2), period: json!(period.display), context }
    }

    /// Of the first that is the greatest.
    fn of<'a>(analysis: Analysis, told: impl Iterator<Item = (f64, &'a Period)>) -> Self {
        let greater = |greatest: (f64, &'a Period), next: (f64, &'a Period)| {
            if next.0 > greatest.0 { next } else { greatest }
        };
        told.reduce(greater).map_or_else(Self::none, |(percent, period)| Self::at(analysis, percent, period))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{Analysis, Period, PeriodUse, WorkcellSeries, WorkcellUse};
    use crate::utilization::Window;

    /// Percentages and hours of a workcell, one of each day; what its summary says.
    fn check(days: &[(f64, f64)], name: Option<&str>, expected: [(&str, Value); 5]) {
        let period = |number| Period {
            number,
            span: Window { start: 0, end: 0 },
            kind: "day",
            display: format!("day {number}"),
            date: String::new(),
            local_start: String::new(),
        };
        let share = |(percent, hours): &(f64, f64)| {
            let (percent, runtime_hours) = (*percent, *hours);
            let workcell =
                WorkcellUse { id: "W-12345678".into(), percent, experiments: 1, runtime_hours, active_hours: 0.0 };
            let (nodes, experiment_ids, workcells) = (Vec::new(), Vec::new(), vec![workcell]);
            PeriodUse { percent, experiments: 1, runtime_hours, active_hours: 0.0, nodes, workcells, experiment_ids }
        };
        let periods: Vec<Period> = (1..=days.len()).map(period).collect();
        let uses: Vec<PeriodUse> = days.iter().map(share).collect();
        let series = WorkcellSeries::of_workcells(Analysis::Daily, &periods, &uses);
        let summary = series.summary(|_| name);
        for (key, value) in expected {
            assert_eq!(summary["W-12345678"][key], value, "{key} of {days:?}");
        }
    }

    #[test]
    fn the_peak_is_the_first_day_that_none_exceeds() {
        check(
            &[(10.0, 1.0), (30.5, 2.0), (30.5, 3.0), (20.0, 0.125)],
            Some("North"),
            [
                ("display_name", json!("North (12345678)")),
                ("average_utilization", json!(22.75)),
                ("peak_utilization", json!(30.5)),
                ("peak_context", json!("Peak utilization on day 2")),
                ("total_runtime_hours", json!(6.12)),
            ],
        );
        // A day without runtime is none that could be a peak; MADSci then names the day after.
        check(
            &[(0.0, 0.0), (10.0, 1.0)],
            None,
            [
                ("display_name", json!("Workcell 12345678")),
                ("average_utilization", json!(5.0)),
                ("peak_utilization", json!(10.0)),
                ("peak_context", json!("Peak utilization on day 2")),
                ("total_runtime_hours", json!(1.0)),
            ],
        );
        check(
            &[(0.0, 0.0)],
            Some("Workcell 12345678"),
            [
                ("display_name", json!("Workcell 12345678")),
                ("average_utilization", json!(0)),
                ("peak_utilization", json!(0)),
                ("peak_context", json!("No peak data available")),
                ("total_runtime_hours", json!(0)),
            ],
        );
    }
}
