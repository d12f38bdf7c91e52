use std::{collections::BTreeMap, fs, os::unix::fs::PermissionsExt, path::Path, thread, time::Duration};

use super::{Claim, Identity, Registry, RegistryError};
use crate::madsci_settings::{FilesFrom, MadsciSettings, Sources};

fn sources(directory: &Path, variables: &[(&str, &str)]) -> Sources {
    let environment: BTreeMap<String, String> =
        variables.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect();
    let directory = directory.to_owned();
    Sources { environment, working_directory: directory.clone(), home: Some(directory), files: FilesFrom::None }
}

fn claim(directory: &Path, wait_max: Duration) -> Result<Claim, RegistryError> {
    Registry::of(&sources(directory, &[])).claim("EventManager", wait_max)
}

#[test]
fn the_id_stays_from_start_to_start() {
    let directory = tempfile::tempdir().unwrap();
    let first = claim(directory.path(), Duration::ZERO).unwrap();
    assert!(first.is_new);
    assert_eq!(first.file(), directory.path().canonicalize().unwrap().join(".madsci/registry.json"));
    let id = first.id.clone();
    assert!(matches!(claim(directory.path(), Duration::ZERO), Err(RegistryError::Held { .. })));
    first.renew().unwrap();
    let waiting = thread::spawn({
        let directory = directory.path().to_owned();
        move || claim(&directory, Duration::from_secs(20))
    });
    first.release().unwrap();
    let second = waiting.join().unwrap().unwrap();
    assert_eq!((second.id.as_str(), second.is_new, second.name()), (id.as_str(), false, "EventManager"));
    let left: Vec<_> =
        fs::read_dir(directory.path().join(".madsci")).unwrap().map(|file| file.unwrap().file_name()).collect();
    assert_eq!(left, ["registry.json"]);
}

#[test]
fn a_broken_registry_is_an_error_and_stays() {
    let directory = tempfile::tempdir().unwrap();
    fs::create_dir(directory.path().join(".madsci")).unwrap();
    let file = directory.path().join(".madsci/registry.json");
    for text in ["", "{", "null", "[]", "{\"entries\": 1}", "{\"entries\": {\"EventManager\": {\"id\": \"x\"}}}"] {
        fs::write(&file, text).unwrap();
        let error = claim(directory.path(), Duration::ZERO).unwrap_err();
        assert!(matches!(error, RegistryError::Broken { .. }), "{error}");
        assert_eq!(fs::read_to_string(&file).unwrap(), text);
    }
}

#[test]
fn links_and_permissions_are_kept() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("elsewhere.json");
    fs::write(&file, "{\"entries\": {}}").unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o660)).unwrap();
    let link = directory.path().join("link.json");
    std::os::unix::fs::symlink(&file, &link).unwrap();
    let sources = sources(directory.path(), &[("MADSCI_REGISTRY_PATH", "~/link.json")]);
    let registry = Registry { file: link.clone(), ..Registry::of(&sources) };
    registry.claim("x", Duration::ZERO).unwrap();
    assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o660);
    // MADSci resolves the path that the variable names.
    assert_eq!(Registry::of(&sources).file(), file.canonicalize().unwrap());
    assert!(fs::read_to_string(&file).unwrap().contains("holder_pid"));
}

#[test]
fn the_registry_has_the_word_unless_it_is_off() {
    let directory = tempfile::tempdir().unwrap();
    let explicit = "01KB0000000000000000000000";
    let find = |variables: &[(&str, &str)]| {
        let sources = sources(directory.path(), variables);
        let settings = MadsciSettings::load(&sources).unwrap().settings;
        Identity::find(&settings, &sources).unwrap()
    };
    let off = ("EVENT_ENABLE_REGISTRY_RESOLUTION", "false");
    let given = find(&[off, ("EVENT_MANAGER_ID", explicit)]);
    assert_eq!((given.id.as_str(), given.claim.is_none(), given.overruled), (explicit, true, None));
    assert_ne!(find(&[off]).id, find(&[off, ("EVENT_MANAGER_ID", "")]).id);
    assert!(!directory.path().join(".madsci").exists());
    let found = find(&[("EVENT_MANAGER_ID", explicit)]);
    assert_ne!(found.id, explicit);
    assert_eq!(found.overruled.as_deref(), Some(explicit));
    let claim = found.claim.unwrap();
    assert_eq!(claim.id, found.id);
    claim.release().unwrap();
    assert_eq!(find(&[]).id, found.id);
    assert_ne!(find(&[("EVENT_MANAGER_NAME", "Other")]).id, found.id);
}
