//! The registry's file: claimed from, changed by one program at a time, and replaced in one step.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Write},
    os::unix::fs::{MetadataExt, OpenOptionsExt, fchown},
    path::{Path, PathBuf},
    thread,
    time::{Duration, Instant},
};

use jiff::Timestamp;
use tracing::info;

use super::{
    Claim, FILE_WAIT_MAX, RegistryError,
    entry::{self, Claimed, EntryError, Holder},
    file_lock::{FileLock, FileLockError},
    table::Table,
};
use crate::madsci_settings::{MadsciDirectory, Sources};

/// How often to ask whether another process still holds our name.
const CLAIM_PERIOD: Duration = Duration::from_secs(2);
/// The name of the registry's file in `.madsci`.
const FILE_NAME: &str = "registry.json";

/// A registry file, and who we are to it.
#[derive(Debug, Clone)]
pub(crate) struct Registry {
    pub(super) file: PathBuf,
    pub(super) holder: Holder,
}

impl Registry {
    /// The registry that MADSci uses: the file that `MADSCI_REGISTRY_PATH` names, or that in the project's `.madsci`.
    pub(crate) fn of(sources: &Sources) -> Self {
        let in_project = || MadsciDirectory::search(&sources.place()).path().join(FILE_NAME);
        Self { file: sources.registry_path().unwrap_or_else(in_project), holder: Holder::this_process() }
    }

    /// The registry's file.
    pub(crate) fn file(&self) -> &Path {
        &self.file
    }

    /// Takes a name, waiting for so long while another process holds it. A name that has no entry gets one, with a new id.
    pub(crate) fn claim(self, name: &str, wait_max: Duration) -> Result<Claim, RegistryError> {
        let started = Instant::now();
        loop {
            match self.change(name, |registry, now| entry::claim(registry, name, &self.holder, now)) {
                Ok(Claimed { id, is_new }) => {
                    return Ok(Claim { id, is_new, name: name.to_owned(), registry: self });
                }
                Err(RegistryError::Held { host, pid, until, .. }) if started.elapsed() < wait_max => {
                    let pause = CLAIM_PERIOD.min(wait_max.saturating_sub(started.elapsed()));
                    info!(name, host, pid, %until, "the name is held by another process, waiting");
                    thread::sleep(pause);
                }
                Err(error) => return Err(error),
            }
        }
    }

    /// Reads the registry, changes it, and writes it, while nobody else does.
    pub(super) fn change<T>(
        &self,
        name: &str,
        change: impl FnOnce(&mut Table, Timestamp) -> Result<T, EntryError>,
    ) -> Result<T, RegistryError> {
        let _lock = self.lock()?;
        let mut registry = self.read()?;
        let changed = change(&mut registry, Timestamp::now()).map_err(|error| self.explain(name, error))?;
        self.write(&registry.print(0)).map_err(|source| RegistryError::Write { file: self.file.clone(), source })?;
        Ok(changed)
    }

    fn lock(&self) -> Result<FileLock, RegistryError> {
        let directory = self.file.parent().unwrap_or(Path::new("/"));
        fs::create_dir_all(directory)
            .map_err(|source| RegistryError::Directory { directory: directory.to_owned(), source })?;
        let mut file = self.file.clone().into_os_string();
        file.push(".lock");
        let file = PathBuf::from(file);
        FileLock::acquire(&file, FILE_WAIT_MAX).map_err(|error| match error {
            FileLockError::Busy => RegistryError::Busy { file },
            FileLockError::Open(source) => RegistryError::Lock { file, source },
        })
    }

    fn read(&self) -> Result<Table, RegistryError> {
        let text = match fs::read_to_string(&self.file) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Table::default()),
            Err(source) => return Err(RegistryError::Read { file: self.file.clone(), source }),
        };
        Table::parse(&text).map_err(|problem| self.broken(problem))
    }

    /// Replaces the file in one step. A link stays a link, and the file keeps its owner and its permissions if it may.
    fn write(&self, text: &str) -> io::Result<()> {
        let file = fs::canonicalize(&self.file).unwrap_or_else(|_| self.file.clone());
        let temporary = file.with_extension(format!("{}.tmp", self.holder.instance));
        let written = write_new(&temporary, text, fs::metadata(&file).ok().as_ref());
        let replaced = written.and_then(|()| fs::rename(&temporary, &file));
        if replaced.is_err() {
            // The error that counts is told; a leftover is harmless.
            let _ = fs::remove_file(&temporary);
        }
        replaced?;
        // Not all file systems can make a directory durable, and the registry is whole in any case.
        if let Some(directory) = file.parent() {
            let _ = File::open(directory).and_then(|directory| directory.sync_all());
        }
        Ok(())
    }

    fn explain(&self, name: &str, error: EntryError) -> RegistryError {
        let (name, file) = (name.to_owned(), self.file.clone());
        match error {
            EntryError::Held { host, pid, until } => RegistryError::Held { name, file, host, pid, until },
            EntryError::Lost => RegistryError::Lost { name, file },
            EntryError::Broken(problem) => self.broken(format!("{name:?}: {problem}")),
        }
    }

    fn broken(&self, problem: String) -> RegistryError {
        RegistryError::Broken { file: self.file.clone(), problem }
    }
}

fn write_new(file: &Path, text: &str, former: Option<&fs::Metadata>) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o644).open(file)?;
    if let Some(former) = former {
        file.set_permissions(former.permissions())?;
        // Only root may give files away; for others the registry becomes their own.
        let _ = fchown(&file, Some(former.uid()), Some(former.gid()));
    }
    file.write_all(text.as_bytes())?;
    file.sync_all()
}
