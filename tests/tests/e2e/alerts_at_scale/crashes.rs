//! Collectors that are killed, whichever judges and whichever tells: the alerts are those that the events make, and each is
//! told, at worst more than once and marked so.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use jiff::{SignedDuration, Timestamp};
use labtrail_tests::{
    lab::{Collector, Lab, poll, wait_until, wait_until_within},
    services::{
        Mongod,
        bson::{Document, doc},
        mail_header,
    },
};
use rand::{RngExt, rngs::StdRng, seq::SliceRandom};
use serde_json::Value;

use super::{
    Event, Station, Told, assert_history_is_what_was_told, event, ids, leader, node, nodes, notifications,
    start_collectors, told, wait_until_shared,
};
use crate::scale::seeded;

pub(super) const RULE: &str = "node-errors";
pub(super) const RULES: &str = r#"
[[rules]]
name = "node-errors"
when = { log_level = { "$gte" = 40 } }
trigger = { at_least = { count = 5, within = "1m" } }
group_by = ["source.node_id"]
lateness = "1s"
"#;
pub(super) const ERRORS: usize = 5;
const WITHIN: SignedDuration = SignedDuration::from_mins(1);

/// A mail for each alert: the more there are, the more a kill can meet.
const GROUPING: &str = "group_by = [\"rule\", \"group\"]\ncap_per_minute = 1000";

/// The collection in which collectors keep what they know of alerts.
const ROWS: &str = "events_labtrail_rows";

const COLLECTORS: usize = 3;
const PARTITIONS: usize = 6;
const ROUNDS: usize = 8;
const NODES_A_ROUND: usize = 6;

/// What a killed collector was sending is sent by another after two minutes.
const TOLD_WITHIN: Duration = Duration::from_mins(5);
/// A kill comes at the latest after this time, if what it waits for does not happen.
const MOMENT_WITHIN: Duration = Duration::from_secs(12);
/// Longer than it takes to see a mail and to kill whoever sent it.
pub(super) const HELD_UP: Duration = Duration::from_secs(1);

#[test]
fn alerts_are_those_of_the_events_and_all_are_told_while_collectors_are_killed() {
    let mut random = seeded();
    let lab = Lab::new();
    // Its fail points are nobody else's.
    let mongod = Mongod::replica_set(1);
    let station = Station::new(&lab, &mongod, "alerts-killed", RULES, GROUPING);
    let mut group = Group::start(&lab, &station.config_with_topic(PARTITIONS, "6s", ""));
    wait_until_shared(&group.collectors, PARTITIONS);
    let mut oracle = Oracle::default();

    // All are killed after a mail was taken and before anybody could note that.
    hold_up(&station, "find", HELD_UP);
    station.produce_to(&oracle.burst(3));
    let mails = random.random_range(1..=2);
    wait_until("mails come", || (station.mail.mails().len() >= mails).then_some(()));
    group.kill_all();
    hold_up_nothing(&station);
    group.start_all();

    for round in 0..ROUNDS {
        let (stored_before, outbox_before) = (events_stored(&station), outbox(&station));
        let events = oracle.events(&mut random);
        station.produce_to(&events);
        let (share, is_early) = (random.random_range(1..=100), random.random());
        // While events are stored, or when alerts are judged and told.
        poll(MOMENT_WITHIN, || {
            let is_now = if is_early {
                events_stored(&station) >= stored_before + events.len() as u64 * share / 200
            } else {
                outbox(&station) > outbox_before
            };
            is_now.then_some(())
        });
        group.kill_one(&mut random);
        println!("round {round}: {} events are stored", events_stored(&station));
    }
    station.produce_to(&oracle.rest());
    group.start_all();
    group.collectors.iter_mut().for_each(Collector::wait_until_ready);

    let (expected, api) = (oracle.firing(), &group.collectors[0]);
    assert!(!expected.is_empty() && expected.len() < oracle.times.len(), "the seed gave nothing to tell apart");
    wait_until_within(TOLD_WITHIN, "all alerts are over and told", || {
        let is_over = nodes(api, RULE, "resolved") == expected && nodes(api, RULE, "firing").is_empty();
        let is_sent = |notification: &Value| notification["state"] == "sent";
        (is_over && notifications(api).iter().all(is_sent)).then_some(())
    });
    assert_eq!(nodes(api, RULE, "all"), expected);
    let mails = station.mail.mails();
    assert_repeats_are_marked(&mails);
    assert_history_is_what_was_told(&station, api, RULE, &ids(api, RULE));
}

/// Asserts that what was told more than once has one Message-ID, and is marked from the second time on.
#[track_caller]
fn assert_repeats_are_marked(mails: &[Value]) {
    let mut ids: BTreeMap<Told, &str> = BTreeMap::new();
    let mut seen: BTreeSet<&str> = BTreeSet::new();
    let mut repeats = 0;
    for mail in mails {
        let id = mail_header(mail, "Message-ID");
        for told in told(mail) {
            let first = *ids.entry(told.clone()).or_insert(id);
            assert_eq!(first, id, "{told:?} was told under two names");
        }
        if !seen.insert(id) {
            repeats += 1;
            assert_eq!(mail_header(mail, "X-Labtrail-Repeat"), "possible", "{mail:#}");
        }
    }
    println!("{} mails, {repeats} of them repeats", mails.len());
    assert!(repeats > 0, "what was sent when all were killed is sent again");
}

/// From now on the database takes its time with each command of this kind about alerts.
pub(super) fn hold_up(station: &Station<'_>, command: &str, time: Duration) {
    let time = i32::try_from(time.as_millis()).expect("it is short");
    let what = doc! {
        "failCommands": [command], "blockConnection": true, "blockTimeMS": time, "appName": station.name,
        "namespace": format!("{}.{ROWS}", station.name),
    };
    station.mongod.command("admin", doc! {"configureFailPoint": "failCommand", "mode": "alwaysOn", "data": what});
}

fn hold_up_nothing(station: &Station<'_>) {
    station.mongod.command("admin", doc! {"configureFailPoint": "failCommand", "mode": "off"});
}

/// How many events are stored.
fn events_stored(station: &Station<'_>) -> u64 {
    counted_in(station, "events", doc! {})
}

/// How many notifications there are.
fn outbox(station: &Station<'_>) -> u64 {
    counted(station, doc! {"kind": "alert-outbox"})
}

/// How many rows of alerts are like that.
pub(super) fn counted(station: &Station<'_>, query: Document) -> u64 {
    counted_in(station, ROWS, query)
}

fn counted_in(station: &Station<'_>, collection: &str, query: Document) -> u64 {
    let answer = station.mongod.command(station.name, doc! {"count": collection, "query": query});
    answer.get_i32("n").ok().and_then(|n| u64::try_from(n).ok()).expect("a count")
}

/// What is sent, and of which nodes it makes alerts.
#[derive(Default)]
struct Oracle {
    times: Vec<Vec<Timestamp>>,
    /// What is sent later.
    held_back: Vec<(i32, Event)>,
}

impl Oracle {
    /// Errors of so many nodes that make alerts, for all partitions in turn.
    fn burst(&mut self, nodes: usize) -> Vec<(i32, Event)> {
        let now = Timestamp::now();
        let first = self.times.len();
        self.times.extend(vec![vec![now; ERRORS]; nodes]);
        let errors = (first..first + nodes).flat_map(|number| (0..ERRORS).map(move |_| number));
        let error =
            |(place, number): (usize, usize)| ((place % PARTITIONS) as i32, event(number, now, "node_error", 40));
        errors.enumerate().map(error).collect()
    }

    /// Errors of more nodes, for some partition each: some are held back, and those of the last time come now; some come
    /// twice.
    fn events(&mut self, random: &mut StdRng) -> Vec<(i32, Event)> {
        let now = Timestamp::now();
        let mut events = self.rest();
        for _ in 0..NODES_A_ROUND {
            let number = self.times.len();
            let times = times(now, random);
            for at in &times {
                let partition = random.random_range(0..PARTITIONS as i32);
                let error = (partition, event(number, *at, "node_error", 40));
                if random.random_ratio(1, 8) {
                    events.push(error.clone());
                }
                if random.random_ratio(1, 4) {
                    self.held_back.push(error);
                } else {
                    events.push(error);
                }
            }
            self.times.push(times);
        }
        events.shuffle(random);
        events
    }

    /// What was held back.
    fn rest(&mut self) -> Vec<(i32, Event)> {
        std::mem::take(&mut self.held_back)
    }

    /// The nodes of which some errors were near enough.
    fn firing(&self) -> BTreeSet<String> {
        let is_near = |times: &&[Timestamp]| times[ERRORS - 1].duration_since(times[0]) < WITHIN;
        let fires = |times: &Vec<Timestamp>| times.windows(ERRORS).any(|window| is_near(&window));
        self.times.iter().enumerate().filter(|(_, times)| fires(times)).map(|(number, _)| node(number)).collect()
    }
}

/// When a node has errors, in order: five or more within a minute, only four, or more that are not near enough.
fn times(now: Timestamp, random: &mut StdRng) -> Vec<Timestamp> {
    let mut ago: Vec<i64> = match random.random_range(0..4) {
        0 => (0..ERRORS - 1).map(|_| random.random_range(0..50_000)).collect(),
        1 => (0..=ERRORS as i64).map(|place| place * 15_100 + random.random_range(0..50)).collect(),
        _ => (0..random.random_range(ERRORS..ERRORS + 3)).map(|_| random.random_range(0..50_000)).collect(),
    };
    ago.sort_unstable();
    ago.into_iter().rev().map(|millis| now - SignedDuration::from_millis(millis)).collect()
}

/// Collectors, some of them away.
struct Group {
    collectors: Vec<Collector>,
    is_away: Vec<bool>,
}

impl Group {
    fn start(lab: &Lab, config: &str) -> Self {
        let collectors = start_collectors(lab, COLLECTORS, config);
        Self { is_away: vec![false; collectors.len()], collectors }
    }

    /// Kills one of those that run, often the one that judges. It comes back at once or after the next kill.
    fn kill_one(&mut self, random: &mut StdRng) {
        let back: Vec<usize> = (0..COLLECTORS).filter(|index| self.is_away[*index]).collect();
        let running: Vec<usize> = (0..COLLECTORS).filter(|index| !self.is_away[*index]).collect();
        let any = running[random.random_range(0..running.len())];
        let is_leader = random.random();
        let index = leader(&self.collectors).filter(|_| is_leader).unwrap_or(any);
        self.collectors[index].kill();
        self.is_away[index] = true;
        let stays_away = back.is_empty() && random.random_ratio(1, 3);
        let started = if stays_away { back } else { [back, vec![index]].concat() };
        for index in started {
            self.collectors[index].start();
            self.is_away[index] = false;
        }
    }

    fn kill_all(&mut self) {
        // At the same moment: to kill takes its time.
        let running = self.collectors.iter_mut().zip(&self.is_away).filter(|(_, is_away)| !**is_away);
        running.for_each(|(collector, _)| collector.process().pause());
        self.collectors.iter_mut().for_each(Collector::kill);
        self.is_away.fill(true);
    }

    fn start_all(&mut self) {
        for (collector, is_away) in self.collectors.iter_mut().zip(&mut self.is_away) {
            if std::mem::take(is_away) {
                collector.start();
            }
        }
    }
}
