//! Where batches go, as one writes it: a collector's address or brokers and a topic.

use std::{fmt, str::FromStr, sync::Arc};

use labtrail_shared::kafka::EVENTS_TOPIC;
use reqwest::Url;
use serde::{Deserialize, Serialize};

/// Kafka's own limit for the name of a topic.
const TOPIC_LENGTH_MAX: usize = 249;

const EXAMPLE: &str = "write http://HOST:PORT or https://HOST:PORT for a collector, such as http://localhost:8001, \
                       or kafka://BROKER:PORT,BROKER:PORT/TOPIC for Kafka, such as kafka://kafka1:9092";

/// Where batches go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Destination {
    /// To a collector.
    Http(HttpAddress),
    /// To a topic.
    Kafka {
        /// The brokers to ask first, separated by commas.
        brokers: Arc<str>,
        /// The topic of the events.
        topic: Arc<str>,
    },
}

/// The address of a collector.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HttpAddress(Arc<Url>);

impl HttpAddress {
    /// Where the batches are posted.
    pub(crate) fn events_url(&self) -> Url {
        let mut url = Url::clone(&self.0);
        let base = url.path().trim_end_matches('/').to_owned();
        url.set_path(&format!("{base}/api/v1/events"));
        url
    }

    /// Where the collector is.
    pub(crate) fn url(&self) -> Url {
        Url::clone(&self.0)
    }

    /// Whether the collector is on this machine.
    pub(crate) fn is_loopback(&self) -> bool {
        self.0.host_str().is_some_and(|host| {
            let address = host.trim_matches(['[', ']']).parse::<std::net::IpAddr>();
            host == "localhost" || address.is_ok_and(|address| address.is_loopback())
        })
    }
}

impl fmt::Display for HttpAddress {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut url = Url::clone(&self.0);
        if url.password().is_some() {
            // Never printed, whatever prints this; a URL with a host always takes a password.
            let _ = url.set_password(Some("***"));
        }
        formatter.write_str(url.as_str())
    }
}

impl FromStr for Destination {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if let Some(rest) = text.strip_prefix("kafka://") {
            return kafka(rest).map_err(|problem| format!("the destination {problem}"));
        }
        let url = Url::parse(text).map_err(|error| format!("{text:?} is not a URL ({error}): {EXAMPLE}"))?;
        if !matches!(url.scheme(), "http" | "https") || !url.has_host() {
            return Err(format!("{text:?} is neither an HTTP address nor Kafka: {EXAMPLE}"));
        }
        Ok(Self::Http(HttpAddress(Arc::new(url))))
    }
}

fn kafka(text: &str) -> Result<Destination, String> {
    if text.contains('@') {
        // Not repeated in the message: it may hold a password.
        return Err("holds a login: name it in [ship.kafka.security], where it is not shown".to_owned());
    }
    let (brokers, topic) = text.split_once('/').unwrap_or((text, ""));
    let topic = if topic.is_empty() { EVENTS_TOPIC } else { topic };
    let is_broker = |broker: &str| {
        !broker.is_empty() && !broker.contains(|character: char| character.is_whitespace() || character == '?')
    };
    if !brokers.split(',').all(is_broker) {
        return Err(format!("names no brokers: {EXAMPLE}"));
    }
    check_topic(topic)?;
    Ok(Destination::Kafka { brokers: brokers.into(), topic: topic.into() })
}

/// Whether Kafka would take a topic of this name.
pub(super) fn check_topic(topic: &str) -> Result<(), String> {
    let is_legal = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
    if topic.is_empty()
        || topic == "."
        || topic == ".."
        || topic.len() > TOPIC_LENGTH_MAX
        || !topic.bytes().all(is_legal)
    {
        return Err(format!(
            "names a topic {topic:?}, but a topic has 1 to {TOPIC_LENGTH_MAX} letters, digits, dots, dashes and underscores"
        ));
    }
    Ok(())
}

impl fmt::Display for Destination {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Http(address) => address.fmt(formatter),
            Self::Kafka { brokers, topic } => write!(formatter, "kafka://{brokers}/{topic}"),
        }
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
    use super::{Destination, HttpAddress};

    fn http(text: &str) -> HttpAddress {
        match text.parse() {
            Ok(Destination::Http(address)) => address,
            other => panic!("{text}: {other:?}"),
        }
    }

    #[test]
    fn a_collector_is_an_http_address() {
        let local = http("http://localhost:8001");
        assert_eq!(local.events_url().as_str(), "http://localhost:8001/api/v1/events");
        assert!(local.is_loopback() && http("http://[::1]:1").is_loopback());
        let remote = http("https://me:secret@lab.example/labtrail/");
        assert_eq!(remote.events_url().path(), "/labtrail/api/v1/events");
        assert_eq!(remote.to_string(), "https://me:***@lab.example/labtrail/");
        assert!(!remote.is_loopback());
        for bad in ["localhost:8001", "ftp://x", "nonsense", ""] {
            assert!(bad.parse::<Destination>().is_err(), "{bad}");
        }
    }

    #[test]
    fn kafka_is_brokers_and_a_topic() {
        let check = |text: &str, expected: &str| {
            let found = text.parse::<Destination>().map_or_else(|error| error, |found| found.to_string());
            assert!(found.contains(expected), "{text}\nfound:    {found}\nexpected: {expected}");
        };
        check("kafka://a:9092,b:9092/lab.logs", "kafka://a:9092,b:9092/lab.logs");
        check("kafka://a", "kafka://a/labtrail.events");
        check("kafka://[::1]:9092/", "kafka://[::1]:9092/labtrail.events");
        check("kafka://", "names no brokers");
        check("kafka://a,,b/x", "names no brokers");
        check("kafka://a/x/y", "names a topic \"x/y\"");
        check("kafka://a/..", "names a topic");
        check("kafka://me:secret@a/x", "name it in [ship.kafka.security]");
    }
}
