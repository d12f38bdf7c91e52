//! An agent that ships to Kafka delivers everything, whatever the brokers do meanwhile.

use std::collections::BTreeMap;

use labtrail_tests::{
    lab::{Agent, Lab, StatusPage, wait_until},
    services::{Kafka, Login, Record, Resource},
};
use serde_json::Value;

/// What an agent says of itself.
struct Status(StatusPage);

impl Status {
    /// A place for an agent's status, and the lines of a `[ship]` section with it: `tables` come behind.
    fn new(lab: &Lab, ship: &str) -> (Self, String) {
        let (page, lines) = StatusPage::new(lab, ship);
        (Self(page), lines)
    }

    fn wait_for_problem(&self, text: &str) {
        wait_until(&format!("the agent tells of {text:?}"), || {
            let health: Value = serde_json::from_str(&self.0.get("/health")?).ok()?;
            let problems = health["problems"].as_array()?;
            let is_told = problems.iter().any(|problem| problem.as_str().is_some_and(|problem| problem.contains(text)));
            (health["healthy"] == false && is_told).then_some(())
        });
    }

    fn wait_until_well(&self) {
        wait_until("the agent is well", || {
            let health: Value = serde_json::from_str(&self.0.get("/health")?).ok()?;
            (health["healthy"] == true && health["problems"] == Value::Array(Vec::new())).then_some(())
        });
    }

    fn metric(&self, name: &str) -> f64 {
        self.0.metric(name)
    }

    fn wait_for_delivered(&self, records: usize) {
        self.0.wait_for_delivered(records as f64);
    }
}

/// How often each text came, in batches.
fn texts(records: &[Record]) -> BTreeMap<String, usize> {
    let mut texts = BTreeMap::new();
    for record in records {
        let lines: Vec<&str> = record.text().lines().skip(1).collect();
        assert_eq!(record.header("labtrail-count"), Some(lines.len().to_string().as_str()));
        for line in lines {
            let line: Value = serde_json::from_str(line).expect("a line of a batch is JSON");
            *texts.entry(line["m"].as_str().expect("it has a text").to_owned()).or_default() += 1;
        }
    }
    texts
}

/// Whether the topic holds exactly these lines, each at least once.
fn assert_holds(kafka: &Kafka, topic: &str, lines: &[String]) {
    let found: Vec<String> = texts(&kafka.read_all(topic)).into_keys().collect();
    let mut expected = lines.to_vec();
    expected.sort();
    assert_eq!(found.len(), expected.len(), "texts in {topic}");
    assert_eq!(found, expected);
}

fn lines(name: &str, count: usize) -> Vec<String> {
    (0..count).map(|number| format!("2026-11-23 10:00:00 INFO {name} {number}")).collect()
}

fn start(lab: &Lab, brokers: &str, topic: &str, ship: &str) -> Agent {
    lab.agent_to_kafka(brokers, topic, ship, &[("logs", "line_bytes_max = \"2MiB\"")])
}

#[test]
fn a_broker_that_is_absent_at_the_start_and_later_gets_everything() {
    let (lab, kafka) = (Lab::new(), Kafka::start());
    kafka.create_topic("t", 2, &[]);
    kafka.stop(0);
    let mut all = lines("early", 3000);
    lab.write("logs/a.log", all.join("\n") + "\n");
    let (status, ship) = Status::new(&lab, "");
    let mut agent = start(&lab, &kafka.brokers(), "t", &ship);
    status.wait_for_problem("no broker can be reached");
    kafka.start_broker(0);
    status.wait_for_delivered(3000);
    status.wait_until_well();
    kafka.kill(0);
    let more = lines("meanwhile", 3000);
    lab.append("logs/a.log", more.join("\n") + "\n");
    status.wait_for_problem("no broker can be reached");
    kafka.start_broker(0);
    status.wait_for_delivered(6000);
    status.wait_until_well();
    agent.stop();
    all.extend(more);
    assert_holds(&kafka, "t", &all);
    let partitions: Vec<i32> = kafka.read_all("t").iter().map(|record| record.partition).collect();
    assert!(partitions.windows(2).all(|pair| pair[0] == pair[1]), "one source stays on one partition");
}

#[test]
fn a_topic_that_is_created_late_and_recreated_gets_what_was_written_meanwhile() {
    let (lab, kafka) = (Lab::new(), Kafka::start());
    let first = lines("before the topic", 2000);
    lab.write("logs/a.log", first.join("\n") + "\n");
    let (status, ship) = Status::new(&lab, "");
    let mut agent = start(&lab, &kafka.brokers(), "t", &ship);
    status.wait_for_problem("cannot deliver to topic t: ");
    assert_eq!(status.metric("labtrail_agent_records_delivered_total"), 0.0);
    kafka.create_topic("t", 2, &[]);
    status.wait_for_delivered(2000);
    status.wait_until_well();
    assert_holds(&kafka, "t", &first);

    kafka.delete_topic("t");
    let second = lines("without the topic", 2000);
    lab.append("logs/a.log", second.join("\n") + "\n");
    status.wait_for_problem("topic t");
    kafka.create_topic("t", 3, &[]);
    status.wait_for_delivered(4000);
    status.wait_until_well();
    agent.stop();
    assert_holds(&kafka, "t", &second);
}

#[test]
fn rights_that_are_missing_withdrawn_and_given_back_cost_nothing() {
    let (lab, kafka) = (Lab::new(), Kafka::secured());
    kafka.create_topic("t", 1, &[]);
    let mut all = lines("without rights", 1000);
    lab.write("logs/a.log", all.join("\n") + "\n");
    let (status, ship) = Status::new(&lab, &security(&kafka, "PLAIN", Login::AGENT.username, Login::AGENT.password));
    let mut agent = start(&lab, &kafka.secured_brokers(), "t", &ship);
    status.wait_for_problem("uthoriz");
    // Without the right to write anywhere the client library calls it fatal.
    wait_until("producers are replaced", || {
        (status.metric("labtrail_agent_kafka_producer_restarts_total") >= 2.0).then_some(())
    });
    let (user, rights) = (Login::AGENT.username, ["Write", "Describe"]);
    kafka.allow(user, &rights, Resource::Topic("t"));
    status.wait_for_delivered(1000);
    status.wait_until_well();

    kafka.revoke(user, &rights, Resource::Topic("t"));
    let more = lines("rights withdrawn", 1000);
    lab.append("logs/a.log", more.join("\n") + "\n");
    status.wait_for_problem("uthoriz");
    kafka.allow(user, &rights, Resource::Topic("t"));
    status.wait_for_delivered(2000);
    status.wait_until_well();
    assert!(status.metric("labtrail_agent_kafka_errors_total") > 0.0);
    agent.stop();
    all.extend(more);
    assert_holds(&kafka, "t", &all);
}

#[test]
fn a_login_that_is_refused_works_as_soon_as_the_user_is_known() {
    let (lab, kafka) = (Lab::new(), Kafka::secured());
    kafka.create_topic("t", 1, &[]);
    kafka.allow("late", &["Write", "Describe"], Resource::Topic("t"));
    let all = lines("line", 1000);
    lab.write("logs/a.log", all.join("\n") + "\n");
    let (status, ship) = Status::new(&lab, &security(&kafka, "SCRAM-SHA-512", "late", "secret of late"));
    let mut agent = start(&lab, &kafka.secured_brokers(), "t", &ship);
    status.wait_for_problem("uthentication");
    assert!(!agent.log().contains("secret of late"));
    kafka.add_scram_user("late", "secret of late");
    status.wait_for_delivered(1000);
    status.wait_until_well();
    agent.stop();
    assert_holds(&kafka, "t", &all);
}

fn security(kafka: &Kafka, mechanism: &str, username: &str, password: &str) -> String {
    format!(
        "[ship.kafka.security]\nprotocol = \"sasl_ssl\"\nmechanism = \"{mechanism}\"\nusername = \"{username}\"\n\
         password = \"{password}\"\nca_file = \"{}\"\n",
        kafka.ca_file().display()
    )
}

#[test]
fn an_event_over_the_brokers_limit_is_a_dead_letter_and_its_neighbours_arrive() {
    let (lab, kafka) = (Lab::new(), Kafka::shared());
    kafka.create_topic("small", 1, &[("max.message.bytes", "50000")]);
    kafka.create_topic("small.dead", 1, &[("max.message.bytes", "50000")]);
    let neighbours = lines("neighbour", 4000);
    let large = format!("2026-11-23 10:00:00 ERROR {}", "large ".repeat(50_000));
    let file = lab.write(
        "logs/a.log",
        [neighbours[..2000].join("\n"), large.clone(), neighbours[2000..].join("\n") + "\n"].join("\n"),
    );
    let tables = "compression = \"none\"\n[ship.kafka]\ndead_letter_topic = \"small.dead\"";
    let (status, ship) = Status::new(&lab, tables);
    let mut agent = start(&lab, &kafka.brokers(), "small", &ship);
    status.wait_for_delivered(4001);
    status.wait_until_well();
    assert_eq!(status.metric("labtrail_agent_records_refused_total"), 1.0);
    agent.stop();
    assert_holds(kafka, "small", &neighbours);
    let letters = kafka.read_all("small.dead");
    assert_eq!(letters.len(), 1);
    let letter = &letters[0];
    assert_eq!(letter.header("labtrail-reason"), Some("record_too_large"));
    let size: usize = letter.header("labtrail-full-size").and_then(|size| size.parse().ok()).expect("it has a size");
    assert!(size > large.len() && letter.value.len() > 10_000, "{size}, of which {} are kept", letter.value.len());
    assert!(letter.text().contains("\"m\":\"2026-11-23 10:00:00 ERROR large large"));
    let origin: Value = serde_json::from_str(letter.header("labtrail-origin").expect("a place")).expect("it is JSON");
    assert_eq!((&origin["door"], &origin["file"]), (&"agent".into(), &file.to_str().into()));
    assert_eq!(origin["offset"], neighbours[..2000].join("\n").len() + 1);
    assert_eq!(letter.header("labtrail-id").map(str::len), Some(26));
}

#[test]
fn single_records_are_whole_events() {
    let (lab, kafka) = (Lab::new(), Kafka::shared());
    kafka.create_topic("single", 2, &[]);
    let all = lines("line", 5000);
    lab.write("logs/a.log", all.join("\n") + "\n");
    let (status, ship) = Status::new(&lab, "[ship.kafka]\nrecords = \"single\"");
    let mut agent = start(&lab, &kafka.brokers(), "single", &ship);
    status.wait_for_delivered(5000);
    agent.stop();
    let records = kafka.read_all("single");
    let messages: Vec<String> = records
        .iter()
        .map(|record| {
            let event: Value = serde_json::from_str(record.text()).expect("a record is one event");
            assert_eq!(event["_id"].as_str().map(str::len), Some(26));
            assert_eq!(record.header("labtrail-count"), Some("1"));
            assert!(record.header("labtrail-hash").is_some_and(|hash| hash.parse::<u64>().is_ok()));
            assert!(record.header("labtrail-time").is_some_and(|time| time.parse::<i64>().is_ok()));
            event["event_data"]["message"].as_str().expect("it has a message").to_owned()
        })
        .collect();
    assert_eq!(messages, all, "in the order of the file");
}

#[test]
fn no_clock_of_the_agents_reaches_a_record() {
    let (lab, kafka) = (Lab::new(), Kafka::shared());
    kafka.create_topic("create-time", 1, &[("message.timestamp.type", "CreateTime"), ("retention.ms", "3600000")]);
    kafka.create_topic("append-time", 1, &[("message.timestamp.type", "LogAppendTime")]);
    // A year of back-fill, and a clock that is ahead.
    let all = ["2025-11-23 10:00:00 INFO long ago", "2036-11-23 10:00:00 INFO ahead"].map(str::to_owned);
    lab.write("logs/a.log", all.join("\n") + "\n");
    for (topic, has_time) in [("create-time", false), ("append-time", true)] {
        let (status, ship) = Status::new(&lab, "");
        let mut agent = start(&lab, &kafka.brokers(), topic, &ship);
        status.wait_for_delivered(2);
        agent.stop();
        assert_holds(kafka, topic, &all);
        assert!(kafka.read_all(topic).iter().all(|record| record.timestamp.is_some() == has_time), "{topic}");
    }
}

#[test]
fn an_agent_that_is_stopped_or_killed_while_the_broker_is_silent_sends_the_rest_at_its_next_start() {
    let (lab, kafka) = (Lab::new(), Kafka::start());
    kafka.create_topic("t", 1, &[]);
    let mut all = lines("first", 1000);
    lab.write("logs/a.log", all.join("\n") + "\n");
    let (status, ship) = Status::new(&lab, "drain_max = \"500ms\"");
    let mut agent = start(&lab, &kafka.brokers(), "t", &ship);
    status.wait_for_delivered(1000);
    for round in ["stopped", "killed"] {
        kafka.pause(0);
        let more = lines(round, 1000);
        lab.append("logs/a.log", more.join("\n") + "\n");
        all.extend(more);
        wait_until("it is read", || {
            (status.metric("labtrail_agent_records_read_total") >= 1000.0
                && status.metric("labtrail_agent_records_read_total")
                    > status.metric("labtrail_agent_records_delivered_total"))
            .then_some(())
        });
        if round == "stopped" {
            agent.stop();
        } else {
            agent.kill();
        }
        kafka.resume(0);
        agent.start();
        status.wait_for_delivered(1000);
    }
    agent.stop();
    assert_holds(&kafka, "t", &all);
}
