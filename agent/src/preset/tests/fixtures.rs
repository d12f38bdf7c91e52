//! Small files of our own in the form of each instrument, read with their presets.

use crate::{
    detect::{fixtures, trial},
    preset::all,
};

#[test]
fn fixtures_through_their_presets() {
    let mut wrong = Vec::new();
    for fixture in fixtures::all() {
        let trial = trial::read(&fixture.section(), &fixture.as_file(), usize::MAX)
            .unwrap_or_else(|error| panic!("{}: {error}", fixture.name));
        wrong.extend(fixture.differences(&trial, true));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_preset_has_a_fixture() {
    let fixtures = fixtures::all();
    for preset in all() {
        assert!(fixtures.iter().any(|fixture| fixture.expected.preset == preset.name), "{}", preset.name);
    }
}
