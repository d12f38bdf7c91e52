//! Random histories with crashes that lose any part of what was not synced.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::*;
use crate::disk::simulated::Crash;

#[derive(Debug, Clone)]
enum Action {
    Append(usize, u32, Overflow),
    Sync,
    Next(u8),
    Acknowledge(u8),
    Save,
    Rewind,
    Crash(Crash, u64),
    Room(Option<usize>),
    FailSyncs(u32),
}

fn action() -> impl Strategy<Value = Action> {
    let policy = prop_oneof![Just(Overflow::DropNewest), Just(Overflow::DropOldest), Just(Overflow::Block)];
    let crash = prop_oneof![Just(Crash::Prefix), Just(Crash::Any)];
    prop_oneof![
        8 => (0..150_usize, 0..9_u32, policy).prop_map(|(bytes, records, policy)| Action::Append(bytes, records, policy)),
        3 => Just(Action::Sync),
        4 => (1..6_u8).prop_map(Action::Next),
        4 => any::<u8>().prop_map(Action::Acknowledge),
        3 => Just(Action::Save),
        1 => Just(Action::Rewind),
        2 => (crash, any::<u64>()).prop_map(|(how, seed)| Action::Crash(how, seed)),
        1 => proptest::option::of(0..400_usize).prop_map(Action::Room),
        1 => (1..3_u32).prop_map(Action::FailSyncs),
    ]
}

struct Model {
    disk: Simulated,
    spool: Spool<Simulated>,
    limits: SpoolLimits,
    /// What was stored under each number.
    stored: BTreeMap<u64, (Vec<u8>, u32)>,
    /// Known to be lost: was not synced before a crash.
    lost: BTreeSet<u64>,
    synced: u64,
    /// All before it was acknowledged, dropped or lost when this was last saved.
    saved: u64,
    handed_out: Vec<Position>,
    stamp: u64,
}

impl Model {
    fn new() -> Self {
        let (disk, limits) = (Simulated::default(), limits(500, 2500));
        let spool = open(disk.clone(), limits);
        let (stored, lost) = (BTreeMap::new(), BTreeSet::new());
        Self { disk, spool, limits, stored, lost, synced: 0, saved: 0, handed_out: Vec::new(), stamp: 0 }
    }

    fn settled(&self) -> u64 {
        self.spool.settled.place.entries
    }

    fn act(&mut self, action: &Action) {
        let (before, disk_bytes) = (self.spool.totals(), self.spool.disk_bytes());
        match action {
            Action::Append(bytes, records, policy) => {
                self.stamp += 1;
                let payload: Vec<u8> = self.stamp.to_le_bytes().iter().copied().cycle().take(*bytes).collect();
                let position = match self.spool.append(&payload, *records, *policy, 0) {
                    Ok(Appended::Stored(position) | Appended::StoredAfterDropping { position, .. }) => Some(position),
                    Ok(Appended::Refused) | Err(SpoolError::Full(_)) => None,
                    Err(error) => panic!("{error}"),
                };
                let after = self.spool.totals();
                assert_eq!(after.received.entries - before.received.entries, u64::from(position.is_some()));
                assert_eq!(after.delivered, before.delivered);
                if *policy != Overflow::DropOldest {
                    assert_eq!(after.dropped, before.dropped);
                }
                if position.is_some() {
                    self.stored.insert(before.received.entries, (payload, *records));
                }
                // A crash can bring back files that were removed; they go with the next save.
                assert!(self.spool.disk_bytes() <= self.limits.bytes_max.0.max(disk_bytes));
            }
            Action::Sync => {
                if self.spool.sync().is_ok() {
                    self.synced = self.spool.tail.entries;
                }
            }
            Action::Next(count) => {
                for _ in 0..*count {
                    let expected = self.next_expected();
                    let entry = self.spool.next().expect("the disk can be read");
                    assert_eq!(entry.as_ref().map(|entry| entry.position.end.entries - 1), expected);
                    let Some(entry) = entry else { break };
                    self.check_entry(&entry);
                    self.handed_out.push(entry.position);
                }
            }
            Action::Acknowledge(which) => {
                if !self.handed_out.is_empty() {
                    let index = usize::from(*which) % self.handed_out.len();
                    self.spool.acknowledge(self.handed_out[index]);
                    self.handed_out.drain(..=index);
                }
            }
            Action::Save => {
                if self.spool.save().is_ok() {
                    self.saved = self.settled();
                }
            }
            Action::Rewind => self.spool.rewind(),
            Action::Crash(how, seed) => self.crash(*how, *seed),
            Action::Room(room) => self.disk.set_room(*room),
            Action::FailSyncs(count) => self.disk.fail_syncs(*count),
        }
        check_sums(self.spool.totals());
        let pending: Vec<_> =
            self.stored.range(self.settled()..).filter(|(number, _)| !self.lost.contains(number)).collect();
        let totals = self.spool.totals();
        assert_eq!(totals.pending.entries, pending.len() as u64, "{totals:?}");
        assert_eq!(totals.pending.records, pending.iter().map(|(_, (_, records))| u64::from(*records)).sum::<u64>());
        assert_eq!(totals.pending.bytes, pending.iter().map(|(_, (payload, _))| payload.len() as u64).sum::<u64>());
    }

    fn next_expected(&self) -> Option<u64> {
        let from = self.spool.read.place.entries.max(self.settled());
        self.stored.range(from..).map(|(number, _)| *number).find(|number| !self.lost.contains(number))
    }

    fn check_entry(&self, entry: &Entry) {
        let (payload, records) = &self.stored[&(entry.position.end.entries - 1)];
        assert_eq!((&entry.payload, entry.records), (payload, *records), "never a wrong payload");
    }

    fn crash(&mut self, how: Crash, seed: u64) {
        let (settled, dropped) = (self.settled(), self.spool.totals().dropped.entries);
        self.disk = self.disk.crash(how, seed);
        let (spool, opened) = Spool::on(self.disk.clone(), self.limits).expect("a crashed spool opens");
        self.spool = spool;
        self.handed_out.clear();
        assert!(self.saved <= self.settled(), "what was saved is not handed out again");
        // A drop whose second slot could not be written may be known to the disk alone.
        let has_dropped = self.spool.totals().dropped.entries > dropped;
        for number in settled..self.settled() {
            assert!(has_dropped || number >= self.synced || self.lost.contains(&number), "{number} was synced");
        }
        let tail = self.spool.tail.entries;
        assert!(self.synced <= tail, "{} synced, {tail} there", self.synced);
        let entries = drain(&mut self.spool);
        assert!(self.spool.losses.is_empty(), "all losses were told at once");
        self.spool.rewind();
        assert_eq!(opened.pending.entries, entries.len() as u64);
        let there: BTreeSet<u64> = entries.iter().map(|entry| entry.position.end.entries - 1).collect();
        assert!(entries.is_sorted_by_key(|entry| entry.position.end.entries) && there.len() == entries.len());
        for entry in &entries {
            self.check_entry(entry);
        }
        self.stored.retain(|number, _| *number < tail);
        for number in self.settled()..tail {
            if !there.contains(&number) {
                assert!(
                    number >= self.synced || self.lost.contains(&number),
                    "{number} was synced: {:?}",
                    opened.losses
                );
                self.lost.insert(number);
            }
        }
        self.lost.retain(|number| *number < tail);
        // What was found is durable.
        self.synced = tail;
        self.saved = self.settled();
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1500, ..ProptestConfig::default() })]
    #[test]
    fn what_was_synced_and_not_acknowledged_survives_any_crash(actions in prop::collection::vec(action(), 1..60)) {
        let mut model = Model::new();
        for action in &actions {
            model.act(action);
        }
        model.act(&Action::Crash(Crash::Any, 7));
    }
}
