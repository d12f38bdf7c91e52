//! The spool against a model of what must survive.

mod crash;
mod damage;
mod full;
mod throughput;

use labtrail_shared::settings::ByteSize;

use super::{Appended, Count, Entry, LossReason, Overflow, Position, Spool, SpoolError, SpoolLimits, Totals};
use crate::disk::{Disk, simulated::Simulated};

pub(super) fn limits(segment_bytes: u64, bytes_max: u64) -> SpoolLimits {
    SpoolLimits { bytes_max: ByteSize(bytes_max), segment_bytes: ByteSize(segment_bytes), min_free_bytes: None }
}

pub(super) fn open<D: Disk>(disk: D, limits: SpoolLimits) -> Spool<D> {
    Spool::on(disk, limits).expect("opened").0
}

pub(super) fn stored<D: Disk>(spool: &mut Spool<D>, payload: &[u8], records: u32) -> Position {
    match spool.append(payload, records, Overflow::DropNewest, 0).expect("appended") {
        Appended::Stored(position) => position,
        other => panic!("not stored: {other:?}"),
    }
}

pub(super) fn drain<D: Disk>(spool: &mut Spool<D>) -> Vec<Entry> {
    std::iter::from_fn(|| spool.next().expect("read")).collect()
}

pub(super) fn check_sums(totals: Totals) {
    assert_eq!(totals.received, totals.delivered + totals.dropped + totals.lost + totals.pending, "{totals:?}");
}

fn payload(number: u64) -> Vec<u8> {
    format!("payload {number} ").repeat(1 + number as usize % 4).into_bytes()
}

#[test]
fn entries_come_out_as_they_went_in_also_after_a_restart() {
    let folder = tempfile::tempdir().expect("a folder");
    let limits = limits(512, 1 << 20);
    let (mut spool, opened) = Spool::open(folder.path().join("spool"), limits).expect("made");
    assert!(opened.losses.is_empty() && spool.is_empty());
    for number in 0..50 {
        stored(&mut spool, &payload(number), number as u32);
    }
    spool.sync().expect("synced");
    let entries = drain(&mut spool);
    assert_eq!(entries.len(), 50);
    assert!(entries.iter().zip(0..).all(|(entry, number)| entry.payload == payload(number)));
    spool.acknowledge(entries[19].position);
    spool.rewind();
    assert_eq!(drain(&mut spool), entries[20..]);
    spool.save().expect("saved");
    spool.save().expect("nothing to save");
    drop(spool);
    let (mut spool, opened) = Spool::open(folder.path().join("spool"), limits).expect("opened");
    assert!(opened.losses.is_empty(), "{:?}", opened.losses);
    assert_eq!((opened.pending.entries, opened.pending.records), (30, (20..50).sum()));
    assert_eq!(drain(&mut spool), entries[20..]);
    stored(&mut spool, b"more", 1);
    let more = drain(&mut spool);
    assert_eq!(more[0].payload, b"more");
    spool.acknowledge(more[0].position);
    spool.save().expect("saved");
    assert!(spool.is_empty());
    assert_eq!(spool.totals().delivered.entries, 51);
    check_sums(spool.totals());
    // Positions and the segment that is written to.
    assert_eq!(std::fs::read_dir(folder.path().join("spool")).expect("listed").count(), 2);
}

#[test]
fn the_oldest_segment_makes_way_and_is_counted() {
    let mut spool = open(Simulated::default(), limits(512, 1536));
    let mut dropped = 0;
    for number in 0..40 {
        if let Appended::StoredAfterDropping { dropped: count, .. } =
            spool.append(&payload(number), 2, Overflow::DropOldest, 0).expect("stored")
        {
            dropped += count.entries;
        }
        assert!(spool.disk_bytes() <= 1536);
        check_sums(spool.totals());
    }
    assert!(dropped > 20);
    assert_eq!(spool.totals().dropped.records, 2 * dropped);
    let entries = drain(&mut spool);
    assert_eq!(entries[0].payload, payload(dropped));
    assert_eq!(entries.len() as u64, 40 - dropped);
    // What was handed out and then dropped counts as dropped; acknowledging it late changes nothing.
    let first = entries[0].position;
    while spool.totals().dropped.entries == dropped {
        spool.append(&payload(1), 2, Overflow::DropOldest, 0).expect("stored");
    }
    let before = spool.totals();
    spool.acknowledge(first);
    assert_eq!(spool.totals(), before);
    check_sums(before);
}

#[test]
fn a_full_spool_refuses_and_takes_again_when_something_was_delivered() {
    for policy in [Overflow::DropNewest, Overflow::Block] {
        let mut spool = open(Simulated::default(), limits(512, 1024));
        let count = (0..100)
            .take_while(|n| spool.append(&payload(*n), 1, policy, 0).expect("no error") != Appended::Refused)
            .count();
        assert_eq!(spool.totals().received.entries, count as u64);
        let entries = drain(&mut spool);
        assert_eq!(entries.len(), count);
        spool.acknowledge(entries[count - 2].position);
        assert!(matches!(spool.append(b"x", 1, policy, 0), Ok(Appended::Stored(_))), "room is made without a save");
        let rest = drain(&mut spool);
        assert_eq!(rest.last().expect("there").payload, b"x");
    }
}

#[test]
fn what_can_never_fit_is_refused_with_its_own_error() {
    let mut spool = open(Simulated::default(), limits(512, 1024));
    // One that is larger than a segment gets one of its own.
    let largest = 1024 - 64 - 56;
    assert!(matches!(
        spool.append(&vec![1; largest + 1], 1, Overflow::Block, 0),
        Err(SpoolError::TooLarge { bytes_max: 904, .. })
    ));
    stored(&mut spool, &vec![1; largest], 1);
    assert!(matches!(Spool::on(Simulated::default(), limits(512, 511)), Err(SpoolError::Limits { .. })));
}
