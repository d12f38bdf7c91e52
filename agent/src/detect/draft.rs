//! A section of the config in the making: its settings as text, each with the evidence for it.

use std::fmt::Write as _;

use super::{
    text::one_line,
    trial::{self, Trial, TrialError, TrialFile},
};
use crate::{config::FilesSection, decode::NotText, preset::Preset};

/// A section in the making.
#[derive(Debug, Default)]
pub(super) struct Draft {
    settings: Vec<Setting>,
    /// Evidence that is about no setting.
    pub(super) remarks: Vec<String>,
    /// What a person has to decide.
    pub(super) warnings: Vec<String>,
    preset: Option<&'static Preset>,
}

/// A config with one section.
#[derive(serde::Deserialize)]
struct Config {
    files: [FilesSection; 1],
}

/// Where a setting stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Table {
    Files,
    Record,
    Time,
}

#[derive(Debug)]
struct Setting {
    table: Table,
    /// `key = value`
    text: String,
    evidence: String,
}

impl Draft {
    pub(super) fn of_preset(preset: &'static Preset, evidence: String) -> Self {
        let mut draft = Self { preset: Some(preset), ..Self::default() };
        draft.set(Table::Files, format!("preset = \"{}\"", preset.name), evidence);
        draft
    }

    /// Adds a setting, `key = value`, with the reason for it.
    pub(super) fn set(&mut self, table: Table, text: impl Into<String>, evidence: impl Into<String>) {
        self.settings.push(Setting { table, text: text.into(), evidence: evidence.into() });
    }

    /// What was found, for people: each setting with its evidence.
    pub(super) fn evidence(&self) -> impl Iterator<Item = (String, &str)> {
        self.settings.iter().map(|setting| {
            let table = match setting.table {
                Table::Files => "",
                Table::Record => "record.",
                Table::Time => "time.",
            };
            (format!("{table}{}", setting.text), setting.evidence.as_str())
        })
    }

    /// The settings as TOML below `[[files]]`, with comments if wanted.
    pub(super) fn to_toml(&self, has_comments: bool) -> String {
        let mut text = String::new();
        for (table, head) in
            [(Table::Files, ""), (Table::Record, "\n[files.record]\n"), (Table::Time, "\n[files.time]\n")]
        {
            let mut settings = self.settings.iter().filter(|setting| setting.table == table).peekable();
            if settings.peek().is_some() {
                text.push_str(head);
            }
            for setting in settings {
                if has_comments && !setting.evidence.is_empty() {
                    let _ = writeln!(text, "# {}.", one_line(&sentence(&setting.evidence)));
                }
                text.push_str(&setting.text);
                text.push('\n');
            }
        }
        text
    }

    /// The section, compiled.
    pub(super) fn section(&self) -> FilesSection {
        if let Some(preset) = self.preset {
            return preset.section();
        }
        let text = format!("[[files]]\n{}", self.to_toml(false));
        let config: Config =
            toml::from_str(&text).unwrap_or_else(|error| panic!("a proposal is a section: {error}\n{text}"));
        let [section] = config.files;
        section
    }

    /// The section and what it gives.
    pub(super) fn try_on(&self, file: &TrialFile<'_>, events_max: usize) -> Result<(FilesSection, Trial), NotText> {
        let section = self.section();
        match trial::read(&section, file, events_max) {
            Ok(trial) => Ok((section, trial)),
            Err(TrialError::NotText(reason)) => Err(reason),
            Err(TrialError::Config(error)) => panic!("a proposal goes together: {error}"),
        }
    }
}

/// A text with its first letter in upper case.
pub(super) fn sentence(text: &str) -> String {
    let mut characters = text.chars();
    characters.next().map(|first| first.to_uppercase().chain(characters).collect()).unwrap_or_default()
}

/// A text as a TOML string in which backslashes stay, if it can be one.
pub(super) fn quoted(text: &str) -> String {
    if text.contains(['\'', '\n', '\r']) || text.contains(char::is_control) {
        toml::Value::String(text.to_owned()).to_string()
    } else {
        format!("'{text}'")
    }
}
