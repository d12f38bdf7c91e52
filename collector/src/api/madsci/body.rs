//! A JSON body as `FastAPI` reads one.

use axum::http::{HeaderMap, StatusCode, header};
use serde_json::{Value, json};

use super::error::Detail;

/// Reads a body. One without a JSON content type counts as a text, as in `FastAPI`.
pub(super) fn read(headers: &HeaderMap, bytes: &[u8]) -> Result<Value, Detail> {
    if bytes.is_empty() {
        let place = json!(["body"]);
        return Err(Detail::input("missing", &place, "Field required", &Value::Null, &Value::Null));
    }
    let Ok(text) = std::str::from_utf8(bytes) else {
        return Err(Detail::text(StatusCode::BAD_REQUEST, "There was an error parsing the body"));
    };
    if !is_json(headers) {
        return Ok(Value::String(text.to_owned()));
    }
    serde_json::from_str(text).map_err(|error| {
        let offset = offset(text, error.line(), error.column());
        let context = json!({"error": error.to_string()});
        Detail::input("json_invalid", &json!(["body", offset]), "JSON decode error", &json!({}), &context)
    })
}

fn is_json(headers: &HeaderMap) -> bool {
    let value = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let essence = value.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    let subtype = essence.strip_prefix("application/").unwrap_or_default();
    subtype == "json" || subtype.ends_with("+json")
}

/// Line and column, both from 1, as an offset in bytes.
fn offset(text: &str, line: usize, column: usize) -> usize {
    let before: usize = text.split_inclusive('\n').take(line.saturating_sub(1)).map(str::len).sum();
    (before + column.saturating_sub(1)).min(text.len())
}
