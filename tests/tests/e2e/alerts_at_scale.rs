//! Alerts of several collectors that share a database: one of them judges and one of them tells, whichever it is, whatever
//! is killed, and however late events are.

mod bursts;
mod crashes;
mod delays;
mod histories;
mod silences;

use std::{
    collections::BTreeSet,
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread,
    time::Duration,
};

use jiff::Timestamp;
use labtrail_tests::{
    lab::{Api, Collector, DEADLINE, Lab, SetOnDrop, poll, wait_until},
    services::{Kafka, MailServer, Mongod, NewRecord, mail_header},
};
use serde_json::{Value, json};

use crate::scale::metric;

/// What a mail says in the tests: a line for each step of an alert.
const MAIL_TEXT: &str = r"{% for alert in alerts %}{{ alert.kind }} {{ alert.episode }} {{ alert.rule }} {{ alert.group | group }}
{% endfor %}and {{ more }} more";

/// So long is a node quiet before it tells again that it is there.
const PAUSE: Duration = Duration::from_millis(500);

/// A database, a mail server, rules and receivers, which several collectors have in common.
struct Station<'a> {
    lab: &'a Lab,
    name: &'static str,
    mongod: &'a Mongod,
    mail: MailServer,
}

/// An event of a node.
#[derive(Debug, Clone)]
struct Event {
    node: usize,
    json: Value,
}

/// What a mail told of an alert.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Told {
    kind: String,
    episode: u64,
    rule: String,
    group: String,
}

impl<'a> Station<'a> {
    /// With these rules, and with more lines for the grouping of what is told.
    fn new(lab: &'a Lab, mongod: &'a Mongod, name: &'static str, rules: &str, grouping: &str) -> Self {
        let mail = MailServer::start(&[]);
        lab.write("rules/station.toml", rules);
        let receivers = format!(
            "[[receivers]]\nname = \"ops\"\n[receivers.templates]\ntext = '''\n{MAIL_TEXT}'''\n\
             [receivers.email]\nsmtp_server = \"127.0.0.1\"\nsmtp_port = {}\nuse_tls = false\n\
             sender = \"labtrail@lab.example\"\nemail_addresses = [\"ops@lab.example\"]\n\
             [grouping.ops]\n{grouping}\n",
            mail.port
        );
        lab.write("receivers.toml", receivers);
        Self { lab, name, mongod, mail }
    }

    /// The config of each collector, with more lines for `[alerts]`. The database knows their connections by the station's
    /// name.
    fn config(&self, alerts: &str) -> String {
        let (url, name) = (self.mongod.url(), self.name);
        let (rules, receivers) = (self.lab.path("rules/*.toml"), self.lab.path("receivers.toml"));
        format!(
            "[store]\nkind = \"mongodb\"\n[store.mongodb]\nurl = \"{url}&appName={name}\"\ndatabase = \"{name}\"\n\
             [alerts]\nrules = [\"{}\"]\nreceivers = \"{}\"\n{alerts}\n[alerts.madsci]\nenabled = false\n",
            rules.display(),
            receivers.display(),
        )
    }

    /// The same with a topic, which is made, of so many partitions.
    fn config_with_topic(&self, partitions: usize, session_timeout: &str, alerts: &str) -> String {
        let (topic, letters) = (self.topic(), format!("{}.letters", self.name));
        Kafka::shared().create_topic(&topic, partitions, &[]);
        Kafka::shared().create_topic(&letters, 1, &[]);
        format!(
            "{}[kafka]\nbrokers = [\"{}\"]\ntopic = \"{topic}\"\ndead_letter_topic = \"{letters}\"\n\
             group = \"{}\"\nsession_timeout = \"{session_timeout}\"\nretry_pause_max = \"1s\"\n",
            self.config(alerts),
            Kafka::shared().brokers(),
            self.name,
        )
    }

    fn topic(&self) -> String {
        format!("{}.events", self.name)
    }

    /// Puts events into the topic, those of a node into one partition.
    fn produce(&self, partitions: usize, events: &[Event]) {
        let place = |event: &Event| i32::try_from(event.node % partitions).expect("there are few partitions");
        self.produce_to(&events.iter().map(|event| (place(event), event.clone())).collect::<Vec<_>>());
    }

    /// Puts events into these partitions of the topic.
    fn produce_to(&self, events: &[(i32, Event)]) {
        let values: Vec<(i32, String)> =
            events.iter().map(|(partition, event)| (*partition, event.json.to_string())).collect();
        let records: Vec<NewRecord<'_>> = values
            .iter()
            .map(|(partition, value)| NewRecord {
                partition: Some(*partition),
                value: Some(value.as_bytes()),
                ..NewRecord::default()
            })
            .collect();
        Kafka::shared().produce_all(&self.topic(), &records);
    }

    /// What the mails so far told, each in a list of its own; in the order in which they came.
    fn told(&self) -> Vec<Vec<Told>> {
        self.mail.mails().iter().map(told).collect()
    }

    /// Waits until a mail tells this of a rule and group.
    #[track_caller]
    fn wait_until_told(&self, kind: &str, episode: u64, rule: &str, group: &str) {
        wait_until(&format!("a mail tells that episode {episode} of {rule} {kind} for {group}"), || {
            let is_meant = |told: &Told| {
                (told.kind.as_str(), told.episode, told.rule.as_str(), told.group.as_str())
                    == (kind, episode, rule, group)
            };
            self.told().iter().flatten().any(is_meant).then_some(())
        });
    }
}

/// Starts so many collectors with this config and waits until they answer and one of them judges.
fn start_collectors(lab: &Lab, count: usize, config: &str) -> Vec<Collector> {
    let mut collectors: Vec<Collector> = (0..count).map(|_| lab.absent_collector_with(config)).collect();
    collectors.iter_mut().for_each(Collector::start);
    collectors.iter_mut().for_each(Collector::wait_until_ready);
    wait_until("one collector judges", || leader(&collectors));
    collectors
}

/// Waits until all partitions, and that of the dead letters, are shared among the collectors.
#[track_caller]
fn wait_until_shared(collectors: &[Collector], partitions: usize) {
    wait_until("the collectors share the partitions", || {
        let held: Vec<u64> =
            collectors.iter().map(|collector| metric(collector, "labtrail_kafka_partitions")).collect();
        (held.iter().all(|held| *held > 0) && held.iter().sum::<u64>() == partitions as u64 + 1).then_some(())
    });
}

/// The collector that judges, of those that answer.
fn leader(collectors: &[Collector]) -> Option<usize> {
    collectors.iter().position(|collector| {
        let answer = collector.try_get("/metrics", &[]);
        answer.is_ok_and(|answer| answer.text.lines().any(|line| line == "labtrail_alert_leader 1"))
    })
}

/// A rule's alerts in this state.
#[track_caller]
fn alerts(api: &Api, rule: &str, state: &str) -> Vec<Value> {
    let answer = api.get("/api/v1/alerts", &[("rule", rule), ("state", state), ("limit", "1000")]);
    assert_eq!(answer.status, 200, "{}", answer.text);
    let page = answer.json();
    assert_eq!(page["next"], Value::Null, "there are more alerts");
    page["alerts"].as_array().expect("alerts").clone()
}

/// The nodes of a rule's alerts in this state.
#[track_caller]
fn nodes(api: &Api, rule: &str, state: &str) -> BTreeSet<String> {
    let group = |alert: &Value| alert["group"]["source.node_id"].as_str().expect("a node").to_owned();
    alerts(api, rule, state).iter().map(group).collect()
}

/// The ids of a rule's alerts.
#[track_caller]
fn ids(api: &Api, rule: &str) -> Vec<String> {
    let id = |alert: &Value| alert["id"].as_str().expect("an id").to_owned();
    alerts(api, rule, "all").iter().map(id).collect()
}

/// What happened to an alert.
#[track_caller]
fn history(api: &Api, id: &str) -> Vec<Told> {
    let answer = api.get(&format!("/api/v1/alerts/{id}"), &[]);
    assert_eq!(answer.status, 200, "{}", answer.text);
    let alert = answer.json();
    let text = |value: &Value| value.as_str().expect("a text").to_owned();
    let group: Vec<String> = alert["group"].as_object().expect("a group").values().map(text).collect();
    let step = |step: &Value| Told {
        kind: text(&step["kind"]),
        episode: step["episode"].as_u64().expect("a number"),
        rule: text(&alert["rule"]),
        group: group.join(" "),
    };
    alert["history"].as_array().expect("a history").iter().map(step).collect()
}

/// Asserts that exactly what happened to these alerts, which are all of a rule, was told.
#[track_caller]
fn assert_history_is_what_was_told(station: &Station<'_>, api: &Api, rule: &str, ids: &[String]) {
    let mut last = (BTreeSet::new(), BTreeSet::new());
    // It is in the history before it is in a mail.
    let is_same = poll(DEADLINE, || {
        let told: BTreeSet<Told> = station.told().into_iter().flatten().filter(|told| told.rule == rule).collect();
        last = (ids.iter().flat_map(|id| history(api, id)).collect(), told);
        (last.0 == last.1 && !last.1.is_empty()).then_some(())
    });
    assert!(is_same.is_some(), "what happened is what was told: {:#?} and {:#?}", last.0, last.1);
}

/// All notifications, the newest first.
#[track_caller]
fn notifications(api: &Api) -> Vec<Value> {
    let answer = api.get("/api/v1/notifications", &[("limit", "5000")]);
    assert_eq!(answer.status, 200, "{}", answer.text);
    answer.json()["notifications"].as_array().expect("notifications").clone()
}

/// What a mail told.
fn told(mail: &Value) -> Vec<Told> {
    assert_eq!(mail_header(mail, "To"), "ops@lab.example");
    let text = mail["text"].as_str().expect("it has a text");
    let mut lines: Vec<&str> = text.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    assert_eq!(lines.pop(), Some("and 0 more"), "{text}");
    let told = |line: &&str| {
        let words: Vec<&str> = line.split_whitespace().collect();
        let [kind, episode, rule, .., group] = words[..] else { panic!("this tells of nothing: {text}") };
        Told {
            kind: kind.to_owned(),
            episode: episode.parse().expect("a number"),
            rule: rule.to_owned(),
            group: group.rsplit('=').next().unwrap_or(group).to_owned(),
        }
    };
    lines.iter().map(told).collect()
}

/// A node's id.
fn node(number: usize) -> String {
    format!("01J{number:023}")
}

/// An event of a node at a time, which is there once however often it is sent.
fn event(number: usize, at: Timestamp, event_type: &str, level: u8) -> Event {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let id = format!("01K{:023}", COUNT.fetch_add(1, Ordering::Relaxed));
    let json = json!({
        "_id": id, "event_type": event_type, "log_level": level, "source": {"node_id": node(number)},
        "event_timestamp": at.to_string(), "event_data": {"message": format!("node {number}")},
    });
    Event { node: number, json }
}

/// Nodes that tell through Kafka that they are there, again and again.
struct Heartbeats<'a> {
    station: &'a Station<'a>,
    partitions: usize,
    nodes: Mutex<BTreeSet<usize>>,
    count: AtomicU64,
}

impl<'a> Heartbeats<'a> {
    fn of(station: &'a Station<'a>, partitions: usize, nodes: impl IntoIterator<Item = usize>) -> Self {
        Self { station, partitions, nodes: Mutex::new(nodes.into_iter().collect()), count: AtomicU64::new(0) }
    }

    /// Runs a test beside them; they end with it.
    fn beside(&self, test: impl FnOnce()) {
        let is_over = AtomicBool::new(false);
        thread::scope(|scope| {
            scope.spawn(|| {
                while !is_over.load(Ordering::Relaxed) {
                    self.beat();
                    thread::sleep(PAUSE);
                }
            });
            let _over = SetOnDrop(&is_over);
            test();
        });
    }

    fn beat(&self) {
        // Held until they are sent: of a node that stopped nothing comes afterwards.
        let nodes = self.nodes();
        let beats: Vec<Event> =
            nodes.iter().map(|node| event(*node, Timestamp::now(), "node_status_update", 20)).collect();
        if !beats.is_empty() {
            self.station.produce(self.partitions, &beats);
        }
        self.count.fetch_add(1, Ordering::Relaxed);
    }

    fn stop(&self, node: usize) {
        assert!(self.nodes().remove(&node), "node {node} is there");
    }

    fn go_on(&self, node: usize) {
        self.nodes().insert(node);
    }

    /// How often each node has told so far that it is there.
    fn count(&self) -> u64 {
        self.count.load(Ordering::Relaxed)
    }

    fn nodes(&self) -> MutexGuard<'_, BTreeSet<usize>> {
        self.nodes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
