//! Instruments and programs whose files are known: for each a ready-made `[[files]]` section.
//!
//! A preset is a TOML file below `preset/`: what it is for, where such files usually lie, how they are recognised, and at its
//! end, below the line `[files]`, the section as a config has it.

mod environment;
mod listing;
mod rule;

use std::sync::LazyLock;

use serde::{Deserialize, de::IgnoredAny};
use thiserror::Error;

pub(crate) use self::listing::{list, show};
pub(crate) use self::rule::DetectRule;
use crate::config::FilesSection;

/// The line of a preset's file below which the section stands.
const SECTION_MARK: &str = "\n[files]\n";

/// Why there is no section.
#[derive(Debug, Error)]
pub enum PresetError {
    /// No preset has this name.
    #[error("there is no preset {name:?}: {}`labtrail-agent presets` lists all", nearest.map(|nearest| format!("did you mean {nearest:?}? ")).unwrap_or_default())]
    Unknown {
        /// The name.
        name: String,
        /// The preset whose name is most like it, if one is like it at all.
        nearest: Option<&'static str>,
    },
    /// A variable of this machine's environment makes a path that is none.
    #[error("the usual paths of the preset {name:?} cannot be used on this machine: set paths beside preset")]
    Paths {
        /// The preset.
        name: &'static str,
        /// What is wrong with them.
        source: toml::de::Error,
    },
}

/// A ready-made section.
#[derive(Debug)]
pub(crate) struct Preset {
    /// As it is written in `preset = "..."`.
    pub(crate) name: &'static str,
    /// The instrument or program.
    pub(crate) title: String,
    /// What to know and what to look at, in a few sentences.
    pub(crate) notes: String,
    /// What it was written from.
    pub(crate) origin: PresetOrigin,
    /// Where such files usually lie. Empty: anywhere.
    pub(crate) paths: DefaultPaths,
    /// How such files are recognised. Nothing: they are like those of other programs.
    pub(crate) detect: Option<DetectRule>,
    /// The section as text, with its comments.
    pub(crate) section_text: &'static str,
    text: &'static str,
}

/// What a preset was written from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum PresetOrigin {
    /// A file that the instrument wrote.
    Sample,
    /// Manuals and public code: to be compared with a real file.
    Documentation,
}

/// The usual places of files. `%NAME%` and `~` stand in them as text.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct DefaultPaths {
    pub(crate) windows: Vec<String>,
    pub(crate) linux: Vec<String>,
}

/// Whose paths are meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum System {
    Windows,
    /// Linux and its relatives.
    Linux,
}

/// A preset's file, as far as its head.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Head {
    title: String,
    notes: String,
    origin: PresetOrigin,
    paths: DefaultPaths,
    #[serde(default)]
    detect: Option<DetectRule>,
    #[serde(rename = "files")]
    _files: IgnoredAny,
}

macro_rules! texts {
    ($($name:literal),* $(,)?) => { [$(($name, include_str!(concat!("preset/", $name, ".toml")))),*] };
}

/// In the order in which they are listed, and in which a file is compared with them.
const TEXTS: &[(&str, &str)] = &texts![
    "agilent-chemstation",
    "beckman-biomek",
    "bruker-topspin-audit",
    "epics-ioc",
    "fanuc-errall",
    "fanuc-logbook",
    "hamilton-venus-trace",
    "illumina-ga-events",
    "illumina-instrument",
    "illumina-runlog-xml",
    "labview-lvm",
    "labview-lvm-comma",
    "madsci-client",
    "micromanager",
    "nanopore-minknow",
    "opentrons",
    "opentrons-app",
    "klipper",
    "moonraker",
    "octoprint",
    "ros1",
    "sqlserver-errorlog",
    "tecan-evoware-errors",
    "tecan-evoware-run",
    "tecan-evoware-trace",
    "bluesky-progress",
    "serial-capture",
    "syslog",
    "python-logging",
    "generic-csv",
    "generic-csv-semicolon",
];

static PRESETS: LazyLock<Vec<Preset>> =
    LazyLock::new(|| TEXTS.iter().map(|(name, text)| Preset::of_text(name, text)).collect());

/// All presets, in the order in which they are listed.
pub(crate) fn all() -> &'static [Preset] {
    &PRESETS
}

/// The preset with this name.
pub(crate) fn find(name: &str) -> Option<&'static Preset> {
    all().iter().find(|preset| preset.name == name)
}

/// The preset with this name, or an error that proposes another.
pub(crate) fn get(name: &str) -> Result<&'static Preset, PresetError> {
    find(name).ok_or_else(|| PresetError::Unknown { name: name.to_owned(), nearest: nearest(name) })
}

/// The section of the preset with this name, with the usual paths of this machine.
pub(crate) fn section(name: &str) -> Result<FilesSection, PresetError> {
    let preset = get(name)?;
    preset.section_with(&preset.paths_on(System::this(), |name| std::env::var(name).ok()))
}

impl System {
    /// The one this program was built for.
    pub(crate) fn this() -> Self {
        if cfg!(windows) { Self::Windows } else { Self::Linux }
    }
}

impl Preset {
    fn of_text(name: &'static str, text: &'static str) -> Self {
        let Head { title, notes, origin, paths, detect, _files } =
            toml::from_str(text).unwrap_or_else(|error| panic!("preset {name} is tested: {error}"));
        let (_, section_text) = text.split_once(SECTION_MARK).expect("each preset has a section");
        Self { name, title, notes, origin, paths, detect, section_text, text }
    }

    /// The usual paths on a system as they are written in the preset.
    pub(crate) fn usual_paths(&self, system: System) -> &[String] {
        match system {
            System::Windows => &self.paths.windows,
            System::Linux => &self.paths.linux,
        }
    }

    /// The usual paths on a system, with `%NAME%` and `~` replaced by what `environment` says; those of which something is not
    /// known are left out.
    pub(crate) fn paths_on(&self, system: System, environment: impl Fn(&str) -> Option<String>) -> Vec<String> {
        let paths = self.usual_paths(system).iter();
        paths.filter_map(|path| environment::expand(path, &environment)).collect()
    }

    /// The section, which says nothing of paths.
    pub(crate) fn section(&self) -> FilesSection {
        self.section_with(&[]).expect("each preset is tested")
    }

    /// The section with these paths.
    fn section_with(&self, paths: &[String]) -> Result<FilesSection, PresetError> {
        let mut whole: toml::Table = toml::from_str(self.text).expect("each preset is tested");
        let mut files = whole.remove("files").unwrap_or(toml::Value::Table(toml::Table::new()));
        if let Some(files) = files.as_table_mut().filter(|_| !paths.is_empty()) {
            files.insert("paths".to_owned(), paths.to_vec().into());
        }
        files.try_into().map_err(|source| PresetError::Paths { name: self.name, source })
    }
}

fn nearest(name: &str) -> Option<&'static str> {
    let name = name.to_lowercase();
    let likeness = |other: &str| {
        // Who writes `venus` means hamilton-venus-trace.
        let holds = name.len() >= 4 && other.split('-').any(|part| part == name)
            || other.starts_with(&name) && !name.is_empty();
        strsim::jaro_winkler(&name, other).max(if holds { 0.99 } else { 0.0 })
    };
    let (best, found) =
        TEXTS.iter().map(|(other, _)| (likeness(other), *other)).max_by(|one, other| one.0.total_cmp(&other.0))?;
    (best > 0.75).then_some(found)
}

#[cfg(test)]
mod tests;
