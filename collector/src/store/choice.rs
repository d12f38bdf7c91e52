//! A store named in one word on a command line.

use std::{path::PathBuf, str::FromStr};

use super::{StoreConfig, StoreKind, mongo::MongoUrl};

/// `sqlite:FILE` or `mongodb://HOST[/DATABASE]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StoreChoice {
    /// A file of `SQLite`.
    Sqlite(PathBuf),
    /// A database of `MongoDB`; if the URL names none, the config does.
    Mongodb(MongoUrl, Option<String>),
}

impl StoreChoice {
    /// Makes a config say the same.
    pub fn apply(self, config: &mut StoreConfig) {
        match self {
            Self::Sqlite(file) => {
                config.kind = StoreKind::Sqlite;
                config.path = Some(file);
            }
            Self::Mongodb(url, database) => {
                config.kind = StoreKind::Mongodb;
                config.mongodb.url = url;
                if let Some(database) = database {
                    config.mongodb.database = database;
                }
            }
        }
    }
}

impl FromStr for StoreChoice {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.split_once(':') {
            Some(("sqlite", file)) if !file.is_empty() => Ok(Self::Sqlite(PathBuf::from(file))),
            Some(("mongodb" | "mongodb+srv", _)) => Ok(Self::Mongodb(text.parse()?, database(text).map(str::to_owned))),
            _ => Err("write sqlite:FILE, such as sqlite:/var/lib/labtrail/events.sqlite, or a connection string of \
                      MongoDB, such as mongodb://db1,db2,db3/madsci_events?replicaSet=lab"
                .to_owned()),
        }
    }
}

/// The database that a connection string names: what stands between the hosts and the options.
fn database(url: &str) -> Option<&str> {
    let (_, rest) = url.split_once("://")?;
    let (_, path) = rest.split('?').next()?.split_once('/')?;
    (!path.is_empty()).then_some(path)
}

#[cfg(test)]
mod tests {
    use super::StoreChoice;
    use crate::store::{StoreConfig, StoreKind};

    #[test]
    fn the_database_stands_in_the_url() {
        let check = |text: &str, url: &str, database: &str| {
            let mut config = StoreConfig::default();
            text.parse::<StoreChoice>().expect("valid").apply(&mut config);
            assert_eq!(config.kind, StoreKind::Mongodb);
            assert_eq!((config.mongodb.url.reveal(), config.mongodb.database.as_str()), (url, database), "{text}");
        };
        check("mongodb://a:1", "mongodb://a:1", "madsci_events");
        check("mongodb://a/?replicaSet=x", "mongodb://a/?replicaSet=x", "madsci_events");
        check("mongodb://u:p@a,b/lab?w=1", "mongodb://u:p@a,b/lab?w=1", "lab");
        check("mongodb+srv://a/lab", "mongodb+srv://a/lab", "lab");
        check("mongodb://a?x=/y", "mongodb://a?x=/y", "madsci_events");
    }

    #[test]
    fn other_words_are_refused() {
        let mut config = StoreConfig { kind: StoreKind::Mongodb, ..StoreConfig::default() };
        "sqlite:/x".parse::<StoreChoice>().expect("valid").apply(&mut config);
        assert_eq!((config.kind, config.path), (StoreKind::Sqlite, Some("/x".into())));
        for text in ["sqlite:", "events.sqlite", "postgres://x"] {
            assert!(text.parse::<StoreChoice>().is_err(), "{text}");
        }
    }
}
