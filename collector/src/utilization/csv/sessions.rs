//! The report on sessions as CSV.

use serde_json::Value;

use super::{Column, Sheet, cell, is_empty};

const METADATA: [Column; 5] = [
    ("Generated At", "generated_at"),
    ("Analysis Start", "analysis_start"),
    ("Analysis End", "analysis_end"),
    ("Total Sessions", "total_sessions"),
    ("Analysis Duration (hours)", "analysis_duration_hours"),
];

const SUMMARY: [Column; 6] = [
    ("Total Sessions", "total_sessions"),
    ("Total System Runtime (hours)", "total_system_runtime_hours"),
    ("Total Active Time (hours)", "total_active_time_hours"),
    ("Average System Utilization (%)", "average_system_utilization_percent"),
    ("Total Experiments", "total_experiments"),
    ("Nodes Tracked", "nodes_tracked"),
];

const SESSIONS: [Column; 8] = [
    ("Session Type", "session_type"),
    ("Session Name", "session_name"),
    ("Start Time", "start_time"),
    ("End Time", "end_time"),
    ("Duration (hours)", "duration_hours"),
    ("System Utilization (%)", "system_utilization_percent"),
    ("Total Experiments", "total_experiments"),
    ("Nodes Active", "nodes_active"),
];

/// The report on sessions as CSV.
pub(in super::super) fn sessions_csv(report: &Value) -> String {
    let mut sheet = Sheet::default();
    sheet.heading("=== UTILIZATION REPORT ===");
    sheet.blank_row();
    sheet.values("Report Metadata", &METADATA, &report["report_metadata"]);
    let summary = &report["overall_summary"];
    sheet.values("Overall Summary", &SUMMARY, summary);
    sheet.heading("=== SESSION DETAILS ===");
    sheet.table(&SESSIONS, report["session_details"].as_array().into_iter().flatten());
    sheet.blank_row();
    let nodes = &summary["node_summary"];
    if !is_empty(nodes) {
        sheet.heading("=== NODE SUMMARY ===");
        let heads = ["Node ID", "Average Utilization (%)", "Total Busy Time (hours)", "Sessions Active"];
        sheet.row(heads.map(Into::into));
        for (id, node) in nodes.as_object().into_iter().flatten() {
            let values = ["average_utilization_percent", "total_busy_time_hours", "sessions_active"];
            sheet.row([id.into()].into_iter().chain(values.map(|key| cell(&node[key]))));
        }
    }
    sheet.0
}
