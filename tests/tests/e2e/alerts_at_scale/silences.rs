//! A node that stops is missed, soon and alone; one that never was is not.

use std::{
    collections::BTreeSet,
    time::{Duration, Instant},
};

use jiff::Timestamp;
use labtrail_tests::{
    lab::{Lab, wait_until, wait_until_within},
    services::Mongod,
};

use super::{Heartbeats, Station, event, node, nodes, start_collectors, wait_until_shared};

pub(super) const RULE: &str = "node-silent";
/// Silent for longer than [`WINDOW`].
pub(super) const RULES: &str = r#"
[[rules]]
name = "node-silent"
when = { event_type = "node_status_update" }
trigger = { silence = { after = "8s" } }
group_by = ["source.node_id"]
lateness = "1s"
"#;
pub(super) const WINDOW: Duration = Duration::from_secs(8);

/// So much later than its window a silence is told at the latest.
const TOLD_WITHIN: Duration = Duration::from_secs(15);

const PARTITIONS: usize = 6;
const NODES: usize = 8;
/// It has other events, and never tells that it is there.
const STRANGER: usize = 90;

#[test]
fn a_node_that_stops_is_told_of_in_time_and_resolved_when_it_returns() {
    let lab = Lab::new();
    let station = Station::new(&lab, Mongod::shared(), "alerts-silence", RULES, "");
    let collectors = start_collectors(&lab, 3, &station.config_with_topic(PARTITIONS, "6s", ""));
    wait_until_shared(&collectors, PARTITIONS);
    let heartbeats = Heartbeats::of(&station, PARTITIONS, 0..NODES);
    heartbeats.beside(|| {
        station.produce(PARTITIONS, &[event(STRANGER, Timestamp::now(), "log_info", 20)]);
        // Long enough that each could have been missed by mistake.
        let beats = WINDOW.as_millis() / super::PAUSE.as_millis();
        wait_until("the nodes were there for a while", || (u128::from(heartbeats.count()) > beats).then_some(()));
        assert_eq!(nodes(&collectors[0], RULE, "all"), BTreeSet::new());

        heartbeats.stop(3);
        let stopped_at = Instant::now();
        let only_that = BTreeSet::from([node(3)]);
        for collector in &collectors {
            let time_max = (WINDOW + TOLD_WITHIN).saturating_sub(stopped_at.elapsed());
            wait_until_within(time_max, "the silence is known to all collectors", || {
                (nodes(collector, RULE, "firing") == only_that).then_some(())
            });
        }
        println!("the silence was known after {:?}", stopped_at.elapsed());
        station.wait_until_told("fired", 1, RULE, &node(3));
        println!("it was told after {:?}", stopped_at.elapsed());
        assert!(stopped_at.elapsed() < WINDOW + TOLD_WITHIN, "it was told after {:?}", stopped_at.elapsed());

        heartbeats.go_on(3);
        wait_until("the silence is over", || (nodes(&collectors[1], RULE, "resolved") == only_that).then_some(()));
        station.wait_until_told("resolved", 1, RULE, &node(3));
        // Of no other node was there ever one, and of this one there was one.
        assert_eq!(nodes(&collectors[2], RULE, "all"), only_that);
        let told: Vec<(String, u64)> =
            station.told().concat().into_iter().map(|told| (told.kind, told.episode)).collect();
        assert_eq!(told, [("fired".to_owned(), 1), ("resolved".to_owned(), 1)]);
    });
}
