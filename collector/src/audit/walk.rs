//! Reads a range of a partition, record by record, and what each holds.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use rdkafka::{
    Message as _, Offset, TopicPartitionList,
    consumer::{BaseConsumer, Consumer as _},
    error::{KafkaError, RDKafkaErrorCode},
};
use xxhash_rust::xxh3::xxh3_64;

use super::{
    AuditError,
    plan::{Plan, Range, watermarks},
};
use crate::{
    ingest::RecordReader,
    kafka::{
        inquiry::{InquiryError, Remarks},
        record::Record,
    },
};

/// Records are handed on when they hold so many events.
const STEP_EVENTS: usize = 1000;

/// How long nothing may come.
const WAIT_MAX: Duration = Duration::from_secs(30);

const POLL_TIME_MAX: Duration = Duration::from_millis(500);

/// A part of the way.
#[derive(Debug, Default)]
pub(super) struct Step {
    pub(super) records: Vec<Derived>,
    /// How many offsets it covers.
    pub(super) offsets: u64,
    /// Offsets among them that Kafka does not have.
    pub(super) not_there: u64,
    /// Offsets among them that were removed since the range was found.
    pub(super) removed: u64,
}

/// What a record holds.
#[derive(Debug)]
pub(super) struct Derived {
    pub(super) offset: i64,
    pub(super) value_hash: u64,
    /// Ids and hashes.
    pub(super) events: Vec<(String, u64)>,
    pub(super) unreadable: Option<Unreadable>,
}

#[derive(Debug)]
pub(super) struct Unreadable {
    pub(super) reason: String,
    pub(super) events: u64,
}

/// What happens on the way.
pub(super) enum Met {
    Record(Record),
    /// So many offsets are not there.
    Gap(u64),
    /// So many offsets were removed meanwhile.
    Removed(u64),
}

/// Derives the events of all records of the range and hands them on in steps, until `take` wants no more.
pub(super) fn derive(
    plan: &Plan,
    range: &Range,
    reader: &RecordReader,
    mut take: impl FnMut(Step) -> bool,
) -> Result<(), AuditError> {
    let consumer = plan.consumer()?;
    let (mut step, mut events) = (Step::default(), 0);
    walk(&consumer, &plan.topic, range, |met| {
        match met {
            Met::Record(record) => {
                let derived = derive_record(&record, reader);
                events += derived.events.len() + 1;
                step.records.push(derived);
                step.offsets += 1;
            }
            Met::Gap(offsets) => {
                step.offsets += offsets;
                step.not_there += offsets;
            }
            Met::Removed(offsets) => {
                step.offsets += offsets;
                step.removed += offsets;
            }
        }
        if events < STEP_EVENTS {
            return true;
        }
        events = 0;
        take(std::mem::take(&mut step))
    })?;
    take(step);
    Ok(())
}

fn derive_record(record: &Record, reader: &RecordReader) -> Derived {
    let read = reader.read(std::slice::from_ref(record), 0);
    let unreadable = read.letters.into_iter().next();
    Derived {
        offset: record.place.offset,
        value_hash: xxh3_64(&record.value),
        events: read.events.into_iter().map(|event| (event.event.id, event.hash)).collect(),
        unreadable: unreadable
            .map(|letter| Unreadable { reason: letter.letter.reason.into_owned(), events: letter.refused }),
    }
}

/// Meets everything in the range in its order, until `take` wants no more.
pub(super) fn walk(
    consumer: &BaseConsumer<Remarks>,
    topic: &str,
    range: &Range,
    mut take: impl FnMut(Met) -> bool,
) -> Result<(), AuditError> {
    let (name, mut position) = (Arc::from(topic), range.from);
    if position >= range.to {
        return Ok(());
    }
    assign(consumer, topic, range.partition, position)?;
    let (mut heard_at, mut last_error) = (Instant::now(), None);
    while position < range.to {
        let met = match consumer.poll(POLL_TIME_MAX) {
            Some(Ok(message)) => {
                heard_at = Instant::now();
                let offset = message.offset().min(range.to);
                if offset > position && !take(Met::Gap((offset - position) as u64)) {
                    return Ok(());
                }
                position = offset + 1;
                if offset == range.to {
                    return Ok(());
                }
                Met::Record(Record::from_message(&message, &name))
            }
            // Behind the last record there may be more offsets: the end of a transaction has one.
            Some(Err(KafkaError::PartitionEOF(partition))) if partition == range.partition => {
                let rest = (range.to - position) as u64;
                position = range.to;
                Met::Gap(rest)
            }
            Some(Err(error)) if is_removed(&error) => {
                let (low, _) = watermarks(consumer, topic, range.partition)?;
                let next = low.clamp(position, range.to);
                let removed = (next - position) as u64;
                position = next;
                assign(consumer, topic, range.partition, position)?;
                Met::Removed(removed)
            }
            other => {
                last_error = other.and_then(Result::err).or(last_error);
                if heard_at.elapsed() < WAIT_MAX {
                    continue;
                }
                let (topic, partition, offset) = (topic.to_owned(), range.partition, position);
                return Err(AuditError::Stalled {
                    topic,
                    partition,
                    offset,
                    waited: WAIT_MAX,
                    source: last_error.map(Box::new),
                });
            }
        };
        if !take(met) {
            return Ok(());
        }
    }
    Ok(())
}

fn is_removed(error: &KafkaError) -> bool {
    let code = error.rdkafka_error_code();
    matches!(code, Some(RDKafkaErrorCode::AutoOffsetReset | RDKafkaErrorCode::OffsetOutOfRange))
}

fn assign(consumer: &BaseConsumer<Remarks>, topic: &str, partition: i32, offset: i64) -> Result<(), InquiryError> {
    let mut list = TopicPartitionList::new();
    let assigned =
        list.add_partition_offset(topic, partition, Offset::Offset(offset)).and_then(|()| consumer.assign(&list));
    let attempt = || format!("read {topic}, partition {partition}, from offset {offset}");
    assigned.map_err(|source| InquiryError::Refused { attempt: attempt(), source })
}
