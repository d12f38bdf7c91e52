//! Where in its folder a file lies that is no longer where it was.

use std::{
    collections::HashMap,
    fs::Metadata,
    io,
    path::{Path, PathBuf},
};

use super::identity::Locator;

/// The folders that were listed while looking for missing files: each once, however many files are missed in it.
#[derive(Debug, Default)]
pub(super) struct Folders(HashMap<PathBuf, HashMap<Locator, PathBuf>>);

impl Folders {
    /// Where in its folder a file lies now, whatever its name. An error means that nobody can tell.
    pub(super) fn find(&mut self, old_path: &Path, locator: &Locator) -> io::Result<Option<(PathBuf, Metadata)>> {
        let Some(folder) = old_path.parent() else { return Ok(None) };
        if !self.0.contains_key(folder) {
            self.0.insert(folder.to_owned(), list(folder, locator.device)?);
        }
        let Some(path) = self.0[folder].get(locator) else { return Ok(None) };
        match std::fs::metadata(path) {
            Ok(metadata) if Locator::of(&metadata) == *locator => Ok(Some((path.clone(), metadata))),
            // It moved on while we looked: the next scan finds it.
            _ => Err(io::Error::other("the file is being moved")),
        }
    }
}

/// The device on which a path lies, or would: that of the nearest folder that exists.
pub(super) fn find_device(path: &Path) -> Option<u64> {
    let existing = path.ancestors().skip(1).find(|folder| folder.is_dir())?;
    Some(Locator::of(&std::fs::metadata(existing).ok()?).device)
}

/// The files of a folder. That a folder on that device is really gone is only believed if what it lay in is still on
/// the same device: a share that is not mounted looks like an empty folder.
fn list(folder: &Path, device: u64) -> io::Result<HashMap<Locator, PathBuf>> {
    let existing = folder.ancestors().find(|folder| folder.is_dir()).unwrap_or(Path::new("/"));
    if Locator::of(&std::fs::metadata(existing)?).device != device {
        return Err(io::Error::other("its file system is not mounted"));
    }
    let mut files = HashMap::new();
    if existing == folder {
        for entry in std::fs::read_dir(folder)? {
            let entry = entry?;
            if let Ok(metadata) = entry.metadata()
                && metadata.is_file()
            {
                files.insert(Locator::of(&metadata), entry.path());
            }
        }
    }
    Ok(files)
}
