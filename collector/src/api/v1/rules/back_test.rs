//! A rule tried over what is stored.

use std::{collections::BTreeMap, sync::Arc};

use axum::{
    Json,
    body::Bytes,
    extract::{RawQuery, State},
    http::StatusCode,
};
use serde::Serialize;
use serde_json::{Value, json};
use utoipa::ToSchema;

use crate::api::v1::{instant, parameters::Parameters};
use crate::{
    alert::{
        back_test::{GroupHistory, Range, back_test},
        life::{Step, StepKind},
        rule::{Rule, RuleSection},
    },
    api::{Api, error::Problem},
    ingest::now_micros,
};

/// Without a beginning a rule is tried over the last week.
const RANGE_DEFAULT: i64 = 7 * 24 * 3600 * 1_000_000;

/// Each takes some hundred bytes of memory.
const EVENTS_MAX: usize = 1_000_000;

/// What a rule would have told of.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct BackTestAnswer {
    /// Where the range begins.
    #[schema(format = DateTime)]
    from: String,
    /// Where it ends.
    #[schema(format = DateTime)]
    to: String,
    /// How many events matched the rule.
    events: u64,
    /// `false` if more events matched than are read (a million); then the range ends earlier than was asked for.
    complete: bool,
    /// Groups of which something would have been told.
    groups: Vec<BackTestGroup>,
}

/// What would have been told of one group.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct BackTestGroup {
    /// The fields by which events are grouped, and their values; empty for a rule without groups.
    group: BTreeMap<String, String>,
    /// In the order in which they would have been told.
    steps: Vec<BackTestStep>,
}

/// One thing that would have been told.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct BackTestStep {
    /// `fired`, `repeated` or `resolved`.
    kind: &'static str,
    /// When it would have been told.
    #[schema(format = DateTime)]
    at: String,
    /// When the condition began to hold.
    #[schema(format = DateTime)]
    began: String,
    /// When it ceased to, if it has.
    #[schema(format = DateTime)]
    ended: Option<String>,
    /// How many events it rests on.
    count: u64,
    /// The newest of them.
    event_ids: Vec<String>,
    /// The number that made it hold: a count, a ratio, a value.
    #[schema(value_type = Value)]
    figure: Value,
}

/// Try a rule
///
/// Judges a rule over what is stored, by the evaluator that judges what comes, and says what it would have told of. Nothing is sent.
#[utoipa::path(
    post,
    path = "/api/v1/rules/test",
    tag = "labtrail",
    params(
        ("from" = Option<String>, Query, description = "Where the range begins; default: a week before its end"),
        ("to" = Option<String>, Query, description = "Where it ends; default: now"),
    ),
    request_body(content = Value, description = "The rule, as in a file of rules", content_type = "application/json"),
    responses(
        (status = 200, description = "What it would have told of", body = BackTestAnswer),
        (status = 400, description = "A parameter cannot be used", body = Problem, content_type = "application/problem+json"),
        (status = 422, description = "The rule is not right", body = Problem, content_type = "application/problem+json"),
        (status = 503, description = "The store is not available", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn test_rule(
    State(api): State<Arc<Api>>,
    query: RawQuery,
    body: Bytes,
) -> Result<Json<BackTestAnswer>, Problem> {
    let mut parameters = Parameters::new(query, &["from", "to"]);
    let criteria = parameters.criteria(api.ingest.zone());
    parameters.finish()?;
    let wrong = |detail: String| {
        Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid-rule", "the rule is not right", detail)
    };
    let section: RuleSection = serde_json::from_slice(&body).map_err(|error| wrong(error.to_string()))?;
    let rule = Rule::new(section, "the request").map_err(|error| wrong(error.to_string()))?;
    let to = criteria.to.unwrap_or_else(now_micros);
    let from = criteria.from.unwrap_or(to - RANGE_DEFAULT);
    let tried = back_test(&*api.store, &rule, Range { from, to, events_max: EVENTS_MAX }).await?;
    Ok(Json(BackTestAnswer {
        from: instant(from),
        to: instant(tried.known_to),
        events: tried.events,
        complete: tried.is_complete,
        groups: tried.groups.iter().map(group).collect(),
    }))
}

fn group(history: &GroupHistory) -> BackTestGroup {
    let values = history.group.values().map(|(field, value)| (field.to_owned(), value.into_owned()));
    BackTestGroup { group: values.collect(), steps: history.steps.iter().map(step).collect() }
}

fn step(step: &Step) -> BackTestStep {
    BackTestStep {
        kind: match step.kind {
            StepKind::Fired => "fired",
            StepKind::Repeated(_) => "repeated",
            StepKind::Resolved(_) => "resolved",
            StepKind::Escalated(_) => "escalated",
        },
        at: instant(step.at),
        began: instant(step.began),
        ended: step.ended.map(instant),
        count: step.grounds.count,
        event_ids: step.grounds.ids.clone(),
        figure: json!(step.grounds.figure),
    }
}
