//! Every byte of every file changed, cut and zeroed.

use std::collections::BTreeMap;

use super::*;

type Files = BTreeMap<String, Vec<u8>>;

/// Three segments, of the first of which some entries are acknowledged, as all of one before them, which is gone; and the
/// entries that are left.
fn sample() -> (Files, Vec<Entry>) {
    let disk = Simulated::default();
    let mut spool = open(disk.clone(), limits(420, 4096));
    for number in 0..15 {
        stored(&mut spool, &payload(number), number as u32 + 1);
    }
    spool.sync().expect("synced");
    let mut rest = drain(&mut spool);
    let segments = disk.files().len();
    spool.acknowledge(rest[0].position);
    spool.save().expect("saved");
    spool.acknowledge(rest[3].position);
    spool.save().expect("saved");
    assert_eq!(disk.files().len(), segments - 1);
    rest.drain(..4);
    assert_eq!((rest.len(), disk.files().len()), (11, 4));
    (disk.files(), rest)
}

fn check(files: &Files, expected: &[Entry], damaged: &str, what: &str) {
    let disk = Simulated::holding(files);
    let (mut spool, opened) = Spool::on(disk, limits(420, 1 << 20)).expect("a damaged spool opens");
    let entries = drain(&mut spool);
    let context = || format!("{damaged}: {what}: {:?} {:?}", opened.losses, spool.totals());
    assert!(spool.losses.is_empty(), "all losses are known at once: {} {:?}", context(), spool.losses);
    let sum = |of: fn(&Entry) -> u64| entries.iter().map(of).sum::<u64>();
    let pending = spool.totals().pending;
    assert_eq!(opened.pending, pending, "{}", context());
    assert_eq!(pending.entries, entries.len() as u64, "{}", context());
    assert_eq!(pending.records, sum(|entry| entry.records.into()), "{}", context());
    assert_eq!(pending.bytes, sum(|entry| entry.payload.len() as u64), "{}", context());
    check_sums(spool.totals());
    let mut rest = expected.iter();
    if damaged == "positions" {
        assert!(entries.ends_with(expected), "nothing is lost: {}", context());
        assert!(
            opened.losses.iter().all(|loss| loss.lost.is_none_or(|lost| lost == Count::default())),
            "{}",
            context()
        );
    } else {
        for entry in &entries {
            assert!(rest.any(|known| known == entry), "never a wrong payload: {}", context());
        }
        let missing = expected.iter().filter(|entry| !entries.contains(entry)).count() as u64;
        let lost: Option<u64> = opened.losses.iter().map(|loss| loss.lost.map(|lost| lost.entries)).sum();
        let is_tail = damaged == files.keys().rev().nth(1).expect("segments");
        assert!(
            lost == Some(missing) || missing > 0 && is_tail && !opened.losses.is_empty(),
            "{missing} missing: {}",
            context()
        );
        if !is_tail {
            let records: u64 = opened.losses.iter().filter_map(|loss| loss.lost).map(|lost| lost.records).sum();
            let kept: u64 = entries.iter().map(|entry| u64::from(entry.records)).sum();
            assert_eq!(
                records + kept,
                expected.iter().map(|entry| u64::from(entry.records)).sum::<u64>(),
                "{}",
                context()
            );
        }
    }
    stored(&mut spool, b"new", 3);
    assert_eq!(drain(&mut spool)[0].payload, b"new");
    spool.sync().expect("synced");
    let last = entries.last().map(|entry| entry.position);
    if let Some(last) = last {
        spool.acknowledge(last);
    }
    spool.save().expect("saved");
    let again = Simulated::holding(&spool.disk.files());
    let (mut spool, _) = Spool::on(again, limits(420, 1 << 20)).expect("opened again");
    assert_eq!(
        drain(&mut spool).iter().map(|entry| &entry.payload[..]).collect::<Vec<_>>(),
        [b"new"],
        "{damaged}: {what}"
    );
    check_sums(spool.totals());
}

#[test]
fn damage_anywhere_loses_only_what_it_hit_and_says_so() {
    let (files, expected) = sample();
    check(&files, &expected, "nothing", "");
    let mut count = 0;
    for (name, bytes) in &files {
        // Between the two slots of the positions lies nothing.
        let is_empty = |at: usize| name == "positions" && (136..4090).contains(&at) && !at.is_multiple_of(64);
        let mut damaged = files.clone();
        let mut try_bytes = |changed: Vec<u8>, what: String| {
            if changed != *bytes {
                damaged.insert(name.clone(), changed);
                check(&damaged, &expected, name, &what);
                count += 1;
            }
        };
        for at in (0..bytes.len()).filter(|at| !is_empty(*at)) {
            for mask in [0x01, 0x80, 0xFF] {
                let mut changed = bytes.clone();
                changed[at] ^= mask;
                try_bytes(changed, format!("flip {at} by {mask}"));
            }
            try_bytes(bytes[..at].to_vec(), format!("cut at {at}"));
            let mut changed = bytes.clone();
            changed[at..].fill(0);
            try_bytes(changed, format!("zero from {at}"));
        }
        let mut gone = files.clone();
        gone.remove(name);
        check(&gone, &expected, name, "gone");
    }
    println!("{count} damaged spools");
}

#[test]
fn damage_while_it_is_open_is_stepped_over_and_told() {
    let disk = Simulated::default();
    let mut spool = open(disk.clone(), limits(420, 4096));
    for number in 0..9 {
        stored(&mut spool, &payload(number), 2);
    }
    let name = disk.files().keys().next().expect("a segment").clone();
    let file = disk.open(&name).expect("there");
    crate::disk::DiskFile::write_at(&file, b"??", 64 + 56 + 3).expect("written");
    let entries = drain(&mut spool);
    assert_eq!(entries.len(), 8);
    let losses = spool.take_losses();
    assert_eq!(losses.iter().filter_map(|loss| loss.lost).map(|lost| lost.records).collect::<Vec<_>>(), [2]);
    spool.acknowledge(entries[7].position);
    assert!(spool.is_empty());
    check_sums(spool.totals());
}

#[test]
fn what_cannot_be_read_is_tried_a_few_times_and_then_lost() {
    let disk = Simulated::default();
    let mut spool = open(disk.clone(), limits(420, 4096));
    for number in 0..3 {
        stored(&mut spool, &payload(number), 2);
    }
    disk.fail_reads(2);
    assert!(matches!(spool.next(), Err(SpoolError::Read { .. })));
    assert!(matches!(spool.next(), Err(SpoolError::Read { .. })));
    assert_eq!(spool.next().expect("read").expect("there").payload, payload(0));
    disk.fail_reads(3);
    assert!(spool.next().is_err() && spool.next().is_err());
    assert_eq!(spool.next().expect("stepped over").expect("there").payload, payload(2));
    assert_eq!(spool.totals().lost.entries, 1);
    check_sums(spool.totals());
}

#[test]
fn a_segment_of_another_spool_is_put_aside() {
    let (mut files, expected) = sample();
    let other = Simulated::default();
    let mut spool = open(other.clone(), limits(420, 4096));
    stored(&mut spool, b"foreign", 1);
    let (name, bytes) = other.files().into_iter().next().expect("a segment");
    files.insert(name, bytes);
    let disk = Simulated::holding(&files);
    let (mut spool, opened) = Spool::on(disk.clone(), limits(420, 4096)).expect("opened");
    assert!(opened.losses.iter().any(|loss| loss.reason == LossReason::Foreign), "{:?}", opened.losses);
    assert!(drain(&mut spool).iter().all(|entry| expected.contains(entry)));
    assert!(disk.files().keys().any(|name| name.ends_with(".foreign")));
}
