//! The small files of our own below `fixtures/`, and what each must give, for the tests of presets and of detection.

use std::{collections::BTreeMap, path::PathBuf};

use serde::Deserialize;
use serde_json::{Map, Value};

use super::{
    samples::{Found, micros, time_text},
    trial::{Trial, TrialEvent, TrialFile, TrialKind},
};
use crate::{config::FilesSection, preset};

/// `expected.toml`
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Expected {
    pub(crate) file: String,
    pub(crate) path: String,
    created: String,
    #[serde(default)]
    pub(crate) preset: String,
    /// What is said besides the preset.
    #[serde(default)]
    section: String,
    encoding: String,
    records: usize,
    times: usize,
    first: String,
    last: String,
    levels: BTreeMap<String, usize>,
    /// `yes`, or why detection alone does not give all this.
    pub(crate) detect: String,
    /// The preset that detection must find, where it is not that of the test: empty for none.
    pub(crate) detected_preset: Option<String>,
    #[serde(default, rename = "event")]
    events: Vec<ExpectedEvent>,
}

/// What one event must be.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ExpectedEvent {
    index: usize,
    text: Option<String>,
    message: Option<String>,
    time: Option<String>,
    #[serde(default)]
    inherited: bool,
    level: Option<String>,
    lines: Option<u32>,
    tags: Option<String>,
    #[serde(default)]
    madsci: bool,
    #[serde(default)]
    json: bool,
    /// Some of its fields.
    #[serde(default)]
    fields: Map<String, Value>,
    /// Some of what the file's header says.
    #[serde(default)]
    header: Map<String, Value>,
    /// All labels from the path.
    labels: Option<BTreeMap<String, String>>,
}

/// A fixture with its bytes.
pub(crate) struct Fixture {
    pub(crate) name: String,
    pub(crate) bytes: Vec<u8>,
    pub(crate) expected: Expected,
}

/// All fixtures, by name.
pub(crate) fn all() -> Vec<Fixture> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("fixtures");
    let mut folders: Vec<PathBuf> =
        std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).filter(|path| path.is_dir()).collect();
    folders.sort();
    let read = |folder: PathBuf| {
        let name = folder.file_name().unwrap().to_string_lossy().into_owned();
        let text = std::fs::read_to_string(folder.join("expected.toml")).unwrap();
        let expected: Expected = toml::from_str(&text).unwrap_or_else(|error| panic!("{name}: {error}"));
        let bytes = std::fs::read(folder.join(&expected.file)).unwrap();
        Fixture { name, bytes, expected }
    };
    folders.into_iter().map(read).collect()
}

impl Fixture {
    pub(crate) fn as_file(&self) -> TrialFile<'_> {
        TrialFile {
            path: &self.expected.path,
            bytes: &self.bytes,
            is_whole: true,
            now_civil_micros: micros("2026-12-01T00:00"),
            file_civil_micros: Some(micros(&self.expected.created)),
        }
    }

    /// The preset with what the test says besides.
    pub(crate) fn section(&self) -> FilesSection {
        let own: toml::Table = toml::from_str(&self.expected.section).unwrap();
        let mut section = toml::Table::new();
        if !self.expected.preset.is_empty() {
            let preset = preset::get(&self.expected.preset).unwrap().section();
            section = toml::from_str(&toml::to_string(&preset).unwrap()).unwrap();
        }
        section.extend(own);
        section.try_into().unwrap_or_else(|error| panic!("{}: {error}", self.name))
    }

    /// What a trial gave instead of what it must give. `is_own` says that it was read with the section of the fixture, so that
    /// the fields must be its, too.
    pub(crate) fn differences(&self, trial: &Trial, is_own: bool) -> Vec<String> {
        let expected = &self.expected;
        let levels = ["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"]
            .map(|name| expected.levels.get(name).copied().unwrap_or(0));
        let wanted = Found {
            encoding: expected.encoding.clone(),
            records: expected.records,
            times: expected.times,
            first: expected.first.clone(),
            last: expected.last.clone(),
            levels,
        };
        let found = Found::of(trial);
        let mut differences = Vec::new();
        if found != wanted || trial.invalid_sequences > 0 {
            differences.push(format!("\n     found {found:?}\n  expected {wanted:?}"));
        }
        for wanted in &expected.events {
            match trial.events.get(wanted.index) {
                Some(event) => differences.extend(wanted.differences(event, trial, is_own)),
                None => differences.push(format!("no event {}", wanted.index)),
            }
        }
        differences.iter().map(|difference| format!("{}: {difference}", self.name)).collect()
    }
}

impl ExpectedEvent {
    fn differences(&self, event: &TrialEvent, trial: &Trial, is_own: bool) -> Vec<String> {
        let mut differences = Vec::new();
        let mut compare = |what: &str, found: String, wanted: Option<String>| {
            if let Some(wanted) = wanted
                && found != wanted
            {
                differences.push(format!("event {} {what}: found {found:?}, expected {wanted:?}", self.index));
            }
        };
        compare("time", event.time.map(time_text).unwrap_or_default(), self.time.clone());
        compare("inherited", event.is_time_inherited.to_string(), Some(self.inherited.to_string()));
        compare("text", event.text.clone(), self.text.clone());
        compare("lines", event.lines.to_string(), self.lines.map(|lines| lines.to_string()));
        compare("tags", event.tags.join(" "), self.tags.clone());
        compare("level", event.level.map(|level| level.name().to_owned()).unwrap_or_default(), self.level.clone());
        if is_own {
            compare("message", event.message.clone().unwrap_or_default(), self.message.clone());
            compare("madsci", (event.kind == TrialKind::MadsciEvent).to_string(), Some(self.madsci.to_string()));
            compare("json", (event.kind == TrialKind::Json).to_string(), Some(self.json.to_string()));
            compare("labels", format!("{:?}", trial.labels), self.labels.as_ref().map(|labels| format!("{labels:?}")));
            for (key, value) in &self.fields {
                compare(key, event.fields.get(key).map(Value::to_string).unwrap_or_default(), Some(value.to_string()));
            }
            for (key, value) in &self.header {
                compare(key, trial.header.get(key).map(Value::to_string).unwrap_or_default(), Some(value.to_string()));
            }
            compare("parse_failure", event.tags.contains(&"parse_failure").to_string(), Some("false".to_owned()));
        }
        differences
    }
}
