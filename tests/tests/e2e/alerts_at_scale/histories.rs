//! What was told of an alert is in its history.

use jiff::Timestamp;
use labtrail_tests::{
    lab::{Api, Lab, wait_until},
    services::{Mongod, bson::doc},
};

use super::{
    Station, assert_history_is_what_was_told,
    crashes::{ERRORS, HELD_UP, RULE, RULES, counted, hold_up},
    event, ids, nodes, notifications, start_collectors,
};

/// Whoever judges writes an alert and what happened to it one after the other.
#[test]
fn what_was_told_is_in_the_history_though_the_collector_was_killed_in_between() {
    let lab = Lab::new();
    let mongod = Mongod::replica_set(1);
    let rules = RULES.replace("1m", "15s");
    let station = Station::new(&lab, &mongod, "alerts-history", &rules, "");
    let mut collectors = start_collectors(&lab, 1, &station.config(""));
    // For a new rule what is stored is looked through twice, which would mend what this is about.
    wait_until("what is stored was looked through", || {
        let due = counted(&station, doc! {"kind": "alert-rule-state", "due": {"$ne": null}});
        (due == 0 && counted(&station, doc! {"kind": "alert-rule-state"}) == 1).then_some(())
    });
    post_errors(&collectors[0]);
    wait_until_sent(&collectors[0], 1);
    // It ends by itself. What is written after that is held up, and lost.
    hold_up(&station, "update", HELD_UP);
    wait_until("the alert is over", || (nodes(&collectors[0], RULE, "resolved").len() == 1).then_some(()));
    collectors[0].kill();
    mongod.kill(0);
    mongod.start(0);
    collectors[0].start();
    collectors[0].wait_until_ready();
    wait_until_sent(&collectors[0], 2);
    assert_history_is_what_was_told(&station, &collectors[0], RULE, &ids(&collectors[0], RULE));
}

#[test]
fn the_end_of_an_alert_whose_rule_is_no_more_is_in_the_history() {
    let lab = Lab::new();
    let station = Station::new(&lab, Mongod::shared(), "alerts-rule-gone", RULES, "");
    let collectors = start_collectors(&lab, 2, &station.config(""));
    post_errors(&collectors[0]);
    wait_until_sent(&collectors[0], 1);
    let ids = ids(&collectors[0], RULE);
    lab.write("rules/station.toml", "");
    wait_until_sent(&collectors[1], 2);
    assert_history_is_what_was_told(&station, &collectors[1], RULE, &ids);
}

/// Posts as many errors of a node as make an alert.
fn post_errors(api: &Api) {
    let now = Timestamp::now();
    for _ in 0..ERRORS {
        assert_eq!(api.post_json("/event", &event(1, now, "node_error", 40).json).status, 200);
    }
}

/// Waits until there are so many notifications, and all are sent.
#[track_caller]
fn wait_until_sent(api: &Api, count: usize) {
    wait_until(&format!("{count} notifications are sent"), || {
        let all = notifications(api);
        (all.len() == count && all.iter().all(|notification| notification["state"] == "sent")).then_some(())
    });
}
