//! What the client library tells besides records. It is only noted here: the poll thread deals with it after the poll, in
//! its own time.

use std::{
    collections::{HashMap, VecDeque},
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

use rdkafka::{
    ClientContext, TopicPartitionList,
    config::RDKafkaLogLevel,
    consumer::{BaseConsumer, Consumer as _, ConsumerContext},
    error::{KafkaError, KafkaResult},
    types::RDKafkaRespErr,
};
use serde::Deserialize;

use crate::kafka::log;

/// Something that happened.
#[derive(Debug)]
pub(super) enum News {
    /// The group gives these partitions to this collector.
    Assigned(TopicPartitionList),
    /// The group takes all partitions away; they are let go with `unassign`.
    Revoked,
    /// The commit of this number was answered.
    Committed(u64, KafkaResult<()>),
    /// The ends of partitions, as the client last saw them.
    Ends(Vec<(String, i32, i64)>),
    /// A topic of that name is another than before: it was deleted and made anew.
    Remade(String),
    /// Something is wrong, in the client's words.
    Trouble(KafkaError, String),
}

#[derive(Debug, Default)]
pub(super) struct Context {
    news: Mutex<VecDeque<News>>,
    /// From now on partitions are let go at once: the client is being closed.
    is_closing: AtomicBool,
}

impl Context {
    /// Adds a piece of news.
    pub(super) fn tell(&self, news: News) {
        self.news.lock().unwrap_or_else(PoisonError::into_inner).push_back(news);
    }

    /// The next piece of news.
    pub(super) fn next(&self) -> Option<News> {
        self.news.lock().unwrap_or_else(PoisonError::into_inner).pop_front()
    }

    pub(super) fn close(&self) {
        self.is_closing.store(true, Ordering::Relaxed);
    }
}

impl ClientContext for Context {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, text: &str) {
        if let Some(topic) = remade_topic(text) {
            self.tell(News::Remade(topic.to_owned()));
        }
        log::note(level, facility, text);
    }

    fn stats_raw(&self, statistics: &[u8]) {
        if let Ok(statistics) = serde_json::from_slice::<Statistics>(statistics) {
            self.tell(News::Ends(statistics.ends().collect()));
        }
    }

    fn error(&self, error: KafkaError, reason: &str) {
        self.tell(News::Trouble(error, reason.to_owned()));
    }
}

/// The topic that was made anew, if this line of the client's log says so. It says it nowhere else, and itself goes on at the
/// offset that was next in the old topic.
fn remade_topic(text: &str) -> Option<&str> {
    /// The id of no topic: it was not known before.
    const NO_ID: &str = "AAAAAAAAAAAAAAAAAAAAAA";
    let (before, ids) = text.split_once(" changed id from ")?;
    (!ids.starts_with(NO_ID)).then_some(before.rsplit_once(' ')?.1)
}

impl ConsumerContext for Context {
    fn rebalance(&self, consumer: &BaseConsumer<Self>, kind: RDKafkaRespErr, partitions: &mut TopicPartitionList) {
        if self.is_closing.load(Ordering::Relaxed) {
            // Nothing is left to be finished; and without this the client never closes.
            let _ = consumer.unassign();
            return;
        }
        self.tell(match kind {
            RDKafkaRespErr::RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS => News::Assigned(partitions.clone()),
            _ => News::Revoked,
        });
    }
}

/// Of the client's statistics what is needed to know how far behind one is.
#[derive(Debug, Deserialize)]
struct Statistics {
    #[serde(default)]
    topics: HashMap<String, TopicStatistics>,
}

#[derive(Debug, Deserialize)]
struct TopicStatistics {
    #[serde(default)]
    partitions: HashMap<i32, PartitionStatistics>,
}

#[derive(Debug, Deserialize)]
struct PartitionStatistics {
    /// The end of what may be read, past the last record.
    #[serde(default)]
    ls_offset: i64,
}

impl Statistics {
    fn ends(self) -> impl Iterator<Item = (String, i32, i64)> {
        self.topics.into_iter().flat_map(|(topic, statistics)| {
            let partitions = statistics.partitions.into_iter().filter(|(_, partition)| partition.ls_offset >= 0);
            partitions.map(move |(number, partition)| (topic.clone(), number, partition.ls_offset))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::remade_topic;

    #[test]
    fn a_topic_that_is_made_anew_is_told_from_one_that_is_new() {
        let line =
            |from: &str| format!("[thrd:main]: Topic labtrail.events changed id from {from} to N8UEaHbpQXGBAy6qzBTwXg");
        assert_eq!(remade_topic(&line("bTsZfHEeR8GgNyVmPVTPOA")), Some("labtrail.events"));
        assert_eq!(remade_topic(&line("AAAAAAAAAAAAAAAAAAAAAA")), None);
        assert_eq!(remade_topic("[thrd:main]: Topic labtrail.events partition count changed from 0 to 8"), None);
    }
}
