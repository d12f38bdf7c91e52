//! Reports as CSV: sections with a heading each, as Python's `csv` writes them.

mod periods;
mod sessions;
mod users;

use std::borrow::Cow;

use serde_json::Value;

use super::python::text_of;

pub(super) use periods::periods_csv;
pub(super) use sessions::sessions_csv;
pub(super) use users::users_csv;

/// What stands at the head of a column or a row, and the key of what stands below or beside it.
type Column = (&'static str, &'static str);

/// The text as far as it is written.
#[derive(Default)]
struct Sheet(String);

impl Sheet {
    fn row<'a>(&mut self, cells: impl IntoIterator<Item = Cow<'a, str>>) {
        for (index, cell) in cells.into_iter().enumerate() {
            if index > 0 {
                self.0.push(',');
            }
            if cell.contains([',', '"', '\r', '\n']) {
                self.0.extend(["\"", &cell.replace('"', "\"\""), "\""]);
            } else {
                self.0.push_str(&cell);
            }
        }
        self.0.push_str("\r\n");
    }

    fn heading(&mut self, heading: &str) {
        self.row([heading.into()]);
    }

    fn blank_row(&mut self) {
        self.row([]);
    }

    /// A heading, a row for each value, and a blank row.
    fn values(&mut self, heading: &str, rows: &[Column], from: &Value) {
        self.heading(heading);
        for (label, key) in rows {
            self.row([(*label).into(), cell(&from[*key])]);
        }
        self.blank_row();
    }

    /// The heads of the columns, and a row for each value.
    fn table<'a>(&mut self, columns: &[Column], rows: impl IntoIterator<Item = &'a Value>) {
        self.row(columns.iter().map(|(head, _)| (*head).into()));
        for row in rows {
            self.row(columns.iter().map(|(_, key)| cell(&row[*key])));
        }
    }
}

fn cell(value: &Value) -> Cow<'_, str> {
    if value.is_null() { "".into() } else { text_of(value) }
}

/// What stands under the keys of an object.
fn values(object: &Value) -> impl Iterator<Item = &Value> {
    object.as_object().into_iter().flat_map(|object| object.values())
}

fn is_empty(object: &Value) -> bool {
    values(object).next().is_none()
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{Sheet, periods_csv, sessions_csv};

    fn check(value: &Value, expected: &str) {
        let mut sheet = Sheet::default();
        sheet.table(&[("A", "a"), ("B", "b")], [&json!({"a": value})]);
        assert_eq!(sheet.0, format!("A,B\r\n{expected},\r\n"));
    }

    #[test]
    fn cells_are_written_as_python_does() {
        check(&json!(null), "");
        check(&json!(0), "0");
        check(&json!(0.0), "0.0");
        check(&json!(0.000_01), "1e-05");
        check(&json!(true), "True");
        check(&json!(" a b "), " a b ");
        check(&json!("a, \"b\""), "\"a, \"\"b\"\"\"");
        check(&json!("a\nb"), "\"a\nb\"");
    }

    #[test]
    fn a_report_on_sessions_has_four_sections() {
        let node = json!({"average_utilization_percent": 50.0, "total_busy_time_hours": 0.5, "sessions_active": 1});
        let report = json!({
            "report_metadata": {"generated_at": "now", "total_sessions": 1},
            "overall_summary": {"total_sessions": 1, "node_summary": {"N": node}},
            "session_details": [{"session_type": "lab", "session_name": "Lab, north", "duration_hours": 1.0}],
        });
        let expected = "=== UTILIZATION REPORT ===\r\n\r\n\
            Report Metadata\r\nGenerated At,now\r\nAnalysis Start,\r\nAnalysis End,\r\nTotal Sessions,1\r\n\
            Analysis Duration (hours),\r\n\r\n\
            Overall Summary\r\nTotal Sessions,1\r\nTotal System Runtime (hours),\r\nTotal Active Time (hours),\r\n\
            Average System Utilization (%),\r\nTotal Experiments,\r\nNodes Tracked,\r\n\r\n\
            === SESSION DETAILS ===\r\nSession Type,Session Name,Start Time,End Time,Duration (hours),\
            System Utilization (%),Total Experiments,Nodes Active\r\nlab,\"Lab, north\",,,1.0,,,\r\n\r\n\
            === NODE SUMMARY ===\r\nNode ID,Average Utilization (%),Total Busy Time (hours),Sessions Active\r\n\
            N,50.0,0.5,1\r\n";
        assert_eq!(sessions_csv(&report), expected);
    }

    #[test]
    fn a_report_on_periods_shows_what_there_is() {
        let headings = |report: &Value| -> Vec<String> {
            let csv = periods_csv(report);
            csv.split("\r\n").filter(|line| line.starts_with(['=', '.', 'N'])).map(ToOwned::to_owned).collect()
        };
        assert_eq!(
            headings(&json!({"summary_metadata": {"analysis_type": "daily"}})),
            [
                "=== UTILIZATION PERIODS REPORT ===",
                "=== TIME SERIES DATA ===",
                "=== NODE SUMMARY ===",
                "No node activity detected during this daily analysis period",
            ]
        );
        let report = json!({
            "workcell_summary": {"W": {}},
            "user_utilization": {"top_users": []},
            "experiment_details": {"total_experiments": 3, "experiments": [{}]},
        });
        assert_eq!(
            headings(&report)[2..],
            [
                "=== NODE SUMMARY ===",
                "No node data available for this time period",
                "=== WORKCELL SUMMARY ===",
                "=== USER UTILIZATION ===",
                "=== EXPERIMENT DETAILS ===",
                "... and 2 more experiments",
            ]
        );
    }
}
