//! What was sent and could not be stored.

use std::sync::Arc;

use axum::{
    Json,
    extract::{RawQuery, State},
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use labtrail_shared::timestamp::EventTimestamp;
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use super::parameters::Parameters;
use crate::{
    api::{Api, error::Problem},
    store::StoredDeadLetter,
};

const LIMIT_DEFAULT: i64 = 100;
const LIMIT_MAX: i64 = 1000;

/// A page of dead letters.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct DeadLetterPage {
    /// The letters, the latest first.
    items: Vec<DeadLetterItem>,
    /// Give this as `cursor` for the next page; `null` if this is the last.
    next_cursor: Option<String>,
}

/// Something that could not be stored as an event.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct DeadLetterItem {
    /// Its number of arrival.
    seq: i64,
    /// When it first came.
    #[schema(format = DateTime)]
    received: String,
    /// How often it came.
    times: u64,
    /// The kind of reason: `not_json`, `not_an_event`, `unreadable_line` or `id_conflict`.
    reason: String,
    /// The reason in words.
    detail: String,
    /// Where it came from.
    #[schema(value_type = Object)]
    origin: Value,
    /// The id that it would have had, if known.
    id: Option<String>,
    /// What was sent, where it is UTF-8.
    text: Option<String>,
    /// What was sent, in base 64.
    bytes: String,
}

/// List dead letters
#[utoipa::path(
    get,
    path = "/api/v1/dead-letters",
    tag = "labtrail",
    params(
        ("limit" = Option<i64>, Query, description = "How many letters a page holds, 1 to 1,000; default 100"),
        ("cursor" = Option<String>, Query, description = "`next_cursor` of the page before"),
    ),
    responses(
        (status = 200, description = "A page of dead letters", body = DeadLetterPage),
        (status = 400, description = "A parameter cannot be used", body = Problem, content_type = "application/problem+json"),
        (status = 503, description = "The store is not available", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn get_dead_letters(
    State(api): State<Arc<Api>>,
    query: RawQuery,
) -> Result<Json<DeadLetterPage>, Problem> {
    let mut parameters = Parameters::new(query, &["limit", "cursor"]);
    let limit = parameters.number("limit", 1, LIMIT_MAX).unwrap_or(LIMIT_DEFAULT) as usize;
    let before = parameters.number("cursor", 0, i64::MAX);
    parameters.finish()?;
    let mut letters = api.store.dead_letters(before, limit + 1).await?;
    let is_more = letters.len() > limit;
    letters.truncate(limit);
    let next_cursor = letters.last().filter(|_| is_more).map(|letter| letter.seq.to_string());
    Ok(Json(DeadLetterPage { items: letters.into_iter().map(DeadLetterItem::from).collect(), next_cursor }))
}

impl From<StoredDeadLetter> for DeadLetterItem {
    fn from(letter: StoredDeadLetter) -> Self {
        Self {
            seq: letter.seq,
            received: EventTimestamp::from_utc_micros(letter.received).to_string(),
            times: letter.times,
            reason: letter.reason,
            detail: letter.detail,
            origin: letter.origin,
            id: letter.id,
            bytes: STANDARD.encode(&letter.bytes),
            text: String::from_utf8(letter.bytes).ok(),
        }
    }
}
