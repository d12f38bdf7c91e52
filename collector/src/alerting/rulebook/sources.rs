//! What rules and receivers are read from, as texts: two readings are compared to see whether anything changed.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use globset::Glob;
use labtrail_shared::settings;
use xxhash_rust::xxh3::xxh3_64;

use crate::{alert::rule::RuleSection, alerting::config::AlertsConfig, notify::FILE_BYTES_MAX};

/// Everything that a rulebook is made of.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Sources {
    /// The files of rules, by name, and their texts.
    pub(crate) rule_files: Vec<(String, String)>,
    /// The file of receivers, if it is there.
    pub(crate) routes: Option<(PathBuf, String)>,
    /// The files that the receivers name, such as those of passwords, and a hash of each; none where it cannot be read.
    pub(crate) named_files: Vec<(PathBuf, Option<u64>)>,
    /// The rules that came through the API.
    pub(crate) api_rules: Vec<RuleSection>,
}

impl Sources {
    /// Whether the files are the same, whatever came through the API.
    pub(crate) fn has_same_files(&self, other: &Self) -> bool {
        self.rule_files == other.rule_files && self.routes == other.routes && self.named_files == other.named_files
    }
}

/// Reads the files that the config names. A file that cannot be read is an error: it may be there again in a moment, and
/// until then what it said stays.
pub(crate) fn read_files(config: &AlertsConfig, data_dir: &Path) -> Result<Sources, String> {
    let mut names: Vec<PathBuf> = Vec::new();
    for pattern in config.rule_files(data_dir) {
        names.extend(files(&pattern)?);
    }
    names.sort();
    names.dedup();
    let mut rule_files = Vec::with_capacity(names.len());
    for name in names {
        let text = fs::read_to_string(&name).map_err(|error| format!("read {}: {error}", name.display()))?;
        rule_files.push((name.display().to_string(), text));
    }
    let routes = config.receivers.clone().unwrap_or_else(|| data_dir.join("receivers.toml"));
    let routes = match fs::read_to_string(&routes) {
        Ok(text) => Some((routes, text)),
        Err(error) if error.kind() == io::ErrorKind::NotFound && config.receivers.is_none() => None,
        Err(error) => return Err(format!("read {}: {error}", routes.display())),
    };
    let named_files = routes.as_ref().map(named_files).unwrap_or_default();
    Ok(Sources { rule_files, routes, named_files, api_rules: Vec::new() })
}

/// The files that are named by settings whose names end in `_file`.
fn named_files((file, text): &(PathBuf, String)) -> Vec<(PathBuf, Option<u64>)> {
    let mut files = Vec::new();
    // What is wrong with the text is said where it is read.
    let table = settings::parse(text, file, |name| std::env::var(name).ok());
    let mut tables: Vec<toml::Value> = table.map(toml::Value::Table).into_iter().collect();
    while let Some(value) = tables.pop() {
        match value {
            toml::Value::Array(values) => tables.extend(values),
            toml::Value::Table(table) => {
                for (name, value) in table {
                    match value {
                        toml::Value::String(file) if name.ends_with("_file") => files.push(PathBuf::from(file)),
                        value => tables.push(value),
                    }
                }
            }
            _ => {}
        }
    }
    files.sort();
    files.dedup();
    let hashed = |file: PathBuf| {
        let is_small = fs::metadata(&file).is_ok_and(|metadata| metadata.is_file() && metadata.len() <= FILE_BYTES_MAX);
        let bytes = is_small.then(|| fs::read(&file).ok()).flatten();
        (file, bytes.map(|bytes| xxh3_64(&bytes)))
    };
    files.into_iter().map(hashed).collect()
}

/// A file, a folder (its `*.toml`), or a folder and a glob for the names in it.
fn files(pattern: &str) -> Result<Vec<PathBuf>, String> {
    let path = Path::new(pattern);
    if path.is_file() {
        return Ok(vec![path.to_owned()]);
    }
    let (folder, names) = if path.is_dir() {
        (path, "*.toml")
    } else {
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        if !name.contains(['*', '?', '[', '{']) {
            return Err(format!("read {pattern}: there is no such file"));
        }
        (path.parent().filter(|parent| *parent != Path::new("")).unwrap_or(Path::new(".")), name)
    };
    let glob = Glob::new(names).map_err(|error| format!("alerts.rules: {error}"))?.compile_matcher();
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(format!("read {}: {error}", folder.display())),
    };
    let paths = entries.filter_map(|entry| Some(entry.ok()?.path()));
    Ok(paths.filter(|path| path.is_file() && path.file_name().is_some_and(|name| glob.is_match(name))).collect())
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::{AlertsConfig, files, read_files};

    #[test]
    fn files_folders_and_globs_are_read() {
        let folder = tempfile::tempdir().expect("a folder");
        let at = |name: &str| folder.path().join(name).display().to_string();
        for name in ["b.toml", "a.toml", "notes.txt"] {
            fs::write(at(name), name).expect("written");
        }
        let check = |pattern: &str, expected: Result<&[&str], &str>| {
            let found = files(&at(pattern)).map(|mut found| {
                found.sort();
                found.iter().map(|path| path.file_name().unwrap().to_string_lossy().into_owned()).collect::<Vec<_>>()
            });
            match (found, expected) {
                (Ok(found), Ok(expected)) => assert_eq!(found, expected, "{pattern}"),
                (Err(problem), Err(expected)) => assert!(problem.ends_with(expected), "{problem}"),
                (found, _) => panic!("{pattern}: {found:?}"),
            }
        };
        check("a.toml", Ok(&["a.toml"]));
        check("", Ok(&["a.toml", "b.toml"]));
        check("*.toml", Ok(&["a.toml", "b.toml"]));
        check("b*", Ok(&["b.toml"]));
        check("none/*.toml", Ok(&[]));
        check("c.toml", Err("there is no such file"));
        let config = AlertsConfig { rules: Some(vec![at("*.toml"), at("a.toml")]), ..AlertsConfig::default() };
        let sources = read_files(&config, folder.path()).expect("it can be read");
        assert_eq!((sources.rule_files.len(), sources.routes), (2, None));
    }

    #[test]
    fn a_file_that_the_receivers_name_is_part_of_what_was_read() {
        let folder = tempfile::tempdir().expect("a folder");
        let (routes, password) = (folder.path().join("receivers.toml"), folder.path().join("password"));
        let text = format!(
            "[[receivers]]\nname = \"ops\"\n[receivers.email]\nsmtp_password_file = {password:?}\nsender = \"a@b.example\"\n"
        );
        fs::write(routes, text).expect("written");
        let read = || read_files(&AlertsConfig::default(), folder.path()).expect("it can be read");
        let missing = read();
        assert_eq!(missing.named_files, [(password.clone(), None)]);
        fs::write(&password, "wrong").expect("written");
        let wrong = read();
        assert!(!wrong.has_same_files(&missing) && wrong.has_same_files(&read()));
        fs::write(&password, "right").expect("written");
        assert!(!read().has_same_files(&wrong));
    }
}
