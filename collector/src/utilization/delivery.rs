//! In which form a report goes to whoever asked for it: as JSON, as CSV, or as a CSV file that stays on the server.

use jiff::civil::Date;
use serde_json::{Value, json};

use super::csv::{periods_csv, sessions_csv, users_csv};

/// Which report it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ReportKind {
    /// `/utilization/sessions`
    Sessions,
    /// `/utilization/user`
    Users,
    /// `/utilization/periods`
    Periods,
}

/// The form that is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct CsvWish<'a> {
    /// `csv_format`: CSV rather than JSON.
    pub csv_format: bool,
    /// `save_to_file`: a file on the server.
    pub save_to_file: bool,
    /// `output_path`: the directory of that file, as it was asked for. Whether it may be written is for the caller to
    /// say.
    pub output_path: Option<&'a str>,
}

/// What is to be done with a report.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Delivery {
    /// Answer with this.
    Json(Value),
    /// Answer with this text, as an attachment of that name.
    Download {
        /// The name.
        file_name: &'static str,
        /// The text.
        text: String,
    },
    /// Write this file, then answer [`ReportKind::saved`] or [`ReportKind::not_saved`].
    Save {
        /// The directory that was asked for.
        directory: String,
        /// The name of the file; nothing but letters, digits, `_`, `-` and `.`.
        file_name: String,
        /// The text.
        text: String,
    },
}

impl ReportKind {
    /// What is to be done with this report, or with the error that stands in its place. `today` becomes part of the
    /// name of a file.
    pub(crate) fn deliver(self, report: Value, wish: CsvWish<'_>, today: Date) -> Delivery {
        if !wish.csv_format || report.get("error").is_some() {
            return Delivery::Json(report);
        }
        if !wish.save_to_file {
            return Delivery::Download { file_name: self.download_name(), text: self.csv(&report) };
        }
        match wish.output_path {
            None | Some("") => Delivery::Json(json!({"error": "output_path is required when save_to_file=True"})),
            Some(directory) => Delivery::Save {
                directory: directory.to_owned(),
                file_name: self.file_name(&report, today),
                text: self.csv(&report),
            },
        }
    }

    /// The answer when the file was written.
    pub(crate) fn saved(self, file_path: &str) -> Value {
        let report_type = match self {
            Self::Sessions => "session_utilization",
            Self::Users => "user_utilization",
            Self::Periods => "utilization_periods",
        };
        json!({
            "success": true,
            "message": "CSV file saved successfully",
            "file_path": file_path,
            "csv_format": true,
            "saved_to_server": true,
            "report_type": report_type,
        })
    }

    /// The answer when the file was not written.
    pub(crate) fn not_saved(problem: &str) -> Value {
        json!({"error": format!("CSV generation failed: {problem}")})
    }

    fn csv(self, report: &Value) -> String {
        match self {
            Self::Sessions => sessions_csv(report),
            Self::Users => users_csv(report),
            Self::Periods => periods_csv(report),
        }
    }

    fn download_name(self) -> &'static str {
        match self {
            Self::Sessions => "session_utilization_report.csv",
            Self::Users => "user_utilization_report.csv",
            Self::Periods => "utilization_periods_report.csv",
        }
    }

    fn file_name(self, report: &Value, today: Date) -> String {
        let name = match self {
            Self::Sessions => "utilization_report_basic".to_owned(),
            Self::Users => "user_utilization_detailed".to_owned(),
            Self::Periods => {
                // Whoever asks may write anything there.
                let analysis_type = report["summary_metadata"]["analysis_type"].as_str().unwrap_or_default();
                let is_plain = |character: char| character.is_ascii_alphanumeric() || character == '-';
                let plain = analysis_type.chars().map(|character| if is_plain(character) { character } else { '_' });
                format!("utilization_periods_{}", plain.take(32).collect::<String>())
            }
        };
        format!("madsci_{name}_{}.csv", today.strftime("%Y%m%d"))
    }
}

#[cfg(test)]
mod tests {
    use jiff::civil::Date;
    use serde_json::{Value, json};

    use super::{CsvWish, Delivery, ReportKind};

    fn deliver(kind: ReportKind, report: Value, wish: (bool, bool, Option<&str>)) -> Delivery {
        let (csv_format, save_to_file, output_path) = wish;
        kind.deliver(report, CsvWish { csv_format, save_to_file, output_path }, Date::constant(2026, 11, 23))
    }

    #[test]
    fn a_report_is_json_unless_csv_is_asked_for() {
        let report = json!({"a": 1});
        assert_eq!(deliver(ReportKind::Users, report.clone(), (false, true, Some("/tmp"))), Delivery::Json(report));
        let error = json!({"error": "none"});
        assert_eq!(deliver(ReportKind::Users, error.clone(), (true, true, Some("/tmp"))), Delivery::Json(error));
    }

    #[test]
    fn csv_is_a_download_or_a_file() {
        let Delivery::Download { file_name, text } = deliver(ReportKind::Users, json!({}), (true, false, None)) else {
            panic!("it is a download")
        };
        assert_eq!(file_name, "user_utilization_report.csv");
        assert!(
            text.starts_with("=== DETAILED USER UTILIZATION REPORT ===\r\n\r\nReport Metadata\r\nGenerated At,\r\n")
        );
        for path in [None, Some("")] {
            let answer = json!({"error": "output_path is required when save_to_file=True"});
            assert_eq!(deliver(ReportKind::Sessions, json!({}), (true, true, path)), Delivery::Json(answer));
        }
    }

    #[test]
    fn the_name_of_a_file_holds_nothing_dangerous() {
        let check = |kind, analysis_type: &str, expected: &str| {
            let report = json!({"summary_metadata": {"analysis_type": analysis_type}});
            let Delivery::Save { directory, file_name, .. } = deliver(kind, report, (true, true, Some("out"))) else {
                panic!("it is a file")
            };
            assert_eq!((directory.as_str(), file_name.as_str()), ("out", expected));
        };
        check(ReportKind::Sessions, "", "madsci_utilization_report_basic_20261123.csv");
        check(ReportKind::Users, "", "madsci_user_utilization_detailed_20261123.csv");
        check(ReportKind::Periods, "daily", "madsci_utilization_periods_daily_20261123.csv");
        check(ReportKind::Periods, "../../x", "madsci_utilization_periods_______x_20261123.csv");
    }
}
