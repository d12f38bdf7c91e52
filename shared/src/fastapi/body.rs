//! A JSON body as `FastAPI` reads one.

use serde_json::{Value, json};

use super::{
    detail::Detail,
    python_json::{self, DEPTH_MAX, TOO_DEEP, Wrong},
    unicode,
};

/// Why a body was not read.
#[derive(Debug)]
pub enum Unread {
    /// It is no JSON.
    NotJson(Detail),
    /// It is JSON that no store can hold.
    Unstorable(&'static str),
}

impl From<Unread> for Detail {
    fn from(unread: Unread) -> Self {
        match unread {
            Unread::NotJson(detail) => detail,
            Unread::Unstorable(reason) => unstorable(reason),
        }
    }
}

/// A body that was read.
#[derive(Debug)]
pub struct Body {
    /// What stands in it.
    pub value: Value,
    /// Whether null stands in it for a number that JSON has not got.
    pub is_inexact: bool,
}

/// Reads a body. One without a JSON content type counts as a text, as in `FastAPI`; an empty one, and null, as none.
pub fn read(content_type: Option<&str>, bytes: &[u8]) -> Result<Option<Body>, Unread> {
    if bytes.is_empty() {
        return Ok(None);
    }
    let text = unicode::decode(bytes).ok_or_else(unreadable)?;
    if !is_json(content_type) {
        return Ok(Some(Body { value: Value::String(text.into_owned()), is_inexact: false }));
    }
    let read = if python_json::may_hold_odd_integers(&text) { None } else { serde_json::from_str(&text).ok() };
    let python_json::Read { value, is_inexact } = match read {
        Some(value) => python_json::Read { value, is_inexact: false },
        None => python_json::read(&text).map_err(|wrong| match wrong {
            Wrong::Syntax(words, at) => {
                let context = json!({"error": words});
                let place = json!(["body", at]);
                Unread::NotJson(Detail::input("json_invalid", &place, "JSON decode error", &json!({}), &context))
            }
            Wrong::Unstorable(reason) => Unread::Unstorable(reason),
        })?,
    };
    if let Some(reason) = unstorable_part(&value, 0) {
        return Err(Unread::Unstorable(reason));
    }
    Ok(Some(Body { value, is_inexact }).filter(|body| !body.value.is_null()))
}

/// That there is none.
pub fn missing() -> Detail {
    Detail::input("missing", &json!(["body"]), "Field required", &Value::Null, &Value::Null)
}

/// What can never be stored, for a reason; MADSci answers such with 500.
pub fn unstorable(reason: &str) -> Detail {
    let message = format!("Value error, cannot be stored: {reason}");
    Detail::input("value_error", &json!(["body"]), &message, &Value::Null, &json!({"error": reason}))
}

fn unreadable() -> Unread {
    Unread::NotJson(Detail::text(400, "There was an error parsing the body"))
}

fn unstorable_part(value: &Value, depth: usize) -> Option<&'static str> {
    match value {
        _ if depth > DEPTH_MAX => Some(TOO_DEEP),
        Value::Array(items) => items.iter().find_map(|item| unstorable_part(item, depth + 1)),
        Value::Object(fields) => fields.iter().find_map(|(name, field)| {
            if name.contains('\0') { Some("U+0000 in a key") } else { unstorable_part(field, depth + 1) }
        }),
        _ => None,
    }
}

fn is_json(content_type: Option<&str>) -> bool {
    let value = content_type.unwrap_or_default();
    let essence = value.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    let subtype = essence.strip_prefix("application/").unwrap_or_default();
    subtype == "json" || subtype.ends_with("+json")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{Unread, read};

    #[test]
    fn a_body_without_a_json_type_is_a_text() {
        let value = |content_type| read(Some(content_type), b"{}").expect("JSON").expect("not null").value;
        assert_eq!(value("application/json; charset=utf-8"), json!({}));
        assert_eq!(value("application/vnd.api+json"), json!({}));
        assert_eq!(value("text/plain"), json!("{}"));
    }

    #[test]
    fn what_is_no_json_is_told_from_what_no_store_can_hold() {
        assert!(matches!(read(Some("application/json"), b"{"), Err(Unread::NotJson(_))));
        assert!(matches!(read(Some("application/json"), b"{\"a\": 9223372036854775808}"), Err(Unread::Unstorable(_))));
        assert!(read(Some("application/json"), b"null").is_ok_and(|body| body.is_none()));
    }
}
