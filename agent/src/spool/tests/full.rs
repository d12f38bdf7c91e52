//! Disks that are full or fail.

use super::*;
use crate::disk::simulated::Crash;

#[test]
fn a_full_disk_is_an_error_of_one_call() {
    for room in 0..200 {
        let disk = Simulated::default();
        let mut spool = open(disk.clone(), limits(512, 4096));
        stored(&mut spool, b"before", 1);
        disk.set_room(Some(room));
        let mut count = 1;
        while let Ok(appended) = spool.append(&payload(3), 1, Overflow::DropNewest, 0) {
            assert!(matches!(appended, Appended::Stored(_)));
            count += 1;
        }
        disk.set_room(None);
        stored(&mut spool, b"after", 1);
        spool.sync().expect("synced");
        let crashed = disk.crash(Crash::Prefix, 1);
        let (mut again, opened) = Spool::on(crashed, limits(512, 4096)).expect("opened");
        assert!(opened.losses.is_empty(), "{:?}", opened.losses);
        for entries in [drain(&mut spool), drain(&mut again)] {
            assert_eq!(entries.len(), count + 1);
            assert_eq!(entries[count].payload, b"after");
        }
    }
}

#[test]
fn a_full_disk_makes_the_oldest_segment_go_if_that_is_the_policy() {
    let disk = Simulated::default();
    let mut spool = open(disk.clone(), limits(512, 1 << 20));
    for number in 0..20 {
        stored(&mut spool, &payload(number), 1);
    }
    disk.set_room(Some(100));
    // The simulated disk gives no room back, so that all but the active segment go.
    assert!(matches!(spool.append(&vec![0; 300], 1, Overflow::DropOldest, 0), Err(SpoolError::Full(_))));
    assert!(spool.totals().dropped.entries > 0);
    check_sums(spool.totals());
    disk.set_room(None);
    assert!(matches!(spool.append(&vec![0; 300], 1, Overflow::DropOldest, 0), Ok(Appended::Stored(_))));
}

#[test]
fn the_disk_keeps_its_free_space() {
    let disk = Simulated::default();
    disk.set_room(Some(1000));
    let limits = SpoolLimits { min_free_bytes: Some(ByteSize(2000)), ..limits(512, 4096) };
    let mut spool = open(disk.clone(), limits);
    assert!(matches!(spool.append(b"x", 1, Overflow::Block, 0), Err(SpoolError::Full(_))));
    disk.set_room(Some(10_000));
    assert!(matches!(spool.append(b"x", 1, Overflow::Block, 0), Ok(Appended::Stored(_))));
}

#[test]
fn what_a_failed_sync_forgot_is_written_again() {
    let disk = Simulated::default();
    let mut spool = open(disk.clone(), limits(512, 4096));
    stored(&mut spool, b"one", 1);
    spool.sync().expect("synced");
    stored(&mut spool, b"two", 1);
    disk.fail_syncs(1);
    assert!(matches!(spool.sync(), Err(SpoolError::Sync(_))));
    stored(&mut spool, b"three", 1);
    spool.sync().expect("synced");
    let mut spool = open(disk.crash(Crash::Prefix, 1), limits(512, 4096));
    assert_eq!(drain(&mut spool).len(), 3);
}
