//! Where something came from, as the dead letters keep it.

use std::net::IpAddr;

use serde_json::{Value, json};

use crate::store::KafkaPlace;

/// A JSON object that names the door and the place before it.
#[derive(Debug, Clone, PartialEq)]
pub struct Origin(Value);

impl Origin {
    /// A request from that address.
    pub fn http(peer: IpAddr) -> Self {
        Self(json!({"door": "http", "peer": peer.to_string()}))
    }

    /// A record of a topic.
    pub fn kafka(place: &KafkaPlace) -> Self {
        let KafkaPlace { topic, partition, offset } = place;
        Self(json!({"door": "kafka", "topic": &**topic, "partition": partition, "offset": offset}))
    }

    /// The origin with what cannot be told from the event alone and is needed when it is taken once more: the hash that
    /// tells a repeat from a conflict (as text: not every reader has 64 bits), and the instant in microseconds UTC.
    #[must_use]
    pub fn with_facts(self, hash: u64, time: i64) -> Self {
        self.with([("hash", Value::from(hash.to_string())), ("time", Value::from(time))])
    }

    /// The origin with more words to it.
    #[must_use]
    pub fn with<const N: usize>(mut self, words: [(&str, Value); N]) -> Self {
        for (key, value) in words {
            self.0[key] = value;
        }
        self
    }

    /// As a dead letter has it.
    pub fn into_json(self) -> Value {
        self.0
    }
}
