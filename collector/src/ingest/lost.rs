//! The event that says of records that Kafka removed them before this group read them.

use labtrail_shared::{
    event::Event, event_type::EventType, level::LogLevel, record_hash, source::Source, timestamp::EventTimestamp,
};
use serde_json::json;
use ulid::Ulid;
use xxhash_rust::xxh3::xxh3_128;

use crate::store::{KafkaPlace, NewEvent};

/// Ids that are derived from a name have no time in them, only as many bits of hash as fit behind it.
const HASH_BITS: u32 = 80;

/// The event of the offsets from `place` up to `to`, itself not one of them. The same gap makes the same id and hash,
/// however often and by whomever it is found, so that it is stored once.
pub(super) fn event(place: &KafkaPlace, to: i64, source: &Source, received: i64) -> NewEvent {
    let KafkaPlace { topic, partition, offset: from } = place;
    let (records, last) = (to - from, to - 1);
    let name = format!("lost {topic} {partition} {from} {to}");
    let event = Event {
        id: Ulid(xxh3_128(name.as_bytes()) & ((1 << HASH_BITS) - 1)).to_string(),
        event_type: EventType::LogCritical,
        log_level: LogLevel::Critical,
        alert: true,
        event_timestamp: EventTimestamp::from_utc_micros(received),
        source: source.clone(),
        event_data: json!({
            "message": format!(
                "{records} records of {topic}, partition {partition}, were removed by Kafka's retention before they were \
                 read: offsets {from} to {last}"
            ),
            "kafka": {
                "topic": &**topic, "partition": partition, "offset_first": from, "offset_last": last, "records": records,
            },
        }),
        trace_id: None,
        span_id: None,
        archived: false,
        archived_at: None,
    };
    NewEvent { event, time: received, received, hash: record_hash::of_raw_record(name.as_bytes()), kafka: None }
}
