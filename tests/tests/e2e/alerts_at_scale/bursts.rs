//! Many errors at once: each node is an alert, and people get one mail of all of them.

use std::{collections::BTreeSet, thread};

use jiff::{SignedDuration, Timestamp};
use labtrail_tests::{
    lab::{Collector, Lab, wait_until},
    services::Mongod,
};

use super::{Event, Station, alerts, event, node, nodes, notifications, start_collectors, wait_until_shared};

const RULE: &str = "node-errors";
const RULES: &str = r#"
[[rules]]
name = "node-errors"
when = { log_level = { "$gte" = 40 } }
trigger = { at_least = { count = 5, within = "5m" } }
group_by = ["source.node_id"]
"#;

const COLLECTORS: usize = 3;
const PARTITIONS: usize = 6;
const NODES: usize = 40;
const ERRORS: i64 = 5;

/// The errors of each of these nodes: one each second, the last one now.
fn burst(numbers: impl Iterator<Item = usize>) -> Vec<Event> {
    let now = Timestamp::now();
    let errors = numbers.flat_map(|number| {
        (0..ERRORS).map(move |place| event(number, now - SignedDuration::from_secs(place), "node_error", 40))
    });
    let mut errors: Vec<Event> = errors.collect();
    // All of them at the same time, not one node after the other.
    errors.sort_by_key(|error| error.json["event_timestamp"].as_str().map(str::to_owned));
    errors
}

fn ids(numbers: impl Iterator<Item = usize>) -> BTreeSet<String> {
    numbers.map(node).collect()
}

/// Waits until all collectors say that exactly these nodes have alerts that fire.
#[track_caller]
fn wait_until_firing(collectors: &[Collector], expected: &BTreeSet<String>) {
    wait_until(&format!("{} alerts fire", expected.len()), || {
        collectors.iter().all(|collector| nodes(collector, RULE, "firing") == *expected).then_some(())
    });
}

#[test]
fn a_burst_on_forty_nodes_is_forty_alerts_and_one_mail() {
    let lab = Lab::new();
    let station = Station::new(&lab, Mongod::shared(), "alerts-burst", RULES, "group_wait = \"15s\"");
    let config = station.config_with_topic(PARTITIONS, "6s", "");
    let collectors = start_collectors(&lab, COLLECTORS, &config);
    wait_until_shared(&collectors, PARTITIONS);

    station.produce(PARTITIONS, &burst(0..NODES));
    wait_until_firing(&collectors, &ids(0..NODES));
    wait_until("they are told", || (!station.told().is_empty()).then_some(()));

    // It goes on: the alerts know of it, and nobody is told again.
    station.produce(PARTITIONS, &burst(0..NODES));
    let count = 2 * ERRORS;
    wait_until("the alerts rest on both bursts", || {
        alerts(&collectors[0], RULE, "firing").iter().all(|alert| alert["count"] == count).then_some(())
    });
    // What happens later is told later: when this came, nothing else will.
    station.produce(PARTITIONS, &burst(NODES..=NODES));
    station.wait_until_told("fired", 1, RULE, &node(NODES));
    wait_until_firing(&collectors, &ids(0..=NODES));

    let mails = station.told();
    let told = |mail: usize| -> BTreeSet<String> {
        assert!(mails[mail].iter().all(|told| told.kind == "fired" && told.rule == RULE), "{mails:#?}");
        mails[mail].iter().map(|told| told.group.clone()).collect()
    };
    assert_eq!(mails.len(), 2, "one mail of the burst, and one of the node that came later: {mails:#?}");
    assert_eq!((told(0), mails[0].len()), (ids(0..NODES), NODES));
    assert_eq!((told(1), mails[1].len()), (ids(NODES..=NODES), 1));
    for collector in &collectors {
        let sent = wait_until("all that was told is known to be sent", || {
            let all = notifications(collector);
            all.iter().all(|notification| notification["state"] == "sent").then_some(all)
        });
        let counts: Vec<_> = sent.iter().map(|notification| notification["alerts"].as_u64()).collect();
        assert_eq!(counts, [Some(1), Some(NODES as u64)]);
    }
}

#[test]
fn a_window_is_not_split_among_collectors_that_take_events_by_http() {
    let lab = Lab::new();
    let station = Station::new(&lab, Mongod::shared(), "alerts-split", RULES, "");
    let collectors = start_collectors(&lab, COLLECTORS, &station.config(""));
    let post = |collector: &Collector, error: &Event| {
        assert_eq!(collector.post_json("/event", &error.json).status, 200);
    };
    // No collector sees five of a node; node 2 has only four.
    let (first, mut second) = (burst(1..=1), burst(2..=2));
    let fifth = second.pop().expect("five errors");
    for (place, error) in second.iter().chain(&first).enumerate() {
        post(&collectors[place % COLLECTORS], error);
    }
    wait_until_firing(&collectors, &ids(1..=1));
    station.wait_until_told("fired", 1, RULE, &node(1));

    // All at the same time.
    let third = burst(3..=3);
    thread::scope(|scope| {
        for (place, error) in third.iter().enumerate() {
            let collector = &collectors[place % COLLECTORS];
            scope.spawn(move || post(collector, error));
        }
    });
    wait_until_firing(&collectors, &ids([1, 3].into_iter()));
    station.wait_until_told("fired", 1, RULE, &node(3));

    post(&collectors[1], &fifth);
    wait_until_firing(&collectors, &ids(1..=3));
    station.wait_until_told("fired", 1, RULE, &node(2));

    let mails = station.told();
    let groups: Vec<Vec<&str>> =
        mails.iter().map(|mail| mail.iter().map(|told| told.group.as_str()).collect()).collect();
    assert_eq!(groups, [[node(1)], [node(3)], [node(2)]], "{mails:#?}");
    for alert in alerts(&collectors[0], RULE, "firing") {
        assert_eq!((&alert["count"], &alert["episode"]), (&ERRORS.into(), &1.into()), "{alert:#}");
    }
}
