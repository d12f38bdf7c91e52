//! What stands between an instrument and the database goes away, stands still or dies, and nothing of what was written
//! is lost or stored twice.
//!
//! Real brokers, real `mongod`s. Whoever wrote remembers everything, and the collection is compared with that as MongoDB
//! itself shows it. Outages begin and end when something was reached, never after a time. A seed decides what happens:
//! every test prints its own, and `LABTRAIL_SEED=N cargo test -p labtrail-tests --test e2e NAME` repeats it.

mod agent_killed;
mod broker_away;
mod load;
mod mongod_away;
mod mongod_killed;
mod primary_lost;
mod rebalance;
mod site;

use std::env;

use rand::{Rng, SeedableRng, rngs::StdRng};

const SEED_VARIABLE: &str = "LABTRAIL_SEED";

/// Chance, which is told so that it can be had again.
fn chance() -> StdRng {
    let seed = env::var(SEED_VARIABLE).map_or_else(|_| rand::rng().next_u64(), |text| text.parse().expect("a number"));
    println!("{SEED_VARIABLE}={seed} repeats this run, but for what the system's scheduler adds");
    StdRng::seed_from_u64(seed)
}
