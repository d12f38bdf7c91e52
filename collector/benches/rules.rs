//! What it costs to say which rules an event concerns.
//!
//!     cargo bench --package labtrail-collector --bench rules -- [EVENTS] [DISTINCT]      (default 200,000, of which 64 are distinct)
//!
//! Events as thirty instruments send them, a tenth of them warnings or errors, against 100 and 500 rules as people write
//! them: by node, by type, by level, by a pattern in the message. Beside it, all filters asked one by one.

use std::{
    env, fs,
    hint::black_box,
    time::{Duration, Instant},
};

use labtrail_collector::alert::rule::{RuleIndex, RuleSet};
use serde_json::{Value, json};

const NODES: usize = 30;
const TYPES: [&str; 8] = [
    "node_error",
    "action_failed",
    "workflow_abort",
    "log_warning",
    "log_info",
    "resource_update",
    "node_status_update",
    "action_complete",
];

fn node(number: usize) -> String {
    format!("01J00000000000000000000{number:03}")
}

fn selector(number: usize) -> Value {
    let node = node(number % NODES);
    match number % 10 {
        0 => json!({"log_level": {"$gte": 40}, "source.node_id": node}),
        1 => json!({"event_type": TYPES[number / 10 % 3], "source.node_id": node}),
        2 => json!({"event_data.fields.code": format!("E{number:04}")}),
        3 => json!({"event_data.host.name": format!("pc-{}", number % NODES), "log_level": {"$gte": 30}}),
        4 => json!({"event_type": {"$in": ["node_error", "workflow_abort"]}, "log_level": {"$gte": 50}}),
        5 => json!({"source.node_id": node, "event_data.message": {"$regex": "imbalance|overpressure"}}),
        6 => json!({"event_data.labels.run": number, "alert": true}),
        7 => json!({"$or": [{"event_data.fields.code": format!("E{number:04}")}, {"trace_id": format!("t{number}")}]}),
        8 => {
            json!({"event_data.host.name": format!("pc-{}", number % NODES), "event_data.fields.volume": {"$gt": 900}})
        }
        _ => json!({"log_level": {"$gte": 50}, "event_type": {"$ne": "log_critical"}}),
    }
}

/// Nothing here can be looked up: each rule is asked about each event.
fn pattern(number: usize) -> Value {
    json!({"event_data.message": {"$regex": format!("valve {number} (stuck|leaks)")}})
}

fn rules(count: usize, selector: impl Fn(usize) -> Value) -> RuleSet {
    let sections = (0..count).map(|number| {
        let rule = json!({"name": format!("rule-{number}"), "when": selector(number), "trigger": "each"});
        serde_json::from_value(rule).expect("a rule")
    });
    RuleSet::default().with("example", sections).expect("the rules are right")
}

fn event(number: usize) -> Value {
    let mixed = number.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 20;
    let level = match mixed % 100 {
        0 => 50,
        1..=3 => 40,
        4..=9 => 30,
        10..=30 => 10,
        _ => 20,
    };
    let from = mixed % NODES;
    json!({
        "_id": format!("01J{number:023}"),
        "event_type": TYPES[if level >= 40 { mixed % 3 } else { 3 + mixed % 5 }],
        "log_level": level,
        "alert": level == 50,
        "event_timestamp": "2026-01-02T03:04:05.678901",
        "source": {"node_id": node(from), "workcell_id": "01J00000000000000000000WRK"},
        "event_data": {
            "message": format!("step {number}: dispense well {} volume {} uL, pressure curve ok", mixed % 96, mixed % 997),
            "host": {"name": format!("pc-{from}")},
            "log": {"file": {"path": "C:\\Logs\\run.log"}, "offset": number},
            "labels": {"run": mixed % 5000, "area": "wet"},
            "fields": {"code": format!("E{:04}", mixed % 2000), "volume": mixed % 997},
        },
        "trace_id": null,
        "span_id": null,
        "archived": false,
        "archived_at": null,
    })
}

/// The time of the processor where the system tells it (Linux), since others use the machine too; else the wall's.
struct Clock {
    wall: Instant,
    processor: Option<Duration>,
}

impl Clock {
    fn now() -> Self {
        Self { wall: Instant::now(), processor: processor_time() }
    }

    fn elapsed(&self) -> Duration {
        match (self.processor, processor_time()) {
            (Some(start), Some(end)) => end.saturating_sub(start),
            _ => self.wall.elapsed(),
        }
    }
}

fn processor_time() -> Option<Duration> {
    let text = fs::read_to_string("/proc/thread-self/schedstat").ok()?;
    text.split(' ').next()?.parse().ok().map(Duration::from_nanos)
}

fn micros_per_event(events: usize, all: &[Value], mut matching: impl FnMut(&Value) -> usize) -> (f64, usize) {
    let (mut found, mut best) = (0, Duration::MAX);
    // The best of some rounds: others use its caches too.
    for _ in 0..5 {
        let start = Clock::now();
        found = (0..events).map(|number| black_box(matching(&all[number % all.len()]))).sum();
        best = best.min(start.elapsed());
    }
    (best.as_secs_f64() * 1e6 / events as f64, found)
}

fn main() {
    let events = env::args().nth(1).and_then(|count| count.parse().ok()).unwrap_or(200_000);
    // An event is matched right after it was made, so it is in the cache of the processor, as few events are here.
    let distinct = env::args().nth(2).and_then(|count| count.parse().ok()).unwrap_or(64);
    let all: Vec<Value> = (0..distinct).map(event).collect();
    measure("rules", &rules(100, selector), events, &all);
    measure("rules", &rules(500, selector), events, &all);
    measure("rules of nothing but a pattern", &rules(100, pattern), events, &all);
}

fn measure(words: &str, set: &RuleSet, events: usize, all: &[Value]) {
    let index = RuleIndex::new(set);
    let (indexed, found) = micros_per_event(events, all, |event| index.matching(event).len());
    let (plain, _) = micros_per_event(events / 10, all, |event| {
        set.rules().iter().filter(|rule| rule.filter().matches(event)).count()
    });
    println!(
        "{} {words}: {indexed:.2} us per event with the index, {plain:.2} us without, {:.2} rules per event",
        index.len(),
        found as f64 / events as f64
    );
}
