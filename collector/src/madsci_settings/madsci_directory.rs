//! Where MADSci looks: for settings files upwards from a directory, and for the `.madsci` directory of the project.

use std::path::{Path, PathBuf};

/// The name of the directory that marks a project.
pub(super) const DIRECTORY_NAME: &str = ".madsci";
/// The second mark of a project.
const REPOSITORY_NAME: &str = ".git";
/// How many directories are looked at: the one to start from and ten above it.
const DIRECTORIES_MAX: usize = 11;
/// Where below the start a settings file may stand if it is not found upwards.
const BELOW: [&str; 2] = ["managers", "config"];

/// Where a search starts, and where it must not go beyond.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Place {
    start: PathBuf,
    home: Option<PathBuf>,
}

impl Place {
    /// A search from `start`, which is relative to `working_directory` and may begin with `~`.
    pub(super) fn new(start: &Path, working_directory: &Path, home: Option<&Path>) -> Self {
        let start = resolve(&working_directory.join(expand_home(start, home)));
        Self { start, home: home.map(resolve) }
    }

    /// The settings file of this name: the first upwards to a project's directory or to home, else one below the start.
    pub(super) fn settings_file(&self, name: &str) -> Option<PathBuf> {
        for directory in self.upwards() {
            let candidate = directory.join(name);
            if candidate.is_file() {
                return Some(resolve(&candidate));
            }
            if directory.join(DIRECTORY_NAME).is_dir() || directory.join(REPOSITORY_NAME).exists() {
                break;
            }
        }
        let below = BELOW.iter().map(|directory| self.start.join(directory).join(name));
        below.into_iter().find(|candidate| candidate.is_file()).map(|found| resolve(&found))
    }

    /// The start and the directories above it, up to home.
    fn upwards(&self) -> impl Iterator<Item = &Path> {
        let mut is_past_home = false;
        self.start.ancestors().take(DIRECTORIES_MAX).take_while(move |directory| {
            let is_within = !is_past_home;
            is_past_home = self.home.as_deref() == Some(*directory);
            is_within
        })
    }
}

/// The `.madsci` directory of a project. It need not exist.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct MadsciDirectory(PathBuf);

impl MadsciDirectory {
    /// The nearest `.madsci` upwards; else beside the nearest `.git`; else at home.
    pub(crate) fn search(place: &Place) -> Self {
        let mut beside_repository = None;
        for directory in place.upwards() {
            let candidate = directory.join(DIRECTORY_NAME);
            if candidate.is_dir() {
                return Self(candidate);
            }
            if beside_repository.is_none() && directory.join(REPOSITORY_NAME).exists() {
                beside_repository = Some(candidate);
            }
        }
        let at_home = || place.home.as_deref().unwrap_or(&place.start).join(DIRECTORY_NAME);
        Self(beside_repository.unwrap_or_else(at_home))
    }

    /// The directory.
    pub(crate) fn path(&self) -> &Path {
        &self.0
    }

    /// The directory that holds it: the project's.
    pub(super) fn parent(&self) -> &Path {
        self.0.parent().unwrap_or(&self.0)
    }
}

/// The path with `~` at its beginning replaced. `~name`, the home of another user, stays as it is.
pub(super) fn expand_home(path: &Path, home: Option<&Path>) -> PathBuf {
    match (path.strip_prefix("~"), home) {
        (Ok(rest), Some(home)) => home.join(rest),
        _ => path.to_owned(),
    }
}

/// The path without links and dots, as far as it exists.
pub(super) fn resolve(path: &Path) -> PathBuf {
    if let Ok(resolved) = path.canonicalize() {
        return resolved;
    }
    match (path.parent(), path.file_name()) {
        (Some(parent), Some(name)) => resolve(parent).join(name),
        (Some(parent), None) => resolve(parent).parent().map(Path::to_owned).unwrap_or_default(),
        (None, _) => path.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use std::{fs, path::Path};

    use super::{MadsciDirectory, Place};

    #[test]
    fn files_are_searched_upwards_to_a_mark() {
        let directory = tempfile::tempdir().unwrap();
        let root = directory.path().canonicalize().unwrap();
        let write = |path: &str| {
            fs::create_dir_all(root.join(path).parent().unwrap()).unwrap();
            fs::write(root.join(path), "").unwrap();
        };
        for file in ["settings.yaml", "lab/settings.yaml", "lab/cell/config/event.env", "lab/cell/managers/events.env"]
        {
            write(file);
        }
        let check = |start: &str, home: &str, name: &str, expected: Option<&str>| {
            let place = Place::new(Path::new(start), &root, Some(&root.join(home)));
            assert_eq!(place.settings_file(name), expected.map(|path| root.join(path)), "{start} {home} {name}");
        };
        check("lab/cell", "", "settings.yaml", Some("lab/settings.yaml"));
        check("lab/cell", "lab/cell", "settings.yaml", None);
        check("lab/cell", "", "event.env", Some("lab/cell/config/event.env"));
        check("lab/cell", "", "events.env", Some("lab/cell/managers/events.env"));
        check("lab", "", "events.env", None);
        check("lab/none/such/../..", "", "settings.yaml", Some("lab/settings.yaml"));
        check("~/cell", "lab", "settings.yaml", Some("lab/settings.yaml"));
        fs::create_dir_all(root.join("lab/cell/.madsci")).unwrap();
        check("lab/cell", "", "settings.yaml", None);
        fs::remove_dir(root.join("lab/cell/.madsci")).unwrap();
        write("lab/cell/.git");
        check("lab/cell", "", "settings.yaml", None);
        let deep = "a/b/c/d/e/f/g/h/i/j";
        fs::create_dir_all(root.join(deep)).unwrap();
        check(deep, "", "settings.yaml", Some("settings.yaml"));
        fs::create_dir_all(root.join(deep).join("k")).unwrap();
        check(&format!("{deep}/k"), "", "settings.yaml", None);
    }

    #[test]
    fn the_project_is_found() {
        let directory = tempfile::tempdir().unwrap();
        let root = directory.path().canonicalize().unwrap();
        fs::create_dir_all(root.join("home/lab/cell")).unwrap();
        let check = |expected: &str| {
            let place = Place::new(Path::new("home/lab/cell"), &root, Some(&root.join("home")));
            assert_eq!(MadsciDirectory::search(&place).path(), root.join(expected));
        };
        check("home/.madsci");
        fs::write(root.join("home/lab/.git"), "").unwrap();
        check("home/lab/.madsci");
        fs::create_dir(root.join("home/.madsci")).unwrap();
        check("home/.madsci");
        fs::create_dir(root.join("home/lab/cell/.madsci")).unwrap();
        check("home/lab/cell/.madsci");
    }
}
