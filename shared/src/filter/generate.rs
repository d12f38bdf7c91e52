//! Random documents and selectors that are likely to meet, for the proof that every back end means the same.
//!
//! Selectors take their paths and values out of the documents they will be asked about, and then perhaps change them a
//! little, so that about a fifth of the pairs match. A round is a pure function of its seed.

use serde_json::Value;

mod documents;
mod luck;
mod selectors;

use luck::Luck;

/// Documents and selectors. Every selector is well formed and is to be asked about every document.
#[derive(Debug, Clone)]
pub struct Round {
    /// The documents; each has an `_id` of its own.
    pub documents: Vec<Value>,
    /// The selectors.
    pub selectors: Vec<Value>,
}

/// How many documents a round has, and how many selectors: 400 pairs.
const ROUND_SIZE: usize = 20;

/// A round about documents of any shape (odd seeds) or about events (even seeds).
pub fn round(seed: u64) -> Round {
    if seed.is_multiple_of(2) { event_round(seed) } else { plain_round(seed) }
}

/// A round about events as they are stored: the fields of MADSci's event, with any JSON as `event_data`.
pub fn event_round(seed: u64) -> Round {
    let mut luck = Luck::new(seed);
    let documents: Vec<Value> = (0..ROUND_SIZE).map(|number| documents::event(&mut luck, seed, number)).collect();
    let selectors = (0..ROUND_SIZE).map(|_| selectors::selector(&mut luck, &documents)).collect();
    Round { documents, selectors }
}

fn plain_round(seed: u64) -> Round {
    let mut luck = Luck::new(seed);
    let documents: Vec<Value> = (0..ROUND_SIZE).map(|number| documents::plain(&mut luck, number)).collect();
    let selectors = (0..ROUND_SIZE).map(|_| selectors::selector(&mut luck, &documents)).collect();
    Round { documents, selectors }
}

/// The hand-written cases, `(document, selector, whether it matches)`, which every back end has to pass as well.
pub fn cases() -> impl Iterator<Item = (Value, Value, bool)> {
    let lines = include_str!("cases.txt").lines();
    lines.filter(|line| !line.is_empty() && !line.starts_with('#')).map(|line| {
        let (answer, pair) = line.split_once(' ').expect("a case begins with its answer");
        let mut values = serde_json::Deserializer::from_str(pair).into_iter::<Value>();
        let mut next = || values.next().and_then(Result::ok).unwrap_or_else(|| panic!("no case: {line}"));
        (next(), next(), answer == "yes")
    })
}
