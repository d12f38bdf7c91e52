//! Asks the collector what the agent does not know, and hands its answer on as it comes.

use std::time::Duration;

use axum::{
    body::Body,
    http::{HeaderMap, HeaderName, header, request::Parts},
    response::Response,
};
use bytes::Bytes;
use labtrail_shared::{fastapi::Detail, telemetry::with_causes};
use reqwest::{Client, Url};
use tracing::{debug, error};

const CONNECT_TIME_MAX: Duration = Duration::from_secs(5);
/// A collector that says nothing for so long does not answer; a report may take its time.
const SILENCE_MAX: Duration = Duration::from_mins(2);

/// Headers that are for the next neighbour only (RFC 9110), or that the client writes itself.
const NOT_HANDED_ON: [HeaderName; 9] = [
    header::CONNECTION,
    HeaderName::from_static("keep-alive"),
    header::PROXY_AUTHENTICATE,
    header::PROXY_AUTHORIZATION,
    header::TE,
    header::TRAILER,
    header::TRANSFER_ENCODING,
    header::UPGRADE,
    header::HOST,
];

/// The collector.
pub(super) struct Upstream {
    client: Client,
    url: Url,
}

impl Upstream {
    /// The collector at this address. Nothing if no client can be made, which is said.
    pub(super) fn new(url: Url) -> Option<Self> {
        // A second installation (of the shipper's) keeps the first.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = Client::builder()
            .connect_timeout(CONNECT_TIME_MAX)
            .read_timeout(SILENCE_MAX)
            .redirect(reqwest::redirect::Policy::none())
            .build();
        match client {
            Ok(client) => Some(Self { client, url }),
            Err(error) => {
                error!(error = with_causes(&error), "cannot ask the collector: only new events are answered");
                None
            }
        }
    }

    /// The collector's answer to a request.
    pub(super) async fn ask(&self, request: Parts, body: Bytes) -> Result<Response, Detail> {
        let mut url = self.url.clone();
        let base = url.path().trim_end_matches('/').to_owned();
        url.set_path(&format!("{base}{}", request.uri.path()));
        url.set_query(request.uri.query());
        let asking = self.client.request(request.method, url).headers(handed_on(&request.headers)).body(body);
        let answer = asking.send().await.map_err(|error| {
            let error = with_causes(&error.without_url());
            debug!(path = request.uri.path(), %error, "the collector does not answer");
            Detail::text(503, format!("the agent only forwards events, and the collector does not answer: {error}"))
        })?;
        let (parts, body) = axum::http::Response::from(answer).into_parts();
        let mut response = Response::new(Body::new(body));
        *response.status_mut() = parts.status;
        *response.headers_mut() = handed_on(&parts.headers);
        Ok(response)
    }
}

fn handed_on(headers: &HeaderMap) -> HeaderMap {
    let mut headers = headers.clone();
    // What `Connection` names is for the next neighbour only, too.
    let named: Vec<HeaderName> = headers
        .get_all(header::CONNECTION)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .filter_map(|name| name.trim().parse().ok())
        .collect();
    for name in NOT_HANDED_ON.iter().chain(&named) {
        headers.remove(name);
    }
    headers
}
