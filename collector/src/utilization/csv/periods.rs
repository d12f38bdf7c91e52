//! The report on periods as CSV.

use serde_json::Value;

use super::{Column, Sheet, is_empty, values};

const METADATA: [Column; 6] = [
    ("Analysis Type", "analysis_type"),
    ("Generated At", "generated_at"),
    ("Period Start", "period_start"),
    ("Period End", "period_end"),
    ("User Timezone", "user_timezone"),
    ("Total Periods", "total_periods"),
];

const KEY_METRICS: [Column; 8] = [
    ("Average Utilization (%)", "average_utilization"),
    ("Peak Utilization (%)", "peak_utilization"),
    ("Peak Period", "peak_period"),
    ("Total Experiments", "total_experiments"),
    ("Total Runtime (hours)", "total_runtime_hours"),
    ("Total Active Time (hours)", "total_active_time_hours"),
    ("Active Periods", "active_periods"),
    ("Total Periods", "total_periods"),
];

const TIME_SERIES: [Column; 8] = [
    ("Period Number", "period_number"),
    ("Period Type", "period_type"),
    ("Period Display", "period_display"),
    ("Date", "date"),
    ("Start Time", "start_time"),
    ("Utilization (%)", "utilization"),
    ("Experiments", "experiments"),
    ("Runtime (hours)", "runtime_hours"),
];

const NODES: [Column; 7] = [
    ("Node ID", "node_id"),
    ("Node Name", "node_name"),
    ("Display Name", "display_name"),
    ("Average Utilization (%)", "average_utilization"),
    ("Peak Utilization (%)", "peak_utilization"),
    ("Peak Period", "peak_period"),
    ("Total Busy (hours)", "total_busy_hours"),
];

const WORKCELLS: [Column; 9] = [
    ("Workcell ID", "workcell_id"),
    ("Workcell Name", "workcell_name"),
    ("Display Name", "display_name"),
    ("Average Utilization (%)", "average_utilization"),
    ("Peak Utilization (%)", "peak_utilization"),
    ("Peak Period", "peak_period"),
    ("Total Experiments", "total_experiments"),
    ("Total Runtime (hours)", "total_runtime_hours"),
    ("Total Active Time (hours)", "total_active_time_hours"),
];

const USERS: [Column; 5] = [
    ("Author", "author"),
    ("Total Workflows", "total_workflows"),
    ("Total Runtime (hours)", "total_runtime_hours"),
    ("Completion Rate (%)", "completion_rate_percent"),
    ("Average Workflow Duration (hours)", "average_workflow_duration_hours"),
];

const EXPERIMENTS: [Column; 7] = [
    ("Experiment ID", "experiment_id"),
    ("Experiment Name", "experiment_name"),
    ("Start Time", "start_time"),
    ("End Time", "end_time"),
    ("Status", "status"),
    ("Duration (hours)", "duration_hours"),
    ("Duration Display", "duration_display"),
];

/// The report on periods as CSV.
pub(in super::super) fn periods_csv(report: &Value) -> String {
    let mut sheet = Sheet::default();
    sheet.heading("=== UTILIZATION PERIODS REPORT ===");
    sheet.blank_row();
    let metadata = &report["summary_metadata"];
    sheet.values("Metadata", &METADATA, metadata);
    sheet.values("Key Metrics", &KEY_METRICS, &report["key_metrics"]);
    sheet.heading("=== TIME SERIES DATA ===");
    sheet.table(&TIME_SERIES, report["time_series"]["system"].as_array().into_iter().flatten());
    sheet.blank_row();
    sheet.heading("=== NODE SUMMARY ===");
    let nodes = &report["node_summary"];
    match metadata["analysis_type"].as_str() {
        _ if !is_empty(nodes) => sheet.table(&NODES, values(nodes)),
        Some("daily") => sheet.heading("No node activity detected during this daily analysis period"),
        _ => sheet.heading("No node data available for this time period"),
    }
    sheet.blank_row();
    let workcells = &report["workcell_summary"];
    if !is_empty(workcells) {
        sheet.heading("=== WORKCELL SUMMARY ===");
        sheet.table(&WORKCELLS, values(workcells));
        sheet.blank_row();
    }
    if let Some(users) = report.get("user_utilization") {
        sheet.heading("=== USER UTILIZATION ===");
        sheet.table(&USERS, users["top_users"].as_array().into_iter().flatten());
        sheet.blank_row();
    }
    write_experiments(&mut sheet, &report["experiment_details"]);
    sheet.0
}

fn write_experiments(sheet: &mut Sheet, details: &Value) {
    let Some(experiments) = details["experiments"].as_array().filter(|list| !list.is_empty()) else { return };
    sheet.heading("=== EXPERIMENT DETAILS ===");
    sheet.table(&EXPERIMENTS, experiments);
    let more = details["total_experiments"].as_u64().unwrap_or_default().saturating_sub(experiments.len() as u64);
    if more > 0 {
        sheet.heading(&format!("... and {more} more experiments"));
    }
    sheet.blank_row();
}
