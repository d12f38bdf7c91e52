//! A record of a topic, as the collector keeps it from the moment it was fetched until it is stored.
//!
//! The value is copied once, out of the client's memory: a borrowed message would tie every queue and thread behind the
//! poll to the client's own lifetime.

use std::{panic::AssertUnwindSafe, sync::Arc};

use bytes::Bytes;
use labtrail_shared::kafka::header;
use rdkafka::message::{Headers, Message};

use crate::store::KafkaPlace;

/// How the value of a batch begins; see `labtrail_shared::wire`.
pub(crate) const BATCH_BEGINS: &[u8] = b"{\"labtrail\":";

/// The headers that mean something here; others are not copied.
const HEADERS: [&str; 14] = [
    header::VERSION,
    header::AGENT,
    header::COUNT,
    header::HASH,
    header::TIME,
    header::REASON,
    header::DETAIL,
    header::ORIGIN,
    header::ID,
    header::RECEIVED,
    header::TOPIC,
    header::PARTITION,
    header::OFFSET,
    header::FULL_SIZE,
];

/// What a record costs beside its value, about.
const RECORD_BYTES: usize = 256;

/// A record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// Where it lies.
    pub place: KafkaPlace,
    /// Its time in Kafka, in milliseconds UTC; whether the producer's or the broker's is a setting of the topic.
    pub time: Option<i64>,
    /// Its key; empty if it has none.
    pub key: Bytes,
    /// Its value; empty also if it has none.
    pub value: Bytes,
    /// Those of its headers that are ours.
    pub headers: Vec<(&'static str, Bytes)>,
}

impl Record {
    /// Copies a message. `topic` is its topic, given so that all records share one text.
    pub fn from_message<M: Message>(message: &M, topic: &Arc<str>) -> Self {
        Self {
            place: KafkaPlace { topic: Arc::clone(topic), partition: message.partition(), offset: message.offset() },
            time: message.timestamp().to_millis(),
            key: message.key().map_or_else(Bytes::new, Bytes::copy_from_slice),
            value: message.payload().map_or_else(Bytes::new, Bytes::copy_from_slice),
            headers: message.headers().map_or_else(Vec::new, our_headers),
        }
    }

    /// The text of a header, if it has it and it is a text.
    pub fn header(&self, name: &str) -> Option<&str> {
        let (_, value) = self.headers.iter().find(|(known, _)| *known == name)?;
        std::str::from_utf8(value).ok()
    }

    /// The number in a header.
    pub fn header_number<T: std::str::FromStr>(&self, name: &str) -> Option<T> {
        self.header(name)?.parse().ok()
    }

    /// Whether the value is a batch; else it ought to be one event.
    pub fn is_batch(&self) -> bool {
        self.value.starts_with(BATCH_BEGINS)
    }

    /// How many events it holds, about: known before anything is read.
    pub fn events(&self) -> usize {
        if self.is_batch() { memchr::memchr_iter(b'\n', &self.value).count().max(1) } else { 1 }
    }

    /// The memory that it takes, about.
    pub fn bytes(&self) -> usize {
        self.value.len() + self.key.len() + RECORD_BYTES
    }
}

/// The client's library panics on a header whose name is no UTF-8. Who writes such headers has none of ours, and one
/// record must not end the collector.
fn our_headers<H: Headers>(headers: &H) -> Vec<(&'static str, Bytes)> {
    let read = || {
        let known = |name: &str| HEADERS.into_iter().find(|known| *known == name);
        let headers = headers.iter().filter_map(|header| Some((known(header.key)?, header.value?)));
        headers.map(|(name, value)| (name, Bytes::copy_from_slice(value))).collect()
    };
    std::panic::catch_unwind(AssertUnwindSafe(read)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use labtrail_shared::kafka::header;
    use rdkafka::{
        Timestamp,
        message::{Header, OwnedHeaders, OwnedMessage},
    };

    use super::Record;

    #[test]
    fn a_message_is_copied_with_the_headers_that_are_ours() {
        let headers = OwnedHeaders::new()
            .insert(Header { key: header::HASH, value: Some("17") })
            .insert(Header { key: "trace", value: Some("x") })
            .insert(Header { key: header::ID, value: None::<&str> });
        let value = b"{\"labtrail\":1}\n{\"o\":1}\n".to_vec();
        let (time, topic) = (Timestamp::CreateTime(5), Arc::from("events"));
        let message = OwnedMessage::new(Some(value), None, "events".to_owned(), time, 3, 7, Some(headers));
        let record = Record::from_message(&message, &topic);
        assert_eq!((record.place.partition, record.place.offset, record.time), (3, 7, Some(5)));
        assert_eq!(record.headers.len(), 1);
        assert_eq!(record.header_number::<u64>(header::HASH), Some(17));
        assert!(record.is_batch() && record.key.is_empty());
        assert_eq!(record.events(), 2);
    }
}
