//! Which of several values a setting has.
//!
//! Every source is a layer of keys. MADSci joins the layers key by key, the strongest winning, and only then looks whether
//! a setting stands under its bare name or under `event_` and its name. So a bare key in the weakest file beats a
//! prefixed one in the strongest; only within one spelling the stronger source wins.

use std::collections::BTreeMap;

use serde_json::Value;

use super::origin::Origin;

/// The prefix of keys that are meant for the Event Manager alone.
pub(super) const PREFIX: &str = "event_";

/// The keys of the database's URL, strongest first. The first is that of MADSci 0.8.
pub(super) const MONGO_DB_URL_KEYS: [&str; 6] =
    ["document_db_url", "event_document_db_url", "mongo_db_url", "event_mongo_db_url", "EVENT_DB_URL", "db_url"];

/// A value and where it stands.
#[derive(Clone)]
pub(super) struct Found {
    /// The value.
    pub(super) value: Value,
    /// Where it stands.
    pub(super) origin: Origin,
    /// Whether it is the text of a variable, in which `null` means none.
    pub(super) is_variable: bool,
}

/// What stands under a key.
pub(super) enum Entry {
    /// One value.
    Value(Found),
    /// A table of values, of which other layers may add more.
    Parts {
        /// Where the table stands.
        origin: Origin,
        /// The values by their names.
        parts: BTreeMap<String, Found>,
    },
}

/// The keys of one source.
pub(super) type Layer = BTreeMap<String, Entry>;

/// All sources, strongest first.
#[derive(Default)]
pub(super) struct Layers(pub(super) Vec<Layer>);

impl Layers {
    /// The value of a setting that is a single value.
    pub(super) fn value(&self, setting: &str) -> Option<&Found> {
        self.first(&[setting, &format!("{PREFIX}{setting}")])
    }

    /// The URL of the database.
    pub(super) fn mongo_db_url(&self) -> Option<&Found> {
        self.first(&MONGO_DB_URL_KEYS)
    }

    /// The table of a setting that has parts: its parts from all layers, or the value that stands in its place.
    pub(super) fn parts(&self, setting: &str) -> Option<Entry> {
        let bare = self.joined(setting);
        bare.or_else(|| self.joined(&format!("{PREFIX}{setting}")))
    }

    fn first(&self, keys: &[&str]) -> Option<&Found> {
        keys.iter().find_map(|key| {
            self.0.iter().find_map(|layer| match layer.get(*key)? {
                Entry::Value(found) => Some(found),
                Entry::Parts { .. } => None,
            })
        })
    }

    /// The strongest entry of a key; if that is a table, with what weaker tables add.
    fn joined(&self, key: &str) -> Option<Entry> {
        let mut entries = self.0.iter().filter_map(|layer| layer.get(key));
        let (origin, mut all) = match entries.next()? {
            Entry::Value(found) => return Some(Entry::Value(found.clone())),
            Entry::Parts { origin, parts } => (origin.clone(), parts.clone()),
        };
        for entry in entries {
            if let Entry::Parts { parts, .. } = entry {
                for (name, found) in parts {
                    all.entry(name.clone()).or_insert_with(|| found.clone());
                }
            }
        }
        Some(Entry::Parts { origin, parts: all })
    }
}
