//! The receiver `webhook`: the notification as JSON, signed, to a program.

mod alertmanager;
mod payload;
mod section;
mod signature;
#[cfg(test)]
mod tests;

use std::time::Duration;

use labtrail_shared::settings::Secret;
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};
use reqwest::{
    Client,
    header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderValue},
};

pub(crate) use self::section::WebhookSection;
use self::section::{Format, header};
pub(super) use self::{payload::labtrail as labtrail_payload, section::check_address};
use super::{
    files::{self, FileError},
    http::{self, HttpError, SecretUrl},
    notification::{Facts, Notification},
    outcome::{Delivery, Failure},
    template::Rendered,
};

/// A webhook that cannot be set up.
#[derive(Debug, thiserror::Error)]
pub enum WebhookError {
    /// The address, the certificates or the client.
    #[error(transparent)]
    Http(#[from] HttpError),
    /// A file cannot be used.
    #[error(transparent)]
    File(#[from] FileError),
    /// A token that no header can hold.
    #[error("the bearer token has characters that cannot stand in a header: write it in ASCII, on one line")]
    Token,
}

/// Posts to one address.
#[derive(Debug)]
pub(crate) struct WebhookSender {
    client: Client,
    url: SecretUrl,
    format: Format,
    secret: Option<Secret>,
    headers: HeaderMap,
}

impl WebhookSender {
    /// Reads the files that the section names. Nothing is sent yet.
    pub(crate) fn open(section: &WebhookSection) -> Result<Self, WebhookError> {
        let timeout: Duration = section.timeout.0;
        let mut headers = HeaderMap::new();
        for (name, value) in &section.headers {
            let (name, value) = header(name, value).expect("headers were checked when they were read");
            headers.insert(name, value);
        }
        let token =
            files::secret("bearer_token_file", section.bearer_token.as_ref(), section.bearer_token_file.as_deref())?;
        if let Some(token) = token {
            let mut value =
                HeaderValue::from_str(&format!("Bearer {}", token.reveal())).map_err(|_| WebhookError::Token)?;
            value.set_sensitive(true);
            headers.insert(AUTHORIZATION, value);
        }
        Ok(Self {
            client: http::client(timeout, section.ca_file.as_deref())?,
            url: http::address(section.url.as_ref(), section.url_file.as_deref())?,
            format: section.format,
            secret: files::secret("secret_file", section.secret.as_ref(), section.secret_file.as_deref())?,
            headers,
        })
    }

    /// Posts a notification.
    pub(crate) async fn send(
        &self,
        receiver: &str,
        notification: &Notification,
        facts: &Facts,
        words: &Rendered,
    ) -> Result<Delivery, Failure> {
        let payload = match self.format {
            Format::Labtrail => payload::labtrail(receiver, notification, facts, words),
            Format::Alertmanager => alertmanager::payload(receiver, notification, facts, words),
        };
        let body = payload.to_string();
        let mut request = self.client.post(self.url.reveal().clone()).headers(self.headers.clone());
        request = request.header(CONTENT_TYPE, "application/json");
        request = request.header("idempotency-key", header_text(&notification.key));
        if notification.is_repeat {
            request = request.header("x-labtrail-repeat", "possible");
        }
        if let Some(secret) = &self.secret {
            let seconds = notification.at.as_second();
            request = request.header(signature::HEADER, signature::sign(secret, seconds, body.as_bytes()));
        }
        http::send(request.body(body), &self.url, notification.at).await?;
        Ok(Delivery::default())
    }
}

/// A key as a header's value: what cannot stand there is percent-encoded.
fn header_text(key: &str) -> String {
    const REFUSED: &AsciiSet = &CONTROLS.add(b' ').add(b'%').add(b'"');
    utf8_percent_encode(key, REFUSED).to_string()
}
