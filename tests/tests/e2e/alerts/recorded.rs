//! A back-test over recorded history says what the live run recorded.

use std::{collections::BTreeMap, env, thread, time::Duration};

use labtrail_tests::{
    lab::{Api, Collector, Lab, Said, wait_until},
    services::Mongod,
};
use rand::{Rng as _, RngExt as _, SeedableRng as _, rngs::StdRng};
use serde_json::{Value, json};

use super::asked::{alerts_of, happens, history, node, put, wait_for_rule};

/// All triggers, with windows of seconds.
const RULES: [(&str, &str); 8] = [
    ("every", "\"each\""),
    ("often", "{ at_least = { count = 4, within = \"2s\" } }"),
    ("seldom", "{ fewer_than = { count = 2, within = \"2s\" } }"),
    ("silent", "{ silence = { after = \"2s\" } }"),
    ("sudden", "{ spike = { ratio = 2.0, within = \"1s\", windows = 3, at_least = 3 } }"),
    ("unknown", "{ new_value = { field = \"event_data.firmware\", remember = \"1h\" } }"),
    ("changed", "{ change = { field = \"event_data.firmware\" } }"),
    ("warm", "{ value = { field = \"event_data.temperature\", statistic = \"avg\", within = \"2s\", above = 37.5 } }"),
];
const NODES: usize = 3;
/// So many events come, at this pace at most.
const EVENTS: usize = 90;
const PAUSE_MAX_MILLISECONDS: u64 = 250;

/// One thing that was told, or would have been.
#[derive(Debug)]
struct Step {
    kind: String,
    began: String,
    ended: Option<String>,
    /// The newest events that it rests on, the oldest first.
    ids: Vec<String>,
}

impl Step {
    fn new(step: &Value, is_newest_first: bool) -> Self {
        let text = |value: &Value| value.as_str().map(str::to_owned);
        let mut ids: Vec<String> = serde_json::from_value(step["event_ids"].clone()).expect("ids");
        if is_newest_first {
            ids.reverse();
        }
        let said = |name: &str| text(&step[name]).expect("a text");
        Self { kind: said("kind"), began: said("began"), ended: text(&step["ended"]), ids }
    }

    /// Whether the live run recorded what the back-test says. A live run tells that something fires when not all of it is
    /// known; what it rests on in the end are the events that it looked at last.
    fn is_as(&self, tested: &Self) -> bool {
        let is_over = self.kind == "resolved";
        let is_same = (&self.kind, &self.began) == (&tested.kind, &tested.began);
        is_same && (!is_over || (self.ended == tested.ended && !self.ids.is_empty() && tested.ids.ends_with(&self.ids)))
    }
}

type Steps = Vec<Step>;

fn steps(steps: &[Value], is_newest_first: bool) -> Steps {
    steps.iter().map(|step| Step::new(step, is_newest_first)).collect()
}

fn live(api: &Api, rule: &str) -> BTreeMap<String, Steps> {
    let group = |alert: &Value| alert["group"]["source.node_id"].as_str().expect("a node").to_owned();
    alerts_of(api, rule).iter().map(|alert| (group(alert), steps(&history(api, alert), true))).collect()
}

fn back_test(collector: &Collector, rule: &str) -> BTreeMap<String, Steps> {
    let said = Said::by("labtrail", &["alerts", "test", rule, "--to", &collector.url(), "--since", "1h", "--json"]);
    let answer: Value = serde_json::from_str(&said.ended(0).output).expect("it is JSON");
    assert_eq!(answer["complete"], true);
    let groups = answer["groups"].as_array().expect("groups").iter();
    let told = groups.map(|group| {
        let steps = steps(group["steps"].as_array().expect("steps"), false);
        (group["group"]["source.node_id"].as_str().expect("a node").to_owned(), steps)
    });
    told.collect()
}

fn check(collector: &Collector, mut random: StdRng) {
    let rule = |(name, trigger): (&str, &str)| {
        format!(
            "[[rules]]\nname = \"{name}\"\ntrigger = {trigger}\ngroup_by = [\"source.node_id\"]\nlateness = \"5s\"\n"
        )
    };
    put(collector, "rules/all.toml", &RULES.map(rule).concat());
    wait_for_rule(collector, "warm", |_| true);
    for number in 0..EVENTS {
        // A node says nothing for a while in the middle, each in its turn.
        let mut node = random.random_range(1..=NODES);
        if node == number * NODES / EVENTS + 1 {
            node = node % NODES + 1;
        }
        let data = json!({"firmware": random.random_range(1..4), "temperature": random.random_range(30..45)});
        happens(collector, node, 20, &data);
        thread::sleep(Duration::from_millis(random.next_u64() % PAUSE_MAX_MILLISECONDS));
    }
    let state_of = |rule: &str, number: usize| {
        let alerts = alerts_of(collector, rule);
        let alert = alerts.into_iter().find(|alert| alert["group"]["source.node_id"] == node(number));
        alert.map_or_else(String::new, |alert| alert["state"].as_str().unwrap_or_default().to_owned())
    };
    wait_until("all that ends with the events is over, and their absence is noticed", || {
        let is_settled = |number: usize| {
            let is_over = ["often", "sudden", "warm"].iter().all(|rule| state_of(rule, number) != "firing");
            is_over && ["silent", "seldom"].iter().all(|rule| state_of(rule, number) == "firing")
        };
        (1..=NODES).all(is_settled).then_some(())
    });
    for (rule, _) in RULES {
        let (live, tested) = (live(collector, rule), back_test(collector, rule));
        let counts: Vec<usize> = live.values().map(Vec::len).collect();
        println!("{rule}: {counts:?} steps by node");
        assert!(live.keys().eq(tested.keys()), "{rule}: {:?} and {:?}", live.keys(), tested.keys());
        for (group, live) in &live {
            let tested = &tested[group];
            let differences = live.iter().zip(tested).filter(|(live, tested)| !live.is_as(tested));
            let differences: Vec<String> = differences.map(|(live, tested)| format!("{live:?}\n{tested:?}")).collect();
            assert!(differences.is_empty(), "{rule}, {group}, live and back-test:\n{}", differences.join("\n"));
            assert_eq!(live.len(), tested.len(), "{rule}, {group}: {live:?} and {tested:?}");
        }
        assert!(rule == "sudden" || !live.is_empty(), "nothing was told of {rule}");
    }
}

/// Randomness that a run can be repeated with, but for what the clock adds.
fn seeded() -> StdRng {
    let seed =
        env::var("LABTRAIL_SEED").map_or_else(|_| rand::rng().next_u64(), |text| text.parse().expect("a number"));
    println!("LABTRAIL_SEED={seed} repeats this run");
    StdRng::seed_from_u64(seed)
}

#[test]
fn a_back_test_says_what_the_live_run_recorded() {
    let lab = Lab::new();
    check(&lab.collector_with("[alerts.madsci]\nenabled = false\n"), seeded());
}

#[test]
fn a_back_test_says_what_the_live_run_recorded_in_mongodb() {
    let lab = Lab::new();
    let url = Mongod::shared().url();
    let store =
        format!("[store]\nkind = \"mongodb\"\n[store.mongodb]\nurl = \"{url}\"\ndatabase = \"alerts-recorded\"\n");
    check(&lab.collector_with(&format!("{store}[alerts.madsci]\nenabled = false\n")), seeded());
}
