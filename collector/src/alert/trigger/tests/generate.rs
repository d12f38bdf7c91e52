//! Random triggers and histories, in small whole numbers so that every moment can be looked at.

use proptest::prelude::*;
use serde_json::{Value, json};

use crate::alert::trigger::{Sample, Statistic, Trigger};

/// Samples lie from 0 up to, but not including, this time.
pub const LAST: i64 = 80;

/// Any trigger, with periods of a few moments.
pub fn any_trigger() -> impl Strategy<Value = Trigger> {
    let statistics = [
        Statistic::Avg,
        Statistic::Min,
        Statistic::Max,
        Statistic::Sum,
        Statistic::Last,
        Statistic::P50,
        Statistic::P90,
        Statistic::P99,
    ];
    let bound = || prop::option::of((0..6_i32).prop_map(f64::from));
    prop_oneof![
        Just(Trigger::Each),
        (1..5_u32, 1..12_i64).prop_map(|(count, within)| Trigger::AtLeast { count, within }),
        (1..5_u32, 1..12_i64).prop_map(|(count, within)| Trigger::FewerThan { count, within }),
        (1..12_i64).prop_map(|after| Trigger::Silence { after }),
        (1..4_i32, 1..6_i64, 1..4_u32, 1..4_u32).prop_map(|(ratio, within, windows, at_least)| Trigger::Spike {
            ratio: f64::from(ratio) / 1.5,
            within,
            windows,
            at_least
        }),
        (1..30_i64).prop_map(|remember| Trigger::NewValue { field: "f".to_owned(), remember }),
        Just(Trigger::Change { field: "f".to_owned() }),
        (prop::sample::select(statistics.to_vec()), 1..12_i64, bound(), bound(), 0..3_u32).prop_map(
            |(statistic, within, above, below, at_least)| Trigger::Value { statistic, within, above, below, at_least }
        ),
    ]
}

/// For how long a hit is felt.
pub fn any_resolve_after() -> impl Strategy<Value = i64> {
    1..10_i64
}

/// A history without repeats: every id once.
pub fn any_history() -> impl Strategy<Value = Vec<Sample>> {
    let value = prop_oneof![
        8 => (0..4_i32).prop_map(|number| Some(json!(number))),
        1 => Just(Some(json!(2.0))),
        1 => Just(Some(Value::Null)),
        1 => Just(Some(json!("2"))),
        1 => Just(None),
    ];
    prop::collection::vec((0..LAST, value), 0..30).prop_map(|samples| {
        let numbered = samples.into_iter().enumerate();
        // Ids that do not follow the times.
        numbered.map(|(n, (time, value))| Sample { time, id: format!("{:02}", (n * 37) % 100), value }).collect()
    })
}
