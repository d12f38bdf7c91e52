//! MADSci's Python client, as it is, against Labtrail: `client.py` calls every public method and prints what comes back.

use std::{
    path::{Path, PathBuf},
    process::Stdio,
};

use labtrail_tests::{
    lab::{Collector, Lab},
    services::{madsci_client, madsci_python},
};
use serde_json::{Value, json};

use super::collector_on;

/// Which of MADSci's clients.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Version {
    V0_7_1,
    V0_8_1,
}

#[test]
fn the_client_of_0_7_1_works_on_sqlite() {
    let lab = Lab::new();
    check(&lab, &lab.collector(), Version::V0_7_1);
}

#[test]
fn the_client_of_0_7_1_works_on_mongodb() {
    let lab = Lab::new();
    check(&lab, &collector_on(&lab, "client_071"), Version::V0_7_1);
}

#[test]
fn the_client_of_0_8_1_works_on_sqlite() {
    let lab = Lab::new();
    check(&lab, &lab.collector(), Version::V0_8_1);
}

#[test]
fn the_client_of_0_8_1_works_on_mongodb() {
    let lab = Lab::new();
    check(&lab, &collector_on(&lab, "client_081"), Version::V0_8_1);
}

/// The folder for the reports of the first collector of a laboratory.
fn folder_for_reports(lab: &Lab) -> PathBuf {
    lab.path("collector/reports")
}

/// What `client.py` prints.
fn run(lab: &Lab, collector: &Collector, version: Version) -> Value {
    let folder = lab.path("client");
    std::fs::create_dir_all(&folder).expect("folders can be made");
    let mut command = madsci_python(&folder);
    if version == Version::V0_8_1 {
        command.env("PYTHONPATH", madsci_client());
    }
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/e2e/madsci/client.py");
    command
        .arg(script)
        .arg(format!("{}/", collector.url()))
        .arg(folder_for_reports(lab))
        .env("TZ", "UTC")
        .stdin(Stdio::null());
    let output = command.output().expect("Python can be started");
    let said = String::from_utf8_lossy(&output.stderr);
    let last: Vec<&str> = said.lines().rev().take(20).collect();
    assert!(output.status.success(), "client.py ended with {}: {last:#?}", output.status);
    serde_json::from_slice(&output.stdout).expect("it prints JSON")
}

/// Gathers what is not as expected, so that one run tells all.
struct Outcomes {
    results: Value,
    wrong: Vec<String>,
}

impl Outcomes {
    fn returned(&self, name: &str) -> &Value {
        &self.results[name]["returned"]
    }

    fn is(&mut self, what: &str, found: impl Into<Value>, expected: impl Into<Value>) {
        let (found, expected) = (found.into(), expected.into());
        if found != expected {
            self.wrong.push(format!("{what}: {found} instead of {expected}"));
        }
    }

    /// The call returned JSON in which this stands at a place.
    fn returns(&mut self, name: &str, place: &str, expected: impl Into<Value>) {
        let found = self.returned(name).pointer(place).cloned();
        let found = found.unwrap_or_else(|| self.results[name].clone());
        self.is(&format!("{name} {place}"), found, expected);
    }

    /// The call raised what it raises for this status.
    fn raises(&mut self, name: &str, statuses: std::ops::Range<u64>) {
        let result = &self.results[name];
        if !result["status"].as_u64().is_some_and(|status| statuses.contains(&status)) {
            self.wrong.push(format!("{name}: {result} instead of raising an answer of {statuses:?}"));
        }
    }

    /// The call returned a text that begins so, and holds all of these.
    fn returns_text(&mut self, name: &str, start: &str, words: &[&str]) {
        let text = self.returned(name).as_str().unwrap_or_default();
        if !text.starts_with(start) || !words.iter().all(|word| text.contains(word)) {
            self.wrong.push(format!("{name}: {} does not begin with {start:?} or lacks {words:?}", self.results[name]));
        }
    }

    /// The ids of the events that the call returned, sorted.
    fn returns_events(&mut self, name: &str, expected: &[&str]) {
        let events = self.returned(name).as_object().map(|events| events.keys().cloned().collect::<Vec<_>>());
        let mut ids = events.unwrap_or_else(|| vec![self.results[name].to_string()]);
        ids.sort();
        self.is(name, ids, expected.iter().map(|id| id_of(id)).collect::<Vec<_>>());
    }
}

fn id_of(end: &str) -> String {
    format!("01JDCXR1V2M3N4P5Q6R7S8{end}")
}

fn check(lab: &Lab, collector: &Collector, version: Version) {
    let results = run(lab, collector, version);
    let mut outcomes = Outcomes { results, wrong: Vec::new() };
    outcomes.is("has_server", outcomes.results["has_server"].clone(), format!("{}/", collector.url()));
    events(&mut outcomes);
    questions(&mut outcomes, version);
    reports(&mut outcomes, &folder_for_reports(lab));
    if version == Version::V0_8_1 {
        maintenance(&mut outcomes);
    }
    outcomes.is("burst", outcomes.results["burst"].clone(), 400);
    outcomes.is("log_file", outcomes.results["log_file"].clone(), true);
    assert!(outcomes.wrong.is_empty(), "{}", outcomes.wrong.join("\n"));
}

/// All that was sent, in the order in which it was.
fn events(outcomes: &mut Outcomes) {
    let node = json!({"node_id": id_of("N001")});
    outcomes.returns("get_event", "/event_id", id_of("0001"));
    outcomes.returns("get_event", "/event_type", "node_start");
    outcomes.returns("get_event", "/source", node);
    outcomes.raises("get_event_of_nobody", 404..405);
    let named = [
        ("0001", "node_start", 20, false, json!({"node_name": "arm"})),
        ("0002", "node_error", 40, true, json!([1, "x"])),
        ("0003", "unknown", 30, false, json!({"plate": 7})),
        ("0004", "unknown", 20, true, json!("text")),
        ("0005", "unknown", 10, false, json!({})),
        ("0006", "unknown", 20, false, json!({})),
        ("0007", "unknown", 30, false, json!("a warning is a text")),
        ("0008", "unknown", 40, false, json!({})),
        ("0009", "unknown", 50, false, json!({})),
        ("0010", "unknown", 20, true, json!({})),
        ("0011", "test", 20, false, json!({"from": "dict"})),
    ];
    for (id, kind, level, alert, data) in named {
        let place = format!("/{}", id_of(id));
        outcomes.returns("get_events", &format!("{place}/event_type"), kind);
        outcomes.returns("get_events", &format!("{place}/log_level"), level);
        outcomes.returns("get_events", &format!("{place}/alert"), alert);
        outcomes.returns("get_events", &format!("{place}/event_data"), data);
    }
    let messages: Vec<Value> = outcomes
        .returned("get_events")
        .as_object()
        .into_iter()
        .flat_map(|events| events.values())
        .filter(|event| event["event_data"]["n"].is_number())
        .map(|event| {
            let data = &event["event_data"];
            json!([data["n"], event["event_type"], event["log_level"], event["alert"], data["message"], data["run"]])
        })
        .rev()
        .collect();
    // Each message is sent by a thread of its own: the number tells the order, the time of the event does nearly.
    let mut in_order = messages;
    in_order.sort_by_key(|message| message[0].as_u64());
    outcomes.is(
        "messages",
        in_order,
        json!([
            [1, "log_debug", 10, false, "debug", null],
            [2, "log_info", 20, false, "info", null],
            [3, "log_warning", 30, false, "warning", null],
            [4, "log_error", 40, false, "error", null],
            [5, "log_critical", 50, false, "critical", null],
            [6, "log_error", 40, false, "exception", null],
            [7, "log_debug", 10, false, "log_debug", null],
            [8, "log_info", 20, false, "log_info", null],
            [9, "log_warning", 30, false, "log_warning", null],
            [10, "log_error", 40, false, "log_error", null],
            [11, "log_critical", 50, false, "log_critical", null],
            [12, "log_info", 20, false, "bound", "r1"],
            [13, "log_info", 20, false, "unbound", "r1"],
            // It sends every alert twice, as two events.
            [14, "log_critical", 50, true, "alert", null],
            [14, "log_critical", 50, true, "alert", null],
        ]),
    );
    let count = |name: &str| outcomes.returned(name).as_object().map(serde_json::Map::len);
    let counts = json!([count("get_events"), count("get_events_two")]);
    outcomes.is("events", counts, json!([28, 2]));
}

fn questions(outcomes: &mut Outcomes, version: Version) {
    let levels = |name: &str| {
        let events = outcomes.returned(name).as_object();
        let levels =
            events.into_iter().flat_map(|events| events.values().filter_map(|event| event["log_level"].as_u64()));
        let levels: Vec<u64> = levels.collect();
        (levels.len(), levels.iter().min().copied())
    };
    let (errors, own) = (levels("get_events_errors"), levels("get_events_own_level"));
    outcomes.is("get_events_errors", json!(errors), json!([11, 40]));
    outcomes.is("get_events_own_level", json!(own), json!([5, 50]));
    match version {
        // It sends the keys of the selector and nothing else.
        Version::V0_7_1 => {
            for name in ["query_events", "query_events_nested", "query_events_bad"] {
                outcomes.raises(name, 400..500);
            }
        }
        Version::V0_8_1 => {
            outcomes.returns_events("query_events", &["0002"]);
            outcomes.returns_events("query_events_nested", &["0002", "0003"]);
            outcomes.raises("query_events_bad", 400..500);
        }
    }
}

fn reports(outcomes: &mut Outcomes, folder: &Path) {
    outcomes.returns("sessions", "/report_metadata/total_sessions", 1);
    outcomes.returns("sessions", "/overall_summary/total_system_runtime_hours", 2.0);
    outcomes.returns("sessions", "/overall_summary/total_active_time_hours", 1.0);
    outcomes.returns("sessions", "/overall_summary/average_system_utilization_percent", 50.0);
    outcomes.returns(
        "sessions",
        &format!("/session_details/0/node_utilizations/{}/utilization_percent", id_of("N001")),
        25.0,
    );
    outcomes.returns_text(
        "sessions_csv",
        "=== UTILIZATION REPORT ===\r\n",
        &["Total Sessions,1\r\n", "=== SESSION DETAILS ==="],
    );
    outcomes.returns("periods", "/summary_metadata/analysis_type", "daily");
    outcomes.returns("periods", "/summary_metadata/total_periods", 2);
    outcomes.returns("periods", "/key_metrics/total_experiments", 1);
    outcomes.returns("periods_hourly", "/summary_metadata/total_periods", 24);
    outcomes.returns("periods_hourly", "/summary_metadata/user_timezone", "Europe/Zurich");
    outcomes.returns_text(
        "periods_csv",
        "=== UTILIZATION PERIODS REPORT ===\r\n",
        &["Analysis Type,daily\r\n", "=== TIME SERIES DATA ==="],
    );
    outcomes.returns("users", "/report_metadata/total_users", 1);
    outcomes.returns("users", "/user_utilization/Ada/completed_workflows", 1);
    outcomes.returns("users", "/user_utilization/Ada/total_runtime_hours", 0.5);
    outcomes.returns_text("users_csv", "=== DETAILED USER UTILIZATION REPORT ===\r\n", &["Ada"]);
    for (name, start) in [
        ("sessions", "=== UTILIZATION REPORT ==="),
        ("periods", "=== UTILIZATION PERIODS REPORT ==="),
        ("users", "=== DETAILED USER UTILIZATION REPORT ==="),
    ] {
        let name = format!("{name}_saved");
        outcomes.returns(&name, "/success", true);
        let path = outcomes.returned(&name)["file_path"].as_str().unwrap_or_default().to_owned();
        let text = std::fs::read_to_string(&path).unwrap_or_default();
        let is_there = Path::new(&path).starts_with(folder) && text.starts_with(start);
        outcomes.is(&format!("{name} {path}"), is_there, true);
    }
}

fn maintenance(outcomes: &mut Outcomes) {
    outcomes.returns("archive_events", "/archived_count", 1);
    outcomes.returns("archive_events_again", "/archived_count", 0);
    outcomes.returns("archive_events_before", "/archived_count", 3);
    outcomes.raises("archive_events_of_nothing", 422..423);
    outcomes.returns("purge_events", "/deleted_count", 0);
    outcomes.returns("purge_events_now", "/deleted_count", 4);
    outcomes.returns("create_backup", "/status", "completed");
    let path = outcomes.returned("create_backup")["backup_path"].clone();
    outcomes.returns("get_backup_status", "/available_backups/0/path", path);
    outcomes.returns("get_backup_status", "/available_backups/0/is_valid", true);
}
