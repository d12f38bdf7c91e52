//! MADSci's routes, answering as its Event Manager does: same paths, same bodies, `FastAPI`'s error shapes.

mod body;
mod error;
mod events;
mod health;
mod parameters;
mod python_json;

use std::sync::Arc;

use axum::{
    Router,
    routing::{get, post},
};
use tower_http::cors::{AllowHeaders, AllowMethods, AllowOrigin, CorsLayer};

use super::Api;
pub(super) use {
    error::{Detail, detail},
    events::{__path_get_event, __path_get_events, __path_post_event, __path_query_events},
    health::{__path_get_health, Health},
};

pub(super) fn routes() -> Router<Arc<Api>> {
    // As MADSci: any page may ask, without credentials, with the headers that it names.
    let cors = CorsLayer::new()
        .allow_origin(AllowOrigin::any())
        .allow_methods(AllowMethods::mirror_request())
        .allow_headers(AllowHeaders::mirror_request());
    Router::new()
        .route("/health", get(health::get_health))
        .route("/event", post(events::post_event))
        .route("/event/{id}", get(events::get_event))
        .route("/events", get(events::get_events))
        .route("/events/query", post(events::query_events))
        // Set here so that the layer lies around it: the question whether a page may ask comes with the method OPTIONS.
        .method_not_allowed_fallback(super::method_not_allowed)
        .layer(cors)
}
