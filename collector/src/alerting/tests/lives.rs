//! What is told of alerts, from the first event to the end.

use serde_json::json;

use super::world::{DAY, HOUR, MINUTE, SECOND, World};
use crate::{
    alert::{life::AlertState, outbox::RowState},
    alerting::stored_alert::StoredAlert,
};

const OPS: &str = "[[receivers]]\nname = \"ops\"\nlog = {}\n";

const FIVE_IN_A_MINUTE: &str = r#"
[[rules]]
name = "a"
trigger = { at_least = { count = 5, within = "1m" } }
group_by = ["event_data.node"]
severity = "error"
"#;

#[tokio::test]
async fn an_alert_fires_at_once_and_ends_when_its_condition_does() {
    let mut world = World::new(FIVE_IN_A_MINUTE, OPS);
    for _ in 0..4 {
        world.fails("N1").await;
    }
    world.judge_for(SECOND).await;
    assert_eq!(world.told().await, [""; 0]);
    world.fails("N1").await;
    world.fails("N2").await;
    world.judge().await.expect("it judges");
    assert_eq!(world.told().await, ["ops: fired a/N1"]);
    assert_eq!(world.marks().await, 0);
    world.judge_for(2 * MINUTE).await;
    assert_eq!(world.told().await, ["ops: fired a/N1", "ops: resolved a/N1"]);
    let outbox = world.outbox().await;
    let context = outbox[0].payload.context();
    assert_eq!(context["alerts"][0]["group"], json!({"event_data.node": "N1"}));
    assert_eq!((&context["alerts"][0]["number"], &context["alerts"][0]["count"]), (&json!(null), &json!(5)));
    assert_eq!(context["alerts"][0]["events"].as_array().map(Vec::len), Some(5));
    assert_eq!(context["severity"], json!("error"));
    assert_eq!(world.history().await.len(), 2);
}

#[tokio::test]
async fn forty_nodes_at_once_are_one_notification_of_forty_alerts() {
    let mut world = World::new(FIVE_IN_A_MINUTE, OPS);
    let mut events = Vec::new();
    for _ in 0..5 {
        for node in 0..40 {
            events.push(world.event(0, &json!({"event_data": {"node": format!("N{node}")}})));
        }
    }
    world.take(events).await.expect("stored");
    world.judge_for(5 * SECOND).await;
    let outbox = world.outbox().await;
    assert_eq!(outbox.len(), 1);
    assert_eq!(world.alerts().await.iter().filter(|alert| alert.is_firing()).count(), 40);
    assert_eq!(outbox[0].payload.context()["alerts"].as_array().map(Vec::len), Some(40));
}

#[tokio::test]
async fn another_leader_goes_on_where_the_first_one_stopped() {
    let mut world = World::new(FIVE_IN_A_MINUTE, OPS);
    for _ in 0..3 {
        world.fails("N1").await;
    }
    world.judge_for(SECOND).await;
    let mut other = world.restarted(FIVE_IN_A_MINUTE, OPS);
    other.fails("N1").await;
    other.fails("N1").await;
    other.judge_for(SECOND).await;
    assert_eq!(other.told().await, ["ops: fired a/N1"]);
    // The first one did not know, and does no harm.
    world.fails("N1").await;
    world.judge_for(SECOND).await;
    assert_eq!(other.told().await, ["ops: fired a/N1"]);
}

#[tokio::test]
async fn an_event_counts_once_however_often_it_comes() {
    let mut world = World::new(FIVE_IN_A_MINUTE, OPS);
    let event = world.event(0, &json!({"event_data": {"node": "N1"}}));
    for _ in 0..10 {
        world.take(vec![event.clone()]).await.expect("stored");
        world.judge_for(SECOND).await;
    }
    assert_eq!(world.told().await, [""; 0]);
}

#[tokio::test]
async fn what_nobody_acknowledges_is_repeated_and_escalated() {
    let rules = r#"
        [[rules]]
        name = "a"
        trigger = { at_least = { count = 1, within = "1d" } }
        repeat = { after = "1h", growth = 2.0 }
        escalate = [{ after = "15m", receivers = ["boss"] }]
        receivers = ["ops"]
    "#;
    let routes = format!("{OPS}\n[[receivers]]\nname = \"boss\"\nlog = {{}}\n");
    let mut world = World::new(rules, &routes);
    world.fails("N1").await;
    world.judge_for(4 * HOUR).await;
    let told = world.told().await;
    assert_eq!(
        told,
        ["ops: fired a", "boss: escalated 1 a", "ops: repeated a", "ops: repeated a"],
        "after 15 minutes, an hour and a quarter, and two hours more"
    );
}

#[tokio::test]
async fn a_rule_that_is_changed_or_deleted_ends_its_alerts() {
    let mut world = World::new(FIVE_IN_A_MINUTE, OPS);
    for _ in 0..5 {
        world.fails("N1").await;
    }
    world.judge_for(SECOND).await;
    world.set_rules(&FIVE_IN_A_MINUTE.replace("count = 5", "count = 6"), OPS);
    world.judge_for(SECOND).await;
    assert_eq!(world.told().await, ["ops: fired a/N1", "ops: resolved a/N1"]);
    // The new rule looks at what is stored, too.
    world.set_rules(&FIVE_IN_A_MINUTE.replace("count = 5", "count = 4"), OPS);
    world.judge_for(SECOND).await;
    assert_eq!(world.told().await, ["ops: fired a/N1", "ops: resolved a/N1", "ops: fired a/N1"]);
    world.set_rules("", OPS);
    world.judge_for(SECOND).await;
    assert_eq!(world.told().await.last().map(String::as_str), Some("ops: resolved a/N1"));
    assert_eq!(world.alerts().await[0].row.state, AlertState::Inactive);
}

#[tokio::test]
async fn a_rule_that_comes_back_tells_what_still_holds_though_its_events_are_long_ago() {
    let silent =
        "[[rules]]\nname = \"s\"\ntrigger = { silence = { after = \"5m\" } }\ngroup_by = [\"event_data.node\"]\n";
    let mut world = World::new(silent, OPS);
    world.fails("N1").await;
    world.judge_for(2 * HOUR).await;
    assert_eq!(world.told().await, ["ops: fired s/N1"]);
    world.set_rules("", OPS);
    world.judge_for(MINUTE).await;
    world.set_rules(silent, OPS);
    world.judge_for(MINUTE).await;
    assert_eq!(world.told().await, ["ops: fired s/N1", "ops: resolved s/N1", "ops: fired s/N1"]);
    // So does one that is changed.
    world.set_rules(&silent.replace("5m", "6m"), OPS);
    world.judge_for(MINUTE).await;
    assert_eq!(world.told().await[3..], ["ops: resolved s/N1", "ops: fired s/N1"]);
}

#[tokio::test]
async fn what_concerns_a_rule_that_only_others_know_waits_until_it_is_known() {
    let mut world = World::new("", OPS);
    let mut other = world.restarted(FIVE_IN_A_MINUTE, OPS);
    for _ in 0..5 {
        other.fails("N1").await;
    }
    world.judge_for(5 * MINUTE).await;
    assert_eq!((world.told().await.len(), world.marks().await), (0, 1));
    world.set_rules(FIVE_IN_A_MINUTE, OPS);
    world.judge_for(2 * MINUTE).await;
    assert_eq!(world.told().await, ["ops: fired a/N1, resolved a/N1"]);
}

#[tokio::test]
async fn beyond_groups_max_all_is_one_group() {
    let rules = format!("{FIVE_IN_A_MINUTE}\ngroups_max = 2\n");
    let mut world = World::new(&rules, OPS);
    for nodes in [&["N1", "N2"][..], &["N3", "N4", "N5", "N6", "N7"]] {
        for node in nodes {
            world.fails(node).await;
        }
        world.judge_for(SECOND).await;
    }
    assert_eq!(world.told().await, ["ops: fired a/*"], "the five that find no place");
    let mut other = world.restarted(&rules, OPS);
    for _ in 0..4 {
        other.fails("N1").await;
    }
    other.judge_for(SECOND).await;
    assert_eq!(other.told().await, ["ops: fired a/*", "ops: fired a/N1"]);
}

#[tokio::test]
async fn a_group_of_which_nothing_comes_any_more_makes_room_for_another() {
    let rules = format!(
        "{FIVE_IN_A_MINUTE}\ngroups_max = 2\n[[rules]]\nname = \"s\"\ntrigger = {{ silence = {{ after = \"5m\" }} }}\n\
         group_by = [\"event_data.node\"]\n"
    );
    let mut world = World::new(&rules, OPS);
    for _ in 0..5 {
        world.fails("N1").await;
    }
    world.fails("N2").await;
    world.judge_for(10 * MINUTE).await;
    while world.sender.round().await.expect("it is sent") {}
    let rows = async |world: &World| {
        let mut rows: Vec<String> = world.alerts().await.iter().map(StoredAlert::id).collect();
        rows.sort();
        rows
    };
    let before = rows(&world).await;
    assert_eq!(before.len(), 4, "two groups of both rules");
    // As long as the history lasts, all is known.
    world.clock.pass(80 * DAY);
    world.judge_for(SECOND).await;
    assert_eq!(rows(&world).await, before);
    world.clock.pass(20 * DAY);
    world.judge_for(SECOND).await;
    let mut left: Vec<String> = world.alerts().await.into_iter().map(|stored| stored.alert.rule).collect();
    left.dedup();
    assert_eq!(left, ["s"], "what fires is not forgotten");
    world.happens(&json!({"event_data": {"node": "N3"}})).await;
    for _ in 0..5 {
        world.fails("N1").await;
    }
    world.judge_for(SECOND).await;
    while world.sender.round().await.expect("it is sent") {}
    let told = world.told().await;
    assert!(told.contains(&"ops: fired a/N1".to_owned()), "{told:?}");
    assert!(world.outbox().await.iter().all(|row| row.state == RowState::Sent));
    let groups: Vec<String> = world.alerts().await.into_iter().map(|stored| stored.alert.group).collect();
    assert!(!groups.iter().any(|group| group == "*"), "{groups:?}");
}

const EACH: &str = "[[rules]]\nname = \"a\"\ntrigger = \"each\"\nnotify_each_event = true\nseverity = \"by_level\"\n";

#[tokio::test]
async fn each_event_is_a_notification_of_its_own_where_that_is_wanted() {
    let mut world = World::new(EACH, OPS);
    let events = vec![world.event(0, &json!({})), world.event(0, &json!({"log_level": 50}))];
    world.take(events.clone()).await.expect("stored");
    world.judge_for(SECOND).await;
    assert_eq!(world.outbox().await.len(), 2);
    // It comes again, and is judged by somebody else.
    let mut other = world.restarted(EACH, OPS);
    other.take(events).await.expect("stored");
    other.fails("N1").await;
    other.judge_for(20 * MINUTE).await;
    let outbox = other.outbox().await;
    assert_eq!(outbox.len(), 3);
    let severities: Vec<_> = outbox.iter().map(|row| row.payload.context()["severity"].clone()).collect();
    assert_eq!(severities.iter().filter(|severity| **severity == json!("critical")).count(), 1);
}

#[tokio::test]
async fn a_week_end_of_old_errors_is_one_digest() {
    for rules in [EACH, "[[rules]]\nname = \"a\"\ntrigger = \"each\"\ngroup_by = [\"event_data.node\"]\n"] {
        let mut world = World::new(rules, OPS);
        for part in 0..20 {
            let mut events = Vec::new();
            for place in 0..30 {
                let node = format!("N{}", place % 10);
                let ago = 2 * DAY - part * HOUR - place * MINUTE;
                events.push(world.event(ago, &json!({"event_data": {"node": node}})));
            }
            world.take(events).await.expect("stored");
            world.judge_for(SECOND).await;
        }
        world.judge_for(10 * MINUTE).await;
        let outbox = world.outbox().await;
        assert_eq!(outbox.len(), 1, "{rules} {:?}", world.told().await);
        assert_eq!(outbox[0].payload.context()["kind"], json!("digest"));
    }
}
