//! What is wrong with settings.

use std::{fmt, path::PathBuf};

use thiserror::Error;

use super::origin::Origin;

/// One mistake: where it is, what stands there, and what would be right.
#[derive(Debug, Error)]
pub(crate) enum Problem {
    /// A settings file cannot be read.
    #[error("read {}", file.display())]
    Read {
        /// The file.
        file: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// The name of a file does not tell how to read it.
    #[error("{}: the name does not tell its kind: use .yaml, .yml, .toml, .json or .env", file.display())]
    Kind {
        /// The file.
        file: PathBuf,
    },
    /// The text of a file is not of its kind.
    #[error("{}:{line}: {message}", file.display())]
    Syntax {
        /// The file.
        file: PathBuf,
        /// The line, from 1.
        line: usize,
        /// What the parser says. It does not quote the file, which may hold passwords.
        message: String,
    },
    /// A file holds something other than settings by name.
    #[error("{}: this is not a table of settings: write `name: value` lines or the like", file.display())]
    Table {
        /// The file.
        file: PathBuf,
    },
    /// A value is not one that the setting can have.
    #[error("{origin}: {value} {expected}")]
    Value {
        /// Where it stands.
        origin: Origin,
        /// What stands there; `***` for a secret.
        value: String,
        /// Why not, and what would be right.
        expected: String,
    },
}

/// Why the settings were refused: every mistake that was found.
#[derive(Debug)]
pub(crate) struct SettingsError {
    /// The mistakes, at least one.
    pub(crate) problems: Vec<Problem>,
}

impl std::error::Error for SettingsError {}

impl fmt::Display for SettingsError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, problem) in self.problems.iter().enumerate() {
            let separator = if index == 0 { "" } else { "\n" };
            write!(formatter, "{separator}{problem}")?;
            // The list has no single cause, so each mistake tells its own.
            if let Problem::Read { source, .. } = problem {
                write!(formatter, ": {source}")?;
            }
        }
        Ok(())
    }
}
