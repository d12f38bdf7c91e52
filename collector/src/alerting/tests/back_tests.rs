//! What a rule would have told of over history is what it told of while that happened: with events that come late and out of
//! order, with repeats, and with collectors that die.

use std::{collections::BTreeMap, sync::Arc};

use rand::{RngExt as _, SeedableRng as _, rngs::StdRng, seq::SliceRandom as _};
use serde_json::json;

use super::world::{BEGIN, MINUTE, SECOND, World, book};
use crate::{
    alert::{
        back_test::{Range, back_test},
        life::{Step, StepKind},
    },
    alerting::stored_alert::PastStep,
    store::NewEvent,
};

const OPS: &str = "[[receivers]]\nname = \"ops\"\nlog = {}\n";

const TRIGGERS: [&str; 8] = [
    "\"each\"",
    "{ at_least = { count = 3, within = \"40s\" } }",
    "{ fewer_than = { count = 2, within = \"40s\" } }",
    "{ silence = { after = \"50s\" } }",
    "{ spike = { ratio = 2.0, within = \"30s\", windows = 2, at_least = 2 } }",
    "{ new_value = { field = \"event_data.value\", remember = \"2m\" } }",
    "{ change = { field = \"event_data.value\" } }",
    "{ value = { field = \"event_data.value\", statistic = \"avg\", within = \"40s\", above = 2.0 } }",
];

/// Events of some minutes, by the second in which they come: up to ten seconds late.
fn history(world: &mut World, random: &mut StdRng) -> BTreeMap<i64, Vec<NewEvent>> {
    let mut comes: BTreeMap<i64, Vec<NewEvent>> = BTreeMap::new();
    for node in ["N1", "N2"] {
        let mut second = random.random_range(0..60);
        while second < 480 {
            let fields = json!({"event_data": {"node": node, "value": random.random_range(0..4)}});
            let event = world.event(-second * SECOND - random.random_range(0..SECOND), &fields);
            let late = if random.random_bool(0.3) { random.random_range(1..9) } else { 1 };
            comes.entry(second + late).or_default().push(event.clone());
            if random.random_bool(0.1) {
                comes.entry(second + random.random_range(1..100)).or_default().push(event);
            }
            second += if random.random_bool(0.1) { random.random_range(40..150) } else { random.random_range(1..20) };
        }
    }
    for events in comes.values_mut() {
        events.shuffle(random);
    }
    comes
}

/// What was told: by group, the kinds of steps with the beginnings and ends of their episodes. What is told at sight may
/// turn out to have begun earlier: the last word on an episode counts.
type Told = BTreeMap<String, Vec<(&'static str, i64, Option<i64>)>>;

fn kind(kind: StepKind) -> &'static str {
    match kind {
        StepKind::Fired => "fired",
        StepKind::Repeated(_) => "repeated",
        StepKind::Resolved(_) => "resolved",
        StepKind::Escalated(_) => "escalated",
    }
}

fn of(steps: &[Step]) -> Vec<(&'static str, i64, Option<i64>)> {
    let began: BTreeMap<u64, i64> = steps.iter().map(|step| (step.episode, step.began)).collect();
    steps.iter().map(|step| (kind(step.kind), began[&step.episode], step.ended)).collect()
}

async fn live_equals_history(trigger: &str, seed: u64) {
    let random = &mut StdRng::seed_from_u64(seed);
    let rules =
        format!("[[rules]]\nname = \"a\"\ntrigger = {trigger}\ngroup_by = [\"event_data.node\"]\nlateness = \"10s\"\n");
    let mut world = World::new(&rules, OPS);
    let mut comes = history(&mut world, random);
    let end = 1000;
    for second in 0..end {
        if let Some(events) = comes.remove(&second) {
            world.take(events).await.expect("stored");
        }
        if random.random_bool(0.02) {
            world.crash(&rules, OPS);
        }
        world.judge().await.expect("it judges");
        world.clock.pass(SECOND);
    }
    let rule = Arc::clone(book(&rules, OPS).rules.get("a").expect("it is there"));
    let range = Range { from: BEGIN - MINUTE, to: world.clock.now() - 11 * SECOND, events_max: 100_000 };
    let tried = back_test(&*world.store, &rule, range).await.expect("it is tried");
    let expected: Told = tried.groups.iter().map(|group| (group.group.text().to_owned(), of(&group.steps))).collect();
    let mut told: Told = BTreeMap::new();
    let mut history = world.history().await;
    history.sort_by_key(|past| (past.step.episode, kind(past.step.kind)));
    let groups: BTreeMap<String, String> =
        world.alerts().await.iter().map(|stored| (stored.id(), stored.alert.group.clone())).collect();
    for (id, group) in groups {
        let steps: Vec<Step> = history.iter().filter(|past| past.alert == id).map(|past| past.step.clone()).collect();
        if !steps.is_empty() {
            told.insert(group, of(&steps));
        }
    }
    assert_eq!(told, expected, "{trigger} with seed {seed}");
    let unfounded: Vec<&PastStep> = history.iter().filter(|past| past.step.grounds.ids.is_empty()).collect();
    assert!(unfounded.is_empty(), "{trigger} with seed {seed}: {unfounded:?}");
    assert!(tried.events > 20, "there is something to tell of");
}

#[tokio::test]
async fn a_back_test_says_what_the_live_run_said() {
    let seeds =
        std::env::var("LABTRAIL_SEED").ok().and_then(|seed| seed.parse().ok()).map_or(0..3, |seed| seed..seed + 1);
    for seed in seeds {
        for trigger in TRIGGERS {
            live_equals_history(trigger, seed).await;
        }
    }
}
