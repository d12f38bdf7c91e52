//! What ours may answer where it differs.

use labtrail_tests::lab::Answer;
use serde_json::Value;

/// 4xx with a reason in the form of `FastAPI`.
pub(super) fn refused(ours: &Answer) -> Result<(), String> {
    if !(400..500).contains(&ours.status) {
        return Err(format!("it is answered {}", ours.status));
    }
    let detail = serde_json::from_str(&ours.text).map(|body: Value| body["detail"].clone());
    let detail = detail.map_err(|error| format!("it is no JSON: {error}"))?;
    let is_problem =
        |problem: &Value| problem["loc"].is_array() && problem["msg"].is_string() && problem["type"].is_string();
    let has_reason = match &detail {
        Value::String(reason) => !reason.is_empty(),
        Value::Array(problems) => !problems.is_empty() && problems.iter().all(is_problem),
        _ => false,
    };
    if has_reason { Ok(()) } else { Err(format!("there is no reason in {}", ours.text)) }
}

/// 200, and not with the word that it failed.
pub(super) fn answered(ours: &Answer) -> Result<(), String> {
    match ours.status {
        200 if !ours.text.contains("\"error\"") => Ok(()),
        status => Err(format!("it is answered {status} {}", ours.text)),
    }
}
