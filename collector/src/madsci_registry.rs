//! The registry in which MADSci keeps the ids of its managers by name, so that a manager is the same after every start.
//!
//! It is one JSON file for all programs of a project, `.madsci/registry.json`, shared with MADSci's own programs:
//!
//! - who reads or writes it holds `registry.json.lock` with `flock`, as Python's `filelock` does;
//! - who uses a name holds a lock in the name's entry, which lasts 30 seconds and is renewed every 10;
//! - what is not ours in the file is written back as it was.
//!
//! Our id must never be lost. So the file is replaced in one step, and one that cannot be understood stops the start and
//! is left alone, where MADSci would go on with another id.

mod entry;
mod file_lock;
mod registry;
mod table;

use std::{
    io,
    path::{Path, PathBuf},
    time::Duration,
};

use jiff::Timestamp;
use labtrail_shared::event_id;
use thiserror::Error;

pub(crate) use self::registry::Registry;
use crate::madsci_settings::{MadsciSettings, Sources};

/// How often a claim is renewed. Three times within the life of its lock, as MADSci does.
pub(crate) const RENEWAL_PERIOD: Duration = Duration::from_secs(10);
/// How long to wait for the file while another program reads or writes it.
const FILE_WAIT_MAX: Duration = Duration::from_secs(5);

/// Why there is no id from the registry.
#[derive(Debug, Error)]
pub(crate) enum RegistryError {
    /// The directory of the registry cannot be made.
    #[error("create {}", directory.display())]
    Directory {
        /// The directory.
        directory: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// The lock file of the registry cannot be used.
    #[error("lock {}", file.display())]
    Lock {
        /// The lock file.
        file: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// Another program does not let go of the file.
    #[error("lock {}: another program has held it for {} seconds", file.display(), FILE_WAIT_MAX.as_secs())]
    Busy {
        /// The lock file.
        file: PathBuf,
    },
    /// The registry cannot be read.
    #[error("read {}", file.display())]
    Read {
        /// The registry.
        file: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// The registry is not as MADSci writes it.
    #[error("understand {}: {problem}: the file is left as it is; mend it, or move it away to begin a new registry", file.display())]
    Broken {
        /// The registry.
        file: PathBuf,
        /// What is wrong.
        problem: String,
    },
    /// Another process uses our name.
    #[error("claim {name:?} in {}: process {pid} on {host} holds it until {until}; stop that one, or set EVENT_MANAGER_NAME", file.display())]
    Held {
        /// The name.
        name: String,
        /// The registry.
        file: PathBuf,
        /// The host of the process that holds it.
        host: String,
        /// The process.
        pid: i64,
        /// When it loses it if it does not renew it.
        until: Timestamp,
    },
    /// The name is no longer ours: its entry is gone, or somebody else took it after our lock had ended.
    #[error("renew {name:?} in {}: it is no longer held by this process", file.display())]
    Lost {
        /// The name.
        name: String,
        /// The registry.
        file: PathBuf,
    },
    /// The registry cannot be written.
    #[error("write {}", file.display())]
    Write {
        /// The registry.
        file: PathBuf,
        /// What the system says.
        source: io::Error,
    },
}

/// Who we are.
#[derive(Debug)]
pub(crate) struct Identity {
    /// The manager's ULID.
    pub(crate) id: String,
    /// The explicit `manager_id` that is not used because the registry has the word.
    pub(crate) overruled: Option<String>,
    /// Our hold of the name, if the id is from the registry.
    pub(crate) claim: Option<Claim>,
}

impl Identity {
    /// Finds the manager's id as MADSci does: in the registry unless that is off, then the explicit one, then a new one.
    ///
    /// Blocks for up to `registry_lock_timeout` while another process holds the name.
    pub(crate) fn find(settings: &MadsciSettings, sources: &Sources) -> Result<Self, RegistryError> {
        let explicit = settings.manager_id.clone().filter(|id| !id.is_empty());
        if !settings.enable_registry_resolution {
            return Ok(Self { id: explicit.unwrap_or_else(event_id::mint), overruled: None, claim: None });
        }
        let wait_max = match Duration::try_from_secs_f64(settings.registry_lock_timeout) {
            Ok(wait_max) => wait_max,
            Err(_) if settings.registry_lock_timeout < 0.0 => Duration::ZERO,
            Err(_) => Duration::MAX,
        };
        let claim = Registry::of(sources).claim(settings.registry_name(), wait_max)?;
        let overruled = explicit.filter(|id| *id != claim.id);
        Ok(Self { id: claim.id.clone(), overruled, claim: Some(claim) })
    }
}

/// A name that we hold. Whoever has it renews it every [`RENEWAL_PERIOD`] and releases it at the end. Both read and write
/// files, and wait up to five seconds for other programs to let go of them.
#[derive(Debug)]
pub(crate) struct Claim {
    /// The id that belongs to the name.
    pub(crate) id: String,
    /// Whether the name was unknown before.
    pub(crate) is_new: bool,
    name: String,
    registry: Registry,
}

impl Claim {
    /// The name.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// The registry's file.
    pub(crate) fn file(&self) -> &Path {
        self.registry.file()
    }

    /// Keeps the name for another 30 seconds.
    pub(crate) fn renew(&self) -> Result<(), RegistryError> {
        let Self { name, registry, .. } = self;
        registry.change(name, |table, now| entry::renew(table, name, &registry.holder, now))
    }

    /// Gives the name free, so that the next start need not wait.
    pub(crate) fn release(self) -> Result<(), RegistryError> {
        let Self { name, registry, .. } = self;
        registry.change(&name, |table, now| entry::release(table, &name, &registry.holder, now))
    }
}

#[cfg(test)]
mod tests;
