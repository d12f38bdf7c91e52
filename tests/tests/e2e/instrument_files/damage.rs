//! A checkpoint that a disk has damaged.

use std::{fs, path::Path};

use labtrail_tests::lab::Lab;

use super::wait_and_compare;

const PLACES: usize = 14;

fn copy_folder(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap().flatten() {
        if entry.file_type().unwrap().is_file() {
            fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
        }
    }
}

#[test]
fn a_damaged_checkpoint_is_told_of_and_neither_loses_nor_repeats_anything() {
    let lab = Lab::new();
    let mut lines = Vec::new();
    for file in 0..6 {
        let own: Vec<String> = (0..30).map(|line| format!("file {file} line {line}")).collect();
        lab.write(format!("logs/{file}.log"), own.join("\n") + "\n");
        lines.extend(own);
    }
    lab.write("logs/0.log.1", "rotated away\n");
    lines.push("rotated away".to_owned());
    let collector = lab.collector();
    let mut agent = lab.agent(&collector, &[("logs", "")]);
    wait_and_compare(&collector, &lines);
    for file in 0..6 {
        lab.append(format!("logs/{file}.log"), format!("file {file} once more\n"));
        lines.push(format!("file {file} once more"));
    }
    wait_and_compare(&collector, &lines);
    agent.stop();
    let (data, saved) = (lab.path("agent/data"), lab.path("saved"));
    copy_folder(&data, &saved);
    let is_rows = |path: &Path| path.extension().is_some_and(|extension| extension == "rows");
    let rows: Vec<_> =
        fs::read_dir(&saved).unwrap().flatten().map(|entry| entry.path()).filter(|path| is_rows(path)).collect();
    assert!(!rows.is_empty(), "the checkpoint has files");
    let mut told = 0;
    for place in 0..PLACES {
        for kind in ["flipped", "cut", "zeroed"] {
            for entry in fs::read_dir(&data).unwrap().flatten() {
                if entry.file_type().unwrap().is_file() {
                    fs::remove_file(entry.path()).unwrap();
                }
            }
            copy_folder(&saved, &data);
            for file in &rows {
                let mut bytes = fs::read(file).unwrap();
                let at = (bytes.len() - 1) * place / (PLACES - 1);
                match kind {
                    "flipped" => bytes[at] ^= 0x10,
                    "cut" => bytes.truncate(at),
                    _ => bytes[at..].iter_mut().take(64).for_each(|byte| *byte = 0),
                }
                fs::write(data.join(file.file_name().unwrap()), bytes).unwrap();
            }
            let before = agent.log().len();
            agent.start();
            lab.append("logs/3.log", format!("after place {place} was {kind}\n"));
            lines.push(format!("after place {place} was {kind}"));
            collector.wait_for_events(lines.len() as u64);
            let log = agent.log()[before..].to_owned();
            told += usize::from(log.contains("checkpoint"));
            assert!(!log.contains("panicked"), "{kind} at {place}: {log}");
            agent.stop();
        }
    }
    wait_and_compare(&collector, &lines);
    assert!(collector.dead_letters().is_empty(), "{:?}", collector.dead_letters());
    assert!(told >= 2 * PLACES, "of {} damages only {told} are told of", 3 * PLACES);
}
