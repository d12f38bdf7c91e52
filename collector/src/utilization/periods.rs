//! The report on periods: hours, days, weeks or months, how each was used, and what they come to.

use jiff::tz::TimeZone;
use serde_json::{Value, json};

use super::{
    PERIODS_MAX, Times, Window,
    experiments::experiment_details,
    history::History,
    ids::IdSet,
    iso_text::{naive_text, spaced_text, utc_text},
    period::{Analysis, Period},
    period_use::{PeriodUse, use_of},
    python::{mean, rounded, rounded_or_zero, sum},
    series::{NodeSeries, Peak, WorkcellSeries, system_points},
    trend::trends,
    users::{top_users, users},
};

/// A report on periods that can be made.
#[derive(Debug, Clone)]
pub(crate) struct PeriodsRequest {
    window: Window,
    analysis_type: String,
    analysis: Analysis,
    user_timezone: String,
    include_users: bool,
    periods: Vec<Period>,
}

impl PeriodsRequest {
    /// Reads the parameters `start_time` and `end_time`, `analysis_type`, `user_timezone` and `include_users`. A time
    /// without an offset is one of the zone `naive`; an unknown `user_timezone` is UTC. The error is the answer.
    pub(crate) fn read(
        times: (Option<&str>, Option<&str>),
        naive: &TimeZone,
        analysis_type: &str,
        user_timezone: &str,
        include_users: bool,
    ) -> Result<Self, Value> {
        let times = Times::parse(times.0, times.1, naive)
            .map_err(|problem| json!({"error": format!("Failed to generate utilization report: {problem}")}))?;
        let (Some(start), Some(end)) = (times.start, times.end) else {
            let details = "Both parameters must be provided as ISO strings";
            return Err(json!({"error": "start_time and end_time are required", "details": details}));
        };
        if start >= end {
            let error = "Invalid analysis time period: start time must be before end time";
            let details = format!("Start time {} >= end time {}", spaced_text(start), spaced_text(end));
            return Err(json!({"error": error, "details": details}));
        }
        let (window, analysis) = (Window { start, end }, Analysis::of(analysis_type));
        let zone = TimeZone::get(user_timezone).unwrap_or(TimeZone::UTC);
        let periods = analysis.periods(window, &zone).ok_or_else(|| {
            let details = format!("A report has no more than {PERIODS_MAX} periods");
            json!({"error": "Invalid analysis time period: too many periods", "details": details})
        })?;
        Ok(Self {
            window,
            analysis_type: analysis_type.to_owned(),
            analysis,
            user_timezone: user_timezone.to_owned(),
            include_users,
            periods,
        })
    }

    /// The time whose events are needed. It begins before the start that was asked for where the first period does.
    pub(crate) fn events_window(&self) -> Window {
        let first = self.periods.first().map_or(self.window.start, |period| period.span.start);
        Window { start: self.window.start.min(first), end: self.window.end }
    }
}

/// The report on the periods.
pub(crate) fn periods(history: &History, request: &PeriodsRequest, now: i64) -> Value {
    let (analysis, periods) = (request.analysis, &request.periods[..]);
    let uses = use_of(history, analysis, request.window, periods);
    let nodes = NodeSeries::of_nodes(analysis, periods, &uses);
    let workcells = WorkcellSeries::of_workcells(analysis, periods, &uses);
    let experiment_ids: IdSet = uses.iter().flat_map(|used| used.experiment_ids.iter().copied()).collect();
    let summary_metadata = json!({
        "analysis_type": request.analysis_type,
        "generated_at": utc_text(now),
        "period_start": naive_text(request.window.start),
        "period_end": naive_text(request.window.end),
        "user_timezone": request.user_timezone,
        "total_periods": periods.len(),
        "method": "session_based_analysis_with_experiment_details_refactored",
    });
    let time_series = json!({
        "system": system_points(periods, &uses),
        "nodes": nodes.points(history),
        "workcells": workcells.points(),
    });
    let user_utilization = request.include_users.then(|| top_users(&users(history, request.window, now)));
    let sections = [
        ("summary_metadata", Some(summary_metadata)),
        ("key_metrics", Some(key_metrics(analysis, periods, &uses))),
        ("user_utilization", user_utilization),
        ("node_summary", Some(nodes.summary(history).into())),
        ("workcell_summary", Some(workcells.summary(|id| history.workcell_name(id)).into())),
        ("trends", Some(trends(&uses))),
        ("experiment_details", Some(experiment_details(history, request.window, &experiment_ids))),
        ("time_series", Some(time_series)),
    ];
    sections.into_iter().filter_map(|(key, section)| Some((key.to_owned(), section?))).collect()
}

fn key_metrics(analysis: Analysis, periods: &[Period], uses: &[PeriodUse]) -> Value {
    let runtime = sum(uses.iter().map(|used| used.runtime_hours));
    let active = sum(uses.iter().map(|used| used.active_hours));
    let with_experiments: Vec<&PeriodUse> = uses.iter().filter(|used| used.experiments > 0).collect();
    let average = match analysis {
        Analysis::Monthly if runtime > 0.0 => json!(rounded(active / runtime * 100.0, 2)),
        Analysis::Monthly => json!(0),
        _ => rounded_or_zero(mean(&with_experiments.iter().map(|used| used.percent).collect::<Vec<_>>()), 2),
    };
    let mut peak: Option<(f64, &Period)> = None;
    for (period, used) in periods.iter().zip(uses) {
        if used.percent > peak.map_or(0.0, |(percent, _)| percent) {
            peak = Some((used.percent, period));
        }
    }
    let peak = peak.map_or_else(Peak::none, |(percent, period)| Peak::at(analysis, percent, period));
    json!({
        "average_utilization": average,
        "peak_utilization": peak.percent,
        "peak_period": peak.period,
        "peak_context": peak.context,
        "total_experiments": uses.iter().map(|used| used.experiments).sum::<usize>(),
        "total_runtime_hours": rounded_or_zero(runtime, 2),
        "total_active_time_hours": rounded_or_zero(active, 2),
        "active_periods": with_experiments.len(),
        "total_periods": periods.len(),
    })
}

#[cfg(test)]
mod tests {
    use jiff::tz::TimeZone;
    use serde_json::{Value, json};

    use super::{History, PeriodsRequest, periods};

    fn read(start: &str, end: &str, analysis_type: &str, include_users: bool) -> Result<PeriodsRequest, Value> {
        let times = (Some(start), Some(end));
        PeriodsRequest::read(times, &TimeZone::UTC, analysis_type, "Europe/Zurich", include_users)
    }

    #[test]
    fn what_cannot_be_reported_is_answered_so() {
        let check = |start, end, expected| assert_eq!(read(start, end, "hourly", true).err(), Some(expected));
        let details = "Both parameters must be provided as ISO strings";
        check("2026-01-01", "", json!({"error": "start_time and end_time are required", "details": details}));
        let error = "Failed to generate utilization report: Invalid isoformat string: 'today'";
        check("today", "", json!({"error": error}));
        let error = "Invalid analysis time period: start time must be before end time";
        let details = "Start time 2026-01-01 00:00:00.500000 >= end time 2026-01-01 00:00:00";
        check("2026-01-01T00:00:00.5Z", "2026-01-01", json!({"error": error, "details": details}));
        let error = "Invalid analysis time period: too many periods";
        check(
            "2000-01-01",
            "2026-01-01",
            json!({"error": error, "details": "A report has no more than 20000 periods"}),
        );
    }

    #[test]
    fn events_are_needed_from_the_start_of_the_first_period() {
        let begins = |analysis_type| {
            let request = read("2026-07-01T12:00", "2026-07-02", analysis_type, false).expect("a report");
            super::naive_text(request.events_window().start)
        };
        assert_eq!(begins("daily"), "2026-07-01T12:00:00");
        assert_eq!(begins("weekly"), "2026-06-28T22:00:00");
        assert_eq!(begins("other"), "2026-06-30T22:00:00");
    }

    #[test]
    fn users_stand_behind_the_key_metrics_if_they_are_asked_for() {
        let keys = |include_users| {
            let request = read("2026-01-01", "2026-01-03", "daily", include_users).expect("a report");
            let report = periods(&History::default(), &request, 1);
            report.as_object().expect("an object").keys().take(3).cloned().collect::<Vec<_>>()
        };
        assert_eq!(keys(true), ["summary_metadata", "key_metrics", "user_utilization"]);
        assert_eq!(keys(false), ["summary_metadata", "key_metrics", "node_summary"]);
    }

    #[test]
    fn a_report_on_nothing_is_a_report_of_zeros() {
        let request = read("2026-01-01", "2026-01-03", "daily", true).expect("a report");
        let report = periods(&History::default(), &request, 1);
        assert_eq!(
            report["key_metrics"],
            json!({
                "average_utilization": 0,
                "peak_utilization": 0,
                "peak_period": null,
                "peak_context": "No peak data available",
                "total_experiments": 0,
                "total_runtime_hours": 0,
                "total_active_time_hours": 0,
                "active_periods": 0,
                "total_periods": 3,
            })
        );
        let last = &report["time_series"]["system"][2];
        assert_eq!((&last["date"], &last["start_time"]), (&json!("2026-01-03"), &json!("2026-01-03T00:00:00")));
        assert_eq!(last["start_time_utc"], "2026-01-02T23:00:00");
        assert_eq!((&report["node_summary"], &report["time_series"]["nodes"]), (&json!({}), &json!({})));
    }
}
