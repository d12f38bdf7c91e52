//! A JSON body as `FastAPI` reads one.

use axum::http::{HeaderMap, header};
use labtrail_shared::fastapi;
pub(super) use labtrail_shared::fastapi::{Body, Unread};

use super::error::Detail;

impl From<Unread> for Detail {
    fn from(unread: Unread) -> Self {
        fastapi::Detail::from(unread).into()
    }
}

/// Reads a body. One without a JSON content type counts as a text, as in `FastAPI`; an empty one, and null, as none.
pub(super) fn read(headers: &HeaderMap, bytes: &[u8]) -> Result<Option<Body>, Unread> {
    let content_type = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    fastapi::read(content_type, bytes)
}

/// That there is none.
pub(super) fn missing() -> Detail {
    fastapi::missing().into()
}
