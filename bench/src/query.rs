//! How long people wait: the queries of the page on a store with many events.

use std::{path::Path, time::Instant};

use jiff::{SignedDuration, Timestamp};
use rand::{RngExt, SeedableRng, rngs::StdRng};

use crate::up;

const ROUNDS: usize = 60;

pub(crate) fn run(folder: &Path, events: u64) -> anyhow::Result<()> {
    let (_, (_program, url)) = up::fill(folder, events, true)?;
    let nodes = post_node_events(&url)?;
    let hour_ago = Timestamp::now() - SignedDuration::from_hours(1);
    let mut random = StdRng::seed_from_u64(1);
    let mut measure = |name: &str, make: &mut dyn FnMut(&mut StdRng) -> String| -> anyhow::Result<()> {
        let mut millis = Vec::new();
        let mut found = 0;
        for _ in 0..ROUNDS {
            let target = format!("{url}/api/v1/{}", make(&mut random));
            let began_at = Instant::now();
            let body = ureq::get(&target).call()?.into_body().with_config().limit(64 << 20).read_to_string()?;
            millis.push(began_at.elapsed().as_secs_f64() * 1000.0);
            let answer: serde_json::Value = serde_json::from_str(&body)?;
            found = answer["items"].as_array().map_or(0, Vec::len);
        }
        millis.sort_by(f64::total_cmp);
        println!(
            "{name:<38} p50 {:>7.2} ms  p95 {:>7.2} ms  ({found} events in the last answer)",
            millis[ROUNDS / 2],
            millis[ROUNDS * 95 / 100]
        );
        Ok(())
    };
    measure("newest 100", &mut |_| "events?limit=100".to_owned())?;
    measure("a node's newest 100", &mut |random| {
        let node = &nodes[random.random_range(0..nodes.len())];
        format!("events?limit=100&filter=%7B%22source.node_id%22%3A%22{node}%22%7D")
    })?;
    measure("full-text word (frequent), newest 100", &mut |random| {
        let words = ["pressure", "centrifuge", "gripper", "timeout"];
        format!("events?limit=100&q={}%20", words[random.random_range(0..words.len())])
    })?;
    measure("full-text word (rare), newest 100", &mut |random| {
        format!("events?limit=100&q={}%20", random.random_range(0..100_000))
    })?;
    measure("level >= 30 in the last hour", &mut |_| format!("events?limit=100&level=WARNING&from={hour_ago}"))?;
    measure("histogram of everything", &mut |_| "events/histogram?buckets=80".to_owned())?;
    Ok(())
}

/// Events of twenty nodes among the others, 200 each.
fn post_node_events(url: &str) -> anyhow::Result<Vec<String>> {
    let nodes: Vec<String> = (0..20).map(|index| format!("01ARZ3NDEKTSV4RRFFQ69G5F{index:02}")).collect();
    for node in &nodes {
        let lines: Vec<String> = (0..200)
            .map(|index| {
                let at = Timestamp::now() - SignedDuration::from_secs(index * 60);
                format!("{{\"event_type\":\"node_status_update\",\"event_timestamp\":\"{at}\",\"source\":{{\"node_id\":\"{node}\"}},\"event_data\":{{\"message\":\"status {index}\"}}}}")
            })
            .collect();
        ureq::post(format!("{url}/api/v1/events")).content_type("application/x-ndjson").send(lines.join("\n"))?;
    }
    Ok(nodes)
}
