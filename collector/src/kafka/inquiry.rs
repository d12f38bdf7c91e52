//! How commands ask brokers: unlike the doors they give up after some seconds, and say what hindered them.

use std::{
    str::FromStr,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use labtrail_shared::kafka::SecurityError;
use rdkafka::{
    ClientConfig, ClientContext,
    admin::{AdminClient, AdminOptions},
    config::{FromClientConfigAndContext as _, RDKafkaLogLevel},
    consumer::{BaseConsumer, Consumer as _, ConsumerContext},
    error::{KafkaError, RDKafkaErrorCode},
    metadata::Metadata,
};
use thiserror::Error;

use super::{KafkaConfig, log};

/// How long a broker may take to answer.
pub(crate) const ANSWER_TIME_MAX: Duration = Duration::from_secs(8);

/// How long is looked for the reason why nobody answers.
const HINDRANCE_TIME_MAX: Duration = Duration::from_secs(2);

/// Why brokers could not be asked.
#[derive(Debug, Error)]
pub enum InquiryError {
    /// None is named.
    #[error("no broker is named: give --kafka HOST:PORT,HOST:PORT, or a config file with brokers in [kafka]")]
    NoBrokers,
    /// The login is not complete.
    #[error("read [kafka.security]")]
    Security(#[from] SecurityError),
    /// The client library refuses the settings.
    #[error("set up the Kafka client")]
    Client(#[source] KafkaError),
    /// Nobody answers there.
    #[error("no Kafka broker answers at {brokers} within {} seconds: {hindrance}", ANSWER_TIME_MAX.as_secs())]
    NoAnswer {
        /// Where it was tried.
        brokers: String,
        /// What the client library said last.
        hindrance: String,
    },
    /// A question was refused.
    #[error("{attempt}")]
    Refused {
        /// What was attempted.
        attempt: String,
        /// Why it failed.
        source: KafkaError,
    },
}

/// Brokers named in one word on a command line: `HOST:PORT,HOST:PORT`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Brokers(pub Vec<String>);

impl FromStr for Brokers {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let brokers: Vec<String> = text.split(',').map(|broker| broker.trim().to_owned()).collect();
        let is_valid = |broker: &String| {
            let port = broker.rsplit_once(':').map(|(host, port)| !host.is_empty() && port.parse::<u16>().is_ok());
            port.unwrap_or(!broker.is_empty()) && !broker.contains(['/', ' '])
        };
        match brokers.iter().find(|broker| !is_valid(broker)) {
            Some(broker) => Err(format!("{broker:?} is no broker: write HOST:PORT,HOST:PORT, such as kafka1:9092")),
            None => Ok(Self(brokers)),
        }
    }
}

/// What the client library says meanwhile: the last of it is the best reason why nobody answers.
#[derive(Debug, Default)]
pub(crate) struct Remarks(Mutex<Option<String>>);

impl Remarks {
    fn last(&self) -> Option<String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl ClientContext for Remarks {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, text: &str) {
        log::note(level, facility, text);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        tracing::debug!(%error, reason, "kafka client");
        if error.rdkafka_error_code() != Some(RDKafkaErrorCode::AllBrokersDown) {
            *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(reason.to_owned());
        }
    }
}

impl ConsumerContext for Remarks {}

/// Brokers that answered once.
pub(crate) struct Inquiry {
    pub(crate) admin: AdminClient<Remarks>,
}

impl Inquiry {
    /// Asks who is there.
    pub(crate) fn open(config: &KafkaConfig) -> Result<(Self, Metadata), InquiryError> {
        if !config.is_used() {
            return Err(InquiryError::NoBrokers);
        }
        let client = config.client()?;
        let admin = AdminClient::from_config_and_context(&client, Remarks::default()).map_err(InquiryError::Client)?;
        // All topics, because asking for one by its name may make it.
        let metadata = admin.inner().fetch_metadata(None, ANSWER_TIME_MAX).map_err(|error| InquiryError::NoAnswer {
            brokers: config.brokers.join(","),
            hindrance: hindrance(&client).unwrap_or_else(|| error.to_string()),
        })?;
        Ok((Self { admin }, metadata))
    }
}

/// Why nobody can be reached: only a consumer is told.
fn hindrance(client: &ClientConfig) -> Option<String> {
    let consumer = BaseConsumer::from_config_and_context(client, Remarks::default()).ok()?;
    let began_at = Instant::now();
    while began_at.elapsed() < HINDRANCE_TIME_MAX && consumer.context().last().is_none() {
        // Its answer is of no interest: it tells the context.
        let _ = consumer.poll(Duration::from_millis(100));
    }
    consumer.context().last()
}

/// Options that let an answer take as long as any.
pub(crate) fn admin_options() -> AdminOptions {
    AdminOptions::new().request_timeout(Some(ANSWER_TIME_MAX)).operation_timeout(Some(ANSWER_TIME_MAX))
}

#[cfg(test)]
mod tests {
    use super::Brokers;

    #[test]
    fn brokers_are_read() {
        let check = |text: &str, expected: Option<&[&str]>| {
            let read = text.parse::<Brokers>().ok().map(|brokers| brokers.0);
            let expected =
                expected.map(|brokers| brokers.iter().map(|broker| (*broker).to_owned()).collect::<Vec<_>>());
            assert_eq!(read, expected, "{text}");
        };
        check("a:9092,b:9093", Some(&["a:9092", "b:9093"]));
        check("kafka1", Some(&["kafka1"]));
        check("a:9092, b:9092", Some(&["a:9092", "b:9092"]));
        check("", None);
        check("a:9092,", None);
        check("a:port", None);
        check("http://a:9092", None);
        check("kafka://a:9092/topic", None);
    }
}
