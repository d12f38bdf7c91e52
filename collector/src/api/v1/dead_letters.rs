//! What was sent and could not be stored: listed, looked at, taken once more, or thrown away.

use std::sync::Arc;

use axum::{
    Json,
    extract::{Path, RawQuery, State},
    http::StatusCode,
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use labtrail_shared::timestamp::EventTimestamp;
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use super::parameters::Parameters;
use crate::{
    api::{Api, error::Problem},
    ingest::{ReplayError, Replayed},
    store::StoredDeadLetter,
};

const LIMIT_DEFAULT: i64 = 100;
const LIMIT_MAX: i64 = 1000;

/// So many letters are read from the store at a time: each may hold a megabyte.
const STEP: usize = 100;

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
    /// The kind of reason in one word, such as `not_json`, `not_an_event`, `unreadable_line` or `id_conflict`.
    reason: String,
    /// The reason in words.
    detail: String,
    /// Where it came from.
    #[schema(value_type = Object)]
    origin: Value,
    /// The id that it would have had, if known.
    id: Option<String>,
    /// How many bytes are kept.
    size: usize,
    /// What was sent, where it is UTF-8. Of a list with `bytes_max` the beginning.
    text: Option<String>,
    /// What was sent, in base 64. Of a list with `bytes_max` the beginning.
    bytes: String,
}

/// What became of a letter that was taken once more.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ReplayReceipt {
    /// How many events of it are stored now.
    accepted: u64,
    /// How many were there already.
    duplicates: u64,
}

/// List dead letters
#[utoipa::path(
    get,
    path = "/api/v1/dead-letters",
    tag = "labtrail",
    params(
        ("limit" = Option<i64>, Query, description = "How many letters a page holds, 1 to 1,000; default 100"),
        ("cursor" = Option<String>, Query, description = "`next_cursor` of the page before"),
        ("reason" = Option<String>, Query, description = "Only letters of this kind of reason"),
        ("bytes_max" = Option<i64>, Query, description = "How much to give of what was sent; default all"),
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
    let mut parameters = Parameters::new(query, &["limit", "cursor", "reason", "bytes_max"]);
    let limit = parameters.number("limit", 1, LIMIT_MAX).unwrap_or(LIMIT_DEFAULT) as usize;
    let mut before = parameters.number("cursor", 0, i64::MAX);
    let reason = parameters.text("reason");
    let bytes_max = parameters.number("bytes_max", 0, i64::MAX).map(|bytes| bytes as usize);
    parameters.finish()?;
    let mut items = Vec::new();
    // One more than asked for tells whether there is a next page.
    while items.len() <= limit {
        let step = if reason.is_some() { STEP } else { STEP.min(limit + 1 - items.len()) };
        let letters = api.store.dead_letters(before, step).await?;
        let is_last = letters.len() < step;
        before = letters.last().map(|letter| letter.seq);
        let is_meant = |letter: &StoredDeadLetter| reason.as_ref().is_none_or(|reason| letter.reason == *reason);
        items.extend(letters.into_iter().filter(is_meant).map(|letter| DeadLetterItem::new(letter, bytes_max)));
        if is_last {
            break;
        }
    }
    let is_more = items.len() > limit;
    items.truncate(limit);
    let next_cursor = items.last().filter(|_| is_more).map(|letter| letter.seq.to_string());
    Ok(Json(DeadLetterPage { items, next_cursor }))
}

/// Show a dead letter
#[utoipa::path(
    get,
    path = "/api/v1/dead-letters/{seq}",
    tag = "labtrail",
    params(("seq" = i64, Path, description = "Its number of arrival")),
    responses(
        (status = 200, description = "The letter, whole", body = DeadLetterItem),
        (status = 404, description = "There is none of that number", body = Problem, content_type = "application/problem+json"),
        (status = 503, description = "The store is not available", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn get_dead_letter(
    State(api): State<Arc<Api>>,
    Path(seq): Path<String>,
) -> Result<Json<DeadLetterItem>, Problem> {
    let letter = find(&api, &seq).await?;
    Ok(Json(DeadLetterItem::new(letter, None)))
}

/// Take a dead letter once more
///
/// What was sent is read and stored as if it came now. If all of it is stored then, or was already, the letter is removed;
/// else it stays as it is.
#[utoipa::path(
    post,
    path = "/api/v1/dead-letters/{seq}/replay",
    tag = "labtrail",
    params(("seq" = i64, Path, description = "Its number of arrival")),
    responses(
        (status = 200, description = "All of it is stored, and the letter is removed", body = ReplayReceipt),
        (status = 404, description = "There is none of that number", body = Problem, content_type = "application/problem+json"),
        (status = 422, description = "It is refused again, or only a part of it is kept; the letter stays", body = Problem,
            content_type = "application/problem+json"),
        (status = 503, description = "The store is not available", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn replay_dead_letter(
    State(api): State<Arc<Api>>,
    Path(seq): Path<String>,
) -> Result<Json<ReplayReceipt>, Problem> {
    let letter = find(&api, &seq).await?;
    let taken = api.ingest.replay(&letter).await.map_err(|error| refused(letter.seq, error))?;
    api.store.remove_dead_letter(letter.seq).await?;
    Ok(Json(ReplayReceipt { accepted: taken.stored, duplicates: taken.duplicates }))
}

/// Throw a dead letter away
#[utoipa::path(
    delete,
    path = "/api/v1/dead-letters/{seq}",
    tag = "labtrail",
    params(("seq" = i64, Path, description = "Its number of arrival")),
    responses(
        (status = 204, description = "It is gone"),
        (status = 404, description = "There is none of that number", body = Problem, content_type = "application/problem+json"),
        (status = 503, description = "The store is not available", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn delete_dead_letter(
    State(api): State<Arc<Api>>,
    Path(seq): Path<String>,
) -> Result<StatusCode, Problem> {
    let number = seq.parse().map_err(|_| missing(&seq))?;
    if api.store.remove_dead_letter(number).await? { Ok(StatusCode::NO_CONTENT) } else { Err(missing(&seq)) }
}

async fn find(api: &Api, seq: &str) -> Result<StoredDeadLetter, Problem> {
    let number = seq.parse().map_err(|_| missing(seq))?;
    api.store.get_dead_letter(number).await?.ok_or_else(|| missing(seq))
}

fn missing(seq: &str) -> Problem {
    let detail = format!("there is no dead letter {seq}; it may have been replayed or discarded already");
    Problem::new(StatusCode::NOT_FOUND, "no-such-dead-letter", "no such dead letter", detail)
}

fn refused(seq: i64, error: ReplayError) -> Problem {
    let error = match error {
        ReplayError::Store(error) => return error.into(),
        error => error,
    };
    let (kind, title) = match &error {
        ReplayError::Refused { .. } => ("refused-again", "the dead letter is refused again"),
        _ => ("not-replayable", "the dead letter cannot be replayed"),
    };
    let others = match &error {
        ReplayError::Refused { taken: Replayed { stored, duplicates }, .. } if stored + duplicates > 0 => {
            format!(" (of its other events {stored} were stored now and {duplicates} before)")
        }
        _ => String::new(),
    };
    let status = StatusCode::UNPROCESSABLE_ENTITY;
    Problem::new(status, kind, title, format!("{error}{others}; letter {seq} stays"))
}

impl DeadLetterItem {
    fn new(letter: StoredDeadLetter, bytes_max: Option<usize>) -> Self {
        let size = letter.bytes.len();
        let mut bytes = letter.bytes;
        bytes.truncate(bytes_max.unwrap_or(size));
        let text = match std::str::from_utf8(&bytes) {
            Ok(text) => Some(text.to_owned()),
            // The cut may have gone through a character.
            Err(error) if bytes.len() < size && error.error_len().is_none() => {
                std::str::from_utf8(&bytes[..error.valid_up_to()]).ok().map(str::to_owned)
            }
            Err(_) => None,
        };
        Self {
            seq: letter.seq,
            received: EventTimestamp::from_utc_micros(letter.received).to_string(),
            times: letter.times,
            reason: letter.reason,
            detail: letter.detail,
            origin: letter.origin,
            id: letter.id,
            size,
            text,
            bytes: STANDARD.encode(&bytes),
        }
    }
}
