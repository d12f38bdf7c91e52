//! Events that a selector finds.

use std::sync::Arc;

use axum::{
    body::Body,
    extract::{RawQuery, State},
    http::{HeaderMap, StatusCode},
    response::Response,
};
use labtrail_shared::{filter::Filter, python};
use serde_json::{Value, json};

use super::{body, error::Detail, list::List, parameters::Parameters};
use crate::{
    api::{
        Api,
        openapi::{EventDocument, ValidationErrors},
    },
    store::{Criteria, Order},
};

/// Query events
///
/// The body is a MongoDB query selector; every event that matches is in the answer, those put aside as well, the oldest
/// first. Without a body the selector may stand in the URL, as JSON or as Python writes a dict.
#[utoipa::path(
    post,
    path = "/events/query",
    tag = "madsci",
    params(("selector" = Option<String>, Query, description = "The selector, if there is no body")),
    request_body(content = Value, description = "A MongoDB query selector"),
    responses(
        (status = 200, description = "Events by id", body = std::collections::HashMap<String, EventDocument>),
        (status = 400, description = "The selector is not valid: `detail` names the operator and its place", body = Detail),
        (status = 413, description = "The body is larger than the option `http.body_bytes_max` allows", body = Detail),
        (status = 422, description = "There is no selector", body = ValidationErrors),
        (status = 503, description = "The store is not available", body = Detail),
        (status = 504, description = "Nothing was found within `search.list_time_max`", body = Detail),
    )
)]
pub(crate) async fn query_events(
    State(api): State<Arc<Api>>,
    query: RawQuery,
    headers: HeaderMap,
    request: Body,
) -> Result<Response, Detail> {
    let received = api.bodies.read(&headers, request).await?;
    let mut selector = match body::read(&headers, &received.bytes)? {
        Some(body) if body.is_inexact => {
            let text = "NaN and Infinity are no values that an event can have";
            return Err(Detail::text(StatusCode::BAD_REQUEST, text));
        }
        Some(body) => body.value,
        None => in_url(&Parameters::new(query))?,
    };
    if selector.as_array().is_some_and(Vec::is_empty) {
        selector = json!({});
    }
    let filter = Filter::parse(&selector).map_err(|error| Detail::text(StatusCode::BAD_REQUEST, error.to_string()))?;
    let criteria = Criteria { filter: Some(filter), ..Criteria::default() };
    List::search(&api, criteria, Order::Ascending, 0, usize::MAX).into_response().await
}

fn in_url(parameters: &Parameters) -> Result<Value, Detail> {
    let given: Vec<&str> =
        parameters.given().iter().filter(|(name, _)| name == "selector").map(|(_, text)| text.as_str()).collect();
    let [text] = given[..] else { return Err(body::missing()) };
    let selector: Option<Value> = serde_json::from_str(text).ok().or_else(|| python::read_literal(text));
    selector.filter(|selector| selector.is_object() || selector.is_array()).ok_or_else(|| {
        let message =
            "Value error, the selector in the URL is neither JSON nor a dict of Python; it may also be the body";
        let context = json!({"error": {}});
        Detail::input("value_error", &json!(["query", "selector"]), message, &json!(text), &context)
    })
}

#[cfg(test)]
mod tests {
    use axum::extract::RawQuery;
    use serde_json::{Value, json};

    use super::in_url;
    use crate::api::madsci::parameters::Parameters;

    #[test]
    fn a_selector_may_stand_in_the_url() {
        let check = |query: &str, expected: Option<Value>| {
            let read = in_url(&Parameters::new(RawQuery(Some(query.to_owned()))));
            assert_eq!(read.ok(), expected, "{query}");
        };
        check("selector=%7B%27event_type%27%3A+%27log_info%27%7D", Some(json!({"event_type": "log_info"})));
        check("selector=%7B%22log_level%22%3A20%7D", Some(json!({"log_level": 20})));
        check("selector=%7B%7D", Some(json!({})));
        check("selector=event_type", None);
        check("selector=event_type&selector=log_level", None);
        check("selector=12", None);
        check("", None);
    }
}
