//! Where in its folder a file lies that is no longer where it was.

use std::{
    collections::HashMap,
    fs::Metadata,
    io,
    path::{Path, PathBuf},
    time::Duration,
};

use super::identity::Locator;

/// So often at most is a folder listed in which files are being renamed, made or deleted: who is not there each time is gone.
const LISTINGS_MAX: usize = 4;

/// A folder that was not changed for so long is not being changed.
const CALM: Duration = Duration::from_secs(2);

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
        for listing in 1..=LISTINGS_MAX {
            let changed_before = std::fs::metadata(folder)?.modified()?;
            let is_whole = add_files(folder, &mut files)?;
            let changed = std::fs::metadata(folder)?.modified()?;
            // Its time is no finer than a clock tick.
            let is_calm = changed.elapsed().unwrap_or_else(|ahead| ahead.duration()) > CALM;
            // On a share its time may be another computer's, or an old one: once is never enough.
            if is_whole && is_calm && changed == changed_before && listing > 1 {
                break;
            }
        }
    }
    Ok(files)
}

/// Adds the files that a folder lists; false if one was not under its name any more. A file that is renamed meanwhile may be
/// listed under both of its names or under none.
fn add_files(folder: &Path, files: &mut HashMap<Locator, PathBuf>) -> io::Result<bool> {
    let mut is_whole = true;
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        match entry.metadata() {
            Ok(metadata) if metadata.is_file() => {
                files.insert(Locator::of(&metadata), entry.path());
            }
            Ok(_) => {}
            Err(_) => is_whole = false,
        }
    }
    Ok(is_whole)
}

#[cfg(test)]
mod tests {
    use std::{
        fs,
        sync::atomic::{AtomicBool, Ordering},
        thread,
        time::Duration,
    };

    use super::*;

    #[test]
    fn a_file_that_is_renamed_again_and_again_is_always_there() {
        const FILES: usize = 300;
        const RENAMES: usize = 150;
        let folder = tempfile::tempdir().expect("a folder");
        let path = |name: &str| folder.path().join(name);
        for number in 0..FILES {
            fs::write(path(&format!("{number:03}.log")), "line\n").expect("a file can be written");
        }
        let locator = Locator::of(&fs::metadata(path("150.log")).expect("it is there"));
        let is_over = AtomicBool::new(false);
        let (mut found, mut missed) = (0, 0);
        thread::scope(|scope| {
            scope.spawn(|| {
                let mut name = path("150.log");
                for number in 0..RENAMES {
                    // Rotated as log files are: once in a while, at any moment of whoever looks.
                    thread::sleep(Duration::from_millis(20));
                    let next = path(&format!("{}.{number}.log", number * 7 % 300));
                    fs::rename(&name, &next).expect("a file can be renamed");
                    name = next;
                }
                is_over.store(true, Ordering::Relaxed);
            });
            while !is_over.load(Ordering::Relaxed) {
                match Folders::default().find(&path("150.log"), &locator) {
                    Ok(Some(_)) => found += 1,
                    Ok(None) => missed += 1,
                    Err(_) => {}
                }
            }
        });
        assert!(found > 0 && missed == 0, "found {found} times, and missed {missed} times");
    }
}
