//! What the client library says of itself, in our log. It repeats itself while a broker is away, so all of it is
//! `debug`; what a user must know is said where it is dealt with.

use rdkafka::config::RDKafkaLogLevel;
use tracing::debug;

pub(crate) fn note(level: RDKafkaLogLevel, facility: &str, text: &str) {
    debug!(?level, facility, "kafka client: {text}");
}
