//! The settings of MADSci's Event Manager, read from where it reads them: `EVENT_*` variables, dotenv files, JSON, TOML
//! and YAML. A laboratory that moves to Labtrail keeps its files.
//!
//! Reading goes `madsci_directory → sources → lookup → reading → settings`: files are found, every source becomes a layer
//! of keys, a setting is looked up in the layers strongest first, and its value is coerced as pydantic does. All mistakes
//! are told at once. Nothing here reads the process: the environment and the directories are given, so that reading is pure
//! but for the files.

mod answer;
mod coerce;
mod dotenv;
mod email_alerts;
mod lookup;
mod madsci_directory;
mod origin;
mod problem;
mod reading;
mod server_url;
mod settings;
mod settings_file;
mod sources;
mod spelling;
mod variables;

pub(crate) use answer::{SettingsAnswer, settings_answer};
pub(crate) use email_alerts::EmailAlerts;
pub(crate) use madsci_directory::MadsciDirectory;
pub(crate) use origin::{Ignored, Origins};
pub(crate) use problem::{Problem, SettingsError};
pub(crate) use server_url::ServerUrl;
pub(crate) use settings::MadsciSettings;
pub(crate) use sources::{FilesFrom, Sources};

use std::path::PathBuf;

use reading::Reading;

/// What was read, and from where.
#[derive(Debug)]
pub(crate) struct Loaded {
    /// The settings.
    pub(crate) settings: MadsciSettings,
    /// Where each setting that is set came from.
    pub(crate) origins: Origins,
    /// The files that were read: dotenv files, then JSON, TOML and YAML, the weakest of each kind first.
    pub(crate) files: Vec<PathBuf>,
    /// What looks like a setting and is none, and lines of dotenv files that say nothing.
    pub(crate) ignored: Vec<Ignored>,
}

impl MadsciSettings {
    /// Reads the settings as MADSci's server does at its start.
    pub(crate) fn load(sources: &Sources) -> Result<Loaded, SettingsError> {
        let gathered = sources.gather();
        let mut reading = Reading::new(gathered.layers, MadsciDirectory::search(&sources.place()).parent());
        let settings = Self::read(&mut reading);
        let finished = reading.finish();
        let problems: Vec<Problem> = gathered.problems.into_iter().chain(finished.problems).collect();
        if !problems.is_empty() {
            return Err(SettingsError { problems });
        }
        let ignored = gathered.ignored.into_iter().chain(finished.misspelt).collect();
        Ok(Loaded { settings, origins: finished.origins, files: gathered.files, ignored })
    }
}

#[cfg(test)]
mod tests;
