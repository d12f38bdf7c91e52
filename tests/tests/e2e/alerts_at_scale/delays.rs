//! Nobody is missed whose events are only late in being stored; and it is told that alerts are late.

use std::{collections::BTreeSet, time::Duration};

use jiff::Timestamp;
use labtrail_tests::{
    lab::{Api, Collector, Lab, wait_until, wait_until_within},
    services::{Mongod, bson::doc},
};
use serde_json::json;

use super::{
    Heartbeats, PAUSE, Station, alerts, assert_history_is_what_was_told, ids, leader, node, nodes,
    silences::{RULE, RULES, WINDOW},
    start_collectors, wait_until_shared,
};

const DELAYED: &str = "labtrail-evaluation-delayed";
const DELAY_MAX: &str = "delay_max = \"3s\"";
/// For so long is nothing stored: whoever is silent is missed sooner.
const LATE: Duration = WINDOW.saturating_mul(2);
/// After a time in which no collector was there, senders are given a minute and a half before anybody is missed.
const MISSED_WITHIN: Duration = Duration::from_mins(3);
const PARTITIONS: usize = 6;
/// MongoDB's number for a disk that is full.
const DISK_FULL: i32 = 14_031;

#[test]
fn a_delayed_partition_makes_no_false_silence() {
    let lab = Lab::new();
    let station = Station::new(&lab, Mongod::shared(), "alerts-delayed", RULES, "");
    // The group waits for who is frozen.
    let mut collectors = start_collectors(&lab, 3, &station.config_with_topic(PARTITIONS, "45s", DELAY_MAX));
    wait_until_shared(&collectors, PARTITIONS);
    let heartbeats = Heartbeats::of(&station, PARTITIONS, 0..PARTITIONS);
    heartbeats.beside(|| {
        wait_until_in_time(&collectors[0]);
        let judge = wait_until("one judges", || leader(&collectors));
        let frozen = (judge + 1) % collectors.len();
        collectors[frozen].process().pause();
        let late = wait_until("some nodes are late", || Some(late(&collectors[judge])).filter(|late| *late > 0));
        assert!(late < PARTITIONS, "only some partitions are late");
        let episode = wait_until_delay_is_told(&station, &collectors[judge]);
        assert_eq!(nodes(&collectors[judge], RULE, "all"), BTreeSet::new());

        collectors[frozen].process().resume();
        wait_until_end_of_delay_is_told(&station, &collectors[frozen], episode);
        assert_only_who_stops_is_missed(&station, &collectors[frozen], &heartbeats);
    });
}

#[test]
fn a_database_and_collectors_that_were_away_make_no_false_silence() {
    let lab = Lab::new();
    // Its fail points are nobody else's.
    let mongod = Mongod::replica_set(1);
    let station = Station::new(&lab, &mongod, "alerts-away", RULES, "");
    let mut collectors = start_collectors(&lab, 2, &station.config_with_topic(PARTITIONS, "6s", DELAY_MAX));
    wait_until_shared(&collectors, PARTITIONS);
    let heartbeats = Heartbeats::of(&station, PARTITIONS, 0..PARTITIONS);
    heartbeats.beside(|| {
        wait_until_in_time(&collectors[0]);
        let what = doc! {
            "failCommands": ["insert"], "errorCode": DISK_FULL, "appName": station.name,
            "namespace": format!("{}.events", station.name),
        };
        mongod.command("admin", doc! {"configureFailPoint": "failCommand", "mode": "alwaysOn", "data": what});
        wait_until("all nodes are late", || (late(&collectors[0]) == PARTITIONS).then_some(()));
        let episode = wait_until_delay_is_told(&station, &collectors[0]);
        assert_eq!(nodes(&collectors[0], RULE, "all"), BTreeSet::new());
        mongod.command("admin", doc! {"configureFailPoint": "failCommand", "mode": "off"});
        wait_until_end_of_delay_is_told(&station, &collectors[0], episode);

        collectors.iter_mut().for_each(Collector::kill);
        let beats = heartbeats.count();
        wait_until("nodes told for long that they are there", || {
            (heartbeats.count() > beats + (LATE.as_millis() / PAUSE.as_millis()) as u64).then_some(())
        });
        collectors.iter_mut().for_each(Collector::start);
        collectors.iter_mut().for_each(Collector::wait_until_ready);
        wait_until_in_time(&collectors[1]);
        assert_only_who_stops_is_missed(&station, &collectors[1], &heartbeats);
    });
}

/// Of how many nodes nothing is stored that is not late.
fn late(api: &Api) -> usize {
    (0..PARTITIONS).filter(|number| age(api, *number).is_some_and(|age| age > LATE)).count()
}

/// The age of the newest heartbeat of a node that is stored.
fn age(api: &Api, number: usize) -> Option<Duration> {
    let filter = json!({"source.node_id": node(number)}).to_string();
    let answer = api.get("/api/v1/events", &[("filter", &filter), ("order", "desc"), ("limit", "1")]);
    assert_eq!(answer.status, 200, "{}", answer.text);
    let newest: Timestamp = answer.json()["items"][0]["event_timestamp"].as_str()?.parse().expect("an instant");
    // It is not there yet if the clock was set back.
    Some(Duration::try_from(Timestamp::now().duration_since(newest)).unwrap_or_default())
}

/// Waits until all nodes were there just now and alerts are not late.
#[track_caller]
fn wait_until_in_time(api: &Api) {
    wait_until("events are stored in time", || {
        let is_stored = (0..PARTITIONS).all(|number| age(api, number).is_some_and(|age| age < WINDOW / 2));
        (is_stored && alerts(api, DELAYED, "firing").is_empty()).then_some(())
    });
}

/// Waits until it is told that alerts are late; gives the number of the episode.
#[track_caller]
fn wait_until_delay_is_told(station: &Station<'_>, api: &Api) -> u64 {
    let delays = wait_until("alerts are late", || Some(alerts(api, DELAYED, "firing")).filter(|all| !all.is_empty()));
    assert_eq!(delays.len(), 1, "{delays:#?}");
    let episode = delays[0]["episode"].as_u64().expect("a number");
    station.wait_until_told("fired", episode, DELAYED, "kafka");
    episode
}

/// Waits until it is told that alerts are no longer late.
#[track_caller]
fn wait_until_end_of_delay_is_told(station: &Station<'_>, api: &Api, episode: u64) {
    wait_until_in_time(api);
    station.wait_until_told("resolved", episode, DELAYED, "kafka");
    assert_history_is_what_was_told(station, api, DELAYED, &ids(api, DELAYED));
}

/// Asserts that nobody was missed so far, and that who stops now is.
#[track_caller]
fn assert_only_who_stops_is_missed(station: &Station<'_>, api: &Api, heartbeats: &Heartbeats<'_>) {
    heartbeats.stop(2);
    let stopped = BTreeSet::from([node(2)]);
    wait_until_within(MISSED_WITHIN, "who stopped is missed", || (nodes(api, RULE, "firing") == stopped).then_some(()));
    assert_eq!(nodes(api, RULE, "all"), stopped);
    let told = station.told().concat();
    assert!(told.iter().all(|told| told.rule != RULE || told.group == node(2)), "{told:#?}");
}
