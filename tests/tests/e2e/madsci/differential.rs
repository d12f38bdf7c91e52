//! The same requests to MADSci's server and to ours, and the answers beside each other.
//!
//! A case is one line. Whatever differs is gathered and told at the end. Where ours shall differ, the case names a row of
//! the table in `docs/madsci.md`, and says what ours answers.

mod accepted;
mod alike;
mod answers;
mod archive;
mod case;
mod list;
mod pair;
mod post;
mod query;
mod reports;
mod service;

use std::{collections::BTreeSet, thread};

use self::pair::{Findings, Pair};

/// Its name, and what is asked in it.
type Scene = (&'static str, fn(&Pair));

/// Each begins with empty databases.
const SCENES: [Scene; 6] = [
    ("post", post::scene),
    ("reports", reports::scene),
    ("service", service::scene),
    ("list", list::scene),
    ("query", query::scene),
    ("archive", archive::scene),
];

/// Fewer comparisons than this mean that cases were lost.
const COMPARISONS_MIN: usize = 1700;

#[test]
fn every_answer_is_madscis_or_one_that_the_manual_tells_of() {
    let findings = all_findings();
    let mut differences: Vec<String> = findings.iter().flat_map(|findings| findings.differences.clone()).collect();
    let used: BTreeSet<&str> = findings.iter().flat_map(|findings| findings.accepted.iter().copied()).collect();
    differences.extend(accepted::differences_from_manual(&used));
    let count: usize = findings.iter().map(|findings| findings.comparisons).sum();
    println!("{count} comparisons");
    assert!(differences.is_empty(), "{} differences:\n\n{}\n", differences.len(), differences.join("\n\n"));
    assert!(count >= COMPARISONS_MIN, "only {count} comparisons were made");
}

/// Two scenes at a time: each has servers of its own. With `LABTRAIL_MADSCI_SCENE=list` one may look at a single one.
fn all_findings() -> Vec<Findings> {
    let only = std::env::var("LABTRAIL_MADSCI_SCENE").ok();
    let chosen: Vec<_> = SCENES.iter().filter(|(name, _)| only.as_deref().is_none_or(|only| only == *name)).collect();
    let mut findings = Vec::new();
    for scenes in chosen.chunks(2) {
        thread::scope(|scope| {
            let started: Vec<_> = scenes.iter().map(|(name, scene)| scope.spawn(|| Pair::play(name, *scene))).collect();
            for scene in started {
                findings.push(scene.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)));
            }
        });
    }
    findings
}
