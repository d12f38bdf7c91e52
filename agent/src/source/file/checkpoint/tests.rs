use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;
use crate::disk::{
    DiskFile,
    simulated::{Crash, Simulated},
};

pub(super) fn position(id: u64, offset: u64) -> Position {
    let locator = Locator { device: 1, inode: id, birth_ns: None };
    let mark = Mark { epoch: 3, offset, guard: crate::source::Guard::of(offset, b"abc"), ..Mark::default() };
    let head = Head { hash: id * 0x9E37_79B9, repeats: 1 };
    Position {
        locator,
        path: format!("/x/RUN [{id}].LOG").into(),
        pattern: "/x".to_owned(),
        head: Some(head),
        identity: Some(locator.identity("a", head)),
        mark,
        cuts: vec![9],
        size_seen: offset + 10,
        ..Position::of(locator)
    }
}

fn on(disk: &Simulated) -> Checkpoint<Simulated> {
    Checkpoint::on(disk.clone(), "agent-checkpoint").expect("opened")
}

#[test]
fn what_was_saved_is_there_after_a_restart() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("checkpoint.redb");
    let mut checkpoint = Checkpoint::open(&path).expect("created");
    assert!(checkpoint.load().is_empty());
    assert!(checkpoint.is_first_use("*.log"));
    checkpoint.remember_patterns(["*.log"]).expect("written");
    checkpoint.save([(1, &position(1, 5)), (2, &position(2, 6))]).expect("saved");
    checkpoint.remove(&[2]).expect("removed");
    assert!(matches!(Checkpoint::open(&path), Err(CheckpointError::InUse(_))));
    drop(checkpoint);
    let checkpoint = Checkpoint::open(&path).expect("opened");
    assert_eq!(checkpoint.load().into_iter().collect::<Vec<_>>(), [(1, position(1, 5))]);
    assert!(!checkpoint.is_first_use("*.log"));
    assert!(checkpoint.damage().is_empty());
}

#[test]
fn the_database_of_the_first_version_is_taken_over() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("agent-checkpoint.redb");
    let old = |rows: &[(u64, &[u8])]| {
        let database = ::redb::Database::create(&path).expect("made");
        let transaction = database.begin_write().expect("begun");
        {
            let streams = ::redb::TableDefinition::<u64, &[u8]>::new("streams.v1");
            let patterns = ::redb::TableDefinition::<&str, u64>::new("patterns.v1");
            let mut table = transaction.open_table(streams).expect("table");
            for (id, row) in rows {
                table.insert(id, *row).expect("row");
            }
            transaction.open_table(patterns).expect("table").insert("*.log", 1).expect("row");
        }
        transaction.commit().expect("saved");
    };
    // A row as version 0.1.0 wrote it.
    let row = br#"{"locator":{"device":1,"inode":2,"birth_ns":null},"path":"/x/a.log","pattern":"/x","head":{"hash":7,"repeats":1},"identity":null,"mark":{"epoch":3,"offset":5,"guard":{"end":5,"length":3,"hash":9},"time":[5,null]},"cuts":[9],"size_seen":10}"#;
    old(&[(7, row), (8, b"{}")]);
    let mut checkpoint = Checkpoint::open(&path).expect("taken over");
    let all = checkpoint.load();
    assert_eq!((all.len(), all[&7].mark.offset, all[&7].size_seen), (1, 5, 10));
    assert_eq!(checkpoint.damage().len(), 1);
    assert!(!checkpoint.is_first_use("*.log") && !path.exists());
    checkpoint.save([(9, &position(9, 1))]).expect("saved");
    drop(checkpoint);
    assert_eq!(Checkpoint::open(&path).expect("opened").load().len(), 2);

    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("agent-checkpoint.redb");
    std::fs::write(&path, "not a database, certainly not one of this kind".repeat(200)).expect("written");
    let checkpoint = Checkpoint::open(&path).expect("made anew");
    assert_eq!(checkpoint.damage()[0].reason, DamageReason::Database);
    assert!(folder.path().join("agent-checkpoint.damaged").exists());
    drop(checkpoint);
    // One that ended the process when it was read is not read again.
    std::fs::write(&path, "x").expect("written");
    std::fs::write(path.with_extension("importing"), "").expect("written");
    assert_eq!(Checkpoint::open(&path).expect("made anew").damage().len(), 1);
    assert!(folder.path().join("agent-checkpoint.damaged-2").exists());
}

#[test]
fn damage_anywhere_costs_only_the_rows_it_hit() {
    let disk = Simulated::default();
    let mut checkpoint = on(&disk);
    checkpoint.remember_patterns(["/x"]).expect("saved");
    for id in 0..6 {
        checkpoint.save([(id, &position(id, 1))]).expect("saved");
    }
    checkpoint.generations.begin_file().expect("a second file");
    checkpoint.save([(1, &position(1, 2)), (6, &position(6, 2))]).expect("saved");
    checkpoint.remove(&[0]).expect("removed");
    let expected = checkpoint.load();
    let files = disk.files();
    let newest = "agent-checkpoint.2.rows";
    assert_eq!((files.len(), expected.len()), (2, 6));
    let mut counts = BTreeMap::new();
    let mut silent_cuts = 0;
    let mut check = |name: &str, bytes: Vec<u8>, what: &str| {
        if bytes == files[name] {
            return;
        }
        let mut damaged = files.clone();
        damaged.insert(name.to_owned(), bytes);
        let disk = Simulated::holding(&damaged);
        let mut checkpoint = on(&disk);
        let loaded = checkpoint.load();
        let is_exact = loaded == expected;
        *counts.entry((name == newest, is_exact)).or_insert(0) += 1;
        assert!(is_exact || name == newest, "{what} of the older file");
        // A file that ends where a row did looks as it did before the next save.
        let is_silent = !is_exact && checkpoint.damage().is_empty();
        silent_cuts += usize::from(is_silent);
        assert!(!is_silent || what.starts_with("cut"), "{what}: {loaded:?}");
        for (id, position) in &loaded {
            let is_known = expected.get(id) == Some(position) || position.mark.offset == 1;
            assert!(is_known, "{what}: {position:?}");
        }
        assert!(!checkpoint.is_first_use("/x"), "{what}: what was followed is never begun at its end");
        assert!((1..6).all(|id| loaded.contains_key(&id)), "{what}: the older file has it");
        checkpoint.save([(9, &position(9, 9))]).expect("saved");
        let again = on(&disk);
        let mut with = loaded.clone();
        with.insert(9, position(9, 9));
        assert_eq!(again.load(), with, "{what}");
        assert!(again.damage().is_empty(), "{what}: {:?}", again.damage());
    };
    for (name, bytes) in &files {
        for at in 0..bytes.len() {
            for mask in [0x01, 0x80, 0xFF] {
                let mut changed = bytes.clone();
                changed[at] ^= mask;
                check(name, changed, &format!("flip {at} by {mask}"));
            }
            check(name, bytes[..at].to_vec(), &format!("cut at {at}"));
            let mut changed = bytes.clone();
            changed[at..].fill(0);
            check(name, changed, &format!("zero from {at}"));
        }
    }
    assert_eq!(silent_cuts, 3, "of the three rows after the file was begun");
    println!("(newest file, exact): {counts:?}");
}

#[test]
fn damaged_files_are_put_aside_at_most_three() {
    let disk = Simulated::default();
    for round in 0..6 {
        let mut checkpoint = on(&disk);
        checkpoint.save([(round, &position(round, 1))]).expect("saved");
        let names = disk.files();
        let newest = names.keys().rfind(|name| name.contains(".rows")).expect("there").clone();
        disk.open(&newest).expect("there").write_at(b"?", 20).expect("written");
    }
    let names = disk.files();
    assert_eq!(names.keys().filter(|name| name.contains("damaged")).count(), 3, "{names:?}");
    assert!(names.len() <= 5, "{:?}", names.keys());
}

#[test]
fn a_full_disk_is_an_error_of_one_call() {
    for room in (0..1200).step_by(7) {
        let disk = Simulated::default();
        let mut checkpoint = on(&disk);
        checkpoint.save([(1, &position(1, 1))]).expect("saved");
        disk.set_room(Some(room));
        let mut saved = 1;
        while checkpoint.save([(1, &position(1, saved + 1)), (2, &position(2, saved + 1))]).is_ok() {
            saved += 1;
        }
        let error = checkpoint.save([(2, &position(2, saved + 1))]);
        assert!(matches!(error, Err(CheckpointError::Write(_)) | Ok(())));
        let crashed = on(&disk.crash(Crash::Prefix, room as u64)).load();
        assert!(crashed[&1].mark.offset >= saved);
        disk.set_room(None);
        checkpoint.save([(5, &position(5, 5))]).expect("there is room again");
        let again = on(&disk.crash(Crash::Prefix, room as u64));
        assert_eq!(again.load()[&2], position(2, saved + 1), "also what could not be saved before");
        assert!(again.load().contains_key(&5) && again.damage().is_empty());
    }
}

#[derive(Debug, Clone)]
enum Action {
    Save(Vec<u64>),
    Remove(u64),
    BeginFile,
    Crash(Crash, u64),
    Room(Option<usize>),
    FailSyncs(u32),
}

fn action() -> impl Strategy<Value = Action> {
    let crash = prop_oneof![Just(Crash::Prefix), Just(Crash::Any)];
    prop_oneof![
        6 => prop::collection::vec(0..5_u64, 1..4).prop_map(Action::Save),
        1 => (0..5_u64).prop_map(Action::Remove),
        1 => Just(Action::BeginFile),
        2 => (crash, any::<u64>()).prop_map(|(how, seed)| Action::Crash(how, seed)),
        1 => proptest::option::of(0..3000_usize).prop_map(Action::Room),
        1 => (1..3_u32).prop_map(Action::FailSyncs),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1000, ..ProptestConfig::default() })]
    #[test]
    fn what_was_saved_survives_any_crash(actions in prop::collection::vec(action(), 1..50)) {
        let mut disk = Simulated::default();
        let mut checkpoint = on(&disk);
        // For each stream what it may be after a crash: the last that was saved, and all that was tried since.
        let mut possible: BTreeMap<u64, Vec<Option<u64>>> = (0..5).map(|id| (id, vec![None])).collect();
        let mut offset = 0;
        let settle = |possible: &mut BTreeMap<u64, Vec<Option<u64>>>| {
            for values in possible.values_mut() {
                *values = vec![*values.last().expect("one at least")];
            }
        };
        for action in actions.into_iter().chain([Action::Crash(Crash::Any, 3)]) {
            let result = match action {
                Action::Save(ids) => {
                    offset += 1;
                    for id in &ids {
                        possible.get_mut(id).expect("known").push(Some(offset));
                    }
                    let positions: Vec<_> = ids.iter().map(|id| (*id, position(*id, offset))).collect();
                    checkpoint.save(positions.iter().map(|(id, position)| (*id, position)))
                }
                Action::Remove(id) => {
                    possible.get_mut(&id).expect("known").push(None);
                    checkpoint.remove(&[id])
                }
                Action::BeginFile => checkpoint.generations.begin_file().map_err(CheckpointError::Write),
                Action::Room(room) => { disk.set_room(room); continue }
                Action::FailSyncs(count) => { disk.fail_syncs(count); continue }
                Action::Crash(how, seed) => {
                    disk = disk.crash(how, seed);
                    checkpoint = on(&disk);
                    let loaded = checkpoint.load();
                    for (id, values) in &mut possible {
                        let now = loaded.get(id).map(|position| position.mark.offset);
                        prop_assert!(values.contains(&now), "stream {}: {:?} is none of {:?}", id, now, values);
                        // What was found may be a row that is not durable under its name: still as good as before.
                        values.push(now);
                    }
                    continue;
                }
            };
            if result.is_ok() {
                settle(&mut possible);
            }
        }
    }
}
