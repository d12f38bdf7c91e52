//! The reports of utilisation, as JSON and as CSV.

mod histories;

use labtrail_tests::lab::Answer;
use serde_json::{Value, json};

use super::{
    answers::answered,
    case::{event, get, report},
    pair::Pair,
};
use histories::{ODD, OVER_CLOCK_CHANGE, OVER_ZONES, SMALL, WEEK_OF_EVENTS, tell};

pub(super) fn scene(pair: &Pair) {
    tell(pair, WEEK_OF_EVENTS);
    sessions_and_users(pair);
    periods(pair);
    peak_of_hours(pair);
    saved(pair);
    users_in_periods(pair);
    clock_changes(pair);
    small_histories(pair);
}

/// What MADSci counts of some workflows only, and Labtrail of all.
const USER_SUMMARY: &[&str] = &[
    "/report_metadata/workflows_with_authors",
    "/report_metadata/workflows_without_authors",
    "/system_summary/total_runtime_hours",
    "/system_summary/average_workflow_duration_hours",
    "/system_summary/workflows_with_known_authors",
    "/system_summary/author_attribution_rate_percent",
    "Total Runtime (hours)",
    "Average Workflow Duration (hours)",
    "Author Attribution Rate (%)",
];

fn sessions_and_users(pair: &Pair) {
    let week = report(format!("/utilization/user?{WEEK}"));
    pair.accepted("user-summary", week, |ours| {
        let report: Value = serde_json::from_str(&ours.text).unwrap_or_default();
        let users = report["user_utilization"].as_object().cloned().unwrap_or_default();
        let sum = |of: &dyn Fn(&str, &Value) -> f64| users.iter().map(|(author, user)| of(author, user)).sum::<f64>();
        let hours = sum(&|_, user| user["total_runtime_hours"].as_f64().unwrap_or(f64::NAN));
        let known = sum(&|author, user| {
            if author == "Unknown Author" { 0.0 } else { user["total_workflows"].as_f64().unwrap_or(f64::NAN) }
        });
        let summary = &report["system_summary"];
        let is_near = |key: &str, sum: f64| summary[key].as_f64().is_some_and(|value| (value - sum).abs() < 0.05);
        let is_so = is_near("total_runtime_hours", hours) && is_near("workflows_with_known_authors", known);
        if is_so {
            Ok(())
        } else {
            Err(format!("the users have {hours} hours and {known} workflows, and all {summary}"))
        }
    });
    // A session that began at the end of the window, by a time with a zone.
    let edge = report("/utilization/sessions?start_time=2026-03-02T14:00:00&end_time=2026-03-03T14:02:00");
    pair.accepted("times-are-instants", edge, |ours| {
        let report: Value = serde_json::from_str(&ours.text).unwrap_or_default();
        let count = &report["report_metadata"]["total_sessions"];
        if *count == 2 { Ok(()) } else { Err(format!("there are {count} sessions instead of 2")) }
    });
    for (name, except) in [("sessions", [].as_slice()), ("user", USER_SUMMARY)] {
        for csv in ["", "&csv_format=true"] {
            pair.same_all(
                |window: &str| report(format!("/utilization/{name}?{window}{csv}")).except(except),
                [
                    "x=",
                    "start_time=2026-03-02T00:00:00Z&end_time=2026-03-03T00:00:00Z",
                    "start_time=2026-03-02T00:00:00&end_time=2026-03-06T00:00:00",
                    "start_time=2026-03-03T00:00:00",
                    "end_time=2026-03-03T00:00:00",
                    "start_time=2026-03-02T14:30:00Z&end_time=2026-03-02T15:30:00Z",
                    "start_time=2026-03-02T16:00:00%2B02:00&end_time=2026-03-05T00:00:00-05:00",
                    "start_time=2026-03-02&end_time=2026-03-04",
                    "start_time=2026-03-06T00:00:00Z&end_time=2026-03-01T00:00:00Z",
                    "start_time=2020-01-01T00:00:00Z&end_time=2020-01-02T00:00:00Z",
                    "start_time=yesterday",
                    "end_time=tomorrow",
                    "start_time=&end_time=",
                    "start_time=2026-03-02T14:00:00.250Z&end_time=2026-03-02T23:00:00.5Z",
                    "start_time=1772402400",
                    "start_time=2026-13-01",
                    "start_time=20260302T000000&end_time=20260303",
                    "start_time=2026-03-02%2014:05",
                ],
            );
        }
        pair.same_all(
            |query: &str| get(format!("/utilization/{name}?{query}")),
            ["csv_format=maybe", "save_to_file=2", "csv_format=&save_to_file=x"],
        );
        pair.same_all(
            |query: &str| {
                report(format!("/utilization/{name}?{query}&start_time=2026-03-02&end_time=2026-03-03")).except(except)
            },
            [
                "csv_format=1&save_to_file=yes",
                "save_to_file=true",
                "csv_format=on&save_to_file=true&output_path=",
                "csv_format=no&output_path=x",
            ],
        );
    }
}

const WEEK: &str = "start_time=2026-03-02T00:00:00Z&end_time=2026-03-06T00:00:00Z";

fn periods(pair: &Pair) {
    for csv in ["", "&csv_format=true"] {
        for kind in ["daily", "weekly", "monthly", "Daily", "yearly", ""] {
            pair.same(report(format!("/utilization/periods?{WEEK}&include_users=false&analysis_type={kind}{csv}")));
        }
        for zone in [
            "UTC",
            "America/Chicago",
            "Europe/Zurich",
            "Asia/Kolkata",
            "Pacific/Auckland",
            "utc",
            "Mars/Base",
            "",
            "US/Central",
            "EST",
        ] {
            pair.same(report(format!("/utilization/periods?{WEEK}&include_users=false&user_timezone={zone}{csv}")));
        }
        pair.same_all(
            |query: &str| report(format!("/utilization/periods?include_users=false&{query}{csv}")),
            [
                "",
                "start_time=2026-03-02T00:00:00Z",
                "end_time=2026-03-02T00:00:00Z",
                "start_time=x&end_time=y",
                "start_time=2026-03-02&end_time=2026-03-04",
                "start_time=2026-03-06T00:00:00Z&end_time=2026-03-02T00:00:00Z",
                "start_time=2026-03-02T14:30:00Z&end_time=2026-03-02T14:30:00Z",
                "start_time=2020-01-01T00:00:00Z&end_time=2020-01-03T00:00:00Z",
                "start_time=2026-03-02T14:10:00Z&end_time=2026-03-02T15:20:00Z&analysis_type=hourly&user_timezone=UTC",
                "start_time=2026-03-02T08:00:00-06:00&end_time=2026-03-02T20:00:00%2B01:00&analysis_type=hourly",
                "start_time=2026-02-15T00:00:00Z&end_time=2026-03-05T12:00:00Z&analysis_type=weekly&user_timezone=UTC",
                "start_time=2026-01-15T00:00:00Z&end_time=2026-03-05T12:00:00Z&analysis_type=monthly&user_timezone=UTC",
                "start_time=&end_time=",
            ],
        );
    }
    pair.same_all(
        |query: &str| get(format!("/utilization/periods?{query}")),
        ["csv_format=maybe", "include_users=2", "save_to_file=x&csv_format=y&include_users=z"],
    );
}

/// Hours without work are counted, too, and MADSci names the wrong one by that.
fn peak_of_hours(pair: &Pair) {
    let hourly = format!("/utilization/periods?{WEEK}&include_users=false&analysis_type=hourly");
    pair.accepted("peak-period", report(hourly.as_str()), |ours| {
        let report: Value = serde_json::from_str(&ours.text).unwrap_or_default();
        let workcell = &report["workcell_summary"][WORKCELL];
        let peak = [&workcell["peak_utilization"], &workcell["peak_period"]];
        if peak == [&json!(83.3), &json!("2026-03-02 08:00")] { Ok(()) } else { Err(format!("the peak is {peak:?}")) }
    });
    pair.same(report(hourly.as_str()).except(PEAK));
    pair.same(report(format!("{hourly}&csv_format=true")).except(PEAK));
}

const WORKCELL: &str = "01JDCXR1V2M3N4P5Q6R7S8W001";

/// In JSON, and the line of the workcell in CSV.
const PEAK: &[&str] = &[
    "/workcell_summary/01JDCXR1V2M3N4P5Q6R7S8W001/peak_period",
    "/workcell_summary/01JDCXR1V2M3N4P5Q6R7S8W001/peak_context",
    WORKCELL,
];

/// Files that the server is told to write: by MADSci anywhere, by ours in the folder for reports.
fn saved(pair: &Pair) {
    for (number, (query, except)) in [
        (format!("sessions?{WEEK}"), [].as_slice()),
        (format!("user?{WEEK}"), USER_SUMMARY),
        (format!("periods?{WEEK}&include_users=false"), &[]),
        (format!("periods?{WEEK}&include_users=false&analysis_type=hourly"), PEAK),
    ]
    .iter()
    .enumerate()
    {
        let folder = pair.folder(&format!("collector/reports/{number}"));
        let target = format!("/utilization/{query}&csv_format=true&save_to_file=true&output_path={}", folder.display());
        pair.same_files(report(target).except(except), &folder);
    }
    pair.same(report(format!("/utilization/periods?{WEEK}&csv_format=true&save_to_file=true&output_path=")));
    for place in ["elsewhere", "collector/reports/../elsewhere"] {
        let folder = pair.folder(place);
        let target = format!("sessions?{WEEK}&csv_format=true&save_to_file=true&output_path={}", folder.display());
        pair.accepted("reports-stay-inside", report(format!("/utilization/{target}")), |ours| {
            let is_refused = ours.text.contains("\"error\"") || (400..500).contains(&ours.status);
            if is_refused { Ok(()) } else { Err("it is written".to_owned()) }
        });
    }
}

fn users_in_periods(pair: &Pair) {
    let ask = |answer: Answer| serde_json::from_str::<Value>(&answer.text).unwrap_or_default();
    let of_period = ask(pair.ours.request("GET", &format!("/utilization/periods?{WEEK}"), &[], b""));
    let alone = ask(pair.ours.request("GET", &format!("/utilization/user?{WEEK}"), &[], b""));
    let users = |of: &Value| of["user_utilization"].as_object().map(|users| users.keys().cloned().collect::<Vec<_>>());
    let are_there = users(&of_period).is_some_and(|users| !users.is_empty()) && of_period["error"].is_null();
    let theirs = ask(pair.theirs.request("GET", &format!("/utilization/periods?{WEEK}"), &[], b""));
    pair.accepted_if(
        "include-users",
        are_there && theirs["user_utilization"].is_null(),
        &format!("there is {:?}", users(&of_period)),
    );
    pair.accepted_if("utilization-users", users(&alone).is_some(), "there is no report on users");
    pair.same(report(format!("/utilization/periods?{WEEK}")));
    pair.accepted("utilization-users", report(format!("/utilization/users?{WEEK}")), |ours| {
        let is_same = ask(ours.clone())["user_utilization"] == alone["user_utilization"];
        if ours.status == 200 && is_same { Ok(()) } else { Err("it is not the report of /utilization/user".to_owned()) }
    });
    pair.accepted("utilization-users", report(format!("/utilization/users?{WEEK}&csv_format=true")), |ours| {
        let name = ours.header("content-disposition").unwrap_or_default();
        if ours.status == 200 && name.contains("user_utilization_report.csv") {
            Ok(())
        } else {
            Err("it is no CSV".to_owned())
        }
    });
}

/// On 2026-03-08 the clocks of Chicago go from 02:00 to 03:00, on 2026-11-01 from 02:00 to 01:00.
fn clock_changes(pair: &Pair) {
    pair.forget_events();
    tell(pair, OVER_CLOCK_CHANGE);
    let before = "start_time=2026-03-06T06:00:00Z&end_time=2026-03-08T06:00:00Z&include_users=false";
    pair.same(report(format!("/utilization/periods?{before}")));
    let over = "start_time=2026-03-06T06:00:00Z&end_time=2026-03-11T05:00:00Z&include_users=false";
    // Between 00:10 and 00:50 on the ninth by the clocks of Chicago, which were put forward the day before.
    pair.accepted("clock-changes", report(format!("/utilization/periods?{over}")), |ours| {
        let report: Value = serde_json::from_str(&ours.text).unwrap_or_default();
        let series = report["time_series"]["system"].as_array().cloned().unwrap_or_default();
        let days: Vec<(&str, &str, &Value)> = series
            .iter()
            .map(|day| {
                let text = |key: &str| day[key].as_str().unwrap_or_default();
                (text("period_display"), text("start_time_utc"), &day["experiments"])
            })
            .collect();
        let expected = [
            ("2026-03-06", "2026-03-06T06:00:00", &Value::from(0)),
            ("2026-03-07", "2026-03-07T06:00:00", &Value::from(0)),
            ("2026-03-08", "2026-03-08T06:00:00", &Value::from(0)),
            ("2026-03-09", "2026-03-09T05:00:00", &Value::from(1)),
            ("2026-03-10", "2026-03-10T05:00:00", &Value::from(0)),
        ];
        if days == expected { Ok(()) } else { Err(format!("the days are {days:?}")) }
    });
}

/// Little, or not as MADSci writes it.
fn small_histories(pair: &Pair) {
    let all = |pair: &Pair| {
        pair.same(report("/utilization/sessions"));
        pair.same(report("/utilization/sessions?csv_format=true"));
        pair.same(report("/utilization/user"));
        pair.same(report("/utilization/user?csv_format=true"));
        for kind in ["daily", "hourly", "monthly"] {
            pair.same(report(format!(
                "/utilization/periods?start_time=2026-05-01T00:00:00Z&end_time=2026-05-02T12:00:00Z&include_users=false&user_timezone=UTC&analysis_type={kind}"
            )));
        }
    };
    for history in SMALL.iter().copied() {
        pair.forget_events();
        tell(pair, history);
        all(pair);
    }
    pair.forget_events();
    tell(pair, OVER_ZONES);
    // From eight to twelve, with an experiment from nine to ten.
    pair.accepted("times-are-instants", report("/utilization/sessions"), |ours| {
        let report: Value = serde_json::from_str(&ours.text).unwrap_or_default();
        let session = &report["session_details"][0];
        let found = [&session["start_time"], &session["end_time"], &session["active_time_hours"]];
        let expected = [&json!("2026-05-01T08:00:00"), &json!("2026-05-01T12:00:00"), &json!(1.0)];
        if found == expected { Ok(()) } else { Err(format!("the session is {found:?}")) }
    });
    for (name, history) in ODD.iter().copied() {
        pair.forget_events();
        tell(pair, history);
        pair.accepted("report-on-odd-data", report(format!("/utilization/{name}")), answered);
    }
}
