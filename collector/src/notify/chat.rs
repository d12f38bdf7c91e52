//! The receiver `chat`: a message in a channel of Slack, Teams or Mattermost, by an incoming webhook of theirs. Each has
//! its own limits, which are kept by cutting the text, and its own signs, which nothing in an event can put in.

mod mattermost;
mod slack;
mod teams;
#[cfg(test)]
mod tests;
mod text;

use std::path::PathBuf;

use labtrail_shared::settings::Period;
use reqwest::{Client, header::CONTENT_TYPE};
use serde::{Deserialize, Deserializer, Serialize};

use super::{
    http::{self, HttpError, SecretUrl},
    notification::{Facts, Notification},
    outcome::{Delivery, Failure},
    template::Rendered,
    webhook::check_address,
};

/// Which chat, and which channel of it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ChatSection {
    /// `slack`, `teams` (the address of a workflow "when a Teams webhook request is received") or `mattermost`.
    pub service: Service,
    /// The address of the incoming webhook. It is a secret and is shown without its path.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub url: Option<SecretUrl>,
    /// The file that holds the address and nothing else.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub url_file: Option<PathBuf>,
    /// Another channel than the webhook's own; Mattermost only, and only where the webhook allows it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub channel: Option<String>,
    /// Certificates in PEM that are trusted beside the system's, for a chat server of one's own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ca_file: Option<PathBuf>,
    /// How long a request may take altogether. Default 30s.
    pub timeout: Period,
}

/// A chat whose messages we can write.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Service {
    /// Slack, and what takes its incoming webhooks.
    Slack,
    /// Microsoft Teams by Workflows.
    Teams,
    /// Mattermost.
    Mattermost,
}

/// Posts into one channel.
#[derive(Debug)]
pub(crate) struct ChatSender {
    client: Client,
    url: SecretUrl,
    service: Service,
    channel: Option<String>,
}

impl ChatSender {
    /// Reads the files that the section names. Nothing is sent yet.
    pub(crate) fn open(section: &ChatSection) -> Result<Self, HttpError> {
        Ok(Self {
            client: http::client(section.timeout.0, section.ca_file.as_deref())?,
            url: http::address(section.url.as_ref(), section.url_file.as_deref())?,
            service: section.service,
            channel: section.channel.clone(),
        })
    }

    /// Posts a notification.
    pub(crate) async fn send(
        &self,
        notification: &Notification,
        facts: &Facts,
        words: &Rendered,
    ) -> Result<Delivery, Failure> {
        let message = match self.service {
            Service::Slack => slack::message(facts, words),
            Service::Teams => teams::message(facts, words),
            Service::Mattermost => mattermost::message(facts, words, self.channel.as_deref()),
        };
        let request = self.client.post(self.url.reveal().clone()).header(CONTENT_TYPE, "application/json");
        let answer = http::send(request.body(message.to_string()), &self.url, notification.at).await?;
        match self.service {
            Service::Teams => teams::check(&answer)?,
            Service::Slack | Service::Mattermost => {}
        }
        Ok(Delivery::default())
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    service: Service,
    url: Option<SecretUrl>,
    url_file: Option<PathBuf>,
    channel: Option<String>,
    ca_file: Option<PathBuf>,
    timeout: Option<Period>,
}

impl<'de> Deserialize<'de> for ChatSection {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let written = Written::deserialize(deserializer)?;
        check_address(written.url.as_ref(), written.url_file.is_some()).map_err(serde::de::Error::custom)?;
        if written.channel.is_some() && written.service != Service::Mattermost {
            return Err(serde::de::Error::custom(
                "channel is for mattermost only: the webhooks of the others belong to one channel; remove it",
            ));
        }
        Ok(Self {
            service: written.service,
            url: written.url,
            url_file: written.url_file,
            channel: written.channel,
            ca_file: written.ca_file,
            timeout: written.timeout.unwrap_or(Period::secs(30)),
        })
    }
}
