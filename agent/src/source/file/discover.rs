//! Finds the files that the patterns mean. The scan is the truth; what the operating system notifies is only a hint.

use std::{
    fs::Metadata,
    io,
    path::{Path, PathBuf},
};

use globset::{Glob, GlobBuilder, GlobMatcher, GlobSet, GlobSetBuilder};
use serde::{Deserialize, Serialize};
use tracing::warn;

use crate::platform;

/// A file, a folder (all files below it) or a glob.
#[derive(Debug, Clone)]
pub(crate) struct Pattern {
    text: String,
    base: PathBuf,
    /// Absent where the pattern is the very path.
    glob: Option<GlobMatcher>,
}

impl Pattern {
    /// Compiles a pattern. Relative ones count from the working directory.
    pub(crate) fn compile(text: &str) -> Result<Self, String> {
        let absolute = std::path::absolute(text).map_err(|error| format!("{text:?} is not a path: {error}"))?;
        // A share that does not answer must hold up nobody who reads a config: it is not asked.
        let is_there = || platform::share_of(&absolute).is_none() && absolute.exists();
        let is_glob = text.contains(['*', '?', '[', '{']) && !is_there();
        if !is_glob {
            return Ok(Self { text: text.to_owned(), base: absolute, glob: None });
        }
        let glob = absolute.to_str().ok_or_else(|| format!("{text:?} is not UTF-8"))?;
        let glob = GlobBuilder::new(glob).literal_separator(true).build().map_err(|error| error.to_string())?;
        let is_plain = |part: &Path| !part.to_string_lossy().contains(['*', '?', '[', '{']);
        let base = absolute.ancestors().find(|part| is_plain(part)).unwrap_or(Path::new("/")).to_owned();
        Ok(Self { text: text.to_owned(), base, glob: Some(glob.compile_matcher()) })
    }

    /// A pattern that means this very file, whatever its name looks like.
    pub(crate) fn of_file(path: &Path) -> Self {
        Self { text: escaped(&path.to_string_lossy()), base: path.to_owned(), glob: None }
    }

    /// The pattern as it was written.
    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    /// The folder or file below which all lies that it means.
    pub(crate) fn base(&self) -> &Path {
        &self.base
    }

    /// Whether it means this path, were it that of a file.
    pub(crate) fn matches(&self, path: &Path) -> bool {
        match &self.glob {
            Some(glob) => glob.is_match(path),
            None => path.starts_with(&self.base),
        }
    }

    /// Whether it says that it means packed files.
    fn means_packed(&self) -> bool {
        self.text.to_ascii_lowercase().ends_with(".gz")
    }

    /// The folder to watch, and whether to watch all below it too.
    pub(crate) fn watched_folder(&self) -> (&Path, bool) {
        if self.base.is_dir() {
            (&self.base, !self.is_flat())
        } else {
            (self.base.parent().unwrap_or(&self.base), false)
        }
    }

    /// Whether all its files lie directly in the base folder.
    fn is_flat(&self) -> bool {
        let glob = self.glob.as_ref().map_or("", |glob| glob.glob().glob());
        Path::new(glob).parent() == Some(&self.base)
    }

    /// Visits every file that it means. Folders that cannot be read are reported once a scan.
    fn visit(&self, excluded: &Exclude, visit: &mut dyn FnMut(PathBuf, Metadata, bool)) {
        let metadata = match std::fs::metadata(&self.base) {
            Ok(metadata) => metadata,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return,
            Err(error) => {
                warn!(path = %self.base.display(), %error, "cannot look at this path");
                return;
            }
        };
        if metadata.is_dir() {
            self.walk(&self.base, excluded, visit);
        } else if metadata.is_file() {
            visit(self.base.clone(), metadata, true);
        }
    }

    fn walk(&self, folder: &Path, excluded: &Exclude, visit: &mut dyn FnMut(PathBuf, Metadata, bool)) {
        let entries = match std::fs::read_dir(folder) {
            Ok(entries) => entries,
            Err(error) => {
                warn!(path = %folder.display(), %error, "cannot list this folder");
                return;
            }
        };
        for entry in entries.flatten() {
            let path = entry.path();
            let Ok(kind) = entry.file_type() else { continue };
            if excluded.matches_for(&path, self) {
                continue;
            }
            if kind.is_dir() {
                if !self.is_flat() {
                    self.walk(&path, excluded, visit);
                }
                continue;
            }
            if self.glob.as_ref().is_some_and(|glob| !glob.is_match(&path)) {
                continue;
            }
            // A link to a file is followed, a link to a folder is not: it may lead in a circle.
            if let Ok(metadata) = std::fs::metadata(&path)
                && metadata.is_file()
            {
                visit(path, metadata, false);
            }
        }
    }
}

/// A path as a pattern that means it and nothing else.
pub(crate) fn escaped(path: &str) -> String {
    if !path.contains(['*', '?', '[', '{']) {
        return path.to_owned();
    }
    let escaped = globset::escape(path);
    // A backslash takes away the meaning of what follows, but where it stands between folders.
    if cfg!(windows) { escaped } else { escaped.replace('\\', "[\\]") }
}

impl Serialize for Pattern {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.text)
    }
}

impl<'de> Deserialize<'de> for Pattern {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::compile(&String::deserialize(deserializer)?).map_err(serde::de::Error::custom)
    }
}

/// A file that a pattern means.
#[derive(Debug)]
pub(crate) struct Found {
    pub path: PathBuf,
    pub metadata: Metadata,
    /// Which pattern of its section means it.
    pub pattern: usize,
    /// The pattern names this very file.
    pub is_named: bool,
}

/// What to leave out: patterns for whole paths (with a slash) or for names.
#[derive(Debug, Clone)]
pub(crate) struct Exclude {
    texts: Vec<String>,
    paths: GlobSet,
    names: GlobSet,
    /// The same without `*.gz`.
    names_of_packed: GlobSet,
    folder: Option<PathBuf>,
}

impl Exclude {
    /// Compiles the patterns.
    pub(crate) fn compile(texts: Vec<String>) -> Result<Self, String> {
        let (mut paths, mut names) = (GlobSetBuilder::new(), GlobSetBuilder::new());
        let mut names_of_packed = GlobSetBuilder::new();
        for text in &texts {
            let glob = Glob::new(text).map_err(|error| error.to_string())?;
            if text.contains('/') {
                paths.add(glob);
                continue;
            }
            if text != "*.gz" {
                names_of_packed.add(glob.clone());
            }
            names.add(glob);
        }
        let build = |set: &GlobSetBuilder| set.build().map_err(|error| error.to_string());
        Ok(Self {
            paths: build(&paths)?,
            names: build(&names)?,
            names_of_packed: build(&names_of_packed)?,
            texts,
            folder: None,
        })
    }

    /// Leaves out a folder too: the agent's own.
    pub(crate) fn and_folder(&self, folder: &Path) -> Self {
        Self { folder: std::path::absolute(folder).ok(), ..self.clone() }
    }

    /// Whether this path is to be left out.
    pub(crate) fn matches(&self, path: &Path) -> bool {
        self.leaves_out(path, &self.names)
    }

    /// Whether this path is to be left out where a pattern means it: one that ends in `.gz` means packed files all the same.
    pub(crate) fn matches_for(&self, path: &Path, pattern: &Pattern) -> bool {
        self.leaves_out(path, if pattern.means_packed() { &self.names_of_packed } else { &self.names })
    }

    fn leaves_out(&self, path: &Path, names: &GlobSet) -> bool {
        names.is_match(path.file_name().unwrap_or_default())
            || !self.paths.is_empty() && self.paths.is_match(path)
            || self.folder.as_deref() == Some(path)
    }
}

impl Serialize for Exclude {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.texts.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Exclude {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::compile(Vec::deserialize(deserializer)?).map_err(serde::de::Error::custom)
    }
}

/// Visits every file that these patterns mean and that is not left out.
pub(crate) fn visit_files(patterns: &[Pattern], excluded: &Exclude, mut visit: impl FnMut(Found)) {
    for (index, pattern) in patterns.iter().enumerate() {
        pattern.visit(excluded, &mut |path, metadata, is_named| {
            visit(Found { path, metadata, pattern: index, is_named });
        });
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::{Exclude, Pattern, visit_files};

    fn check(folder: &Path, pattern: &str, exclude: &[&str], expected: &[&str]) {
        let patterns = [Pattern::compile(&format!("{}/{pattern}", folder.display())).expect("a pattern")];
        let exclude = Exclude::compile(exclude.iter().map(ToString::to_string).collect()).expect("patterns");
        let mut found = Vec::new();
        visit_files(&patterns, &exclude, |file| {
            found.push(file.path.strip_prefix(folder).expect("below the folder").display().to_string());
        });
        found.sort();
        assert_eq!(found, expected, "{pattern}");
    }

    #[test]
    fn a_pattern_is_a_file_a_folder_or_a_glob() {
        let folder = tempfile::tempdir().expect("a folder");
        let folder = folder.path();
        for path in ["a.log", "b.txt", "run [1].log", "runs/1/RUN.LOG", "runs/2/RUN.LOG", "runs/2/x.gz"] {
            let path = folder.join(path);
            std::fs::create_dir_all(path.parent().expect("has a parent")).expect("made");
            std::fs::write(path, "x\n").expect("written");
        }
        check(folder, "a.log", &[], &["a.log"]);
        check(folder, "run [1].log", &[], &["run [1].log"]);
        check(folder, "*.log", &[], &["a.log", "run [1].log"]);
        check(folder, "*.{log,txt}", &["run*"], &["a.log", "b.txt"]);
        check(folder, "runs", &["*.gz"], &["runs/1/RUN.LOG", "runs/2/RUN.LOG"]);
        check(folder, "runs/*/RUN.LOG", &["**/1/*"], &["runs/2/RUN.LOG"]);
        check(folder, "**/*.LOG", &[], &["runs/1/RUN.LOG", "runs/2/RUN.LOG"]);
        check(folder, "absent", &[], &[]);
    }
}
