//! Rules: listed, put, deleted, and tried before anybody trusts them.

pub(super) mod back_test;

use std::{collections::HashMap, sync::Arc};

use axum::{
    Json,
    body::Bytes,
    extract::{Path, State},
    http::StatusCode,
};
use serde::Serialize;
use serde_json::{Value, json};
use utoipa::ToSchema;

use super::{
    alerts::{all, invalid, not_there},
    instant,
};
use crate::{
    alert::{
        life::AlertState,
        rule::{Rule, RuleSection},
    },
    alerting::{
        Alerting, rows,
        rulebook::{API, Rulebook},
    },
    api::{Api, error::Problem},
    store::{RowChange, RowExpect, StoreError},
};

/// All rules.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct RuleList {
    /// The rules at work.
    rules: Vec<RuleItem>,
    /// What is wrong with files that are not at work as they are now.
    problems: Vec<String>,
    /// When rules and receivers were last read and right.
    #[schema(format = DateTime)]
    loaded_at: String,
}

/// A rule.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Rule)]
pub(crate) struct RuleItem {
    /// Its name.
    name: String,
    /// Where it comes from: a file and line, `API` or `built in`.
    origin: String,
    /// Whether it can be changed here.
    editable: bool,
    /// What was set, in the form of files of rules.
    #[schema(value_type = Value)]
    rule: Value,
    /// How many alerts of it fire.
    firing: usize,
    /// How many are pending.
    pending: usize,
}

/// How many alerts of each rule fire, and are pending.
async fn counts(alerting: &Alerting) -> Result<HashMap<String, (usize, usize)>, StoreError> {
    let mut counts: HashMap<String, (usize, usize)> = HashMap::new();
    for stored in all(alerting).await? {
        let count = counts.entry(stored.alert.rule.clone()).or_default();
        count.0 += usize::from(stored.row.state == AlertState::Firing);
        count.1 += usize::from(stored.row.state == AlertState::Pending);
    }
    Ok(counts)
}

impl RuleItem {
    fn new(rule: &Rule, counts: &HashMap<String, (usize, usize)>) -> Self {
        let (firing, pending) = counts.get(rule.name()).copied().unwrap_or_default();
        Self {
            name: rule.name().to_owned(),
            origin: rule.origin().to_owned(),
            editable: rule.origin() == API,
            rule: json!(rule.section()),
            firing,
            pending,
        }
    }
}

/// List rules
#[utoipa::path(
    get,
    path = "/api/v1/rules",
    tag = "labtrail",
    responses(
        (status = 200, description = "All rules", body = RuleList),
        (status = 503, description = "The store is not available", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn get_rules(State(api): State<Arc<Api>>) -> Result<Json<RuleList>, Problem> {
    let alerting = api.alerts()?;
    let rulebook = Arc::clone(&alerting.rulebook.borrow());
    let counts = counts(alerting).await?;
    Ok(Json(RuleList {
        rules: rulebook.rules.rules().iter().map(|rule| RuleItem::new(rule, &counts)).collect(),
        problems: alerting.problems.borrow().clone(),
        loaded_at: instant(rulebook.loaded_at),
    }))
}

/// Show a rule
#[utoipa::path(
    get,
    path = "/api/v1/rules/{name}",
    tag = "labtrail",
    params(("name" = String, Path, description = "The rule's name")),
    responses(
        (status = 200, description = "The rule", body = RuleItem),
        (status = 404, description = "There is none of this name", body = Problem, content_type = "application/problem+json"),
        (status = 503, description = "The store is not available", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn get_rule(State(api): State<Arc<Api>>, Path(name): Path<String>) -> Result<Json<RuleItem>, Problem> {
    let alerting = api.alerts()?;
    let rulebook = Arc::clone(&alerting.rulebook.borrow());
    let rule = rulebook.rules.get(&name).ok_or_else(|| not_there(&name))?;
    Ok(Json(RuleItem::new(rule, &counts(alerting).await?)))
}

/// Put a rule
///
/// Makes a rule or changes it. It is at work in every collector within some seconds, and what came meanwhile counts.
#[utoipa::path(
    put,
    path = "/api/v1/rules/{name}",
    tag = "labtrail",
    params(("name" = String, Path, description = "The rule's name")),
    request_body(content = Value, description = "The rule, as in a file of rules", content_type = "application/json"),
    responses(
        (status = 200, description = "The rule was changed", body = RuleItem),
        (status = 201, description = "The rule is new", body = RuleItem),
        (status = 409, description = "A file has a rule of this name, it is built in, or a file is wrong", body = Problem, content_type = "application/problem+json"),
        (status = 422, description = "The rule is not right", body = Problem, content_type = "application/problem+json"),
        (status = 503, description = "The store is not available", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn put_rule(
    State(api): State<Arc<Api>>,
    Path(name): Path<String>,
    body: Bytes,
) -> Result<(StatusCode, Json<RuleItem>), Problem> {
    let alerting = api.alerts()?;
    let rulebook = Arc::clone(&alerting.rulebook.borrow());
    refuse_others(&rulebook, &name)?;
    let mut section: Value = serde_json::from_slice(&body).map_err(|error| invalid(error.to_string()))?;
    let Some(fields) = section.as_object_mut() else { return Err(invalid("a rule is a JSON object")) };
    let said = fields.entry("name").or_insert_with(|| json!(name));
    if *said != json!(name) {
        return Err(invalid(format!("the body says {said}, and the address {name:?}: let both be the same")));
    }
    let section: RuleSection = serde_json::from_value(section).map_err(|error| invalid(error.to_string()))?;
    let rule = Rule::new(section.clone(), API).map_err(|error| invalid(error.to_string()))?;
    refuse_unknown_receivers(&rulebook, &section)?;
    if let Some(problem) = alerting.problems.borrow().first() {
        let detail = format!("nothing can be changed while a file is wrong: {problem}");
        return Err(Problem::new(StatusCode::CONFLICT, "files-wrong", "a file of rules or receivers is wrong", detail));
    }
    let is_new = alerting.store.row(rows::RULE, &name).await?.is_none();
    let change = rows::put(rows::RULE, name.as_str(), RowExpect::Anything, None, &section);
    alerting.store.change_rows(vec![change]).await?;
    alerting.rules_changed();
    let status = if is_new { StatusCode::CREATED } else { StatusCode::OK };
    Ok((status, Json(RuleItem::new(&rule, &counts(alerting).await?))))
}

/// Delete a rule
///
/// Its alerts that fire are resolved.
#[utoipa::path(
    delete,
    path = "/api/v1/rules/{name}",
    tag = "labtrail",
    params(("name" = String, Path, description = "The rule's name")),
    responses(
        (status = 204, description = "It is no more"),
        (status = 404, description = "There is none of this name", body = Problem, content_type = "application/problem+json"),
        (status = 409, description = "A file has a rule of this name, or it is built in", body = Problem, content_type = "application/problem+json"),
        (status = 503, description = "The store is not available", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn delete_rule(State(api): State<Arc<Api>>, Path(name): Path<String>) -> Result<StatusCode, Problem> {
    let alerting = api.alerts()?;
    refuse_others(&alerting.rulebook.borrow().clone(), &name)?;
    let change = RowChange { kind: rows::RULE, key: name.clone(), expect: RowExpect::Anything, put: None };
    if alerting.store.change_rows(vec![change]).await? != [true] {
        return Err(not_there(&name));
    }
    alerting.rules_changed();
    Ok(StatusCode::NO_CONTENT)
}

/// Only what was put here can be changed here.
fn refuse_others(rulebook: &Rulebook, name: &str) -> Result<(), Problem> {
    match rulebook.rules.get(name).filter(|rule| rule.origin() != API) {
        None => Ok(()),
        Some(rule) => {
            let detail = format!("the rule {name:?} is in {}: change it there, or choose another name", rule.origin());
            Err(Problem::new(StatusCode::CONFLICT, "rule-elsewhere", "the rule is not kept here", detail))
        }
    }
}

fn refuse_unknown_receivers(rulebook: &Rulebook, section: &RuleSection) -> Result<(), Problem> {
    let escalated = section.escalate.iter().flat_map(|escalation| &escalation.receivers);
    let known: Vec<&str> = rulebook.receivers.names().collect();
    match section.receivers.iter().chain(escalated).find(|name| !known.contains(&name.as_str())) {
        None => Ok(()),
        Some(name) => Err(invalid(format!("receivers: there is no receiver {name:?}: there are {}", known.join(", ")))),
    }
}
