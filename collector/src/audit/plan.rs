//! Which offsets are looked at: found once at the beginning, so that an audit comes to an end while records arrive.

use rdkafka::{
    ClientConfig, Offset, TopicPartitionList,
    config::FromClientConfigAndContext as _,
    consumer::{BaseConsumer, Consumer as _},
    metadata::Metadata,
};

use super::{AuditError, Scope};
use crate::kafka::{
    KafkaConfig,
    inquiry::{ANSWER_TIME_MAX, Inquiry, InquiryError, Remarks},
};

/// The offsets of a partition that are looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Range {
    pub(super) partition: i32,
    pub(super) from: i64,
    pub(super) to: i64,
    /// Offsets that should be looked at and are gone.
    pub(super) removed: u64,
    /// Offsets before `from` that are gone and were never committed.
    pub(super) lost: u64,
    /// Offsets that the group has not committed.
    pub(super) unread: u64,
}

/// All that is looked at.
pub(super) struct Plan {
    client: ClientConfig,
    pub(super) topic: String,
    pub(super) ranges: Vec<Range>,
    pub(super) dead_letter_topic: String,
    pub(super) dead_letter_ranges: Vec<Range>,
    pub(super) notes: Vec<String>,
}

impl Plan {
    pub(super) fn make(config: &KafkaConfig, scope: &Scope) -> Result<Self, AuditError> {
        if let (Some(from), Some(to)) = (scope.from, scope.to)
            && from >= to
        {
            return Err(AuditError::EmptyRange { from, to });
        }
        let (_, metadata) = Inquiry::open(config)?;
        let mut client = config.client().map_err(InquiryError::Security)?;
        client
            .set("group.id", &config.group)
            .set("enable.auto.commit", "false")
            .set("enable.auto.offset.store", "false")
            .set("enable.partition.eof", "true")
            .set("allow.auto.create.topics", "false")
            // That records were removed before they were read must be seen, not skipped.
            .set("auto.offset.reset", "error")
            // The defaults wait for a second when a queue is full for a moment, and keep 64 MiB.
            .set("fetch.queue.backoff.ms", "5")
            .set("queued.max.messages.kbytes", "16384");
        let topic = config.topic.clone();
        let mut plan = Self {
            client,
            topic: topic.clone(),
            ranges: Vec::new(),
            dead_letter_topic: config.dead_letter_topic.clone(),
            dead_letter_ranges: Vec::new(),
            notes: Vec::new(),
        };
        let partitions = partitions(&metadata, &topic).ok_or_else(|| AuditError::NoTopic { topic: topic.clone() })?;
        if let Some(partition) = scope.partition.filter(|partition| !(0..partitions).contains(partition)) {
            return Err(AuditError::NoPartition { topic, partition, partitions: partitions as usize });
        }
        let consumer = plan.consumer()?;
        let wanted: Vec<i32> =
            (0..partitions).filter(|partition| scope.partition.is_none_or(|only| only == *partition)).collect();
        let committed = committed(&consumer, &topic, &wanted)?;
        for (partition, committed) in wanted.into_iter().zip(committed) {
            let (low, high) = watermarks(&consumer, &topic, partition)?;
            plan.ranges.push(range(partition, (low, high), committed, scope));
            if committed.is_some_and(|committed| committed > high) {
                plan.notes.push(format!(
                    "the group {} has committed more in partition {partition} than the topic holds: it was made anew",
                    config.group
                ));
            }
            if committed.is_none() && scope.to.is_none() && high > low {
                plan.notes.push(format!(
                    "the group {} has committed nothing in partition {partition}: all of it was looked at",
                    config.group
                ));
            }
        }
        match self::partitions(&metadata, &plan.dead_letter_topic) {
            Some(partitions) => {
                for partition in 0..partitions {
                    let (from, to) = watermarks(&consumer, &plan.dead_letter_topic, partition)?;
                    plan.dead_letter_ranges.push(Range { partition, from, to, removed: 0, lost: 0, unread: 0 });
                }
            }
            None => plan.notes.push(format!("there is no topic {}", plan.dead_letter_topic)),
        }
        Ok(plan)
    }

    /// A consumer that joins no group.
    pub(super) fn consumer(&self) -> Result<BaseConsumer<Remarks>, InquiryError> {
        BaseConsumer::from_config_and_context(&self.client, Remarks::default()).map_err(InquiryError::Client)
    }
}

/// The first offset that is there and the one behind the last.
pub(super) fn watermarks(
    consumer: &BaseConsumer<Remarks>,
    topic: &str,
    partition: i32,
) -> Result<(i64, i64), InquiryError> {
    let attempt = || format!("ask for the offsets of {topic}, partition {partition}");
    let asked = consumer.fetch_watermarks(topic, partition, ANSWER_TIME_MAX);
    asked.map_err(|source| InquiryError::Refused { attempt: attempt(), source })
}

fn partitions(metadata: &Metadata, name: &str) -> Option<i32> {
    let topic = metadata.topics().iter().find(|topic| topic.name() == name && topic.error().is_none())?;
    Some(topic.partitions().len() as i32)
}

fn committed(
    consumer: &BaseConsumer<Remarks>,
    topic: &str,
    partitions: &[i32],
) -> Result<Vec<Option<i64>>, InquiryError> {
    let mut list = TopicPartitionList::new();
    for partition in partitions {
        list.add_partition(topic, *partition);
    }
    let asked = consumer.committed_offsets(list, ANSWER_TIME_MAX);
    let attempt = || "ask for the offsets that the group has committed".to_owned();
    let answer = asked.map_err(|source| InquiryError::Refused { attempt: attempt(), source })?;
    let offset = |partition: &i32| match answer.find_partition(topic, *partition)?.offset() {
        Offset::Offset(offset) => Some(offset),
        _ => None,
    };
    Ok(partitions.iter().map(offset).collect())
}

fn range(partition: i32, (low, high): (i64, i64), committed: Option<i64>, scope: &Scope) -> Range {
    let asked_from = scope.from.unwrap_or(low);
    let to = scope.to.or(committed).unwrap_or(high).clamp(low, high);
    let from = asked_from.clamp(low, to);
    let removed = low.min(scope.to.unwrap_or(low)) - asked_from;
    let unread = high - committed.unwrap_or(low).clamp(low, high);
    // Where only a part was asked for, nobody asked for what is before the log.
    let is_all = scope.from.is_none() && scope.to.is_none();
    let lost = committed.filter(|committed| is_all && *committed < low).map_or(0, |committed| low - committed);
    Range { partition, from, to, removed: removed.max(0) as u64, lost: lost as u64, unread: unread as u64 }
}

#[cfg(test)]
mod tests {
    use super::{Range, range};
    use crate::audit::Scope;

    #[test]
    fn what_is_committed_and_still_there_is_looked_at() {
        let check = |marks, committed, (from, to), expected: (i64, i64, u64, u64)| {
            let range = range(3, marks, committed, &Scope { partition: None, from, to });
            let Range { from, to, removed, unread, lost, .. } = range;
            assert_eq!((from, to, removed, unread), expected, "{marks:?} {committed:?}");
            assert_eq!(lost, 0);
        };
        check((0, 100), Some(80), (None, None), (0, 80, 0, 20));
        check((10, 100), None, (None, None), (10, 100, 0, 90));
        check((10, 100), Some(80), (Some(0), Some(50)), (10, 50, 10, 20));
        check((10, 100), Some(80), (Some(20), Some(500)), (20, 100, 0, 20));
        // The topic was made anew, or all that was read is gone.
        check((0, 5), Some(80), (None, None), (0, 5, 0, 0));
        check((90, 100), Some(95), (Some(0), Some(10)), (90, 90, 10, 5));
    }

    #[test]
    fn what_was_removed_before_it_was_committed_is_lost() {
        let all = Scope { partition: None, from: None, to: None };
        let expected = Range { partition: 3, from: 90, to: 90, removed: 0, lost: 10, unread: 10 };
        assert_eq!(range(3, (90, 100), Some(80), &all), expected);
    }
}
