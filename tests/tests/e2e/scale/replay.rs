//! The topic read once more, by a group that knows nothing.

use labtrail_tests::lab::{Collector, Lab, wait_until};
use serde_json::Value;

use super::{
    Plant, dead_letters, metric,
    oracle::{Oracle, Record},
    seeded,
};

const EVENTS: u64 = 20_000;

#[test]
fn a_topic_that_is_read_again_from_its_beginning_changes_nothing() {
    let mut random = seeded();
    let (plant, lab) = (Plant::new("replayed", 4), Lab::new());
    let mut oracle = Oracle::new(&mut random);
    let poison = ["no event", "{\"labtrail\":99}\n", "[]"]
        .map(|text| Record { key: None, value: Some(text.as_bytes().to_vec()) });
    plant.produce(&oracle.records_until(EVENTS, &mut random));
    plant.produce(&poison);
    let start = |group: &str| -> Vec<Collector> { (0..2).map(|_| lab.collector_with(&plant.config(group))).collect() };

    let mut first = start("replayed.first");
    plant.wait_while_events_are_stored(EVENTS);
    plant.wait_until_committed("replayed.first");
    wait_until("the letters are stored", || (dead_letters(&first[0]).len() == poison.len()).then_some(()));
    plant.assert_holds(&oracle);
    let letters = without_count(dead_letters(&first[0]));
    let received = sum(&first, "labtrail_events_received_total");
    assert_eq!(
        received,
        sum(&first, "labtrail_events_stored_total")
            + sum(&first, "labtrail_events_duplicates_total")
            + sum(&first, "labtrail_events_refused_total")
    );
    first.iter_mut().for_each(Collector::stop);
    let hash = plant.hash();

    let mut second = start("replayed.second");
    plant.wait_until_committed("replayed.second");
    assert_eq!(plant.hash(), hash);
    assert_eq!(sum(&second, "labtrail_events_stored_total"), 0);
    assert_eq!(sum(&second, "labtrail_events_duplicates_total"), received - poison.len() as u64);
    assert_eq!(without_count(dead_letters(&second[0])), letters);
    Plant::assert_audit_is_clean(second[0].config_file());
    second.iter_mut().for_each(Collector::stop);
}

fn sum(collectors: &[Collector], name: &str) -> u64 {
    collectors.iter().map(|collector| metric(collector, name)).sum()
}

/// Letters without how often they came: that is what may change.
fn without_count(mut letters: Vec<Value>) -> Vec<Value> {
    for letter in &mut letters {
        letter.as_object_mut().expect("a letter is an object").remove("times").expect("it was counted");
    }
    letters
}
