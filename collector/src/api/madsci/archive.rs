//! Events put aside, listed, and deleted for good.

use std::sync::Arc;

use axum::{
    Json,
    body::Body,
    extract::{RawQuery, State},
    http::HeaderMap,
    response::Response,
};
use jiff::{Timestamp, tz::TimeZone};
use labtrail_shared::{fastapi::time_problem, python::read_integer, timestamp::EventTimestamp};
use serde::Serialize;
use serde_json::{Value, json};
use utoipa::ToSchema;

use super::{body, error::Detail, list::List, parameters::Parameters};
use crate::{
    api::{
        Api,
        openapi::{EventDocument, ValidationErrors},
    },
    retention::{self, Parts},
};

/// Ids that are put aside in one go: others wait for the store meanwhile.
const IDS_TOGETHER: usize = 1000;

/// Which events to put aside: those of these ids, or else those before a time.
#[derive(Debug, Default, PartialEq, ToSchema)]
pub(crate) struct ArchiveEventsRequest {
    /// Ids of events.
    event_ids: Option<Vec<String>>,
    /// All events before this time.
    #[schema(value_type = Option<String>, format = DateTime)]
    before_date: Option<EventTimestamp>,
    /// How many are put aside in one go; it does not change what is.
    batch_size: Option<i64>,
}

/// What was put aside.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ArchiveEventsResponse {
    /// How many events were, that were not before.
    archived_count: u64,
    /// The same in words.
    message: String,
}

/// What was deleted.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct PurgeEventsResponse {
    /// How many events.
    deleted_count: u64,
    /// The same in words.
    message: String,
}

impl ArchiveEventsRequest {
    /// Reads a body as pydantic does.
    fn read(value: &Value) -> Result<Self, Detail> {
        let Value::Object(fields) = value else {
            return Err(Detail::not_an_object(&json!(["body"]), value));
        };
        let mut problems = Vec::new();
        let mut problem = |kind: &str, place: Value, message: &str, input: &Value, context: Value| {
            problems.push(Detail::input(kind, &place, message, input, &context));
        };
        let given = |name: &str| fields.get(name).filter(|value| !value.is_null());
        let mut request = Self::default();
        match given("event_ids") {
            None => {}
            Some(Value::Array(ids)) => {
                for (index, id) in ids.iter().enumerate().filter(|(_, id)| !id.is_string()) {
                    let place = json!(["body", "event_ids", index]);
                    problem("string_type", place, "Input should be a valid string", id, Value::Null);
                }
                request.event_ids = Some(ids.iter().filter_map(Value::as_str).map(str::to_owned).collect());
            }
            Some(other) => {
                problem("list_type", json!(["body", "event_ids"]), "Input should be a valid list", other, Value::Null);
            }
        }
        if let Some(date) = given("before_date") {
            match EventTimestamp::from_json(date) {
                Ok(date) => request.before_date = Some(date),
                Err(error) => {
                    let (kind, message, context) = time_problem(error.kind);
                    problem(kind, json!(["body", "before_date"]), &message, date, context);
                }
            }
        }
        if let Some(size) = given("batch_size") {
            match integer(size) {
                Ok(size) => request.batch_size = Some(size),
                Err((kind, message)) => problem(kind, json!(["body", "batch_size"]), message, size, Value::Null),
            }
        }
        if !problems.is_empty() {
            return Err(Detail::all(problems));
        }
        if request.event_ids.as_ref().is_none_or(Vec::is_empty) && request.before_date.is_none() {
            let message = "Value error, Either event_ids or before_date must be provided";
            return Err(Detail::input("value_error", &json!(["body"]), message, value, &json!({"error": {}})));
        }
        Ok(request)
    }
}

/// An integer in a body, as pydantic reads one; else the kind of error and its words.
fn integer(value: &Value) -> Result<i64, (&'static str, &'static str)> {
    const PARSING: (&str, &str) =
        ("int_parsing", "Input should be a valid integer, unable to parse string as an integer");
    match value {
        Value::Bool(value) => Ok(i64::from(*value)),
        Value::Number(number) => match (number.as_i64(), number.as_f64()) {
            (Some(integer), _) => Ok(integer),
            (None, Some(double)) if double.fract() == 0.0 => Ok(double as i64),
            _ => Err(("int_from_float", "Input should be a valid integer, got a number with a fractional part")),
        },
        Value::String(text) => read_integer(text).and_then(Result::ok).ok_or(PARSING),
        _ => Err(("int_type", "Input should be a valid integer")),
    }
}

/// Archive events
///
/// Puts events aside: they stay in the store and are left out of `GET /events`. All ids of a request are dealt with.
#[utoipa::path(
    post,
    path = "/events/archive",
    tag = "madsci",
    request_body = ArchiveEventsRequest,
    responses(
        (status = 200, description = "How many were put aside", body = ArchiveEventsResponse),
        (status = 422, description = "Neither ids nor a time", body = ValidationErrors),
        (status = 503, description = "The store is not available", body = Detail),
    )
)]
pub(crate) async fn archive_events(
    State(api): State<Arc<Api>>,
    headers: HeaderMap,
    request: Body,
) -> Result<Json<ArchiveEventsResponse>, Detail> {
    let received = api.bodies.read(&headers, request).await?;
    let body = body::read(&headers, &received.bytes)?.ok_or_else(body::missing)?;
    let request = ArchiveEventsRequest::read(&body.value)?;
    let ids = request.event_ids.filter(|ids| !ids.is_empty());
    let mut count = 0;
    match (ids, request.before_date) {
        (Some(ids), _) => {
            for ids in ids.chunks(IDS_TOGETHER) {
                count += api.store.archive(ids.to_vec(), Timestamp::now().as_microsecond()).await?;
            }
        }
        (None, Some(date)) => {
            let size = request.batch_size.filter(|size| *size != 0).map(|size| size.unsigned_abs() as usize);
            let events = size.unwrap_or(api.config.retention.batch_events.get());
            let parts = Parts { events, count_max: None };
            let instant = date.utc_micros(api.ingest.zone());
            retention::archive_before(&*api.store, instant, parts, |archived| count += archived).await?;
        }
        (None, None) => {}
    }
    Ok(Json(ArchiveEventsResponse { archived_count: count, message: format!("Successfully archived {count} events") }))
}

/// Archived events
///
/// Those put aside, the latest put aside first.
#[utoipa::path(
    get,
    path = "/events/archived",
    tag = "madsci",
    params(
        ("number" = Option<i64>, Query, description = "How many; default 100, 0 for all"),
        ("offset" = Option<i64>, Query, description = "How many to leave out first"),
    ),
    responses(
        (status = 200, description = "Events by id", body = std::collections::HashMap<String, EventDocument>),
        (status = 422, description = "A parameter is not valid", body = ValidationErrors),
        (status = 503, description = "The store is not available", body = Detail),
    )
)]
pub(crate) async fn get_archived_events(State(api): State<Arc<Api>>, query: RawQuery) -> Result<Response, Detail> {
    let mut parameters = Parameters::new(query);
    let number = parameters.number();
    let offset = parameters.not_negative("offset").unwrap_or(0);
    parameters.finish()?;
    List::archived(&api, offset, number).into_response().await
}

/// Purge archived events
///
/// Deletes for good what was put aside more than so many days ago, also events that came archived.
#[utoipa::path(
    delete,
    path = "/events/archived",
    tag = "madsci",
    params(("older_than_days" = Option<i64>, Query, description = "Default 365")),
    responses(
        (status = 200, description = "How many were deleted", body = PurgeEventsResponse),
        (status = 422, description = "The number of days is none, or beyond the calendar", body = ValidationErrors),
        (status = 503, description = "The store is not available", body = Detail),
    )
)]
pub(crate) async fn purge_archived_events(
    State(api): State<Arc<Api>>,
    query: RawQuery,
) -> Result<Json<PurgeEventsResponse>, Detail> {
    let mut parameters = Parameters::new(query);
    let days = parameters.integer("older_than_days");
    parameters.finish()?;
    let days = days.unwrap_or(365);
    let before = days_ago(days).ok_or_else(|| {
        let message = "Input should be a number of days within the calendar";
        let place = json!(["query", "older_than_days"]);
        Detail::input("date_value_out_of_range", &place, message, &json!(days.to_string()), &Value::Null)
    })?;
    let parts = Parts { events: api.config.retention.batch_events.get(), count_max: None };
    let mut count = 0;
    retention::purge(&*api.store, before, parts, |deleted| count += deleted).await?;
    let message = format!("Permanently deleted {count} archived events older than {days} days");
    Ok(Json(PurgeEventsResponse { deleted_count: count, message }))
}

/// The instant so many days before now, if it is within the calendar.
fn days_ago(days: i64) -> Option<i64> {
    let micros = days.checked_mul(86_400_000_000)?;
    let at = Timestamp::now().as_microsecond().checked_sub(micros)?;
    let year = TimeZone::UTC.to_datetime(Timestamp::from_microsecond(at).ok()?).year();
    (1..=9999).contains(&year).then_some(at)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{ArchiveEventsRequest, days_ago};

    #[test]
    fn requests_are_read_as_pydantic_reads_them() {
        let good = |value: Value| ArchiveEventsRequest::read(&value).unwrap_or_else(|_| panic!("{value} is good"));
        assert_eq!(good(json!({"event_ids": ["a", ""], "x": 1})).event_ids, Some(vec!["a".to_owned(), String::new()]));
        for (size, read) in [(json!(2.0), Some(2)), (json!("5"), Some(5)), (json!(true), Some(1)), (json!(null), None)]
        {
            assert_eq!(good(json!({"before_date": "2026-01-01", "batch_size": size})).batch_size, read);
        }
        for bad in [
            json!([]),
            json!({}),
            json!({"event_ids": []}),
            json!({"event_ids": "a"}),
            json!({"event_ids": ["a", 1]}),
            json!({"before_date": "soon"}),
            json!({"event_ids": ["a"], "batch_size": 1.5}),
            json!({"event_ids": ["a"], "batch_size": []}),
        ] {
            assert!(ArchiveEventsRequest::read(&bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn days_beyond_the_calendar_are_none() {
        for (days, is_within) in
            [(0, true), (-365, true), (365_000, true), (i64::MAX, false), (800_000, false), (-4_000_000, false)]
        {
            assert_eq!(days_ago(days).is_some(), is_within, "{days}");
        }
    }
}
