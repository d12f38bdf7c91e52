//! A collector, asked over HTTP.

use std::{str::FromStr, time::Duration};

use anyhow::{anyhow, bail};
use reqwest::{Method, Response, StatusCode};
use serde_json::Value;

/// A letter of many events may take a while to be stored, and a rule to be tried.
const ANSWER_TIME_MAX: Duration = Duration::from_mins(1);
const CONNECT_TIME_MAX: Duration = Duration::from_secs(5);

/// Where a collector is: `http://HOST:PORT`.
#[derive(Debug, Clone)]
pub(crate) struct CollectorUrl(String);

impl FromStr for CollectorUrl {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let host = text.strip_prefix("http://").or_else(|| text.strip_prefix("https://"));
        match host {
            Some(host) if !host.is_empty() => Ok(Self(text.trim_end_matches('/').to_owned())),
            _ => Err("write the address of a collector, such as http://localhost:8001".to_owned()),
        }
    }
}

/// What became of a request that reached the collector.
#[derive(Debug)]
pub(crate) enum Answered<T> {
    Done(T),
    /// It does not do it, for this reason.
    Refused(String),
}

#[derive(Debug)]
pub(crate) struct Client {
    inner: reqwest::Client,
    url: String,
}

impl Client {
    pub(crate) fn new(CollectorUrl(url): CollectorUrl) -> anyhow::Result<Self> {
        // Somebody may have chosen one already, which is as good.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let inner = reqwest::Client::builder().timeout(ANSWER_TIME_MAX).connect_timeout(CONNECT_TIME_MAX).build()?;
        Ok(Self { inner, url })
    }

    /// Where it is.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// Sends a request; a body is JSON.
    pub(crate) async fn ask(
        &self,
        method: Method,
        path: &str,
        parameters: &[(&str, String)],
        body: Option<String>,
    ) -> anyhow::Result<Answered<Response>> {
        let mut url = reqwest::Url::parse(&format!("{}/api/v1{path}", self.url))?;
        if !parameters.is_empty() {
            url.query_pairs_mut().extend_pairs(parameters);
        }
        let mut request = self.inner.request(method, url);
        if let Some(body) = body {
            request = request.header("content-type", "application/json").body(body);
        }
        let sent = request.send().await;
        let response = sent.map_err(|error| {
            let error = anyhow!(error.without_url());
            error.context(format!("no collector answers at {} (--to says where it is)", self.url))
        })?;
        let status = response.status();
        if status.is_success() {
            return Ok(Answered::Done(response));
        }
        let text = response.text().await.unwrap_or_default();
        let problem = serde_json::from_str::<Value>(&text).ok();
        // Only a collector's own words are an answer; others are of somebody else at this address.
        let detail = problem.as_ref().and_then(|problem| problem.get("detail")?.as_str());
        match (status, detail) {
            (
                StatusCode::NOT_FOUND
                | StatusCode::UNPROCESSABLE_ENTITY
                | StatusCode::BAD_REQUEST
                | StatusCode::CONFLICT,
                Some(detail),
            ) => Ok(Answered::Refused(detail.to_owned())),
            (_, detail) => bail!("{} answers {status}: {}", self.url, detail.unwrap_or("is this a collector?")),
        }
    }

    /// What to say of an answer that cannot be read.
    pub(crate) fn odd(&self) -> String {
        format!("{} does not answer as a collector of this version does", self.url)
    }
}
