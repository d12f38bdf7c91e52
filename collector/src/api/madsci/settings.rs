//! The settings, as MADSci shows them.

use std::sync::Arc;

use axum::{
    Json,
    extract::{RawQuery, State},
};
use serde_json::Value;

use super::{error::Detail, parameters::Parameters};
use crate::{
    api::{Api, openapi::ValidationErrors},
    madsci,
    madsci_settings::SettingsAnswer,
};

/// Settings
///
/// Those of MADSci's Event Manager as they take effect here; secrets are not shown.
#[utoipa::path(
    get,
    path = "/settings",
    tag = "madsci",
    params(
        ("include_defaults" = Option<bool>, Query, description = "Also settings at their defaults; default true"),
        ("include_schema" = Option<bool>, Query, description = "Also the JSON schema of the settings; default false"),
    ),
    responses(
        (status = 200, description = "The settings", body = Value),
        (status = 422, description = "A parameter is not valid", body = ValidationErrors),
    )
)]
pub(crate) async fn get_settings(State(api): State<Arc<Api>>, query: RawQuery) -> Result<Json<Value>, Detail> {
    let mut parameters = Parameters::new(query);
    let asked = SettingsAnswer {
        include_defaults: parameters.boolean("include_defaults").unwrap_or(true),
        include_schema: parameters.boolean("include_schema").unwrap_or(false),
    };
    parameters.finish()?;
    Ok(Json(madsci::answer(&api.config, &api.manager_id, asked)))
}
