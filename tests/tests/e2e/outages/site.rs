//! Topics on a broker and a database in a `mongod`, of which collectors make a whole; and what is in them.

use std::{collections::BTreeMap, time::Duration};

use labtrail_tests::{
    lab::{Api, Collector, poll, wait_until_within},
    services::{
        Kafka, Mongod, NewRecord,
        bson::{Document, doc},
    },
};

/// The collection of the events, as collectors name it by themselves.
const COLLECTION: &str = "events";

/// A debug build works off in this time what a test has written, with other tests beside it.
pub(super) const DRAIN_TIME_MAX: Duration = Duration::from_mins(3);

/// When nothing more is stored for so long, nothing more will be.
const QUIET_MAX: Duration = Duration::from_mins(1);

/// Where the events of a test go through.
pub(super) struct Site<'a> {
    pub(super) kafka: &'a Kafka,
    pub(super) mongod: &'a Mongod,
    /// The group is called so, and the database; topics begin with it.
    name: &'a str,
}

impl<'a> Site<'a> {
    /// With a topic of so many partitions, and one for dead letters.
    pub(super) fn new(kafka: &'a Kafka, mongod: &'a Mongod, name: &'a str, partitions: usize) -> Self {
        let site = Self { kafka, mongod, name };
        kafka.create_topic(&site.topic(), partitions, &[]);
        kafka.create_topic(&site.dead_letter_topic(), 1, &[]);
        site
    }

    pub(super) fn topic(&self) -> String {
        format!("{}.events", self.name)
    }

    pub(super) fn dead_letter_topic(&self) -> String {
        format!("{}.dead-letter", self.name)
    }

    /// The database and the collection of the events.
    pub(super) fn namespace(&self) -> String {
        format!("{}.{COLLECTION}", self.name)
    }

    /// A collector's config. It may hold little while it waits, and tries again soon.
    pub(super) fn config(&self) -> String {
        let (brokers, url, name) = (self.kafka.brokers(), self.mongod.url(), self.name);
        let (topic, dead_letter_topic) = (self.topic(), self.dead_letter_topic());
        format!(
            "[store]\nkind = \"mongodb\"\n[store.mongodb]\nurl = \"{url}\"\ndatabase = \"{name}\"\n\
             [kafka]\nbrokers = [\"{}\"]\ntopic = \"{topic}\"\ndead_letter_topic = \"{dead_letter_topic}\"\n\
             group = \"{name}\"\nsession_timeout = \"6s\"\nretry_pause_max = \"500ms\"\n\
             queue_bytes_max = \"1MiB\"\nfetch_bytes_max = \"4MiB\"\n",
            brokers.replace(',', "\", \"")
        )
    }

    /// Writes records into partitions of the topic.
    pub(super) fn produce<'r>(&self, records: &'r [(i32, String)]) {
        let record = |(partition, value): &'r (i32, String)| NewRecord {
            partition: Some(*partition),
            value: Some(value.as_bytes()),
            ..NewRecord::default()
        };
        let records: Vec<NewRecord<'r>> = records.iter().map(record).collect();
        self.kafka.produce_all(&self.topic(), &records);
    }

    /// How many events are stored. Counted one by one: what MongoDB knows without counting is wrong after a crash.
    pub(super) fn count(&self) -> usize {
        let pipeline = [doc! {"$count": "n"}];
        let answer = self.mongod.command(self.name, doc! {"aggregate": COLLECTION, "pipeline": pipeline, "cursor": {}});
        first_batch(&answer).first().map_or(0, |first| first.get_i32("n").expect("it is a count") as usize)
    }

    /// Waits until more than so many events are stored.
    #[track_caller]
    pub(super) fn wait_for_more_than(&self, count: usize) {
        wait_until_within(DRAIN_TIME_MAX, &format!("more than {count} events are stored"), || {
            (self.count() > count).then_some(())
        });
    }

    /// Waits until so many events are stored, or until no more come: what is missing is then told one by one. Afterwards
    /// all that lies in the topics is committed.
    #[track_caller]
    pub(super) fn wait_until_drained(&self, count: usize) {
        let mut last = 0;
        while last < count {
            let Some(more) = poll(QUIET_MAX, || Some(self.count()).filter(|now| *now > last)) else {
                eprintln!("only {last} of {count} events are stored");
                return;
            };
            last = more;
        }
        wait_until_within(DRAIN_TIME_MAX, "all offsets are committed", || {
            let is_committed = [self.topic(), self.dead_letter_topic()].iter().all(|topic| {
                let committed = self.kafka.committed_offsets(self.name, topic);
                let ends = self.kafka.end_offsets(topic);
                ends.iter().zip(committed).all(|(end, committed)| *end == committed.unwrap_or(0))
            });
            is_committed.then_some(())
        });
    }

    /// Id and message of every event that is stored, as MongoDB has them.
    pub(super) fn stored(&self) -> Vec<(String, String)> {
        let mut stored: Vec<(String, String)> = Vec::new();
        loop {
            let last = stored.last().map(|(id, _)| id.as_str()).unwrap_or_default();
            let answer = self.mongod.command(
                self.name,
                doc! {
                    "find": COLLECTION, "filter": {"_id": {"$gt": last}}, "sort": {"_id": 1}, "singleBatch": true,
                    "projection": {"event_data.message": 1}, "batchSize": 20_000,
                },
            );
            let page = first_batch(&answer);
            if page.is_empty() {
                assert_eq!(stored.len(), self.count(), "some events have no text as their id");
                return stored;
            }
            stored.extend(page.into_iter().map(|document| {
                let data = document.get_document("event_data").expect("it has data");
                let message = data.get_str("message").expect("it has a message");
                (document.get_str("_id").expect("it has an id").to_owned(), message.to_owned())
            }));
        }
    }

    /// Asserts that exactly these messages are stored, each once, and that nothing was thought to be unstorable.
    #[track_caller]
    pub(super) fn assert_holds<'m>(&self, messages: impl IntoIterator<Item = &'m String>, collector: &Collector) {
        let mut counts: BTreeMap<&str, (usize, usize)> = BTreeMap::new();
        for message in messages {
            counts.entry(message).or_default().0 += 1;
        }
        let stored = self.stored();
        for (_, message) in &stored {
            counts.entry(message).or_default().1 += 1;
        }
        let differences = counts.iter().filter(|(_, (written, stored))| written != stored);
        let shown: Vec<String> =
            differences.clone().take(10).map(|(message, counts)| format!("{counts:?} {message:.60}")).collect();
        assert!(shown.is_empty(), "{} messages differ (written, stored): {shown:#?}", differences.count());
        assert_eq!(self.kafka.end_offsets(&self.dead_letter_topic()), [0], "nothing is a dead letter");
        assert_eq!(collector.dead_letters(), Vec::<serde_json::Value>::new());
    }
}

fn first_batch(answer: &Document) -> Vec<Document> {
    let batch = answer.get_document("cursor").and_then(|cursor| cursor.get_array("firstBatch"));
    let documents = batch.expect("a query is answered with documents").iter();
    documents.map(|document| document.as_document().expect("it is a document").clone()).collect()
}

/// The sum of a metric of a collector over its labels.
pub(super) fn metric(api: &Api, name: &str) -> f64 {
    let text = api.get("/metrics", &[]).text;
    let values = text.lines().filter(|line| line.starts_with(name)).filter_map(|line| line.rsplit_once(' '));
    values.map(|(_, value)| value.parse::<f64>().expect("a metric is a number")).sum()
}
