//! The report on users as CSV.

use serde_json::Value;

use super::{Column, Sheet, values};

const METADATA: [Column; 5] = [
    ("Generated At", "generated_at"),
    ("Analysis Start", "analysis_start"),
    ("Analysis End", "analysis_end"),
    ("Total Users", "total_users"),
    ("Total Workflows", "total_workflows"),
];

const SUMMARY: [Column; 5] = [
    ("Total Workflows", "total_workflows"),
    ("Total Runtime (hours)", "total_runtime_hours"),
    ("Average Workflow Duration (hours)", "average_workflow_duration_hours"),
    ("Completion Rate (%)", "completion_rate_percent"),
    ("Author Attribution Rate (%)", "author_attribution_rate_percent"),
];

const USERS: [Column; 10] = [
    ("Author", "author"),
    ("Total Workflows", "total_workflows"),
    ("Completed", "completed_workflows"),
    ("Failed", "failed_workflows"),
    ("Cancelled", "cancelled_workflows"),
    ("Total Runtime (hours)", "total_runtime_hours"),
    ("Avg Duration (hours)", "average_workflow_duration_hours"),
    ("Completion Rate (%)", "completion_rate_percent"),
    ("Shortest (hours)", "shortest_workflow_hours"),
    ("Longest (hours)", "longest_workflow_hours"),
];

/// The report on users as CSV.
pub(in super::super) fn users_csv(report: &Value) -> String {
    let mut sheet = Sheet::default();
    sheet.heading("=== DETAILED USER UTILIZATION REPORT ===");
    sheet.blank_row();
    sheet.values("Report Metadata", &METADATA, &report["report_metadata"]);
    sheet.values("System Summary", &SUMMARY, &report["system_summary"]);
    sheet.heading("=== USER DETAILS ===");
    sheet.table(&USERS, values(&report["user_utilization"]));
    sheet.0
}
