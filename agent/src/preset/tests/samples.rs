//! Real files, read with their presets; the numbers are those of INDEX.md beside them, counted there without this code. The
//! files are in the folder that `LABTRAIL_SAMPLES` names; without it these tests say so and pass.

use crate::{
    detect::{samples, trial},
    preset::get,
};

#[test]
fn samples_through_their_presets() {
    let mut wrong = Vec::new();
    for sample in samples::ALL {
        let Some(bytes) = samples::read(sample.file) else { continue };
        let preset = get(sample.preset).unwrap();
        let trial = trial::read(&preset.section(), &sample.as_file(&bytes), usize::MAX).unwrap();
        wrong.extend(sample.difference(&trial));
        let (unread, read) = trial.events.iter().partition::<Vec<_>, _>(|event| event.parser == "other");
        if !unread.is_empty() {
            wrong.push(format!("{}: {} read, not {}: {}", sample.file, read.len(), unread.len(), unread[0].text));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
