//! Names for MADSci's ownership ids. MADSci knows an instrument by a ULID; people call it `hplc-1`.
//!
//! An id that is written as a name follows from that name, so that each agent has the same one for it, and is kept in a small
//! registry in the data directory: should the rule ever change, old names keep their ids. The registry is a JSON file that
//! may be read and copied by hand.

use std::{
    collections::BTreeMap,
    fs, io,
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
};

use labtrail_shared::{
    event_id::{FileIdentity, derive, is_ulid},
    source::{KEYS, Source},
};
use serde::{Deserialize, Deserializer, Serialize, de::Error as _};
use serde_json::{Map, Value};
use tracing::{info, warn};
use xxhash_rust::xxh3::xxh3_128;

/// The file of the registry in the data directory.
const FILE: &str = "source-names.json";

/// The time that such an id states: 2020-01-01, so that it is told from one that was minted.
const NAMED_MS: u64 = 1_577_836_800_000;

/// `source = { node_id = "hplc-1", ... }`: each a ULID, or a name that gets one.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub(crate) struct SourceNames(BTreeMap<String, String>);

impl<'de> Deserialize<'de> for SourceNames {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let names = BTreeMap::<String, String>::deserialize(deserializer)?;
        for (key, name) in &names {
            if !KEYS.contains(&key.as_str()) {
                return Err(D::Error::custom(format!("{key:?} is none of MADSci's ids: use {}", KEYS.join(", "))));
            }
            if name.trim().is_empty() {
                return Err(D::Error::custom(format!("{key} is empty: write a ULID, or a name such as \"hplc-1\"")));
            }
        }
        Ok(Self(names))
    }
}

impl SourceNames {
    /// The ids.
    pub(crate) fn resolve(&self, registry: &NameRegistry) -> Option<Source> {
        if self.0.is_empty() {
            return None;
        }
        let id = |(key, name): (&String, &String)| {
            let id = if is_ulid(name) { name.clone() } else { registry.id_of(key, name) };
            (key.clone(), Value::from(id))
        };
        let ids: Map<String, Value> = self.0.iter().map(id).collect();
        Source::from_object(&ids).ok()
    }
}

type Names = BTreeMap<String, BTreeMap<String, String>>;

/// Which name has which id.
#[derive(Debug, Default)]
pub(crate) struct NameRegistry {
    file: Option<PathBuf>,
    names: Mutex<Names>,
}

impl NameRegistry {
    /// The registry of an agent that keeps its data there. One that cannot be read is put aside: names get the same ids again.
    pub(crate) fn open(data_dir: &Path) -> Self {
        let file = data_dir.join(FILE);
        let names = match fs::read(&file).map(|bytes| serde_json::from_slice(&bytes)) {
            Ok(Ok(names)) => names,
            Err(error) if error.kind() == io::ErrorKind::NotFound => Names::default(),
            other => {
                let aside = file.with_extension("damaged");
                warn!(file = %file.display(), ?other, "the names of sources cannot be read: putting the file aside");
                let _ = fs::rename(&file, aside);
                Names::default()
            }
        };
        Self { file: Some(file), names: Mutex::new(names) }
    }

    /// The id of a name, which is new or known.
    fn id_of(&self, key: &str, name: &str) -> String {
        let mut names = self.names.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(id) = names.get(key).and_then(|names| names.get(name)) {
            return id.clone();
        }
        let id = derived(key, name);
        names.entry(key.to_owned()).or_default().insert(name.to_owned(), id.clone());
        if let Some(file) = &self.file {
            info!(key, name, id, "this name stands for this id from now on");
            if let Err(error) = save(file, &names) {
                warn!(file = %file.display(), %error, "cannot keep the names of sources; the next start makes the same ids");
            }
        }
        id
    }
}

fn derived(key: &str, name: &str) -> String {
    let hash = xxh3_128(format!("{key}\0{name}").as_bytes());
    let identity = FileIdentity { birth_ms: NAMED_MS, hash: (hash >> 64) as u64 };
    derive(identity, hash as u64 % labtrail_shared::event_id::OFFSET_LIMIT)
}

fn save(file: &Path, names: &Names) -> io::Result<()> {
    let mut text = serde_json::to_vec_pretty(names)?;
    text.push(b'\n');
    let new = file.with_extension("new");
    fs::write(&new, text)?;
    fs::rename(new, file)
}

#[cfg(test)]
mod tests {
    use super::{NameRegistry, SourceNames};

    fn names(text: &str) -> Result<SourceNames, String> {
        toml::from_str(text).map_err(|error| error.message().to_owned())
    }

    #[test]
    fn a_name_has_the_same_id_everywhere_and_for_ever() {
        let folder = tempfile::tempdir().expect("a folder");
        let section = names("node_id = \"hplc-1\"\nlab_id = \"01ARZ3NDEKTSV4RRFFQ69G5FAV\"").expect("valid");
        let source = section.resolve(&NameRegistry::open(folder.path())).expect("ids");
        assert_eq!(source.get("lab_id"), Some("01ARZ3NDEKTSV4RRFFQ69G5FAV"));
        assert_eq!(section.resolve(&NameRegistry::default()).expect("ids"), source);
        // What the registry knows counts, whatever would be derived.
        let file = folder.path().join(super::FILE);
        let text = std::fs::read_to_string(&file).expect("it was kept");
        let other = text.replace(source.node_id().expect("an id"), "01ARZ3NDEKTSV4RRFFQ69G5FAW");
        std::fs::write(&file, other).expect("written");
        let again = section.resolve(&NameRegistry::open(folder.path())).expect("ids");
        assert_eq!(again.node_id(), Some("01ARZ3NDEKTSV4RRFFQ69G5FAW"));
        std::fs::write(&file, "{").expect("written");
        assert_eq!(section.resolve(&NameRegistry::open(folder.path())).expect("ids"), source);
    }

    #[test]
    fn what_is_no_name_is_refused() {
        let check = |text: &str, part: &str| {
            let error = names(text).expect_err(text);
            assert!(error.contains(part), "{text}: {error}");
        };
        check("nod_id = \"x\"", "\"nod_id\" is none of MADSci's ids: use user_id");
        check("node_id = \" \"", "node_id is empty");
        assert!(names("").expect("valid").resolve(&NameRegistry::default()).is_none());
    }
}
