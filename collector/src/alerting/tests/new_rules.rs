//! A rule that is new looks at what was stored before it, and keeps nobody waiting meanwhile.

use std::{collections::BTreeSet, fmt::Write as _};

use serde_json::json;

use super::world::{MINUTE, SECOND, World};
use crate::alerting::{marks::MarkContent, rows};

const OPS: &str = "[[receivers]]\nname = \"ops\"\nlog = {}\n";

/// How late events may be, where a rule does not say it.
const LATENESS: i64 = 10 * SECOND;

/// What a rule looks at in its node: the nth, so many minutes back.
fn rule(number: i64, count: u64) -> String {
    format!(
        "[[rules]]\nname = \"r{number}\"\nwhen = {{ \"event_data.node\" = \"N{number}\" }}\ngroup_by = [\"event_data.part\"]\n\
         trigger = {{ at_least = {{ count = {count}, within = \"{number}m\" }} }}\n"
    )
}

fn rules(numbers: impl IntoIterator<Item = i64>, count: u64) -> String {
    numbers.into_iter().fold(String::new(), |mut text, number| {
        write!(text, "{}", rule(number, count)).expect("text");
        text
    })
}

/// Half an hour in which each node says something every seven seconds. Gives back what rules should look at: rule, group and
/// time.
async fn half_an_hour(world: &mut World, nodes: i64) -> Vec<(i64, String, i64)> {
    let (mut events, mut all) = (Vec::new(), Vec::new());
    for ago in (1..=30 * 60).step_by(7) {
        for node in 1..=nodes {
            let part = format!("P{}", ago % 3);
            let event = world.event(ago * SECOND, &json!({"event_data": {"node": format!("N{node}"), "part": part}}));
            all.push((node, part, event.time));
            events.push(event);
        }
    }
    for part in events.chunks(500) {
        world.take(part.to_vec()).await.expect("it is stored");
    }
    all
}

/// What is marked: rule, group and the time that a mark begins with.
async fn marked(world: &World) -> BTreeSet<(String, String, i64)> {
    let marks: Vec<MarkContent> = rows::read_all(&*world.store, rows::MARK, "").await.expect("rows");
    marks.into_iter().map(|mark| (mark.rule, mark.group, mark.from)).collect()
}

#[tokio::test]
async fn all_that_concerns_new_rules_is_marked_as_far_back_as_each_looks() {
    // Few rules are asked for by their filters; for many, everything is read.
    for count in [1, 3, 20] {
        let mut world = World::new("", OPS);
        let all = half_an_hour(&mut world, 22).await;
        let now = world.clock.now();
        world.judge().await.expect("it judges");
        assert_eq!(marked(&world).await, BTreeSet::new());
        world.set_rules(&rules(1..=count, 1_000_000), OPS);
        world.judge().await.expect("it judges");
        let expected: BTreeSet<(String, String, i64)> = all
            .iter()
            .filter(|(node, _, time)| *node <= count && *time >= now - node * MINUTE - LATENESS)
            .map(|(node, part, time)| {
                let mark = MarkContent::at(&format!("r{node}"), &format!("\"{part}\""), *time);
                (mark.rule, mark.group, mark.from)
            })
            .collect();
        assert!(expected.len() >= 10, "{}", expected.len());
        assert_eq!(marked(&world).await, expected, "{count} rules");
        // Once every collector knows them it is looked once more, for what came since only.
        world.clock.pass(20 * SECOND);
        world.judge().await.expect("it judges");
        assert_eq!(marked(&world).await, expected, "{count} rules");
        assert_eq!(world.marks().await, 0, "all is judged");
    }
}

#[tokio::test]
async fn others_do_not_wait_for_a_new_rule_that_looks_at_much() {
    let old = rule(1, 1);
    let mut world = World::new(&old, OPS);
    world.judge().await.expect("it judges");
    half_an_hour(&mut world, 60).await;
    world.judge_for(31 * MINUTE).await;
    let told = world.told().await.len();
    world.set_rules(&(old + &rules(31..60, 100)), OPS);
    assert!(world.round().await.expect("it judges").is_full, "there is much to look through");
    // Something happens of which both an old and a new rule tell.
    let mut events = vec![world.event(0, &json!({"event_data": {"node": "N1"}}))];
    for _ in 0..100 {
        events.push(world.event(0, &json!({"event_data": {"node": "N40"}})));
    }
    world.take(events).await.expect("it is stored");
    assert!(world.round().await.expect("it judges").is_full, "there is still much to look through");
    assert_eq!(world.told().await.split_off(told), ["ops: fired r1/?"]);
    world.judge().await.expect("it judges");
    world.clock.pass(2 * SECOND);
    world.judge().await.expect("it judges");
    let mut told = world.told().await.split_off(told);
    told.retain(|words| words.contains("r40/?"));
    assert_eq!(told.len(), 1, "{told:?}");
}
