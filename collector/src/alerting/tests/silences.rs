//! A source that stops, and one that is only late.

use serde_json::json;

use super::world::{HOUR, MINUTE, SECOND, World};
use crate::store::Expect;

const OPS: &str = "[[receivers]]\nname = \"ops\"\nlog = {}\n";

const SILENT: &str = r#"
[[rules]]
name = "s"
trigger = { silence = { after = "5m" } }
group_by = ["event_data.node"]
"#;

#[tokio::test]
async fn a_node_that_stops_is_missed_in_time_until_it_returns_and_no_other_is() {
    let mut world = World::new(SILENT, OPS);
    for _ in 0..20 {
        world.fails("N1").await;
        world.fails("N2").await;
        world.judge_for(MINUTE).await;
    }
    assert_eq!(world.told().await, [""; 0]);
    // The last word of N1 was a minute ago.
    for _ in 0..4 {
        world.fails("N2").await;
        world.judge_for(MINUTE).await;
    }
    world.judge_for(15 * SECOND).await;
    assert_eq!(world.told().await, ["ops: fired s/N1"]);
    world.fails("N1").await;
    world.fails("N2").await;
    world.judge_for(15 * SECOND).await;
    assert_eq!(world.told().await, ["ops: fired s/N1", "ops: resolved s/N1"]);
}

#[tokio::test]
async fn nobody_is_missed_while_the_pipeline_is_behind() {
    let mut world = World::new(SILENT, OPS);
    world.fails("N1").await;
    world.judge_for(MINUTE).await;
    world.behind = MINUTE;
    for _ in 0..60 {
        world.behind += MINUTE;
        world.judge_for(MINUTE).await;
    }
    assert_eq!(world.told().await, [""; 0]);
    // What was under way came from a node that never stopped.
    let mut events = Vec::new();
    for minutes in (0..=61).rev() {
        events.push(world.event(minutes * MINUTE, &json!({"event_data": {"node": "N1"}})));
    }
    world.take(events).await.expect("stored");
    world.behind = 0;
    world.judge_for(4 * MINUTE).await;
    assert_eq!(world.told().await, [""; 0]);
    world.judge_for(2 * MINUTE).await;
    assert_eq!(world.told().await, ["ops: fired s/N1"]);
}

#[tokio::test]
async fn nobody_is_missed_whose_mark_was_lost() {
    let mut world = World::new(SILENT, OPS);
    world.fails("N1").await;
    world.judge_for(4 * MINUTE).await;
    let event = world.event(0, &json!({"event_data": {"node": "N1"}}));
    world.store.insert(vec![event], Expect::New).await.expect("stored");
    world.judge_for(4 * MINUTE).await;
    assert_eq!(world.told().await, [""; 0]);
    world.judge_for(2 * MINUTE).await;
    assert_eq!(world.told().await, ["ops: fired s/N1"]);
}

#[tokio::test]
async fn a_new_rule_misses_who_stopped_before_it_was_written() {
    let mut world = World::new("", OPS);
    world.fails("N1").await;
    world.judge_for(2 * MINUTE).await;
    world.set_rules(SILENT, OPS);
    world.judge_for(2 * MINUTE).await;
    assert_eq!(world.told().await, [""; 0]);
    world.judge_for(90 * SECOND).await;
    assert_eq!(world.told().await, ["ops: fired s/N1"]);
    world.judge_for(2 * HOUR).await;
    assert_eq!(world.told().await, ["ops: fired s/N1"]);
}
