//! Reading one setting after the other, and remembering what was wrong and what nobody asked for.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use labtrail_shared::settings::Secret;
use serde_json::Value;

use super::{
    coerce::{self, Coerced},
    lookup::{Entry, Found, Layers, MONGO_DB_URL_KEYS},
    madsci_directory::DIRECTORY_NAME,
    origin::{Ignored, Origin, Origins},
    problem::Problem,
    spelling,
};

/// What stands in a message for a value that is secret.
const MASK: &str = "***";

/// The sources while settings are read from them.
pub(super) struct Reading {
    layers: Layers,
    /// The directory that holds `.madsci`.
    project: PathBuf,
    notes: Notes,
}

/// What is known once everything was read.
pub(super) struct Finished {
    /// Where the settings came from.
    pub(super) origins: Origins,
    /// What is wrong.
    pub(super) problems: Vec<Problem>,
    /// What nearly is a setting.
    pub(super) misspelt: Vec<Ignored>,
}

/// What reading found out besides the values.
#[derive(Default)]
struct Notes {
    origins: Origins,
    problems: Vec<Problem>,
    /// The settings that were asked for, dotted for parts.
    settings: Vec<String>,
}

impl Reading {
    /// Begins to read; `project` is the directory that holds `.madsci`.
    pub(super) fn new(layers: Layers, project: &Path) -> Self {
        Self { layers, project: project.to_owned(), notes: Notes::default() }
    }

    /// A setting that always has a value.
    pub(super) fn value<T>(&mut self, setting: &str, default: T, coerce: fn(&Value) -> Coerced<T>) -> T {
        self.notes.settings.push(setting.to_owned());
        let found = self.layers.value(setting);
        found.and_then(|found| self.notes.take(setting, found, coerce, false)).unwrap_or(default)
    }

    /// A setting that may have none.
    pub(super) fn optional<T>(
        &mut self,
        setting: &str,
        default: Option<T>,
        coerce: fn(&Value) -> Coerced<T>,
    ) -> Option<T> {
        self.notes.settings.push(setting.to_owned());
        let Some(found) = self.layers.value(setting) else { return default };
        self.notes.take_optional(setting, found, coerce, false)
    }

    /// A text; one that begins with `.madsci/` is a path in the project's directory, as MADSci has it for all texts.
    pub(super) fn text(&mut self, setting: &str, default: &str) -> String {
        let text = self.value(setting, default.to_owned(), coerce::text);
        self.in_project(text)
    }

    /// A text or none.
    pub(super) fn optional_text(&mut self, setting: &str) -> Option<String> {
        let text = self.optional(setting, None, coerce::text);
        text.map(|text| self.in_project(text))
    }

    /// The URL of the database, which has several names.
    pub(super) fn mongo_db_url(&mut self, default: &str) -> Secret {
        self.notes.settings.extend(MONGO_DB_URL_KEYS.map(str::to_owned));
        let found = self.layers.mongo_db_url();
        found
            .and_then(|found| self.notes.take("mongo_db_url", found, coerce::mongo_db_url, true))
            .unwrap_or_else(|| Secret::new(default))
    }

    /// A setting that has parts, or none.
    pub(super) fn part<T>(&mut self, setting: &str, read: fn(&mut PartReading<'_, '_>) -> T) -> Option<T> {
        self.notes.settings.push(setting.to_owned());
        let (found, parts) = match self.layers.parts(setting) {
            Some(Entry::Parts { origin, parts }) => {
                self.notes.origins.note(setting, origin);
                (true, parts)
            }
            Some(Entry::Value(found)) => {
                let refuse = |_: &Value| {
                    Err("is not a table: write JSON such as {\"smtp_server\": \"mail.example.org\"}".to_owned())
                };
                self.notes.take_optional::<()>(setting, &found, refuse, true);
                (false, BTreeMap::new())
            }
            None => (false, BTreeMap::new()),
        };
        // The parts are asked for in any case, so that they are known.
        let value = read(&mut PartReading { setting, parts: &parts, notes: &mut self.notes });
        found.then_some(value)
    }

    /// Where a setting that was read came from.
    pub(super) fn origin(&self, setting: &str) -> Origin {
        self.notes.origins.of(setting).clone()
    }

    /// Notes a mistake.
    pub(super) fn problem(&mut self, problem: Problem) {
        self.notes.problems.push(problem);
    }

    /// Where the settings came from, what is wrong, and what nearly is a setting.
    pub(super) fn finish(self) -> Finished {
        let misspelt = spelling::misspelt(&self.layers, &self.notes.settings);
        Finished { origins: self.notes.origins, problems: self.notes.problems, misspelt }
    }

    fn in_project(&self, text: String) -> String {
        let is_inside = text == DIRECTORY_NAME || text.starts_with(&format!("{DIRECTORY_NAME}/"));
        if !is_inside {
            return text;
        }
        // Collecting the components drops doubled and closing slashes, as Python does.
        let path: PathBuf = self.project.join(text).components().collect();
        path.to_string_lossy().into_owned()
    }
}

/// The parts of one setting while they are read.
pub(super) struct PartReading<'a, 'n> {
    setting: &'a str,
    parts: &'a BTreeMap<String, Found>,
    notes: &'n mut Notes,
}

impl PartReading<'_, '_> {
    /// A part that always has a value.
    pub(super) fn value<T>(&mut self, part: &str, default: T, coerce: fn(&Value) -> Coerced<T>) -> T {
        let setting = self.ask(part);
        let found = self.parts.get(part);
        found.and_then(|found| self.notes.take(&setting, found, coerce, false)).unwrap_or(default)
    }

    /// A secret part that may have no value.
    pub(super) fn secret<T>(&mut self, part: &str, coerce: fn(&Value) -> Coerced<T>) -> Option<T> {
        let setting = self.ask(part);
        let found = self.parts.get(part)?;
        self.notes.take_optional(&setting, found, coerce, true)
    }

    fn ask(&mut self, part: &str) -> String {
        let setting = format!("{}.{part}", self.setting);
        self.notes.settings.push(setting.clone());
        setting
    }
}

impl Notes {
    fn take<T>(
        &mut self,
        setting: &str,
        found: &Found,
        coerce: impl Fn(&Value) -> Coerced<T>,
        is_secret: bool,
    ) -> Option<T> {
        self.origins.note(setting, found.origin.clone());
        match coerce(&found.value) {
            Ok(value) => Some(value),
            Err(expected) => {
                let value = if is_secret { MASK.to_owned() } else { found.value.to_string() };
                self.problems.push(Problem::Value { origin: found.origin.clone(), value, expected });
                None
            }
        }
    }

    fn take_optional<T>(
        &mut self,
        setting: &str,
        found: &Found,
        coerce: impl Fn(&Value) -> Coerced<T>,
        is_secret: bool,
    ) -> Option<T> {
        if found.value.is_null() || found.is_variable && found.value == "null" {
            self.origins.note(setting, found.origin.clone());
            return None;
        }
        self.take(setting, found, coerce, is_secret)
    }
}
