//! Reports on what labs, nodes and users did, as JSON and CSV.

use std::{
    io,
    path::{Component, Path, PathBuf},
    sync::Arc,
};

use axum::{
    Json,
    extract::{RawQuery, State},
    http::header,
    response::{IntoResponse, Response},
};
use jiff::Timestamp;
use serde_json::Value;

use super::{error::Detail, parameters::Parameters, report_events};
use crate::{
    api::{Api, openapi::ValidationErrors},
    utilization::{self, CsvWish, Delivery, PeriodsRequest, ReportKind, Times, Window},
};

/// The form in which a report is asked for.
#[derive(Debug)]
struct Wish {
    csv_format: bool,
    save_to_file: bool,
    output_path: Option<String>,
}

impl Wish {
    fn read(parameters: &mut Parameters) -> Self {
        Self {
            csv_format: parameters.boolean("csv_format").unwrap_or(false),
            save_to_file: parameters.boolean("save_to_file").unwrap_or(false),
            output_path: parameters.text("output_path").map(str::to_owned),
        }
    }
}

/// Report on sessions
///
/// What happened between the starts and stops of labs and workcells. A failure is told of in the answer, as `error`.
#[utoipa::path(
    get,
    path = "/utilization/sessions",
    tag = "madsci",
    params(
        ("start_time" = Option<String>, Query, description = "From this time on; default the first event"),
        ("end_time" = Option<String>, Query, description = "Up to this time; default the last event"),
        ("csv_format" = Option<bool>, Query, description = "CSV instead of JSON"),
        ("save_to_file" = Option<bool>, Query, description = "Write the CSV to a file on the collector's machine"),
        ("output_path" = Option<String>, Query, description = "Which folder below the folder of reports that is"),
    ),
    responses(
        (status = 200, description = "The report", body = Value),
        (status = 422, description = "A parameter is not valid", body = ValidationErrors),
        (status = 503, description = "The store is not available", body = Detail),
    )
)]
pub(crate) async fn get_session_utilization(State(api): State<Arc<Api>>, query: RawQuery) -> Result<Response, Detail> {
    spans_report(&api, query, ReportKind::Sessions).await
}

/// Report on users
///
/// What workflows their authors ran. `GET /utilization/users` answers the same.
#[utoipa::path(
    get,
    path = "/utilization/user",
    tag = "madsci",
    params(
        ("start_time" = Option<String>, Query, description = "From this time on; default the first event"),
        ("end_time" = Option<String>, Query, description = "Up to this time; default the last event"),
        ("csv_format" = Option<bool>, Query, description = "CSV instead of JSON"),
        ("save_to_file" = Option<bool>, Query, description = "Write the CSV to a file on the collector's machine"),
        ("output_path" = Option<String>, Query, description = "Which folder below the folder of reports that is"),
    ),
    responses(
        (status = 200, description = "The report", body = Value),
        (status = 422, description = "A parameter is not valid", body = ValidationErrors),
        (status = 503, description = "The store is not available", body = Detail),
    )
)]
pub(crate) async fn get_user_utilization_report(
    State(api): State<Arc<Api>>,
    query: RawQuery,
) -> Result<Response, Detail> {
    spans_report(&api, query, ReportKind::Users).await
}

/// Report on periods
///
/// How hours, days, weeks or months were used. Periods begin when the clocks of the user's zone say so.
#[utoipa::path(
    get,
    path = "/utilization/periods",
    tag = "madsci",
    params(
        ("start_time" = Option<String>, Query, description = "From this time on; needed"),
        ("end_time" = Option<String>, Query, description = "Up to this time; needed"),
        ("analysis_type" = Option<String>, Query, description = "`hourly`, `daily` (default), `weekly` or `monthly`"),
        ("user_timezone" = Option<String>, Query, description = "An IANA zone; default America/Chicago"),
        ("include_users" = Option<bool>, Query, description = "Also what users did; default true"),
        ("csv_format" = Option<bool>, Query, description = "CSV instead of JSON"),
        ("save_to_file" = Option<bool>, Query, description = "Write the CSV to a file on the collector's machine"),
        ("output_path" = Option<String>, Query, description = "Which folder below the folder of reports that is"),
    ),
    responses(
        (status = 200, description = "The report", body = Value),
        (status = 422, description = "A parameter is not valid", body = ValidationErrors),
        (status = 503, description = "The store is not available", body = Detail),
    )
)]
pub(crate) async fn get_utilization_periods(State(api): State<Arc<Api>>, query: RawQuery) -> Result<Response, Detail> {
    let mut parameters = Parameters::new(query);
    let include_users = parameters.boolean("include_users").unwrap_or(true);
    let wish = Wish::read(&mut parameters);
    let request = PeriodsRequest::read(
        (parameters.text("start_time"), parameters.text("end_time")),
        api.ingest.zone(),
        parameters.text("analysis_type").unwrap_or("daily"),
        parameters.text("user_timezone").unwrap_or("America/Chicago"),
        include_users,
    );
    parameters.finish()?;
    let now = Timestamp::now().as_microsecond();
    let report = match request {
        Err(error) => error,
        Ok(request) => {
            let history = report_events::of_sessions(&*api.store, request.events_window()).await?;
            reckon(&api, move || utilization::periods(&history, &request, now)).await
        }
    };
    deliver(&api, ReportKind::Periods, report, &wish).await
}

/// A report on a stretch of time.
async fn spans_report(api: &Api, query: RawQuery, kind: ReportKind) -> Result<Response, Detail> {
    let mut parameters = Parameters::new(query);
    let wish = Wish::read(&mut parameters);
    let times = Times::read(parameters.text("start_time"), parameters.text("end_time"), api.ingest.zone());
    parameters.finish()?;
    let now = Timestamp::now().as_microsecond();
    let report = match window(api, times, now).await? {
        Err(error) => error,
        Ok(window) if kind == ReportKind::Users => {
            let history = report_events::of_workflows(&*api.store, window).await?;
            reckon(api, move || utilization::users(&history, window, now)).await
        }
        Ok(window) => {
            let history = report_events::of_sessions(&*api.store, window).await?;
            reckon(api, move || utilization::sessions(&history, window, now)).await
        }
    };
    deliver(api, kind, report, &wish).await
}

/// Makes a report. Most take milliseconds; of those that take long few are made at a time, and nobody else waits for them.
async fn reckon(api: &Api, make: impl FnOnce() -> Value + Send + 'static) -> Value {
    let _permit = api.reports.acquire().await.expect("it is never closed");
    tokio::task::spawn_blocking(make).await.unwrap_or_else(|panic| std::panic::resume_unwind(panic.into_panic()))
}

/// The window that is meant; the inner error is the answer.
async fn window(api: &Api, times: Result<Times, Value>, now: i64) -> Result<Result<Window, Value>, Detail> {
    let times = match times {
        Ok(times) => times,
        Err(error) => return Ok(Err(error)),
    };
    let extent = if times.are_absent() { api.store.extent().await? } else { None };
    Ok(times.window(extent, now))
}

async fn deliver(api: &Api, kind: ReportKind, report: Value, wish: &Wish) -> Result<Response, Detail> {
    let today = api.ingest.zone().to_datetime(Timestamp::now()).date();
    let form = CsvWish {
        csv_format: wish.csv_format,
        save_to_file: wish.save_to_file,
        output_path: wish.output_path.as_deref(),
    };
    Ok(match kind.deliver(report, form, today) {
        Delivery::Json(report) => Json(report).into_response(),
        Delivery::Download { file_name, text } => {
            let headers = [
                (header::CONTENT_TYPE, "text/csv; charset=utf-8".to_owned()),
                (header::CONTENT_DISPOSITION, format!("attachment; filename={file_name}")),
            ];
            (headers, text).into_response()
        }
        Delivery::Save { directory, file_name, text } => {
            let answer = match folder_of(&api.config.reports_dir(), &directory) {
                None => ReportKind::not_saved(&format!(
                    "{directory} is not below {}, the folder for reports",
                    api.config.reports_dir().display()
                )),
                Some(folder) => match write(folder, file_name, text).await {
                    Ok(path) => kind.saved(&path.display().to_string()),
                    Err(cause) => ReportKind::not_saved(&cause.to_string()),
                },
            };
            Json(answer).into_response()
        }
    })
}

/// The folder that somebody names: below the folder of reports, or nowhere.
fn folder_of(reports: &Path, asked: &str) -> Option<PathBuf> {
    let asked = Path::new(asked);
    let below = asked.strip_prefix(reports).or_else(|_| asked.strip_prefix("./")).unwrap_or(asked);
    let is_below = below.components().all(|part| matches!(part, Component::Normal(_)));
    is_below.then(|| reports.join(below))
}

async fn write(folder: PathBuf, file_name: String, text: String) -> io::Result<PathBuf> {
    tokio::fs::create_dir_all(&folder).await?;
    let path = folder.join(file_name);
    tokio::fs::write(&path, text).await?;
    Ok(path)
}

#[cfg(test)]
mod tests {
    use std::path::{Path, PathBuf};

    use super::folder_of;

    #[test]
    fn files_are_written_below_the_folder_of_reports_only() {
        let check = |asked: &str, expected: Option<&str>| {
            assert_eq!(folder_of(Path::new("/data/reports"), asked), expected.map(PathBuf::from), "{asked}");
        };
        check("weekly", Some("/data/reports/weekly"));
        check("./a/b", Some("/data/reports/a/b"));
        check("/data/reports/weekly", Some("/data/reports/weekly"));
        check("/data/reports", Some("/data/reports/"));
        check("/etc", None);
        check("../x", None);
        check("a/../../x", None);
        check("/data/reports/../x", None);
    }
}
