//! The settings of the receiver `webhook`.

use std::{collections::BTreeMap, path::PathBuf};

use labtrail_shared::settings::{Period, Secret};
use reqwest::header::{HeaderName, HeaderValue};
use serde::{Deserialize, Deserializer, Serialize};

use super::signature;
use crate::notify::{files::check_secret, http::SecretUrl};

/// Headers that we set ourselves, and that would contradict the body or the connection.
const RESERVED: [&str; 8] = [
    "connection",
    "content-length",
    "content-type",
    "host",
    "idempotency-key",
    "transfer-encoding",
    signature::HEADER,
    "x-labtrail-repeat",
];

/// Where and how to post.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct WebhookSection {
    /// The address, `https://` or `http://`. It is shown without its path, which may be a secret. No redirection is followed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub url: Option<SecretUrl>,
    /// The file that holds the address and nothing else.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub url_file: Option<PathBuf>,
    /// `labtrail` (default), or `alertmanager`: the payload of Prometheus Alertmanager's webhooks, version 4.
    pub format: Format,
    /// The key of the signature `X-Labtrail-Signature: t=SECONDS,v1=HEX`, where HEX is HMAC-SHA256 of `SECONDS.BODY`.
    /// Default: no signature.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub secret: Option<Secret>,
    /// The file that holds that key and nothing else.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub secret_file: Option<PathBuf>,
    /// A token to send as `Authorization: Bearer TOKEN`. Default: none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bearer_token: Option<Secret>,
    /// The file that holds that token and nothing else.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bearer_token_file: Option<PathBuf>,
    /// More headers. Their values are not shown.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub headers: BTreeMap<String, Secret>,
    /// Certificates in PEM that are trusted beside the system's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ca_file: Option<PathBuf>,
    /// How long a request may take altogether. Default 30s.
    pub timeout: Period,
}

/// The form of what is posted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// Ours: what templates see, and the words.
    #[default]
    Labtrail,
    /// Alertmanager's.
    Alertmanager,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    url: Option<SecretUrl>,
    url_file: Option<PathBuf>,
    #[serde(default)]
    format: Format,
    secret: Option<Secret>,
    secret_file: Option<PathBuf>,
    bearer_token: Option<Secret>,
    bearer_token_file: Option<PathBuf>,
    #[serde(default)]
    headers: BTreeMap<String, Secret>,
    ca_file: Option<PathBuf>,
    timeout: Option<Period>,
}

impl WebhookSection {
    fn check(&self) -> Result<(), String> {
        check_address(self.url.as_ref(), self.url_file.is_some())?;
        check_secret("secret", self.secret.as_ref(), self.secret_file.is_some())?;
        check_secret("bearer_token", self.bearer_token.as_ref(), self.bearer_token_file.is_some())?;
        let has_token = self.bearer_token.is_some() || self.bearer_token_file.is_some();
        for (name, value) in &self.headers {
            header(name, value)?;
            if has_token && name.eq_ignore_ascii_case("authorization") {
                return Err(format!("headers.{name} and bearer_token are both set: remove one"));
            }
        }
        Ok(())
    }
}

/// Exactly one of the two ways to give an address.
pub(in crate::notify) fn check_address(url: Option<&SecretUrl>, has_file: bool) -> Result<(), String> {
    match (url.is_some(), has_file) {
        (true, true) => Err("url and url_file are both set: remove one".to_owned()),
        (false, false) => Err("set url, or url_file with the path of a file that holds it".to_owned()),
        _ => Ok(()),
    }
}

impl<'de> Deserialize<'de> for WebhookSection {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let written = Written::deserialize(deserializer)?;
        let section = Self {
            url: written.url,
            url_file: written.url_file,
            format: written.format,
            secret: written.secret,
            secret_file: written.secret_file,
            bearer_token: written.bearer_token,
            bearer_token_file: written.bearer_token_file,
            headers: written.headers,
            ca_file: written.ca_file,
            timeout: written.timeout.unwrap_or(Period::secs(30)),
        };
        section.check().map_err(serde::de::Error::custom)?;
        Ok(section)
    }
}

/// A header that can be sent.
pub(super) fn header(name: &str, value: &Secret) -> Result<(HeaderName, HeaderValue), String> {
    if RESERVED.iter().any(|reserved| reserved.eq_ignore_ascii_case(name)) {
        return Err(format!("headers.{name} is set by the collector itself: remove it"));
    }
    let parsed: HeaderName = name.parse().map_err(|_| format!("headers.{name:?} is not the name of a header"))?;
    check_secret(&format!("headers.{name}"), Some(value), false)?;
    let mut value = HeaderValue::from_str(value.reveal())
        .map_err(|_| format!("headers.{name} has characters that cannot stand in a header: write it on one line"))?;
    value.set_sensitive(true);
    Ok((parsed, value))
}
