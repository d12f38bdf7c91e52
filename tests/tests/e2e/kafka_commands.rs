//! The commands for those who run Kafka and collectors: topics made and checked, an audit, dead letters dealt with.

use labtrail_tests::{
    lab::{Lab, Said, wait_until},
    services::Kafka,
};
use serde_json::{Value, json};

/// A config with topics and a group of that name.
fn config(name: &str) -> String {
    let brokers = Kafka::shared().brokers();
    format!(
        "[kafka]\nbrokers = [\"{brokers}\"]\ntopic = \"{name}.events\"\ndead_letter_topic = \"{name}.letters\"\n\
         group = \"{name}\"\n"
    )
}

#[test]
fn topics_are_made_once_and_checked() {
    let lab = Lab::new();
    let file = lab.write("collector.toml", config("made"));
    let topics = |action: &str| Said::by("labtrail-collector", &["topics", action, "--config", file.to_str().unwrap()]);
    let missing = topics("check").ended(1);
    assert_eq!(missing.output.matches("missing").count(), 2, "{}", missing.output);
    assert!(topics("create").ended(0).output.contains("created made.events: partitions=8 replicas=1"));
    assert!(topics("create").ended(0).output.contains("there already: made.letters"));
    let well = topics("check").ended(0);
    assert!(well.output.lines().skip(1).all(|line| line.starts_with("ok ")), "{}", well.output);

    let file = lab.write("collector.toml", config("careless"));
    Kafka::shared().create_topic("careless.events", 2, &[("retention.ms", "60000")]);
    Kafka::shared().create_topic("careless.letters", 1, &[("retention.ms", "-1"), ("max.message.bytes", "2000000")]);
    let bad = Said::by("labtrail-collector", &["topics", "check", "--config", file.to_str().unwrap()]).ended(1);
    let found: Vec<Vec<&str>> =
        bad.output.lines().skip(1).map(|line| line.split_whitespace().take(4).collect()).collect();
    let expected = [
        ["error", "careless.events", "retention.ms", "60000"],
        ["error", "careless.events", "message.timestamp.type", "CreateTime"],
        ["error", "careless.letters", "message.timestamp.type", "CreateTime"],
    ];
    assert_eq!(found, expected, "{}", bad.output);
    assert!(bad.errors.contains("--add-config 'retention.ms=604800000,message.timestamp.type=LogAppendTime'"));
}

#[test]
fn nobody_there_is_said_with_the_address() {
    let said = Said::by("labtrail-collector", &["topics", "check", "--kafka", "127.0.0.1:1"]).ended(2);
    assert!(said.errors.contains("no Kafka broker answers at 127.0.0.1:1"), "{}", said.errors);
    let said = Said::by("labtrail", &["dead-letter", "list", "--to", "http://127.0.0.1:1"]).ended(2);
    assert!(said.errors.contains("no collector answers at http://127.0.0.1:1"), "{}", said.errors);
}

#[test]
fn an_audit_accounts_for_every_record_and_names_what_is_missing() {
    let lab = Lab::new();
    let (events, letters) = ("audited.events", "audited.letters");
    Kafka::shared().create_topic(events, 1, &[]);
    Kafka::shared().create_topic(letters, 1, &[]);
    let event = |id: &str, data: Value| json!({"_id": id, "event_data": data}).to_string();
    let produce = |value: &str| Kafka::shared().produce(events, "key", value, &[]);
    for value in
        ["no event", &event("A", json!(1)), &event("A", json!(2)), &event("A", json!(1)), &event("B", json!(1))]
    {
        produce(value);
    }
    let mut collector = lab.collector_with(&config("audited"));
    let to = collector.url();
    wait_until("both letters are stored", || (collector.dead_letters().len() == 2).then_some(()));
    wait_until("all is committed", || {
        (Kafka::shared().committed_offsets("audited", events) == [Some(5)]).then_some(())
    });

    let listed = Said::by("labtrail", &["dead-letter", "list", "--reason", "not_json", "--to", &to]).ended(0);
    assert!(listed.output.contains("audited.events/0@0"), "{}", listed.output);
    let seq = listed.output.lines().nth(1).and_then(|line| line.split(' ').next()).expect("one is listed");
    assert_eq!(Said::by("labtrail", &["dead-letter", "show", seq, "--raw", "--to", &to]).ended(0).output, "no event");
    let replayed = Said::by("labtrail", &["dead-letter", "replay", seq, "--to", &to]).ended(1);
    assert!(replayed.errors.contains("not_json"), "{}", replayed.errors);
    Said::by("labtrail", &["dead-letter", "discard", seq, "--to", &to]).ended(0);
    assert_eq!(collector.dead_letters().len(), 1);

    collector.stop();
    let file = collector.config_file().to_str().expect("paths of tests are UTF-8").to_owned();
    let clean = Said::by("labtrail", &["audit", "--config", &file]).ended(0);
    let sums: Vec<&str> = clean.output.lines().last().expect("it has a sum").split_whitespace().skip(3).collect();
    // Records, events, stored, duplicates, dead letters, missing.
    assert_eq!(sums[..6], ["5", "5", "2", "1", "2", "0"], "{}", clean.output);

    let (_, offset) = produce(&event("C", json!(1)));
    let end = (offset + 1).to_string();
    let missing = Said::by("labtrail", &["audit", "--config", &file, "--to", &end]).ended(1);
    assert!(missing.output.contains("partition 0  offset 5  event C  it is not stored"), "{}", missing.output);
    Said::by("labtrail", &["audit", "--config", &file, "--topic", "nowhere"]).ended(2);
}
