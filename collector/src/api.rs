//! The collector's HTTP interface: MADSci's routes as MADSci's clients expect them, our own under `/api/v1`, and the page.

mod body;
mod error;
mod live;
mod madsci;
mod openapi;
mod page;
mod v1;

use std::sync::Arc;

use axum::{
    Router,
    extract::{OriginalUri, State},
    http::{HeaderMap, Method, StatusCode, header},
    middleware,
    response::{IntoResponse, Response},
    routing::get,
};
use labtrail_shared::{
    shutdown::{Stop, Tasks},
    telemetry::{METRICS_CONTENT_TYPE, Metrics},
};

use tokio::sync::Semaphore;

use crate::{alerting::Alerting, backup::Backups, config::Config, ingest::Ingest, store::EventStore};
use body::BodyReader;
use error::Problem;
use live::Live;

/// Reports that are reckoned at a time.
const REPORTS_MAX: usize = 2;

/// What the handlers share.
#[derive(Debug)]
struct Api {
    store: Arc<dyn EventStore>,
    ingest: Arc<Ingest>,
    alerting: Option<Arc<Alerting>>,
    live: Live,
    bodies: BodyReader,
    backups: Backups,
    manager_id: String,
    /// How many reports may be reckoned at a time.
    reports: Semaphore,
    config: Config,
    metrics: Metrics,
}

type Shared = State<Arc<Api>>;

/// What the handlers are given.
pub(crate) struct Rooms {
    pub(crate) store: Arc<dyn EventStore>,
    pub(crate) ingest: Arc<Ingest>,
    pub(crate) alerting: Option<Arc<Alerting>>,
    pub(crate) backups: Backups,
    pub(crate) manager_id: String,
}

/// The routes. What follows arrivals for those who watch runs in `tasks`.
pub(crate) fn router(config: &Config, rooms: Rooms, metrics: Metrics, tasks: &mut Tasks, stop: Stop) -> Router {
    let Rooms { store, ingest, alerting, backups, manager_id } = rooms;
    let live = Live::start(Arc::clone(&store), &config.live, &metrics, tasks, stop);
    let bodies = BodyReader::new(&config.http);
    let api = Arc::new(Api {
        store,
        ingest,
        alerting,
        live,
        bodies,
        backups,
        manager_id,
        reports: Semaphore::new(REPORTS_MAX),
        config: config.clone(),
        metrics,
    });
    let routes = Router::new()
        .merge(madsci::routes())
        .nest("/api/v1", v1::routes())
        .merge(page::routes())
        .route("/metrics", get(metrics_text))
        .route("/openapi.json", get(openapi::document))
        .fallback(not_found)
        .method_not_allowed_fallback(method_not_allowed)
        .with_state(api);
    // Around all of it: a layer of the routes' own would be inside of what answers to wrong methods.
    Router::new().fallback_service(routes).layer(middleware::from_fn(madsci::around))
}

async fn metrics_text(State(api): Shared) -> Response {
    ([(header::CONTENT_TYPE, METRICS_CONTENT_TYPE)], api.metrics.to_text()).into_response()
}

/// Our routes answer in our form, all others in `FastAPI`'s, which also sends a path with a slash at its end to that without.
async fn not_found(OriginalUri(uri): OriginalUri, headers: HeaderMap) -> Response {
    if let Some(redirect) = madsci::without_slash(&uri, &headers) {
        return redirect;
    }
    let path = uri.path();
    if path.starts_with("/api/v1") {
        let detail = format!("there is nothing at {path}; /openapi.json lists what there is");
        return Problem::new(StatusCode::NOT_FOUND, "not-found", "no such resource", detail).into_response();
    }
    madsci::detail(StatusCode::NOT_FOUND, "Not Found")
}

async fn method_not_allowed(method: Method, OriginalUri(uri): OriginalUri) -> Response {
    if uri.path().starts_with("/api/v1") {
        let detail = format!("{method} is not possible at {}; the header Allow says what is", uri.path());
        let (kind, title) = ("method-not-allowed", "method not allowed");
        return Problem::new(StatusCode::METHOD_NOT_ALLOWED, kind, title, detail).into_response();
    }
    madsci::detail(StatusCode::METHOD_NOT_ALLOWED, "Method Not Allowed")
}
