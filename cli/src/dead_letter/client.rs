//! The routes of a collector for dead letters.

use anyhow::{Context as _, bail};
use reqwest::Method;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::letter::Letter;
use crate::client::{Answered, Client, CollectorUrl};

const PATH: &str = "/dead-letters";

/// Letters with all that was sent are large: so many are asked for at a time.
const PAGE: u64 = 20;
const PAGE_WITHOUT_BYTES: u64 = 1000;

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

/// The dead letters of a collector.
#[derive(Debug)]
pub(super) struct Letters(Client);

impl Letters {
    pub(super) fn new(url: CollectorUrl) -> anyhow::Result<Self> {
        Ok(Self(Client::new(url)?))
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
            let text = match self.0.ask(Method::GET, PATH, &parameters, None).await? {
                Answered::Done(response) => response.text().await?,
                Answered::Refused(detail) => bail!("the collector at {} does not list them: {detail}", self.0.url()),
            };
            let page: Page<'_> = serde_json::from_str(&text).with_context(|| self.0.odd())?;
            for item in page.items {
                take(&serde_json::from_str(item.get()).with_context(|| self.0.odd())?, item.get());
                left = left.saturating_sub(1);
            }
            cursor = page.next_cursor;
            if cursor.is_none() || left == 0 {
                return Ok(cursor.is_some());
            }
        }
    }

    pub(super) async fn get(&self, seq: i64) -> anyhow::Result<Answered<Letter>> {
        Ok(match self.0.ask(Method::GET, &format!("{PATH}/{seq}"), &[], None).await? {
            Answered::Done(response) => {
                Answered::Done(serde_json::from_str(&response.text().await?).with_context(|| self.0.odd())?)
            }
            Answered::Refused(detail) => Answered::Refused(detail),
        })
    }

    pub(super) async fn replay(&self, seq: i64) -> anyhow::Result<Answered<String>> {
        Ok(match self.0.ask(Method::POST, &format!("{PATH}/{seq}/replay"), &[], None).await? {
            Answered::Done(response) => {
                let receipt = serde_json::from_str(&response.text().await?).with_context(|| self.0.odd())?;
                let Receipt { accepted, duplicates } = receipt;
                Answered::Done(format!(": {accepted} stored, {duplicates} stored before"))
            }
            Answered::Refused(detail) => Answered::Refused(detail),
        })
    }

    pub(super) async fn discard(&self, seq: i64) -> anyhow::Result<Answered<String>> {
        Ok(match self.0.ask(Method::DELETE, &format!("{PATH}/{seq}"), &[], None).await? {
            Answered::Done(_) => Answered::Done(String::new()),
            Answered::Refused(detail) => Answered::Refused(detail),
        })
    }
}
