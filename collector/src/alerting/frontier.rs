//! Up to when all that was sent is stored, so that nobody is missed only because the pipeline is behind.
//!
//! What comes over HTTP is stored before its sender goes on: there it is now. Of Kafka the end of each partition is noted
//! with the time; once the group has committed as far, all that had been sent by then is stored. That holds whoever asks
//! and whatever crashed, because an offset is committed after the events and their marks are stored.

use std::{
    collections::{HashMap, VecDeque},
    time::Duration,
};

use rdkafka::{
    TopicPartitionList,
    config::FromClientConfigAndContext as _,
    consumer::{BaseConsumer, Consumer as _},
    error::KafkaError,
};
use tracing::debug;

use super::clock::Clock;
use crate::kafka::{KafkaConfig, inquiry::Remarks};

/// How long a broker may take to answer.
const ANSWER_TIME_MAX: Duration = Duration::from_secs(5);

/// So many notes are kept of a partition; of more every other one is forgotten, and as many less are made.
const NOTES_MAX: usize = 512;

/// Asks brokers how far the group is. To be used by a thread that may wait.
pub(super) struct Frontier {
    consumer: BaseConsumer<Remarks>,
    topic: String,
    clock: Clock,
    notes: HashMap<i32, Notes>,
}

/// What is known of one partition.
#[derive(Debug, Default)]
struct Notes {
    /// When which offset was the end, in the order of time.
    ends: VecDeque<(i64, i64)>,
    /// The least time between two notes.
    stride: i64,
    /// All that was sent by then is stored.
    stored_to: Option<i64>,
}

impl Notes {
    /// Notes the end at a time, and how far the group has committed.
    fn note(&mut self, at: i64, end: i64, committed: i64) {
        if self.ends.back().is_none_or(|(last, _)| at >= last.saturating_add(self.stride)) {
            self.ends.push_back((at, end));
        }
        while let Some((at, _)) = self.ends.front().copied().filter(|(_, end)| *end <= committed) {
            self.stored_to = Some(at);
            self.ends.pop_front();
        }
        if self.ends.len() > NOTES_MAX {
            let span = self.ends.back().map_or(0, |(at, _)| *at) - self.ends.front().map_or(0, |(at, _)| *at);
            self.stride = span / (NOTES_MAX as i64 / 2);
            let mut place = 0;
            self.ends.retain(|_| {
                place += 1;
                place % 2 == 1
            });
        }
        if self.ends.is_empty() {
            self.stride = 0;
        }
    }
}

impl Frontier {
    pub(super) fn new(config: &KafkaConfig, clock: Clock) -> Result<Self, KafkaError> {
        let mut client = config.client().map_err(|_| KafkaError::ClientCreation("read [kafka.security]".to_owned()))?;
        client.set("group.id", &config.group);
        client.set("enable.auto.commit", "false");
        let consumer = BaseConsumer::from_config_and_context(&client, Remarks::default())?;
        Ok(Self { consumer, topic: config.topic.clone(), clock, notes: HashMap::new() })
    }

    /// Asks, and says up to when all is stored; none while that is not known.
    pub(super) fn ask(&mut self) -> Option<i64> {
        self.look().unwrap_or_else(|error| {
            debug!(%error, "brokers do not say how far the group is");
            self.notes.values().map(|notes| notes.stored_to).min().flatten()
        })
    }

    fn look(&mut self) -> Result<Option<i64>, KafkaError> {
        let asked_at = self.clock.now();
        // All topics, because asking for one by its name may make it.
        let metadata = self.consumer.fetch_metadata(None, ANSWER_TIME_MAX)?;
        let topic = metadata.topics().iter().find(|topic| topic.name() == self.topic);
        let partitions: Vec<i32> = topic
            .map(|topic| topic.partitions().iter().map(rdkafka::metadata::MetadataPartition::id).collect())
            .unwrap_or_default();
        if partitions.is_empty() {
            // Nothing was ever sent to a topic that is not there.
            self.notes.clear();
            return Ok(Some(asked_at));
        }
        let mut list = TopicPartitionList::with_capacity(partitions.len());
        for partition in &partitions {
            list.add_partition(&self.topic, *partition);
        }
        let mut ends = HashMap::with_capacity(partitions.len());
        for partition in &partitions {
            ends.insert(*partition, self.consumer.fetch_watermarks(&self.topic, *partition, ANSWER_TIME_MAX)?);
        }
        let committed = self.consumer.committed_offsets(list, ANSWER_TIME_MAX)?;
        self.notes.retain(|partition, _| ends.contains_key(partition));
        for (partition, (begin, end)) in ends {
            let element = committed.find_partition(&self.topic, partition);
            let offset = element.and_then(|element| element.offset().to_raw()).filter(|offset| *offset >= 0);
            self.notes.entry(partition).or_default().note(asked_at, end, offset.unwrap_or(begin));
        }
        Ok(self.notes.values().map(|notes| notes.stored_to).min().flatten())
    }
}

#[cfg(test)]
mod tests {
    use super::{NOTES_MAX, Notes};

    #[test]
    fn all_is_stored_that_was_sent_before_the_committed_end() {
        let mut notes = Notes::default();
        let mut check = |at: i64, end: i64, committed: i64, expected: Option<i64>| {
            notes.note(at, end, committed);
            assert_eq!(notes.stored_to, expected, "{at}");
        };
        check(1, 10, 0, None);
        check(2, 20, 9, None);
        check(3, 30, 10, Some(1));
        check(4, 40, 35, Some(3));
        check(5, 40, 39, Some(3));
        check(6, 40, 40, Some(6));
        check(7, 41, 40, Some(6));
        check(8, 41, 41, Some(8));
        // The topic was made anew.
        check(9, 0, 0, Some(9));
    }

    #[test]
    fn a_long_delay_costs_little_memory_and_is_still_right() {
        let mut notes = Notes::default();
        for at in 0..100_000 {
            notes.note(at, at + 1, 0);
        }
        assert!(notes.ends.len() <= NOTES_MAX);
        notes.note(100_000, 100_001, 50_000);
        let stored_to = notes.stored_to.expect("something is stored");
        assert!((49_500..50_000).contains(&stored_to), "{stored_to}");
    }
}
