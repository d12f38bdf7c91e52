//! Batches out, acknowledgements back.

mod http;

use std::{fmt, sync::Arc};

pub(crate) use http::{HttpShipper, ShipError};
use reqwest::Url;
use serde::{Deserialize, Serialize};

/// Where batches go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Destination(Arc<Url>);

impl Destination {
    /// Where the batches are posted.
    pub(crate) fn events_url(&self) -> Url {
        let mut url = Url::clone(&self.0);
        let base = url.path().trim_end_matches('/').to_owned();
        url.set_path(&format!("{base}/api/v1/events"));
        url
    }

    /// Whether the collector is on this machine.
    pub(crate) fn is_loopback(&self) -> bool {
        self.0.host_str().is_some_and(|host| {
            let address = host.trim_matches(['[', ']']).parse::<std::net::IpAddr>();
            host == "localhost" || address.is_ok_and(|address| address.is_loopback())
        })
    }
}

impl std::str::FromStr for Destination {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let example = "write http://HOST:PORT or https://HOST:PORT, such as http://localhost:8001";
        if text.starts_with("kafka://") {
            return Err(format!("this version ships over HTTP only, not yet to Kafka: {example}"));
        }
        let url = Url::parse(text).map_err(|error| format!("{text:?} is not a URL ({error}): {example}"))?;
        if !matches!(url.scheme(), "http" | "https") || !url.has_host() {
            return Err(format!("{text:?} is not an HTTP address: {example}"));
        }
        Ok(Self(Arc::new(url)))
    }
}

impl fmt::Display for Destination {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut url = Url::clone(&self.0);
        if url.password().is_some() {
            // Never printed, whatever prints this; a URL with a host always takes a password.
            let _ = url.set_password(Some("***"));
        }
        formatter.write_str(url.as_str())
    }
}

impl Serialize for Destination {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Destination {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::Destination;

    #[test]
    fn a_destination_is_an_http_address() {
        let parse = |text: &str| text.parse::<Destination>();
        let local = parse("http://localhost:8001").expect("valid");
        assert_eq!(local.events_url().as_str(), "http://localhost:8001/api/v1/events");
        assert!(local.is_loopback() && parse("http://[::1]:1").expect("valid").is_loopback());
        let remote = parse("https://me:secret@lab.example/labtrail/").expect("valid");
        assert_eq!(remote.events_url().path(), "/labtrail/api/v1/events");
        assert_eq!(remote.to_string(), "https://me:***@lab.example/labtrail/");
        assert!(!remote.is_loopback());
        for bad in ["localhost:8001", "ftp://x", "kafka://x/y", "nonsense", ""] {
            assert!(parse(bad).is_err(), "{bad}");
        }
    }
}
