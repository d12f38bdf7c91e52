//! The promise that everything else serves: a line that was written is stored exactly once, whatever dies and whenever.

pub(crate) mod oracle;

use std::{env, time::Duration};

use labtrail_tests::lab::{Collector, Lab, assert_stored_once, poll};
use rand::{Rng, RngExt, SeedableRng, rngs::StdRng};

use self::oracle::Oracle;

const SEED_VARIABLE: &str = "LABTRAIL_SEED";
const KILLS: usize = 100;
const LINES: usize = 40_000;
/// A round takes about a quarter of a second, and the agent saves its positions twice a second.
const AWAY_ROUNDS_MAX: usize = 6;
/// When nothing has arrived for so long, nothing more will: retries and scans pause for at most thirty seconds.
const QUIET_MAX: Duration = Duration::from_secs(40);

#[test]
fn every_line_is_stored_exactly_once_across_kills_and_rotations() {
    let seed = env::var(SEED_VARIABLE).map_or_else(|_| rand::rng().next_u64(), |text| text.parse().expect("a number"));
    println!("{SEED_VARIABLE}={seed} repeats this run, but for what the system's scheduler adds");
    let mut random = StdRng::seed_from_u64(seed);
    let lab = Lab::new();
    let mut oracle = Oracle::new(&lab, LINES);
    let mut collector = lab.collector();
    // Rotated files are matched in one folder and not in the other. Nobody waits long enough for a line to count as
    // unfinished for good.
    let patience = "partial_after = \"300s\"";
    let mut agent = lab.agent(&collector, &[("logs/all", patience), ("logs/live/*.log", patience)]);
    collector.wait_for_events(oracle.written());

    // In how many rounds the collector comes back, while it is away: the agent then dies with much under way.
    let mut away = 0;
    for kill in 0..KILLS {
        oracle.write_until(LINES * (kill + 1) / KILLS, &mut random);
        if away > 0 {
            away -= 1;
            if away == 0 {
                collector.start();
            }
        }
        let (kills_agent, kills_collector) = match random.random_range(0..10) {
            0 => (true, away == 0),
            1..=5 => (true, false),
            _ => (away > 0, away == 0),
        };
        if kills_collector {
            collector.kill();
            away = if random.random_bool(0.4) { random.random_range(1..=AWAY_ROUNDS_MAX) } else { 0 };
        }
        if kills_agent {
            agent.kill();
            let down_for = if random.random_bool(0.3) { random.random_range(0..400) } else { 0 };
            oracle.write_until(oracle.written() as usize + down_for, &mut random);
            agent.start();
        }
        if kills_collector && away == 0 {
            collector.start();
        }
    }
    if away > 0 {
        collector.start();
    }
    oracle.finish(&mut random);

    let lines = oracle.lines();
    wait_while_events_arrive(&collector, lines.len() as u64);
    agent.stop();
    assert_stored_once(lines, &collector.events());
    assert_eq!(collector.total_events(), Some(lines.len() as u64));
    assert_eq!(collector.dead_letters(), Vec::<serde_json::Value>::new());
}

/// Waits until so many events are stored, or until no more arrive: what is missing is then told line by line.
fn wait_while_events_arrive(collector: &Collector, count: u64) {
    let mut total = None;
    while total < Some(count) {
        let more = poll(QUIET_MAX, || collector.total_events().filter(|now| Some(*now) > total));
        if more.is_none() {
            return;
        }
        total = more;
    }
}
