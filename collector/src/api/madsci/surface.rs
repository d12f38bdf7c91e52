//! What MADSci's server does around its routes: CORS, wrong methods, slashes at the end. Starlette decides these there, and
//! each a little differently from what is usual here, so they are said in one table.

use axum::{
    body::Body,
    extract::Request,
    http::{HeaderMap, HeaderValue, Method, StatusCode, Uri, header},
    middleware::Next,
    response::{IntoResponse, Response},
};

use super::error::detail;

/// A path of MADSci's, and the methods it answers to. The first of them is what `Allow` names.
struct Surface {
    path: &'static str,
    methods: &'static [Method],
}

const GET: &[Method] = &[Method::GET];
const POST: &[Method] = &[Method::POST];

const SURFACE: [Surface; 17] = [
    Surface { path: "/health", methods: GET },
    Surface { path: "/settings", methods: GET },
    Surface { path: "/event", methods: POST },
    Surface { path: "/event/{id}", methods: GET },
    Surface { path: "/events", methods: GET },
    Surface { path: "/events/query", methods: POST },
    Surface { path: "/events/archive", methods: POST },
    Surface { path: "/events/archived", methods: &[Method::GET, Method::DELETE] },
    Surface { path: "/backup", methods: &[Method::POST, Method::GET] },
    Surface { path: "/backup/status", methods: GET },
    Surface { path: "/utilization/sessions", methods: GET },
    Surface { path: "/utilization/periods", methods: GET },
    Surface { path: "/utilization/user", methods: GET },
    Surface { path: "/utilization/users", methods: GET },
    Surface { path: "/docs", methods: &[Method::GET, Method::HEAD] },
    Surface { path: "/redoc", methods: &[Method::GET, Method::HEAD] },
    Surface { path: "/openapi.json", methods: &[Method::GET, Method::HEAD] },
];

const ALL_METHODS: &str = "DELETE, GET, HEAD, OPTIONS, PATCH, POST, PUT";

fn surface(path: &str) -> Option<&'static Surface> {
    let is_event = |path: &str| path.strip_prefix("/event/").is_some_and(|id| !id.is_empty() && !id.contains('/'));
    SURFACE.iter().find(|surface| surface.path == path || (surface.path == "/event/{id}" && is_event(path)))
}

/// Answers what the routes do not, and adds what belongs to every answer of MADSci's.
pub(in crate::api) async fn around(request: Request, next: Next) -> Response {
    let path = request.uri().path();
    if path.starts_with("/api/") {
        return next.run(request).await;
    }
    let is_from_elsewhere = request.headers().contains_key(header::ORIGIN);
    let asked = request.headers().get(header::ACCESS_CONTROL_REQUEST_METHOD);
    if let (&Method::OPTIONS, true, Some(asked)) = (request.method(), is_from_elsewhere, asked) {
        return preflight(asked, request.headers());
    }
    let mut answer = match surface(path) {
        Some(surface) if !surface.methods.contains(request.method()) => not_allowed(surface),
        _ => next.run(request).await,
    };
    if is_from_elsewhere {
        answer.headers_mut().insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
    }
    answer
}

fn not_allowed(surface: &Surface) -> Response {
    let mut answer = detail(StatusCode::METHOD_NOT_ALLOWED, "Method Not Allowed");
    let allow = surface.methods.first().and_then(|method| HeaderValue::from_str(method.as_str()).ok());
    answer.headers_mut().extend(allow.map(|allow| (header::ALLOW, allow)));
    answer
}

/// Any page may ask, without credentials, with the headers that it names.
fn preflight(asked: &HeaderValue, headers: &HeaderMap) -> Response {
    let is_known = ALL_METHODS.split(", ").any(|method| asked == method);
    let (status, text) =
        if is_known { (StatusCode::OK, "OK") } else { (StatusCode::BAD_REQUEST, "Disallowed CORS method") };
    let mut answer = (status, text).into_response();
    let answered = answer.headers_mut();
    answered.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
    answered.insert(header::ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static(ALL_METHODS));
    answered.insert(header::ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static("600"));
    if let Some(names) = headers.get(header::ACCESS_CONTROL_REQUEST_HEADERS) {
        answered.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, names.clone());
    }
    answer
}

/// Sends a path with slashes at its end to that without, if that is one.
pub(in crate::api) fn without_slash(uri: &Uri, headers: &HeaderMap) -> Option<Response> {
    let path = uri.path();
    let trimmed = path.trim_end_matches('/');
    if trimmed.len() == path.len() || !(surface(trimmed).is_some() || trimmed.starts_with("/api/v1")) {
        return None;
    }
    let query = uri.query().map(|query| format!("?{query}")).unwrap_or_default();
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let base = text("host").map(|host| {
        let scheme = text("x-forwarded-proto").filter(|scheme| *scheme == "https").unwrap_or("http");
        format!("{scheme}://{host}")
    });
    let location = format!("{}{trimmed}{query}", base.unwrap_or_default());
    let location = HeaderValue::from_str(&location).ok()?;
    let answer = Response::builder().status(StatusCode::TEMPORARY_REDIRECT).header(header::LOCATION, location);
    answer.body(Body::empty()).ok()
}
