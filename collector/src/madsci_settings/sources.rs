//! The sources of settings, strongest first: the environment, dotenv files, JSON, TOML, YAML.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use serde_json::Value;

use super::{
    dotenv::{self, Binding},
    lookup::{Entry, Found, Layer, Layers, PREFIX},
    madsci_directory::{self, Place},
    origin::{Ignored, Origin},
    problem::Problem,
    settings_file::{self, Kind},
    variables::{self, Variable, Variables},
};

/// The keys of the database's URL that MADSci takes for one in files, strongest first.
const MONGO_DB_URL_SPELLINGS: [&str; 3] = ["mongo_db_url", "EVENT_DB_URL", "db_url"];

/// Where settings are read from. It cannot be printed, since passwords stand in the environment.
#[derive(Clone)]
pub(crate) struct Sources {
    /// The environment, in which also `MADSCI_SETTINGS_DIR` and `MADSCI_REGISTRY_PATH` count.
    pub(crate) environment: BTreeMap<String, String>,
    /// The working directory, from which files are searched unless `MADSCI_SETTINGS_DIR` names another.
    pub(crate) working_directory: PathBuf,
    /// The user's home, above which nothing is searched.
    pub(crate) home: Option<PathBuf>,
    /// The files.
    pub(crate) files: FilesFrom,
}

/// Which files are read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum FilesFrom {
    /// None.
    None,
    /// Those that MADSci finds: twelve names, each searched on its own.
    Search,
    /// One, whose kind its extension tells. It must exist. A relative name begins at the working directory.
    File(PathBuf),
}

/// What the sources say.
#[derive(Default)]
pub(super) struct Gathered {
    pub(super) layers: Layers,
    pub(super) files: Vec<PathBuf>,
    pub(super) ignored: Vec<Ignored>,
    pub(super) problems: Vec<Problem>,
}

impl Sources {
    /// Where MADSci searches: from `MADSCI_SETTINGS_DIR`, or from the working directory.
    pub(crate) fn place(&self) -> Place {
        let start = self.variable("MADSCI_SETTINGS_DIR").map_or(Path::new("."), Path::new);
        Place::new(start, &self.working_directory, self.home.as_deref())
    }

    /// The registry's file if `MADSCI_REGISTRY_PATH` names one.
    pub(crate) fn registry_path(&self) -> Option<PathBuf> {
        let path = Path::new(self.variable("MADSCI_REGISTRY_PATH")?);
        let path = madsci_directory::expand_home(path, self.home.as_deref());
        Some(madsci_directory::resolve(&self.working_directory.join(path)))
    }

    /// Reads all files that there are.
    pub(super) fn gather(&self) -> Gathered {
        let mut gathered = Gathered::default();
        let environment = variables::layer(&variables::of_environment(&self.environment));
        gathered.layers.0.push(environment);
        let variables = gathered.dotenv_variables(&self.files_of(Kind::Dotenv), &self.environment);
        gathered.layers.0.push(variables::layer(&variables));
        for kind in Kind::WITH_KEYS {
            let layer = gathered.keys(kind, &self.files_of(kind));
            gathered.layers.0.push(layer);
        }
        if let FilesFrom::File(file) = &self.files
            && Kind::of(file).is_none()
        {
            gathered.problems.push(Problem::Kind { file: file.clone() });
        }
        gathered
    }

    fn files_of(&self, kind: Kind) -> Vec<PathBuf> {
        match &self.files {
            FilesFrom::Search => {
                let place = self.place();
                kind.names().into_iter().filter_map(|name| place.settings_file(name)).collect()
            }
            FilesFrom::File(file) if Kind::of(file) == Some(kind) => vec![self.working_directory.join(file)],
            FilesFrom::None | FilesFrom::File(_) => Vec::new(),
        }
    }

    fn variable(&self, name: &str) -> Option<&str> {
        self.environment.get(name).map(String::as_str).filter(|text| !text.is_empty())
    }
}

impl Gathered {
    /// The variables of all dotenv files; later files win. A name without `=` unsets what files before said.
    fn dotenv_variables(&mut self, files: &[PathBuf], environment: &BTreeMap<String, String>) -> Variables {
        let mut variables = Variables::new();
        for file in files {
            let Some(text) = self.read(file) else { continue };
            for binding in dotenv::parse(&text, environment) {
                match binding {
                    Binding::Assignment { name, value: Some(text) } => {
                        let key = name.to_lowercase();
                        let origin = Origin::Dotenv { file: file.clone(), name };
                        variables.insert(key, Variable { text, origin });
                    }
                    Binding::Assignment { name, value: None } => {
                        variables.remove(&name.to_lowercase());
                    }
                    Binding::Unclear { line } => self.ignored.push(Ignored::Line { file: file.clone(), line }),
                }
            }
        }
        variables
    }

    /// The keys of all files of a kind; of one that stands in several, the last counts as a whole.
    fn keys(&mut self, kind: Kind, files: &[PathBuf]) -> Layer {
        let mut layer = Layer::new();
        for file in files {
            let Some(text) = self.read(file) else { continue };
            match settings_file::parse(kind, &text, file) {
                Ok(table) => layer.extend(table.into_iter().map(|(key, value)| file_entry(file, key, value))),
                Err(problem) => self.problems.push(problem),
            }
        }
        let spelling = MONGO_DB_URL_SPELLINGS.into_iter().find(|key| layer.contains_key(*key));
        let mongo_db_url = spelling.and_then(|key| layer.remove(key));
        if let Some(entry) = mongo_db_url {
            layer.retain(|key, _| !MONGO_DB_URL_SPELLINGS.contains(&key.as_str()));
            layer.insert(MONGO_DB_URL_SPELLINGS[0].to_owned(), entry);
        }
        layer
    }

    fn read(&mut self, file: &Path) -> Option<String> {
        self.files.push(file.to_owned());
        match fs::read_to_string(file) {
            Ok(text) => Some(text),
            Err(source) => {
                self.problems.push(Problem::Read { file: file.to_owned(), source });
                None
            }
        }
    }
}

/// What stands under a key of a file; a table there is a setting with parts.
fn file_entry(file: &Path, key: String, value: Value) -> (String, Entry) {
    let origin = Origin::File { file: file.to_owned(), key: key.clone() };
    let is_email_alerts = key.strip_prefix(PREFIX).unwrap_or(&key) == "email_alerts";
    let entry = match value {
        Value::Object(table) if is_email_alerts => {
            let part = |(name, value): (String, Value)| {
                let found = Found { value, origin: origin.inner(&name), is_variable: false };
                (name, found)
            };
            Entry::Parts { parts: table.into_iter().map(part).collect(), origin }
        }
        value => Entry::Value(Found { value, origin, is_variable: false }),
    };
    (key, entry)
}
