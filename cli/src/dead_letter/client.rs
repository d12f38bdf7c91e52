//! The routes of a collector for dead letters.

use std::{str::FromStr, time::Duration};

use anyhow::{Context as _, anyhow, bail};
use reqwest::{Method, Response, StatusCode};
use serde::Deserialize;
use serde_json::{Value, value::RawValue};

use super::letter::Letter;

/// A letter of many events may take a while to be stored.
const ANSWER_TIME_MAX: Duration = Duration::from_mins(1);
const CONNECT_TIME_MAX: Duration = Duration::from_secs(5);

/// Letters with all that was sent are large: so many are asked for at a time.
const PAGE: u64 = 20;
const PAGE_WITHOUT_BYTES: u64 = 1000;

/// Where a collector is: `http://HOST:PORT`.
#[derive(Debug, Clone)]
pub(super) struct CollectorUrl(String);

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
pub(super) enum Answered<T> {
    Done(T),
    /// It does not do it, for this reason.
    Refused(String),
}

#[derive(Debug)]
pub(super) struct Client {
    inner: reqwest::Client,
    url: String,
}

#[derive(Debug, Deserialize)]
struct Page<'a> {
    #[serde(borrow)]
    items: Vec<&'a RawValue>,
    next_cursor: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Receipt {
    accepted: u64,
    duplicates: u64,
}

impl Client {
    pub(super) fn new(CollectorUrl(url): CollectorUrl) -> anyhow::Result<Self> {
        // Somebody may have chosen one already, which is as good.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let inner = reqwest::Client::builder().timeout(ANSWER_TIME_MAX).connect_timeout(CONNECT_TIME_MAX).build()?;
        Ok(Self { inner, url })
    }

    /// Gives at most `limit` letters to `take`, the latest first, each also as the text that came. Says whether there are
    /// more.
    pub(super) async fn list(
        &self,
        reason: Option<&str>,
        limit: u64,
        bytes_max: Option<u64>,
        mut take: impl FnMut(&Letter, &str),
    ) -> anyhow::Result<bool> {
        let page_max = if bytes_max == Some(0) { PAGE_WITHOUT_BYTES } else { PAGE };
        let (mut cursor, mut left) = (None::<String>, limit);
        loop {
            let mut parameters = vec![("limit", page_max.min(left).to_string())];
            parameters.extend(cursor.map(|cursor| ("cursor", cursor)));
            parameters.extend(reason.map(|reason| ("reason", reason.to_owned())));
            parameters.extend(bytes_max.map(|bytes_max| ("bytes_max", bytes_max.to_string())));
            let text = match self.ask(Method::GET, "", &parameters).await? {
                Answered::Done(response) => response.text().await?,
                Answered::Refused(detail) => bail!("the collector at {} does not list them: {detail}", self.url),
            };
            let page: Page<'_> = serde_json::from_str(&text).with_context(|| self.odd())?;
            for item in page.items {
                take(&serde_json::from_str(item.get()).with_context(|| self.odd())?, item.get());
                left = left.saturating_sub(1);
            }
            cursor = page.next_cursor;
            if cursor.is_none() || left == 0 {
                return Ok(cursor.is_some());
            }
        }
    }

    pub(super) async fn get(&self, seq: i64) -> anyhow::Result<Answered<Letter>> {
        Ok(match self.ask(Method::GET, &format!("/{seq}"), &[]).await? {
            Answered::Done(response) => {
                Answered::Done(serde_json::from_str(&response.text().await?).with_context(|| self.odd())?)
            }
            Answered::Refused(detail) => Answered::Refused(detail),
        })
    }

    pub(super) async fn replay(&self, seq: i64) -> anyhow::Result<Answered<String>> {
        Ok(match self.ask(Method::POST, &format!("/{seq}/replay"), &[]).await? {
            Answered::Done(response) => {
                let receipt = serde_json::from_str(&response.text().await?).with_context(|| self.odd())?;
                let Receipt { accepted, duplicates } = receipt;
                Answered::Done(format!(": {accepted} stored, {duplicates} stored before"))
            }
            Answered::Refused(detail) => Answered::Refused(detail),
        })
    }

    pub(super) async fn discard(&self, seq: i64) -> anyhow::Result<Answered<String>> {
        Ok(match self.ask(Method::DELETE, &format!("/{seq}"), &[]).await? {
            Answered::Done(_) => Answered::Done(String::new()),
            Answered::Refused(detail) => Answered::Refused(detail),
        })
    }

    async fn ask(
        &self,
        method: Method,
        path: &str,
        parameters: &[(&str, String)],
    ) -> anyhow::Result<Answered<Response>> {
        let mut url = reqwest::Url::parse(&format!("{}/api/v1/dead-letters{path}", self.url))?;
        if !parameters.is_empty() {
            url.query_pairs_mut().extend_pairs(parameters);
        }
        let sent = self.inner.request(method, url).send().await;
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
            (StatusCode::NOT_FOUND | StatusCode::UNPROCESSABLE_ENTITY | StatusCode::BAD_REQUEST, Some(detail)) => {
                Ok(Answered::Refused(detail.to_owned()))
            }
            (_, detail) => bail!("{} answers {status}: {}", self.url, detail.unwrap_or("is this a collector?")),
        }
    }

    fn odd(&self) -> String {
        format!("{} does not answer as a collector of this version does", self.url)
    }
}
