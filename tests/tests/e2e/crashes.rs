//! The promise that everything else serves: a line that was written is stored exactly once, whatever dies and whenever.

mod oracle;

use std::{env, time::Duration};

use labtrail_tests::lab::{Lab, assert_stored_once, poll};
use rand::{Rng, RngExt, SeedableRng, rngs::StdRng};

use self::oracle::Oracle;

const SEED_VARIABLE: &str = "LABTRAIL_SEED";
const KILLS: usize = 100;
const LINES: usize = 40_000;
/// The end waits for everything that is still under way.
const END_MAX: Duration = Duration::from_mins(3);

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

    for kill in 0..KILLS {
        oracle.write_until(LINES * (kill + 1) / KILLS, &mut random);
        let down_for = if random.random_bool(0.3) { random.random_range(0..400) } else { 0 };
        let victims = random.random_range(0..10);
        if victims < 6 {
            agent.kill();
        }
        if victims >= 5 {
            collector.kill();
        }
        oracle.write_until(oracle.written() as usize + down_for, &mut random);
        if victims >= 5 {
            collector.start();
        }
        if victims < 6 {
            agent.start();
        }
    }
    oracle.finish(&mut random);

    let lines = oracle.lines();
    // Missing lines are told below; here it is only waited for them.
    let _ = poll(END_MAX, || collector.total_events().filter(|total| *total >= lines.len() as u64));
    agent.stop();
    assert_stored_once(lines, &collector.events());
    assert_eq!(collector.total_events(), Some(lines.len() as u64));
    assert_eq!(collector.dead_letters(), Vec::<serde_json::Value>::new());
}
