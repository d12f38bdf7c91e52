//! Where a setting came from.

use std::{collections::BTreeMap, fmt, path::PathBuf};

/// Where a setting stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Origin {
    /// Nowhere: it has MADSci's default.
    Default,
    /// An environment variable.
    Environment {
        /// Its name as it is written in the environment, with a dot and the name of a part inside of its JSON.
        name: String,
    },
    /// A variable in a dotenv file.
    Dotenv {
        /// The file.
        file: PathBuf,
        /// The name as it is written in the file, as for the environment.
        name: String,
    },
    /// A key in a JSON, TOML or YAML file.
    File {
        /// The file.
        file: PathBuf,
        /// The key as it is written in the file, dotted for one inside `email_alerts`.
        key: String,
    },
}

impl Origin {
    /// The place of the part `inner` of the value that stands here.
    pub(super) fn inner(&self, inner: &str) -> Self {
        match self {
            Self::Default => Self::Default,
            Self::Environment { name } => Self::Environment { name: format!("{name}.{inner}") },
            Self::Dotenv { file, name } => Self::Dotenv { file: file.clone(), name: format!("{name}.{inner}") },
            Self::File { file, key } => Self::File { file: file.clone(), key: format!("{key}.{inner}") },
        }
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => formatter.write_str("default"),
            Self::Environment { name } => write!(formatter, "environment variable {name}"),
            Self::Dotenv { file, name: key } | Self::File { file, key } => {
                write!(formatter, "{}: {key}", file.display())
            }
        }
    }
}

/// The origins of those settings that are set. The parts of `email_alerts` have dotted names.
#[derive(Debug, Default)]
pub(crate) struct Origins(BTreeMap<String, Origin>);

impl Origins {
    /// Where a setting came from.
    pub(crate) fn of(&self, setting: &str) -> &Origin {
        self.0.get(setting).unwrap_or(&Origin::Default)
    }

    /// Whether a setting is set, be it to the value of its default.
    pub(crate) fn is_set(&self, setting: &str) -> bool {
        self.0.contains_key(setting)
    }

    /// The settings that are set, by name, with their origins.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, &Origin)> {
        self.0.iter().map(|(setting, origin)| (setting.as_str(), origin))
    }

    /// Notes where a setting came from.
    pub(super) fn note(&mut self, setting: impl Into<String>, origin: Origin) {
        self.0.insert(setting.into(), origin);
    }
}

/// What MADSci passes over without a word, and whoever wrote it would want to know.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Ignored {
    /// A key or variable that is no setting, but nearly one.
    Misspelt {
        /// Where it stands.
        origin: Origin,
        /// What was probably meant, as it would be written there.
        nearest: String,
    },
    /// A part of `email_alerts` that there is not.
    Unknown {
        /// Where it stands.
        origin: Origin,
    },
    /// A line of a dotenv file that is no assignment.
    Line {
        /// The file.
        file: PathBuf,
        /// The line, from 1.
        line: usize,
    },
}

impl fmt::Display for Ignored {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Misspelt { origin, nearest } => {
                write!(formatter, "{origin} is not a setting and is ignored: did you mean {nearest}?")
            }
            Self::Unknown { origin } => write!(formatter, "{origin} is not a setting and is ignored"),
            Self::Line { file, line } => {
                write!(formatter, "{}:{line}: this line is not NAME=VALUE and is ignored", file.display())
            }
        }
    }
}
