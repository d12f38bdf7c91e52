//! A rule that is new looks at what was stored before it, and keeps nobody waiting meanwhile.

use std::{collections::BTreeSet, fmt::Write as _, sync::Arc};

use serde_json::json;

use super::{
    mortal::Mortal,
    world::{HOUR, MINUTE, SECOND, World, book},
};
use crate::{
    alerting::{filler::Stepped, marks::MarkContent, rows, rule_state, rulebook::Rulebook},
    store::{Expect, NewEvent},
};

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
            let event = NewEvent { received: event.time, ..event };
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

/// What is to be marked for these rules by what happened.
fn expected(all: &[(i64, String, i64)], rules: &[i64], now: i64) -> BTreeSet<(String, String, i64)> {
    let concerns =
        |(node, _, time): &&(i64, String, i64)| rules.contains(node) && *time >= now - node * MINUTE - LATENESS;
    let expected = all.iter().filter(concerns).map(|(node, part, time)| {
        let mark = MarkContent::at(&format!("r{node}"), &format!("\"{part}\""), *time);
        (mark.rule, mark.group, mark.from)
    });
    expected.collect()
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
        let mut expected = expected(&all, &(1..=count).collect::<Vec<_>>(), now);
        assert!(expected.len() >= 10, "{}", expected.len());
        assert_eq!(marked(&world).await, expected, "{count} rules");
        // What came to a collector that did not know the rules, and was late, is looked for once all of them do.
        let late = world.event(5 * MINUTE, &json!({"event_data": {"node": "N1", "part": "late"}}));
        let mark = MarkContent::at("r1", "\"late\"", late.time);
        world.store.insert(vec![late], Expect::New).await.expect("it is stored");
        world.judge().await.expect("it judges");
        assert_eq!(marked(&world).await, expected, "{count} rules");
        world.clock.pass(20 * SECOND);
        world.judge().await.expect("it judges");
        expected.insert((mark.rule, mark.group, mark.from));
        assert_eq!(marked(&world).await, expected, "{count} rules");
        assert_eq!(world.marks().await, 0, "all is judged");
    }
}

#[tokio::test]
async fn a_store_that_fails_and_rules_that_change_meanwhile_cost_nothing() {
    // The rules change while it is looked through what is stored, or while it is written what was found.
    for change_at in [4, 14] {
        let mut safe = World::new("", OPS);
        let all = half_an_hour(&mut safe, 22).await;
        let now = safe.clock.now();
        let store = Arc::new(Mortal::stumbling(Arc::clone(&safe.store), 3));
        let mut world = World::on(store, safe.clock.clone(), &rules(1..=20, 1_000_000), OPS);
        world.round().await.expect("it judges");
        let (mut steps, mut failures) = (0, 0);
        loop {
            match world.filler.step().await {
                Ok(Stepped::Nothing) => break,
                Ok(Stepped::More) => {}
                Ok(Stepped::Waits) => {
                    world.clock.pass(SECOND);
                    drop(world.round().await);
                }
                Err(_) => failures += 1,
            }
            steps += 1;
            if steps == change_at {
                // One is no more, one is another, one is new, and the others are as they were.
                world.set_rules(&(rules(1..=18, 1_000_000) + &rules([20], 999_999) + &rules([21], 1_000_000)), OPS);
                while world.round().await.is_err() {}
            }
        }
        assert!(failures > 2 && steps > 20, "{failures} failures in {steps} steps");
        let known: Vec<i64> = (1..=18).chain([20, 21]).collect();
        let mut marked = marked(&safe).await;
        marked.retain(|(rule, ..)| rule != "r19");
        assert_eq!(marked, expected(&all, &known, now), "changed at {change_at}");
        let states = rule_state::all(&*safe.store).await.expect("rows");
        assert_eq!(states.len(), 20, "{states:?}");
        assert!(states.values().all(|(_, state)| !state.revision.is_empty()), "{states:?}");
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
    world.set_rules(&(old + &rules(31..=60, 100)), OPS);
    world.round().await.expect("it judges");
    assert_eq!(world.filler.step().await.expect("it looks"), Stepped::More);
    // Something happens of which both an old and a new rule tell.
    let mut events = vec![world.event(0, &json!({"event_data": {"node": "N1"}}))];
    for _ in 0..100 {
        events.push(world.event(0, &json!({"event_data": {"node": "N40"}})));
    }
    world.take(events).await.expect("it is stored");
    assert_eq!(world.filler.step().await.expect("it looks"), Stepped::More);
    world.round().await.expect("it judges");
    let mut at_once = world.told().await.split_off(told);
    at_once.sort();
    assert_eq!(at_once, ["ops: fired r1/?, fired r40/?"]);
    // No more is marked than can be judged soon.
    let mut most = 0;
    loop {
        match world.filler.step().await.expect("it looks") {
            Stepped::Nothing => break,
            Stepped::More => {}
            Stepped::Waits => {
                world.clock.pass(SECOND);
                world.round().await.expect("it judges");
            }
        }
        most = most.max(world.marks().await);
    }
    assert!((500..1000).contains(&most), "{most} marks waited");
    let rules: BTreeSet<String> = marked(&world).await.into_iter().map(|(rule, ..)| rule).collect();
    assert!(rules.contains("r31") && rules.contains("r60"), "{rules:?}");
}

#[tokio::test]
async fn what_comes_while_a_file_is_wrong_at_the_start_is_looked_for_once_it_is_mended() {
    let rules = rule(1, 1);
    // As it was, and with a change.
    for mended in [rules.clone(), rules.replace("1m", "2m")] {
        let mut world = World::new(&rules, OPS);
        world.judge().await.expect("it judges");
        world.clock.pass(MINUTE);
        world.judge().await.expect("it judges");
        // Another collector, which does not judge, finds a file that cannot be read when it is started.
        let now = world.clock.now();
        let broken = Rulebook { problems: vec!["it is wrong".to_owned()], loaded_at: now, ..book("", OPS) };
        rule_state::note_missing(&*world.store, &broken).await.expect("it is noted");
        let other = world.restarted("", OPS);
        other.rulebook.send_replace(Arc::new(broken));
        let event = world.event(0, &json!({"event_data": {"node": "N1"}}));
        other.take(vec![event]).await.expect("it is stored");
        world.judge_for(HOUR).await;
        assert_eq!(world.told().await, [""; 0]);
        world.set_rules(&mended, OPS);
        world.judge_for(2 * MINUTE).await;
        assert_eq!(world.told().await, ["ops: fired r1/?, resolved r1/?"]);
    }
}

#[tokio::test]
async fn a_rule_that_is_deleted_and_put_again_at_once_tells_what_still_holds() {
    let silent =
        "[[rules]]\nname = \"s\"\ntrigger = { silence = { after = \"5m\" } }\ngroup_by = [\"event_data.node\"]\n";
    let mut world = World::new(silent, OPS);
    world.fails("N1").await;
    world.judge_for(HOUR).await;
    assert_eq!(world.told().await, ["ops: fired s/N1"]);
    // The one who judges sees all of it, and the one who looks for what new rules concern only the end.
    for rules in ["", silent] {
        world.set_rules(rules, OPS);
        world.round().await.expect("it judges");
    }
    world.judge_for(MINUTE).await;
    assert_eq!(world.told().await.iter().filter(|words| *words == "ops: fired s/N1").count(), 2);
}
