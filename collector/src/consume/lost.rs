//! Notices records that Kafka removed before they were read, and says which.
//!
//! Retention removes what is old whether it was read or not. The client then goes on at what is left and says nothing. So
//! each partition remembers which offset must come next: first the committed one, then that after the last record. When
//! another comes, or at the beginning, the begin of the log tells whether the records between were removed (a gap may also
//! be what a transaction left).

use std::{sync::Arc, time::Duration};

use labtrail_shared::telemetry::with_causes;
use rdkafka::{
    Offset, TopicPartitionList,
    consumer::{BaseConsumer, Consumer as _},
    error::KafkaResult,
};
use tracing::{debug, error, warn};

use super::{context::Context, metrics::KafkaMetrics, retry::Retry};
use crate::{ingest::Ingest, store::KafkaPlace};

/// How long a broker may take for an answer.
const ANSWER_TIME_MAX: Duration = Duration::from_secs(5);

pub(super) struct LostRecords {
    pub(super) consumer: Arc<BaseConsumer<Context>>,
    pub(super) topic: Arc<str>,
    pub(super) partition: i32,
    pub(super) ingest: Arc<Ingest>,
    pub(super) retry_pause_max: Duration,
    pub(super) metrics: Arc<KafkaMetrics>,
    /// The offset that must come next, if that is known.
    expected: Option<i64>,
    is_begun: bool,
}

impl std::fmt::Debug for LostRecords {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("LostRecords").field("expected", &self.expected).finish_non_exhaustive()
    }
}

impl LostRecords {
    pub(super) fn new(
        consumer: Arc<BaseConsumer<Context>>,
        topic: Arc<str>,
        partition: i32,
        ingest: Arc<Ingest>,
        retry_pause_max: Duration,
        metrics: Arc<KafkaMetrics>,
    ) -> Self {
        Self { consumer, topic, partition, ingest, retry_pause_max, metrics, expected: None, is_begun: false }
    }

    /// Compares, once, what is committed with where the log begins.
    pub(super) async fn look_at_begin(&mut self) {
        if self.is_begun {
            return;
        }
        let (topic, partition) = (Arc::clone(&self.topic), self.partition);
        // From then on the client knows the topic's id, and notices when it gets another.
        let name = Arc::clone(&self.topic);
        self.ask(move |consumer| consumer.fetch_metadata(Some(&name), ANSWER_TIME_MAX).map(drop)).await;
        self.expected = self.ask(move |consumer| committed(consumer, &topic, partition)).await;
        if let Some(expected) = self.expected {
            let begin = self.log_begin().await;
            if begin > expected {
                self.report(expected, begin).await;
                self.expected = Some(begin);
            }
        }
        self.is_begun = true;
    }

    /// Notes the offset of the next record, after it was seen to that none was lost before it.
    pub(super) async fn look_at(&mut self, offset: i64) {
        if let Some(expected) = self.expected.filter(|expected| *expected < offset) {
            let end = self.log_begin().await.min(offset);
            if end > expected {
                self.report(expected, end).await;
            } else {
                debug!(topic = %self.topic, partition = self.partition, expected, offset, "a gap without records");
            }
        }
        self.expected = Some(offset + 1);
    }

    async fn log_begin(&self) -> i64 {
        let (topic, partition) = (Arc::clone(&self.topic), self.partition);
        let ask = move |consumer: &BaseConsumer<Context>| consumer.fetch_watermarks(&topic, partition, ANSWER_TIME_MAX);
        self.ask(ask).await.0
    }

    async fn report(&self, from: i64, to: i64) {
        let records = to - from;
        error!(
            topic = %self.topic, partition = self.partition, offset_first = from, offset_last = to - 1, records,
            "records were removed by Kafka's retention before they were read: they are lost"
        );
        self.metrics.lost.inc_by(records as u64);
        let place = KafkaPlace { topic: Arc::clone(&self.topic), partition: self.partition, offset: from };
        let mut retry = Retry::new(self.retry_pause_max);
        while let Err(error) = self.ingest.report_lost(&place, to).await {
            if retry.failed() {
                warn!(error = with_causes(&error), "the event that says what was lost cannot be stored now; trying on");
            }
            tokio::time::sleep(retry.next_pause()).await;
        }
    }

    /// Asks a broker until it answers.
    async fn ask<T: Send + 'static>(
        &self,
        question: impl Fn(&BaseConsumer<Context>) -> KafkaResult<T> + Clone + Send + 'static,
    ) -> T {
        let mut retry = Retry::new(self.retry_pause_max);
        loop {
            let (consumer, question) = (Arc::clone(&self.consumer), question.clone());
            let asking = tokio::task::spawn_blocking(move || question(&consumer));
            match asking.await.unwrap_or_else(|panic| std::panic::resume_unwind(panic.into_panic())) {
                Ok(answer) => return answer,
                Err(error) if retry.failed() => {
                    warn!(topic = %self.topic, partition = self.partition, %error, "Kafka does not say where the log begins; asking on");
                }
                Err(_) => {}
            }
            tokio::time::sleep(retry.next_pause()).await;
        }
    }
}

fn committed(consumer: &BaseConsumer<Context>, topic: &str, partition: i32) -> KafkaResult<Option<i64>> {
    let mut list = TopicPartitionList::new();
    list.add_partition(topic, partition);
    let answer = consumer.committed_offsets(list, ANSWER_TIME_MAX)?;
    let element = answer.find_partition(topic, partition);
    Ok(element.and_then(|element| match element.offset() {
        Offset::Offset(offset) => Some(offset),
        _ => None,
    }))
}
