//! Files as instruments write and rotate them: packed, copied and truncated, written anew, in any encoding. Whatever they
//! do, each record is stored once, whole and in order.

#![expect(clippy::unwrap_used, reason = "a test that cannot write its files fails, whatever it says")]

mod copytruncate;
mod damage;
mod encodings;
mod fairness;
mod interpreter;
mod madsci_rotation;
mod packed;
mod records;
mod reload;
mod retired;
mod snapshots;
mod trace;
mod which;

use std::{collections::BTreeMap, fs, path::Path, process::Command, time::Duration};

use labtrail_tests::lab::{Collector, Lab, StoredEvent, assert_stored_once, poll};

/// When nothing has arrived for so long, nothing more will: scans and retries pause for at most a second here.
const QUIET_MAX: Duration = Duration::from_mins(1);

/// Packs bytes as `gzip` does.
pub(crate) fn gzip(bytes: &[u8]) -> Vec<u8> {
    let folder = Lab::new();
    let path = folder.write("packed", bytes);
    let output = Command::new("gzip").arg("-c").arg(&path).output().expect("gzip is installed");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    output.stdout
}

/// Packs a file into another and deletes it, as programs do that pack what they rotate.
pub(crate) fn pack_and_delete(from: &Path, to: &Path) {
    let bytes = fs::read(from).expect("a file can be read");
    fs::write(to, gzip(&bytes)).expect("a file can be written");
    fs::remove_file(from).expect("a file can be deleted");
}

/// Waits until so many events are stored, or until no more arrive: what is missing is then told line by line.
#[track_caller]
pub(crate) fn wait_and_compare(collector: &Collector, written: &[String]) {
    let mut total = 0;
    while total < written.len() {
        let more = poll(QUIET_MAX, || {
            let all = collector.total_events().unwrap_or_default() as usize;
            let now = if all < written.len() { all } else { stored(collector).len() };
            (now > total).then_some(now)
        });
        let Some(more) = more else { break };
        total = more;
    }
    assert_stored_once(written, &stored(collector));
}

/// All records. An agent that was killed does not know that it delivered what it read last: when the file is gone by then, it
/// reports that as lost.
pub(crate) fn stored(collector: &Collector) -> Vec<StoredEvent> {
    let is_record = |event: &StoredEvent| event.at("/event_data/labtrail/reason") != "deleted";
    collector.events().into_iter().filter(is_record).collect()
}

/// Asserts that of each content of a file the lines are in the order in which they were written: ids end with the place.
/// Each line of `written` must be like no other.
#[track_caller]
pub(crate) fn assert_in_order(written: &[String], stored: &[StoredEvent]) {
    let places: BTreeMap<&str, usize> =
        written.iter().enumerate().map(|(place, line)| (line.as_str(), place)).collect();
    let mut events: Vec<&StoredEvent> = stored.iter().collect();
    events.sort_by_key(|event| event.id().to_owned());
    for pair in events.windows(2) {
        // An id ends with 40 bits of offset, which are 8 characters.
        let is_same_content = pair[0].id()[..18] == pair[1].id()[..18];
        let (first, second) = (pair[0].message(), pair[1].message());
        assert!(!is_same_content || places[first] < places[second], "{first:?} is placed before {second:?}");
    }
}
