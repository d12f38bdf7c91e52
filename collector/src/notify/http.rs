//! What webhooks and chats have in common: a client with limits, addresses that are not printed, and the meaning of answers.

use std::{fmt, path::Path, time::Duration};

use jiff::Timestamp;
use labtrail_shared::{settings::Secret, telemetry::with_causes};
use reqwest::{Certificate, Client, RequestBuilder, Response, StatusCode, Url, header, redirect::Policy};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::{
    files::{self, FileError},
    outcome::Failure,
    template::first_characters,
};

/// A service that answers with more than a sentence is not read to the end.
const ANSWER_BYTES_MAX: usize = 4 << 10;
const ANSWER_CHARACTERS_SHOWN: usize = 300;
/// Longer than this no service may ask to be left alone.
const RETRY_AFTER_MAX: Duration = Duration::from_hours(24);

/// An `http` or `https` address whose path is its secret, as those of chats are. Only scheme and host are printed.
#[derive(Clone, PartialEq, Eq)]
pub struct SecretUrl(Url);

impl SecretUrl {
    /// Reads an address; an error says what to write.
    pub(super) fn parse(text: &str) -> Result<Self, &'static str> {
        let url: Url = text.trim().parse().map_err(|_| "write an address such as https://example.com/hook")?;
        match url.scheme() {
            // Of `http:///path` the parser makes the host `path`; no host at all it refuses itself.
            "http" | "https" => {}
            _ => return Err("it must begin with http:// or https://"),
        }
        if url.path().contains("***") {
            return Err("*** stands for what is not shown: write the whole address");
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err("it must not hold a user name or a password: use `headers` or `bearer_token`");
        }
        Ok(Self(url))
    }

    pub(super) fn reveal(&self) -> &Url {
        &self.0
    }
}

impl fmt::Display for SecretUrl {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}/***", self.0.origin().ascii_serialization())
    }
}

impl fmt::Debug for SecretUrl {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, formatter)
    }
}

impl Serialize for SecretUrl {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for SecretUrl {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).map_err(|remedy| serde::de::Error::custom(format!("url cannot be used: {remedy}")))
    }
}

/// A client that cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum HttpError {
    /// A file cannot be used.
    #[error(transparent)]
    File(#[from] FileError),
    /// The address in a file is none.
    #[error("url_file: {0}")]
    Url(&'static str),
    /// Neither an address nor a file with one.
    #[error("set url, or url_file with the path of a file that holds it")]
    NoUrl,
    /// The client's parts do not fit.
    #[error("make an HTTP client")]
    Client(#[source] reqwest::Error),
}

/// The address itself, or what the file says.
pub(super) fn address(url: Option<&SecretUrl>, file: Option<&Path>) -> Result<SecretUrl, HttpError> {
    if let Some(url) = url {
        return Ok(url.clone());
    }
    let text: Option<Secret> = files::secret("url_file", None, file)?;
    SecretUrl::parse(text.ok_or(HttpError::NoUrl)?.reveal()).map_err(HttpError::Url)
}

/// A client that follows no redirection (it would turn a POST into a GET, and carry a secret elsewhere) and ends every
/// request within `timeout`.
pub(super) fn client(timeout: Duration, ca_file: Option<&Path>) -> Result<Client, HttpError> {
    // A second installation keeps the first.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let mut builder = Client::builder()
        .timeout(timeout)
        .connect_timeout(timeout)
        .redirect(Policy::none())
        .user_agent(concat!("labtrail-collector/", env!("CARGO_PKG_VERSION")));
    if let Some(file) = ca_file {
        let pem = files::certificates(file)?;
        let certificates = Certificate::from_pem_bundle(&pem).map_err(HttpError::Client)?;
        builder = builder.tls_certs_merge(certificates);
    }
    builder.build().map_err(HttpError::Client)
}

/// Sends a request and reads the beginning of the answer to it. What is no 2xx is a failure.
pub(super) async fn send(request: RequestBuilder, url: &SecretUrl, now: Timestamp) -> Result<String, Failure> {
    let answer = request.send().await.map_err(|error| unanswered(error, url))?;
    let (status, retry_after) = (answer.status(), retry_after(&answer, now));
    let location = answer.headers().get(header::LOCATION).and_then(|location| location.to_str().ok()).map(origin_of);
    let text = beginning(answer).await;
    if status.is_success() {
        return Ok(text);
    }
    let words = match first_characters(text.trim(), ANSWER_CHARACTERS_SHOWN) {
        words if words.is_empty() => String::new(),
        words => format!(": {words}"),
    };
    let reason = format!("{url} answered {status}{words}");
    Err(Failure { retry_after, ..refusal(status, reason, location) })
}

/// What an answer's status means for whoever sent the request.
pub(super) fn refusal(status: StatusCode, reason: String, location: Option<String>) -> Failure {
    match status.as_u16() {
        300..=399 => {
            let place = location.unwrap_or_else(|| "an unnamed place".to_owned());
            Failure::broken(format!("{reason}; it points to {place}: put the address that it moved to into `url`"))
        }
        408 | 425 | 429 => Failure::temporary(reason),
        401 | 403 => Failure::broken(format!("{reason}; check the receiver's token, headers or secret")),
        404 | 405 | 410 => Failure::broken(format!("{reason}; check the receiver's url")),
        400..=499 => Failure::permanent(reason),
        _ => Failure::temporary(reason),
    }
}

fn unanswered(error: reqwest::Error, url: &SecretUrl) -> Failure {
    // It would print the whole address.
    let error = error.without_url();
    let is_connecting = error.is_connect();
    let is_builder = error.is_builder();
    let reason = if error.is_timeout() {
        format!("{url} did not answer in time")
    } else {
        format!("{url} cannot be reached: {}", with_causes(&error))
    };
    match (is_builder, is_connecting) {
        (true, _) => Failure::broken(reason),
        (false, true) => Failure::temporary(reason),
        (false, false) => Failure::temporary(reason).after_handing_over(),
    }
}

/// `Retry-After` in seconds or as an HTTP date.
fn retry_after(answer: &Response, now: Timestamp) -> Option<Duration> {
    let value = answer.headers().get(header::RETRY_AFTER)?.to_str().ok()?;
    parse_retry_after(value, now)
}

fn parse_retry_after(value: &str, now: Timestamp) -> Option<Duration> {
    let value = value.trim();
    let wait = if let Ok(seconds) = value.parse() {
        Duration::from_secs(seconds)
    } else {
        let date = jiff::fmt::rfc2822::parse(value).ok()?.timestamp();
        Duration::try_from(date.duration_since(now)).unwrap_or_default()
    };
    Some(wait.min(RETRY_AFTER_MAX))
}

fn origin_of(location: &str) -> String {
    location.parse::<Url>().map_or_else(|_| "another path".to_owned(), |url| url.origin().ascii_serialization())
}

async fn beginning(mut answer: Response) -> String {
    let mut bytes = Vec::new();
    while bytes.len() < ANSWER_BYTES_MAX {
        match answer.chunk().await {
            Ok(Some(chunk)) => bytes.extend_from_slice(&chunk),
            // The status has been said; the rest is for a person only.
            Ok(None) | Err(_) => break,
        }
    }
    bytes.truncate(ANSWER_BYTES_MAX);
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use jiff::Timestamp;
    use reqwest::StatusCode;

    use super::{SecretUrl, parse_retry_after, refusal};

    #[test]
    fn an_answer_says_whether_to_try_again() {
        let check = |status: u16, is_permanent: bool, needs_mending: bool| {
            let failure = refusal(StatusCode::from_u16(status).expect("a status"), String::new(), None);
            assert_eq!((failure.is_permanent, failure.needs_mending), (is_permanent, needs_mending), "{status}");
        };
        check(301, true, true);
        check(400, true, false);
        check(401, true, true);
        check(404, true, true);
        check(408, false, false);
        check(413, true, false);
        check(425, false, false);
        check(429, false, false);
        check(500, false, false);
        check(503, false, false);
    }

    #[test]
    fn a_retry_after_is_seconds_or_a_date() {
        let now: Timestamp = "2026-03-01T12:00:00Z".parse().expect("a time");
        let check = |value: &str, expected: Option<u64>| {
            assert_eq!(parse_retry_after(value, now), expected.map(Duration::from_secs), "{value}");
        };
        check("120", Some(120));
        check("Sun, 01 Mar 2026 12:02:00 GMT", Some(120));
        check("Sun, 01 Mar 2026 11:00:00 GMT", Some(0));
        check("99999999999", Some(86_400));
        check("soon", None);
    }

    #[test]
    fn the_path_of_an_address_is_never_printed() {
        let url = SecretUrl::parse("https://hooks.slack.com/services/T0/B0/secret").expect("an address");
        assert_eq!(url.to_string(), "https://hooks.slack.com/***");
        assert_eq!(format!("{url:?}"), "https://hooks.slack.com/***");
        let refused = ["hooks.slack.com/x", "ftp://x/y", "https://u:p@x/", "https://x/***", ""];
        assert!(refused.iter().all(|text| SecretUrl::parse(text).is_err()));
    }
}
