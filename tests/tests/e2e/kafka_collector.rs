//! The collector's Kafka door: what lies in the topic is stored, once, and what is no event is kept with its reason.

use std::{collections::BTreeMap, time::Duration};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use labtrail_tests::{
    lab::{Api, Lab, wait_until},
    services::{Kafka, Mongod, NewRecord, Resource},
};
use rdkafka::{
    ClientConfig, Offset, TopicPartitionList,
    admin::{AdminClient, AdminOptions},
    client::DefaultClientContext,
};
use serde_json::{Value, json};

const ENVELOPE: &str = r#"{"labtrail":1,"agent":"pc-7","host":"pc-7","file":"/logs/a.log","identity":{"birth_ms":1700000000000,"hash":2},"offset":0,"observed":1700000000000000}"#;

/// Two topics of their own on the shared broker.
struct Topics {
    events: String,
    letters: String,
}

impl Topics {
    fn new(name: &str, partitions: usize) -> Self {
        let topics = Self::missing(name);
        topics.create(partitions);
        topics
    }

    fn missing(name: &str) -> Self {
        Self { events: format!("{name}.events"), letters: format!("{name}.letters") }
    }

    fn create(&self, partitions: usize) {
        Kafka::shared().create_topic(&self.events, partitions, &[]);
        Kafka::shared().create_topic(&self.letters, 1, &[]);
    }

    fn config(&self, group: &str) -> String {
        let (brokers, Self { events, letters }) = (Kafka::shared().brokers(), self);
        format!(
            "[kafka]\nbrokers = [\"{brokers}\"]\ntopic = \"{events}\"\ndead_letter_topic = \"{letters}\"\n\
             group = \"{group}\"\nsession_timeout = \"6s\"\nretry_pause_max = \"1s\"\n"
        )
    }

    /// Waits until the group has committed all that lies in the topics.
    fn wait_until_committed(&self, group: &str) {
        wait_until("all offsets are committed", || {
            let is_committed = [&self.events, &self.letters].into_iter().all(|topic| {
                let ends = Kafka::shared().end_offsets(topic);
                let committed = Kafka::shared().committed_offsets(group, topic);
                ends.iter().zip(committed).all(|(end, committed)| *end == committed.unwrap_or(0))
            });
            is_committed.then_some(())
        });
    }
}

fn event(number: usize) -> String {
    let id = format!("01ARZ3NDEKTSV4RRFF{number:08}");
    json!({"_id": id, "event_timestamp": "2026-11-23T09:18:44Z", "event_data": {"message": format!("event {number}")}})
        .to_string()
}

/// A batch of lines of one file, numbered from here.
fn batch(from: usize, count: usize) -> String {
    let lines = (from..from + count)
        .map(|number| format!("{{\"o\":{},\"m\":\"line {number}\"}}\n", if number == from { from } else { 1 }));
    format!("{ENVELOPE}\n{}", lines.collect::<String>())
}

fn produce(topic: &str, values: impl IntoIterator<Item = impl AsRef<[u8]>>) {
    let values: Vec<_> = values.into_iter().collect();
    let records: Vec<_> =
        values.iter().map(|value| NewRecord { value: Some(value.as_ref()), ..NewRecord::default() }).collect();
    Kafka::shared().produce_all(topic, &records);
}

fn metric(api: &Api, name: &str) -> f64 {
    let text = api.get("/metrics", &[]).text;
    let values = text.lines().filter(|line| line.starts_with(name)).filter_map(|line| line.rsplit_once(' '));
    values.map(|(_, value)| value.parse::<f64>().expect("a metric is a number")).sum()
}

/// What the store holds, as text: equal texts, equal stores.
fn contents(api: &Api) -> Vec<String> {
    let mut events: Vec<_> = api.events().into_iter().map(|event| format!("{event:?}")).collect();
    events.sort();
    events
}

#[test]
fn events_in_a_topic_are_stored_and_poison_among_them_is_kept_with_its_reason() {
    let topics = Topics::new("poison", 3);
    let poison: [(&str, &[u8]); 9] = [
        ("empty", b""),
        ("not_utf8", b"\xFF\xFE\x00"),
        ("not_json", b"2026-11-23 09:18:44 ERROR door open"),
        ("not_json", br#"{"event_data": {"#),
        ("not_an_event", b"[]"),
        ("not_an_event", br#"{"event_type": "no_such_type"}"#),
        ("unknown_version", b"{\"labtrail\":99}\n{\"o\":0}\n"),
        ("bad_envelope", b"{\"labtrail\":1,\"agent\":7}\n"),
        ("id_conflict", br#"{"_id": "01ARZ3NDEKTSV4RRFF00000000", "event_data": "something else"}"#),
    ];
    let half_a_batch = format!("{ENVELOPE}\n{{\"o\":0,\"m\":\"good\"}}\nbad\n{{\"o\":1,\"m\":\"lost with it\"}}\n");
    produce(&topics.events, [event(0)]);
    let lab = Lab::new();
    let collector = lab.collector_with(&topics.config("poison"));
    collector.wait_for_events(1);
    produce(&topics.events, (1..2000).map(event));
    produce(&topics.events, poison.iter().map(|(_, value)| *value));
    produce(&topics.events, [half_a_batch.clone()]);
    produce(&topics.events, [batch(100, 500), batch(600, 500)]);
    collector.wait_for_events(2000 + 1 + 1000);
    wait_until("all letters are stored", || (collector.dead_letters().len() == 10).then_some(()));
    topics.wait_until_committed("poison");

    assert_eq!(collector.total_events(), Some(3001));
    let mut expected: BTreeMap<Vec<u8>, &str> =
        poison.iter().map(|(reason, value)| (value.to_vec(), *reason)).collect();
    expected.insert(half_a_batch.into_bytes(), "unreadable_line");
    for letter in collector.dead_letters() {
        let mut bytes = STANDARD.decode(letter["bytes"].as_str().expect("it has bytes")).expect("they are base 64");
        if letter["reason"] == "id_conflict" {
            // Of these the event is kept, as it was understood.
            let conflict: Value = serde_json::from_slice(&bytes).expect("it is an event");
            assert_eq!(conflict["event_data"], "something else");
            bytes = poison[8].1.to_vec();
        }
        assert_eq!(expected.remove(&bytes), letter["reason"].as_str(), "{letter}");
        assert_eq!((&letter["origin"]["door"], &letter["origin"]["topic"]), (&json!("kafka"), &json!(topics.events)));
        let place = (letter["origin"]["partition"].as_i64(), letter["origin"]["offset"].as_i64());
        let records = Kafka::shared().read_all(&topics.events);
        let is_there = |record: &&labtrail_tests::services::Record| {
            (Some(i64::from(record.partition)), Some(record.offset)) == place
        };
        assert_eq!(records.iter().find(is_there).expect("the origin is a record").value, bytes);
    }
    assert!(expected.is_empty(), "{expected:?}");
    assert_eq!(Kafka::shared().read_all(&topics.letters).len(), 10);

    let counted = |name: &str| metric(&collector, &format!("labtrail_{name}_total"));
    assert_eq!(
        counted("events_received"),
        counted("events_stored") + counted("events_duplicates") + counted("events_refused")
    );
    assert_eq!((counted("events_stored"), counted("events_refused")), (3001.0, 11.0));
    assert_eq!(counted("kafka_records_fetched"), counted("kafka_records_done"));
    assert_eq!(counted("kafka_records_done"), f64::from(2000 + 9 + 1 + 2 + 10));
}

#[test]
fn a_restart_loses_nothing_and_a_new_group_changes_nothing() {
    let topics = Topics::new("restart", 2);
    let lab = Lab::new();
    let mut collector = lab.collector_with(&topics.config("restart"));
    produce(&topics.events, (0..3000).map(event));
    collector.wait_for_events(1);
    collector.kill();
    produce(&topics.events, (3000..4000).map(event));
    collector.start();
    collector.wait_for_events(4000);
    topics.wait_until_committed("restart");
    assert!(collector.process().terminate().success());
    collector.kill();
    collector.start();
    produce(&topics.events, ["what is this?"]);
    wait_until("the letter is stored", || (collector.dead_letters().len() == 1).then_some(()));
    assert_eq!(collector.total_events(), Some(4000));
    // What was committed at the stop was not read again.
    assert_eq!(metric(&collector, "labtrail_events_received_total"), 1.0);
    let before = contents(&collector);
    collector.kill();

    // The same store, and a group that reads everything from its beginning.
    collector.set_config(&topics.config("restart.again"));
    collector.start();
    topics.wait_until_committed("restart.again");
    assert_eq!(metric(&collector, "labtrail_events_duplicates_total"), 4000.0);
    assert_eq!(contents(&collector), before);
    assert_eq!(collector.dead_letters().len(), 1);
}

#[test]
fn a_collector_that_logs_in_over_tls_consumes_and_writes_dead_letters_with_the_rights_it_was_given() {
    let (lab, kafka) = (Lab::new(), Kafka::secured());
    for topic in ["events", "letters"] {
        kafka.create_topic(topic, 1, &[]);
    }
    kafka.add_scram_user("collector", "secret of collector");
    kafka.allow("collector", &["Read", "Describe"], Resource::Topic("events"));
    kafka.allow("collector", &["Read", "Describe"], Resource::Topic("letters"));
    kafka.allow("collector", &["Read"], Resource::Group("secured"));
    let config = format!(
        "[kafka]\nbrokers = [\"{}\"]\ntopic = \"events\"\ndead_letter_topic = \"letters\"\ngroup = \"secured\"\n\
         retry_pause_max = \"1s\"\n[kafka.security]\nprotocol = \"sasl_ssl\"\nmechanism = \"SCRAM-SHA-512\"\n\
         username = \"collector\"\npassword = \"secret of collector\"\nca_file = \"{}\"\n",
        kafka.secured_brokers(),
        kafka.ca_file().display()
    );
    let mut collector = lab.collector_with(&config);
    kafka.produce("events", "k", event(0), &[]);
    collector.wait_for_events(1);
    let committed = || kafka.committed_offsets("secured", "events")[0];
    wait_until("that is committed", || (committed() == Some(1)).then_some(()));
    // It may not write letters yet: then nothing more is committed, and nothing of the poison is lost.
    kafka.produce("events", "k", "poison", &[]);
    wait_until("it tries in vain", || (metric(&collector, "labtrail_kafka_store_retries_total") >= 1.0).then_some(()));
    assert_eq!(committed(), Some(1));
    kafka.allow("collector", &["Write", "Describe"], Resource::Topic("letters"));
    kafka.produce("events", "k", event(1), &[]);
    collector.wait_for_events(2);
    let letters = wait_until("the letter is kept", || Some(collector.dead_letters()).filter(|all| !all.is_empty()));
    assert_eq!((letters.len(), &letters[0]["reason"]), (1, &json!("not_json")));
    assert!(!collector.process().log().contains("secret of collector"));
}

#[test]
fn a_collector_waits_for_its_topics_and_says_so() {
    let topics = Topics::missing("late");
    let lab = Lab::new();
    let mut collector = lab.collector_with(&topics.config("late"));
    wait_until("it says what is missing", || {
        collector.process().log().contains("labtrail-collector topics create").then_some(())
    });
    topics.create(1);
    produce(&topics.events, [event(0)]);
    collector.wait_for_events(1);
}

#[test]
fn records_that_were_removed_before_they_were_read_are_said_to_be_lost() {
    let topics = Topics::new("lost", 1);
    produce(&topics.events, (0..10).map(event));
    let lab = Lab::new();
    let mut collector = lab.collector_with(&topics.config("lost"));
    collector.wait_for_events(10);
    topics.wait_until_committed("lost");
    collector.kill();
    produce(&topics.events, (10..30).map(event));
    remove_before(&topics.events, 25);
    collector.start();
    collector.wait_for_events(10 + 5 + 1);
    let lost = collector.search(&[("filter", r#"{"alert": true}"#)]);
    assert_eq!(lost.len(), 1);
    assert_eq!(
        lost[0].at("/event_data/kafka"),
        &json!({"topic": topics.events, "partition": 0, "offset_first": 10, "offset_last": 24, "records": 15})
    );
    assert_eq!(metric(&collector, "labtrail_kafka_records_lost_total"), 15.0);
    assert!(collector.process().log().contains("removed by Kafka's retention"));
}

fn remove_before(topic: &str, offset: i64) {
    let admin: AdminClient<DefaultClientContext> =
        ClientConfig::new().set("bootstrap.servers", Kafka::shared().brokers()).create().expect("an admin client");
    let mut offsets = TopicPartitionList::new();
    offsets.add_partition_offset(topic, 0, Offset::Offset(offset)).expect("a valid offset");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let options = AdminOptions::new().operation_timeout(Some(Duration::from_secs(10)));
    runtime.block_on(admin.delete_records(&offsets, &options)).expect("records can be removed");
}

#[test]
fn a_topic_that_is_deleted_and_made_anew_is_read_from_its_beginning() {
    let (topics, lab) = (Topics::new("remade", 1), Lab::new());
    produce(&topics.events, (0..5).map(event));
    let collector = lab.collector_with(&topics.config("remade"));
    collector.wait_for_events(5);
    topics.wait_until_committed("remade");
    let mut count = 5;
    for is_missed in [false, true, false] {
        Kafka::shared().delete_topic(&topics.events);
        if is_missed {
            wait_until("the collector misses it", || collector.log().contains("a topic is missing").then_some(()));
        }
        // More than the old one held: an offset of it is one of the new topic, too.
        Kafka::shared().create_topic(&topics.events, 1, &[]);
        produce(&topics.events, (count..2 * count + 5).map(event));
        count = 2 * count + 5;
        collector.wait_for_events(count as u64);
        topics.wait_until_committed("remade");
    }
}

#[test]
fn of_two_collectors_of_one_name_the_first_ends_and_says_why() {
    let topics = Topics::new("fenced", 1);
    let config = format!("{}instance_id = \"one-name\"\n", topics.config("fenced"));
    let lab = Lab::new();
    let mut first = lab.collector_with(&config);
    produce(&topics.events, [event(0)]);
    first.wait_for_events(1);
    let second = lab.collector_with(&config);
    let status = wait_until("the first one ends", || first.process().ended());
    assert!(!status.success());
    assert!(first.process().log().contains("has the same name"), "{}", first.process().log());
    produce(&topics.events, [event(1)]);
    second.wait_for_events(1);
}

/// Kafka takes a client for another one, too, when its session expired at a bad moment; that one must not end.
#[test]
fn a_collector_whose_name_was_taken_for_a_moment_joins_anew_and_goes_on() {
    let (topics, lab) = (Topics::new("fenced-once", 1), Lab::new());
    let collector = lab.collector_with(&format!("{}instance_id = \"one-name\"\n", topics.config("fenced-once")));
    for count in 1..3 {
        produce(&topics.events, [event(2 * count)]);
        collector.wait_for_events(2 * count as u64 - 1);
        topics.wait_until_committed("fenced-once");
        Kafka::shared().take_name("fenced-once", "one-name", &[&topics.events, &topics.letters]);
        produce(&topics.events, [event(2 * count + 1)]);
        collector.wait_for_events(2 * count as u64);
        topics.wait_until_committed("fenced-once");
    }
    assert_eq!(collector.log().matches("joining the group anew").count(), 2, "{}", collector.log());
}

#[test]
fn what_comes_over_http_while_the_store_is_away_goes_through_kafka() {
    let (kafka, mongod) = (Kafka::start(), Mongod::replica_set(1));
    kafka.create_topic("events", 2, &[]);
    kafka.create_topic("letters", 1, &[]);
    let (brokers, url) = (kafka.brokers(), mongod.url());
    let lab = Lab::new();
    let collector = lab.collector_with(&format!(
        "[kafka]\nbrokers = [\"{brokers}\"]\ntopic = \"events\"\ndead_letter_topic = \"letters\"\nretry_pause_max = \"1s\"\n\
         [store]\nkind = \"mongodb\"\n[store.mongodb]\nurl = \"{url}\"\nserver_selection_timeout = \"1s\"\n"
    ));
    let post = |number: usize| {
        let event: Value = serde_json::from_str(&event(number)).expect("it is JSON");
        collector.post_json("/event", &event)
    };
    assert_eq!(post(0).status, 200);
    collector.wait_for_events(1);
    assert!(kafka.read_all("events").is_empty(), "while the store is there, nothing goes through Kafka");

    mongod.stop(0);
    for number in [1, 0, 1] {
        let answer = post(number);
        assert_eq!(answer.status, 200, "{}", answer.text);
        assert_eq!(answer.json()["event_data"]["message"], format!("event {number}"));
    }
    let silent = collector.post_json("/event", &json!({"event_data": {"message": "no id, no time"}})).json();
    let batches = format!("{}{}", batch(0, 100), batch(100, 50));
    let answer = collector.post(
        "/api/v1/events",
        &[("content-type", "application/vnd.labtrail.batch+ndjson")],
        batches.as_bytes(),
    );
    assert_eq!(
        answer.json(),
        json!({"accepted": 150, "queued": 150, "duplicates": 0, "refused": []}),
        "{}",
        answer.text
    );
    let lines = format!("{}\nnonsense\n{}\n", event(2), event(3));
    let answer = collector.post("/api/v1/events", &[("content-type", "application/x-ndjson")], lines.as_bytes());
    assert_eq!((&answer.json()["queued"], answer.json()["refused"].as_array().map(Vec::len)), (&json!(2), Some(1)));
    assert_eq!(collector.post("/event", &[("content-type", "application/json")], b"{").status, 422);
    let health = collector.get("/health", &[]).json();
    assert_eq!(
        (&health["healthy"], &health["db_connected"], &health["kafka_connected"]),
        (&json!(false), &json!(false), &json!(true))
    );
    assert!(health["description"].as_str().expect("a text").contains("taken into Kafka"), "{health}");

    kafka.stop(0);
    for answer in
        [post(9), collector.post("/api/v1/events", &[("content-type", "application/json")], event(9).as_bytes())]
    {
        assert_eq!(answer.status, 503, "{}", answer.text);
    }
    kafka.start_broker(0);
    mongod.start(0);
    collector.wait_for_events(1 + 1 + 1 + 150 + 2);
    wait_until("the letters are stored", || (collector.dead_letters().len() == 2).then_some(()));
    let id = silent["_id"].as_str().expect("it was given one");
    let stored = collector.get(&format!("/event/{id}"), &[]);
    assert_eq!(stored.json(), silent);
    wait_until("all is read", || (metric(&collector, "labtrail_events_duplicates_total") == 2.0).then_some(()));
    // What was refused with 503 and then came to the topic nevertheless is no harm; here it can only be event 9.
    assert!(collector.total_events().is_some_and(|total| (155..=156).contains(&total)));
    assert_eq!(post(9).status, 200);
}
